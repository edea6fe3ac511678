/* SPDX-License-Identifier: Apache-2.0 */
/* Layer norm with what surrounds it, forward and backward, a row [width] at a
 * time:
 *
 *   embedding:  dst = dropout(norm(item + position))
 *   add_norm:   dst = norm(dropout(src + bias) + residual)
 *
 *   norm(x) = scale n + shift,  n = (x - mean) / sqrt(variance + 1e-12)
 *   diff_x  = (g - mean(g) - n mean(g n)) / sqrt(variance + 1e-12),  g = scale diff_dst
 *
 * Kept: n in values, 1 / sqrt(variance + 1e-12) in statistics[2 r]. */
#include <math.h>

#include "kernels/level.h"

/* The dropout factors stand in loops of their own: in one loop with a reduction
 * compilers give up on vectors. */
static void apply_dropout(size_t width, const s3_row_dropout *dropout, size_t r, float *row) {
  const s3_dropout d = dropout->dropout;
  const uint32_t first = dropout->tokens[r] * (uint32_t)width;
#pragma omp simd
  for (uint32_t c = 0; c < (uint32_t)width; c++) row[c] *= s3_dropout_factor(first + c, d);
}

static bool drops(const s3_row_dropout *dropout) {
  return dropout != NULL && dropout->dropout.threshold != 0;
}

/* values holds x and becomes n; dst = scale n + shift. */
static void normalise_row(size_t width, s3_norm_weights norm, float *values,
                          float *statistics, float *dst) {
  float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
  for (size_t c = 0; c < width; c++) sum += values[c];
  const float mean = sum / (float)width;
  float squares = 0.0f;
#pragma omp simd reduction(+ : squares)
  for (size_t c = 0; c < width; c++) {
    const float centred = values[c] - mean;
    values[c] = centred;
    squares += centred * centred;
  }
  const float inverse = 1.0f / sqrtf(squares / (float)width + 1e-12f);
  statistics[0] = inverse;
  const float *restrict scale = norm.scale, *restrict shift = norm.shift;
#pragma omp simd
  for (size_t c = 0; c < width; c++) {
    const float n = values[c] * inverse;
    values[c] = n;
    dst[c] = scale[c] * n + shift[c];
  }
}

/* diff_x of one row, which may be diff_dst; adds to the gradients of scale and
 * shift. g is stored in between: computed twice, once fused with the subtraction,
 * it would leave its rounding error, huge beside 1 / sqrt(1e-12), in a row whose
 * values are all equal. */
static void normalise_row_backward(size_t width, s3_norm_weights norm, const float *values,
                                   float inverse, const float *diff_dst,
                                   s3_norm_gradients diff_norm, float *diff_x) {
  const float *restrict scale = norm.scale;
  float *restrict diff_scale = diff_norm.scale, *restrict diff_shift = diff_norm.shift;
  float sum = 0.0f, product = 0.0f;
#pragma omp simd reduction(+ : sum, product)
  for (size_t c = 0; c < width; c++) {
    const float d = diff_dst[c], n = values[c], g = scale[c] * d;
    diff_scale[c] += d * n;
    diff_shift[c] += d;
    diff_x[c] = g;
    sum += g;
    product += g * n;
  }
  sum /= (float)width;
  product /= (float)width;
#pragma omp simd
  for (size_t c = 0; c < width; c++) {
    diff_x[c] = (diff_x[c] - sum - values[c] * product) * inverse;
  }
}

void S3_NAME(embedding_forward)(size_t rows, size_t width, const float *items,
                                const int32_t *ids, const float *positions,
                                const int32_t *slots, s3_norm_weights norm,
                                const s3_row_dropout *dropout, s3_norm_kept kept, float *dst) {
  for (size_t r = 0; r < rows; r++) {
    const float *item = items + (size_t)ids[r] * width;
    const float *position = positions + (size_t)slots[r] * width;
    float *values = kept.values + r * width;
#pragma omp simd
    for (size_t c = 0; c < width; c++) values[c] = item[c] + position[c];
    normalise_row(width, norm, values, kept.statistics + 2 * r, dst + r * width);
    if (drops(dropout)) apply_dropout(width, dropout, r, dst + r * width);
  }
}

void S3_NAME(embedding_backward)(size_t rows, size_t width, s3_norm_weights norm,
                                 const s3_row_dropout *dropout, s3_norm_kept kept,
                                 const float *diff_dst, s3_norm_gradients diff_norm,
                                 float *diff_sum) {
  for (size_t r = 0; r < rows; r++) {
    float *diff = diff_sum + r * width;
    if (diff_dst != diff_sum) memcpy(diff, diff_dst + r * width, width * sizeof *diff);
    if (drops(dropout)) apply_dropout(width, dropout, r, diff);
    normalise_row_backward(width, norm, kept.values + r * width, kept.statistics[2 * r], diff,
                           diff_norm, diff);
  }
}

void S3_NAME(add_norm_forward)(size_t rows, size_t width, const float *src, const float *bias,
                               const float *residual, s3_norm_weights norm,
                               const s3_row_dropout *dropout, s3_norm_kept kept, float *dst) {
  for (size_t r = 0; r < rows; r++) {
    const float *restrict s = src + r * width, *restrict add = residual + r * width;
    float *restrict values = kept.values + r * width;
#pragma omp simd
    for (size_t c = 0; c < width; c++) values[c] = s[c] + bias[c];
    if (drops(dropout)) apply_dropout(width, dropout, r, values);
#pragma omp simd
    for (size_t c = 0; c < width; c++) values[c] += add[c];
    normalise_row(width, norm, values, kept.statistics + 2 * r, dst + r * width);
  }
}

void S3_NAME(add_norm_backward)(size_t rows, size_t width, s3_norm_weights norm,
                                const s3_row_dropout *dropout, s3_norm_kept kept,
                                const float *diff_dst, s3_norm_gradients diff_norm,
                                float *diff_bias, float *diff_src, float *diff_residual) {
  for (size_t r = 0; r < rows; r++) {
    float *restrict sum = diff_residual + r * width, *restrict diff = diff_src + r * width;
    normalise_row_backward(width, norm, kept.values + r * width, kept.statistics[2 * r],
                           diff_dst + r * width, diff_norm, sum);
    memcpy(diff, sum, width * sizeof *diff);
    if (drops(dropout)) apply_dropout(width, dropout, r, diff);
#pragma omp simd
    for (size_t c = 0; c < width; c++) diff_bias[c] += diff[c];
  }
}
