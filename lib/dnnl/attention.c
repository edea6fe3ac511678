/* SPDX-License-Identifier: Apache-2.0 */
/* Attention, one sequence at a time: the heads are a batch of strided matrices
 * in the packed rows. Kept: probabilities [heads, queries, keys] without gaps. */
#include <math.h>
#include <string.h>

#include "dnnl/onednn_backend.h"

enum { KEY_ROWS, KEY_WIDTH };

static s3rec_status make_softmax(const s3_primitive_key *key, s3_recipe *recipe) {
  const int64_t rows = key->values[KEY_ROWS], width = key->values[KEY_WIDTH];
  const bool backward = key->kind == S3_PRIMITIVE_SOFTMAX_BACKWARD;
  if (!backward) S3_TRY(s3_recipe_matrix(recipe, DNNL_ARG_SRC, rows, width));
  S3_TRY(s3_recipe_matrix(recipe, DNNL_ARG_DST, rows, width));
  if (backward) {
    S3_TRY(s3_recipe_matrix(recipe, DNNL_ARG_DIFF_DST, rows, width));
    S3_TRY(s3_recipe_matrix(recipe, DNNL_ARG_DIFF_SRC, rows, width));
  }
  const s3_md_ref data = s3_md_borrow(&recipe->tensors[0]);
  dnnl_primitive_desc_t forward;
  S3_TRY_DNNL("softmax",
              s3_softmax_desc(&forward, recipe->engine, recipe->attributes, NULL, data));
  if (!backward) {
    recipe->desc = forward;
    return S3REC_OK;
  }
  const dnnl_status_t status =
      s3_softmax_desc(&recipe->desc, recipe->engine, recipe->attributes, forward, data);
  dnnl_primitive_desc_destroy(forward);
  return s3_dnnl_status(status, "softmax backward");
}

/* One sequence's part of everything. */
typedef struct sequence {
  size_t heads, head_size, queries, keys;
  size_t query_row, key_row; /* its first */
  size_t probabilities;      /* heads * queries * keys */
  s3_strides query, key, dst, probability; /* of matrices [.., head_size], [queries, keys] */
} sequence;

static sequence get_sequence(const s3_attention_shape *shape, s3_attention_input input,
                             size_t index) {
  const size_t query_row = shape->query_offsets[index], key_row = shape->key_offsets[index];
  const size_t queries = shape->query_offsets[index + 1] - query_row;
  const size_t keys = shape->key_offsets[index + 1] - key_row;
  return (sequence){.heads = shape->heads,
                    .head_size = shape->head_size,
                    .queries = queries,
                    .keys = keys,
                    .query_row = query_row,
                    .key_row = key_row,
                    .probabilities = shape->heads * queries * keys,
                    .query = {shape->head_size, input.query_stride, 1},
                    .key = {shape->head_size, input.key_stride, 1},
                    .dst = {shape->head_size, shape->heads * shape->head_size, 1},
                    .probability = {queries * keys, keys, 1}};
}

static s3_strides transposed(s3_strides strides) {
  return (s3_strides){strides.batch, strides.column, strides.row};
}

/* A row of `keys` probabilities must be 0 after the query's own token. */
static void mask_later_keys(const sequence *s, float *scores) {
  const size_t earlier = s->keys - s->queries; /* tokens before the first query */
  for (size_t row = 0; row < s->heads * s->queries; row++) {
    const size_t visible = earlier + row % s->queries + 1;
    for (size_t key = visible; key < s->keys; key++) scores[row * s->keys + key] = -INFINITY;
  }
}

/* dst = dropout(src), probabilities of one sequence; dst may be src. */
static void drop_probabilities(const s3_attention_shape *shape, const sequence *s,
                               const float *src, float *dst) {
  const s3_dropout d = shape->dropout.dropout; /* a copy: dst cannot be part of it */
  for (size_t row = 0; row < s->heads * s->queries; row++) {
    const size_t head = row / s->queries, query = s->query_row + row % s->queries;
    const uint32_t token_head =
        shape->dropout.tokens[query] * (uint32_t)s->heads + (uint32_t)head;
    const uint32_t first = token_head * (uint32_t)shape->max_seq_length;
    for (size_t key = 0; key < s->keys; key++) {
      dst[row * s->keys + key] =
          src[row * s->keys + key] * s3_dropout_factor(first + (uint32_t)key, d);
    }
  }
}

static s3rec_status softmax_forward(s3_onednn_backend *backend, const sequence *s,
                                    float *scores) {
  const s3_primitive_key key = {.kind = S3_PRIMITIVE_SOFTMAX_FORWARD,
                                .values = {(int64_t)(s->heads * s->queries), (int64_t)s->keys}};
  const void *const handles[] = {scores, scores};
  return s3_primitive_run(&backend->primitives, &key, make_softmax, handles);
}

static s3rec_status softmax_backward(s3_onednn_backend *backend, const sequence *s,
                                     const float *probabilities, float *diff) {
  const s3_primitive_key key = {.kind = S3_PRIMITIVE_SOFTMAX_BACKWARD,
                                .values = {(int64_t)(s->heads * s->queries), (int64_t)s->keys}};
  const void *const handles[] = {probabilities, diff, diff};
  return s3_primitive_run(&backend->primitives, &key, make_softmax, handles);
}

s3rec_status s3_onednn_attention_forward(s3_backend *base, const s3_attention_shape *shape,
                                         s3_attention_input input, float *kept, float *dst) {
  s3_onednn_backend *backend = (s3_onednn_backend *)base;
  const bool drops = shape->dropout.dropout.threshold != 0;
  for (size_t i = 0; i < shape->sequence_count; i++) {
    const sequence s = get_sequence(shape, input, i);
    if (s.queries == 0) continue;
    const float *query = input.query + s.query_row * s.query.row;
    const float *key = input.key + s.key_row * s.key.row;
    const float *value = input.value + s.key_row * s.key.row;
    float *probabilities = kept + shape->probability_offsets[i];

    const s3_matmul_shape score = {.batch = s.heads, .m = s.queries, .n = s.keys,
                                   .k = s.head_size, .a = s.query, .b = transposed(s.key),
                                   .c = s.probability,
                                   .scale = 1.0f / sqrtf((float)s.head_size)};
    S3_TRY(s3_onednn_matmul(backend, &score, query, key, probabilities));
    if (shape->causal) mask_later_keys(&s, probabilities);
    S3_TRY(softmax_forward(backend, &s, probabilities));
    const float *dropped = probabilities;
    if (drops) {
      float *scratch;
      S3_TRY(s3_onednn_scratch(backend, s.probabilities, &scratch));
      drop_probabilities(shape, &s, probabilities, scratch);
      dropped = scratch;
    }

    const s3_matmul_shape mix = {.batch = s.heads, .m = s.queries, .n = s.head_size, .k = s.keys,
                                 .a = s.probability, .b = s.key, .c = s.dst, .scale = 1.0f};
    S3_TRY(s3_onednn_matmul(backend, &mix, dropped, value,
                            dst + s.query_row * s.dst.row));
  }
  return S3REC_OK;
}

/* Tokens that no query sees have no gradient. */
static void clear_rows(const sequence *s, float *matrix) {
  for (size_t row = 0; row < s->keys; row++) {
    memset(matrix + row * s->key.row, 0, s->heads * s->head_size * sizeof *matrix);
  }
}

static s3rec_status backward_sequence(s3_onednn_backend *backend, const s3_attention_shape *shape,
                                      const sequence *s, s3_attention_input input,
                                      const float *probabilities, const float *diff_dst,
                                      s3_attention_diff diff) {
  float *scratch;
  S3_TRY(s3_onednn_scratch(backend, s->probabilities, &scratch));
  const bool drops = shape->dropout.dropout.threshold != 0;
  const float scale = 1.0f / sqrtf((float)s->head_size);
  const float *dropped = probabilities;
  if (drops) {
    drop_probabilities(shape, s, probabilities, scratch);
    dropped = scratch;
  }
  const s3_matmul_shape to_value = {.batch = s->heads, .m = s->keys, .n = s->head_size,
                                    .k = s->queries, .a = transposed(s->probability),
                                    .b = s->dst, .c = s->key, .scale = 1.0f};
  S3_TRY(s3_onednn_matmul(backend, &to_value, dropped, diff_dst, diff.value));

  float *diff_scores = scratch;
  const s3_matmul_shape to_probability = {.batch = s->heads, .m = s->queries, .n = s->keys,
                                          .k = s->head_size, .a = s->dst,
                                          .b = transposed(s->key), .c = s->probability,
                                          .scale = 1.0f};
  S3_TRY(s3_onednn_matmul(backend, &to_probability, diff_dst, input.value, diff_scores));
  if (drops) drop_probabilities(shape, s, diff_scores, diff_scores);
  S3_TRY(softmax_backward(backend, s, probabilities, diff_scores));

  const s3_matmul_shape to_query = {.batch = s->heads, .m = s->queries, .n = s->head_size,
                                    .k = s->keys, .a = s->probability, .b = s->key,
                                    .c = s->query, .scale = scale};
  S3_TRY(s3_onednn_matmul(backend, &to_query, diff_scores, input.key, diff.query));
  const s3_matmul_shape to_key = {.batch = s->heads, .m = s->keys, .n = s->head_size,
                                  .k = s->queries, .a = transposed(s->probability),
                                  .b = s->query, .c = s->key, .scale = scale};
  return s3_onednn_matmul(backend, &to_key, diff_scores, input.query, diff.key);
}

s3rec_status s3_onednn_attention_backward(s3_backend *base, const s3_attention_shape *shape,
                                          s3_attention_input input, const float *kept,
                                          const float *diff_dst, s3_attention_diff diff) {
  s3_onednn_backend *backend = (s3_onednn_backend *)base;
  for (size_t i = 0; i < shape->sequence_count; i++) {
    const sequence s = get_sequence(shape, input, i);
    const size_t query = s.query_row * s.query.row, key = s.key_row * s.key.row;
    const s3_attention_diff its_diff = {diff.query + query, diff.key + key, diff.value + key};
    if (s.queries == 0) {
      clear_rows(&s, its_diff.key);
      clear_rows(&s, its_diff.value);
      continue;
    }
    s3_attention_input its_input = input;
    its_input.query += query;
    its_input.key += key;
    its_input.value += key;
    S3_TRY(backward_sequence(backend, shape, &s, its_input, kept + shape->probability_offsets[i],
                             diff_dst + s.query_row * s.dst.row, its_diff));
  }
  return S3REC_OK;
}
