/* SPDX-License-Identifier: Apache-2.0 */
/* Scaled dot-product attention over packed sequences, one sequence and head at a
 * time, n keys, m queries (the last m tokens), D = head_size:
 *
 *   S [m,n] = Q K^T / sqrt(D)       P = softmax(S), later keys left out if causal
 *   F [m,n] = dropout factors       O [m,D] = (P F) V
 *
 *   diff_V = (P F)^T diff_O         diff_P = F (diff_O V^T)
 *   diff_S = P (diff_P - sum_j diff_P P)
 *   diff_Q = diff_S K / sqrt(D)     diff_K = diff_S^T Q / sqrt(D)
 *
 * All five products are sums of weighted rows, four sums at a time; those along D
 * read K or V transposed, [D, stride]. What stands after the last key never leaves
 * its lane. */
#include <math.h>

#define S3_SHORT_ROWS /* most sequences have at most eight items */
#include "kernels/level.h"

/* Scratch of one head; rows are padded to whole vectors. */
typedef struct head_scratch {
  size_t stride;           /* padded keys */
  float *transposed;       /* [D, stride] */
  float *weights, *scores; /* [n, stride] each: P F and diff_S */
} head_scratch;

static head_scratch carve_scratch(float *scratch, size_t keys, size_t head_size) {
  head_scratch h = {.stride = S3_KEPT_STRIDE(keys)};
  h.transposed = scratch;
  h.weights = h.transposed + head_size * h.stride;
  h.scores = h.weights + keys * h.stride;
  return h;
}

typedef struct row_view {
  const float *values;
  size_t stride;
} row_view;

/* Squares of whole vectors; after the last row it is repeated. */
static void transpose(size_t rows, size_t columns, row_view src, float *dst, size_t stride) {
  for (size_t r = 0; r < rows; r += S3_LANES)
    for (size_t c = 0; c < columns; c += S3_LANES) {
      const size_t count = s3_lanes_left(columns - c);
      s3_vector square[S3_LANES];
#pragma GCC unroll 16
      for (size_t i = 0; i < S3_LANES; i++) {
        const size_t row = r + i < rows ? r + i : rows - 1;
        square[i] = s3_load_some(src.values + row * src.stride + c, count);
      }
      s3_transpose_square(square);
      if (count == S3_LANES) {
#pragma GCC unroll 16
        for (size_t i = 0; i < S3_LANES; i++) s3_store(dst + (c + i) * stride + r, square[i]);
      } else {
        for (size_t i = 0; i < count; i++) s3_store(dst + (c + i) * stride + r, square[i]);
      }
    }
}

/* Weights [rows, depth], or the transpose of what is stored: the distance of rows, and
 * of the weights in a row. */
typedef struct weight_view {
  const float *values;
  size_t stride, step;
} weight_view;

enum { ROWS = 4 };
typedef struct weight_rows {
  const float *row[ROWS];
  size_t step;
} weight_rows;

/* dst[i] = scale * (row i of weights times matrix [depth, count or 2 vectors]). Four rows
 * share what is loaded, and hide the latency of the sums. */
static inline void one_vector(size_t depth, size_t count, weight_rows w, row_view matrix,
                              float scale, float *const dst[ROWS]) {
  s3_vector a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0};
  for (size_t k = 0; k < depth; k++) {
    const s3_vector m = s3_load_some(matrix.values + k * matrix.stride, count);
    a0 += w.row[0][k * w.step] * m;
    a1 += w.row[1][k * w.step] * m;
    a2 += w.row[2][k * w.step] * m;
    a3 += w.row[3][k * w.step] * m;
  }
  s3_store_some(dst[0], scale * a0, count);
  s3_store_some(dst[1], scale * a1, count);
  s3_store_some(dst[2], scale * a2, count);
  s3_store_some(dst[3], scale * a3, count);
}
static inline void two_vectors(size_t depth, weight_rows w, row_view matrix, float scale,
                               float *const dst[ROWS]) {
  s3_vector a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0}, b0 = {0}, b1 = {0}, b2 = {0}, b3 = {0};
  for (size_t k = 0; k < depth; k++) {
    const s3_vector a = s3_load(matrix.values + k * matrix.stride);
    const s3_vector b = s3_load(matrix.values + k * matrix.stride + S3_LANES);
    const float w0 = w.row[0][k * w.step], w1 = w.row[1][k * w.step];
    const float w2 = w.row[2][k * w.step], w3 = w.row[3][k * w.step];
    a0 += w0 * a;
    b0 += w0 * b;
    a1 += w1 * a;
    b1 += w1 * b;
    a2 += w2 * a;
    b2 += w2 * b;
    a3 += w3 * a;
    b3 += w3 * b;
  }
  s3_store(dst[0], scale * a0);
  s3_store(dst[0] + S3_LANES, scale * b0);
  s3_store(dst[1], scale * a1);
  s3_store(dst[1] + S3_LANES, scale * b1);
  s3_store(dst[2], scale * a2);
  s3_store(dst[2] + S3_LANES, scale * b2);
  s3_store(dst[3], scale * a3);
  s3_store(dst[3] + S3_LANES, scale * b3);
}

/* dst [rows, columns] = scale * weights matrix, with at most four rows of weights
 * [rows, depth] and matrix [depth, columns]. Of fewer than four the last one is computed
 * and stored again. */
static void product_rows(size_t rows, size_t columns, size_t depth, weight_view weights,
                         row_view matrix, float scale, float *dst, size_t dst_stride) {
  weight_rows w = {.step = weights.step};
  float *to[ROWS];
  for (size_t i = 0; i < ROWS; i++) {
    const size_t row = i < rows ? i : rows - 1;
    w.row[i] = weights.values + row * weights.stride;
    to[i] = dst + row * dst_stride;
  }
  while (columns >= 2 * S3_LANES) {
    two_vectors(depth, w, matrix, scale, to);
    for (size_t i = 0; i < ROWS; i++) to[i] += 2 * S3_LANES;
    matrix.values += 2 * S3_LANES;
    columns -= 2 * S3_LANES;
  }
  if (columns >= S3_LANES) {
    one_vector(depth, S3_LANES, w, matrix, scale, to);
    for (size_t i = 0; i < ROWS; i++) to[i] += S3_LANES;
    matrix.values += S3_LANES;
    columns -= S3_LANES;
  }
  if (columns > 0) one_vector(depth, columns, w, matrix, scale, to);
}

/* score[0..keys) becomes its softmax, score[keys..stride) zero. With a threshold,
 * weights [stride] get it with the dropout factors of elements first, first + 1, ... */
static void softmax_row(size_t keys, size_t stride, s3_dropout dropout, uint32_t first,
                        float *score, float *weights) {
  const s3_vector none = (s3_vector){0} - INFINITY;
  const size_t last = (keys - 1) / S3_LANES * S3_LANES, end = last + S3_LANES;
  const s3_mask seen = s3_first_lanes(keys - last);
  const s3_vector score_last = s3_load(score + last);
  s3_vector largest = (s3_vector)((seen & (s3_mask)score_last) | (~seen & (s3_mask)none));
  for (size_t j = 0; j < last; j += S3_LANES) largest = s3_max(s3_load(score + j), largest);
  const float maximum = s3_lane_max(largest);
  const s3_vector e_last = (s3_vector)(seen & (s3_mask)s3_exp(score_last - maximum));
  s3_vector sums = e_last;
  for (size_t j = 0; j < last; j += S3_LANES) {
    const s3_vector e = s3_exp(s3_load(score + j) - maximum);
    s3_store(score + j, e);
    sums += e;
  }
  s3_store(score + last, e_last);
  const float inverse = 1.0f / s3_lane_sum(sums);
  for (size_t j = 0; j < end; j += S3_LANES) {
    const s3_vector p = s3_load(score + j) * inverse;
    s3_store(score + j, p);
    if (dropout.threshold != 0)
      s3_store(weights + j, p * s3_dropout_factors(first + (uint32_t)j, dropout));
  }
  for (size_t j = end; j < stride; j += S3_LANES) {
    s3_store(score + j, (s3_vector){0});
    s3_store(weights + j, (s3_vector){0});
  }
}

/* Element number of key 0 for dropout at query row `query`, head `head`; without dropout
 * there are no token numbers. */
static uint32_t first_element(const s3_attention_shape *shape, size_t query, size_t head) {
  if (shape->dropout.dropout.threshold == 0) return 0;
  return (shape->dropout.tokens[query] * (uint32_t)shape->heads + (uint32_t)head) *
         (uint32_t)shape->max_seq_length;
}

typedef struct sequence {
  size_t first_key, keys, first_query, queries;
} sequence;

static sequence sequence_at(const s3_attention_shape *shape, size_t s) {
  return (sequence){shape->key_offsets[s], shape->key_offsets[s + 1] - shape->key_offsets[s],
                    shape->query_offsets[s],
                    shape->query_offsets[s + 1] - shape->query_offsets[s]};
}

/* Keys that query i of a sequence sees, and the first query that sees key j. */
static size_t visible_keys(const s3_attention_shape *shape, sequence q, size_t i) {
  return shape->causal ? q.keys - q.queries + i + 1 : q.keys;
}
static size_t first_viewer(const s3_attention_shape *shape, sequence q, size_t j) {
  const size_t unasked = q.keys - q.queries;
  return shape->causal && j > unasked ? j - unasked : 0;
}

/* One head of one sequence: the four inputs start at its first row and column. */
typedef struct head_part {
  const s3_attention_shape *shape;
  sequence q;
  size_t head;
  row_view query, key, value;
} head_part;

static head_part head_part_at(const s3_attention_shape *shape, sequence q, size_t head,
                              s3_attention_input input) {
  const size_t column = head * shape->head_size;
  const size_t query_begin = q.first_query * input.query_stride + column;
  const size_t key_begin = q.first_key * input.key_stride + column;
  return (head_part){.shape = shape,
                     .q = q,
                     .head = head,
                     .query = {input.query + query_begin, input.query_stride},
                     .key = {input.key + key_begin, input.key_stride},
                     .value = {input.value + key_begin, input.key_stride}};
}

static size_t block_rows(size_t rows, size_t i) { return rows - i < ROWS ? rows - i : ROWS; }

/* Queries go four at a time. As many keys are looked at as the last of them sees; for
 * the others the rest has weight 0. */
static void head_forward(const head_part *part, float *scratch, float *kept, float *dst) {
  const s3_attention_shape *shape = part->shape;
  const size_t head_size = shape->head_size, queries = part->q.queries;
  const size_t hidden = shape->heads * head_size;
  const s3_dropout dropout = shape->dropout.dropout;
  const bool drop = dropout.threshold != 0;
  const float scale = 1.0f / sqrtf((float)head_size);
  const head_scratch h = carve_scratch(scratch, part->q.keys, head_size);
  if (queries == 0) return;
  transpose(part->q.keys, head_size, part->key, h.transposed, h.stride);
  for (size_t i = 0; i < queries; i += ROWS) {
    const size_t rows = block_rows(queries, i);
    const size_t visible = visible_keys(shape, part->q, i + rows - 1);
    float *p = kept + i * h.stride;
    product_rows(rows, s3_round_to_lanes(visible), head_size,
                 (weight_view){part->query.values + i * part->query.stride, part->query.stride, 1},
                 (row_view){h.transposed, h.stride}, scale, p, h.stride);
    for (size_t r = 0; r < rows; r++)
      softmax_row(visible_keys(shape, part->q, i + r), h.stride, dropout,
                  first_element(shape, part->q.first_query + i + r, part->head),
                  p + r * h.stride, h.weights + r * h.stride);
    product_rows(rows, head_size, visible, (weight_view){drop ? h.weights : p, h.stride, 1},
                 part->value, 1.0f, dst + i * hidden, hidden);
  }
}

void S3_NAME(attention_forward)(const s3_attention_shape *shape, s3_attention_input input,
                                float *scratch, float *kept, float *dst) {
  const size_t hidden = shape->heads * shape->head_size;
  for (size_t s = 0; s < shape->sequence_count; s++) {
    const sequence q = sequence_at(shape, s);
    for (size_t head = 0; head < shape->heads; head++) {
      const head_part part = head_part_at(shape, q, head, input);
      head_forward(&part, scratch,
                   kept + shape->probability_offsets[s] +
                       head * q.queries * S3_KEPT_STRIDE(q.keys),
                   dst + q.first_query * hidden + head * shape->head_size);
    }
  }
}

/* One row: `weights` becomes P F, and `scores` from diff_O V^T to diff_S / sqrt(D), both
 * with zeros up to the stride. */
static void backward_row(size_t keys, size_t stride, float scale, s3_dropout dropout,
                         uint32_t first, const float *p, float *weights, float *scores) {
  const bool drop = dropout.threshold != 0;
  const size_t end = s3_round_to_lanes(keys);
  s3_vector sums = {0};
  for (size_t j = 0; j < end; j += S3_LANES) {
    const s3_vector probability = s3_load(p + j);
    s3_vector weight = probability, diff = s3_load(scores + j);
    if (drop) {
      const s3_vector factors = s3_dropout_factors(first + (uint32_t)j, dropout);
      weight *= factors;
      diff *= factors;
      s3_store(scores + j, diff);
    }
    s3_store(weights + j, weight);
    sums += diff * probability; /* after the last key p is 0 */
  }
  const float product = s3_lane_sum(sums);
  for (size_t j = 0; j < end; j += S3_LANES)
    s3_store(scores + j, s3_load(p + j) * (s3_load(scores + j) - product) * scale);
  for (size_t j = end; j < stride; j += S3_LANES) {
    s3_store(weights + j, (s3_vector){0});
    s3_store(scores + j, (s3_vector){0});
  }
}

/* diff points to the head's first row and column, with the strides of the input. */
static void head_backward(const head_part *part, float *scratch, const float *kept,
                          row_view diff_dst, s3_attention_diff diff) {
  const s3_attention_shape *shape = part->shape;
  const size_t head_size = shape->head_size, keys = part->q.keys, queries = part->q.queries;
  const s3_dropout dropout = shape->dropout.dropout;
  const float scale = 1.0f / sqrtf((float)head_size);
  const head_scratch h = carve_scratch(scratch, keys, head_size);
  if (keys == 0) return;
  transpose(keys, head_size, part->value, h.transposed, h.stride);
  for (size_t i = 0; i < queries; i += ROWS) {
    const size_t rows = block_rows(queries, i);
    const size_t visible = visible_keys(shape, part->q, i + rows - 1);
    float *scores = h.scores + i * h.stride;
    product_rows(rows, s3_round_to_lanes(visible), head_size,
                 (weight_view){diff_dst.values + i * diff_dst.stride, diff_dst.stride, 1},
                 (row_view){h.transposed, h.stride}, 1.0f, scores, h.stride);
    for (size_t r = 0; r < rows; r++)
      backward_row(visible_keys(shape, part->q, i + r), h.stride, scale, dropout,
                   first_element(shape, part->q.first_query + i + r, part->head),
                   kept + (i + r) * h.stride, h.weights + (i + r) * h.stride,
                   scores + r * h.stride);
    product_rows(rows, head_size, visible, (weight_view){scores, h.stride, 1}, part->key, 1.0f,
                 diff.query + i * part->query.stride, part->query.stride);
  }
  for (size_t j = 0; j < keys; j += ROWS) {
    const size_t rows = block_rows(keys, j);
    const size_t first = first_viewer(shape, part->q, j), seen = queries - first;
    const size_t at = j * part->key.stride, from = first * h.stride + j;
    const row_view query = {part->query.values + first * part->query.stride,
                            part->query.stride};
    const row_view diff_rows = {diff_dst.values + first * diff_dst.stride, diff_dst.stride};
    product_rows(rows, head_size, seen, (weight_view){h.scores + from, 1, h.stride}, query, 1.0f,
                 diff.key + at, part->key.stride);
    product_rows(rows, head_size, seen, (weight_view){h.weights + from, 1, h.stride}, diff_rows,
                 1.0f, diff.value + at, part->key.stride);
  }
}

void S3_NAME(attention_backward)(const s3_attention_shape *shape, s3_attention_input input,
                                 float *scratch, const float *kept, const float *diff_dst,
                                 s3_attention_diff diff) {
  const size_t hidden = shape->heads * shape->head_size;
  for (size_t s = 0; s < shape->sequence_count; s++) {
    const sequence q = sequence_at(shape, s);
    for (size_t head = 0; head < shape->heads; head++) {
      const head_part part = head_part_at(shape, q, head, input);
      const size_t column = head * shape->head_size;
      const size_t query_begin = q.first_query * input.query_stride + column;
      const size_t key_begin = q.first_key * input.key_stride + column;
      head_backward(&part, scratch,
                    kept + shape->probability_offsets[s] +
                        head * q.queries * S3_KEPT_STRIDE(q.keys),
                    (row_view){diff_dst + q.first_query * hidden + column, hidden},
                    (s3_attention_diff){diff.query + query_begin, diff.key + key_begin,
                                        diff.value + key_begin});
    }
  }
}
