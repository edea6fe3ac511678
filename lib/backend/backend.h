/* SPDX-License-Identifier: Apache-2.0 */
/* What the encoder asks of a compute backend. There are two, and each is the
 * other's oracle in the tests:
 *   fused   the library's own kernels/
 *   onednn  oneDNN primitives for everything they offer
 *
 * Rules for all operations
 *   - Matrices are row-major float without gaps unless a stride is given; a
 *     linear weight is [out, in].
 *   - Parameter gradients (diff_weights, diff_bias, diff_scale, diff_shift) are
 *     added to; every other diff is overwritten.
 *   - `rows` may be 0.
 *   - "kept" buffers carry what forward leaves for backward; their content is
 *     the backend's own business.
 *   - Nothing is allocated once every shape was seen. */
#ifndef S3_BACKEND_BACKEND_H
#define S3_BACKEND_BACKEND_H

#include "base/context.h"
#include "backend/dropout.h"
#include "s3rec/model.h"

/* Dropout of a [rows, width] matrix: element (r, c) is tokens[r] * width + c,
 * in 32-bit arithmetic. */
typedef struct s3_row_dropout {
  s3_dropout dropout;
  const uint32_t *tokens; /* [rows] number of each row's token in the whole step */
} s3_row_dropout;

/* Layer norm (scale * (x - mean) / sqrt(variance + 1e-12) + shift). */
typedef struct s3_norm_weights {
  const float *scale, *shift; /* [width] */
} s3_norm_weights;
typedef struct s3_norm_gradients {
  float *scale, *shift; /* [width] added to */
} s3_norm_gradients;
typedef struct s3_norm_kept {
  float *values;     /* [rows, width] */
  float *statistics; /* [rows, 2] */
} s3_norm_kept;

/* Sequence s has keys key_offsets[s] .. key_offsets[s+1]-1 and queries
 * query_offsets[s] .. query_offsets[s+1]-1; its queries are its LAST tokens
 * (all of them, or fewer). Causal: a query sees its own and earlier tokens. */
typedef struct s3_attention_shape {
  size_t sequence_count;
  const size_t *key_offsets;   /* [sequence_count + 1] rows of key and value */
  const size_t *query_offsets; /* [sequence_count + 1] rows of query and dst */
  /* Kept probabilities of sequence s: [heads, queries, S3_KEPT_STRIDE(keys)]
   * floats from probability_offsets[s] on. */
  const size_t *probability_offsets; /* [sequence_count + 1] */
  size_t max_length; /* longest sequence */
  size_t heads, head_size;
  bool causal;
  /* Dropout of probability (query row r, head h, key j counted from 0 in its
   * sequence): element (tokens[r] * heads + h) * max_seq_length + j. */
  s3_row_dropout dropout; /* tokens [query rows] */
  size_t max_seq_length;
} s3_attention_shape;
#define S3_KEPT_STRIDE(keys) (((keys) + 15) / 16 * 16)

/* Rows of query, key, value lie `stride` floats apart, so that they may be
 * parts of one [tokens, 3H] matrix; head h is columns h*head_size .. */
typedef struct s3_attention_input {
  const float *query, *key, *value;
  size_t query_stride, key_stride; /* key_stride holds for value too */
} s3_attention_input;
typedef struct s3_attention_diff {
  float *query, *key, *value; /* same strides as the input */
} s3_attention_diff;

typedef struct s3_backend s3_backend; /* one per worker thread */

typedef struct s3_backend_operations {
  /* dst[rows, out] = src[rows, in] weights^T */
  s3rec_status (*linear_forward)(s3_backend *, size_t rows, size_t in, size_t out,
                                 const float *src, const float *weights, float *dst);
  /* diff_src[rows, in] = diff_dst[rows, out] weights (+ diff_src if accumulate) */
  s3rec_status (*linear_backward_data)(s3_backend *, size_t rows, size_t in, size_t out,
                                       const float *diff_dst, const float *weights,
                                       bool accumulate, float *diff_src);
  /* diff_weights[out, in] += diff_dst^T src */
  s3rec_status (*linear_backward_weights)(s3_backend *, size_t rows, size_t in, size_t out,
                                          const float *src, const float *diff_dst,
                                          float *diff_weights);
  /* dst[rows, out] = src[rows, in] weights^T + bias, the weights in panels
   * (model/panels.h), bias NULL for none, rows of dst dst_stride floats apart; NULL
   * when the backend has no use for panels. */
  s3rec_status (*linear_panels)(s3_backend *, size_t rows, size_t in, size_t out,
                                const float *src, const float *panels, const float *bias,
                                float *dst, size_t dst_stride);

  /* dst += bias in every row; diff_bias += column sums of diff_dst */
  s3rec_status (*bias_forward)(s3_backend *, size_t rows, size_t width, const float *bias,
                               float *dst);
  s3rec_status (*bias_backward)(s3_backend *, size_t rows, size_t width,
                                const float *diff_dst, float *diff_bias);

  /* dst = activation(src + bias); src becomes the kept buffer. With `keep` false
   * (inference) src's content afterwards is unspecified; dst may be src then. */
  s3rec_status (*activation_forward)(s3_backend *, s3rec_activation activation, bool keep,
                                     size_t rows, size_t width, float *src_kept,
                                     const float *bias, float *dst);
  /* diff_src = diff_dst * activation'(src + bias), may be diff_dst itself;
   * diff_bias += its column sums */
  s3rec_status (*activation_backward)(s3_backend *, s3rec_activation activation, size_t rows,
                                      size_t width, const float *kept, const float *diff_dst,
                                      float *diff_src, float *diff_bias);

  /* dst = dropout(norm(items[ids[r]] + positions[slots[r]])) */
  s3rec_status (*embedding_forward)(s3_backend *, size_t rows, size_t width,
                                    const float *items, const int32_t *ids,
                                    const float *positions, const int32_t *slots,
                                    s3_norm_weights norm, const s3_row_dropout *dropout,
                                    s3_norm_kept kept, float *dst);
  /* diff_sum[rows, width]: gradient of items[ids[r]] + positions[slots[r]] */
  s3rec_status (*embedding_backward)(s3_backend *, size_t rows, size_t width,
                                     s3_norm_weights norm, const s3_row_dropout *dropout,
                                     s3_norm_kept kept, const float *diff_dst,
                                     s3_norm_gradients diff_norm, float *diff_sum);

  /* dst = norm(dropout(src + bias) + residual) */
  s3rec_status (*add_norm_forward)(s3_backend *, size_t rows, size_t width, const float *src,
                                   const float *bias, const float *residual,
                                   s3_norm_weights norm, const s3_row_dropout *dropout,
                                   s3_norm_kept kept, float *dst);
  /* diff_residual: gradient of the sum; diff_src = dropout mask of it;
   * diff_bias += column sums of diff_src */
  s3rec_status (*add_norm_backward)(s3_backend *, size_t rows, size_t width,
                                    s3_norm_weights norm, const s3_row_dropout *dropout,
                                    s3_norm_kept kept, const float *diff_dst,
                                    s3_norm_gradients diff_norm, float *diff_bias,
                                    float *diff_src, float *diff_residual);

  /* dst = dropout(softmax(query key^T / sqrt(head_size))) value, heads side by
   * side: dst [query rows, heads * head_size] without gaps. `kept` gets the
   * probabilities before dropout. */
  s3rec_status (*attention_forward)(s3_backend *, const s3_attention_shape *shape,
                                    s3_attention_input input, float *kept, float *dst);
  /* Overwrites diff query, key, value of every row of every sequence. */
  s3rec_status (*attention_backward)(s3_backend *, const s3_attention_shape *shape,
                                     s3_attention_input input, const float *kept,
                                     const float *diff_dst, s3_attention_diff diff);

  /* Makes ahead the room that attention over sequences of this length takes; NULL
   * when that depends on more. */
  s3rec_status (*reserve)(s3_backend *, size_t max_length, size_t head_size);
  void (*destroy)(s3_backend *);
} s3_backend_operations;

/* Every backend's struct begins with this one. */
struct s3_backend {
  const s3_backend_operations *operations;
  const s3rec_context *context;
};

/* A backend for one worker, of the context's kind. */
s3rec_status s3_backend_create(const s3rec_context *context, s3_backend **backend);
void s3_backend_destroy(s3_backend *backend); /* NULL is fine */

/* The two kinds (encoder/fused_backend.c, dnnl/onednn_backend.c). */
s3rec_status s3_fused_backend_create(const s3rec_context *context, s3_backend **backend);
s3rec_status s3_onednn_backend_create(const s3rec_context *context, s3_backend **backend);

#endif
