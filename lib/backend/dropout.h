/* SPDX-License-Identifier: Apache-2.0 */
/* Dropout without stored masks: whether an element is kept is a hash of (key,
 * element), recomputed in the backward pass. The key comes from (seed, step,
 * site); the element number from the token's place in the whole step, so masks
 * depend neither on threads nor on how a step is cut into shards.
 *
 *   keep(e) = hash(e, key) >= p * 2^32,   dst = keep ? src / (1 - p) : 0 */
#ifndef S3_BACKEND_DROPOUT_H
#define S3_BACKEND_DROPOUT_H

#include <stdint.h>

#include "base/random.h"

typedef struct s3_dropout {
  uint32_t key[2];
  uint32_t threshold; /* p * 2^32; 0 keeps everything */
  float scale;        /* 1 / (1 - p) */
} s3_dropout;

/* Where dropout happens; numbers are part of the key. Layer n's sites are
 * S3_SITE_LAYER + 4 n + {0, 1, 2}. */
enum { S3_SITE_EMBEDDING = 1, S3_SITE_LAYER = 16 };
enum { S3_SITE_PROBABILITIES = 0, S3_SITE_ATTENTION_OUTPUT = 1, S3_SITE_FEED_FORWARD = 2 };

static inline s3_dropout s3_dropout_make(double p, uint64_t seed, uint64_t step, uint32_t site) {
  const uint64_t key = s3_key(s3_key(seed, step), site);
  return (s3_dropout){{(uint32_t)key, (uint32_t)(key >> 32)},
                      (uint32_t)(p * 4294967296.0),
                      (float)(1.0 / (1.0 - p))};
}

/* 32 bits for one element: two multiply-xorshift rounds (a "lowbias32" hash)
 * between the two halves of the key. */
static inline uint32_t s3_dropout_bits(uint32_t element, uint32_t key0, uint32_t key1) {
  uint32_t x = element ^ key0;
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x += key1;
  x *= 0x846ca68bu;
  return x ^ (x >> 16);
}

/* The factor of one element: 0 or scale. */
static inline float s3_dropout_factor(uint32_t element, s3_dropout dropout) {
  return s3_dropout_bits(element, dropout.key[0], dropout.key[1]) >= dropout.threshold
             ? dropout.scale
             : 0.0f;
}

#endif
