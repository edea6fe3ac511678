/* SPDX-License-Identifier: Apache-2.0 */
/* Normal numbers, many at a time, with the very bits of s3_random_normal:
 *
 *   values[i] = (float)(deviation * sqrt(-2 ln u) cos(2 pi v))    u, v: draws 2i, 2i + 1
 *
 * Logarithm and cosine are series here and the C library's there, both in double.
 * They differ by less than 2^-47 * deviation * sqrt(-2 ln u) before rounding to float.
 * A value that MARGIN, which is eight times as much, could round otherwise is drawn
 * again by s3_random_normal: one in 60,000. So levels and compilers agree too.
 *
 *   ln u = e ln 2 + 2 artanh(s), s = (m - 1) / (m + 1), u = 2^e m, m in [sqrt(1/2), sqrt(2))
 *   cos(2 pi v) = sin(a), a = 2 pi (|v - 1/2| - 1/4) in [-pi/2, pi/2]
 *
 * The Taylor terms left out are below 2^-51 of the sum. */
#include "base/random.h"
#include "kernels/level.h"

enum { BLOCK = 64, WIDE = S3_LANES / 2 };
#define MARGIN 0x1p-44

typedef double wide __attribute__((vector_size(8 * WIDE)));
typedef uint64_t wide_bits __attribute__((vector_size(8 * WIDE)));

static const uint64_t counter_step = 0x9e3779b97f4a7c15u; /* of s3_random_bits */

/* s3_mix64 */
static inline wide_bits mix_bits(wide_bits x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/* s3_random_uniform, from 64 bits: x * 2^-53 for x below 2^53, halves of which are
 * put into doubles by their bits; few levels convert integers of 64 bits. */
static inline wide uniform_numbers(wide_bits random) {
  const wide_bits x = random >> 11;
  const wide high = (wide)(x >> 32 | 0x4530000000000000u) - 0x1p84;
  const wide low = (wide)((x & 0xffffffffu) | 0x4330000000000000u) - 0x1p52;
  return (high + low) * 0x1p-53;
}

/* -2 ln u */
static inline wide minus_two_ln(wide u) {
  const uint64_t root_half = 0x3fe6a09e667f3bcdu, one = 0x3ff0000000000000u;
  const wide_bits shifted = (wide_bits)u + (one - root_half);
  const wide e = (wide)(shifted >> 52 | 0x4330000000000000u) - (0x1p52 + 1023);
  const wide m = (wide)((shifted & 0x000fffffffffffffu) + root_half);
  const wide s = (m - 1.0) / (m + 1.0), z = s * s;
  wide p = z * (1.0 / 19) + 1.0 / 17;
  p = p * z + 1.0 / 15;
  p = p * z + 1.0 / 13;
  p = p * z + 1.0 / 11;
  p = p * z + 1.0 / 9;
  p = p * z + 1.0 / 7;
  p = p * z + 1.0 / 5;
  p = p * z + 1.0 / 3;
  p = p * z + 1.0;
  return -2.0 * (e * 0.69314718055994530942 + 2.0 * s * p);
}

/* cos(2 pi v) */
static inline wide cosine(wide v) {
  const wide distance = (wide)((wide_bits)(v - 0.5) & 0x7fffffffffffffffu);
  const wide a = 6.28318530717958647693 * (distance - 0.25), z = a * a;
  wide p = z * (-1.0 / 121645100408832000) + 1.0 / 355687428096000;
  p = p * z - 1.0 / 1307674368000;
  p = p * z + 1.0 / 6227020800;
  p = p * z - 1.0 / 39916800;
  p = p * z + 1.0 / 362880;
  p = p * z - 1.0 / 5040;
  p = p * z + 1.0 / 120;
  p = p * z - 1.0 / 6;
  return a + a * z * p;
}

/* Squares of the radii, and cosines, of BLOCK values whose draws begin at `counter`. */
static void draw_block(uint64_t counter, double *squares, double *cosines) {
  for (uint64_t i = 0; i < BLOCK; i += WIDE) {
    wide_bits first;
    for (uint64_t lane = 0; lane < WIDE; lane++) {
      first[lane] = counter + (2 * (i + lane) + 1) * counter_step;
    }
    const wide square = minus_two_ln(1.0 - uniform_numbers(mix_bits(first)));
    const wide cos = cosine(uniform_numbers(mix_bits(first + counter_step)));
    memcpy(squares + i, &square, sizeof square);
    memcpy(cosines + i, &cos, sizeof cos);
  }
}

/* For those that are not sure. */
static void draw_exactly(uint64_t key, uint64_t begin, size_t count, double deviation,
                         const float *low, const float *high, float *values) {
  for (size_t i = 0; i < count; i++) {
    if (low[i] == high[i] && low[i] != 0) continue;
    s3_random random = {key, 2 * (begin + i) * counter_step};
    values[i] = (float)(deviation * s3_random_normal(&random));
  }
}

void S3_NAME(normal)(size_t count, double deviation, uint64_t key, float *values) {
  for (size_t begin = 0; begin < count; begin += BLOCK) {
    double squares[BLOCK], cosines[BLOCK];
    float low[BLOCK], high[BLOCK];
    const size_t size = count - begin < BLOCK ? count - begin : BLOCK;
    int sure = 1;
    draw_block(key + 2 * begin * counter_step, squares, cosines);
    for (size_t i = 0; i < BLOCK; i++) {
      const double radius = deviation * sqrt(squares[i]), value = radius * cosines[i];
      low[i] = (float)(value - radius * MARGIN);
      high[i] = (float)(value + radius * MARGIN);
    }
    for (size_t i = 0; i < BLOCK; i++) sure &= (low[i] == high[i]) & (low[i] != 0);
    memcpy(values + begin, low, size * sizeof *low);
    if (!sure) draw_exactly(key, begin, size, deviation, low, high, values + begin);
  }
}
