/* SPDX-License-Identifier: Apache-2.0 */
/* The item table is read once for a group of users, tile by tile, and only scores
 * above a user's k-th best are looked at one by one. Only those are checked
 * against what is left out. There are three ways:
 *
 *   alone       each user by matrix-vector products and a vectorised search
 *   together    many users by one matrix product; a few more than k are picked and
 *               scored again as if alone
 *   quantized   bounds from the compact table; items are scored by the weights in the
 *               order of falling bounds
 *
 * All three give the same ids and bits. A row that the second or third cannot decide is
 * ranked alone. */
#include "scoring/rank_items.h"

#include <math.h>
#include <string.h>

#include "kernels/kernels.h"

/* Some of the items that are ranked. */
typedef struct item_tile {
  const int32_t *ids; /* candidates; NULL: item i is first_id + i */
  int32_t first_id;
  size_t count;
} item_tile;

static const float *table_of(const s3rec_scorer *scorer) {
  return scorer->model->weights + scorer->model->table.item_embeddings;
}

static size_t width_of(const s3rec_scorer *scorer) {
  return (size_t)scorer->model->config.hidden_size;
}

static void offer_item(const s3rec_scorer *scorer, s3_user_rows *rows, size_t row,
                       const item_tile *tile, size_t i, float score) {
  const int32_t id = tile->ids != NULL ? tile->ids[i] : tile->first_id + (int32_t)i;
  if (!s3_is_left_out(scorer, row, id)) s3_top_k_offer(&rows->tops[row], score, id);
}

/* The next tile after `position` items. Tiles start small and double, so that
 * the k-th best is a good threshold before most scores are compared with it. */
static item_tile next_tile(const s3rec_scorer *scorer, bool candidates, size_t position,
                           size_t item_count) {
  const size_t most = candidates ? S3_TILE_CANDIDATES : S3_TILE_ITEMS;
  size_t count = position < 64 ? 64 : position;
  if (count > most) count = most;
  if (count > item_count - position) count = item_count - position;
  if (candidates) return (item_tile){.ids = scorer->candidates + position, .count = count};
  return (item_tile){.first_id = (int32_t)(1 + position), .count = count};
}

/* Offers a tile to one row, by itself. */
static void score_alone(s3rec_scorer *scorer, s3_user_rows *rows, size_t row,
                        const item_tile *tile) {
  const s3_kernels *kernels = scorer->model->context->kernels;
  const size_t width = width_of(scorer);
  const float *vector = scorer->users.vectors + row * width;
  float *scores = scorer->scores;
  s3_top_k *top = &rows->tops[row];
  if (tile->ids != NULL) {
    kernels->gathered_products(tile->count, width, table_of(scorer), tile->ids, vector, scores);
  } else {
    kernels->matrix_vector(tile->count, width, table_of(scorer) + (size_t)tile->first_id * width,
                           vector, scores);
  }
  size_t i = 0;
  for (; i < tile->count && top->count < top->capacity; i++) {
    offer_item(scorer, rows, row, tile, i, scores[i]);
  }
  /* Ids rise, so an equal score after the k-th best is never wanted. */
  const size_t selected =
      kernels->select_above(tile->count - i, scores + i, top->threshold, scorer->selected);
  for (size_t s = 0; s < selected; s++) {
    const size_t item = i + scorer->selected[s];
    if (scores[item] > top->threshold) offer_item(scorer, rows, row, tile, item, scores[item]);
  }
}

static void rank_alone(s3rec_scorer *scorer, s3_user_rows *rows, const size_t *alone,
                       size_t alone_count, bool candidates, size_t kept, size_t item_count) {
  for (size_t i = 0; i < alone_count; i++) {
    s3_top_k *top = &rows->tops[alone[i]];
    s3_top_k_begin(top, top->entries, kept);
  }
  for (size_t position = 0; position < item_count && alone_count > 0;) {
    const item_tile tile = next_tile(scorer, candidates, position, item_count);
    for (size_t i = 0; i < alone_count; i++) score_alone(scorer, rows, alone[i], &tile);
    position += tile.count;
  }
  for (size_t i = 0; i < alone_count; i++) s3_top_k_sort(&rows->tops[alone[i]]);
}

/* Offers a tile to all rows, by one matrix product with the items on the left;
 * users are padded to S3_USER_STEP. */
static void score_together(s3rec_scorer *scorer, s3_user_rows *rows, const item_tile *tile,
                           float *thresholds) {
  const s3_kernels *kernels = scorer->model->context->kernels;
  const size_t width = width_of(scorer), columns = s3_user_vectors_padded(rows->count);
  const float *items = table_of(scorer) + (size_t)tile->first_id * width;
  if (tile->ids != NULL) {
    for (size_t i = 0; i < tile->count; i++) {
      memcpy(scorer->rows + i * width, table_of(scorer) + (size_t)tile->ids[i] * width,
             width * sizeof *items);
    }
    items = scorer->rows;
  }
  kernels->product(S3_PRODUCT_NT, tile->count, columns, width, items, width,
                   scorer->users.vectors, width, false, scorer->scores, columns,
                   scorer->scores + S3_TILE_ITEMS * columns);
  const size_t selected = kernels->select_rows(tile->count, columns, scorer->scores, thresholds,
                                               scorer->selected);
  for (size_t s = 0; s < selected; s++) {
    const size_t i = scorer->selected[s];
    for (size_t row = 0; row < rows->count; row++) {
      const float score = scorer->scores[i * columns + row];
      if (score <= thresholds[row]) continue;
      offer_item(scorer, rows, row, tile, i, score);
      thresholds[row] = rows->tops[row].threshold;
    }
  }
}

static void pick_together(s3rec_scorer *scorer, s3_user_rows *rows, bool candidates,
                          size_t item_count) {
  float thresholds[S3_USER_GROUP];
  for (size_t row = 0; row < S3_USER_GROUP; row++) {
    thresholds[row] = row < rows->count ? rows->tops[row].threshold : INFINITY;
  }
  for (size_t position = 0; position < item_count;) {
    const item_tile tile = next_tile(scorer, candidates, position, item_count);
    score_together(scorer, rows, &tile, thresholds);
    position += tile.count;
  }
}

/* Scores what was picked again, as if alone. False when an item that was not
 * picked might belong to the best: more than S3_SPARE scores lie within rounding. */
static bool settle_row(s3rec_scorer *scorer, s3_top_k *top, const float *vector, size_t kept,
                       size_t item_count) {
  const s3rec_model *model = scorer->model;
  const bool all = top->count < top->capacity || top->capacity == item_count;
  const float worst = top->count > 0 ? top->entries[0].score : -INFINITY;
  for (size_t i = 0; i < top->count; i++) {
    const float score = s3_score_of(model, vector, top->entries[i].id);
    top->entries[i].score = isnan(score) ? -INFINITY : score;
  }
  s3_top_k_sort(top);
  if (top->count > kept) top->count = kept;
  if (all) return true;
  const double error = s3_score_error(model, scorer->largest_item_norm, vector);
  return (double)top->entries[kept - 1].score > (double)worst + error;
}

/* Quantized: a tile of items is bounded for a few users; for each user its items are then
 * scored in the order of falling bounds, until the next bound is not above the user's k-th
 * best. The next one is found by the maxima of groups of items. */

enum { SCORED_AT_ONCE = 4 };

/* The bounds of a tile for one row of the group. */
typedef struct bound_tile {
  size_t first, count; /* item i has id 1 + first + i */
  float *bounds;       /* [count], -INFINITY after it and where an item is done */
  size_t group_count;
  float *maxima; /* [group_count] */
  size_t row;
} bound_tile;

bool s3_rank_quantized_suits(const s3rec_scorer *scorer, size_t kept) {
  /* With many items among the best, many are scored twice. */
  const s3_quantized_items *items = scorer->quantized;
  return items != NULL && items->usable && kept <= (size_t)scorer->model->config.item_size / 16;
}

/* Fills up the last groups: index_of_largest takes sixteen at once. */
static void begin_bound_tile(const s3_kernels *kernels, bound_tile *t) {
  const size_t groups = (t->count + S3_GROUP_VALUES - 1) / S3_GROUP_VALUES;
  t->group_count = (groups + 15) / 16 * 16;
  for (size_t i = t->count; i < groups * S3_GROUP_VALUES; i++) t->bounds[i] = -INFINITY;
  kernels->group_maxima(groups, t->bounds, t->maxima);
  for (size_t g = groups; g < t->group_count; g++) t->maxima[g] = -INFINITY;
}

/* Takes the item of the largest bound out; false when that bound is not above the
 * threshold. With a threshold of NaN every item is. */
static bool take_best_bound(const s3_kernels *kernels, bound_tile *t, float threshold,
                            int32_t *id) {
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
static void offer_bound_tile(const s3rec_scorer *scorer, s3_top_k *top, bound_tile *t) {
  const s3rec_model *model = scorer->model;
  const s3_kernels *kernels = model->context->kernels;
  const size_t width = width_of(scorer);
  begin_bound_tile(kernels, t);
  for (bool more = true; more;) {
    int32_t ids[SCORED_AT_ONCE];
    float scores[SCORED_AT_ONCE];
    size_t count = 0;
    while (count < SCORED_AT_ONCE &&
           (more = take_best_bound(kernels, t, top->threshold, &ids[count]))) {
      if (!s3_is_left_out(scorer, t->row, ids[count])) count++;
    }
    kernels->gathered_products(count, width, model->weights + model->table.item_embeddings, ids,
                               scorer->users.vectors + t->row * width, scores);
    for (size_t i = 0; i < count; i++) s3_top_k_offer(top, scores[i], ids[i]);
  }
}

/* Bounds the tile for `users` of the users and offers it to them. */
static void rank_bound_tile(s3rec_scorer *scorer, s3_user_rows *rows, size_t first, size_t count,
                            const s3_bound_user *user, const size_t *row_of, size_t users) {
  const size_t blocks = (count + S3_BLOCK_ITEMS - 1) / S3_BLOCK_ITEMS;
  float maxima[S3_BOUND_TILE / S3_GROUP_VALUES];
  s3_quantized_bounds(scorer->quantized, scorer->model, first / S3_BLOCK_ITEMS, blocks, users, user,
                      S3_BOUND_TILE, scorer->scores);
  for (size_t i = 0; i < users; i++) {
    bound_tile t = {.first = first,
                    .count = count,
                    .bounds = scorer->scores + i * S3_BOUND_TILE,
                    .maxima = maxima,
                    .row = row_of[i]};
    offer_bound_tile(scorer, &rows->tops[row_of[i]], &t);
  }
}

/* Ranks all items. Returns how many rows it could not rank, and writes them to `alone`. */
static size_t rank_quantized(s3rec_scorer *scorer, s3_user_rows *rows, size_t kept, size_t *alone) {
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
      rank_bound_tile(scorer, rows, first, rest < S3_BOUND_TILE ? rest : S3_BOUND_TILE, users + u,
                      row_of + u, count - u < S3_BOUND_USERS ? count - u : S3_BOUND_USERS);
    }
  }
  for (size_t u = 0; u < count; u++) s3_top_k_sort(&rows->tops[row_of[u]]);
  return alone_count;
}

void s3_rank_items(s3rec_scorer *scorer, s3_user_rows *rows, bool candidates, size_t kept) {
  const s3rec_model *model = scorer->model;
  const size_t item_count =
      candidates ? scorer->candidate_count : (size_t)model->config.item_size - 2;
  size_t alone[S3_USER_GROUP], alone_count = 0;
  if (!candidates && s3_rank_quantized_suits(scorer, kept)) {
    alone_count = rank_quantized(scorer, rows, kept, alone);
  } else if (rows->count < S3_PRODUCT_USERS) {
    for (size_t row = 0; row < rows->count; row++) alone[alone_count++] = row;
  } else {
    if (scorer->largest_item_norm < 0) scorer->largest_item_norm = s3_largest_item_norm(model);
    pick_together(scorer, rows, candidates, item_count);
    for (size_t row = 0; row < rows->count; row++) {
      s3_top_k *top = &rows->tops[row];
      const float *vector = scorer->users.vectors + row * width_of(scorer);
      if (!settle_row(scorer, top, vector, kept, item_count)) alone[alone_count++] = row;
    }
  }
  rank_alone(scorer, rows, alone, alone_count, candidates, kept, item_count);
}
