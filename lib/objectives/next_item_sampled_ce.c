/* SPDX-License-Identifier: Apache-2.0 */
/* Next-item prediction by a sampled softmax with logQ correction (arXiv 1412.2007): the
 * cross-entropy of next_item_ce.c over M candidates c out of the items 1..I-2,
 *
 *   the T distinct targets of the step,      b_c = 0
 *   each other item with chance p,           b_c = -log p,  p = min(1, K / (I-2-T))
 *
 *   loss = 1/N sum over positions of log(sum over candidates of exp(z_c + b_c)) - z_y
 *
 * A drawn item stands for 1/p items, so the sum's expectation is that over all items, and
 * with p = 1 it is that sum. K = negative_count is how many are drawn on average.
 *
 *   diff_E: rows of the candidates alone */
#include "objectives/next_item_sampled_ce.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/random.h"

/* What is drawn on average, eight standard deviations, and a margin for small K. In less
 * than one step of 1e15 more are drawn, and those are left out. So the memory of a step is
 * known before it draws. */
static double most_drawn(size_t negative_count) {
  const double mean = (double)negative_count;
  return ceil(mean + 8.0 * sqrt(mean) + 32.0);
}

s3rec_status s3_candidates_reserve(s3_candidates *c, size_t target_count, size_t item_count,
                                   size_t negative_count) {
  const size_t most = target_count + (size_t)most_drawn(negative_count);
  const size_t width = c->gradient.width;
  c->most = most < item_count ? most : item_count;
  S3_TRY(s3_item_rows_reserve(&c->gradient, c->most));
  S3_TRY(s3_grow(c->context, (void **)&c->items, &c->items_capacity, c->most * width,
                 sizeof *c->items));
  return s3_grow(c->context, (void **)&c->bias, &c->bias_capacity, c->most, sizeof *c->bias);
}

/* The distinct targets, in order of their first use; their numbers in ce->targets become
 * those of the candidates. */
static void take_targets(s3_candidates *c, s3_cross_entropy *ce) {
  s3_item_rows *list = &c->gradient;
  for (size_t n = 0; n < ce->target_count; n++) {
    const int32_t id = ce->targets[n] + 1;
    if (list->row_of[id] == 0) {
      list->ids[list->count++] = id;
      list->row_of[id] = (uint32_t)list->count;
    }
    ce->targets[n] = (int32_t)list->row_of[id] - 1;
  }
}

/* Each item that is no target with chance p. The gaps between items drawn with chance p
 * are geometric; to draw these takes time for the drawn ones alone. A target among them
 * is passed over. */
static void draw_others(s3_candidates *c, uint64_t key, size_t item_count, double p) {
  s3_item_rows *list = &c->gradient;
  const double log_missed = p < 1.0 ? log1p(-p) : -INFINITY; /* no gaps */
  s3_random random = s3_random_make(key);
  for (size_t id = 1; c->most > list->count; id++) {
    const double gap = floor(log(1.0 - s3_random_uniform(&random)) / log_missed);
    if (gap > (double)item_count - (double)id) return;
    id += (size_t)gap;
    if (list->row_of[id] == 0) list->ids[list->count++] = (int32_t)id;
  }
}

void s3_candidates_draw(s3_candidates *c, uint64_t key, size_t negative_count, uint32_t *row_of,
                        s3_cross_entropy *ce) {
  const size_t width = c->gradient.width, item_count = ce->item_count;
  s3_item_rows_begin(&c->gradient, row_of);
  take_targets(c, ce);
  const size_t targets = c->gradient.count, others = item_count - targets;
  const double p = others <= negative_count ? 1.0 : (double)negative_count / (double)others;
  draw_others(c, key, item_count, p);
  s3_item_rows_end(&c->gradient);
  for (size_t i = 0; i < c->gradient.count; i++) {
    memcpy(c->items + i * width, ce->items + (size_t)(c->gradient.ids[i] - 1) * width,
           width * sizeof *c->items);
    c->bias[i] = i < targets ? 0.0f : (float)-log(p);
  }
  ce->item_count = c->gradient.count;
  ce->items = c->items;
  ce->bias = c->bias;
  ce->diff_items = c->gradient.rows;
}

void s3_candidates_free(s3_candidates *c) {
  s3_item_rows_free(&c->gradient);
  s3_free(c->context, c->items);
  s3_free(c->context, c->bias);
}

size_t s3_candidates_memory(const s3_candidates *c) {
  return s3_item_rows_memory(&c->gradient) +
         (c->items_capacity + c->bias_capacity) * sizeof *c->items;
}
