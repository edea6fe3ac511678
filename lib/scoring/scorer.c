/* SPDX-License-Identifier: Apache-2.0 */
#include "scoring/scorer.h"

#include "base/error.h"
#include "dnnl/engine.h"
#include "kernels/kernels.h"
#include "scoring/id_set.h"

s3rec_status s3_scorer_create(s3rec_model *model, s3rec_scorer **scorer) {
  const s3rec_context *context = model->context;
  S3_TRY(s3_model_begin_scoring(model));
  s3rec_scorer *created = s3_allocate(context, 1, sizeof *created);
  s3rec_status status = S3REC_ERROR_MEMORY;
  if (created != NULL) {
    created->largest_item_norm = -1.0;
    created->set_words = s3_id_set_words(model->config.item_size);
    created->selected = s3_allocate(context, S3_TILE_ITEMS, sizeof *created->selected);
    if (created->selected != NULL) status = s3_user_vectors_create(model, &created->users);
    if (status != S3REC_OK) s3_free(context, created->selected);
  }
  if (status != S3REC_OK) {
    s3_free(context, created);
    s3_model_end_scoring(model);
    return status;
  }
  created->model = s3_model_retain(model);
  *scorer = created;
  return S3REC_OK;
}

void s3_scorer_destroy(s3rec_scorer *scorer) {
  s3rec_model *model = scorer->model;
  const s3rec_context *context = model->context;
  s3_user_vectors_destroy(&scorer->users);
  s3_free(context, scorer->sets);
  s3_free(context, scorer->scores);
  s3_free(context, scorer->selected);
  s3_free(context, scorer->candidates);
  s3_free(context, scorer->rows);
  s3_free(context, scorer->ranked);
  s3_free(context, scorer->hidden);
  s3_free(context, scorer);
  s3_model_end_scoring(model);
  s3_model_release(model);
}

size_t s3_scorer_memory(const s3rec_scorer *scorer) {
  return sizeof *scorer + s3_user_vectors_memory(&scorer->users) +
         scorer->sets_capacity * sizeof *scorer->sets +
         scorer->scores_capacity * sizeof *scorer->scores +
         S3_TILE_ITEMS * sizeof *scorer->selected +
         scorer->candidates_capacity * sizeof *scorer->candidates +
         scorer->rows_capacity * sizeof *scorer->rows +
         scorer->ranked_capacity * sizeof *scorer->ranked +
         scorer->hidden_capacity * sizeof *scorer->hidden;
}

s3rec_status s3_scorer_user_vector(s3rec_scorer *scorer, const int32_t *history, size_t count,
                                   const float **vector) {
  s3_user_vectors *users = &scorer->users;
  const s3_openmp_state openmp = s3_openmp_enter();
  bool added = false;
  s3_user_vectors_begin(users);
  s3rec_status status = s3_user_vectors_add(users, history, count, &added);
  if (status == S3REC_OK) status = s3_user_vectors_finish(users);
  s3_openmp_leave(openmp);
  S3_TRY(status);
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
