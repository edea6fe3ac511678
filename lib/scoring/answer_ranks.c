/* SPDX-License-Identifier: Apache-2.0 */
#include "scoring/answer_ranks.h"

#include <string.h>

#include "base/error.h"
#include "dnnl/engine.h"
#include "kernels/kernels.h"
#include "scoring/rank.h"

enum { TILE_ITEMS = 1024 };

static size_t width_of(const s3_answer_ranker *ranker) {
  return (size_t)ranker->users.model->config.hidden_size;
}

static const float *item_row(const s3_answer_ranker *ranker, int32_t id) {
  const s3rec_model *model = ranker->users.model;
  return model->weights + model->table.item_embeddings + (size_t)id * width_of(ranker);
}

s3rec_status s3_answer_ranker_create(const s3rec_model *model, s3_answer_ranker *ranker) {
  *ranker = (s3_answer_ranker){0};
  S3_TRY(s3_user_vectors_create(model, &ranker->users));
  ranker->rows =
      s3_allocate(model->context, S3_USER_GROUP * width_of(ranker), sizeof *ranker->rows);
  ranker->scores =
      s3_allocate(model->context, (size_t)TILE_ITEMS * S3_USER_GROUP, sizeof *ranker->scores);
  if (ranker->rows != NULL && ranker->scores != NULL) return S3REC_OK;
  s3_answer_ranker_destroy(ranker);
  return S3REC_ERROR_MEMORY;
}

void s3_answer_ranker_destroy(s3_answer_ranker *ranker) {
  if (ranker->users.model == NULL) return;
  const s3rec_context *context = ranker->users.model->context;
  s3_free(context, ranker->seen);
  s3_free(context, ranker->rows);
  s3_free(context, ranker->scores);
  s3_user_vectors_destroy(&ranker->users);
  *ranker = (s3_answer_ranker){0};
}

void s3_answer_ranks_begin(s3_answer_ranker *ranker) {
  s3_user_vectors_begin(&ranker->users);
  ranker->count = 0;
  memset(ranker->answers, 0, sizeof ranker->answers);
  memset(ranker->answer_scores, 0, sizeof ranker->answer_scores);
  memset(ranker->above, 0, sizeof ranker->above);
}

s3rec_status s3_answer_ranks_add(s3_answer_ranker *ranker, size_t user, const int32_t *history,
                                 size_t count, int32_t answer) {
  const size_t row = ranker->count;
  const size_t begin = ranker->seen_begin[row];
  S3_TRY(s3_grow(ranker->users.model->context, (void **)&ranker->seen, &ranker->seen_capacity,
                 begin + count, sizeof *ranker->seen));
  int32_t *seen = ranker->seen + begin;
  size_t others = 0;
  for (size_t i = 0; i < count; ++i) {
    if (history[i] != answer) seen[others++] = history[i];
  }
  bool added;
  S3_TRY(s3_user_vectors_add(&ranker->users, history, count, &added));
  ranker->user[row] = user;
  ranker->answers[row] = answer;
  ranker->answer_seen[row] = others < count;
  ranker->seen_begin[row + 1] = begin + s3_sort_distinct(seen, others);
  ++ranker->count;
  return S3REC_OK;
}

s3rec_status s3_answer_ranks_sampled(s3_answer_ranker *ranker, const s3_ragged *negatives,
                                     int64_t *ranks) {
  S3_TRY(s3_user_vectors_finish(&ranker->users));
  const s3_kernels *kernels = ranker->users.model->context->kernels;
  const size_t width = width_of(ranker);
  for (size_t row = 0; row < ranker->count; ++row) {
    const size_t user = ranker->user[row];
    const float *vector = ranker->users.vectors + row * width;
    const int32_t answer = ranker->answers[row];
    float answer_score, score;
    kernels->matrix_vector(1, width, item_row(ranker, answer), vector, &answer_score);
    int64_t rank = 0;
    for (int64_t i = negatives->offsets[user]; i < negatives->offsets[user + 1]; ++i) {
      const int32_t id = negatives->values[i];
      kernels->matrix_vector(1, width, item_row(ranker, id), vector, &score);
      if (id != answer) rank += s3_outranks(score, id, answer_score, answer);
    }
    ranks[user] = rank;
  }
  return S3REC_OK;
}

/* Scores of the answers, by the same matrix product as all others, so that equal
 * item rows have equal scores. */
static s3rec_status score_answers(s3_answer_ranker *ranker, size_t columns, bool zero_seen) {
  const size_t width = width_of(ranker);
  for (size_t row = 0; row < ranker->count; ++row) {
    memcpy(ranker->rows + row * width, item_row(ranker, ranker->answers[row]),
           width * sizeof *ranker->rows);
  }
  S3_TRY(s3_gemm(false, true, ranker->count, columns, width, 1.0f, ranker->rows, width,
                 ranker->users.vectors, width, 0.0f, ranker->scores, columns));
  for (size_t row = 0; row < ranker->count; ++row) {
    ranker->answer_scores[row] =
        zero_seen && ranker->answer_seen[row] ? 0.0f : ranker->scores[row * columns + row];
  }
  return S3REC_OK;
}

/* Corrects what counting a whole tile did with the answer itself and with the
 * history's items, from seen[*next] on. */
static void correct_row(s3_answer_ranker *ranker, size_t row, size_t columns, int32_t first_id,
                        size_t items, s3rec_seen_policy policy, size_t *next) {
  const int32_t answer = ranker->answers[row];
  const float answer_score = ranker->answer_scores[row];
  const float *scores = ranker->scores + row;
  const int64_t end_id = (int64_t)first_id + (int64_t)items;
  int32_t *above = &ranker->above[row];
  if (answer >= first_id && answer < end_id) {
    *above -= s3_outranks(scores[(size_t)(answer - first_id) * columns], answer, answer_score,
                          answer);
  }
  if (policy == S3REC_SEEN_INCLUDE) return;
  for (; *next < ranker->seen_begin[row + 1] && ranker->seen[*next] < end_id; ++*next) {
    const int32_t id = ranker->seen[*next];
    *above -=
        s3_outranks(scores[(size_t)(id - first_id) * columns], id, answer_score, answer);
    if (policy == S3REC_SEEN_ZERO) *above += s3_outranks(0.0f, id, answer_score, answer);
  }
}

s3rec_status s3_answer_ranks_full(s3_answer_ranker *ranker, s3rec_seen_policy policy,
                                  int64_t *ranks) {
  if (ranker->count == 0) return S3REC_OK;
  S3_TRY(s3_user_vectors_finish(&ranker->users));
  const size_t columns = s3_user_vectors_padded(ranker->count);
  const size_t width = width_of(ranker);
  const bool zero = policy == S3REC_SEEN_ZERO;
  const int32_t item_size = ranker->users.model->config.item_size;
  const int32_t first = zero ? 0 : 1, last = zero ? item_size : item_size - 1;
  size_t next[S3_USER_GROUP];
  memcpy(next, ranker->seen_begin, sizeof next);
  S3_TRY(score_answers(ranker, columns, zero));
  for (int32_t id = first; id < last;) {
    const size_t rest = (size_t)(last - id);
    const size_t items = rest < TILE_ITEMS ? rest : TILE_ITEMS;
    S3_TRY(s3_gemm(false, true, items, columns, width, 1.0f, item_row(ranker, id), width,
                   ranker->users.vectors, width, 0.0f, ranker->scores, columns));
    s3_count_above(items, columns, ranker->scores, id, ranker->answer_scores, ranker->answers,
                   ranker->above);
    for (size_t row = 0; row < ranker->count; ++row) {
      correct_row(ranker, row, columns, id, items, policy, &next[row]);
    }
    id += (int32_t)items;
  }
  for (size_t row = 0; row < ranker->count; ++row) {
    ranks[ranker->user[row]] = ranker->above[row];
  }
  return S3REC_OK;
}
