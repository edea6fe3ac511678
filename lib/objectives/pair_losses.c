/* SPDX-License-Identifier: Apache-2.0 */
/* Three objectives that compare a positive with a negative: mip and sp of pretraining,
 * which share a loss, and bce of fine-tuning. */
#include <math.h>

#include "base/error.h"
#include "objectives/objective.h"

static double sigmoid(double x) { return 1.0 / (1.0 + exp(-x)); }

/* -log sigmoid(sigmoid(positive) - sigmoid(negative)), a sigmoid of a difference of
 * sigmoids as in the reference, with its two derivatives. */
typedef struct pair_loss {
  double loss, diff_positive, diff_negative;
} pair_loss;

static pair_loss pair_loss_of(double positive, double negative) {
  const double p = sigmoid(positive), n = sigmoid(negative);
  const double miss = sigmoid(n - p);
  return (pair_loss){log1p(exp(n - p)), -miss * p * (1.0 - p), miss * n * (1.0 - n)};
}

/* Masked item prediction (paper section 4.3.2; masked_item_prediction of the
 * reference): at each of the M masked positions, the item that was there (e_pos) is compared
 * with one that is not in the sequence (e_neg).
 *
 *   y [M,H] = mip_norm(x),  p = <y, e_pos>,  n = <y, e_neg>
 *   loss = sum of -log sigmoid(sigmoid(p) - sigmoid(n))
 *   diff_y = dp e_pos + dn e_neg,  diff_e_pos = dp y,  diff_e_neg = dn y
 *
 * Default weight 1. */
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
    const pair_loss pair =
        pair_loss_of(s3_hidden_dot(shard, row, e_pos), s3_hidden_dot(shard, row, e_neg));
    const float dp = (float)(weight * pair.diff_positive);
    const float dn = (float)(weight * pair.diff_negative);
    *loss += pair.loss;
    S3_TRY(s3_item_rows_add(shard->diff_items, positive, dp, row));
    S3_TRY(s3_item_rows_add(shard->diff_items, negative, dn, row));
    for (size_t c = 0; c < hidden; c++) row[c] = dp * e_pos[c] + dn * e_neg[c];
  }
  return s3_head_backward(shard, S3_HEAD_MIP, scratch->rows, count, x, y);
}

/* Segment prediction (paper section 4.3.4; segment_prediction of the reference):
 * the sequence around a masked segment should be nearer to the segment that was cut
 * out than to a segment from another place. c, p, n [S,H] are the last outputs of
 * the encoded masked_segment_sequence, pos_segment and neg_segment.
 *
 *   y = sp_norm(c),  a = <y, p>,  b = <y, n>
 *   loss = sum of -log sigmoid(sigmoid(a) - sigmoid(b))
 *   diff_y = da p + db n,  diff_p = da y,  diff_n = db y
 *
 * Default weight 0.5. */
s3rec_status s3_sp(const s3_objective_shard *shard, double weight, double *loss) {
  const size_t hidden = (size_t)shard->config->hidden_size;
  const size_t count = shard->sequence_count;
  s3_objective_scratch *scratch = shard->scratch;
  float *x = scratch->floats, *y = x + count * hidden;
  for (size_t s = 0; s < count; s++) scratch->rows[s] = shard->segment_rows + s;
  S3_TRY(s3_head_forward(shard, S3_HEAD_SP, scratch->rows, count, x, y));
  *loss = 0.0;
  for (size_t s = 0; s < count; s++) {
    const size_t positive = (shard->segment_rows + count + s) * hidden;
    const size_t negative = positive + count * hidden;
    const float *p = shard->hidden + positive, *n = shard->hidden + negative;
    float *diff_p = shard->diff_hidden + positive, *diff_n = shard->diff_hidden + negative;
    float *row = y + s * hidden;
    const pair_loss pair = pair_loss_of(s3_hidden_dot(shard, row, p), s3_hidden_dot(shard, row, n));
    const float da = (float)(weight * pair.diff_positive);
    const float db = (float)(weight * pair.diff_negative);
    *loss += pair.loss;
    s3_hidden_add(shard, da, row, diff_p);
    s3_hidden_add(shard, db, row, diff_n);
    for (size_t c = 0; c < hidden; c++) row[c] = da * p[c] + db * n[c];
  }
  return s3_head_backward(shard, S3_HEAD_SP, scratch->rows, count, x, y);
}

/* Next-item prediction with one negative per position, the paper's fine-tune loss
 * (cross_entropy of the reference): over the N positions with a target,
 *
 *   p = <x, e_pos>,  n = <x, e_neg>
 *   loss = 1/N sum of -log(sigmoid(p) + 1e-24) - log(1 - sigmoid(n) + 1e-24)
 *   diff_x = dp e_pos + dn e_neg,  diff_e_pos = dp x,  diff_e_neg = dn x */
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
    const double p = sigmoid(s3_hidden_dot(shard, x, e_pos));
    const double miss = sigmoid(-s3_hidden_dot(shard, x, e_neg)); /* 1 - sigmoid(n) */
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
