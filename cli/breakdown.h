/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics by groups of users, as arrays of objects for the log:
 * {"from", "to" (missing in the last group), "users", "hr@10", "ndcg@10"}.
 * Groups without users are left out. */
#ifndef CLI_BREAKDOWN_H
#define CLI_BREAKDOWN_H

#include <jansson.h>

#include "s3rec/s3rec.h"

/* ranks: of the test split, a user each, as s3rec_evaluate gives them. Groups by
 * the number of items before the answer. */
json_t *cli_by_history_length(const s3rec_dataset *dataset, const int64_t *ranks, size_t users);

/* By how often the answer occurs in what was trained on; counts as
 * cli_popularity_count gives them. */
json_t *cli_by_popularity(const s3rec_dataset *dataset, const int64_t *counts, const int64_t *ranks,
                          size_t users);

#endif
