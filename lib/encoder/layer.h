/* SPDX-License-Identifier: Apache-2.0 */
/* One transformer layer, post-norm (SelfAttention and Intermediate of the
 * reference), forward and backward. */
#ifndef S3_ENCODER_LAYER_H
#define S3_ENCODER_LAYER_H

#include "encoder/pass.h"

/* dst [rows, H] */
s3rec_status s3_layer_forward(const s3_pass *pass, size_t n, const float *weights, float *dst);

/* diff_dst [rows, H] is read only; diff_src [T, H] is activations->diff_a and may
 * be diff_dst. Adds to diff_dense (encoder.h). */
s3rec_status s3_layer_backward(const s3_pass *pass, size_t n, const float *weights,
                               const float *diff_dst, float *diff_dense);

#endif
