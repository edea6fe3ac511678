/* SPDX-License-Identifier: Apache-2.0 */
#include "reference_ops.h"

#include <math.h>
#include <stdlib.h>

void reference_linear_forward(size_t rows, size_t in, size_t out, const double *src,
                              const double *weights, double *dst) {
  for (size_t r = 0; r < rows; r++) {
    for (size_t o = 0; o < out; o++) {
      double sum = 0.0;
      for (size_t i = 0; i < in; i++) sum += src[r * in + i] * weights[o * in + i];
      dst[r * out + o] = sum;
    }
  }
}

void reference_linear_backward_data(size_t rows, size_t in, size_t out, const double *diff_dst,
                                    const double *weights, bool accumulate, double *diff_src) {
  for (size_t r = 0; r < rows; r++) {
    for (size_t i = 0; i < in; i++) {
      double sum = accumulate ? diff_src[r * in + i] : 0.0;
      for (size_t o = 0; o < out; o++) sum += diff_dst[r * out + o] * weights[o * in + i];
      diff_src[r * in + i] = sum;
    }
  }
}

void reference_linear_backward_weights(size_t rows, size_t in, size_t out, const double *src,
                                       const double *diff_dst, double *diff_weights) {
  for (size_t o = 0; o < out; o++) {
    for (size_t i = 0; i < in; i++) {
      for (size_t r = 0; r < rows; r++) {
        diff_weights[o * in + i] += diff_dst[r * out + o] * src[r * in + i];
      }
    }
  }
}

void reference_bias_forward(size_t rows, size_t width, const double *bias, double *dst) {
  for (size_t r = 0; r < rows; r++) {
    for (size_t c = 0; c < width; c++) dst[r * width + c] += bias[c];
  }
}

void reference_bias_backward(size_t rows, size_t width, const double *diff_dst,
                             double *diff_bias) {
  for (size_t r = 0; r < rows; r++) {
    for (size_t c = 0; c < width; c++) diff_bias[c] += diff_dst[r * width + c];
  }
}

static double sigmoid(double x) { return 1.0 / (1.0 + exp(-x)); }

/* Phi(x) = erfc(-x / sqrt 2) / 2 keeps its precision where x is very negative. */
static double normal_distribution(double x) { return 0.5 * erfc(-x * 0.70710678118654752440); }
static double normal_density(double x) { return 0.39894228040143267794 * exp(-0.5 * x * x); }

double reference_activation(s3rec_activation activation, double x) {
  switch (activation) {
    case S3REC_GELU: return x * normal_distribution(x);
    case S3REC_RELU: return x > 0.0 ? x : 0.0;
    case S3REC_SWISH: return x * sigmoid(x);
  }
  return NAN;
}

double reference_activation_slope(s3rec_activation activation, double x) {
  switch (activation) {
    case S3REC_GELU: return normal_distribution(x) + x * normal_density(x);
    case S3REC_RELU: return x > 0.0 ? 1.0 : 0.0;
    case S3REC_SWISH: return sigmoid(x) * (1.0 + x * sigmoid(-x));
  }
  return NAN;
}

void reference_activation_forward(s3rec_activation activation, size_t rows, size_t width,
                                  const double *src, const double *bias, double *dst) {
  for (size_t i = 0; i < rows * width; i++) {
    dst[i] = reference_activation(activation, src[i] + bias[i % width]);
  }
}

void reference_activation_backward(s3rec_activation activation, size_t rows, size_t width,
                                   const double *src, const double *bias,
                                   const double *diff_dst, double *diff_src,
                                   double *diff_bias) {
  for (size_t i = 0; i < rows * width; i++) {
    diff_src[i] = diff_dst[i] * reference_activation_slope(activation, src[i] + bias[i % width]);
    diff_bias[i % width] += diff_src[i];
  }
}

typedef struct statistics {
  double mean, inverse; /* 1 / sqrt(variance + 1e-12) */
} statistics;

static statistics row_statistics(size_t width, const double *x) {
  double mean = 0.0, variance = 0.0;
  for (size_t c = 0; c < width; c++) mean += x[c] / (double)width;
  for (size_t c = 0; c < width; c++) variance += (x[c] - mean) * (x[c] - mean) / (double)width;
  return (statistics){mean, 1.0 / sqrt(variance + 1e-12)};
}

void reference_norm_forward(size_t rows, size_t width, const double *x, reference_norm norm,
                            double *dst) {
  for (size_t r = 0; r < rows; r++) {
    const statistics s = row_statistics(width, x + r * width);
    for (size_t c = 0; c < width; c++) {
      dst[r * width + c] = norm.scale[c] * (x[r * width + c] - s.mean) * s.inverse +
                           norm.shift[c];
    }
  }
}

void reference_norm_backward(size_t rows, size_t width, const double *x, reference_norm norm,
                             const double *diff_dst, reference_norm_diff diff_norm,
                             double *diff_x) {
  for (size_t r = 0; r < rows; r++) {
    const statistics s = row_statistics(width, x + r * width);
    double sum = 0.0, product = 0.0;
    for (size_t c = 0; c < width; c++) {
      const double d = diff_dst[r * width + c], n = (x[r * width + c] - s.mean) * s.inverse;
      diff_norm.scale[c] += d * n;
      diff_norm.shift[c] += d;
      sum += norm.scale[c] * d / (double)width;
      product += norm.scale[c] * d * n / (double)width;
    }
    for (size_t c = 0; c < width; c++) {
      const double n = (x[r * width + c] - s.mean) * s.inverse;
      diff_x[r * width + c] =
          (norm.scale[c] * diff_dst[r * width + c] - sum - n * product) * s.inverse;
    }
  }
}

void reference_dropout(size_t rows, size_t width, const s3_row_dropout *dropout,
                       const double *src, double *dst) {
  for (size_t r = 0; r < rows; r++) {
    for (size_t c = 0; c < width; c++) {
      const double factor =
          dropout->dropout.threshold == 0
              ? 1.0
              : s3_dropout_factor(dropout->tokens[r] * (uint32_t)width + (uint32_t)c,
                                  dropout->dropout);
      dst[r * width + c] = src[r * width + c] * factor;
    }
  }
}

void reference_embedding_forward(size_t rows, size_t width, const double *items,
                                 const int32_t *ids, const double *positions,
                                 const int32_t *slots, reference_norm norm,
                                 const s3_row_dropout *dropout, double *sum, double *dst) {
  for (size_t r = 0; r < rows; r++) {
    for (size_t c = 0; c < width; c++) {
      sum[r * width + c] =
          items[(size_t)ids[r] * width + c] + positions[(size_t)slots[r] * width + c];
    }
  }
  reference_norm_forward(rows, width, sum, norm, dst);
  reference_dropout(rows, width, dropout, dst, dst);
}

void reference_embedding_backward(size_t rows, size_t width, const double *sum,
                                  reference_norm norm, const s3_row_dropout *dropout,
                                  const double *diff_dst, reference_norm_diff diff_norm,
                                  double *diff_sum) {
  double *dropped = malloc((rows * width + 1) * sizeof *dropped);
  reference_dropout(rows, width, dropout, diff_dst, dropped);
  reference_norm_backward(rows, width, sum, norm, dropped, diff_norm, diff_sum);
  free(dropped);
}

void reference_add_norm_forward(size_t rows, size_t width, const double *src,
                                const double *bias, const double *residual,
                                reference_norm norm, const s3_row_dropout *dropout,
                                double *sum, double *dst) {
  for (size_t i = 0; i < rows * width; i++) sum[i] = src[i] + bias[i % width];
  reference_dropout(rows, width, dropout, sum, sum);
  for (size_t i = 0; i < rows * width; i++) sum[i] += residual[i];
  reference_norm_forward(rows, width, sum, norm, dst);
}

void reference_add_norm_backward(size_t rows, size_t width, const double *sum,
                                 reference_norm norm, const s3_row_dropout *dropout,
                                 const double *diff_dst, reference_norm_diff diff_norm,
                                 double *diff_bias, double *diff_src, double *diff_residual) {
  reference_norm_backward(rows, width, sum, norm, diff_dst, diff_norm, diff_residual);
  reference_dropout(rows, width, dropout, diff_residual, diff_src);
  reference_bias_backward(rows, width, diff_src, diff_bias);
}

/* Where one query row of one head looks. */
typedef struct view {
  size_t query, column;          /* its row, and the head's first column */
  size_t first_key, keys;        /* the sequence's rows */
  size_t visible;                /* of them, those the query may see */
  uint32_t first_dropout;        /* element number of key 0 */
} view;

static view view_at(const s3_attention_shape *shape, size_t sequence, size_t i, size_t head) {
  const size_t first_query = shape->query_offsets[sequence];
  const size_t queries = shape->query_offsets[sequence + 1] - first_query;
  const size_t first_key = shape->key_offsets[sequence];
  const size_t keys = shape->key_offsets[sequence + 1] - first_key;
  view v = {first_query + i, head * shape->head_size, first_key, keys,
            shape->causal ? keys - queries + i + 1 : keys, 0};
  if (shape->dropout.dropout.threshold != 0) {
    v.first_dropout = (shape->dropout.tokens[v.query] * (uint32_t)shape->heads +
                       (uint32_t)head) * (uint32_t)shape->max_seq_length;
  }
  return v;
}

static double factor_at(const s3_attention_shape *shape, view v, size_t key) {
  if (shape->dropout.dropout.threshold == 0) return 1.0;
  return s3_dropout_factor(v.first_dropout + (uint32_t)key, shape->dropout.dropout);
}

/* Before dropout; 0 for keys that are not visible. */
static void probabilities_at(const s3_attention_shape *shape, view v,
                             reference_attention input, double *probabilities) {
  const size_t hidden = shape->heads * shape->head_size;
  const double *query = input.query + v.query * hidden + v.column;
  double largest = -INFINITY, sum = 0.0;
  for (size_t j = 0; j < v.visible; j++) {
    const double *key = input.key + (v.first_key + j) * hidden + v.column;
    double score = 0.0;
    for (size_t d = 0; d < shape->head_size; d++) score += query[d] * key[d];
    probabilities[j] = score / sqrt((double)shape->head_size);
    largest = fmax(largest, probabilities[j]);
  }
  for (size_t j = 0; j < v.visible; j++) {
    probabilities[j] = exp(probabilities[j] - largest);
    sum += probabilities[j];
  }
  for (size_t j = 0; j < v.keys; j++) {
    probabilities[j] = j < v.visible ? probabilities[j] / sum : 0.0;
  }
}

void reference_attention_forward(const s3_attention_shape *shape, reference_attention input,
                                 double *dst) {
  const size_t hidden = shape->heads * shape->head_size;
  double *p = malloc((shape->max_length + 1) * sizeof *p);
  for (size_t s = 0; s < shape->sequence_count; s++) {
    for (size_t i = 0; i < shape->query_offsets[s + 1] - shape->query_offsets[s]; i++) {
      for (size_t head = 0; head < shape->heads; head++) {
        const view v = view_at(shape, s, i, head);
        probabilities_at(shape, v, input, p);
        double *out = dst + v.query * hidden + v.column;
        for (size_t d = 0; d < shape->head_size; d++) {
          out[d] = 0.0;
          for (size_t j = 0; j < v.keys; j++) {
            out[d] += p[j] * factor_at(shape, v, j) *
                      input.value[(v.first_key + j) * hidden + v.column + d];
          }
        }
      }
    }
  }
  free(p);
}

void reference_attention_backward(const s3_attention_shape *shape, reference_attention input,
                                  const double *diff_dst, reference_attention_diff diff) {
  const size_t hidden = shape->heads * shape->head_size;
  double *p = malloc((shape->max_length + 1) * sizeof *p);
  double *diff_p = malloc((shape->max_length + 1) * sizeof *diff_p);
  for (size_t i = 0; i < shape->query_offsets[shape->sequence_count] * hidden; i++) {
    diff.query[i] = 0.0;
  }
  for (size_t i = 0; i < shape->key_offsets[shape->sequence_count] * hidden; i++) {
    diff.key[i] = diff.value[i] = 0.0;
  }
  for (size_t s = 0; s < shape->sequence_count; s++) {
    for (size_t i = 0; i < shape->query_offsets[s + 1] - shape->query_offsets[s]; i++) {
      for (size_t head = 0; head < shape->heads; head++) {
        const view v = view_at(shape, s, i, head);
        probabilities_at(shape, v, input, p);
        const size_t query = v.query * hidden + v.column;
        double mean = 0.0;
        for (size_t j = 0; j < v.keys; j++) {
          const size_t key = (v.first_key + j) * hidden + v.column;
          diff_p[j] = 0.0;
          for (size_t d = 0; d < shape->head_size; d++) {
            diff.value[key + d] += p[j] * factor_at(shape, v, j) * diff_dst[query + d];
            diff_p[j] += diff_dst[query + d] * input.value[key + d] * factor_at(shape, v, j);
          }
          mean += p[j] * diff_p[j];
        }
        for (size_t j = 0; j < v.keys; j++) {
          const size_t key = (v.first_key + j) * hidden + v.column;
          const double diff_score =
              p[j] * (diff_p[j] - mean) / sqrt((double)shape->head_size);
          for (size_t d = 0; d < shape->head_size; d++) {
            diff.query[query + d] += diff_score * input.key[key + d];
            diff.key[key + d] += diff_score * input.query[query + d];
          }
        }
      }
    }
  }
  free(p);
  free(diff_p);
}
