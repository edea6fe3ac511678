/* SPDX-License-Identifier: Apache-2.0 */
/* The order of scored items, the k best of them, and sets of item ids. */
#ifndef S3_SCORING_ORDER_H
#define S3_SCORING_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The k best of a stream of scored items, in a heap with the worst one on top. */

typedef struct s3_ranked {
  float score;
  int32_t id;
} s3_ranked;

/* `a` before `b`: higher score, then lower id. */
static inline int s3_ranks_before(s3_ranked a, s3_ranked b) {
  return a.score > b.score || (a.score == b.score && a.id < b.id);
}

typedef struct s3_top_k {
  s3_ranked *entries; /* [capacity], the caller's */
  size_t capacity, count;
  /* Nothing enters with a score <= threshold and an id above all entered so
   * far. NaN while there is room: no score is <= NaN. */
  float threshold;
} s3_top_k;

void s3_top_k_begin(s3_top_k *top, s3_ranked *entries, size_t capacity);

/* Keeps the item if it belongs to the best. A NaN score ranks as -infinity. */
void s3_top_k_offer(s3_top_k *top, float score, int32_t id);

/* Brings entries[0..count-1] into rank order; nothing can be offered after. The
 * caller may have changed the scores. */
void s3_top_k_sort(s3_top_k *top);

/* Zero-based ranks are found by counting the items above the answer. Nothing is
 * sorted, and no score is kept. */

/* Whether (score, id) stands above the answer: higher score, or the same and a
 * lower id. A NaN, which only weights near FLT_MAX can produce, counts against
 * the answer on either side, so that a broken model cannot look perfect. */
static inline int32_t s3_outranks(float score, int32_t id, float answer_score, int32_t answer) {
  return (!(score <= answer_score)) | ((score == answer_score) & (id < answer));
}

/* Sorts ids and drops repeats, in place and without allocation; returns how many
 * are left. */
size_t s3_sort_distinct(int32_t *ids, size_t count);

/* Whether sorted ids hold `id`. */
bool s3_sorted_has(const int32_t *ids, size_t count, int32_t id);

/* Sets of item ids, one bit an id: 125 kB for a million items. They are emptied
 * by erasing what was inserted, never by clearing the whole. */

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

/* Those of `ids` that are items, not padding, mask or out of range. */
void s3_id_set_insert_items(uint64_t *set, int32_t item_size, const int32_t *ids, size_t count);
void s3_id_set_erase_items(uint64_t *set, int32_t item_size, const int32_t *ids, size_t count);

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
