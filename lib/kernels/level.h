/* SPDX-License-Identifier: Apache-2.0 */
/* Private to kernels/: names of the level being compiled, its vector type, and
 * the elementary functions. S3_LEVEL is baseline, avx2 or avx512. */
#ifndef S3_KERNELS_LEVEL_H
#define S3_KERNELS_LEVEL_H

#include <stdint.h>
#include <string.h>

#include "kernels/kernels.h"

#define S3_PASTE_EXPANDED(name, level) s3_##name##_##level
#define S3_PASTE(name, level) S3_PASTE_EXPANDED(name, level)
#define S3_NAME(name) S3_PASTE(name, S3_LEVEL)

/* The widest vectors of the level. GNU vectors, not intrinsics: the same source
 * serves every level and architecture. */
#if defined(__AVX512F__)
enum { S3_LANES = 16 };
#elif defined(__AVX__)
enum { S3_LANES = 8 };
#else
enum { S3_LANES = 4 };
#endif
typedef float s3_vector __attribute__((vector_size(4 * S3_LANES)));
typedef int32_t s3_mask __attribute__((vector_size(4 * S3_LANES)));

static inline s3_vector s3_load(const float *src) {
  s3_vector v;
  memcpy(&v, src, sizeof v);
  return v;
}
static inline void s3_store(float *dst, s3_vector v) { memcpy(dst, &v, sizeof v); }
static inline size_t s3_round_to_lanes(size_t count) {
  return (count + S3_LANES - 1) / S3_LANES * S3_LANES;
}

/* The last vector of a row may be short: zeros are loaded behind its end. */
static inline size_t s3_lanes_left(size_t count) { return count < S3_LANES ? count : S3_LANES; }
static inline s3_vector s3_load_some(const float *src, size_t count) {
  if (count == S3_LANES) return s3_load(src);
  s3_vector v = {0};
  memcpy(&v, src, count * sizeof *src);
  return v;
}
static inline void s3_store_some(float *dst, s3_vector v, size_t count) {
  if (count == S3_LANES)
    s3_store(dst, v);
  else
    memcpy(dst, &v, count * sizeof *dst);
}
static inline s3_vector s3_select(s3_mask mask, s3_vector yes, s3_vector no) {
  return (s3_vector)((mask & (s3_mask)yes) | (~mask & (s3_mask)no));
}
/* Both give b when either is NaN. */
static inline s3_vector s3_max(s3_vector a, s3_vector b) { return s3_select(a > b, a, b); }
static inline s3_vector s3_min(s3_vector a, s3_vector b) { return s3_select(a < b, a, b); }

/* Folds of all lanes by halving: the same tree whatever the compiler. */
static inline float s3_lane_sum(s3_vector v) {
  float lanes[S3_LANES];
  s3_store(lanes, v);
  for (size_t half = S3_LANES / 2; half > 0; half /= 2)
    for (size_t i = 0; i < half; i++) lanes[i] += lanes[i + half];
  return lanes[0];
}
static inline float s3_lane_max(s3_vector v) {
  float lanes[S3_LANES];
  s3_store(lanes, v);
  for (size_t half = S3_LANES / 2; half > 0; half /= 2)
    for (size_t i = 0; i < half; i++)
      lanes[i] = lanes[i] > lanes[i + half] ? lanes[i] : lanes[i + half];
  return lanes[0];
}

/* The functions below stand on explicit vectors, because what compilers make of
 * branches in scalar loops is luck. They round through an integer conversion,
 * which no compiler flag can undo. */

/* e^x with a relative error below 2e-7; below -87 it stays at e^-87, above 88 at
 * e^88. Range reduction by ln 2 in two parts, polynomial of degree 6. */
static inline s3_vector s3_exp(s3_vector x) {
  const s3_vector zero = {0};
  x = s3_min(zero + 88.0f, s3_max(zero - 87.0f, x)); /* in this order NaN stays NaN */
  const s3_vector scaled = x * 1.44269504f;
  const s3_vector half = s3_select(scaled < zero, zero - 0.5f, zero + 0.5f);
  const s3_mask n = __builtin_convertvector(scaled + half, s3_mask);
  const s3_vector whole = __builtin_convertvector(n, s3_vector);
  const s3_vector r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
  s3_vector p = zero + 1.9875691e-4f;
  p = p * r + 1.3981999e-3f;
  p = p * r + 8.3334519e-3f;
  p = p * r + 4.1665796e-2f;
  p = p * r + 1.6666665e-1f;
  p = p * r + 0.5f;
  p = p * (r * r) + r + 1.0f;
  return p * (s3_vector)((n + 127) << 23);
}

/* ln(1 + e) for e in 0..1, absolute error below 1e-7: twice the artanh series of
 * e / (2 + e), which is at most 1/3. */
static inline s3_vector s3_log1p_unit(s3_vector e) {
  const s3_vector z = e / (2.0f + e), z2 = z * z;
  s3_vector p = z2 * (1.0f / 13.0f) + 1.0f / 11.0f;
  p = p * z2 + 1.0f / 9.0f;
  p = p * z2 + 1.0f / 7.0f;
  p = p * z2 + 1.0f / 5.0f;
  p = p * z2 + 1.0f / 3.0f;
  p = p * z2 + 1.0f;
  return 2.0f * z * p;
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
void S3_NAME(softmax_accumulate)(size_t rows, size_t columns, const float *logits,
                                 float *maximum, float *sum);
void S3_NAME(softmax_gradient)(size_t rows, size_t columns, float *logits,
                               const float *maximum, const float *log_sum, float scale);
void S3_NAME(matrix_vector)(size_t rows, size_t width, const float *matrix,
                            const float *vector, float *dst);
void S3_NAME(gathered_products)(size_t count, size_t width, const float *table,
                                const int32_t *ids, const float *vector, float *dst);
size_t S3_NAME(select_above)(size_t count, const float *values, float threshold,
                             uint32_t *indices);
size_t S3_NAME(select_rows)(size_t rows, size_t columns, const float *values,
                            const float *thresholds, uint32_t *indices);
void S3_NAME(column_maxima)(size_t rows, size_t columns, const float *values, float *maxima);
size_t S3_NAME(index_of_largest)(size_t count, const float *values);
void S3_NAME(int8_quantize)(size_t rows, size_t width, const float *src, uint8_t *items,
                            float *scales, float *magnitude, float *residual);
void S3_NAME(bf16_quantize)(size_t rows, size_t width, const float *src, uint16_t *items);
void S3_NAME(int8_bounds)(size_t blocks, size_t groups, const uint8_t *items,
                          const float *scales, size_t users, const s3_bound_user *user,
                          size_t stride, float *bounds);
void S3_NAME(bf16_bounds)(size_t blocks, size_t width, const uint16_t *items, size_t users,
                          const s3_bound_user *user, size_t stride, float *bounds);
void S3_NAME(add)(size_t count, const float *src, float *dst);
double S3_NAME(square_sum)(size_t count, const float *values);
void S3_NAME(adam)(size_t count, const s3_adam_step *step, const float *gradient,
                   float *weights, float *moment1, float *moment2);

#endif
