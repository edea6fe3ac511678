// SPDX-License-Identifier: Apache-2.0

module libs3rec/go/s3rec

go 1.19
