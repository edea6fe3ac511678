/* SPDX-License-Identifier: Apache-2.0 */
/* One transformer layer over T tokens of which R ask (R = T but in the last layer,
 * where only wanted rows do), H = hidden size, x [T,H], xq [R,H] the asking rows:
 *
 *   q [R,H] = xq Wq^T + bq     k, v [T,H] = x Wk^T + bk, x Wv^T + bv
 *   c [R,H] = attention(q, k, v)
 *   y [R,H] = norm(dropout(c Wd^T + bd) + xq)
 *   f [R,4H] = activation(y W1^T + b1)
 *   dst [R,H] = norm(dropout(f W2^T + b2) + y)
 *
 * Backward goes through the same lines from the last to the first. */
#include "encoder/layer.h"

#include <string.h>

#include "base/error.h"
#include "kernels/kernels.h"

static bool is_pruned(const s3_pass *pass, const s3_layer_activations *layer) {
  return layer->rows != pass->tokens;
}

static s3_norm_weights norm_at(const float *weights, size_t scale, size_t shift) {
  return (s3_norm_weights){weights + scale, weights + shift};
}

static s3_norm_gradients norm_gradients(const s3_pass *pass, float *diff_dense, size_t scale,
                                        size_t shift) {
  return (s3_norm_gradients){s3_dense_at(pass->table, diff_dense, scale),
                             s3_dense_at(pass->table, diff_dense, shift)};
}

static s3_row_dropout dropout_at(const s3_pass *pass, size_t n, uint32_t site, double p) {
  const bool last = n + 1 == (size_t)pass->config->num_hidden_layers;
  s3_row_dropout d = {{{0, 0}, 0, 1.0f}, NULL};
  if (pass->packed->tokens == NULL) return d;
  d.dropout = s3_dropout_make(p, pass->seed, pass->step, S3_SITE_LAYER + 4 * (uint32_t)n + site);
  d.tokens = last ? pass->activations->output_tokens : pass->packed->tokens;
  return d;
}

static s3_attention_shape attention_shape(const s3_pass *pass, size_t n) {
  const s3_activations *a = pass->activations;
  const bool last = n + 1 == (size_t)pass->config->num_hidden_layers;
  const size_t *offsets = pass->packed->offsets;
  return (s3_attention_shape){
      .sequence_count = pass->packed->sequence_count,
      .key_offsets = offsets,
      .query_offsets = last ? a->last_query_offsets : offsets,
      .probability_offsets = last ? a->last_probability_offsets : a->probability_offsets,
      .max_length = pass->max_length,
      .heads = (size_t)pass->config->num_attention_heads,
      .head_size = (size_t)(pass->config->hidden_size / pass->config->num_attention_heads),
      .causal = pass->packed->causal,
      .dropout =
          dropout_at(pass, n, S3_SITE_PROBABILITIES, pass->config->attention_probs_dropout_prob),
      .max_seq_length = (size_t)pass->config->max_seq_length,
  };
}

static s3_attention_input attention_input(const s3_layer_activations *layer) {
  return (s3_attention_input){layer->query, layer->key, layer->value, layer->query_stride,
                              layer->key_stride};
}

/* A linear weight as it is, and in panels or NULL. */
typedef struct linear_weights {
  const float *matrix, *panels;
} linear_weights;

static linear_weights weights_at(const s3_pass *pass, size_t n, const float *weights,
                                 size_t matrix_offset, size_t panels_offset) {
  linear_weights w = {weights + matrix_offset, NULL};
  if (pass->panels != NULL) w.panels = pass->panels + n * pass->panels_at.count + panels_offset;
  return w;
}

/* dst [rows, out] = src [rows, in] W^T */
static s3rec_status linear_or_panels(const s3_pass *pass, size_t rows, size_t in, size_t out,
                                     const float *src, linear_weights w, float *dst) {
  s3_backend *b = pass->backend;
  return w.panels == NULL
             ? b->operations->linear_forward(b, rows, in, out, src, w.matrix, dst)
             : b->operations->linear_panels(b, rows, in, out, src, w.panels, NULL, dst, out);
}

/* query, key and value by panels. */
static s3rec_status project_by_panels(const s3_pass *pass, const s3_layer_activations *layer,
                                      const float *panels, const float *bias) {
  s3_backend *b = pass->backend;
  const size_t hidden = (size_t)pass->config->hidden_size;
  S3_TRY(b->operations->linear_panels(b, layer->rows, hidden, hidden, layer->query_input,
                                      panels + pass->panels_at.query, bias, layer->query,
                                      layer->query_stride));
  return b->operations->linear_panels(b, pass->tokens, hidden, 2 * hidden, layer->input,
                                      panels + pass->panels_at.key_value, bias + hidden, layer->key,
                                      layer->key_stride);
}

/* query, key and value of all rows; one product when every token has a query. */
static s3rec_status project_query_key_value(const s3_pass *pass, size_t n, const float *weights) {
  s3_backend *b = pass->backend;
  const s3_layer_activations *layer = &pass->activations->layers[n];
  const s3_layer_offsets *at = &pass->table->layers[n];
  const size_t hidden = (size_t)pass->config->hidden_size, tokens = pass->tokens;
  const float *matrix = weights + at->qkv_weight, *bias = weights + at->qkv_bias;
  if (is_pruned(pass, layer)) {
    const size_t *rows = pass->activations->output_rows;
    for (size_t r = 0; r < layer->rows; r++)
      memcpy(layer->query_input + r * hidden, layer->input + rows[r] * hidden,
             hidden * sizeof(float));
  }
  if (pass->panels != NULL)
    return project_by_panels(pass, layer, pass->panels + n * pass->panels_at.count, bias);
  if (!is_pruned(pass, layer)) {
    S3_TRY(b->operations->linear_forward(b, tokens, hidden, 3 * hidden, layer->input, matrix,
                                         layer->projected));
    return b->operations->bias_forward(b, tokens, 3 * hidden, bias, layer->projected);
  }
  S3_TRY(b->operations->linear_forward(b, layer->rows, hidden, hidden, layer->query_input, matrix,
                                       layer->query));
  S3_TRY(b->operations->bias_forward(b, layer->rows, hidden, bias, layer->query));
  S3_TRY(b->operations->linear_forward(b, tokens, hidden, 2 * hidden, layer->input,
                                       matrix + hidden * hidden, layer->projected));
  return b->operations->bias_forward(b, tokens, 2 * hidden, bias + hidden, layer->projected);
}

s3rec_status s3_layer_forward(const s3_pass *pass, size_t n, const float *weights, float *dst) {
  s3_backend *b = pass->backend;
  const s3_layer_activations *layer = &pass->activations->layers[n];
  const s3_layer_offsets *at = &pass->table->layers[n];
  const size_t hidden = (size_t)pass->config->hidden_size, rows = layer->rows;
  const double p = pass->config->hidden_dropout_prob;
  float *dense = pass->activations->dense;

  S3_TRY(project_query_key_value(pass, n, weights));
  const s3_attention_shape shape = attention_shape(pass, n);
  S3_TRY(b->operations->attention_forward(b, &shape, attention_input(layer), layer->probabilities,
                                          layer->context));

  S3_TRY(linear_or_panels(pass, rows, hidden, hidden, layer->context,
                          weights_at(pass, n, weights, at->dense_weight, pass->panels_at.dense),
                          dense));
  s3_row_dropout dropout = dropout_at(pass, n, S3_SITE_ATTENTION_OUTPUT, p);
  S3_TRY(b->operations->add_norm_forward(
      b, rows, hidden, dense, weights + at->dense_bias, layer->query_input,
      norm_at(weights, at->attention_norm_weight, at->attention_norm_bias), &dropout,
      layer->attention_norm, layer->attended));

  S3_TRY(linear_or_panels(pass, rows, hidden, 4 * hidden, layer->attended,
                          weights_at(pass, n, weights, at->dense_1_weight, pass->panels_at.dense_1),
                          layer->feed_kept));
  S3_TRY(b->operations->activation_forward(b, pass->config->hidden_act, pass->training, rows,
                                           4 * hidden, layer->feed_kept, weights + at->dense_1_bias,
                                           layer->feed));
  S3_TRY(linear_or_panels(pass, rows, 4 * hidden, hidden, layer->feed,
                          weights_at(pass, n, weights, at->dense_2_weight, pass->panels_at.dense_2),
                          dense));
  dropout = dropout_at(pass, n, S3_SITE_FEED_FORWARD, p);
  return b->operations->add_norm_forward(
      b, rows, hidden, dense, weights + at->dense_2_bias, layer->attended,
      norm_at(weights, at->norm_weight, at->norm_bias), &dropout, layer->norm, dst);
}

/* The key bias adds the same number to all scores of a query, which softmax does
 * not see: its gradient is exactly 0. The sum over rows would leave rounding
 * noise, and Adam, which divides by its size, would walk on it. */
static void clear_key_bias(size_t hidden, float *diff_key_bias) {
  memset(diff_key_bias, 0, hidden * sizeof *diff_key_bias);
}

/* From diff query, key, value to diff_src; diff_residual [rows, H] is the part
 * that reached xq past the attention. */
static s3rec_status project_query_key_value_backward(const s3_pass *pass,
                                                     const s3_layer_activations *layer,
                                                     const s3_layer_offsets *at,
                                                     const float *weights, s3_attention_diff diff,
                                                     float *diff_residual, float *diff_dense) {
  const s3_backend_operations *op = pass->backend->operations;
  s3_backend *b = pass->backend;
  const size_t hidden = (size_t)pass->config->hidden_size, tokens = pass->tokens;
  const float *matrix = weights + at->qkv_weight;
  float *diff_matrix = s3_dense_at(pass->table, diff_dense, at->qkv_weight);
  float *diff_bias = s3_dense_at(pass->table, diff_dense, at->qkv_bias);
  float *diff_src = pass->activations->diff_a;
  if (!is_pruned(pass, layer)) {
    S3_TRY(op->bias_backward(b, tokens, 3 * hidden, diff.query, diff_bias));
    clear_key_bias(hidden, diff_bias + hidden);
    S3_TRY(op->linear_backward_weights(b, tokens, hidden, 3 * hidden, layer->input, diff.query,
                                       diff_matrix));
    return op->linear_backward_data(b, tokens, hidden, 3 * hidden, diff.query, matrix, true,
                                    diff_src);
  }
  S3_TRY(op->bias_backward(b, layer->rows, hidden, diff.query, diff_bias));
  S3_TRY(op->linear_backward_weights(b, layer->rows, hidden, hidden, layer->query_input, diff.query,
                                     diff_matrix));
  S3_TRY(op->linear_backward_data(b, layer->rows, hidden, hidden, diff.query, matrix, true,
                                  diff_residual));
  S3_TRY(op->bias_backward(b, tokens, 2 * hidden, diff.key, diff_bias + hidden));
  clear_key_bias(hidden, diff_bias + hidden);
  S3_TRY(op->linear_backward_weights(b, tokens, hidden, 2 * hidden, layer->input, diff.key,
                                     diff_matrix + hidden * hidden));
  S3_TRY(op->linear_backward_data(b, tokens, hidden, 2 * hidden, diff.key, matrix + hidden * hidden,
                                  false, diff_src));
  const size_t *rows = pass->activations->output_rows;
  for (size_t r = 0; r < layer->rows; r++)
    b->context->kernels->add(hidden, diff_residual + r * hidden, diff_src + rows[r] * hidden);
  return S3REC_OK;
}

s3rec_status s3_layer_backward(const s3_pass *pass, size_t n, const float *weights,
                               const float *diff_dst, float *diff_dense) {
  s3_backend *b = pass->backend;
  const s3_backend_operations *op = b->operations;
  s3_activations *a = pass->activations;
  const s3_layer_activations *layer = &a->layers[n];
  const s3_layer_offsets *at = &pass->table->layers[n];
  const size_t hidden = (size_t)pass->config->hidden_size, rows = layer->rows;
  const double p = pass->config->hidden_dropout_prob;

  float *diff_attended = a->diff_b;
  s3_row_dropout dropout = dropout_at(pass, n, S3_SITE_FEED_FORWARD, p);
  S3_TRY(op->add_norm_backward(
      b, rows, hidden, norm_at(weights, at->norm_weight, at->norm_bias), &dropout, layer->norm,
      diff_dst, norm_gradients(pass, diff_dense, at->norm_weight, at->norm_bias),
      s3_dense_at(pass->table, diff_dense, at->dense_2_bias), a->dense, diff_attended));
  S3_TRY(op->linear_backward_weights(b, rows, 4 * hidden, hidden, layer->feed, a->dense,
                                     s3_dense_at(pass->table, diff_dense, at->dense_2_weight)));
  S3_TRY(op->linear_backward_data(b, rows, 4 * hidden, hidden, a->dense,
                                  weights + at->dense_2_weight, false, a->diff_feed));
  S3_TRY(op->activation_backward(b, pass->config->hidden_act, rows, 4 * hidden, layer->feed_kept,
                                 a->diff_feed, a->diff_feed,
                                 s3_dense_at(pass->table, diff_dense, at->dense_1_bias)));
  S3_TRY(op->linear_backward_weights(b, rows, hidden, 4 * hidden, layer->attended, a->diff_feed,
                                     s3_dense_at(pass->table, diff_dense, at->dense_1_weight)));
  S3_TRY(op->linear_backward_data(b, rows, hidden, 4 * hidden, a->diff_feed,
                                  weights + at->dense_1_weight, true, diff_attended));

  float *diff_residual = is_pruned(pass, layer) ? a->diff_query_input : a->diff_a;
  dropout = dropout_at(pass, n, S3_SITE_ATTENTION_OUTPUT, p);
  S3_TRY(op->add_norm_backward(
      b, rows, hidden, norm_at(weights, at->attention_norm_weight, at->attention_norm_bias),
      &dropout, layer->attention_norm, diff_attended,
      norm_gradients(pass, diff_dense, at->attention_norm_weight, at->attention_norm_bias),
      s3_dense_at(pass->table, diff_dense, at->dense_bias), a->dense, diff_residual));
  S3_TRY(op->linear_backward_weights(b, rows, hidden, hidden, layer->context, a->dense,
                                     s3_dense_at(pass->table, diff_dense, at->dense_weight)));
  float *diff_context = a->diff_b;
  S3_TRY(op->linear_backward_data(b, rows, hidden, hidden, a->dense, weights + at->dense_weight,
                                  false, diff_context));

  s3_attention_diff diff;
  if (is_pruned(pass, layer)) {
    diff.key = a->diff_projected;
    diff.query = a->diff_projected + pass->tokens * 2 * hidden;
  } else {
    diff.query = a->diff_projected;
    diff.key = diff.query + hidden;
  }
  diff.value = diff.key + hidden;
  const s3_attention_shape shape = attention_shape(pass, n);
  S3_TRY(op->attention_backward(b, &shape, attention_input(layer), layer->probabilities,
                                diff_context, diff));
  return project_query_key_value_backward(pass, layer, at, weights, diff, diff_residual,
                                          diff_dense);
}
