/* SPDX-License-Identifier: Apache-2.0 */
#ifndef S3_BASE_FINITE_H
#define S3_BASE_FINITE_H

#include <stddef.h>

/* Index of the first value that is NaN or infinite; `count` when none is. */
size_t s3_first_not_finite(const float *values, size_t count);

#endif
