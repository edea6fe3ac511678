/* SPDX-License-Identifier: Apache-2.0 */
/* Cross-entropies over logits, with their gradients in place. */
#include <math.h>

#include "kernels/level.h"

/* Turns logits into scale * sigmoid; returns ln(1 + e^x), which is
 * max(x, 0) + ln(1 + e^-|x|). */
static inline s3_vector softplus_vector(size_t count, float scale, float *logits) {
  const s3_vector zero = {0}, x = s3_load_some(logits, count);
  const s3_vector e = s3_exp(-s3_magnitude(x));
  const s3_vector reciprocal = scale / (1.0f + e);
  s3_store_some(logits, s3_if_less(x, zero, e * reciprocal, reciprocal), count);
  return s3_max(x, zero) + s3_log1p_unit(e);
}

/* ln(1 + e^x) - label x summed, and sigmoid(x) - label. Labels are sparse: columns
 * with one are negated, taken as 0 like all others, and their gradients negated back. */
double S3_NAME(sigmoid_cross_entropy)(size_t rows, size_t columns, float *logits,
                                      const size_t *begin, const size_t *end,
                                      const int32_t *targets, float scale) {
  double total = 0.0;
  for (size_t r = 0; r < rows; r++) {
    float *restrict row = logits + r * columns;
    /* Label 1 at x costs what label 0 costs at -x; so nothing large cancels. */
    for (size_t i = begin[r]; i < end[r]; i++) row[targets[i]] = -row[targets[i]];
    s3_vector sums = {0};
    size_t c = 0;
    for (; c + S3_LANES <= columns; c += S3_LANES)
      sums += softplus_vector(S3_LANES, scale, row + c);
    if (c < columns)
      sums += s3_keep_first(softplus_vector(columns - c, scale, row + c), columns - c);
    for (size_t i = begin[r]; i < end[r]; i++) row[targets[i]] = -row[targets[i]];
    total += (double)s3_lane_sum(sums);
  }
  return total;
}

/* values become factor * exp(values - highest), which is returned. */
static inline s3_vector exp_part(size_t count, float highest, float factor, float *values) {
  const s3_vector e = factor * s3_exp(s3_load_some(values, count) - highest);
  s3_store_some(values, e, count);
  return e;
}

void S3_NAME(softmax_accumulate)(size_t rows, size_t columns, float *logits, float *maximum,
                                 float *sum) {
  for (size_t r = 0; r < rows; r++) {
    float *row = logits + r * columns;
    const float highest = s3_largest(columns, row, maximum[r]);
    s3_vector sums = {0};
    size_t c = 0;
    for (; c + S3_LANES <= columns; c += S3_LANES)
      sums += exp_part(S3_LANES, highest, 1.0f, row + c);
    if (c < columns)
      sums += s3_keep_first(exp_part(columns - c, highest, 1.0f, row + c), columns - c);
    sum[r] = (maximum[r] == highest ? sum[r] : sum[r] * expf(maximum[r] - highest)) +
             s3_lane_sum(sums);
    maximum[r] = highest;
  }
}

void S3_NAME(softmax_gradient)(size_t rows, size_t columns, float *logits,
                               const float *maximum, const float *factor) {
  for (size_t r = 0; r < rows; r++) {
    float *row = logits + r * columns;
    size_t c = 0;
    for (; c + S3_LANES <= columns; c += S3_LANES)
      exp_part(S3_LANES, maximum[r], factor[r], row + c);
    if (c < columns) exp_part(columns - c, maximum[r], factor[r], row + c);
  }
}

void S3_NAME(scale_rows)(size_t rows, size_t columns, float *values, const float *factor) {
  for (size_t r = 0; r < rows; r++) {
    float *row = values + r * columns;
    const float f = factor[r];
#pragma omp simd
    for (size_t c = 0; c < columns; c++) row[c] *= f;
  }
}
