/* SPDX-License-Identifier: Apache-2.0 */
/* The most similar items, by the cosine: all items, or all candidates, are compared. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "kernels/kernels.h"
#include "serving/answer.h"

static s3rec_status make_room_for_cosines(s3_seat *seat, size_t k) {
  const s3rec_model *const model = seat->generation->model;
  const s3rec_context *const context = model->context;
  S3_TRY(s3_grow(context, (void **)&seat->ranked, &seat->ranked_capacity, k,
                 sizeof *seat->ranked));
  if (seat->given == NULL) {
    seat->given =
        s3_allocate(context, s3_id_set_words(model->config.item_size), sizeof *seat->given);
  }
  if (seat->direction == NULL) {
    seat->direction =
        s3_allocate(context, (size_t)model->config.hidden_size, sizeof *seat->direction);
  }
  if (seat->scores == NULL) {
    seat->scores = s3_allocate(context, S3_TILE_ITEMS, sizeof *seat->scores);
  }
  return seat->given == NULL || seat->direction == NULL || seat->scores == NULL
             ? S3REC_ERROR_MEMORY
             : S3REC_OK;
}

/* Writes the unit vector of the given items' direction, zeros where they cancel out; returns how
 * many are known. */
static size_t find_direction(s3_seat *seat, const float *inverse_norms, const int32_t *items,
                             size_t count) {
  const s3rec_model *const model = seat->generation->model;
  const size_t width = (size_t)model->config.hidden_size;
  const float *const table = model->weights + model->table.item_embeddings;
  float *const direction = seat->direction;
  size_t known = 0;
  memset(direction, 0, width * sizeof *direction);
  for (size_t i = 0; i < count; i++) {
    if (!s3_item_known(model, items[i])) continue;
    known++;
    const float *const vector = table + (size_t)items[i] * width;
    const float inverse = inverse_norms[items[i]];
    for (size_t c = 0; c < width; c++) direction[c] += vector[c] * inverse;
  }
  const double square = model->context->kernels->square_sum(width, direction);
  const float inverse = square > 0.0 ? (float)(1.0 / sqrt(square)) : 0.0f;
  for (size_t c = 0; c < width; c++) direction[c] *= inverse;
  return known;
}

/* The items that are compared. */
typedef struct compared_items {
  const int32_t *ids; /* NULL: 1 .. count */
  size_t count;
} compared_items;

static compared_items compared_items_of(const s3_question *question, const s3_allowed *own,
                                        const s3rec_model *model) {
  const s3_allowed *const fewer = s3_fewer_candidates(question->allowed, own);
  if (fewer != NULL) return (compared_items){fewer->candidates, fewer->candidate_count};
  return (compared_items){NULL, (size_t)model->config.item_size - 2};
}

static float cosine_of(float product, float inverse_norm) {
  const float cosine = product * inverse_norm;
  return cosine > 1.0f ? 1.0f : cosine < -1.0f ? -1.0f : cosine; /* rounding goes beyond */
}

static void compare_items(s3_seat *seat, const s3_question *question, const s3_allowed *own,
                          const float *inverse_norms, s3_top_k *top) {
  const s3rec_model *const model = seat->generation->model;
  const s3_kernels *const kernels = model->context->kernels;
  const size_t width = (size_t)model->config.hidden_size;
  const float *const table = model->weights + model->table.item_embeddings;
  const compared_items compared = compared_items_of(question, own, model);
  for (size_t first = 0; first < compared.count; first += S3_TILE_ITEMS) {
    const size_t rest = compared.count - first;
    const size_t count = rest < S3_TILE_ITEMS ? rest : S3_TILE_ITEMS;
    const int32_t *const ids = compared.ids == NULL ? NULL : compared.ids + first;
    if (ids != NULL) {
      kernels->gathered_products(count, width, table, ids, seat->direction, seat->scores);
    } else {
      kernels->matrix_vector(count, width, table + (1 + first) * width, seat->direction,
                             seat->scores);
    }
    for (size_t i = 0; i < count; i++) {
      const int32_t id = ids != NULL ? ids[i] : (int32_t)(1 + first + i);
      const float cosine = cosine_of(seat->scores[i], inverse_norms[id]);
      if (cosine <= top->threshold || s3_id_set_has(seat->given, id) ||
          !s3_both_allow(question->allowed, own, id))
        continue;
      s3_top_k_offer(top, cosine, id);
    }
  }
  s3_top_k_sort(top);
}

static void answer_similar_user(s3_seat *seat, const s3_question *question, size_t user,
                                const float *inverse_norms, const s3_reply *reply) {
  const s3rec_model *const model = seat->generation->model;
  const int32_t *const items = question->items + question->offsets[user];
  const int32_t item_size = model->config.item_size;
  const size_t count = s3_history_length(question, user);
  const size_t known = find_direction(seat, inverse_norms, items, count);
  s3_top_k top;
  s3_top_k_begin(&top, seat->ranked, question->k);
  if (known > 0) {
    s3_id_set_insert_items(seat->given, item_size, items, count);
    compare_items(seat, question, s3_own_filter(question, user), inverse_norms, &top);
    s3_id_set_erase_items(seat->given, item_size, items, count);
  }
  for (size_t i = 0; i < top.count; i++) {
    reply->ids[user * reply->stride + i] = top.entries[i].id;
    reply->scores[user * reply->stride + i] = top.entries[i].score;
  }
  reply->users[user] =
      (s3_user_answer){.count = top.count,
                       .unknown_count = count - known,
                       .source = top.count > 0 ? S3REC_ANSWER_MODEL : S3REC_ANSWER_NONE};
}

s3rec_status s3_answer_similar(s3_seat *seat, const s3_question *question, size_t first,
                               size_t last, const s3_reply *reply) {
  const float *inverse_norms;
  S3_TRY(s3_generation_inverse_norms(seat->generation, &inverse_norms));
  S3_TRY(make_room_for_cosines(seat, question->k));
  for (size_t user = first; user < last; user++) {
    answer_similar_user(seat, question, user, inverse_norms, reply);
  }
  return S3REC_OK;
}
