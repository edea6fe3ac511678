/* SPDX-License-Identifier: Apache-2.0 */
/* The k best of a stream of scored items, in a heap with the worst one on top. */
#ifndef S3_SCORING_TOP_K_H
#define S3_SCORING_TOP_K_H

#include <stddef.h>
#include <stdint.h>

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

#endif
