/* SPDX-License-Identifier: Apache-2.0 */
/* The backend of oneDNN primitives: its state, and what its files share. What the
 * operations do is in backend/backend.h. */
#ifndef S3_DNNL_ONEDNN_BACKEND_H
#define S3_DNNL_ONEDNN_BACKEND_H

#include "backend/backend.h"
#include "dnnl/primitive_cache.h"

typedef struct s3_onednn_backend {
  s3_backend base;
  s3_primitive_cache primitives;
  float *ones;    /* [S3_MAX_PIECE]: column sums are products with a row of ones */
  float *scratch; /* of one operation */
  size_t scratch_capacity;
} s3_onednn_backend;

/* At least `count` floats of scratch, valid until the next call. */
s3rec_status s3_onednn_scratch(s3_onednn_backend *backend, size_t count, float **scratch);

/* dst = dropout(src) of whole rows; dst may be src. `first_row` is their number
 * in `dropout`, which may be NULL. */
void s3_onednn_dropout(const s3_row_dropout *dropout, size_t first_row, size_t rows, size_t width,
                       const float *src, float *dst);

/* For each of `batch` products: C[m, n] = scale * A[m, k] B[k, n], or C += A B
 * (then scale is 1). Element (i, r, c) lies at i * batch + r * row + c * column;
 * a column or row of A and B, and a column of C, has stride 1. Sizes not 0. */
typedef struct s3_strides {
  size_t batch, row, column;
} s3_strides;
typedef struct s3_matmul_shape {
  size_t batch, m, n, k;
  s3_strides a, b, c;
  float scale;
  bool accumulate;
} s3_matmul_shape;
s3rec_status s3_onednn_matmul(s3_onednn_backend *backend, const s3_matmul_shape *shape,
                              const float *a, const float *b, float *c);

/* dst = a + b, matrices of [rows, width]; `b_is_row`: b is one row, added to
 * each. dst may be a. */
s3rec_status s3_onednn_add(s3_onednn_backend *backend, size_t rows, size_t width, const float *a,
                           const float *b, bool b_is_row, float *dst);

/* sums[width] += column sums of src [rows, width] */
s3rec_status s3_onednn_add_column_sums(s3_onednn_backend *backend, size_t rows, size_t width,
                                       const float *src, float *sums);

/* normalization.c */
s3rec_status s3_onednn_embedding_forward(s3_backend *base, size_t rows, size_t width,
                                         const float *items, const int32_t *ids,
                                         const float *positions, const int32_t *slots,
                                         s3_norm_weights norm, const s3_row_dropout *dropout,
                                         s3_norm_kept kept, float *dst);
s3rec_status s3_onednn_embedding_backward(s3_backend *base, size_t rows, size_t width,
                                          s3_norm_weights norm, const s3_row_dropout *dropout,
                                          s3_norm_kept kept, const float *diff_dst,
                                          s3_norm_gradients diff_norm, float *diff_sum);
s3rec_status s3_onednn_add_norm_forward(s3_backend *base, size_t rows, size_t width,
                                        const float *src, const float *bias, const float *residual,
                                        s3_norm_weights norm, const s3_row_dropout *dropout,
                                        s3_norm_kept kept, float *dst);
s3rec_status s3_onednn_add_norm_backward(s3_backend *base, size_t rows, size_t width,
                                         s3_norm_weights norm, const s3_row_dropout *dropout,
                                         s3_norm_kept kept, const float *diff_dst,
                                         s3_norm_gradients diff_norm, float *diff_bias,
                                         float *diff_src, float *diff_residual);

/* attention.c */
s3rec_status s3_onednn_attention_forward(s3_backend *base, const s3_attention_shape *shape,
                                         s3_attention_input input, float *kept, float *dst);
s3rec_status s3_onednn_attention_backward(s3_backend *base, const s3_attention_shape *shape,
                                          s3_attention_input input, const float *kept,
                                          const float *diff_dst, s3_attention_diff diff);

#endif
