/* SPDX-License-Identifier: Apache-2.0 */
/* The item table is read once for a group of users, tile by tile, and only scores
 * above a user's k-th best are looked at one by one. Only those are checked
 * against what is left out. */
#include "scoring/rank_items.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "dnnl/engine.h"
#include "kernels/kernels.h"
#include "scoring/score_error.h"

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

static void offer(const s3rec_scorer *scorer, s3_user_rows *rows, size_t row,
                  const item_tile *tile, size_t i, float score) {
  const int32_t id = tile->ids != NULL ? tile->ids[i] : tile->first_id + (int32_t)i;
  if (!s3_is_left_out(scorer, row, id)) s3_top_k_offer(&rows->tops[row], score, id);
}

/* The next tile behind `position` items. Tiles start small and double, so that
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
    kernels->matrix_vector(tile->count, width,
                           table_of(scorer) + (size_t)tile->first_id * width, vector, scores);
  }
  size_t i = 0;
  for (; i < tile->count && top->count < top->capacity; i++) {
    offer(scorer, rows, row, tile, i, scores[i]);
  }
  /* Ids rise, so an equal score behind the k-th best is never wanted. */
  const size_t selected =
      kernels->select_above(tile->count - i, scores + i, top->threshold, scorer->selected);
  for (size_t s = 0; s < selected; s++) {
    const size_t item = i + scorer->selected[s];
    if (scores[item] > top->threshold) offer(scorer, rows, row, tile, item, scores[item]);
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
static s3rec_status score_together(s3rec_scorer *scorer, s3_user_rows *rows,
                                   const item_tile *tile, float *thresholds) {
  const size_t width = width_of(scorer), columns = s3_user_vectors_padded(rows->count);
  const float *items = table_of(scorer) + (size_t)tile->first_id * width;
  if (tile->ids != NULL) {
    for (size_t i = 0; i < tile->count; i++) {
      memcpy(scorer->rows + i * width, table_of(scorer) + (size_t)tile->ids[i] * width,
             width * sizeof *items);
    }
    items = scorer->rows;
  }
  S3_TRY(s3_gemm(false, true, tile->count, columns, width, 1.0f, items, width,
                 scorer->users.vectors, width, 0.0f, scorer->scores, columns));
  const size_t selected = scorer->model->context->kernels->select_rows(
      tile->count, columns, scorer->scores, thresholds, scorer->selected);
  for (size_t s = 0; s < selected; s++) {
    const size_t i = scorer->selected[s];
    for (size_t row = 0; row < rows->count; row++) {
      const float score = scorer->scores[i * columns + row];
      if (score <= thresholds[row]) continue;
      offer(scorer, rows, row, tile, i, score);
      thresholds[row] = rows->tops[row].threshold;
    }
  }
  return S3REC_OK;
}

static s3rec_status pick_together(s3rec_scorer *scorer, s3_user_rows *rows, bool candidates,
                                  size_t item_count) {
  float thresholds[S3_USER_GROUP];
  for (size_t row = 0; row < S3_USER_GROUP; row++) {
    thresholds[row] = row < rows->count ? rows->tops[row].threshold : INFINITY;
  }
  for (size_t position = 0; position < item_count;) {
    const item_tile tile = next_tile(scorer, candidates, position, item_count);
    S3_TRY(score_together(scorer, rows, &tile, thresholds));
    position += tile.count;
  }
  return S3REC_OK;
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

s3rec_status s3_rank_items(s3rec_scorer *scorer, s3_user_rows *rows, bool candidates,
                           size_t kept) {
  const s3rec_model *model = scorer->model;
  const size_t item_count =
      candidates ? scorer->candidate_count : (size_t)model->config.item_size - 2;
  size_t alone[S3_USER_GROUP], alone_count = 0;
  if (!candidates && s3_rank_quantized_suits(scorer, kept)) {
    alone_count = s3_rank_quantized(scorer, rows, kept, alone);
  } else if (rows->count < S3_GEMM_USERS) {
    for (size_t row = 0; row < rows->count; row++) alone[alone_count++] = row;
  } else {
    if (scorer->largest_item_norm < 0) scorer->largest_item_norm = s3_largest_item_norm(model);
    S3_TRY(pick_together(scorer, rows, candidates, item_count));
    for (size_t row = 0; row < rows->count; row++) {
      s3_top_k *top = &rows->tops[row];
      const float *vector = scorer->users.vectors + row * width_of(scorer);
      if (!settle_row(scorer, top, vector, kept, item_count)) alone[alone_count++] = row;
    }
  }
  rank_alone(scorer, rows, alone, alone_count, candidates, kept, item_count);
  return S3REC_OK;
}
