/* SPDX-License-Identifier: Apache-2.0 */
/* Ranking metrics of leave-one-out evaluation, from zero-based ranks:
 *   HR@k = share of ranks below k
 *   NDCG@k = mean of 1 / log2(rank + 2) where rank < k, else 0
 *   MRR = mean of 1 / (rank + 1) */
#ifndef S3_SCORING_METRICS_H
#define S3_SCORING_METRICS_H

#include "s3rec/scorer.h"

/* Fills the counts and means of `metrics`; rank -1 is a skipped user. All means
 * are 0 when every user is skipped. Adds in user order. */
void s3_metrics_from_ranks(const int64_t *ranks, size_t user_count, s3rec_metrics *metrics);

#endif
