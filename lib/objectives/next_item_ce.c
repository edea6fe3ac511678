/* SPDX-License-Identifier: Apache-2.0 */
/* Next-item prediction by softmax cross-entropy (arXiv 2301.00979), over the N positions
 * with a target y, E [M,H] the embeddings of the items (of all: M = I-2, b = 0):
 *
 *   z [N,M] = x E^T + b
 *   loss = 1/N sum over positions of log(sum over items of exp(z)) - z_y
 *   diff_z = (softmax(z) - onehot(y)) / N
 *   diff_x = diff_z E,  diff_E = diff_z^T x
 *
 * z never exists as a whole. A first pass walks over tiles [rows, items] for the sums,
 * a second turns each tile into diff_z and uses it at once. Where a block of rows of all
 * items fits into most_kept, it goes through both passes before the next one, and
 * exp(z - maximum so far) is kept in between; for larger tables all rows go through
 * the first pass and the second makes each tile again. A job owns a range of items, so
 * diff_E needs no reduction, and diff_x is kept per job until the caller sums it. */
#include "objectives/next_item_ce.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "kernels/kernels.h"

/* 256 x 256 floats are 256 kB: with its items and their gradient a tile fits into a core's
 * second-level cache. */
enum { TILE_ROWS = 256, TILE_ITEMS = 256 };

static s3rec_status grow_floats(const s3_cross_entropy *ce, float **memory, size_t *capacity,
                                size_t count) {
  return s3_grow(ce->context, (void **)memory, capacity, count, sizeof(float));
}

static float *product_scratch(const s3_cross_entropy *ce, size_t g) {
  return ce->tiles + g * S3_PRODUCT_SCRATCH;
}

/* Room for a group's tiles, each with the maxima it was made with. */
static size_t group_floats(const s3_cross_entropy *ce, size_t item_count) {
  const size_t items = item_count / ce->groups + 1;
  return ce->is_kept ? TILE_ROWS * (items + items / TILE_ITEMS + 1)
                     : (size_t)TILE_ROWS * (TILE_ITEMS + 1);
}

s3rec_status s3_cross_entropy_reserve(s3_cross_entropy *ce, size_t target_count,
                                      size_t most_items) {
  const size_t rows = target_count * ce->hidden_size;
  ce->is_kept = most_items <= ce->most_kept / (TILE_ROWS * sizeof(float));
  S3_TRY(grow_floats(ce, &ce->x, &ce->x_capacity, rows));
  S3_TRY(s3_grow(ce->context, (void **)&ce->targets, &ce->targets_capacity, target_count,
                 sizeof *ce->targets));
  S3_TRY(grow_floats(ce, &ce->diff_x, &ce->diff_x_capacity, ce->groups * rows));
  S3_TRY(grow_floats(ce, &ce->statistics, &ce->statistics_capacity, 2 * ce->groups * target_count));
  S3_TRY(grow_floats(ce, &ce->tiles, &ce->tiles_capacity,
                     ce->groups * (S3_PRODUCT_SCRATCH + group_floats(ce, most_items))));
  S3_TRY(s3_grow(ce->context, (void **)&ce->smoothing, &ce->smoothing_capacity, 2 * ce->hidden_size,
                 sizeof *ce->smoothing));
  ce->target_count = target_count;
  return S3REC_OK;
}

void s3_cross_entropy_free(s3_cross_entropy *ce) {
  s3_free(ce->context, ce->x);
  s3_free(ce->context, ce->targets);
  s3_free(ce->context, ce->diff_x);
  s3_free(ce->context, ce->statistics);
  s3_free(ce->context, ce->tiles);
  s3_free(ce->context, ce->smoothing);
}

size_t s3_cross_entropy_memory(const s3_cross_entropy *ce) {
  return ce->targets_capacity * sizeof *ce->targets +
         ce->smoothing_capacity * sizeof *ce->smoothing +
         (ce->x_capacity + ce->diff_x_capacity + ce->statistics_capacity + ce->tiles_capacity) *
             sizeof(float);
}

/* A tile of logits and where it lies. */
typedef struct logit_tile {
  size_t first_row, rows;
  size_t first_item, items;
  float *logits;  /* [rows, items] */
  float *maximum; /* [rows] what was subtracted, if it is kept */
} logit_tile;

/* The next tile of group g in the block; false after the last. Tiles of one item range
 * come one after another. */
static bool next_logit_tile(const s3_cross_entropy *ce, size_t g, logit_tile *t) {
  const size_t end = ce->item_count * (g + 1) / ce->groups;
  const size_t end_row = ce->first_row + ce->block_rows;
  if (t->items == 0) {
    t->first_row = ce->first_row;
    t->first_item = ce->item_count * g / ce->groups;
    t->logits = product_scratch(ce, ce->groups) + g * group_floats(ce, ce->item_count);
  } else {
    if (ce->is_kept) t->logits = t->maximum + t->rows;
    t->first_row += t->rows;
    if (t->first_row == end_row) {
      t->first_row = ce->first_row;
      t->first_item += t->items;
    }
  }
  if (t->first_item >= end) return false;
  t->rows = end_row - t->first_row < TILE_ROWS ? end_row - t->first_row : TILE_ROWS;
  t->items = end - t->first_item < TILE_ITEMS ? end - t->first_item : TILE_ITEMS;
  t->maximum = t->logits + t->rows * t->items;
  return true;
}

static void make_logits(const s3_cross_entropy *ce, size_t g, const logit_tile *t) {
  const size_t hidden = ce->hidden_size;
  if (ce->bias != NULL)
    for (size_t r = 0; r < t->rows; r++)
      memcpy(t->logits + r * t->items, ce->bias + t->first_item, t->items * sizeof *ce->bias);
  ce->context->kernels->product(S3_PRODUCT_NT, t->rows, t->items, hidden,
                                ce->x + t->first_row * hidden, hidden,
                                ce->items + t->first_item * hidden, hidden, ce->bias != NULL,
                                t->logits, t->items, product_scratch(ce, g));
}

static s3rec_status sum_exponentials_job(void *argument, size_t g, size_t worker) {
  (void)worker;
  s3_cross_entropy *ce = argument;
  float *maximum = ce->statistics + 2 * g * ce->target_count;
  float *sum = maximum + ce->target_count;
  for (size_t n = ce->first_row; n < ce->first_row + ce->block_rows; n++) {
    maximum[n] = -INFINITY;
    sum[n] = 0.0f;
  }
  for (logit_tile t = {0}; next_logit_tile(ce, g, &t);) {
    make_logits(ce, g, &t);
    ce->context->kernels->softmax_accumulate(t.rows, t.items, t.logits, maximum + t.first_row,
                                             sum + t.first_row);
    if (ce->is_kept) memcpy(t.maximum, maximum + t.first_row, t.rows * sizeof *t.maximum);
  }
  return S3REC_OK;
}

/* diff_z without its -1 / N at the target. */
static void make_softmax(const s3_cross_entropy *ce, size_t g, const logit_tile *t) {
  const float *maximum = ce->statistics + t->first_row, *factor = maximum + ce->target_count;
  if (!ce->is_kept) {
    make_logits(ce, g, t);
    ce->context->kernels->softmax_gradient(t->rows, t->items, t->logits, maximum, factor);
    return;
  }
  for (size_t r = 0; r < t->rows; r++) t->maximum[r] = factor[r] * expf(t->maximum[r] - maximum[r]);
  ce->context->kernels->scale_rows(t->rows, t->items, t->logits, t->maximum);
}

static s3rec_status cross_entropy_gradient_job(void *argument, size_t g, size_t worker) {
  (void)worker;
  s3_cross_entropy *ce = argument;
  const size_t hidden = ce->hidden_size;
  const float label = (float)(1.0 - ce->label_smoothing) / (float)ce->target_count;
  const s3_kernels *kernels = ce->context->kernels;
  float *diff_x = ce->diff_x + g * ce->target_count * hidden, *scratch = product_scratch(ce, g);
  memset(diff_x + ce->first_row * hidden, 0, ce->block_rows * hidden * sizeof *diff_x);
  for (logit_tile t = {0}; next_logit_tile(ce, g, &t);) {
    make_softmax(ce, g, &t);
    for (size_t r = 0; r < t.rows; r++) {
      const size_t target = (size_t)ce->targets[t.first_row + r];
      if (target >= t.first_item && target < t.first_item + t.items)
        t.logits[r * t.items + target - t.first_item] -= label;
    }
    const float *items = ce->items + t.first_item * hidden;
    kernels->product(S3_PRODUCT_NN, t.rows, hidden, t.items, t.logits, t.items, items, hidden, true,
                     diff_x + t.first_row * hidden, hidden, scratch);
    kernels->product(S3_PRODUCT_TN, t.items, hidden, t.rows, t.logits, t.items,
                     ce->x + t.first_row * hidden, hidden, t.first_row > 0,
                     ce->diff_items + t.first_item * hidden, hidden, scratch);
  }
  return S3REC_OK;
}

/* Folds the groups' maxima and sums of a position: maximum to the first group's
 * place, 1 / (N sum) after it. Returns the log-sum. */
static double fold_statistics(const s3_cross_entropy *ce, size_t n) {
  float *first = ce->statistics + n;
  float maximum = -INFINITY;
  double sum = 0.0;
  for (size_t g = 0; g < ce->groups; g++) {
    const float m = first[2 * g * ce->target_count];
    if (m > maximum) maximum = m;
  }
  for (size_t g = 0; g < ce->groups; g++) {
    const float *statistics = first + 2 * g * ce->target_count;
    sum += (double)statistics[ce->target_count] * (double)expf(statistics[0] - maximum);
  }
  first[0] = maximum;
  first[ce->target_count] = (float)(1.0 / (sum * (double)ce->target_count));
  return (double)maximum + log(sum);
}

static double target_logit(const s3_cross_entropy *ce, size_t n) {
  const size_t target = (size_t)ce->targets[n];
  float logit;
  ce->context->kernels->matrix_vector(1, ce->hidden_size, ce->x + n * ce->hidden_size,
                                      ce->items + target * ce->hidden_size, &logit);
  return ce->bias == NULL ? (double)logit : (double)logit + (double)ce->bias[target];
}

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

static double smoothing_weight(const s3_cross_entropy *ce, size_t item) {
  return ce->bias == NULL ? 1.0 : exp((double)ce->bias[item]);
}

static double sum_of_smoothing_weights(const s3_cross_entropy *ce) {
  double sum = 0.0;
  if (ce->bias == NULL) return (double)ce->item_count;
  for (size_t c = 0; c < ce->item_count; c++) sum += smoothing_weight(ce, c);
  return sum;
}

static void add_weighted_row(size_t count, double weight, const float *row, double *sum) {
  for (size_t h = 0; h < count; h++) sum[h] += weight * (double)row[h];
}

static void subtract_weighted(size_t count, double weight, const double *src, float *row) {
  for (size_t h = 0; h < count; h++) row[h] -= (float)(weight * src[h]);
}

/* Turns the sums and gradients of a cross-entropy over the labels (1-s) onehot(y) into those
 * over (1-s) onehot(y) + s q. Returns what the mean loss lacks: -s/N sum over q_c z_c. */
static double smooth_labels(s3_cross_entropy *ce) {
  const size_t hidden = ce->hidden_size, rows = ce->target_count;
  const double share = ce->label_smoothing / (double)rows, weights = sum_of_smoothing_weights(ce);
  double *mean_item = ce->smoothing, *x_sum = mean_item + hidden, loss = 0.0;
  for (size_t h = 0; h < 2 * hidden; h++) mean_item[h] = 0.0;
  for (size_t c = 0; c < ce->item_count; c++)
    add_weighted_row(hidden, smoothing_weight(ce, c) / weights, ce->items + c * hidden, mean_item);
  for (size_t n = 0; n < rows; n++) {
    add_weighted_row(hidden, 1.0, ce->x + n * hidden, x_sum);
    subtract_weighted(hidden, share, mean_item, ce->diff_x + n * hidden);
  }
  for (size_t c = 0; c < ce->item_count; c++)
    subtract_weighted(hidden, share * smoothing_weight(ce, c) / weights, x_sum,
                      ce->diff_items + c * hidden);
  for (size_t h = 0; h < hidden; h++) loss -= share * mean_item[h] * x_sum[h];
  return loss;
}

s3rec_status s3_cross_entropy_run(s3_cross_entropy *ce, s3_thread_pool *pool, double *loss) {
  double total = 0.0;
  for (ce->first_row = 0; ce->first_row < ce->target_count; ce->first_row += ce->block_rows) {
    const size_t left = ce->target_count - ce->first_row;
    ce->block_rows = ce->is_kept && left > TILE_ROWS ? TILE_ROWS : left;
    S3_TRY(s3_thread_pool_run(pool, ce->groups, sum_exponentials_job, ce));
    for (size_t n = ce->first_row; n < ce->first_row + ce->block_rows; n++)
      total += fold_statistics(ce, n) - (1.0 - ce->label_smoothing) * target_logit(ce, n);
    S3_TRY(s3_thread_pool_run(pool, ce->groups, cross_entropy_gradient_job, ce));
  }
  *loss = total / (double)ce->target_count;
  if (ce->label_smoothing > 0.0) *loss += smooth_labels(ce);
  return S3REC_OK;
}
