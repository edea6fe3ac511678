/* SPDX-License-Identifier: Apache-2.0 */
/* Masked item prediction (paper section 4.3.2; masked_item_prediction of the
 * reference): at each of the M masked positions, the item that was there against
 * one that is not in the sequence.
 *
 *   y [M,H] = mip_norm(x),  p = <y, e_pos>,  n = <y, e_neg>
 *   loss = sum of -log sigmoid(sigmoid(p) - sigmoid(n))
 *   diff_y = dp e_pos + dn e_neg,  diff_e_pos = dp y,  diff_e_neg = dn y
 *
 * Default weight 1. */
#include "base/error.h"
#include "objectives/positions.h"

s3rec_status s3_mip(const s3_objective_shard *shard, double weight, double *loss) {
  const size_t hidden = (size_t)shard->config->hidden_size;
  const s3_objective_scratch *scratch = shard->scratch;
  const size_t count = s3_select_positions(shard, true);
  float *x = scratch->floats, *y = x + count * hidden;
  *loss = 0.0;
  S3_TRY(s3_head_forward(shard, S3_HEAD_MIP, scratch->rows, count, x, y));
  for (size_t r = 0; r < count; r++) {
    const size_t token = shard->first_token + scratch->rows[r];
    const int32_t positive = shard->batch->ids[S3_STREAM_POS][token];
    const int32_t negative = shard->batch->ids[S3_STREAM_NEG][token];
    const float *e_pos = s3_item_row(shard, positive), *e_neg = s3_item_row(shard, negative);
    float *row = y + r * hidden;
    const s3_pair_loss pair =
        s3_pair_loss_of(s3_hidden_dot(shard, row, e_pos), s3_hidden_dot(shard, row, e_neg));
    const float dp = (float)(weight * pair.diff_positive);
    const float dn = (float)(weight * pair.diff_negative);
    *loss += pair.loss;
    S3_TRY(s3_item_rows_add(shard->diff_items, positive, dp, row));
    S3_TRY(s3_item_rows_add(shard->diff_items, negative, dn, row));
    for (size_t c = 0; c < hidden; c++) row[c] = dp * e_pos[c] + dn * e_neg[c];
  }
  return s3_head_backward(shard, S3_HEAD_MIP, scratch->rows, count, x, y);
}
