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
 * Products along D read K or V transposed, [D, stride]; the others read rows in
 * whole vectors, from a padded copy where head_size is no multiple of a vector.
 * What stands in the padding never leaves its lane. */
#include <math.h>

#include "kernels/level.h"

/* Scratch of one head; rows are padded to whole vectors. */
typedef struct head_scratch {
  size_t stride, width;        /* padded keys, padded head size */
  float *transposed;           /* [D, stride] */
  float *rows, *queries, *row; /* copies [n, width] [n, width], and [width] */
  float *weights, *scores;     /* [n, stride] each: P F and diff_S */
} head_scratch;

static head_scratch carve(float *scratch, size_t keys, size_t head_size) {
  head_scratch h = {.stride = S3_KEPT_STRIDE(keys), .width = S3_KEPT_STRIDE(head_size)};
  h.transposed = scratch;
  h.rows = h.transposed + head_size * h.stride;
  h.queries = h.rows + keys * h.width;
  h.row = h.queries + keys * h.width;
  h.weights = h.row + h.width;
  h.scores = h.weights + keys * h.stride;
  return h;
}

/* Rows that can be read in whole vectors. */
typedef struct row_view {
  const float *values;
  size_t stride;
} row_view;

static row_view whole_vectors(size_t rows, size_t columns, row_view src, float *copy,
                              size_t copy_stride) {
  if (columns % S3_LANES == 0) return src;
  for (size_t r = 0; r < rows; r++) {
    memcpy(copy + r * copy_stride, src.values + r * src.stride, columns * sizeof *copy);
    memset(copy + r * copy_stride + columns, 0, (copy_stride - columns) * sizeof *copy);
  }
  return (row_view){copy, copy_stride};
}

static void transpose(size_t rows, size_t columns, row_view src, float *dst, size_t stride) {
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < columns; c++) dst[c * stride + r] = src.values[r * src.stride + c];
}

/* dst[0..columns) = sum over r of weight[r * weight_stride] * matrix row r, in whole
 * vectors. Four accumulators at a time hide the latency of the sums: four columns
 * of vectors, or one in four parts. */
static void weighted_row_sum(size_t rows, size_t columns, const float *weight,
                             size_t weight_stride, row_view matrix, float *dst) {
  const size_t stride = matrix.stride;
  size_t c = 0;
  for (; c + 4 * S3_LANES <= columns; c += 4 * S3_LANES) {
    s3_vector a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0};
    for (size_t r = 0; r < rows; r++) {
      const float *row = matrix.values + r * stride + c;
      const float w = weight[r * weight_stride];
      a0 += w * s3_load(row);
      a1 += w * s3_load(row + S3_LANES);
      a2 += w * s3_load(row + 2 * S3_LANES);
      a3 += w * s3_load(row + 3 * S3_LANES);
    }
    s3_store(dst + c, a0);
    s3_store(dst + c + S3_LANES, a1);
    s3_store(dst + c + 2 * S3_LANES, a2);
    s3_store(dst + c + 3 * S3_LANES, a3);
  }
  for (; c < columns; c += S3_LANES) {
    s3_vector a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0};
    const float *row = matrix.values + c, *w = weight;
    size_t r = 0;
    for (; r + 4 <= rows; r += 4, row += 4 * stride, w += 4 * weight_stride) {
      a0 += w[0] * s3_load(row);
      a1 += w[weight_stride] * s3_load(row + stride);
      a2 += w[2 * weight_stride] * s3_load(row + 2 * stride);
      a3 += w[3 * weight_stride] * s3_load(row + 3 * stride);
    }
    for (; r < rows; r++, row += stride, w += weight_stride) a0 += w[0] * s3_load(row);
    s3_store(dst + c, (a0 + a1) + (a2 + a3));
  }
}

/* The same, written to the first `columns` floats of dst only. */
static void weighted_row_sum_exact(size_t rows, size_t columns, const float *weight,
                                   size_t weight_stride, row_view matrix, float *row,
                                   float *dst) {
  if (columns % S3_LANES == 0) {
    weighted_row_sum(rows, columns, weight, weight_stride, matrix, dst);
    return;
  }
  weighted_row_sum(rows, s3_round_to_lanes(columns), weight, weight_stride, matrix, row);
  memcpy(dst, row, columns * sizeof *dst);
}

/* score[0..keys) becomes its softmax, score[keys..stride) zero. */
static void softmax_row(size_t keys, size_t stride, float *score) {
  const float maximum = s3_largest(keys, score, -INFINITY);
  for (size_t j = keys; j < stride; j++) score[j] = -INFINITY;
  const size_t end = s3_round_to_lanes(keys);
  s3_vector sums = {0};
  for (size_t j = 0; j < end; j += S3_LANES) {
    const s3_vector e = s3_exp(s3_load(score + j) - maximum);
    s3_store(score + j, e);
    sums += e;
  }
  const float inverse = 1.0f / s3_lane_sum(sums);
  for (size_t j = 0; j < end; j += S3_LANES) s3_store(score + j, s3_load(score + j) * inverse);
  for (size_t j = keys; j < stride; j++) score[j] = 0.0f;
}

/* dst = src * dropout factors of query row `query`, head `head`. */
static void drop_row(const s3_attention_shape *shape, size_t query, size_t head, size_t keys,
                     const float *src, float *dst) {
  const s3_dropout d = shape->dropout.dropout;
  const uint32_t first =
      (shape->dropout.tokens[query] * (uint32_t)shape->heads + (uint32_t)head) *
      (uint32_t)shape->max_seq_length;
#pragma omp simd
  for (uint32_t j = 0; j < (uint32_t)keys; j++)
    dst[j] = src[j] * s3_dropout_factor(first + j, d);
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

static void head_forward(const head_part *part, float *scratch, float *kept, float *dst) {
  const s3_attention_shape *shape = part->shape;
  const size_t head_size = shape->head_size, keys = part->q.keys;
  const size_t hidden = shape->heads * head_size;
  const bool drop = shape->dropout.dropout.threshold != 0;
  const float scale = 1.0f / sqrtf((float)head_size);
  const head_scratch h = carve(scratch, keys, head_size);
  transpose(keys, head_size, part->key, h.transposed, h.stride);
  const row_view transposed = {h.transposed, h.stride};
  const row_view value = whole_vectors(keys, head_size, part->value, h.rows, h.width);
  for (size_t i = 0; i < part->q.queries; i++) {
    const size_t visible = visible_keys(shape, part->q, i);
    const float *query = part->query.values + i * part->query.stride;
    float *p = kept + i * h.stride;
    for (size_t d = 0; d < head_size; d++) h.row[d] = query[d] * scale;
    weighted_row_sum(head_size, s3_round_to_lanes(visible), h.row, 1, transposed, p);
    softmax_row(visible, h.stride, p);
    const float *weight = p;
    if (drop) {
      drop_row(shape, part->q.first_query + i, part->head, visible, p, h.weights);
      weight = h.weights;
    }
    weighted_row_sum_exact(visible, head_size, weight, 1, value, h.row, dst + i * hidden);
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

/* Row i of P F to `weights`, of diff_S / sqrt(D) to `scores`. */
static void backward_row(const head_part *part, const head_scratch *h, size_t i, float scale,
                         const float *p, const float *diff_dst) {
  const s3_attention_shape *shape = part->shape;
  const size_t visible = visible_keys(shape, part->q, i), row = part->q.first_query + i;
  float *weights = h->weights + i * h->stride, *scores = h->scores + i * h->stride;
  weighted_row_sum(shape->head_size, s3_round_to_lanes(visible), diff_dst, 1,
                   (row_view){h->transposed, h->stride}, scores);
  if (shape->dropout.dropout.threshold != 0) {
    drop_row(shape, row, part->head, visible, p, weights);
    drop_row(shape, row, part->head, visible, scores, scores);
  } else {
    memcpy(weights, p, visible * sizeof *weights);
  }
  float product = 0.0f;
#pragma omp simd reduction(+ : product)
  for (size_t j = 0; j < visible; j++) product += scores[j] * p[j];
#pragma omp simd
  for (size_t j = 0; j < visible; j++) scores[j] = p[j] * (scores[j] - product) * scale;
}

/* diff points to the head's first row and column, with the strides of the input. */
static void head_backward(const head_part *part, float *scratch, const float *kept,
                          row_view diff_dst, s3_attention_diff diff) {
  const s3_attention_shape *shape = part->shape;
  const size_t head_size = shape->head_size, keys = part->q.keys, queries = part->q.queries;
  const float scale = 1.0f / sqrtf((float)head_size);
  const head_scratch h = carve(scratch, keys, head_size);
  transpose(keys, head_size, part->value, h.transposed, h.stride);
  for (size_t i = 0; i < queries; i++)
    backward_row(part, &h, i, scale, kept + i * h.stride,
                 diff_dst.values + i * diff_dst.stride);

  const row_view key = whole_vectors(keys, head_size, part->key, h.rows, h.width);
  for (size_t i = 0; i < queries; i++)
    weighted_row_sum_exact(visible_keys(shape, part->q, i), head_size, h.scores + i * h.stride,
                           1, key, h.row, diff.query + i * part->query.stride);

  /* The copy of the keys is used up: diff_dst may take its place. */
  const row_view query = whole_vectors(queries, head_size, part->query, h.queries, h.width);
  diff_dst = whole_vectors(queries, head_size, diff_dst, h.rows, h.width);
  for (size_t j = 0; j < keys; j++) {
    const size_t first = first_viewer(shape, part->q, j), seen = queries - first;
    const size_t at = j * part->key.stride, from = first * h.stride + j;
    const row_view query_part = {query.values + first * query.stride, query.stride};
    const row_view diff_part = {diff_dst.values + first * diff_dst.stride, diff_dst.stride};
    weighted_row_sum_exact(seen, head_size, h.scores + from, h.stride, query_part, h.row,
                           diff.key + at);
    weighted_row_sum_exact(seen, head_size, h.weights + from, h.stride, diff_part, h.row,
                           diff.value + at);
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
