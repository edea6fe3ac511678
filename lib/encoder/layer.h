/* SPDX-License-Identifier: Apache-2.0 */
/* One transformer layer, post-norm (SelfAttention and Intermediate of the
 * reference), forward and backward. */
#ifndef S3_ENCODER_LAYER_H
#define S3_ENCODER_LAYER_H

#include "encoder/activations.h"
#include "model/panels.h"

/* What a pass through the layers has in common. */
typedef struct s3_pass {
  s3_backend *backend;
  const s3rec_model_config *config;
  const s3_parameter_table *table;
  const s3_packed *packed;
  s3_activations *activations;
  const float *panels; /* of all layers; NULL: the weights are read as they are */
  s3_layer_panels panels_at;
  bool training;
  uint64_t seed, step; /* of dropout */
  size_t tokens, max_length; /* of packed */
} s3_pass;

/* dst [rows, H] */
s3rec_status s3_layer_forward(const s3_pass *pass, size_t n, const float *weights, float *dst);

/* diff_dst [rows, H] is read only; diff_src [T, H] is activations->diff_a and may
 * be diff_dst. Adds to diff_dense (encoder.h). */
s3rec_status s3_layer_backward(const s3_pass *pass, size_t n, const float *weights,
                               const float *diff_dst, float *diff_dense);

#endif
