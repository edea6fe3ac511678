/* SPDX-License-Identifier: Apache-2.0 */
/* How often items are seen: the baseline every recommender must beat, and metrics by groups. */
#ifndef CLI_POPULARITY_H
#define CLI_POPULARITY_H

#include <jansson.h>

#include "s3rec/s3rec.h"

/* How often each item is in the training part (all but the last held_out_count, 1 or 2,
 * of users with at least 3): counts [item_size - 1] by id, to be freed. NULL when
 * memory runs out. */
int64_t *cli_popularity_count(const s3rec_dataset *dataset, int32_t item_size,
                              size_t held_out_count);

/* One-based place of an item; the lower id first among equals. */
int32_t cli_popularity_place(const int64_t *counts, int32_t item_size, int32_t item);

/* Leave-one-out evaluation as s3rec_evaluate does it, with seen items excluded or
 * included (what a score of 0 does says something about models only). `ranks` may
 * be NULL. */
int cli_popularity_evaluate(const s3rec_dataset *dataset, const s3rec_evaluate_options *how,
                            s3rec_metrics *metrics, int64_t *ranks);

/* -- metrics by groups of users, as arrays of objects for the log: {"from", "to" (missing in the
 * last group), "users", "hr@10", "ndcg@10"}. Groups without users are left out. */

/* ranks: of the test split, a user each, as s3rec_evaluate gives them. Groups by
 * the number of items before the answer. */
json_t *cli_by_history_length(const s3rec_dataset *dataset, const int64_t *ranks, size_t users);

/* By how often the answer occurs in what was trained on; counts as
 * cli_popularity_count gives them. */
json_t *cli_by_popularity(const s3rec_dataset *dataset, const int64_t *counts, const int64_t *ranks,
                          size_t users);

#endif
