/* SPDX-License-Identifier: Apache-2.0 */
#include "scoring/user_vectors.h"

#include <string.h>

#include "base/error.h"
#include "model/panels.h"

static size_t width_of(const s3_user_vectors *users) {
  return (size_t)users->model->config.hidden_size;
}

static s3rec_status create_parts(s3rec_model *model, s3_user_vectors *users) {
  users->vectors =
      s3_allocate(model->context, S3_USER_GROUP * width_of(users), sizeof *users->vectors);
  if (users->vectors == NULL) return S3REC_ERROR_MEMORY;
  S3_TRY(s3_encoder_create(model->context, &model->config, &model->table, false, &users->encoder));
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
  s3_free(context, users->pack.ids);
  s3_free(context, users->pack.slots);
  s3_free(context, users->vectors);
  s3_free(context, users->hidden);
  *users = (s3_user_vectors){0};
}

size_t s3_user_vectors_memory(const s3_user_vectors *users) {
  const s3_pack *pack = &users->pack;
  return s3_encoder_memory(users->encoder) + pack->ids_capacity * sizeof *pack->ids +
         pack->slots_capacity * sizeof *pack->slots +
         S3_USER_GROUP * width_of(users) * sizeof *users->vectors +
         users->hidden_capacity * sizeof *users->hidden;
}

/* Whether a pass has to run before a sequence of `length` tokens is added. */
static bool pack_is_full(const s3_pack *pack, size_t length) {
  return pack->sequence_count == S3_PACK_SEQUENCES ||
         (pack->sequence_count > 0 &&
          pack->offsets[pack->sequence_count] + length > S3_PACK_TOKENS);
}

/* Adds a sequence of `length` tokens, in the last `length` positions. The caller fills
 * in *ids [length]. */
static s3rec_status add_to_pack(s3_user_vectors *users, size_t length, int32_t **ids) {
  const s3rec_context *context = users->model->context;
  const size_t first_slot = (size_t)users->model->config.max_seq_length - length;
  s3_pack *pack = &users->pack;
  const size_t begin = pack->offsets[pack->sequence_count];
  const size_t end = begin + length;
  S3_TRY(s3_grow(context, (void **)&pack->ids, &pack->ids_capacity, end, sizeof *pack->ids));
  S3_TRY(s3_grow(context, (void **)&pack->slots, &pack->slots_capacity, end, sizeof *pack->slots));
  for (size_t t = 0; t < length; t++) pack->slots[begin + t] = (int32_t)(first_slot + t);
  pack->offsets[++pack->sequence_count] = end;
  *ids = pack->ids + begin;
  return S3REC_OK;
}

/* Encodes what is packed and empties the pack. *hidden has a row for every token of the
 * first `full_count` sequences, then one for the last token of each further sequence. */
static s3rec_status encode_pack(s3_user_vectors *users, bool causal, size_t full_count,
                                const float **hidden) {
  s3_pack *pack = &users->pack;
  const s3_packed packed = {.sequence_count = pack->sequence_count,
                            .full_count = full_count,
                            .offsets = pack->offsets,
                            .ids = pack->ids,
                            .slots = pack->slots,
                            .causal = causal};
  S3_TRY(s3_encoder_forward(users->encoder, users->model->weights, &packed, 0, 0, hidden));
  pack->sequence_count = 0;
  return S3REC_OK;
}

/* User vectors. */

void s3_user_vectors_begin(s3_user_vectors *users) {
  users->pack.sequence_count = 0;
  users->count = 0;
}

static s3rec_status encode_users(s3_user_vectors *users) {
  const size_t waiting = users->pack.sequence_count, width = width_of(users);
  if (waiting == 0) return S3REC_OK;
  const float *hidden;
  S3_TRY(encode_pack(users, true, 0, &hidden));
  memcpy(users->vectors + users->count * width, hidden, waiting * width * sizeof *hidden);
  users->count += waiting;
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

  if (pack_is_full(&users->pack, known)) S3_TRY(encode_users(users));
  int32_t *ids;
  S3_TRY(add_to_pack(users, known, &ids));
  for (size_t i = begin; i < count; i++) {
    if (s3_item_known(model, history[i])) *ids++ = history[i];
  }
  return S3REC_OK;
}

s3rec_status s3_user_vectors_finish(s3_user_vectors *users) {
  S3_TRY(encode_users(users));
  const size_t width = width_of(users);
  const size_t padding = s3_user_vectors_padded(users->count) - users->count;
  memset(users->vectors + users->count * width, 0, padding * width * sizeof *users->vectors);
  return S3REC_OK;
}

/* All hidden states of rows of ids. */

/* Checks all rows and counts their real tokens. */
static s3rec_status check_id_rows(const s3rec_model *model, const int32_t *ids, size_t count,
                                  size_t length, size_t *token_count) {
  size_t tokens = 0;
  for (size_t row = 0; row < count; row++) {
    bool begun = false;
    for (size_t column = 0; column < length; column++) {
      const int32_t id = ids[row * length + column];
      if (id < 0 || id >= model->config.item_size) {
        return s3_fail(S3REC_ERROR_FORMAT, "ids: row %zu, column %zu: id %d is not in 0..%d", row,
                       column, id, model->config.item_size - 1);
      }
      if (id == 0 && begun) {
        return s3_fail(S3REC_ERROR_FORMAT,
                       "ids: row %zu, column %zu: padding (0) after an item; padding must be on "
                       "the left",
                       row, column);
      }
      begun = id != 0;
      tokens += begun;
    }
  }
  *token_count = tokens;
  return S3REC_OK;
}

/* Real tokens of one checked row. */
static size_t row_tokens(const int32_t *row, size_t length) {
  size_t padding = 0;
  while (padding < length && row[padding] == 0) ++padding;
  return length - padding;
}

/* Encodes what is packed and moves its rows to *dst, which it advances. */
static s3rec_status encode_packed_rows(s3_user_vectors *users, bool causal, float **dst) {
  const size_t sequences = users->pack.sequence_count;
  if (sequences == 0) return S3REC_OK;
  const size_t values = users->pack.offsets[sequences] * width_of(users);
  const float *hidden;
  S3_TRY(encode_pack(users, causal, sequences, &hidden));
  memcpy(*dst, hidden, values * sizeof *hidden);
  *dst += values;
  return S3REC_OK;
}

/* Encodes all rows into users->hidden, real tokens only. */
static s3rec_status encode_real_tokens(s3_user_vectors *users, bool causal, const int32_t *ids,
                                       size_t count, size_t length) {
  float *dst = users->hidden;
  users->pack.sequence_count = 0;
  for (size_t row = 0; row < count; row++) {
    const int32_t *src = ids + row * length;
    const size_t tokens = row_tokens(src, length);
    if (tokens == 0) continue;
    if (pack_is_full(&users->pack, tokens)) S3_TRY(encode_packed_rows(users, causal, &dst));
    int32_t *packed_ids;
    S3_TRY(add_to_pack(users, tokens, &packed_ids));
    memcpy(packed_ids, src + length - tokens, tokens * sizeof *src);
  }
  return encode_packed_rows(users, causal, &dst);
}

s3rec_status s3_encode_rows(s3_user_vectors *users, bool causal, const int32_t *ids, size_t count,
                            size_t length, float *hidden) {
  const size_t width = width_of(users);
  size_t token_count = 0;
  S3_TRY(check_id_rows(users->model, ids, count, length, &token_count));
  /* The caller's array is written last, when nothing can fail any more. At least
   * one row, so that there is an array. */
  S3_TRY(s3_grow(users->model->context, (void **)&users->hidden, &users->hidden_capacity,
                 (token_count > 0 ? token_count : 1) * width, sizeof *users->hidden));
  S3_TRY(encode_real_tokens(users, causal, ids, count, length));

  const float *src = users->hidden;
  for (size_t row = 0; row < count; row++) {
    const size_t values = row_tokens(ids + row * length, length) * width;
    float *dst = hidden + row * length * width;
    const size_t padding = length * width - values;
    memset(dst, 0, padding * sizeof *dst);
    memcpy(dst + padding, src, values * sizeof *dst);
    src += values;
  }
  return S3REC_OK;
}
