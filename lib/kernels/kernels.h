/* SPDX-License-Identifier: Apache-2.0 */
/* The hand-written kernels. Each file of this folder is compiled once per
 * instruction-set level; a level is one constant table of functions, picked at
 * run time. The C is the same for all, so the baseline is also the reference.
 * Semantics of the encoder's operations: backend/backend.h. */
#ifndef S3_KERNELS_KERNELS_H
#define S3_KERNELS_KERNELS_H

#include "backend/backend.h"

typedef struct s3_adam_step {
  float learning_rate;
  float beta2, epsilon, weight_decay;
  float complement1, complement2; /* 1 - beta1, 1 - beta2, exact before rounding */
  float correction1, correction2; /* 1 / (1 - beta1^t), 1 / sqrt(1 - beta2^t) */
  float gradient_scale;           /* 1, or less when the norm is clipped */
  float kept; /* of the weight: 1 - lr decoupled_weight_decay */
} s3_adam_step;

/* One user of a scan of compact items (scoring/item_scores.h). */
typedef struct s3_bound_user {
  const int8_t *bytes; /* int8: [4 groups], zeros after the width */
  int32_t offset;      /* int8: -128 sum(bytes), for items are stored + 128 */
  float scale;         /* int8 */
  const float *vector; /* bf16: [2 groups], zero after the width */
  float slack;         /* how far the score can stand above the estimate */
} s3_bound_user;

enum {
  S3_BLOCK_ITEMS = 64,  /* items of a block of a compact table */
  S3_GROUP_VALUES = 64, /* of group_maxima */
  S3_USER_LEVELS = 63,  /* user bytes are -63..63 */
  S3_WIDEST_ROW = 4096  /* of an item table */
};
#define S3_LEAST_SCALE 0x1p-60f /* of an item's bytes: keeps sums of tiny weights normal */

/* Which of the matrices of a product are stored transposed. */
typedef enum s3_product_form { S3_PRODUCT_NN, S3_PRODUCT_NT, S3_PRODUCT_TN } s3_product_form;
enum { S3_PRODUCT_SCRATCH = 6144 }; /* floats */

typedef struct s3_kernels {
  s3rec_kernel_level level;

  /* C [m, n] = op(A) op(B), or with `add` C += op(A) op(B), row-major with leading
   * dimensions; op(A) is [m, k], op(B) [k, n], each stored as the form says. Sizes may be
   * 0; without `add` C is not read. `scratch` [S3_PRODUCT_SCRATCH]. An element has the
   * same bits whatever m and n are, and at AVX2 and AVX-512. */
  void (*product)(s3_product_form form, size_t m, size_t n, size_t k, const float *a,
                  size_t lda, const float *b, size_t ldb, bool add, float *c, size_t ldc,
                  float *scratch);

  /* dst[rows, out] = src[rows, in] weights^T + bias, weights in panels
   * (model/panels.h), bias NULL for none, rows of dst dst_stride floats apart. A row
   * has the same bits whatever the other rows are. */
  void (*linear_panels)(size_t rows, size_t in, size_t out, const float *src,
                        const float *panels, const float *bias, float *dst,
                        size_t dst_stride);

  void (*bias_forward)(size_t rows, size_t width, const float *bias, float *dst);
  void (*bias_backward)(size_t rows, size_t width, const float *diff_dst, float *diff_bias);

  void (*activation_forward)(s3rec_activation activation, bool keep, size_t rows,
                             size_t width, float *src_kept, const float *bias, float *dst);
  void (*activation_backward)(size_t rows, size_t width, const float *kept,
                              const float *diff_dst, float *diff_src, float *diff_bias);

  void (*embedding_forward)(size_t rows, size_t width, const float *items,
                            const int32_t *ids, const float *positions, const int32_t *slots,
                            s3_norm_weights norm, const s3_row_dropout *dropout,
                            s3_norm_kept kept, float *dst);
  void (*embedding_backward)(size_t rows, size_t width, s3_norm_weights norm,
                             const s3_row_dropout *dropout, s3_norm_kept kept,
                             const float *diff_dst, s3_norm_gradients diff_norm,
                             float *diff_sum);

  void (*add_norm_forward)(size_t rows, size_t width, const float *src, const float *bias,
                           const float *residual, s3_norm_weights norm,
                           const s3_row_dropout *dropout, s3_norm_kept kept, float *dst);
  void (*add_norm_backward)(size_t rows, size_t width, s3_norm_weights norm,
                            const s3_row_dropout *dropout, s3_norm_kept kept,
                            const float *diff_dst, s3_norm_gradients diff_norm,
                            float *diff_bias, float *diff_src, float *diff_residual);

  /* `scratch` [s3_attention_scratch(max_length, head_size)] floats */
  void (*attention_forward)(const s3_attention_shape *shape, s3_attention_input input,
                            float *scratch, float *kept, float *dst);
  void (*attention_backward)(const s3_attention_shape *shape, s3_attention_input input,
                             float *scratch, const float *kept, const float *diff_dst,
                             s3_attention_diff diff);

  /* Binary cross-entropy of sigmoid(logits) against sparse targets: row r has
   * label 1 in columns targets[begin[r]] .. targets[end[r]-1] (distinct), 0 elsewhere.
   * Returns the sum; logits become scale * (sigmoid(logits) - label). */
  double (*sigmoid_cross_entropy)(size_t rows, size_t columns, float *logits,
                                  const size_t *begin, const size_t *end,
                                  const int32_t *targets, float scale);

  /* Softmax over columns that arrive in tiles: folds a tile [rows, columns] into
   * the running maximum and sum(exp(x - maximum)) of each row. Start with
   * maximum = -INFINITY, sum = 0. The logits become exp(logits - maximum[r]) with the
   * maximum that remains. */
  void (*softmax_accumulate)(size_t rows, size_t columns, float *logits, float *maximum,
                             float *sum);
  /* logits = factor[r] * exp(logits - maximum[r]) */
  void (*softmax_gradient)(size_t rows, size_t columns, float *logits, const float *maximum,
                           const float *factor);
  /* values *= factor[r] */
  void (*scale_rows)(size_t rows, size_t columns, float *values, const float *factor);

  /* dst[r] = <matrix[r], vector> for [rows, width] */
  void (*matrix_vector)(size_t rows, size_t width, const float *matrix, const float *vector,
                        float *dst);
  /* dst[i] = <row ids[i] of the table, vector>, with the bits of matrix_vector */
  void (*gathered_products)(size_t count, size_t width, const float *table, const int32_t *ids,
                            const float *vector, float *dst);
  /* Writes the indices of values above `threshold`, rising; returns how many. */
  size_t (*select_above)(size_t count, const float *values, float threshold,
                         uint32_t *indices);
  /* Writes the indices, rising, of the rows [columns] that hold a value which is not <=
   * its column's threshold; returns how many. `columns` is a multiple of 16. */
  size_t (*select_rows)(size_t rows, size_t columns, const float *values,
                        const float *thresholds, uint32_t *indices);

  /* The largest of each S3_GROUP_VALUES values. */
  void (*group_maxima)(size_t groups, const float *values, float *maxima);
  /* Index of the largest value, the first of equal ones; `count` a multiple of 16. No NaN. */
  size_t (*index_of_largest)(size_t count, const float *values);

  /* Compact tables (quantized.c): `items` [ceil(rows / S3_BLOCK_ITEMS)] blocks of `groups`,
   * ceil(width / 4) of int8 and ceil(width / 2) of bf16; the rest of the last block is left
   * as it is. int8 writes scales [rows] and raises *magnitude to the largest |q|^2 and
   * *residual to the largest |r|^2. `src` [rows, width] is finite. */
  void (*int8_quantize)(size_t rows, size_t width, const float *src, uint8_t *items,
                        float *scales, float *magnitude, float *residual);
  void (*bf16_quantize)(size_t rows, size_t width, const float *src, uint32_t *items);
  /* bounds[u * stride + i] of all items of `blocks` */
  void (*int8_bounds)(size_t blocks, size_t groups, const uint8_t *items, const float *scales,
                      size_t users, const s3_bound_user *user, size_t stride, float *bounds);
  void (*bf16_bounds)(size_t blocks, size_t groups, const uint32_t *items, size_t users,
                      const s3_bound_user *user, size_t stride, float *bounds);

  /* values[i] = (float)(deviation * draw i of s3_random_normal under `key`), bit by bit */
  void (*normal)(size_t count, double deviation, uint64_t key, float *values);

  /* dst += src */
  void (*add)(size_t count, const float *src, float *dst);
  /* Sum of squares. */
  double (*square_sum)(size_t count, const float *values);
  /* Adam (torch.optim.Adam) on `count` weights; gradient NULL = all zero. */
  void (*adam)(size_t count, const s3_adam_step *step, const float *gradient, float *weights,
               float *moment1, float *moment2);
} s3_kernels;

size_t s3_attention_scratch(size_t max_length, size_t head_size);

/* The table of a level (AUTO: the best this machine runs); NULL when this build
 * or machine lacks it. */
const s3_kernels *s3_kernels_get(s3rec_kernel_level level);
/* Best level of this machine and build. */
s3rec_kernel_level s3_kernels_best(void);
/* "avx2" */
const char *s3_kernel_level_name(s3rec_kernel_level level);

#endif
