/* SPDX-License-Identifier: Apache-2.0 */
/* How often items occur: the baseline that a recommender must beat, and metrics by groups. */
#ifndef CLI_POPULARITY_H
#define CLI_POPULARITY_H

#include <jansson.h>

#include "s3rec/s3rec.h"

/* How often each item occurs in the training part: all items but the last held_out_count (1 or 2)
 * of users with at least 3 items. Returns counts [item_size] by id; the caller frees them. NULL
 * when memory runs out. */
int64_t *cli_popularity_count(const s3rec_dataset *dataset, int32_t item_size,
                              size_t held_out_count);

/* Place of an item, the first is 1. Among equal counts the lower id comes first. */
int32_t cli_popularity_place(const int64_t *counts, int32_t item_size, int32_t item);

/* Leave-one-out evaluation as in s3rec_evaluate, with seen items excluded or included. Score 0 for
 * seen items makes sense for models only. `ranks` may be NULL. */
int cli_popularity_evaluate(const s3rec_dataset *dataset, const s3rec_evaluate_options *how,
                            s3rec_metrics *metrics, int64_t *ranks);

/* -- metrics by groups of users, as arrays of objects for the log: {"from", "to" (missing in the
 * last group), "users", "hr@10", "ndcg@10"}. Groups without users are left out. */

/* Groups by the number of items before the held-out item. ranks: on the test split, one per user,
 * as s3rec_evaluate gives them. */
json_t *cli_by_history_length(const s3rec_dataset *dataset, const int64_t *ranks, size_t users);

/* Groups by how often the held-out item occurs in the training items. counts: as
 * cli_popularity_count gives them. */
json_t *cli_by_popularity(const s3rec_dataset *dataset, const int64_t *counts, const int64_t *ranks,
                          size_t users);

#endif
