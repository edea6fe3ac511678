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

static inline s3_vector s3_load(const float *src) {
  s3_vector v;
  memcpy(&v, src, sizeof v);
  return v;
}
static inline void s3_store(float *dst, s3_vector v) { memcpy(dst, &v, sizeof v); }
static inline size_t s3_round_to_lanes(size_t count) {
  return (count + S3_LANES - 1) / S3_LANES * S3_LANES;
}

/* The functions below are branch-free so that loops over them vectorise. They
 * round through an integer conversion, which no compiler flag can undo. */

/* e^x with a relative error below 2e-7; below -87 it stays at e^-87, above 88 at
 * e^88. Range reduction by ln 2 in two parts, polynomial of degree 6. */
static inline float s3_exp(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  const float scaled = x * 1.44269504f;
  const int32_t n = (int32_t)(scaled + (scaled < 0.0f ? -0.5f : 0.5f));
  const float whole = (float)n;
  const float r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
  float p = 1.9875691e-4f;
  p = p * r + 1.3981999e-3f;
  p = p * r + 8.3334519e-3f;
  p = p * r + 4.1665796e-2f;
  p = p * r + 1.6666665e-1f;
  p = p * r + 0.5f;
  p = p * (r * r) + r + 1.0f;
  const union {
    int32_t bits;
    float value;
  } power = {.bits = (n + 127) * (1 << 23)};
  return p * power.value;
}

/* ln(1 + e) for e in 0..1, absolute error below 1e-7: twice the artanh series of
 * e / (2 + e), which is at most 1/3. */
static inline float s3_log1p_unit(float e) {
  const float z = e / (2.0f + e);
  const float z2 = z * z;
  float p = 1.0f / 13.0f;
  p = p * z2 + 1.0f / 11.0f;
  p = p * z2 + 1.0f / 9.0f;
  p = p * z2 + 1.0f / 7.0f;
  p = p * z2 + 1.0f / 5.0f;
  p = p * z2 + 1.0f / 3.0f;
  p = p * z2 + 1.0f;
  return 2.0f * z * p;
}

static inline float s3_sigmoid(float x) { return 1.0f / (1.0f + s3_exp(-x)); }

/* Largest of the values and of `maximum`. A lane each, because a maximum is no
 * reduction to compilers that heed NaNs. */
static inline float s3_largest(size_t count, const float *values, float maximum) {
  float lanes[S3_LANES];
  for (size_t j = 0; j < S3_LANES; j++) lanes[j] = maximum;
  size_t c = 0;
  for (; c + S3_LANES <= count; c += S3_LANES) {
#pragma omp simd
    for (size_t j = 0; j < S3_LANES; j++)
      lanes[j] = values[c + j] > lanes[j] ? values[c + j] : lanes[j];
  }
  for (; c < count; c++) lanes[0] = values[c] > lanes[0] ? values[c] : lanes[0];
  for (size_t j = 0; j < S3_LANES; j++) maximum = lanes[j] > maximum ? lanes[j] : maximum;
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
                               const float *log_sum, float scale);
void S3_NAME(matrix_vector)(size_t rows, size_t width, const float *matrix,
                            const float *vector, float *dst);
size_t S3_NAME(select_above)(size_t count, const float *values, float threshold,
                             uint32_t *indices);
void S3_NAME(add)(size_t count, const float *src, float *dst);
double S3_NAME(square_sum)(size_t count, const float *values);
void S3_NAME(adam)(size_t count, const s3_adam_step *step, const float *gradient,
                   float *weights, float *moment1, float *moment2);

#endif
