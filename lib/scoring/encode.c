/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "scoring/scorer.h"

/* Checks all rows and counts their real tokens. */
static s3rec_status check_rows(const s3rec_model *model, const int32_t *ids, size_t count,
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
                       "ids: row %zu, column %zu: padding (0) behind an item, padding belongs on "
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
static s3rec_status run_pass(s3rec_scorer *scorer, bool causal, float **dst) {
  s3_pack *pack = &scorer->users.pack;
  const s3rec_model *model = scorer->model;
  const s3_packed packed = {.sequence_count = pack->sequence_count,
                            .full_count = pack->sequence_count,
                            .offsets = pack->offsets,
                            .ids = pack->ids,
                            .slots = pack->slots,
                            .causal = causal};
  const float *hidden;
  S3_TRY(s3_encoder_forward(scorer->users.encoder, model->weights, &packed, 0, 0, &hidden));
  const size_t values =
      pack->offsets[pack->sequence_count] * (size_t)model->config.hidden_size;
  memcpy(*dst, hidden, values * sizeof *hidden);
  *dst += values;
  pack->sequence_count = 0;
  return S3REC_OK;
}

/* Encodes all rows into scorer->hidden, real tokens only. */
static s3rec_status encode_rows(s3rec_scorer *scorer, bool causal, const int32_t *ids,
                                size_t count, size_t length) {
  const s3rec_model *model = scorer->model;
  s3_pack *pack = &scorer->users.pack;
  float *dst = scorer->hidden;
  pack->sequence_count = 0;
  for (size_t row = 0; row < count; row++) {
    const int32_t *src = ids + row * length;
    const size_t tokens = row_tokens(src, length);
    if (tokens == 0) continue;
    if (s3_pack_is_full(pack, tokens)) S3_TRY(run_pass(scorer, causal, &dst));
    int32_t *packed_ids;
    S3_TRY(s3_pack_add(model->context, pack, tokens, (size_t)model->config.max_seq_length,
                       &packed_ids));
    memcpy(packed_ids, src + length - tokens, tokens * sizeof *src);
  }
  return pack->sequence_count == 0 ? S3REC_OK : run_pass(scorer, causal, &dst);
}

s3rec_status s3_scorer_encode(s3rec_scorer *scorer, bool causal, const int32_t *ids,
                              size_t count, size_t length, float *hidden) {
  const s3rec_model *model = scorer->model;
  const size_t width = (size_t)model->config.hidden_size;
  size_t token_count = 0;
  S3_TRY(check_rows(model, ids, count, length, &token_count));
  /* The caller's array is written last, when nothing can fail any more. At least
   * one row, so that there is an array. */
  S3_TRY(s3_grow(model->context, (void **)&scorer->hidden, &scorer->hidden_capacity,
                 (token_count > 0 ? token_count : 1) * width, sizeof *scorer->hidden));
  const s3rec_status status = encode_rows(scorer, causal, ids, count, length);
  S3_TRY(status);

  const float *src = scorer->hidden;
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
