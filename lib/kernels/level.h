/* SPDX-License-Identifier: Apache-2.0 */
/* Private to kernels/: names of the level being compiled, and the elementary
 * functions. S3_LEVEL is baseline, avx2 or avx512. */
#ifndef S3_KERNELS_LEVEL_H
#define S3_KERNELS_LEVEL_H

#include "kernels/kernels.h"
#include "kernels/vector.h"

#define S3_PASTE_EXPANDED(name, level) s3_##name##_##level
#define S3_PASTE(name, level) S3_PASTE_EXPANDED(name, level)
#define S3_NAME(name) S3_PASTE(name, S3_LEVEL)

/* e^x for x up to 0 (or just above, by rounding) with a relative error below 2e-7;
 * below -87 it stays at e^-87. Range reduction by ln 2 in two parts, then the
 * polynomial of degree 6 whose largest relative error is least. */
static inline s3_vector s3_exp(s3_vector x) {
  const s3_vector zero = {0};
  x = s3_max(zero - 87.0f, x); /* in this order NaN stays NaN */
  const s3_vector n = s3_round_negative(x * 1.44269504f);
  const s3_vector r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  s3_vector p = zero + 1.38145986e-3f;
  p = p * r + 8.36871688e-3f;
  p = p * r + 4.16683880e-2f;
  p = p * r + 1.66665206e-1f;
  p = p * r + 4.99999934e-1f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  return s3_times_power(p, n);
}

/* ln(1 + e) for e in 0..1, relative error below 2e-7: e and a polynomial that makes
 * the largest relative error least. */
static inline s3_vector s3_log1p_unit(s3_vector e) {
  s3_vector p = e * 5.51687877e-3f - 3.06684249e-2f;
  p = p * e + 8.01719608e-2f;
  p = p * e - 1.38342974e-1f;
  p = p * e + 1.91904678e-1f;
  p = p * e - 2.48661697e-1f;
  p = p * e + 3.33223676e-1f;
  p = p * e - 4.99996890e-1f;
  return (p * e) * e + e;
}

/* s3_dropout_factor of the elements first, first + 1, ... */
static inline s3_vector s3_dropout_factors(uint32_t first, s3_dropout dropout) {
  const s3_vector zero = {0};
  s3_bits x = (first + s3_lane_numbers()) ^ dropout.key[0];
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x += dropout.key[1];
  x *= 0x846ca68bu;
  x ^= x >> 16;
  return (s3_vector)((s3_bits)(x >= dropout.threshold) & (s3_bits)(zero + dropout.scale));
}

/* Largest of the values and of `maximum`. */
static inline float s3_largest(size_t count, const float *values, float maximum) {
  s3_vector largest = (s3_vector){0} + maximum;
  size_t c = 0;
  for (; c + S3_LANES <= count; c += S3_LANES) largest = s3_max(s3_load(values + c), largest);
  maximum = s3_lane_max(largest);
  for (; c < count; c++) maximum = values[c] > maximum ? values[c] : maximum;
  return maximum;
}

/* Functions of every level, for its table. */
void S3_NAME(product)(s3_product_form form, size_t m, size_t n, size_t k, const float *a,
                      size_t lda, const float *b, size_t ldb, bool add, float *c, size_t ldc,
                      float *scratch);
void S3_NAME(linear_panels)(size_t rows, size_t in, size_t out, const float *src,
                            const float *panels, const float *bias, float *dst,
                            size_t dst_stride);
void S3_NAME(bias_forward)(size_t rows, size_t width, const float *bias, float *dst);
void S3_NAME(bias_backward)(size_t rows, size_t width, const float *diff_dst,
                            float *diff_bias);
void S3_NAME(activation_forward)(s3rec_activation activation, bool keep, size_t rows,
                                 size_t width, float *src_kept, const float *bias, float *dst);
void S3_NAME(activation_backward)(size_t rows, size_t width, const float *kept,
                                  const float *diff_dst, float *diff_src, float *diff_bias);
void S3_NAME(embedding_forward)(size_t rows, size_t width, const float *items,
                                const int32_t *ids, const float *positions,
                                const int32_t *slots, s3_norm_weights norm,
                                const s3_row_dropout *dropout, s3_norm_kept kept, float *dst);
void S3_NAME(embedding_backward)(size_t rows, size_t width, s3_norm_weights norm,
                                 const s3_row_dropout *dropout, s3_norm_kept kept,
                                 const float *diff_dst, s3_norm_gradients diff_norm,
                                 float *diff_sum);
void S3_NAME(add_norm_forward)(size_t rows, size_t width, const float *src, const float *bias,
                               const float *residual, s3_norm_weights norm,
                               const s3_row_dropout *dropout, s3_norm_kept kept, float *dst);
void S3_NAME(add_norm_backward)(size_t rows, size_t width, s3_norm_weights norm,
                                const s3_row_dropout *dropout, s3_norm_kept kept,
                                const float *diff_dst, s3_norm_gradients diff_norm,
                                float *diff_bias, float *diff_src, float *diff_residual);
void S3_NAME(attention_forward)(const s3_attention_shape *shape, s3_attention_input input,
                                float *scratch, float *kept, float *dst);
void S3_NAME(attention_backward)(const s3_attention_shape *shape, s3_attention_input input,
                                 float *scratch, const float *kept, const float *diff_dst,
                                 s3_attention_diff diff);
double S3_NAME(sigmoid_cross_entropy)(size_t rows, size_t columns, float *logits,
                                      const size_t *begin, const size_t *end,
                                      const int32_t *targets, float scale);
void S3_NAME(softmax_accumulate)(size_t rows, size_t columns, float *logits, float *maximum,
                                 float *sum);
void S3_NAME(softmax_gradient)(size_t rows, size_t columns, float *logits,
                               const float *maximum, const float *factor);
void S3_NAME(scale_rows)(size_t rows, size_t columns, float *values, const float *factor);
void S3_NAME(matrix_vector)(size_t rows, size_t width, const float *matrix,
                            const float *vector, float *dst);
void S3_NAME(gathered_products)(size_t count, size_t width, const float *table,
                                const int32_t *ids, const float *vector, float *dst);
size_t S3_NAME(select_above)(size_t count, const float *values, float threshold,
                             uint32_t *indices);
size_t S3_NAME(select_rows)(size_t rows, size_t columns, const float *values,
                            const float *thresholds, uint32_t *indices);
void S3_NAME(group_maxima)(size_t groups, const float *values, float *maxima);
size_t S3_NAME(index_of_largest)(size_t count, const float *values);
void S3_NAME(int8_quantize)(size_t rows, size_t width, const float *src, uint8_t *items,
                            float *scales, float *magnitude, float *residual);
void S3_NAME(bf16_quantize)(size_t rows, size_t width, const float *src, uint32_t *items);
void S3_NAME(int8_bounds)(size_t blocks, size_t groups, const uint8_t *items,
                          const float *scales, size_t users, const s3_bound_user *user,
                          size_t stride, float *bounds);
void S3_NAME(bf16_bounds)(size_t blocks, size_t groups, const uint32_t *items, size_t users,
                          const s3_bound_user *user, size_t stride, float *bounds);
void S3_NAME(normal)(size_t count, double deviation, uint64_t key, float *values);
void S3_NAME(add)(size_t count, const float *src, float *dst);
double S3_NAME(square_sum)(size_t count, const float *values);
void S3_NAME(adam)(size_t count, const s3_adam_step *step, const float *gradient,
                   float *weights, float *moment1, float *moment2);

#endif
