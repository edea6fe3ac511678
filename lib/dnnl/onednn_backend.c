/* SPDX-License-Identifier: Apache-2.0 */
#include "dnnl/onednn_backend.h"

#include <string.h>

s3rec_status s3_onednn_scratch(s3_onednn_backend *backend, size_t count, float **scratch) {
  void *memory = backend->scratch;
  S3_TRY(s3_grow(backend->base.context, &memory, &backend->scratch_capacity, count,
                 sizeof(float)));
  *scratch = backend->scratch = memory;
  return S3REC_OK;
}

void s3_onednn_dropout(const s3_row_dropout *dropout, size_t first_row, size_t rows,
                       size_t width, const float *src, float *dst) {
  if (dropout == NULL || dropout->dropout.threshold == 0) {
    if (dst != src) memcpy(dst, src, rows * width * sizeof *dst);
    return;
  }
  const s3_dropout d = dropout->dropout; /* a copy: dst cannot be part of it */
  for (size_t row = 0; row < rows; row++) {
    const uint32_t first = dropout->tokens[first_row + row] * (uint32_t)width;
    for (size_t i = 0; i < width; i++) {
      dst[row * width + i] =
          src[row * width + i] * s3_dropout_factor(first + (uint32_t)i, d);
    }
  }
}

static void destroy(s3_backend *base) {
  s3_onednn_backend *backend = (s3_onednn_backend *)base;
  const s3rec_context *context = base->context;
  s3_primitive_cache_clear(&backend->primitives);
  s3_free(context, backend->ones);
  s3_free(context, backend->scratch);
  s3_free(context, backend);
}

static const s3_backend_operations operations = {
    .linear_forward = s3_onednn_linear_forward,
    .linear_backward_data = s3_onednn_linear_backward_data,
    .linear_backward_weights = s3_onednn_linear_backward_weights,
    .bias_forward = s3_onednn_bias_forward,
    .bias_backward = s3_onednn_bias_backward,
    .activation_forward = s3_onednn_activation_forward,
    .activation_backward = s3_onednn_activation_backward,
    .embedding_forward = s3_onednn_embedding_forward,
    .embedding_backward = s3_onednn_embedding_backward,
    .add_norm_forward = s3_onednn_add_norm_forward,
    .add_norm_backward = s3_onednn_add_norm_backward,
    .attention_forward = s3_onednn_attention_forward,
    .attention_backward = s3_onednn_attention_backward,
    .destroy = destroy,
};

s3rec_status s3_onednn_backend_create(const s3rec_context *context, s3_backend **result) {
  s3_onednn_backend *backend = s3_allocate(context, 1, sizeof *backend);
  if (backend == NULL) return S3REC_ERROR_MEMORY;
  backend->base = (s3_backend){&operations, context};
  s3rec_status status = s3_primitive_cache_init(&backend->primitives, context);
  if (status == S3REC_OK) {
    backend->ones = s3_allocate(context, S3_MAX_PIECE, sizeof(float));
    if (backend->ones == NULL) status = S3REC_ERROR_MEMORY;
  }
  if (status != S3REC_OK) {
    destroy(&backend->base);
    return status;
  }
  for (size_t i = 0; i < S3_MAX_PIECE; i++) backend->ones[i] = 1.0f;
  *result = &backend->base;
  return S3REC_OK;
}
