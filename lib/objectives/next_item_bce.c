/* SPDX-License-Identifier: Apache-2.0 */
/* Next-item prediction with one negative a position, the paper's fine-tune loss
 * (cross_entropy of the reference): over the N positions with a target,
 *
 *   p = <x, e_pos>,  n = <x, e_neg>
 *   loss = 1/N sum of -log(sigmoid(p) + 1e-24) - log(1 - sigmoid(n) + 1e-24)
 *   diff_x = dp e_pos + dn e_neg,  diff_e_pos = dp x,  diff_e_neg = dn x */
#include <math.h>

#include "base/error.h"
#include "objectives/objective.h"

s3rec_status s3_next_item_bce(const s3_objective_shard *shard, double *loss) {
  const size_t hidden = (size_t)shard->config->hidden_size;
  const double mean = 1.0 / (double)shard->batch->target_count;
  *loss = 0.0;
  for (size_t i = 0; i < shard->token_count; i++) {
    const size_t token = shard->first_token + i;
    const int32_t positive = shard->batch->ids[S3_STREAM_POS][token];
    const int32_t negative = shard->batch->ids[S3_STREAM_NEG][token];
    if (positive == 0) continue;
    const float *x = shard->hidden + i * hidden;
    const float *e_pos = s3_item_row(shard, positive), *e_neg = s3_item_row(shard, negative);
    const double p = s3_sigmoid(s3_hidden_dot(shard, x, e_pos));
    const double miss = s3_sigmoid(-s3_hidden_dot(shard, x, e_neg)); /* 1 - sigmoid(n) */
    *loss += mean * (-log(p + 1e-24) - log(miss + 1e-24));
    const double dp = -mean * p * (1.0 - p) / (p + 1e-24);
    const double dn = mean * miss * (1.0 - miss) / (miss + 1e-24);
    s3_hidden_add(shard, dp, e_pos, shard->diff_hidden + i * hidden);
    s3_hidden_add(shard, dn, e_neg, shard->diff_hidden + i * hidden);
    S3_TRY(s3_item_rows_add(shard->diff_items, positive, (float)dp, x));
    S3_TRY(s3_item_rows_add(shard->diff_items, negative, (float)dn, x));
  }
  return S3REC_OK;
}
