/* SPDX-License-Identifier: Apache-2.0 */
#include "popularity.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "cli.h"

int64_t *cli_popularity_count(const s3rec_dataset *dataset, int32_t item_size,
                              size_t held_out_count) {
  int64_t *const counts = calloc((size_t)item_size, sizeof *counts);
  const int32_t *items;
  size_t count;
  if (counts == NULL) return NULL;
  for (size_t user = 0; s3rec_dataset_user_items(dataset, user, &items, &count) == S3REC_OK; user++)
    for (size_t i = 0; i < (count < 3 ? count : count - held_out_count); i++) counts[items[i]]++;
  return counts;
}

static bool more_popular(const int64_t *counts, int32_t a, int32_t b) {
  return counts[a] > counts[b] || (counts[a] == counts[b] && a < b);
}

int32_t cli_popularity_place(const int64_t *counts, int32_t item_size, int32_t item) {
  int32_t place = 1;
  for (int32_t other = 1; other < item_size - 1; other++)
    if (other != item && more_popular(counts, other, item)) place++;
  return place;
}

/* Rank of the answer in the full protocol, from 0. `unseen` is a copy of the counts, before the
 * call and after it. */
static int64_t full_rank(const int64_t *counts, int32_t item_size, s3rec_seen_policy seen,
                         const int32_t *history, size_t length, int32_t answer, int64_t *unseen) {
  if (seen == S3REC_SEEN_EXCLUDE)
    for (size_t i = 0; i < length; i++) unseen[history[i]] = -1; /* after every other item */
  const int64_t rank = unseen[answer] < 0 ? S3REC_RANK_EXCLUDED
                                          : cli_popularity_place(unseen, item_size, answer) - 1;
  for (size_t i = 0; i < length; i++) unseen[history[i]] = counts[history[i]];
  return rank;
}

static void add_rank_to_metrics(s3rec_metrics *metrics, int64_t rank) {
  static const int64_t hit_cuts[] = {1, 5, 10, 20}, ndcg_cuts[] = {5, 10, 20};
  for (int i = 0; i < 4; i++) metrics->hit_rate[i] += rank < hit_cuts[i];
  for (int i = 0; i < 3; i++)
    metrics->ndcg[i] += rank < ndcg_cuts[i] ? 1 / log2((double)rank + 2) : 0;
  metrics->mrr += 1 / ((double)rank + 1);
  metrics->user_count++;
}

static int rank_user_by_popularity(const s3rec_dataset *dataset, const s3rec_evaluate_options *how,
                                   size_t user, const int64_t *counts, int32_t item_size,
                                   int64_t *unseen, int64_t *rank) {
  const int32_t *items, *negatives;
  size_t count, negative_count;
  s3rec_status status = s3rec_dataset_user_items(dataset, user, &items, &count);
  if (status != S3REC_OK) return cli_fail_status(status);
  *rank = -1;
  if (count < 3) return CLI_OK;
  const size_t length = count - (how->split == S3REC_SPLIT_VALID ? 2 : 1);
  const int32_t answer = items[length];
  if (how->protocol == S3REC_PROTOCOL_FULL) {
    *rank = full_rank(counts, item_size, how->seen, items, length, answer, unseen);
    return CLI_OK;
  }
  status = s3rec_dataset_user_negatives(dataset, user, &negatives, &negative_count);
  if (status != S3REC_OK) return cli_fail_status(status);
  *rank = 0;
  for (size_t i = 0; i < negative_count; i++) {
    const bool known = negatives[i] > 0 && negatives[i] < item_size - 1;
    if (known && negatives[i] != answer && more_popular(counts, negatives[i], answer)) (*rank)++;
  }
  return CLI_OK;
}

static int rank_users_by_popularity(const s3rec_dataset *dataset, const s3rec_evaluate_options *how,
                                    const s3rec_dataset_info *info, const int64_t *counts,
                                    int64_t *unseen, s3rec_metrics *metrics, int64_t *ranks) {
  for (int32_t item = 0; item < info->item_size; item++) unseen[item] = counts[item];
  for (size_t user = 0; user < info->user_count; user++) {
    int64_t rank = -1;
    CLI_TRY(rank_user_by_popularity(dataset, how, user, counts, info->item_size, unseen, &rank));
    if (rank < 0)
      metrics->skipped_count++;
    else
      add_rank_to_metrics(metrics, rank);
    if (ranks != NULL) ranks[user] = rank;
  }
  const double users = metrics->user_count == 0 ? 1 : (double)metrics->user_count;
  for (int i = 0; i < 4; i++) metrics->hit_rate[i] /= users;
  for (int i = 0; i < 3; i++) metrics->ndcg[i] /= users;
  metrics->mrr /= users;
  return CLI_OK;
}

int cli_popularity_evaluate(const s3rec_dataset *dataset, const s3rec_evaluate_options *how,
                            s3rec_metrics *metrics, int64_t *ranks) {
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  const s3rec_status status = s3rec_dataset_info_get(dataset, &info);
  if (status != S3REC_OK) return cli_fail_status(status);
  s3rec_metrics_init(metrics);
  metrics->split = how->split;
  metrics->protocol = how->protocol;
  metrics->seen = how->seen;
  int64_t *const counts = cli_popularity_count(dataset, info.item_size, 2);
  int64_t *const unseen = calloc((size_t)info.item_size, sizeof *unseen);
  const int code =
      counts == NULL || unseen == NULL
          ? cli_fail(CLI_FAILURE, "out of memory")
          : rank_users_by_popularity(dataset, how, &info, counts, unseen, metrics, ranks);
  free(counts);
  free(unseen);
  return code;
}

/* -- groups of users */

enum { GROUP_LIMIT = 8, CUT = 10 };

/* A group begins at each number and ends before the next one. The numbers are fixed, so that runs
 * and data sets can be compared. */
typedef struct grouping {
  int64_t from[GROUP_LIMIT];
  int count;
  size_t users[GROUP_LIMIT];
  double hits[GROUP_LIMIT], gains[GROUP_LIMIT];
} grouping;

static void add_to_group(grouping *groups, int64_t value, int64_t rank) {
  int at = 0;
  while (at + 1 < groups->count && groups->from[at + 1] <= value) at++;
  groups->users[at]++;
  if (rank >= CUT) return;
  groups->hits[at]++;
  groups->gains[at] += 1 / log2((double)rank + 2);
}

static json_t *describe_groups(const grouping *groups) {
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

/* counts NULL: groups by length of the history. */
static json_t *metrics_by_group(const s3rec_dataset *dataset, grouping *groups,
                                const int64_t *counts, const int64_t *ranks, size_t users) {
  for (size_t user = 0; user < users; user++) {
    const int32_t *items;
    size_t count;
    if (ranks[user] < 0 || s3rec_dataset_user_items(dataset, user, &items, &count) != S3REC_OK)
      continue;
    add_to_group(groups, counts == NULL ? (int64_t)count - 1 : counts[items[count - 1]],
                 ranks[user]);
  }
  return describe_groups(groups);
}

json_t *cli_by_history_length(const s3rec_dataset *dataset, const int64_t *ranks, size_t users) {
  grouping groups = {.from = {2, 3, 5, 10, 20, 50, 100}, .count = 7};
  return metrics_by_group(dataset, &groups, NULL, ranks, users);
}

json_t *cli_by_popularity(const s3rec_dataset *dataset, const int64_t *counts, const int64_t *ranks,
                          size_t users) {
  grouping groups = {.from = {0, 1, 5, 10, 20, 50, 100, 500}, .count = 8};
  return metrics_by_group(dataset, &groups, counts, ranks, users);
}
