/* SPDX-License-Identifier: Apache-2.0 */
/* Counter-based random numbers: every draw is a function of a key. Nothing depends on order or
 * threads, and nothing needs to be stored. */
#ifndef S3_BASE_RANDOM_H
#define S3_BASE_RANDOM_H

#include <math.h>
#include <stdint.h>

/* The finalizer of SplitMix64 (Steele, Lea, Flood 2014): a bijection of 64 bits
 * in which every input bit moves every output bit. */
static inline uint64_t s3_mix64(uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/* Makes one key of two numbers. Nested calls make one of more numbers. */
static inline uint64_t s3_key(uint64_t a, uint64_t b) {
  return s3_mix64(s3_mix64(a + 0x9e3779b97f4a7c15u) + b);
}

/* A stream of draws under one key. */
typedef struct s3_random {
  uint64_t key, counter;
} s3_random;

static inline s3_random s3_random_make(uint64_t key) { return (s3_random){key, 0}; }

static inline uint64_t s3_random_bits(s3_random *random) {
  random->counter += 0x9e3779b97f4a7c15u;
  return s3_mix64(random->key + random->counter);
}

/* Uniform in [0, 1), 53 bits. */
static inline double s3_random_uniform(s3_random *random) {
  return (double)(s3_random_bits(random) >> 11) * 0x1p-53;
}

/* Uniform in 0..bound-1, bound >= 1, without bias (Lemire 2019). */
static inline uint32_t s3_random_below(s3_random *random, uint32_t bound) {
  uint64_t product = (s3_random_bits(random) >> 32) * bound;
  if ((uint32_t)product < bound) {
    const uint32_t threshold = (uint32_t)-bound % bound;
    while ((uint32_t)product < threshold) product = (s3_random_bits(random) >> 32) * bound;
  }
  return (uint32_t)(product >> 32);
}

/* Standard normal (Box-Muller, one of the pair). */
static inline double s3_random_normal(s3_random *random) {
  const double u = 1.0 - s3_random_uniform(random); /* never 0 */
  const double v = s3_random_uniform(random);
  return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

#endif
