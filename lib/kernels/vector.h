/* SPDX-License-Identifier: Apache-2.0 */
/* Private to kernels/: the widest vectors of the level being compiled, and what is
 * done with whole vectors. They are GNU vectors, so that one source serves every
 * level and architecture. Where a machine has one instruction for what these can
 * only say in several, it is asked for by name, with the same in plain C beside it;
 * the baseline is always plain. */
#ifndef S3_KERNELS_VECTOR_H
#define S3_KERNELS_VECTOR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __AVX2__
#include <immintrin.h>
#endif

/* A file whose rows are short may do with half of the longest vectors. */
#if defined(__AVX512F__) && !defined(S3_SHORT_ROWS)
#define S3_WIDE 1
#else
#define S3_WIDE 0
#endif

#if S3_WIDE
enum { S3_LANES = 16 };
#elif defined(__AVX2__)
enum { S3_LANES = 8 };
#else
enum { S3_LANES = 4 };
#endif
typedef float s3_vector __attribute__((vector_size(4 * S3_LANES)));
typedef int32_t s3_mask __attribute__((vector_size(4 * S3_LANES)));
typedef uint32_t s3_bits __attribute__((vector_size(4 * S3_LANES)));
typedef float s3_quad __attribute__((vector_size(16)));

static inline s3_vector s3_load(const float *src) {
  s3_vector v;
  memcpy(&v, src, sizeof v);
  return v;
}
static inline void s3_store(float *dst, s3_vector v) { memcpy(dst, &v, sizeof v); }
static inline size_t s3_round_to_lanes(size_t count) {
  return (count + S3_LANES - 1) / S3_LANES * S3_LANES;
}

/* {0, 1, 2, ...} */
static inline s3_bits s3_lane_numbers(void) {
  s3_bits v;
  for (uint32_t i = 0; i < S3_LANES; i++) v[i] = i;
  return v;
}
/* All ones in the first `count` lanes. */
static inline s3_mask s3_first_lanes(size_t count) {
  return (s3_mask)s3_lane_numbers() < (int32_t)count;
}

/* The last vector of a row may be short: zeros are loaded after its end. */
static inline size_t s3_lanes_left(size_t count) { return count < S3_LANES ? count : S3_LANES; }
static inline s3_vector s3_load_some(const float *src, size_t count) {
  if (count == S3_LANES) return s3_load(src);
#if S3_WIDE
  return (s3_vector)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), src);
#elif defined(__AVX2__)
  return (s3_vector)_mm256_maskload_ps(src, (__m256i)s3_first_lanes(count));
#else
  s3_vector v = {src[0]};
  if (count > 1) v[1] = src[1];
  if (count > 2) v[2] = src[2];
  return v;
#endif
}
static inline void s3_store_some(float *dst, s3_vector v, size_t count) {
  if (count == S3_LANES) {
    s3_store(dst, v);
    return;
  }
#if S3_WIDE
  _mm512_mask_storeu_ps(dst, (__mmask16)((1u << count) - 1), (__m512)v);
#elif defined(__AVX2__)
  _mm256_maskstore_ps(dst, (__m256i)s3_first_lanes(count), (__m256)v);
#else
  dst[0] = v[0];
  if (count > 1) dst[1] = v[1];
  if (count > 2) dst[2] = v[2];
#endif
}
/* v with zeros after its first `count` lanes. */
static inline s3_vector s3_keep_first(s3_vector v, size_t count) {
  return (s3_vector)(s3_first_lanes(count) & (s3_mask)v);
}

/* a < b ? yes : no; max and min give b when either is NaN. */
static inline s3_vector s3_if_less(s3_vector a, s3_vector b, s3_vector yes, s3_vector no) {
#if S3_WIDE
  const __mmask16 less = _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ);
  return (s3_vector)_mm512_mask_blend_ps(less, (__m512)no, (__m512)yes);
#elif defined(__AVX2__)
  return (s3_vector)_mm256_blendv_ps((__m256)no, (__m256)yes, (__m256)(a < b));
#else
  const s3_mask less = a < b;
  return (s3_vector)((less & (s3_mask)yes) | (~less & (s3_mask)no));
#endif
}
static inline s3_vector s3_max(s3_vector a, s3_vector b) {
#if S3_WIDE
  return (s3_vector)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
  return (s3_vector)_mm256_max_ps((__m256)a, (__m256)b);
#else
  return s3_if_less(b, a, a, b);
#endif
}
static inline s3_vector s3_magnitude(s3_vector v) {
  return (s3_vector)((s3_mask)v & INT32_MAX);
}

/* The nearest whole number to a negative one, or to one just above 0. */
static inline s3_vector s3_round_negative(s3_vector v) {
#if S3_WIDE
  return (s3_vector)_mm512_roundscale_ps((__m512)v,
                                         _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#elif defined(__AVX2__)
  return (s3_vector)_mm256_round_ps((__m256)v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
  /* Through an integer, which no compiler flag can undo. */
  return __builtin_convertvector(__builtin_convertvector(v - 0.5f, s3_mask), s3_vector);
#endif
}
/* v 2^n for whole n, where neither v nor the result is below the normal range. */
static inline s3_vector s3_times_power(s3_vector v, s3_vector n) {
#if S3_WIDE
  return (s3_vector)_mm512_scalef_ps((__m512)v, (__m512)n);
#else
  return (s3_vector)((s3_bits)v + ((s3_bits)__builtin_convertvector(n, s3_mask) << 23));
#endif
}

#ifdef __clang__
#define S3_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#define S3_SHUFFLE4(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#else
#define S3_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (s3_mask){__VA_ARGS__})
#define S3_SHUFFLE4(a, b, i, j, k, l) \
  __builtin_shuffle(a, b, (int32_t __attribute__((vector_size(16)))){i, j, k, l})
#endif

/* The vector's upper half on its lower half, until four lanes are left. Folds of
 * lanes go by halves: the same tree whatever the compiler. */
static inline s3_quad s3_quad_sum(s3_vector v) {
#if S3_WIDE
  const __m256 half = _mm512_castps512_ps256((__m512)v) + _mm512_extractf32x8_ps((__m512)v, 1);
  return (s3_quad)(_mm256_castps256_ps128(half) + _mm256_extractf128_ps(half, 1));
#elif defined(__AVX2__)
  return (s3_quad)(_mm256_castps256_ps128((__m256)v) + _mm256_extractf128_ps((__m256)v, 1));
#else
  return v;
#endif
}
static inline float s3_lane_sum(s3_vector v) {
  s3_quad sum = s3_quad_sum(v);
  sum += S3_SHUFFLE4(sum, sum, 2, 3, 0, 1);
  return sum[0] + sum[1];
}
static inline float s3_larger(float a, float b) { return a > b ? a : b; }
static inline float s3_lane_max(s3_vector v) {
#if S3_WIDE
  const __m256 half = _mm256_max_ps(_mm512_castps512_ps256((__m512)v),
                                    _mm512_extractf32x8_ps((__m512)v, 1));
  const s3_quad quad =
      (s3_quad)_mm_max_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
#elif defined(__AVX2__)
  const s3_quad quad = (s3_quad)_mm_max_ps(_mm256_castps256_ps128((__m256)v),
                                           _mm256_extractf128_ps((__m256)v, 1));
#else
  const s3_quad quad = v;
#endif
  return s3_larger(s3_larger(quad[0], quad[2]), s3_larger(quad[1], quad[3]));
}

/* Lanes of a and b by turns, from their lower halves and from their upper ones. */
#if S3_WIDE
#define S3_INTERLEAVE_LOW(a, b) \
  S3_SHUFFLE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define S3_INTERLEAVE_HIGH(a, b) \
  S3_SHUFFLE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif defined(__AVX2__)
#define S3_INTERLEAVE_LOW(a, b) S3_SHUFFLE(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define S3_INTERLEAVE_HIGH(a, b) S3_SHUFFLE(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
#define S3_INTERLEAVE_LOW(a, b) S3_SHUFFLE(a, b, 0, 4, 1, 5)
#define S3_INTERLEAVE_HIGH(a, b) S3_SHUFFLE(a, b, 2, 6, 3, 7)
#endif

/* One round moves the top bit of a value's row number to the bottom of its lane
 * number, and the other way round; as many rounds as they have bits exchange both. */
static inline void s3_transpose_round(const s3_vector v[S3_LANES], s3_vector w[S3_LANES]) {
#pragma GCC unroll 8
  for (size_t i = 0; i < S3_LANES / 2; i++) {
    w[2 * i] = S3_INTERLEAVE_LOW(v[i], v[i + S3_LANES / 2]);
    w[2 * i + 1] = S3_INTERLEAVE_HIGH(v[i], v[i + S3_LANES / 2]);
  }
}
static inline void s3_transpose_square(s3_vector v[S3_LANES]) {
  s3_vector w[S3_LANES];
  s3_transpose_round(v, w);
  s3_transpose_round(w, v);
  if (S3_LANES == 4) return;
  s3_transpose_round(v, w);
  if (S3_LANES == 8) {
    memcpy(v, w, sizeof w);
    return;
  }
  s3_transpose_round(w, v);
}

#endif
