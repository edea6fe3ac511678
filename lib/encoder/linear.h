/* SPDX-License-Identifier: Apache-2.0 */
/* A linear layer by whichever of its weight's layouts there is. */
#ifndef S3_ENCODER_LINEAR_H
#define S3_ENCODER_LINEAR_H

#include "encoder/backend.h"

/* A linear weight as it is, and the panels of it and of its transpose (model/panels.h)
 * or NULL. */
typedef struct s3_linear_weights {
  const float *matrix, *panels, *transposed;
} s3_linear_weights;

/* dst[rows, out] = src[rows, in] W^T + bias, bias NULL for none */
s3rec_status s3_linear_forward(s3_backend *backend, size_t rows, size_t in, size_t out,
                               const float *src, s3_linear_weights w, const float *bias,
                               float *dst);
/* diff_src[rows, in] = diff_dst[rows, out] W (+ diff_src if accumulate) */
s3rec_status s3_linear_backward_data(s3_backend *backend, size_t rows, size_t in, size_t out,
                                     const float *diff_dst, s3_linear_weights w,
                                     bool accumulate, float *diff_src);

#endif
