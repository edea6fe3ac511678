/* SPDX-License-Identifier: Apache-2.0 */
/* Cross-entropies over logits, with their gradients in place. */
#include <math.h>

#include "kernels/level.h"

/* ln(1 + e^x) - label x summed, and sigmoid(x) - label; the softplus is
 * max(x, 0) + ln(1 + e^-|x|). Labels are sparse: first all are taken as 0. */
double S3_NAME(sigmoid_cross_entropy)(size_t rows, size_t columns, float *logits,
                                      const size_t *begin, const size_t *end,
                                      const int32_t *targets, float scale) {
  double total = 0.0;
  for (size_t r = 0; r < rows; r++) {
    float *restrict row = logits + r * columns;
    float positive = 0.0f;
    for (size_t i = begin[r]; i < end[r]; i++) positive += row[targets[i]];
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (size_t c = 0; c < columns; c++) {
      const float x = row[c];
      const float e = s3_exp(x < 0.0f ? x : -x);
      const float reciprocal = 1.0f / (1.0f + e);
      sum += (x < 0.0f ? 0.0f : x) + s3_log1p_unit(e);
      row[c] = scale * (x < 0.0f ? e * reciprocal : reciprocal);
    }
    for (size_t i = begin[r]; i < end[r]; i++) row[targets[i]] -= scale;
    total += (double)sum - (double)positive;
  }
  return total;
}

void S3_NAME(softmax_accumulate)(size_t rows, size_t columns, const float *logits,
                                 float *maximum, float *sum) {
  for (size_t r = 0; r < rows; r++) {
    const float *restrict row = logits + r * columns;
    const float highest = s3_largest(columns, row, maximum[r]);
    float added = 0.0f;
#pragma omp simd reduction(+ : added)
    for (size_t c = 0; c < columns; c++) added += s3_exp(row[c] - highest);
    sum[r] = (maximum[r] == highest ? sum[r] : sum[r] * expf(maximum[r] - highest)) + added;
    maximum[r] = highest;
  }
}

void S3_NAME(softmax_gradient)(size_t rows, size_t columns, float *logits,
                               const float *log_sum, float scale) {
  for (size_t r = 0; r < rows; r++) {
    float *restrict row = logits + r * columns;
    const float offset = log_sum[r];
#pragma omp simd
    for (size_t c = 0; c < columns; c++) row[c] = scale * s3_exp(row[c] - offset);
  }
}
