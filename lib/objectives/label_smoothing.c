/* SPDX-License-Identifier: Apache-2.0 */
/* Label smoothing (Szegedy et al. 2016, section 7) with s = label_smoothing: the share s of
 * every label goes to all M items alike, with z = x E^T here, since a bias tells how an item
 * was drawn and is no part of the model (a target's is 0):
 *
 *   q_c = exp(b_c) / sum of exp(b)            1/M without bias; a drawn candidate
 *                                             counts for the items it stands for
 *   loss = 1/N sum over positions of L - (1-s) z_y - s sum over c of q_c z_c
 *
 * The new part is linear in x and in E, so it needs no tile of logits:
 *
 *   e = sum of q_c E_c [H],  sum of q_c z_c = <x, e>
 *   diff_x -= s/N e,  diff_E_c -= s/N q_c sum over n of x_n */
#include "objectives/label_smoothing.h"

#include <math.h>

static double weight_of(const s3_cross_entropy *ce, size_t item) {
  return ce->bias == NULL ? 1.0 : exp((double)ce->bias[item]);
}

static double sum_of_weights(const s3_cross_entropy *ce) {
  double sum = 0.0;
  if (ce->bias == NULL) return (double)ce->item_count;
  for (size_t c = 0; c < ce->item_count; c++) sum += weight_of(ce, c);
  return sum;
}

static void add_row(size_t count, double weight, const float *row, double *sum) {
  for (size_t h = 0; h < count; h++) sum[h] += weight * (double)row[h];
}

static void subtract(size_t count, double weight, const double *src, float *row) {
  for (size_t h = 0; h < count; h++) row[h] -= (float)(weight * src[h]);
}

double s3_smooth_labels(s3_cross_entropy *ce) {
  const size_t hidden = ce->hidden_size, rows = ce->target_count;
  const double share = ce->label_smoothing / (double)rows, weights = sum_of_weights(ce);
  double *mean_item = ce->smoothing, *x_sum = mean_item + hidden, loss = 0.0;
  for (size_t h = 0; h < 2 * hidden; h++) mean_item[h] = 0.0;
  for (size_t c = 0; c < ce->item_count; c++)
    add_row(hidden, weight_of(ce, c) / weights, ce->items + c * hidden, mean_item);
  for (size_t n = 0; n < rows; n++) {
    add_row(hidden, 1.0, ce->x + n * hidden, x_sum);
    subtract(hidden, share, mean_item, ce->diff_x + n * hidden);
  }
  for (size_t c = 0; c < ce->item_count; c++)
    subtract(hidden, share * weight_of(ce, c) / weights, x_sum, ce->diff_items + c * hidden);
  for (size_t h = 0; h < hidden; h++) loss -= share * mean_item[h] * x_sum[h];
  return loss;
}
