/* SPDX-License-Identifier: Apache-2.0 */
#include "scoring/order.h"

#include <math.h>

void s3_top_k_begin(s3_top_k *top, s3_ranked *entries, size_t capacity) {
  *top = (s3_top_k){.entries = entries, .capacity = capacity};
  top->threshold = capacity == 0 ? INFINITY : NAN;
}

/* Moves `entry` down from entries[hole] until no child ranks after it. */
static void sift_ranked_down(s3_ranked *entries, size_t count, size_t hole, s3_ranked entry) {
  for (size_t child; (child = 2 * hole + 1) < count; hole = child) {
    if (child + 1 < count && s3_ranks_before(entries[child], entries[child + 1])) ++child;
    if (!s3_ranks_before(entry, entries[child])) break;
    entries[hole] = entries[child];
  }
  entries[hole] = entry;
}

static void sift_ranked_up(s3_ranked *entries, size_t hole, s3_ranked entry) {
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
    sift_ranked_up(top->entries, top->count++, entry);
  } else if (top->capacity > 0 && s3_ranks_before(entry, top->entries[0])) {
    sift_ranked_down(top->entries, top->count, 0, entry);
  } else {
    return;
  }
  if (top->count == top->capacity) top->threshold = top->entries[0].score;
}

void s3_top_k_sort(s3_top_k *top) {
  s3_ranked *entries = top->entries;
  for (size_t root = top->count / 2; root-- > 0;) {
    sift_ranked_down(entries, top->count, root, entries[root]);
  }
  for (size_t last = top->count; last-- > 1;) {
    const s3_ranked entry = entries[last];
    entries[last] = entries[0];
    sift_ranked_down(entries, last, 0, entry);
  }
}

static void sift_id_down(int32_t *ids, size_t count, size_t hole) {
  const int32_t id = ids[hole];
  for (size_t child; (child = 2 * hole + 1) < count; hole = child) {
    if (child + 1 < count && ids[child + 1] > ids[child]) ++child;
    if (ids[child] <= id) break;
    ids[hole] = ids[child];
  }
  ids[hole] = id;
}

size_t s3_sort_distinct(int32_t *ids, size_t count) {
  for (size_t root = count / 2; root-- > 0;) sift_id_down(ids, count, root);
  for (size_t last = count; last-- > 1;) {
    const int32_t largest = ids[0];
    ids[0] = ids[last];
    ids[last] = largest;
    sift_id_down(ids, last, 0);
  }
  size_t distinct = 0;
  for (size_t i = 0; i < count; i++) {
    if (distinct == 0 || ids[i] != ids[distinct - 1]) ids[distinct++] = ids[i];
  }
  return distinct;
}

bool s3_sorted_has(const int32_t *ids, size_t count, int32_t id) {
  size_t low = 0, high = count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (ids[middle] == id) return true;
    if (ids[middle] < id) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return false;
}

void s3_id_set_insert_items(uint64_t *set, int32_t item_size, const int32_t *ids, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (ids[i] >= 1 && ids[i] <= item_size - 2) s3_id_set_insert(set, ids[i]);
  }
}

void s3_id_set_erase_items(uint64_t *set, int32_t item_size, const int32_t *ids, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (ids[i] >= 1 && ids[i] <= item_size - 2) s3_id_set_erase(set, ids[i]);
  }
}
