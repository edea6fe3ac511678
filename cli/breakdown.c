/* SPDX-License-Identifier: Apache-2.0 */
#include "breakdown.h"

#include <math.h>

enum { GROUP_LIMIT = 8, CUT = 10 };

/* A group begins at each number and ends before the next one. Fixed, so that runs
 * and data sets can be compared. */
typedef struct grouping {
  int64_t from[GROUP_LIMIT];
  int count;
  size_t users[GROUP_LIMIT];
  double hits[GROUP_LIMIT], gains[GROUP_LIMIT];
} grouping;

static void add(grouping *groups, int64_t value, int64_t rank) {
  int at = 0;
  while (at + 1 < groups->count && groups->from[at + 1] <= value) at++;
  groups->users[at]++;
  if (rank >= CUT) return;
  groups->hits[at]++;
  groups->gains[at] += 1 / log2((double)rank + 2);
}

static json_t *describe(const grouping *groups) {
  json_t *const list = json_array();
  for (int i = 0; i < groups->count; i++) {
    const double users = (double)groups->users[i];
    if (groups->users[i] == 0) continue;
    json_t *const group = json_pack("{s:I}", "from", (json_int_t)groups->from[i]);
    if (i + 1 < groups->count)
      json_object_set_new(group, "to", json_integer(groups->from[i + 1] - 1));
    json_object_set_new(group, "users", json_integer((json_int_t)groups->users[i]));
    json_object_set_new(group, "hr@10", json_real(groups->hits[i] / users));
    json_object_set_new(group, "ndcg@10", json_real(groups->gains[i] / users));
    json_array_append_new(list, group);
  }
  return list;
}

/* counts NULL: by length. */
static json_t *break_down(const s3rec_dataset *dataset, grouping *groups, const int64_t *counts,
                          const int64_t *ranks, size_t users) {
  for (size_t user = 0; user < users; user++) {
    const int32_t *items;
    size_t count;
    if (ranks[user] < 0 || s3rec_dataset_user_items(dataset, user, &items, &count) != S3REC_OK)
      continue;
    add(groups, counts == NULL ? (int64_t)count - 1 : counts[items[count - 1]], ranks[user]);
  }
  return describe(groups);
}

json_t *cli_by_history_length(const s3rec_dataset *dataset, const int64_t *ranks, size_t users) {
  grouping groups = {.from = {2, 3, 5, 10, 20, 50, 100}, .count = 7};
  return break_down(dataset, &groups, NULL, ranks, users);
}

json_t *cli_by_popularity(const s3rec_dataset *dataset, const int64_t *counts, const int64_t *ranks,
                          size_t users) {
  grouping groups = {.from = {0, 1, 5, 10, 20, 50, 100, 500}, .count = 8};
  return break_down(dataset, &groups, counts, ranks, users);
}
