/* SPDX-License-Identifier: Apache-2.0 */
/* Bias and activation in one pass, forward and backward.
 *
 *   gelu(x)  = x Phi(x)       gelu'(x)  = Phi(x) + x phi(x)
 *   relu(x)  = max(x, 0)      relu'(x)  = x > 0
 *   swish(x) = x s(x)         swish'(x) = s(x) (1 + x (1 - s(x))),  s = sigmoid
 *
 * Phi by the rational approximation 7.1.26 of Abramowitz and Stegun (absolute
 * error below 8e-8); it and phi share one exponential. Forward keeps the
 * derivative, so backward is a product. */
#include "kernels/level.h"

void S3_NAME(bias_forward)(size_t rows, size_t width, const float *bias, float *dst) {
  for (size_t r = 0; r < rows; r++) {
    float *restrict row = dst + r * width;
#pragma omp simd
    for (size_t c = 0; c < width; c++) row[c] += bias[c];
  }
}

void S3_NAME(bias_backward)(size_t rows, size_t width, const float *diff_dst,
                            float *diff_bias) {
  for (size_t r = 0; r < rows; r++) {
    const float *restrict row = diff_dst + r * width;
#pragma omp simd
    for (size_t c = 0; c < width; c++) diff_bias[c] += row[c];
  }
}

typedef struct value_and_slope {
  s3_vector value, slope;
} value_and_slope;

static inline value_and_slope gelu(s3_vector x) {
  const s3_vector zero = {0};
  const s3_vector t = 1.0f / (1.0f + 0.231641888f * s3_magnitude(x)); /* of |x| / sqrt 2 */
  const s3_vector e = s3_exp(x * x * -0.5f);
  s3_vector p = t * 0.5307027145f - 0.7265760135f;
  p = p * t + 0.7107068705f;
  p = p * t - 0.142248368f;
  p = p * t + 0.127414796f;
  const s3_vector tail = p * t * e;
  const s3_vector phi = s3_if_less(x, zero, tail, 1.0f - tail);
  return (value_and_slope){x * phi, phi + x * 0.39894228f * e};
}

static inline value_and_slope relu(s3_vector x) {
  const s3_vector zero = {0};
  return (value_and_slope){s3_max(zero, x), s3_if_less(zero, x, zero + 1.0f, zero)};
}

static inline value_and_slope swish(s3_vector x) {
  const s3_vector zero = {0};
  const s3_vector e = s3_exp(-s3_magnitude(x)), reciprocal = 1.0f / (1.0f + e);
  const s3_vector s = s3_if_less(x, zero, e * reciprocal, reciprocal);
  return (value_and_slope){x * s, s * (1.0f + x * (1.0f - s))};
}

/* One loop per activation. dst may be src when the slope is not kept. */
#define DEFINE_FORWARD(activation)                                                            \
  static inline void activation##_vector(bool keep, size_t count, float *src_kept,            \
                                         const float *bias, float *dst) {                     \
    const value_and_slope y =                                                                 \
        activation(s3_load_some(src_kept, count) + s3_load_some(bias, count));                \
    if (keep) s3_store_some(src_kept, y.slope, count);                                        \
    s3_store_some(dst, y.value, count);                                                       \
  }                                                                                           \
  static void activation##_rows(bool keep, size_t rows, size_t width, float *src_kept,        \
                                const float *bias, float *dst) {                              \
    for (size_t r = 0; r < rows; r++) {                                                       \
      float *src = src_kept + r * width, *out = dst + r * width;                              \
      size_t c = 0;                                                                           \
      for (; c + S3_LANES <= width; c += S3_LANES)                                            \
        activation##_vector(keep, S3_LANES, src + c, bias + c, out + c);                      \
      if (c < width) activation##_vector(keep, width - c, src + c, bias + c, out + c);        \
    }                                                                                         \
  }
DEFINE_FORWARD(gelu)
DEFINE_FORWARD(relu)
DEFINE_FORWARD(swish)

void S3_NAME(activation_forward)(s3rec_activation activation, bool keep, size_t rows,
                                 size_t width, float *src_kept, const float *bias,
                                 float *dst) {
  switch (activation) {
    case S3REC_RELU: relu_rows(keep, rows, width, src_kept, bias, dst); break;
    case S3REC_SWISH: swish_rows(keep, rows, width, src_kept, bias, dst); break;
    case S3REC_GELU: gelu_rows(keep, rows, width, src_kept, bias, dst); break;
  }
}

void S3_NAME(activation_backward)(size_t rows, size_t width, const float *kept,
                                  const float *diff_dst, float *diff_src, float *diff_bias) {
  for (size_t r = 0; r < rows; r++) {
    const float *slope = kept + r * width, *diff = diff_dst + r * width;
    float *out = diff_src + r * width;
#pragma omp simd
    for (size_t c = 0; c < width; c++) {
      const float d = diff[c] * slope[c];
      out[c] = d;
      diff_bias[c] += d;
    }
  }
}
