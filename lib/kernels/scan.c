/* SPDX-License-Identifier: Apache-2.0 */
/* One vector against all rows of a table, and picking what is above a threshold. */
#include "kernels/level.h"

/* {sum of all lanes of a, of b, of c, of d}, each by the same tree: adding while
 * transposing takes a few shuffles where four sums of their own take many. */
static inline s3_quad four_lane_sums(s3_vector a, s3_vector b, s3_vector c, s3_vector d) {
  const s3_quad qa = s3_quad_sum(a), qb = s3_quad_sum(b);
  const s3_quad qc = s3_quad_sum(c), qd = s3_quad_sum(d);
  const s3_quad ab = S3_SHUFFLE4(qa, qb, 0, 4, 1, 5) + S3_SHUFFLE4(qa, qb, 2, 6, 3, 7);
  const s3_quad cd = S3_SHUFFLE4(qc, qd, 0, 4, 1, 5) + S3_SHUFFLE4(qc, qd, 2, 6, 3, 7);
  return S3_SHUFFLE4(ab, cd, 0, 1, 4, 5) + S3_SHUFFLE4(ab, cd, 2, 3, 6, 7);
}

/* Four rows at once hide the latency of the sums. One sequence of instructions
 * serves every row, the last ones too, so that a row's product has the same bits
 * wherever it stands: ties between items rest on that. */
static s3_quad four_products(const float *const row[4], size_t width, const float *vector) {
  s3_vector s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
  size_t c = 0;
  for (; c + S3_LANES <= width; c += S3_LANES) {
    const s3_vector v = s3_load(vector + c);
    s0 += v * s3_load(row[0] + c);
    s1 += v * s3_load(row[1] + c);
    s2 += v * s3_load(row[2] + c);
    s3 += v * s3_load(row[3] + c);
  }
  if (c < width) {
    const size_t count = width - c;
    const s3_vector v = s3_load_some(vector + c, count);
    s0 += v * s3_load_some(row[0] + c, count);
    s1 += v * s3_load_some(row[1] + c, count);
    s2 += v * s3_load_some(row[2] + c, count);
    s3 += v * s3_load_some(row[3] + c, count);
  }
  return four_lane_sums(s0, s1, s2, s3);
}

void S3_NAME(matrix_vector)(size_t rows, size_t width, const float *matrix,
                            const float *vector, float *dst) {
  for (size_t r = 0; r < rows; r += 4) {
    const size_t count = rows - r < 4 ? rows - r : 4;
    const float *row[4];
    for (size_t i = 0; i < 4; i++) row[i] = matrix + (r + (i < count ? i : 0)) * width;
    /* A table beyond the caches streams a third faster with this; nearer or further less. */
    const uintptr_t ahead = (uintptr_t)row[0] + 2048;
    for (size_t i = 0; i < 4 * width * sizeof *matrix; i += 64)
      __builtin_prefetch((const void *)(ahead + i));
    const s3_quad products = four_products(row, width, vector);
    memcpy(dst + r, &products, count * sizeof *dst);
  }
}

void S3_NAME(gathered_products)(size_t count, size_t width, const float *table,
                                const int32_t *ids, const float *vector, float *dst) {
  for (size_t i = 0; i < count; i += 4) {
    const size_t some = count - i < 4 ? count - i : 4;
    const float *row[4];
    for (size_t j = 0; j < 4; j++) row[j] = table + (size_t)ids[i + (j < some ? j : 0)] * width;
    const s3_quad products = four_products(row, width, vector);
    memcpy(dst + i, &products, some * sizeof *dst);
  }
}

/* Bit i: lane i of the comparison is true. */
static inline uint32_t bits_of(s3_mask mask) {
#if defined(__AVX512F__)
  return _mm512_movepi32_mask((__m512i)mask);
#elif defined(__AVX2__)
  return (uint32_t)_mm256_movemask_ps((__m256)mask);
#else
  uint32_t bits = 0;
  for (size_t i = 0; i < S3_LANES; i++) bits |= (uint32_t)(mask[i] & 1) << i;
  return bits;
#endif
}

size_t S3_NAME(select_above)(size_t count, const float *values, float threshold,
                             uint32_t *indices) {
  enum { VECTORS = 4 }; /* mostly none passes: one test for so many */
  size_t selected = 0, i = 0;
  for (; i + VECTORS * S3_LANES <= count; i += VECTORS * S3_LANES) {
    s3_mask above[VECTORS], any = {0};
    for (size_t v = 0; v < VECTORS; v++) {
      above[v] = s3_load(values + i + v * S3_LANES) > threshold;
      any |= above[v];
    }
    if (bits_of(any) == 0) continue;
    for (size_t v = 0; v < VECTORS; v++)
      for (uint32_t bits = bits_of(above[v]); bits != 0; bits &= bits - 1)
        indices[selected++] = (uint32_t)(i + v * S3_LANES) + (uint32_t)__builtin_ctz(bits);
  }
  for (; i < count; i++)
    if (values[i] > threshold) indices[selected++] = (uint32_t)i;
  return selected;
}

size_t S3_NAME(select_rows)(size_t rows, size_t columns, const float *values,
                            const float *thresholds, uint32_t *indices) {
  size_t selected = 0;
  for (size_t r = 0; r < rows; r++) {
    const float *row = values + r * columns;
    s3_mask any = {0};
    for (size_t c = 0; c < columns; c += S3_LANES)
      any |= ~(s3_load(row + c) <= s3_load(thresholds + c));
    if (bits_of(any) != 0) indices[selected++] = (uint32_t)r;
  }
  return selected;
}

void S3_NAME(group_maxima)(size_t groups, const float *values, float *maxima) {
  for (size_t g = 0; g < groups; g++) {
    const float *group = values + g * S3_GROUP_VALUES;
    s3_vector largest = s3_load(group);
    for (size_t c = S3_LANES; c < S3_GROUP_VALUES; c += S3_LANES)
      largest = s3_max(s3_load(group + c), largest);
    maxima[g] = s3_lane_max(largest);
  }
}

size_t S3_NAME(index_of_largest)(size_t count, const float *values) {
  const float largest = s3_largest(count, values, values[0]);
  for (size_t i = 0;; i += S3_LANES) {
    const uint32_t bits = bits_of(s3_load(values + i) == largest);
    if (bits != 0) return i + (size_t)__builtin_ctz(bits);
  }
}
