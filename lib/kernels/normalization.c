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

/* Dropout of one row; without a threshold there is none. */
typedef struct row_dropout {
  s3_dropout dropout;
  uint32_t first; /* number of its first element */
} row_dropout;
static const row_dropout no_dropout = {{{0, 0}, 0, 1.0f}, 0};

static row_dropout dropout_of(const s3_row_dropout *dropout, size_t r, size_t width) {
  if (dropout->dropout.threshold == 0) return no_dropout;
  return (row_dropout){dropout->dropout, dropout->tokens[r] * (uint32_t)width};
}

static inline s3_vector drop_elements(row_dropout d, size_t c, s3_vector v) {
  return d.dropout.threshold == 0 ? v
                                  : v * s3_dropout_factors(d.first + (uint32_t)c, d.dropout);
}

/* Each pass over a row is an inline function of one vector of `count` lanes, so that
 * whole vectors, where count is a constant, know nothing of short ones. */

static inline s3_vector square_part(size_t count, const float *values, float mean) {
  const s3_vector centred = s3_load_some(values, count) - mean;
  return count == S3_LANES ? centred * centred : s3_keep_first(centred * centred, count);
}

static inline void norm_part(size_t count, size_t c, float mean, float inverse,
                             s3_norm_weights norm, row_dropout dropout, float *values,
                             float *dst) {
  const s3_vector n = (s3_load_some(values + c, count) - mean) * inverse;
  const s3_vector y =
      s3_load_some(norm.scale + c, count) * n + s3_load_some(norm.shift + c, count);
  s3_store_some(values + c, n, count);
  s3_store_some(dst + c, drop_elements(dropout, c, y), count);
}

/* values holds x, with these sums, and becomes n; dst = dropout(scale n + shift). */
static inline void normalise_row(size_t width, s3_norm_weights norm, row_dropout dropout,
                                 s3_vector sums, float *values, float *statistics,
                                 float *dst) {
  const size_t whole = width / S3_LANES * S3_LANES, rest = width - whole;
  const float mean = s3_lane_sum(sums) / (float)width;
  s3_vector squares = {0};
  for (size_t c = 0; c < whole; c += S3_LANES) squares += square_part(S3_LANES, values + c, mean);
  if (rest > 0) squares += square_part(rest, values + whole, mean);
  const float inverse = 1.0f / sqrtf(s3_lane_sum(squares) / (float)width + 1e-12f);
  statistics[0] = inverse;
  for (size_t c = 0; c < whole; c += S3_LANES)
    norm_part(S3_LANES, c, mean, inverse, norm, dropout, values, dst);
  if (rest > 0) norm_part(rest, whole, mean, inverse, norm, dropout, values, dst);
}

static inline s3_vector embedding_part(size_t count, const float *item, const float *position,
                                       float *values) {
  const s3_vector x = s3_load_some(item, count) + s3_load_some(position, count);
  s3_store_some(values, x, count);
  return x;
}

void S3_NAME(embedding_forward)(size_t rows, size_t width, const float *items,
                                const int32_t *ids, const float *positions,
                                const int32_t *slots, s3_norm_weights norm,
                                const s3_row_dropout *dropout, s3_norm_kept kept, float *dst) {
  const size_t whole = width / S3_LANES * S3_LANES, rest = width - whole;
  for (size_t r = 0; r < rows; r++) {
    const float *item = items + (size_t)ids[r] * width;
    const float *position = positions + (size_t)slots[r] * width;
    float *values = kept.values + r * width;
    s3_vector sums = {0};
    for (size_t c = 0; c < whole; c += S3_LANES)
      sums += embedding_part(S3_LANES, item + c, position + c, values + c);
    if (rest > 0) sums += embedding_part(rest, item + whole, position + whole, values + whole);
    normalise_row(width, norm, dropout_of(dropout, r, width), sums, values,
                  kept.statistics + 2 * r, dst + r * width);
  }
}

static inline s3_vector sum_part(size_t count, size_t c, const float *src, const float *bias,
                                 const float *residual, row_dropout dropout, float *values) {
  const s3_vector biased = s3_load_some(src + c, count) + s3_load_some(bias + c, count);
  const s3_vector x = drop_elements(dropout, c, biased) + s3_load_some(residual + c, count);
  s3_store_some(values + c, x, count);
  return x;
}

void S3_NAME(add_norm_forward)(size_t rows, size_t width, const float *src, const float *bias,
                               const float *residual, s3_norm_weights norm,
                               const s3_row_dropout *dropout, s3_norm_kept kept, float *dst) {
  const size_t whole = width / S3_LANES * S3_LANES, rest = width - whole;
  for (size_t r = 0; r < rows; r++) {
    const float *s = src + r * width, *add = residual + r * width;
    const row_dropout d = dropout_of(dropout, r, width);
    float *values = kept.values + r * width;
    s3_vector sums = {0};
    for (size_t c = 0; c < whole; c += S3_LANES)
      sums += sum_part(S3_LANES, c, s, bias, add, d, values);
    if (rest > 0) sums += sum_part(rest, whole, s, bias, add, d, values);
    normalise_row(width, norm, no_dropout, sums, values, kept.statistics + 2 * r,
                  dst + r * width);
  }
}

/* Sums of g and of g n over a row. */
typedef struct row_sums {
  s3_vector g, product;
} row_sums;

static inline void add_part(float *dst, s3_vector v, size_t count) {
  s3_store_some(dst, s3_load_some(dst, count) + v, count);
}

/* Adds to the gradients of scale and shift, and leaves g in diff_x: computed twice,
 * once fused with the subtraction, it would leave its rounding error, huge beside
 * 1 / sqrt(1e-12), in a row whose values are all equal. */
static inline void begin_part(size_t count, size_t c, const float *scale, row_dropout dropout,
                              const float *values, const float *diff_dst,
                              s3_norm_gradients diff_norm, float *diff_x, row_sums *sums) {
  const s3_vector d = drop_elements(dropout, c, s3_load_some(diff_dst + c, count));
  const s3_vector n = s3_load_some(values + c, count);
  const s3_vector g = s3_load_some(scale + c, count) * d;
  add_part(diff_norm.scale + c, d * n, count);
  add_part(diff_norm.shift + c, d, count);
  s3_store_some(diff_x + c, g, count);
  sums->g += g;
  sums->product += g * n;
}

/* (g - mean(g) - n mean(g n)) / sqrt(variance + 1e-12) */
static inline s3_vector end_part(size_t count, const float *values, const float *diff_x,
                                 float mean, float product, float inverse) {
  const s3_vector n = s3_load_some(values, count);
  return (s3_load_some(diff_x, count) - mean - n * product) * inverse;
}

void S3_NAME(embedding_backward)(size_t rows, size_t width, s3_norm_weights norm,
                                 const s3_row_dropout *dropout, s3_norm_kept kept,
                                 const float *diff_dst, s3_norm_gradients diff_norm,
                                 float *diff_sum) {
  const size_t whole = width / S3_LANES * S3_LANES, rest = width - whole;
  for (size_t r = 0; r < rows; r++) {
    const float *values = kept.values + r * width, *diff = diff_dst + r * width;
    const row_dropout d = dropout_of(dropout, r, width);
    float *x = diff_sum + r * width;
    row_sums sums = {{0}, {0}};
    for (size_t c = 0; c < whole; c += S3_LANES)
      begin_part(S3_LANES, c, norm.scale, d, values, diff, diff_norm, x, &sums);
    if (rest > 0) begin_part(rest, whole, norm.scale, d, values, diff, diff_norm, x, &sums);
    const float mean = s3_lane_sum(sums.g) / (float)width;
    const float product = s3_lane_sum(sums.product) / (float)width;
    const float inverse = kept.statistics[2 * r];
    for (size_t c = 0; c < whole; c += S3_LANES)
      s3_store(x + c, end_part(S3_LANES, values + c, x + c, mean, product, inverse));
    if (rest > 0)
      s3_store_some(x + whole,
                    end_part(rest, values + whole, x + whole, mean, product, inverse), rest);
  }
}

static inline void spread_part(size_t count, size_t c, s3_vector x, row_dropout dropout,
                               float *diff_bias, float *diff_src, float *diff_residual) {
  const s3_vector dropped = drop_elements(dropout, c, x);
  s3_store_some(diff_residual + c, x, count);
  s3_store_some(diff_src + c, dropped, count);
  add_part(diff_bias + c, dropped, count);
}

void S3_NAME(add_norm_backward)(size_t rows, size_t width, s3_norm_weights norm,
                                const s3_row_dropout *dropout, s3_norm_kept kept,
                                const float *diff_dst, s3_norm_gradients diff_norm,
                                float *diff_bias, float *diff_src, float *diff_residual) {
  const size_t whole = width / S3_LANES * S3_LANES, rest = width - whole;
  for (size_t r = 0; r < rows; r++) {
    const float *values = kept.values + r * width, *diff = diff_dst + r * width;
    const row_dropout d = dropout_of(dropout, r, width);
    float *x = diff_residual + r * width, *src = diff_src + r * width;
    row_sums sums = {{0}, {0}};
    for (size_t c = 0; c < whole; c += S3_LANES)
      begin_part(S3_LANES, c, norm.scale, no_dropout, values, diff, diff_norm, x, &sums);
    if (rest > 0)
      begin_part(rest, whole, norm.scale, no_dropout, values, diff, diff_norm, x, &sums);
    const float mean = s3_lane_sum(sums.g) / (float)width;
    const float product = s3_lane_sum(sums.product) / (float)width;
    const float inverse = kept.statistics[2 * r];
    for (size_t c = 0; c < whole; c += S3_LANES)
      spread_part(S3_LANES, c, end_part(S3_LANES, values + c, x + c, mean, product, inverse), d,
                  diff_bias, src, x);
    if (rest > 0)
      spread_part(rest, whole, end_part(rest, values + whole, x + whole, mean, product, inverse),
                  d, diff_bias, src, x);
  }
}
