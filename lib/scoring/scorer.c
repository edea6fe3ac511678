/* SPDX-License-Identifier: Apache-2.0 */
#include "scoring/scorer.h"

#include "base/error.h"
#include "kernels/kernels.h"

/* Larger tables are not copied unasked. */
static const size_t largest_unasked = (size_t)64 << 20;

static s3rec_scan choose_scan(const s3rec_model *model, s3rec_scan scan) {
  if (scan != S3REC_SCAN_AUTO) return scan;
  const size_t bytes =
      (size_t)model->config.item_size * (size_t)model->config.hidden_size * sizeof(float);
  return model->context->kernels->level != S3REC_KERNELS_BASELINE && bytes <= largest_unasked
             ? S3REC_SCAN_INT8
             : S3REC_SCAN_F32;
}

/* Fills in a scorer of zeros that belongs to the model; it may stay half done. */
static s3rec_status fill_scorer(s3rec_scorer *scorer, s3rec_scan scan) {
  s3rec_model *model = scorer->model;
  const s3rec_context *context = model->context;
  scorer->largest_item_norm = -1.0;
  scorer->set_words = s3_id_set_words(model->config.item_size);
  scorer->selected = s3_allocate(context, S3_TILE_ITEMS, sizeof *scorer->selected);
  if (scorer->selected == NULL) return S3REC_ERROR_MEMORY;
  S3_TRY(s3_user_vectors_create(model, &scorer->users));
  scan = choose_scan(model, scan);
  if (scan == S3REC_SCAN_F32) return S3REC_OK;
  S3_TRY(s3_quantized_items_get(model, scan, &scorer->quantized));
  scorer->user_columns =
      s3_allocate(context, S3_USER_GROUP * s3_quantized_user_size(scorer->quantized), 1);
  return scorer->user_columns == NULL ? S3REC_ERROR_MEMORY : S3REC_OK;
}

s3rec_status s3_scorer_create(s3rec_model *model, s3rec_scan scan, s3rec_scorer **scorer) {
  S3_TRY(s3_model_begin_scoring(model));
  s3rec_scorer *created = s3_allocate(model->context, 1, sizeof *created);
  if (created == NULL) {
    s3_model_end_scoring(model);
    return S3REC_ERROR_MEMORY;
  }
  created->model = s3_model_retain(model);
  const s3rec_status status = fill_scorer(created, scan);
  if (status != S3REC_OK) {
    s3_scorer_destroy(created);
    return status;
  }
  *scorer = created;
  return S3REC_OK;
}

void s3_scorer_destroy(s3rec_scorer *scorer) {
  s3rec_model *model = scorer->model;
  const s3rec_context *context = model->context;
  s3_user_vectors_destroy(&scorer->users);
  s3_free(context, scorer->user_columns);
  s3_free(context, scorer->sets);
  s3_free(context, scorer->scores);
  s3_free(context, scorer->selected);
  s3_free(context, scorer->own_candidates);
  s3_free(context, scorer->rows);
  s3_free(context, scorer->ranked);
  s3_free(context, scorer);
  s3_model_end_scoring(model);
  s3_model_release(model);
}

size_t s3_scorer_memory(const s3rec_scorer *scorer) {
  return sizeof *scorer + s3_user_vectors_memory(&scorer->users) +
         scorer->sets_capacity * sizeof *scorer->sets +
         scorer->scores_capacity * sizeof *scorer->scores +
         S3_TILE_ITEMS * sizeof *scorer->selected +
         (scorer->quantized == NULL ? 0
                                    : S3_USER_GROUP * s3_quantized_user_size(scorer->quantized)) +
         scorer->candidates_capacity * sizeof *scorer->own_candidates +
         scorer->rows_capacity * sizeof *scorer->rows +
         scorer->ranked_capacity * sizeof *scorer->ranked;
}

s3rec_status s3_scorer_user_vector(s3rec_scorer *scorer, const int32_t *history, size_t count,
                                   const float **vector) {
  s3_user_vectors *users = &scorer->users;
  bool added = false;
  s3_user_vectors_begin(users);
  S3_TRY(s3_user_vectors_add(users, history, count, &added));
  S3_TRY(s3_user_vectors_finish(users));
  if (!added) {
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "history: none of its %zu ids is in 1..%d, there is nothing to encode", count,
                   scorer->model->config.item_size - 2);
  }
  *vector = users->vectors;
  return S3REC_OK;
}

s3rec_status s3_scorer_score_all(s3rec_scorer *scorer, const int32_t *history, size_t count,
                                 float *scores) {
  const s3rec_model *model = scorer->model;
  const float *vector = NULL;
  S3_TRY(s3_scorer_user_vector(scorer, history, count, &vector));
  model->context->kernels->matrix_vector(
      (size_t)model->config.item_size, (size_t)model->config.hidden_size,
      model->weights + model->table.item_embeddings, vector, scores);
  return S3REC_OK;
}
