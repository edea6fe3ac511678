/* SPDX-License-Identifier: Apache-2.0 */
/* Recommendations for any number of users: groups of up to S3_USER_GROUP, results kept
 * inside until all are there, so that a failure leaves the caller's arrays alone. */
#include "base/error.h"
#include "scoring/rank_items.h"

static const int32_t *history_of(const s3_query *query, size_t user, size_t *count) {
  *count = (size_t)(query->offsets[user + 1] - query->offsets[user]);
  return *count == 0 ? NULL : query->histories + query->offsets[user];
}

/* Encodes users first..last-1. A user without known items gets an empty result. */
static s3rec_status encode_group(s3rec_scorer *scorer, const s3_query *query, size_t first,
                                 size_t last, size_t stride, s3_user_rows *rows) {
  rows->count = 0;
  s3_user_vectors_begin(&scorer->users);
  for (size_t user = first; user < last; user++) {
    size_t count;
    const int32_t *history = history_of(query, user, &count);
    s3_ranked *ranked = scorer->ranked + user * stride;
    bool added;
    S3_TRY(s3_user_vectors_add(&scorer->users, history, count, &added));
    if (!added) {
      ranked[0].id = 0;
      continue;
    }
    s3_top_k_begin(&rows->tops[rows->count], ranked, stride);
    rows->users[rows->count++] = user;
  }
  return s3_user_vectors_finish(&scorer->users);
}

static bool has_candidates(const s3_query *query) {
  return query->candidates != NULL || query->options->candidates != NULL;
}

static s3rec_status rank_group(s3rec_scorer *scorer, const s3_query *query, size_t first,
                               size_t last, const s3_ranking *ranking) {
  const int32_t item_size = scorer->model->config.item_size;
  s3_user_rows rows;
  S3_TRY(encode_group(scorer, query, first, last, ranking->stride, &rows));
  const bool filter = !query->options->include_history;
  size_t count;
  for (size_t row = 0; row < rows.count; row++) {
    scorer->for_user[row] =
        query->user_left_out == NULL ? NULL : query->user_left_out[rows.users[row]];
  }
  for (size_t row = 0; filter && row < rows.count; row++) {
    const int32_t *history = history_of(query, rows.users[row], &count);
    s3_id_set_insert_items(s3_left_out_for_row(scorer, row), item_size, history, count);
  }
  s3_rank_items(scorer, &rows, has_candidates(query), ranking->kept);
  for (size_t row = 0; filter && row < rows.count; row++) {
    const int32_t *history = history_of(query, rows.users[row], &count);
    s3_id_set_erase_items(s3_left_out_for_row(scorer, row), item_size, history, count);
  }
  for (size_t row = 0; row < rows.count; row++) {
    const s3_top_k *top = &rows.tops[row];
    if (top->count < ranking->kept) top->entries[top->count].id = 0;
  }
  return S3REC_OK;
}

/* Known candidates once each, by rising id: into a set, and out in its order. */
static s3rec_status collect_candidates(s3rec_scorer *scorer, const s3_query *query) {
  const s3rec_model *model = scorer->model;
  const s3rec_score_options *options = query->options;
  S3_TRY(s3_grow(model->context, (void **)&scorer->rows, &scorer->rows_capacity,
                 S3_TILE_CANDIDATES * (size_t)model->config.hidden_size, sizeof *scorer->rows));
  scorer->candidates = query->candidates;
  scorer->candidate_count = query->candidate_count;
  if (query->candidates != NULL) return S3REC_OK;
  S3_TRY(s3_grow(model->context, (void **)&scorer->own_candidates, &scorer->candidates_capacity,
                 options->candidate_count, sizeof *scorer->own_candidates));
  scorer->candidates = scorer->own_candidates;
  uint64_t *set = s3_left_out_for_row(scorer, 0); /* empty between calls */
  s3_id_set_insert_items(set, model->config.item_size, options->candidates,
                         options->candidate_count);
  scorer->candidate_count = s3_id_set_take(set, scorer->set_words, scorer->own_candidates);
  return S3REC_OK;
}

/* Users ranked together: fewer when the sets of what is left out are large. */
static size_t most_users(const s3rec_scorer *scorer) {
  static const size_t set_bytes = (size_t)4 << 20;
  const size_t users = set_bytes / (scorer->set_words * sizeof *scorer->sets);
  return users > S3_USER_GROUP ? S3_USER_GROUP : users < S3_USER_STEP ? S3_USER_STEP : users;
}

/* All memory a query needs beside the encoder's. */
static s3rec_status make_room(s3rec_scorer *scorer, const s3_query *query, s3_ranking *ranking) {
  const s3rec_context *context = scorer->model->context;
  const size_t most = most_users(scorer);
  const size_t group = query->user_count < most ? query->user_count : most;
  size_t scores = group < S3_PRODUCT_USERS
                      ? S3_TILE_ITEMS
                      : S3_TILE_ITEMS * s3_user_vectors_padded(group) + S3_PRODUCT_SCRATCH;
  if (scorer->quantized != NULL) {
    const size_t bounds = S3_BOUND_TILE * (group < S3_BOUND_USERS ? group : S3_BOUND_USERS);
    if (scores < bounds) scores = bounds;
  }
  S3_TRY(s3_grow(context, (void **)&scorer->sets, &scorer->sets_capacity,
                 (1 + group) * scorer->set_words, sizeof *scorer->sets));
  S3_TRY(s3_grow(context, (void **)&scorer->scores, &scorer->scores_capacity, scores,
                 sizeof *scorer->scores));
  size_t items = (size_t)scorer->model->config.item_size - 2;
  if (has_candidates(query)) {
    S3_TRY(collect_candidates(scorer, query));
    items = scorer->candidate_count;
  }
  ranking->kept = query->k < items ? query->k : items;
  ranking->stride = ranking->kept;
  if (query->user_count >= S3_PRODUCT_USERS && ranking->kept > 0) {
    ranking->stride = items - ranking->kept < S3_SPARE ? items : ranking->kept + S3_SPARE;
  }
  if (ranking->stride > 0 && query->user_count > SIZE_MAX / ranking->stride) {
    return s3_fail(S3REC_ERROR_MEMORY,
                   "results of %zu users with %zu items each exceed the address space",
                   query->user_count, ranking->kept);
  }
  S3_TRY(s3_grow(context, (void **)&scorer->ranked, &scorer->ranked_capacity,
                 query->user_count * ranking->stride, sizeof *scorer->ranked));
  ranking->entries = scorer->ranked;
  return S3REC_OK;
}

s3rec_status s3_scorer_rank(s3rec_scorer *scorer, const s3_query *query, s3_ranking *ranking) {
  S3_TRY(make_room(scorer, query, ranking));
  if (ranking->kept == 0) return S3REC_OK;
  const s3rec_score_options *options = query->options;
  const int32_t item_size = scorer->model->config.item_size;
  scorer->for_all = query->left_out;
  s3_id_set_insert_items(s3_left_out_for_all(scorer), item_size, options->excluded,
                         options->excluded_count);
  s3rec_status status = S3REC_OK;
  const size_t most = most_users(scorer);
  for (size_t first = 0; first < query->user_count && status == S3REC_OK; first += most) {
    const size_t rest = query->user_count - first;
    status = rank_group(scorer, query, first, first + (rest < most ? rest : most), ranking);
  }
  s3_id_set_erase_items(s3_left_out_for_all(scorer), item_size, options->excluded,
                        options->excluded_count);
  return status;
}

size_t s3_ranking_copy(const s3_ranking *ranking, size_t user, int32_t *ids, float *scores) {
  for (size_t i = 0; i < ranking->kept; i++) {
    const s3_ranked entry = ranking->entries[user * ranking->stride + i];
    if (entry.id == 0) return i;
    ids[i] = entry.id;
    if (scores != NULL) scores[i] = entry.score;
  }
  return ranking->kept;
}
