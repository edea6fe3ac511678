/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of item ids, one bit an id: 125 kB for a million items. They are emptied
 * by erasing what was inserted, never by clearing the whole. */
#ifndef S3_SCORING_ID_SET_H
#define S3_SCORING_ID_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline size_t s3_id_set_words(int32_t item_size) { return ((size_t)item_size + 63) / 64; }

static inline bool s3_id_set_has(const uint64_t *set, int32_t id) {
  return set[(uint32_t)id / 64] >> ((uint32_t)id % 64) & 1;
}

static inline void s3_id_set_insert(uint64_t *set, int32_t id) {
  set[(uint32_t)id / 64] |= (uint64_t)1 << ((uint32_t)id % 64);
}

static inline void s3_id_set_erase(uint64_t *set, int32_t id) {
  set[(uint32_t)id / 64] &= ~((uint64_t)1 << ((uint32_t)id % 64));
}

/* Writes the ids in rising order, which empties the set; returns how many. */
static inline size_t s3_id_set_take(uint64_t *set, size_t words, int32_t *ids) {
  size_t count = 0;
  for (size_t w = 0; w < words; w++) {
    for (; set[w] != 0; set[w] &= set[w] - 1) {
      ids[count++] = (int32_t)(w * 64 + (size_t)__builtin_ctzll(set[w]));
    }
  }
  return count;
}

#endif
