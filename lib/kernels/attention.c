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
 * K and V are first copied to scratch blocks padded with zeros to whole vectors:
 * transposed [D, stride] for products along D, plain [n, width] for the others. */
#include <math.h>

#include "kernels/level.h"

/* Scratch of one head; all rows are padded to whole vectors. */
typedef struct head_scratch {
  size_t stride, width;                /* padded keys, padded head size */
  float *transposed;                   /* [D, stride] */
  float *key, *value;                  /* [n, width] */
  float *diff_key, *diff_value;        /* [n, width] */
  float *row, *score, *weighted;       /* [width] [stride] [stride] */
} head_scratch;

static head_scratch carve(float *scratch, size_t keys, size_t head_size) {
  head_scratch h = {.stride = S3_KEPT_STRIDE(keys), .width = S3_KEPT_STRIDE(head_size)};
  h.transposed = scratch;
  h.key = h.transposed + head_size * h.stride;
  h.value = h.key + keys * h.width;
  h.diff_key = h.value + keys * h.width;
  h.diff_value = h.diff_key + keys * h.width;
  h.row = h.diff_value + keys * h.width;
  h.score = h.row + h.width;
  h.weighted = h.score + h.stride;
  return h;
}

static void copy_padded(size_t rows, size_t columns, const float *src, size_t src_stride,
                        float *dst, size_t dst_stride) {
  for (size_t r = 0; r < rows; r++) {
    memcpy(dst + r * dst_stride, src + r * src_stride, columns * sizeof *dst);
    memset(dst + r * dst_stride + columns, 0, (dst_stride - columns) * sizeof *dst);
  }
}

static void transpose_padded(size_t rows, size_t columns, const float *src, size_t src_stride,
                             float *dst, size_t dst_stride) {
  for (size_t c = 0; c < columns; c++) {
    for (size_t r = 0; r < rows; r++) dst[c * dst_stride + r] = src[r * src_stride + c];
    memset(dst + c * dst_stride + rows, 0, (dst_stride - rows) * sizeof *dst);
  }
}

/* dst[0..columns) = sum over r of weight[r] * matrix[r * stride + ..]; columns
 * is a multiple of the vector. Four vectors at a time stay in registers. */
static void weighted_row_sum(size_t rows, size_t columns, const float *weight,
                             const float *matrix, size_t stride, float *dst) {
  size_t c = 0;
  for (; c + 4 * S3_LANES <= columns; c += 4 * S3_LANES) {
    s3_vector a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0};
    for (size_t r = 0; r < rows; r++) {
      const float *row = matrix + r * stride + c;
      const float w = weight[r];
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
    s3_vector a = {0};
    for (size_t r = 0; r < rows; r++) a += weight[r] * s3_load(matrix + r * stride + c);
    s3_store(dst + c, a);
  }
}

/* dst[r * width + ..] += weight[r] * vector */
static void add_outer(size_t rows, size_t width, const float *weight, const float *vector,
                      float *dst) {
  for (size_t c = 0; c < width; c += S3_LANES) {
    const s3_vector v = s3_load(vector + c);
    for (size_t r = 0; r < rows; r++) {
      float *row = dst + r * width + c;
      s3_store(row, s3_load(row) + weight[r] * v);
    }
  }
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
  memset(score + keys, 0, (stride - keys) * sizeof *score);
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

/* Keys that query i of a sequence sees. */
static size_t visible_keys(const s3_attention_shape *shape, sequence q, size_t i) {
  return shape->causal ? q.keys - q.queries + i + 1 : q.keys;
}

void S3_NAME(attention_forward)(const s3_attention_shape *shape, s3_attention_input input,
                                float *scratch, float *kept, float *dst) {
  const size_t head_size = shape->head_size, hidden = shape->heads * head_size;
  const bool drop = shape->dropout.dropout.threshold != 0;
  const float scale = 1.0f / sqrtf((float)head_size);
  for (size_t s = 0; s < shape->sequence_count; s++) {
    const sequence q = sequence_at(shape, s);
    const head_scratch h = carve(scratch, q.keys, head_size);
    for (size_t head = 0; head < shape->heads; head++) {
      const size_t column = head * head_size;
      const size_t key_begin = q.first_key * input.key_stride + column;
      transpose_padded(q.keys, head_size, input.key + key_begin, input.key_stride,
                       h.transposed, h.stride);
      copy_padded(q.keys, head_size, input.value + key_begin, input.key_stride, h.value,
                  h.width);
      float *probabilities =
          kept + shape->probability_offsets[s] + head * q.queries * h.stride;
      for (size_t i = 0; i < q.queries; i++) {
        const size_t row = q.first_query + i, keys = visible_keys(shape, q, i);
        const float *query = input.query + row * input.query_stride + column;
        for (size_t d = 0; d < head_size; d++) h.row[d] = query[d] * scale;
        float *p = probabilities + i * h.stride;
        weighted_row_sum(head_size, s3_round_to_lanes(keys), h.row, h.transposed, h.stride, p);
        softmax_row(keys, h.stride, p);
        const float *weight = p;
        if (drop) {
          drop_row(shape, row, head, keys, p, h.weighted);
          weight = h.weighted;
        }
        weighted_row_sum(keys, s3_round_to_lanes(head_size), weight, h.value, h.width, h.row);
        memcpy(dst + row * hidden + column, h.row, head_size * sizeof *dst);
      }
    }
  }
}

void S3_NAME(attention_backward)(const s3_attention_shape *shape, s3_attention_input input,
                                 float *scratch, const float *kept, const float *diff_dst,
                                 s3_attention_diff diff) {
  const size_t head_size = shape->head_size, hidden = shape->heads * head_size;
  const bool drop = shape->dropout.dropout.threshold != 0;
  const float scale = 1.0f / sqrtf((float)head_size);
  for (size_t s = 0; s < shape->sequence_count; s++) {
    const sequence q = sequence_at(shape, s);
    const head_scratch h = carve(scratch, q.keys, head_size);
    for (size_t head = 0; head < shape->heads; head++) {
      const size_t column = head * head_size;
      const size_t key_begin = q.first_key * input.key_stride + column;
      transpose_padded(q.keys, head_size, input.value + key_begin, input.key_stride,
                       h.transposed, h.stride);
      copy_padded(q.keys, head_size, input.key + key_begin, input.key_stride, h.key, h.width);
      memset(h.diff_key, 0, q.keys * h.width * sizeof *h.diff_key);
      memset(h.diff_value, 0, q.keys * h.width * sizeof *h.diff_value);
      const float *probabilities =
          kept + shape->probability_offsets[s] + head * q.queries * h.stride;
      for (size_t i = 0; i < q.queries; i++) {
        const size_t row = q.first_query + i, keys = visible_keys(shape, q, i);
        const float *p = probabilities + i * h.stride;
        const float *weight = p;
        copy_padded(1, head_size, diff_dst + row * hidden + column, 0, h.row, h.width);
        if (drop) {
          drop_row(shape, row, head, keys, p, h.weighted);
          weight = h.weighted;
        }
        add_outer(keys, h.width, weight, h.row, h.diff_value);

        weighted_row_sum(head_size, s3_round_to_lanes(keys), h.row, h.transposed, h.stride,
                         h.score);
        if (drop) drop_row(shape, row, head, keys, h.score, h.score);
        float product = 0.0f;
#pragma omp simd reduction(+ : product)
        for (size_t j = 0; j < keys; j++) product += h.score[j] * p[j];
#pragma omp simd
        for (size_t j = 0; j < keys; j++) h.score[j] = p[j] * (h.score[j] - product) * scale;

        copy_padded(1, head_size, input.query + row * input.query_stride + column, 0, h.row,
                    h.width);
        add_outer(keys, h.width, h.score, h.row, h.diff_key);
        weighted_row_sum(keys, s3_round_to_lanes(head_size), h.score, h.key, h.width, h.row);
        memcpy(diff.query + row * input.query_stride + column, h.row,
               head_size * sizeof *h.row);
      }
      for (size_t j = 0; j < q.keys; j++) {
        const size_t at = key_begin + j * input.key_stride;
        memcpy(diff.key + at, h.diff_key + j * h.width, head_size * sizeof *diff.key);
        memcpy(diff.value + at, h.diff_value + j * h.width, head_size * sizeof *diff.value);
      }
    }
  }
}
