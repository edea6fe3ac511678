/* SPDX-License-Identifier: Apache-2.0 */
/* Random choices in integers only, so that a seed gives the same catalogue on
 * every machine. */
#ifndef CATALOGUE_RANDOM_H
#define CATALOGUE_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gen_random {
  uint64_t state;
} gen_random;

/* Purposes of streams. Every film maker, series, item and viewer draws from its own stream, so more
 * viewers do not change the items. */
typedef enum gen_purpose {
  GEN_DIRECTORS = 1,
  GEN_SERIES = 2,
  GEN_ITEMS = 3,
  GEN_ORDER = 4,
  GEN_VIEWER = 5,
  GEN_NEGATIVES = 6,
  GEN_TIMES = 7
} gen_purpose;

/* SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t gen_bits(gen_random *random) {
  uint64_t x = random->state += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

static inline gen_random gen_stream(uint64_t seed, gen_purpose purpose, uint64_t index) {
  gen_random random = {seed};
  random.state = gen_bits(&random) + (uint64_t)purpose;
  random.state = gen_bits(&random) + index;
  random.state = gen_bits(&random);
  return random;
}

/* Uniform in 0..bound-1; bound is at least 1. The bias, below 2^-32 * bound, does not matter here.
 * */
static inline uint32_t gen_below(gen_random *random, uint32_t bound) {
  return (uint32_t)(((gen_bits(random) >> 32) * bound) >> 32);
}

static inline bool gen_chance(gen_random *random, uint32_t percent) {
  return gen_below(random, 100) < percent;
}

/* Index drawn with the given weights; `count` when all are 0. */
static inline size_t gen_weighted(gen_random *random, const uint64_t *weights, size_t count) {
  uint64_t total = 0;
  for (size_t i = 0; i < count; i++) total += weights[i];
  if (total == 0) return count;
  uint64_t ticket = gen_bits(random) % total;
  size_t i = 0;
  while (ticket >= weights[i]) ticket -= weights[i++];
  return i;
}

#endif
