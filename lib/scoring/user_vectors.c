/* SPDX-License-Identifier: Apache-2.0 */
#include "scoring/user_vectors.h"

#include <string.h>

#include "base/error.h"
#include "model/panels.h"

static size_t width_of(const s3_user_vectors *users) {
  return (size_t)users->model->config.hidden_size;
}

static s3rec_status create_parts(s3rec_model *model, s3_user_vectors *users) {
  users->vectors = s3_allocate(model->context, S3_USER_GROUP * width_of(users),
                               sizeof *users->vectors);
  if (users->vectors == NULL) return S3REC_ERROR_MEMORY;
  S3_TRY(s3_encoder_create(model->context, &model->config, &model->table, false,
                           &users->encoder));
  if (!s3_encoder_takes_panels(users->encoder)) return S3REC_OK;
  const float *panels;
  S3_TRY(s3_model_panels(model, &panels));
  s3_encoder_set_panels(users->encoder, panels);
  return S3REC_OK;
}

s3rec_status s3_user_vectors_create(s3rec_model *model, s3_user_vectors *users) {
  *users = (s3_user_vectors){.model = model};
  const s3rec_status status = create_parts(model, users);
  if (status != S3REC_OK) s3_user_vectors_destroy(users);
  return status;
}

void s3_user_vectors_destroy(s3_user_vectors *users) {
  if (users->model == NULL) return;
  const s3rec_context *context = users->model->context;
  s3_encoder_destroy(users->encoder);
  s3_pack_destroy(context, &users->pack);
  s3_free(context, users->vectors);
  *users = (s3_user_vectors){0};
}

size_t s3_user_vectors_memory(const s3_user_vectors *users) {
  return s3_encoder_memory(users->encoder) + s3_pack_memory(&users->pack) +
         S3_USER_GROUP * width_of(users) * sizeof *users->vectors;
}

void s3_user_vectors_begin(s3_user_vectors *users) {
  users->pack.sequence_count = 0;
  users->count = 0;
}

static s3rec_status run_pass(s3_user_vectors *users) {
  s3_pack *pack = &users->pack;
  if (pack->sequence_count == 0) return S3REC_OK;
  const s3_packed packed = {.sequence_count = pack->sequence_count,
                            .offsets = pack->offsets,
                            .ids = pack->ids,
                            .slots = pack->slots,
                            .causal = true};
  const float *hidden;
  S3_TRY(s3_encoder_forward(users->encoder, users->model->weights, &packed, 0, 0, &hidden));
  const size_t width = width_of(users);
  memcpy(users->vectors + users->count * width, hidden,
         pack->sequence_count * width * sizeof *hidden);
  users->count += pack->sequence_count;
  pack->sequence_count = 0;
  return S3REC_OK;
}

s3rec_status s3_user_vectors_add(s3_user_vectors *users, const int32_t *history, size_t count,
                                 bool *added) {
  const s3rec_model *model = users->model;
  const size_t max_seq_length = (size_t)model->config.max_seq_length;
  size_t known = 0, begin = count;
  while (begin > 0 && known < max_seq_length) {
    if (s3_item_known(model, history[--begin])) ++known;
  }
  *added = known > 0;
  if (known == 0) return S3REC_OK;

  if (s3_pack_is_full(&users->pack, known)) S3_TRY(run_pass(users));
  int32_t *ids;
  S3_TRY(s3_pack_add(model->context, &users->pack, known, max_seq_length, &ids));
  for (size_t i = begin; i < count; i++) {
    if (s3_item_known(model, history[i])) *ids++ = history[i];
  }
  return S3REC_OK;
}

s3rec_status s3_user_vectors_finish(s3_user_vectors *users) {
  S3_TRY(run_pass(users));
  const size_t width = width_of(users);
  const size_t padding = s3_user_vectors_padded(users->count) - users->count;
  memset(users->vectors + users->count * width, 0, padding * width * sizeof *users->vectors);
  return S3REC_OK;
}
