// SPDX-License-Identifier: Apache-2.0

module libs3rec/go/examples

go 1.19

require libs3rec/go/s3rec v0.0.0

replace libs3rec/go/s3rec => ../../bindings/go
