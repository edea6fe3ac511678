/* SPDX-License-Identifier: Apache-2.0 */
/* Segment prediction (paper section 4.3.4; segment_prediction of the reference):
 * the sequence around a masked segment should point to the segment that was cut
 * out rather than to one from elsewhere. c, p, n [S,H] are the last outputs of
 * the encoded masked_segment_sequence, pos_segment and neg_segment.
 *
 *   y = sp_norm(c),  a = <y, p>,  b = <y, n>
 *   loss = sum of -log sigmoid(sigmoid(a) - sigmoid(b))
 *   diff_y = da p + db n,  diff_p = da y,  diff_n = db y
 *
 * Default weight 0.5. */
#include "base/error.h"
#include "objectives/objective.h"

s3rec_status s3_sp(const s3_objective_shard *shard, double weight, double *loss) {
  const size_t hidden = (size_t)shard->config->hidden_size;
  const size_t count = shard->sequence_count;
  s3_objective_scratch *scratch = shard->scratch;
  float *x = scratch->floats, *y = x + count * hidden;
  for (size_t s = 0; s < count; s++) scratch->rows[s] = shard->segment_rows + s;
  S3_TRY(s3_head_forward(shard, S3_HEAD_SP, scratch->rows, count, x, y));
  *loss = 0.0;
  for (size_t s = 0; s < count; s++) {
    const size_t at = (shard->segment_rows + count + s) * hidden, next = count * hidden;
    const float *p = shard->hidden + at, *n = p + next;
    float *diff_p = shard->diff_hidden + at, *diff_n = diff_p + next;
    float *row = y + s * hidden;
    const s3_pair_loss pair =
        s3_pair_loss_of(s3_hidden_dot(shard, row, p), s3_hidden_dot(shard, row, n));
    const float da = (float)(weight * pair.diff_positive);
    const float db = (float)(weight * pair.diff_negative);
    *loss += pair.loss;
    s3_hidden_add(shard, da, row, diff_p);
    s3_hidden_add(shard, db, row, diff_n);
    for (size_t c = 0; c < hidden; c++) row[c] = da * p[c] + db * n[c];
  }
  return s3_head_backward(shard, S3_HEAD_SP, scratch->rows, count, x, y);
}
