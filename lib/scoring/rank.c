/* SPDX-License-Identifier: Apache-2.0 */
#include "scoring/rank.h"

static void sift_down(int32_t *ids, size_t count, size_t hole) {
  const int32_t id = ids[hole];
  for (size_t child; (child = 2 * hole + 1) < count; hole = child) {
    if (child + 1 < count && ids[child + 1] > ids[child]) ++child;
    if (ids[child] <= id) break;
    ids[hole] = ids[child];
  }
  ids[hole] = id;
}

size_t s3_sort_distinct(int32_t *ids, size_t count) {
  for (size_t root = count / 2; root-- > 0;) sift_down(ids, count, root);
  for (size_t last = count; last-- > 1;) {
    const int32_t largest = ids[0];
    ids[0] = ids[last];
    ids[last] = largest;
    sift_down(ids, last, 0);
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
