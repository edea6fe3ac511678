/* SPDX-License-Identifier: Apache-2.0 */
#ifndef S3_KERNELS_LINEAR_H
#define S3_KERNELS_LINEAR_H

#include "kernels/level.h"

void S3_NAME(linear_panels)(size_t rows, size_t in, size_t out, const float *src,
                            size_t src_stride, const float *panels, const float *bias,
                            bool accumulate, float *dst, size_t dst_stride);

#endif
