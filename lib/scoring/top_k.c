/* SPDX-License-Identifier: Apache-2.0 */
#include "scoring/top_k.h"

#include <math.h>

void s3_top_k_begin(s3_top_k *top, s3_ranked *entries, size_t capacity) {
  *top = (s3_top_k){.entries = entries, .capacity = capacity};
  top->threshold = capacity == 0 ? INFINITY : NAN;
}

/* Moves entries[hole] down until no child ranks behind it. */
static void sift_down(s3_ranked *entries, size_t count, size_t hole, s3_ranked entry) {
  for (size_t child; (child = 2 * hole + 1) < count; hole = child) {
    if (child + 1 < count && s3_ranks_before(entries[child], entries[child + 1])) ++child;
    if (!s3_ranks_before(entry, entries[child])) break;
    entries[hole] = entries[child];
  }
  entries[hole] = entry;
}

static void sift_up(s3_ranked *entries, size_t hole, s3_ranked entry) {
  while (hole > 0) {
    const size_t parent = (hole - 1) / 2;
    if (!s3_ranks_before(entries[parent], entry)) break;
    entries[hole] = entries[parent];
    hole = parent;
  }
  entries[hole] = entry;
}

void s3_top_k_offer(s3_top_k *top, float score, int32_t id) {
  const s3_ranked entry = {isnan(score) ? -INFINITY : score, id};
  if (top->count < top->capacity) {
    sift_up(top->entries, top->count++, entry);
  } else if (top->capacity > 0 && s3_ranks_before(entry, top->entries[0])) {
    sift_down(top->entries, top->count, 0, entry);
  } else {
    return;
  }
  if (top->count == top->capacity) top->threshold = top->entries[0].score;
}

void s3_top_k_sort(s3_top_k *top) {
  s3_ranked *entries = top->entries;
  for (size_t root = top->count / 2; root-- > 0;) {
    sift_down(entries, top->count, root, entries[root]);
  }
  for (size_t last = top->count; last-- > 1;) {
    const s3_ranked entry = entries[last];
    entries[last] = entries[0];
    sift_down(entries, last, 0, entry);
  }
}
