/* SPDX-License-Identifier: Apache-2.0 */
#include "scoring/rank.h"

void s3_count_above(size_t items, size_t users, const float *scores, int32_t first_id,
                    const float *answer_scores, const int32_t *answers, int32_t *above) {
  for (size_t i = 0; i < items; ++i) {
    const int32_t id = first_id + (int32_t)i;
    const float *row = scores + i * users;
    for (size_t u = 0; u < users; ++u) {
      above[u] += s3_outranks(row[u], id, answer_scores[u], answers[u]);
    }
  }
}

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
  for (size_t i = 0; i < count; ++i) {
    if (distinct == 0 || ids[i] != ids[distinct - 1]) ids[distinct++] = ids[i];
  }
  return distinct;
}
