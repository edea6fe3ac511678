/* SPDX-License-Identifier: Apache-2.0 */
/* Compact copies of the item table and a first look at all items through them:
 *
 *   int8   e = scale (q + r),  q in -127..127,  scale = max|e| / 127
 *          bound = (scale_u <p, q> + slack) scale,  user vector u = scale_u (p + w)
 *   bf16   b = e rounded to 8 bits of mantissa,  bound = <u, b> + slack
 *
 * Items stand in blocks of S3_BLOCK_ITEMS, columns outside, items inside, so that
 * one vector holds the same column of many items and no sum goes across lanes. */
#include <float.h>
#include <math.h>

#include "kernels/level.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

enum {
  BLOCK = S3_BLOCK_ITEMS,
  PER_BLOCK = BLOCK / S3_LANES,            /* vectors of a block */
  MANY = 4,                                /* users at once */
  ALONE_VECTORS = 4,                       /* accumulators of one user */
  MANY_VECTORS = PER_BLOCK > 2 ? PER_BLOCK : 2 /* of each of many users */
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
  s3_mask sums[MANY][ALONE_VECTORS];
  for (size_t u = 0; u < users; u++)
    for (size_t v = 0; v < vectors; v++) sums[u][v] = (s3_mask){0} + user[u].offset;
  for (size_t g = 0; g < groups; g++) {
    for (size_t v = 0; v < vectors; v++) {
      const uint8_t *columns = items + ((v / PER_BLOCK * groups + g) * BLOCK +
                                        v % PER_BLOCK * S3_LANES) * 4;
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
  const size_t block_bytes = groups * BLOCK * 4;
  for (; users >= MANY; users -= MANY, user += MANY, bounds += MANY * stride) {
    size_t b = 0;
    for (; b + MANY_VECTORS / PER_BLOCK <= blocks; b += MANY_VECTORS / PER_BLOCK)
      int8_tile(MANY, MANY_VECTORS, groups, items + b * block_bytes, scales + b * BLOCK, user,
                stride, bounds + b * BLOCK);
    for (; b < blocks; b++)
      int8_tile(MANY, PER_BLOCK, groups, items + b * block_bytes, scales + b * BLOCK, user,
                stride, bounds + b * BLOCK);
  }
  for (; users > 0; users--, user++, bounds += stride) {
    size_t b = 0;
    for (; b + ALONE_VECTORS / PER_BLOCK <= blocks; b += ALONE_VECTORS / PER_BLOCK)
      int8_tile(1, ALONE_VECTORS, groups, items + b * block_bytes, scales + b * BLOCK, user,
                stride, bounds + b * BLOCK);
    for (; b < blocks; b++)
      int8_tile(1, PER_BLOCK, groups, items + b * block_bytes, scales + b * BLOCK, user, stride,
                bounds + b * BLOCK);
  }
}

typedef uint16_t half_vector __attribute__((vector_size(2 * S3_LANES)));
typedef uint32_t word_vector __attribute__((vector_size(4 * S3_LANES)));

static inline s3_vector load_bf16(const uint16_t *src) {
  half_vector halves;
  memcpy(&halves, src, sizeof halves);
  return (s3_vector)(__builtin_convertvector(halves, word_vector) << 16);
}

static inline __attribute__((always_inline)) void bf16_tile(
    const size_t users, const size_t vectors, size_t width, const uint16_t *items,
    const s3_bound_user *user, size_t stride, float *bounds) {
  s3_vector sums[MANY][ALONE_VECTORS];
  for (size_t u = 0; u < users; u++)
    for (size_t v = 0; v < vectors; v++) sums[u][v] = (s3_vector){0};
  for (size_t c = 0; c < width; c++) {
    for (size_t v = 0; v < vectors; v++) {
      const s3_vector column = load_bf16(items + (v / PER_BLOCK * width + c) * BLOCK +
                                         v % PER_BLOCK * S3_LANES);
      for (size_t u = 0; u < users; u++) sums[u][v] += column * user[u].vector[c];
    }
  }
  for (size_t u = 0; u < users; u++)
    for (size_t v = 0; v < vectors; v++)
      s3_store(bounds + u * stride + v * S3_LANES, sums[u][v] + user[u].slack);
}

void S3_NAME(bf16_bounds)(size_t blocks, size_t width, const uint16_t *items, size_t users,
                          const s3_bound_user *user, size_t stride, float *bounds) {
  const size_t block_size = width * BLOCK;
  for (; users >= MANY; users -= MANY, user += MANY, bounds += MANY * stride) {
    size_t b = 0;
    for (; b + MANY_VECTORS / PER_BLOCK <= blocks; b += MANY_VECTORS / PER_BLOCK)
      bf16_tile(MANY, MANY_VECTORS, width, items + b * block_size, user, stride,
                bounds + b * BLOCK);
    for (; b < blocks; b++)
      bf16_tile(MANY, PER_BLOCK, width, items + b * block_size, user, stride,
                bounds + b * BLOCK);
  }
  for (; users > 0; users--, user++, bounds += stride) {
    size_t b = 0;
    for (; b + ALONE_VECTORS / PER_BLOCK <= blocks; b += ALONE_VECTORS / PER_BLOCK)
      bf16_tile(1, ALONE_VECTORS, width, items + b * block_size, user, stride,
                bounds + b * BLOCK);
    for (; b < blocks; b++)
      bf16_tile(1, PER_BLOCK, width, items + b * block_size, user, stride, bounds + b * BLOCK);
  }
}

/* Quantizes one row to bytes [width]; returns its scale and adds |q|^2 and |r|^2. */
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
    for (size_t i = 0; i < count; i++) bytes[c + i] = (uint8_t)(q[i] + 128);
  }
  *magnitude = s3_lane_sum(magnitudes);
  *residual = s3_lane_sum(residuals);
  return scale;
}

void S3_NAME(int8_quantize)(size_t rows, size_t width, const float *src, uint8_t *items,
                            float *scales, float *magnitude, float *residual) {
  const size_t groups = (width + 3) / 4;
  uint8_t bytes[S3_WIDEST_ROW];
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

void S3_NAME(bf16_quantize)(size_t rows, size_t width, const float *src, uint16_t *items) {
  for (size_t r = 0; r < rows; r++) {
    uint16_t *column = items + r / BLOCK * width * BLOCK + r % BLOCK;
    for (size_t c = 0; c < width; c++) {
      uint32_t bits;
      memcpy(&bits, src + r * width + c, sizeof bits);
      column[c * BLOCK] = (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16); /* ties to even */
    }
  }
}
