/* SPDX-License-Identifier: Apache-2.0 */
/* Cross-entropies over logits, with their gradients in place. */
#include <math.h>

#include "kernels/level.h"

/* ln(1 + e^x) - label x summed, and sigmoid(x) - label; the softplus is
 * max(x, 0) + ln(1 + e^-|x|). Labels are sparse: columns with one are negated,
 * taken as 0 like all others, and their gradients negated back. */
double S3_NAME(sigmoid_cross_entropy)(size_t rows, size_t columns, float *logits,
                                      const size_t *begin, const size_t *end,
                                      const int32_t *targets, float scale) {
  double total = 0.0;
  for (size_t r = 0; r < rows; r++) {
    float *restrict row = logits + r * columns;
    /* Label 1 at x costs what label 0 costs at -x; so nothing large cancels. */
    for (size_t i = begin[r]; i < end[r]; i++) row[targets[i]] = -row[targets[i]];
    const s3_vector zero = {0};
    s3_vector sums = {0};
    for (size_t c = 0; c < columns; c += S3_LANES) {
      const size_t count = s3_lanes_left(columns - c);
      const s3_vector x = s3_load_some(row + c, count);
      const s3_vector e = s3_exp(s3_min(x, -x));
      const s3_vector reciprocal = 1.0f / (1.0f + e);
      s3_vector loss = s3_max(x, zero) + s3_log1p_unit(e);
      const s3_vector sigmoid = s3_select(x < zero, e * reciprocal, reciprocal);
      s3_store_some(row + c, scale * sigmoid, count);
      if (count < S3_LANES) memset((float *)&loss + count, 0, (S3_LANES - count) * sizeof(float));
      sums += loss;
    }
    for (size_t i = begin[r]; i < end[r]; i++) row[targets[i]] = -row[targets[i]];
    total += (double)s3_lane_sum(sums);
  }
  return total;
}

void S3_NAME(softmax_accumulate)(size_t rows, size_t columns, const float *logits,
                                 float *maximum, float *sum) {
  for (size_t r = 0; r < rows; r++) {
    const float *restrict row = logits + r * columns;
    const float highest = s3_largest(columns, row, maximum[r]);
    s3_vector sums = {0};
    size_t c = 0;
    for (; c + S3_LANES <= columns; c += S3_LANES) sums += s3_exp(s3_load(row + c) - highest);
    float added = s3_lane_sum(sums);
    for (; c < columns; c++) added += expf(row[c] - highest);
    sum[r] = (maximum[r] == highest ? sum[r] : sum[r] * expf(maximum[r] - highest)) + added;
    maximum[r] = highest;
  }
}

void S3_NAME(softmax_gradient)(size_t rows, size_t columns, float *logits,
                               const float *maximum, const float *log_sum, float scale) {
  for (size_t r = 0; r < rows; r++) {
    float *restrict row = logits + r * columns;
    const float highest = maximum[r], rest = log_sum[r];
    for (size_t c = 0; c < columns; c += S3_LANES) {
      const size_t count = s3_lanes_left(columns - c);
      s3_store_some(row + c, scale * s3_exp((s3_load_some(row + c, count) - highest) - rest),
                    count);
    }
  }
}
