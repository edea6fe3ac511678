/* SPDX-License-Identifier: Apache-2.0 */
/* Compact copies of the item table and a first look at all items through them:
 *
 *   int8   e = scale (q + r),  q in -127..127,  scale = max|e| / 127
 *          bound = (scale_u <p, q> + slack) scale,  user vector u = scale_u (p + w)
 *   bf16   b within 2^-8 |e| of e,  bound = <u, b> + slack
 *
 * Items stand in blocks of S3_BLOCK_ITEMS, groups of columns outside, items inside, a
 * word of 4 bytes each: 4 columns of int8, 2 of bf16. So one vector holds the same
 * columns of many items, no sum goes across lanes, and memory is read in order.
 *
 * A word of bf16 holds column 2 g + 1 in its lower half. The word as it is, lower half
 * and all, is column 2 g: the upper half is chosen so that the whole is nearest. */
#include <math.h>

#include "kernels/level.h"

enum {
  BLOCK = S3_BLOCK_ITEMS,
  PER_BLOCK = BLOCK / S3_LANES,                 /* vectors of a block */
  ALONE = PER_BLOCK < 8 ? PER_BLOCK : 8,        /* vectors of one user at once */
  MANY = 4,                                     /* users at once */
  TOGETHER = S3_LANES == 16 ? 4 : 2             /* vectors of many users at once */
};

/* sums[i] += sum over 4 columns of items[i] (0..255) * user (-63..63): a product of
 * two columns fits 16 bits, which AVX2's instruction needs. */
static inline s3_mask add_products(s3_mask sums, const uint8_t *items, const int8_t *user) {
#if defined(__AVX512VNNI__)
  int32_t columns;
  memcpy(&columns, user, sizeof columns);
  return (s3_mask)_mm512_dpbusd_epi32((__m512i)sums, _mm512_loadu_si512(items),
                                      _mm512_set1_epi32(columns));
#elif defined(__AVX2__)
  int32_t columns;
  memcpy(&columns, user, sizeof columns);
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_loadu_si256((const __m256i *)items),
                                             _mm256_set1_epi32(columns));
  return sums + (s3_mask)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
#else
  for (size_t i = 0; i < S3_LANES; i++)
    for (size_t c = 0; c < 4; c++) sums[i] += items[4 * i + c] * user[c];
  return sums;
#endif
}

/* Inlined with constant counts, so that all sums stay in registers. */
static inline __attribute__((always_inline)) void int8_tile(
    const size_t users, const size_t vectors, size_t groups, const uint8_t *items,
    const float *scales, const s3_bound_user *user, size_t stride, float *bounds) {
  s3_mask sums[MANY][ALONE];
  for (size_t u = 0; u < users; u++)
    for (size_t v = 0; v < vectors; v++) sums[u][v] = (s3_mask){0} + user[u].offset;
  for (size_t g = 0; g < groups; g++) {
    for (size_t v = 0; v < vectors; v++) {
      const uint8_t *columns = items + (g * BLOCK + v * S3_LANES) * 4;
      for (size_t u = 0; u < users; u++)
        sums[u][v] = add_products(sums[u][v], columns, user[u].bytes + 4 * g);
    }
  }
  for (size_t u = 0; u < users; u++) {
    for (size_t v = 0; v < vectors; v++) {
      const s3_vector products = __builtin_convertvector(sums[u][v], s3_vector);
      s3_store(bounds + u * stride + v * S3_LANES,
               (products * user[u].scale + user[u].slack) * s3_load(scales + v * S3_LANES));
    }
  }
}

void S3_NAME(int8_bounds)(size_t blocks, size_t groups, const uint8_t *items,
                          const float *scales, size_t users, const s3_bound_user *user,
                          size_t stride, float *bounds) {
  for (size_t u = 0; u < users;) {
    const bool many = users - u >= MANY;
    const size_t vectors = many ? TOGETHER : ALONE;
    for (size_t v = 0; v < blocks * PER_BLOCK; v += vectors) {
      const size_t first = v * S3_LANES;
      const uint8_t *columns = items + (first / BLOCK * groups * BLOCK + first % BLOCK) * 4;
      float *dst = bounds + u * stride + first;
      if (many)
        int8_tile(MANY, TOGETHER, groups, columns, scales + first, user + u, stride, dst);
      else
        int8_tile(1, ALONE, groups, columns, scales + first, user + u, stride, dst);
    }
    u += many ? MANY : 1;
  }
}

typedef uint32_t word_vector __attribute__((vector_size(4 * S3_LANES)));

static inline __attribute__((always_inline)) void bf16_tile(
    const size_t users, const size_t vectors, size_t groups, const uint32_t *items,
    const s3_bound_user *user, size_t stride, float *bounds) {
  s3_vector sums[MANY][ALONE];
  for (size_t u = 0; u < users; u++)
    for (size_t v = 0; v < vectors; v++) sums[u][v] = (s3_vector){0} + user[u].slack;
  for (size_t g = 0; g < groups; g++) {
    for (size_t v = 0; v < vectors; v++) {
      word_vector words;
      memcpy(&words, items + g * BLOCK + v * S3_LANES, sizeof words);
      const s3_vector even = (s3_vector)words, odd = (s3_vector)(words << 16);
      for (size_t u = 0; u < users; u++)
        sums[u][v] = sums[u][v] + even * user[u].vector[2 * g] + odd * user[u].vector[2 * g + 1];
    }
  }
  for (size_t u = 0; u < users; u++)
    for (size_t v = 0; v < vectors; v++) s3_store(bounds + u * stride + v * S3_LANES, sums[u][v]);
}

void S3_NAME(bf16_bounds)(size_t blocks, size_t groups, const uint32_t *items, size_t users,
                          const s3_bound_user *user, size_t stride, float *bounds) {
  for (size_t u = 0; u < users;) {
    const bool many = users - u >= MANY;
    const size_t vectors = many ? TOGETHER : ALONE;
    for (size_t v = 0; v < blocks * PER_BLOCK; v += vectors) {
      const size_t first = v * S3_LANES;
      const uint32_t *columns = items + first / BLOCK * groups * BLOCK + first % BLOCK;
      float *dst = bounds + u * stride + first;
      if (many)
        bf16_tile(MANY, TOGETHER, groups, columns, user + u, stride, dst);
      else
        bf16_tile(1, ALONE, groups, columns, user + u, stride, dst);
    }
    u += many ? MANY : 1;
  }
}

typedef uint8_t byte_vector __attribute__((vector_size(S3_LANES)));

/* Quantizes one row to bytes [width], 128 after them, and gives |q|^2 and |r|^2. Returns
 * the scale. */
static float quantize_row(size_t width, const float *src, uint8_t *bytes, float *magnitude,
                          float *residual) {
  s3_vector largest = {0}, magnitudes = {0}, residuals = {0};
  const s3_vector zero = {0};
  for (size_t c = 0; c < width; c += S3_LANES) {
    const s3_vector x = s3_load_some(src + c, s3_lanes_left(width - c));
    largest = s3_max(largest, s3_max(x, -x));
  }
  const float scale = fmaxf(s3_lane_max(largest) / 127.0f, S3_LEAST_SCALE);
  const float inverse = 1.0f / scale;
  for (size_t c = 0; c < width; c += S3_LANES) {
    const size_t count = s3_lanes_left(width - c);
    const s3_vector x = s3_load_some(src + c, count) * inverse;
    const s3_vector half = s3_if_less(x, zero, zero - 0.5f, zero + 0.5f);
    const s3_mask q = __builtin_convertvector(x + half, s3_mask);
    const s3_vector whole = __builtin_convertvector(q, s3_vector);
    magnitudes += whole * whole;
    residuals += (x - whole) * (x - whole);
    const byte_vector stored = __builtin_convertvector(q + 128, byte_vector);
    memcpy(bytes + c, &stored, sizeof stored); /* 128 after the width: zeros were loaded */
  }
  *magnitude = s3_lane_sum(magnitudes);
  *residual = s3_lane_sum(residuals);
  return scale;
}

void S3_NAME(int8_quantize)(size_t rows, size_t width, const float *src, uint8_t *items,
                            float *scales, float *magnitude, float *residual) {
  const size_t groups = (width + 3) / 4;
  uint8_t bytes[S3_WIDEST_ROW + 2 * S3_LANES];
  memset(bytes, 128, sizeof bytes);
  for (size_t r = 0; r < rows; r++) {
    float square, error;
    scales[r] = quantize_row(width, src + r * width, bytes, &square, &error);
    if (square > *magnitude) *magnitude = square;
    if (error > *residual) *residual = error;
    for (size_t g = 0; g < groups; g++)
      memcpy(items + ((r / BLOCK * groups + g) * BLOCK + r % BLOCK) * 4, bytes + 4 * g, 4);
  }
}

/* The word that holds both: `odd` rounded to bf16, `even` to the nearest that the lower
 * half leaves. Signs are the top bits of the halves. */
static uint32_t bf16_pair(float even, float odd) {
  uint32_t upper, lower;
  memcpy(&upper, &even, sizeof upper);
  memcpy(&lower, &odd, sizeof lower);
  lower = (lower + 0x7fff + (lower >> 16 & 1)) >> 16; /* ties to even */
  const uint32_t magnitude = (upper & 0x7fffffff) + 0x8000;
  const uint32_t half = magnitude > lower ? magnitude - lower : 0;
  return (upper & 0x80000000) | (half & 0xffff0000) | lower;
}

void S3_NAME(bf16_quantize)(size_t rows, size_t width, const float *src, uint32_t *items) {
  const size_t groups = (width + 1) / 2;
  for (size_t r = 0; r < rows; r++) {
    const float *row = src + r * width;
    uint32_t *dst = items + r / BLOCK * groups * BLOCK + r % BLOCK;
    for (size_t g = 0; g < groups; g++)
      dst[g * BLOCK] = bf16_pair(row[2 * g], 2 * g + 1 < width ? row[2 * g + 1] : 0.0f);
  }
}
