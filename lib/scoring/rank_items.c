/* SPDX-License-Identifier: Apache-2.0 */
/* The item table is read once for a group of users, tile by tile, and only scores
 * above a user's k-th best are looked at one by one. Only those are checked
 * against what is left out. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "dnnl/engine.h"
#include "kernels/kernels.h"
#include "scoring/id_set.h"
#include "scoring/rank_items.h"

/* Rows of the item table, in place or gathered. */
typedef struct item_tile {
  const float *rows;  /* [count, H] */
  const int32_t *ids; /* NULL: item i is first_id + i */
  int32_t first_id;
  size_t count;
} item_tile;

static void offer(const s3rec_scorer *scorer, s3_user_rows *rows, size_t row,
                  const item_tile *tile, size_t i, float score) {
  const int32_t id = tile->ids != NULL ? tile->ids[i] : tile->first_id + (int32_t)i;
  if (s3_id_set_has(s3_left_out_for_all(scorer), id) ||
      s3_id_set_has(s3_left_out_for_row(scorer, row), id)) {
    return;
  }
  s3_top_k_offer(&rows->tops[row], score, id);
}

/* The next tile behind `position` items. Tiles start small and double, so that
 * the k-th best is a good threshold before most scores are compared with it. */
static item_tile next_tile(s3rec_scorer *scorer, bool candidates, size_t position,
                           size_t item_count) {
  const s3rec_model *model = scorer->model;
  const size_t width = (size_t)model->config.hidden_size;
  const float *table = model->weights + model->table.item_embeddings;
  const size_t most = candidates ? S3_TILE_CANDIDATES : S3_TILE_ITEMS;
  size_t count = position < 64 ? 64 : position;
  if (count > most) count = most;
  if (count > item_count - position) count = item_count - position;
  if (!candidates) {
    return (item_tile){.rows = table + (1 + position) * width,
                       .first_id = (int32_t)(1 + position),
                       .count = count};
  }
  const int32_t *ids = scorer->candidates + position;
  for (size_t i = 0; i < count; ++i) {
    memcpy(scorer->rows + i * width, table + (size_t)ids[i] * width, width * sizeof *table);
  }
  return (item_tile){.rows = scorer->rows, .ids = ids, .count = count};
}

static void score_one_by_one(s3rec_scorer *scorer, s3_user_rows *rows, const item_tile *tile) {
  const s3_kernels *kernels = scorer->model->context->kernels;
  const size_t width = (size_t)scorer->model->config.hidden_size;
  float *scores = scorer->scores;
  for (size_t row = 0; row < rows->count; ++row) {
    s3_top_k *top = &rows->tops[row];
    kernels->matrix_vector(tile->count, width, tile->rows, scorer->users.vectors + row * width,
                           scores);
    size_t i = 0;
    for (; i < tile->count && top->count < top->capacity; ++i) {
      offer(scorer, rows, row, tile, i, scores[i]);
    }
    const size_t selected =
        kernels->select_above(tile->count - i, scores + i, top->threshold, scorer->selected);
    for (size_t s = 0; s < selected; ++s) {
      const size_t item = i + scorer->selected[s];
      if (scores[item] > top->threshold) offer(scorer, rows, row, tile, item, scores[item]);
    }
  }
}

/* One matrix product with the items on the left; users padded to S3_USER_STEP. */
static s3rec_status score_together(s3rec_scorer *scorer, s3_user_rows *rows,
                                   const item_tile *tile, float *thresholds) {
  const size_t width = (size_t)scorer->model->config.hidden_size;
  const size_t columns = s3_user_vectors_padded(rows->count);
  S3_TRY(s3_gemm(false, true, tile->count, columns, width, 1.0f, tile->rows, width,
                 scorer->users.vectors, width, 0.0f, scorer->scores, columns));
  for (size_t i = 0; i < tile->count; ++i) {
    for (size_t begin = 0; begin < columns; begin += S3_USER_STEP) {
      const float *scores = scorer->scores + i * columns + begin;
      /* Mostly none passes: a few vector comparisons and one branch. */
      int32_t any = 0;
      for (size_t c = 0; c < S3_USER_STEP; ++c) any |= !(scores[c] <= thresholds[begin + c]);
      if (any == 0) continue;
      for (size_t c = 0; c < S3_USER_STEP; ++c) {
        const size_t row = begin + c;
        if (scores[c] <= thresholds[row] || row >= rows->count) continue;
        offer(scorer, rows, row, tile, i, scores[c]);
        thresholds[row] = rows->tops[row].threshold;
      }
    }
  }
  return S3REC_OK;
}

s3rec_status s3_rank_items(s3rec_scorer *scorer, s3_user_rows *rows, bool candidates) {
  const size_t item_count = candidates ? scorer->candidate_count
                                       : (size_t)scorer->model->config.item_size - 2;
  float thresholds[S3_USER_GROUP];
  for (size_t row = 0; row < S3_USER_GROUP; ++row) {
    thresholds[row] = row < rows->count ? rows->tops[row].threshold : INFINITY;
  }
  for (size_t position = 0; position < item_count;) {
    const item_tile tile = next_tile(scorer, candidates, position, item_count);
    if (rows->count < S3_GEMM_USERS) {
      score_one_by_one(scorer, rows, &tile);
    } else {
      S3_TRY(score_together(scorer, rows, &tile, thresholds));
    }
    position += tile.count;
  }
  return S3REC_OK;
}
