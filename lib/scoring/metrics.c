/* SPDX-License-Identifier: Apache-2.0 */
#include "scoring/metrics.h"

#include <math.h>

static const int64_t hit_rate_depths[4] = {1, 5, 10, 20};
static const int64_t ndcg_depths[3] = {5, 10, 20};

void s3_metrics_from_ranks(const int64_t *ranks, size_t user_count, s3rec_metrics *metrics) {
  size_t evaluated = 0;
  double hits[4] = {0}, gain[3] = {0}, reciprocal = 0;
  for (size_t user = 0; user < user_count; user++) {
    const int64_t rank = ranks[user];
    if (rank < 0) continue;
    ++evaluated;
    for (int i = 0; i < 4; i++) hits[i] += rank < hit_rate_depths[i];
    for (int i = 0; i < 3; i++) {
      if (rank < ndcg_depths[i]) gain[i] += 1.0 / log2((double)rank + 2.0);
    }
    reciprocal += 1.0 / ((double)rank + 1.0);
  }
  const double users = evaluated == 0 ? 1.0 : (double)evaluated;
  metrics->user_count = evaluated;
  metrics->skipped_count = user_count - evaluated;
  for (int i = 0; i < 4; i++) metrics->hit_rate[i] = hits[i] / users;
  for (int i = 0; i < 3; i++) metrics->ndcg[i] = gain[i] / users;
  metrics->mrr = reciprocal / users;
}
