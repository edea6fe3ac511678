/* SPDX-License-Identifier: Apache-2.0 */
/* The fused backend: the library's own kernels for everything. Last in the file: the
 * choice of a backend. */
#include "backend/backend.h"
#include "base/error.h"
#include "kernels/kernels.h"

typedef struct fused_backend {
  s3_backend base;
  float *scratch; /* of one kernel */
  size_t scratch_capacity;
} fused_backend;

static const s3_kernels *kernels_of(const s3_backend *backend) { return backend->context->kernels; }

static s3rec_status grow_scratch(fused_backend *fused, size_t count) {
  return s3_grow(fused->base.context, (void **)&fused->scratch, &fused->scratch_capacity, count,
                 sizeof *fused->scratch);
}

static s3rec_status fused_product(s3_backend *backend, s3_product_form form, size_t m, size_t n,
                                  size_t k, const float *a, size_t lda, const float *b, size_t ldb,
                                  bool add, float *c) {
  fused_backend *fused = (fused_backend *)backend;
  S3_TRY(grow_scratch(fused, S3_PRODUCT_SCRATCH));
  kernels_of(backend)->product(form, m, n, k, a, lda, b, ldb, add, c, n, fused->scratch);
  return S3REC_OK;
}

static s3rec_status fused_linear_forward(s3_backend *backend, size_t rows, size_t in, size_t out,
                                         const float *src, const float *weights, float *dst) {
  return fused_product(backend, S3_PRODUCT_NT, rows, out, in, src, in, weights, in, false, dst);
}

static s3rec_status fused_linear_backward_data(s3_backend *backend, size_t rows, size_t in,
                                               size_t out, const float *diff_dst,
                                               const float *weights, bool accumulate,
                                               float *diff_src) {
  return fused_product(backend, S3_PRODUCT_NN, rows, in, out, diff_dst, out, weights, in,
                       accumulate, diff_src);
}

static s3rec_status fused_linear_backward_weights(s3_backend *backend, size_t rows, size_t in,
                                                  size_t out, const float *src,
                                                  const float *diff_dst, float *diff_weights) {
  return fused_product(backend, S3_PRODUCT_TN, out, in, rows, diff_dst, out, src, in, true,
                       diff_weights);
}

static s3rec_status fused_linear_panels(s3_backend *backend, size_t rows, size_t in, size_t out,
                                        const float *src, const float *panels, const float *bias,
                                        float *dst, size_t dst_stride) {
  kernels_of(backend)->linear_panels(rows, in, out, src, panels, bias, dst, dst_stride);
  return S3REC_OK;
}

static s3rec_status fused_bias_forward(s3_backend *backend, size_t rows, size_t width,
                                       const float *bias, float *dst) {
  kernels_of(backend)->bias_forward(rows, width, bias, dst);
  return S3REC_OK;
}

static s3rec_status fused_bias_backward(s3_backend *backend, size_t rows, size_t width,
                                        const float *diff_dst, float *diff_bias) {
  kernels_of(backend)->bias_backward(rows, width, diff_dst, diff_bias);
  return S3REC_OK;
}

static s3rec_status fused_activation_forward(s3_backend *backend, s3rec_activation activation,
                                             bool keep, size_t rows, size_t width, float *src_kept,
                                             const float *bias, float *dst) {
  kernels_of(backend)->activation_forward(activation, keep, rows, width, src_kept, bias, dst);
  return S3REC_OK;
}

static s3rec_status fused_activation_backward(s3_backend *backend, s3rec_activation activation,
                                              size_t rows, size_t width, const float *kept,
                                              const float *diff_dst, float *diff_src,
                                              float *diff_bias) {
  (void)activation; /* kept is the derivative, whatever the function was */
  kernels_of(backend)->activation_backward(rows, width, kept, diff_dst, diff_src, diff_bias);
  return S3REC_OK;
}

static s3rec_status fused_embedding_forward(s3_backend *backend, size_t rows, size_t width,
                                            const float *items, const int32_t *ids,
                                            const float *positions, const int32_t *slots,
                                            s3_norm_weights norm, const s3_row_dropout *dropout,
                                            s3_norm_kept kept, float *dst) {
  kernels_of(backend)->embedding_forward(rows, width, items, ids, positions, slots, norm, dropout,
                                         kept, dst);
  return S3REC_OK;
}

static s3rec_status fused_embedding_backward(s3_backend *backend, size_t rows, size_t width,
                                             s3_norm_weights norm, const s3_row_dropout *dropout,
                                             s3_norm_kept kept, const float *diff_dst,
                                             s3_norm_gradients diff_norm, float *diff_sum) {
  kernels_of(backend)->embedding_backward(rows, width, norm, dropout, kept, diff_dst, diff_norm,
                                          diff_sum);
  return S3REC_OK;
}

static s3rec_status fused_add_norm_forward(s3_backend *backend, size_t rows, size_t width,
                                           const float *src, const float *bias,
                                           const float *residual, s3_norm_weights norm,
                                           const s3_row_dropout *dropout, s3_norm_kept kept,
                                           float *dst) {
  kernels_of(backend)->add_norm_forward(rows, width, src, bias, residual, norm, dropout, kept, dst);
  return S3REC_OK;
}

static s3rec_status fused_add_norm_backward(s3_backend *backend, size_t rows, size_t width,
                                            s3_norm_weights norm, const s3_row_dropout *dropout,
                                            s3_norm_kept kept, const float *diff_dst,
                                            s3_norm_gradients diff_norm, float *diff_bias,
                                            float *diff_src, float *diff_residual) {
  kernels_of(backend)->add_norm_backward(rows, width, norm, dropout, kept, diff_dst, diff_norm,
                                         diff_bias, diff_src, diff_residual);
  return S3REC_OK;
}

static s3rec_status fused_reserve(s3_backend *backend, size_t max_length, size_t head_size) {
  const size_t attention = s3_attention_scratch(max_length, head_size);
  return grow_scratch((fused_backend *)backend,
                      attention > S3_PRODUCT_SCRATCH ? attention : S3_PRODUCT_SCRATCH);
}

static s3rec_status fused_attention_forward(s3_backend *backend, const s3_attention_shape *shape,
                                            s3_attention_input input, float *kept, float *dst) {
  fused_backend *fused = (fused_backend *)backend;
  S3_TRY(fused_reserve(backend, shape->max_length, shape->head_size));
  kernels_of(backend)->attention_forward(shape, input, fused->scratch, kept, dst);
  return S3REC_OK;
}

static s3rec_status fused_attention_backward(s3_backend *backend, const s3_attention_shape *shape,
                                             s3_attention_input input, const float *kept,
                                             const float *diff_dst, s3_attention_diff diff) {
  fused_backend *fused = (fused_backend *)backend;
  S3_TRY(fused_reserve(backend, shape->max_length, shape->head_size));
  kernels_of(backend)->attention_backward(shape, input, fused->scratch, kept, diff_dst, diff);
  return S3REC_OK;
}

static void fused_destroy(s3_backend *backend) {
  fused_backend *fused = (fused_backend *)backend;
  s3_free(backend->context, fused->scratch);
  s3_free(backend->context, fused);
}

static const s3_backend_operations fused_operations = {
    .linear_forward = fused_linear_forward,
    .linear_backward_data = fused_linear_backward_data,
    .linear_backward_weights = fused_linear_backward_weights,
    .linear_panels = fused_linear_panels,
    .bias_forward = fused_bias_forward,
    .bias_backward = fused_bias_backward,
    .activation_forward = fused_activation_forward,
    .activation_backward = fused_activation_backward,
    .embedding_forward = fused_embedding_forward,
    .embedding_backward = fused_embedding_backward,
    .add_norm_forward = fused_add_norm_forward,
    .add_norm_backward = fused_add_norm_backward,
    .attention_forward = fused_attention_forward,
    .attention_backward = fused_attention_backward,
    .reserve = fused_reserve,
    .destroy = fused_destroy,
};

s3rec_status s3_fused_backend_create(const s3rec_context *context, s3_backend **backend) {
  fused_backend *fused = s3_allocate(context, 1, sizeof *fused);
  if (fused == NULL) return S3REC_ERROR_MEMORY;
  fused->base.operations = &fused_operations;
  fused->base.context = context;
  *backend = &fused->base;
  return S3REC_OK;
}

s3rec_status s3_backend_create(const s3rec_context *context, s3_backend **backend) {
  return context->options.backend == S3REC_BACKEND_ONEDNN
             ? s3_onednn_backend_create(context, backend)
             : s3_fused_backend_create(context, backend);
}

void s3_backend_destroy(s3_backend *backend) {
  if (backend != NULL) backend->operations->destroy(backend);
}
