/* SPDX-License-Identifier: Apache-2.0 */
/* The best items by way of a compact table. A tile of items is bounded for a few users;
 * for each user its items are then scored in the order of falling bounds, until the
 * next bound is not above the user's k-th best. The next one is found by the maxima of
 * groups of items. */
#include <math.h>

#include "scoring/rank_items.h"

enum { SCORED = 4 /* items at once */ };

/* The bounds of a tile for one row of the group. */
typedef struct tile {
  size_t first, count; /* item i has id 1 + first + i */
  float *bounds;       /* [count], -INFINITY behind it and where an item is done */
  size_t group_count;
  float *maxima; /* [group_count] */
  size_t row;
} tile;

bool s3_rank_quantized_suits(const s3rec_scorer *scorer, size_t kept) {
  /* With many items among the best, many are scored twice. */
  const s3_quantized_items *items = scorer->quantized;
  return items != NULL && items->usable &&
         kept <= (size_t)scorer->model->config.item_size / 16;
}

/* Fills up the last groups: index_of_largest takes sixteen at once. */
static void begin_tile(const s3_kernels *kernels, tile *t) {
  const size_t groups = (t->count + S3_GROUP_VALUES - 1) / S3_GROUP_VALUES;
  t->group_count = (groups + 15) / 16 * 16;
  for (size_t i = t->count; i < groups * S3_GROUP_VALUES; i++) t->bounds[i] = -INFINITY;
  kernels->group_maxima(groups, t->bounds, t->maxima);
  for (size_t g = groups; g < t->group_count; g++) t->maxima[g] = -INFINITY;
}

/* Takes the item of the largest bound out; false when that bound is not above the
 * threshold. With a threshold of NaN every item is. */
static bool take_next(const s3_kernels *kernels, tile *t, float threshold, int32_t *id) {
  const size_t group = kernels->index_of_largest(t->group_count, t->maxima);
  if (t->maxima[group] <= threshold || t->maxima[group] == -INFINITY) return false;
  float *bounds = t->bounds + group * S3_GROUP_VALUES;
  const size_t item = kernels->index_of_largest(S3_GROUP_VALUES, bounds);
  bounds[item] = -INFINITY;
  kernels->group_maxima(1, bounds, t->maxima + group);
  *id = (int32_t)(1 + t->first + group * S3_GROUP_VALUES + item);
  return true;
}

/* Offers the items of a tile that may belong to the best. */
static void offer_tile(const s3rec_scorer *scorer, s3_top_k *top, tile *t) {
  const s3rec_model *model = scorer->model;
  const s3_kernels *kernels = model->context->kernels;
  const size_t width = (size_t)model->config.hidden_size;
  begin_tile(kernels, t);
  for (bool more = true; more;) {
    int32_t ids[SCORED];
    float scores[SCORED];
    size_t count = 0;
    while (count < SCORED && (more = take_next(kernels, t, top->threshold, &ids[count]))) {
      if (!s3_is_left_out(scorer, t->row, ids[count])) count++;
    }
    kernels->gathered_products(count, width, model->weights + model->table.item_embeddings, ids,
                               scorer->users.vectors + t->row * width, scores);
    for (size_t i = 0; i < count; i++) s3_top_k_offer(top, scores[i], ids[i]);
  }
}

/* Bounds the tile for `users` of the users and offers it to them. */
static void rank_tile(s3rec_scorer *scorer, s3_user_rows *rows, size_t first, size_t count,
                      const s3_bound_user *user, const size_t *row_of, size_t users) {
  const size_t blocks = (count + S3_BLOCK_ITEMS - 1) / S3_BLOCK_ITEMS;
  float maxima[S3_BOUND_TILE / S3_GROUP_VALUES];
  s3_quantized_bounds(scorer->quantized, scorer->model, first / S3_BLOCK_ITEMS, blocks, users,
                      user, S3_BOUND_TILE, scorer->scores);
  for (size_t i = 0; i < users; i++) {
    tile t = {.first = first,
              .count = count,
              .bounds = scorer->scores + i * S3_BOUND_TILE,
              .maxima = maxima,
              .row = row_of[i]};
    offer_tile(scorer, &rows->tops[row_of[i]], &t);
  }
}

size_t s3_rank_quantized(s3rec_scorer *scorer, s3_user_rows *rows, size_t kept, size_t *alone) {
  const s3rec_model *model = scorer->model;
  const s3_quantized_items *items = scorer->quantized;
  const size_t width = (size_t)model->config.hidden_size;
  const size_t item_count = (size_t)model->config.item_size - 2;
  s3_bound_user users[S3_USER_GROUP];
  size_t row_of[S3_USER_GROUP], count = 0, alone_count = 0;
  for (size_t row = 0; row < rows->count; row++) {
    char *columns = scorer->user_columns + row * s3_quantized_user_size(items);
    const float *vector = scorer->users.vectors + row * width;
    if (!s3_quantize_user(items, width, vector, columns, &users[count])) {
      alone[alone_count++] = row;
      continue;
    }
    s3_top_k_begin(&rows->tops[row], rows->tops[row].entries, kept);
    row_of[count++] = row;
  }
  for (size_t first = 0; first < item_count; first += S3_BOUND_TILE) {
    const size_t rest = item_count - first;
    for (size_t u = 0; u < count; u += S3_BOUND_USERS) {
      rank_tile(scorer, rows, first, rest < S3_BOUND_TILE ? rest : S3_BOUND_TILE, users + u,
                row_of + u, count - u < S3_BOUND_USERS ? count - u : S3_BOUND_USERS);
    }
  }
  for (size_t u = 0; u < count; u++) s3_top_k_sort(&rows->tops[row_of[u]]);
  return alone_count;
}
