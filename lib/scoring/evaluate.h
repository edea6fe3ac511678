/* SPDX-License-Identifier: Apache-2.0 */
/* Leave-one-out evaluation: the rank of each user's held-out item, and from zero-based
 * ranks the metrics
 *   HR@k = share of ranks below k
 *   NDCG@k = mean of 1 / log2(rank + 2) where rank < k, else 0
 *   MRR = mean of 1 / (rank + 1) */
#ifndef S3_SCORING_EVALUATE_H
#define S3_SCORING_EVALUATE_H

#include "data/dataset.h"
#include "model/model.h"
#include "s3rec/scorer.h"

/* `ranks` may be NULL, else [users]: -1 for a user too short for the split. The
 * answer's rank is the number of items above it; equal scores rank by lower id.
 *   full, INCLUDE: items 1..item_size-2
 *   full, EXCLUDE: those that are not in the history; of an answer that is, the rank
 *     is S3REC_RANK_EXCLUDED
 *   full, ZERO: rows 0..item_size-1, history items with score 0, an answer that
 *     is among them too, as in the reference
 *   sampled: the listed negatives, as often as they are listed */
s3rec_status s3_evaluate(s3rec_model *model, const s3rec_dataset *dataset,
                         const s3rec_evaluate_options *options, s3rec_metrics *metrics,
                         int64_t *ranks);

/* Fills the counts and means of `metrics`; rank -1 is a skipped user. All means
 * are 0 when every user is skipped. Adds in user order. */
void s3_metrics_from_ranks(const int64_t *ranks, size_t user_count, s3rec_metrics *metrics);

#endif
