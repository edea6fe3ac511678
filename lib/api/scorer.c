/* SPDX-License-Identifier: Apache-2.0 */
#include "scoring/scorer.h"

#include <string.h>

#include "base/options.h"

void s3rec_scorer_options_init(s3rec_scorer_options *options) {
  *options = (s3rec_scorer_options){.struct_size = sizeof *options};
}

s3rec_status s3rec_scorer_create(s3rec_model *model, s3rec_scorer **scorer) {
  return s3rec_scorer_create_with(model, NULL, scorer);
}

s3rec_status s3rec_scorer_create_with(s3rec_model *model, const s3rec_scorer_options *options,
                                      s3rec_scorer **scorer) {
  S3_REQUIRE(model);
  S3_REQUIRE(scorer);
  s3rec_scorer_options resolved;
  s3rec_scorer_options_init(&resolved);
  if (options != NULL) {
    S3_TRY(s3_options_copy(&resolved, sizeof resolved, options,
                           S3_SIZE_UNTIL(s3rec_scorer_options, scan), "s3rec_scorer_options"));
  }
  if ((int)resolved.scan < S3REC_SCAN_AUTO || (int)resolved.scan > S3REC_SCAN_INT8) {
    return s3_fail(S3REC_ERROR_ARGUMENT, "s3rec_scorer_options.scan is %d, must be %d..%d",
                   (int)resolved.scan, S3REC_SCAN_AUTO, S3REC_SCAN_INT8);
  }
  return s3_scorer_create(model, resolved.scan, scorer);
}

void s3rec_scorer_destroy(s3rec_scorer *scorer) {
  if (scorer != NULL) s3_scorer_destroy(scorer);
}

size_t s3rec_scorer_memory(const s3rec_scorer *scorer) {
  return scorer == NULL ? 0 : s3_scorer_memory(scorer);
}

void s3rec_score_options_init(s3rec_score_options *options) {
  *options = (s3rec_score_options){.struct_size = sizeof *options};
}

/* Defaults where the caller gave none, and checks. */
static s3rec_status resolve_options(const s3rec_score_options *options,
                                    s3rec_score_options *resolved) {
  s3rec_score_options_init(resolved);
  if (options == NULL) return S3REC_OK;
  S3_TRY(s3_options_copy(resolved, sizeof *resolved, options,
                         S3_SIZE_UNTIL(s3rec_score_options, candidate_count),
                         "s3rec_score_options"));
  if (resolved->include_history != 0 && resolved->include_history != 1) {
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_score_options.include_history is %d, must be 0 or 1",
                   resolved->include_history);
  }
  if (resolved->excluded == NULL && resolved->excluded_count > 0) {
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_score_options.excluded is NULL, but excluded_count is %zu",
                   resolved->excluded_count);
  }
  if (resolved->candidates == NULL && resolved->candidate_count > 0) {
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_score_options.candidates is NULL, but candidate_count is %zu",
                   resolved->candidate_count);
  }
  return S3REC_OK;
}

static s3rec_status check_history(const char *function, const int32_t *history, size_t count) {
  if (history != NULL || count == 0) return S3REC_OK;
  return s3_fail(S3REC_ERROR_ARGUMENT, "%s: history is NULL, but history_count is %zu", function,
                 count);
}

s3rec_status s3rec_score_next(s3rec_scorer *scorer, const int32_t *history, size_t history_count,
                              const s3rec_score_options *options, size_t k, int32_t *ids,
                              float *scores, size_t *count) {
  S3_REQUIRE(scorer);
  S3_REQUIRE(count);
  if (k > 0) S3_REQUIRE(ids);
  S3_TRY(check_history(__func__, history, history_count));
  s3rec_score_options resolved;
  S3_TRY(resolve_options(options, &resolved));
  const int64_t offsets[2] = {0, (int64_t)history_count};
  const s3_query query = {
      .histories = history, .offsets = offsets, .user_count = 1, .options = &resolved, .k = k};
  s3_ranking ranking = {0};
  S3_TRY(s3_scorer_rank(scorer, &query, &ranking));
  *count = s3_ranking_copy(&ranking, 0, ids, scores);
  return S3REC_OK;
}

s3rec_status s3rec_score_next_batch(s3rec_scorer *scorer, const int32_t *histories,
                                    const int64_t *offsets, size_t user_count,
                                    const s3rec_score_options *options, size_t k, int32_t *ids,
                                    float *scores, size_t *counts) {
  S3_REQUIRE(scorer);
  if (user_count == 0) return S3REC_OK;
  S3_REQUIRE(offsets);
  S3_REQUIRE(counts);
  if (k > 0) S3_REQUIRE(ids);
  S3_TRY(s3_offsets_check(offsets, user_count));
  if (offsets[user_count] > 0) S3_REQUIRE(histories);
  s3rec_score_options resolved;
  S3_TRY(resolve_options(options, &resolved));
  const s3_query query = {.histories = histories,
                          .offsets = offsets,
                          .user_count = user_count,
                          .options = &resolved,
                          .k = k};
  s3_ranking ranking = {0};
  S3_TRY(s3_scorer_rank(scorer, &query, &ranking));
  for (size_t user = 0; user < user_count; user++) {
    int32_t *user_ids = k > 0 ? ids + user * k : NULL;
    float *user_scores = k > 0 && scores != NULL ? scores + user * k : NULL;
    const size_t count = s3_ranking_copy(&ranking, user, user_ids, user_scores);
    counts[user] = count;
    for (size_t rank = count; rank < k; rank++) {
      user_ids[rank] = 0;
      if (user_scores != NULL) user_scores[rank] = 0.0f;
    }
  }
  return S3REC_OK;
}

s3rec_status s3rec_score_all(s3rec_scorer *scorer, const int32_t *history, size_t history_count,
                             float *scores, size_t capacity) {
  S3_REQUIRE(scorer);
  S3_REQUIRE(scores);
  S3_TRY(check_history(__func__, history, history_count));
  const size_t item_size = (size_t)scorer->model->config.item_size;
  if (capacity < item_size) {
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_score_all: capacity is %zu, must be at least item_size, %zu", capacity,
                   item_size);
  }
  return s3_scorer_score_all(scorer, history, history_count, scores);
}

s3rec_status s3rec_user_vector(s3rec_scorer *scorer, const int32_t *history, size_t history_count,
                               float *vector, size_t capacity) {
  S3_REQUIRE(scorer);
  S3_REQUIRE(vector);
  S3_TRY(check_history(__func__, history, history_count));
  const size_t hidden_size = (size_t)scorer->model->config.hidden_size;
  if (capacity < hidden_size) {
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_user_vector: capacity is %zu, must be at least hidden_size, %zu",
                   capacity, hidden_size);
  }
  const float *own;
  S3_TRY(s3_scorer_user_vector(scorer, history, history_count, &own));
  memcpy(vector, own, hidden_size * sizeof *vector);
  return S3REC_OK;
}

s3rec_status s3rec_encode(s3rec_scorer *scorer, s3rec_attention attention, const int32_t *ids,
                          size_t count, size_t length, float *hidden) {
  S3_REQUIRE(scorer);
  if (attention != S3REC_ATTENTION_CAUSAL && attention != S3REC_ATTENTION_BIDIRECTIONAL) {
    return s3_fail(S3REC_ERROR_ARGUMENT, "s3rec_encode: attention is %d, must be %d or %d",
                   (int)attention, S3REC_ATTENTION_CAUSAL, S3REC_ATTENTION_BIDIRECTIONAL);
  }
  const size_t max_seq_length = (size_t)scorer->model->config.max_seq_length;
  if (length < 1 || length > max_seq_length) {
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_encode: length is %zu, must be 1..%zu, the model's max_seq_length",
                   length, max_seq_length);
  }
  if (count == 0) return S3REC_OK;
  S3_REQUIRE(ids);
  S3_REQUIRE(hidden);
  return s3_encode_rows(&scorer->users, attention == S3REC_ATTENTION_CAUSAL, ids, count, length,
                        hidden);
}
