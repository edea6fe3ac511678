/* SPDX-License-Identifier: Apache-2.0 */
#include "scoring/answer_ranks.h"

#include <math.h>

#include "base/error.h"
#include "dnnl/engine.h"
#include "scoring/rank.h"
#include "scoring/score_error.h"

enum { TILE_ITEMS = 1024 };

static size_t width_of(const s3_answer_ranker *ranker) {
  return (size_t)ranker->users.model->config.hidden_size;
}

s3rec_status s3_answer_ranker_create(s3rec_model *model, double largest_item_norm,
                                     s3_answer_ranker *ranker) {
  *ranker = (s3_answer_ranker){.largest_item_norm = largest_item_norm};
  S3_TRY(s3_user_vectors_create(model, &ranker->users));
  ranker->scores =
      s3_allocate(model->context, (size_t)TILE_ITEMS * S3_USER_GROUP, sizeof *ranker->scores);
  if (ranker->scores != NULL) return S3REC_OK;
  s3_answer_ranker_destroy(ranker);
  return S3REC_ERROR_MEMORY;
}

void s3_answer_ranker_destroy(s3_answer_ranker *ranker) {
  if (ranker->users.model == NULL) return;
  const s3rec_context *context = ranker->users.model->context;
  s3_free(context, ranker->seen);
  s3_free(context, ranker->scores);
  s3_user_vectors_destroy(&ranker->users);
  *ranker = (s3_answer_ranker){0};
}

void s3_answer_ranks_begin(s3_answer_ranker *ranker) {
  s3_user_vectors_begin(&ranker->users);
  ranker->count = 0;
}

s3rec_status s3_answer_ranks_add(s3_answer_ranker *ranker, size_t user, const int32_t *history,
                                 size_t count, int32_t answer) {
  const size_t row = ranker->count;
  const size_t begin = ranker->seen_begin[row];
  S3_TRY(s3_grow(ranker->users.model->context, (void **)&ranker->seen, &ranker->seen_capacity,
                 begin + count, sizeof *ranker->seen));
  int32_t *seen = ranker->seen + begin;
  size_t others = 0;
  for (size_t i = 0; i < count; i++) {
    if (history[i] != answer) seen[others++] = history[i];
  }
  bool added;
  S3_TRY(s3_user_vectors_add(&ranker->users, history, count, &added));
  ranker->user[row] = user;
  ranker->answers[row] = answer;
  ranker->above[row] = 0;
  ranker->answer_seen[row] = others < count;
  ranker->seen_begin[row + 1] = begin + s3_sort_distinct(seen, others);
  ++ranker->count;
  return S3REC_OK;
}

s3rec_status s3_answer_ranks_sampled(s3_answer_ranker *ranker, const s3_ragged *negatives,
                                     int64_t *ranks) {
  S3_TRY(s3_user_vectors_finish(&ranker->users));
  const s3rec_model *model = ranker->users.model;
  for (size_t row = 0; row < ranker->count; row++) {
    const size_t user = ranker->user[row];
    const float *vector = ranker->users.vectors + row * width_of(ranker);
    const int32_t answer = ranker->answers[row];
    const float answer_score = s3_score_of(model, vector, answer);
    int64_t rank = 0;
    for (int64_t i = negatives->offsets[user]; i < negatives->offsets[user + 1]; i++) {
      const int32_t id = negatives->values[i];
      if (id == answer) continue;
      rank += s3_outranks(s3_score_of(model, vector, id), id, answer_score, answer);
    }
    ranks[user] = rank;
  }
  return S3REC_OK;
}

/* The answers' scores, and what is surely above or below them. Rows that only
 * pad count nothing. */
static void score_answers(s3_answer_ranker *ranker, bool zero_seen) {
  const s3rec_model *model = ranker->users.model;
  for (size_t row = ranker->count; row < S3_USER_GROUP; row++) {
    ranker->low[row] = ranker->high[row] = INFINITY;
  }
  for (size_t row = 0; row < ranker->count; row++) {
    const float *vector = ranker->users.vectors + row * width_of(ranker);
    const double error = s3_score_error(model, ranker->largest_item_norm, vector);
    const float score = zero_seen && ranker->answer_seen[row]
                            ? 0.0f
                            : s3_score_of(model, vector, ranker->answers[row]);
    ranker->answer_scores[row] = score;
    ranker->low[row] = nextafterf((float)((double)score - error), -INFINITY);
    ranker->high[row] = nextafterf((float)((double)score + error), INFINITY);
  }
}

/* Counts one item whose product score is too near the answer's to tell. */
static void count_near(s3_answer_ranker *ranker, size_t row, int32_t id, bool filter) {
  const int32_t answer = ranker->answers[row];
  const size_t begin = ranker->seen_begin[row];
  if (id == answer) return;
  if (filter && s3_sorted_has(ranker->seen + begin, ranker->seen_begin[row + 1] - begin, id)) {
    return;
  }
  const float *vector = ranker->users.vectors + row * width_of(ranker);
  ranker->above[row] += s3_outranks(s3_score_of(ranker->users.model, vector, id), id,
                                    ranker->answer_scores[row], answer);
}

static void count_tile(s3_answer_ranker *ranker, size_t columns, int32_t first_id, size_t items,
                       bool filter) {
  for (size_t i = 0; i < items; i++) {
    for (size_t begin = 0; begin < columns; begin += S3_USER_STEP) {
      const float *scores = ranker->scores + i * columns + begin;
      const float *low = ranker->low + begin, *high = ranker->high + begin;
      int32_t *above = ranker->above + begin, near = 0;
      for (size_t c = 0; c < S3_USER_STEP; c++) {
        above[c] += scores[c] > high[c];
        near |= (!(scores[c] > high[c])) & (!(scores[c] < low[c]));
      }
      if (near == 0) continue;
      for (size_t c = 0; c < S3_USER_STEP && begin + c < ranker->count; c++) {
        if (scores[c] > high[c] || scores[c] < low[c]) continue;
        count_near(ranker, begin + c, first_id + (int32_t)i, filter);
      }
    }
  }
}

/* Takes back what counting a tile did with the answer itself and with the
 * history's items, from seen[*next] on. */
static void correct_row(s3_answer_ranker *ranker, size_t row, size_t columns, int32_t first_id,
                        size_t items, s3rec_seen_policy policy, size_t *next) {
  const int32_t answer = ranker->answers[row];
  const float *scores = ranker->scores + row;
  const float high = ranker->high[row];
  const int64_t end_id = (int64_t)first_id + (int64_t)items;
  int32_t *above = &ranker->above[row];
  if (answer >= first_id && answer < end_id) {
    *above -= scores[(size_t)(answer - first_id) * columns] > high;
  }
  if (policy == S3REC_SEEN_INCLUDE) return;
  for (; *next < ranker->seen_begin[row + 1] && ranker->seen[*next] < end_id; ++*next) {
    const int32_t id = ranker->seen[*next];
    *above -= scores[(size_t)(id - first_id) * columns] > high;
    if (policy == S3REC_SEEN_ZERO) {
      *above += s3_outranks(0.0f, id, ranker->answer_scores[row], answer);
    }
  }
}

s3rec_status s3_answer_ranks_full(s3_answer_ranker *ranker, s3rec_seen_policy policy,
                                  int64_t *ranks) {
  if (ranker->count == 0) return S3REC_OK;
  S3_TRY(s3_user_vectors_finish(&ranker->users));
  const s3rec_model *model = ranker->users.model;
  const size_t columns = s3_user_vectors_padded(ranker->count);
  const size_t width = width_of(ranker);
  const float *table = model->weights + model->table.item_embeddings;
  const bool zero = policy == S3REC_SEEN_ZERO;
  const int32_t first = zero ? 0 : 1;
  const int32_t end = zero ? model->config.item_size : model->config.item_size - 1;
  size_t next[S3_USER_GROUP];
  for (size_t row = 0; row < ranker->count; row++) next[row] = ranker->seen_begin[row];
  score_answers(ranker, zero);
  for (int32_t id = first; id < end;) {
    const size_t rest = (size_t)(end - id);
    const size_t items = rest < TILE_ITEMS ? rest : TILE_ITEMS;
    S3_TRY(s3_gemm(false, true, items, columns, width, 1.0f, table + (size_t)id * width, width,
                   ranker->users.vectors, width, 0.0f, ranker->scores, columns));
    count_tile(ranker, columns, id, items, policy != S3REC_SEEN_INCLUDE);
    for (size_t row = 0; row < ranker->count; row++) {
      correct_row(ranker, row, columns, id, items, policy, &next[row]);
    }
    id += (int32_t)items;
  }
  for (size_t row = 0; row < ranker->count; row++) {
    const bool excluded = policy == S3REC_SEEN_EXCLUDE && ranker->answer_seen[row];
    ranks[ranker->user[row]] = excluded ? S3REC_RANK_EXCLUDED : ranker->above[row];
  }
  return S3REC_OK;
}
