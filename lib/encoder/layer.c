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
 * Backward walks the same lines upwards. */
#include "encoder/layer.h"

#include <string.h>

#include "base/error.h"
#include "encoder/linear.h"
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
      .dropout = dropout_at(pass, n, S3_SITE_PROBABILITIES,
                            pass->config->attention_probs_dropout_prob),
      .max_seq_length = (size_t)pass->config->max_seq_length,
  };
}

static s3_attention_input attention_input(const s3_layer_activations *layer) {
  return (s3_attention_input){layer->query, layer->key, layer->value, layer->query_stride,
                              layer->key_stride};
}

/* The linear weights of a layer, in each layout there is. */
typedef struct layer_weights {
  s3_linear_weights query, key_value; /* query's matrix is that of all three too */
  s3_linear_weights dense, dense_1, dense_2;
} layer_weights;

static s3_linear_weights weights_at(const s3_pass *pass, size_t n, const float *matrix,
                                    size_t panels_offset) {
  const size_t at = n * pass->panels_at.count + panels_offset;
  s3_linear_weights w = {.matrix = matrix};
  if (pass->panels != NULL) w.panels = pass->panels + at;
  if (pass->transposed != NULL) w.transposed = pass->transposed + at;
  return w;
}

static layer_weights layer_weights_of(const s3_pass *pass, size_t n, const float *weights) {
  const size_t hidden = (size_t)pass->config->hidden_size;
  const s3_layer_offsets *at = &pass->table->layers[n];
  const s3_layer_panels *panels = &pass->panels_at;
  const float *query = weights + at->qkv_weight;
  return (layer_weights){
      .query = weights_at(pass, n, query, panels->query),
      .key_value = weights_at(pass, n, query + hidden * hidden, panels->key_value),
      .dense = weights_at(pass, n, weights + at->dense_weight, panels->dense),
      .dense_1 = weights_at(pass, n, weights + at->dense_1_weight, panels->dense_1),
      .dense_2 = weights_at(pass, n, weights + at->dense_2_weight, panels->dense_2),
  };
}

/* query, key and value of all rows. When every token asks they are one matrix, and
 * sgemm makes them in one product. */
static s3rec_status project(const s3_pass *pass, size_t n, const layer_weights *w,
                            const float *bias) {
  s3_backend *b = pass->backend;
  const s3_backend_operations *op = b->operations;
  const s3_layer_activations *layer = &pass->activations->layers[n];
  const size_t hidden = (size_t)pass->config->hidden_size, tokens = pass->tokens;
  if (is_pruned(pass, layer)) {
    const size_t *rows = pass->activations->output_rows;
    for (size_t r = 0; r < layer->rows; r++)
      memcpy(layer->query_input + r * hidden, layer->input + rows[r] * hidden,
             hidden * sizeof(float));
    S3_TRY(s3_linear_forward(b, layer->rows, hidden, hidden, layer->query_input, w->query, bias,
                             layer->query));
    return s3_linear_forward(b, tokens, hidden, 2 * hidden, layer->input, w->key_value,
                             bias + hidden, layer->key);
  }
  if (w->query.panels == NULL)
    return s3_linear_forward(b, tokens, hidden, 3 * hidden, layer->input, w->query, bias,
                             layer->projected);
  S3_TRY(op->linear_panels(b, tokens, hidden, hidden, layer->input, hidden, w->query.panels,
                           bias, false, layer->query, layer->query_stride));
  return op->linear_panels(b, tokens, hidden, 2 * hidden, layer->input, hidden,
                           w->key_value.panels, bias + hidden, false, layer->key,
                           layer->key_stride);
}

s3rec_status s3_layer_forward(const s3_pass *pass, size_t n, const float *weights,
                              float *dst) {
  s3_backend *b = pass->backend;
  const s3_layer_activations *layer = &pass->activations->layers[n];
  const s3_layer_offsets *at = &pass->table->layers[n];
  const size_t hidden = (size_t)pass->config->hidden_size, rows = layer->rows;
  const double p = pass->config->hidden_dropout_prob;
  float *dense = pass->activations->dense;

  const layer_weights w = layer_weights_of(pass, n, weights);
  S3_TRY(project(pass, n, &w, weights + at->qkv_bias));
  const s3_attention_shape shape = attention_shape(pass, n);
  S3_TRY(b->operations->attention_forward(b, &shape, attention_input(layer),
                                          layer->probabilities, layer->context));

  S3_TRY(s3_linear_forward(b, rows, hidden, hidden, layer->context, w.dense, NULL, dense));
  s3_row_dropout dropout = dropout_at(pass, n, S3_SITE_ATTENTION_OUTPUT, p);
  S3_TRY(b->operations->add_norm_forward(
      b, rows, hidden, dense, weights + at->dense_bias, layer->query_input,
      norm_at(weights, at->attention_norm_weight, at->attention_norm_bias), &dropout,
      layer->attention_norm, layer->attended));

  S3_TRY(s3_linear_forward(b, rows, hidden, 4 * hidden, layer->attended, w.dense_1, NULL,
                           layer->feed_kept));
  S3_TRY(b->operations->activation_forward(b, pass->config->hidden_act, pass->training, rows,
                                           4 * hidden, layer->feed_kept,
                                           weights + at->dense_1_bias, layer->feed));
  S3_TRY(s3_linear_forward(b, rows, 4 * hidden, hidden, layer->feed, w.dense_2, NULL, dense));
  dropout = dropout_at(pass, n, S3_SITE_FEED_FORWARD, p);
  return b->operations->add_norm_forward(b, rows, hidden, dense, weights + at->dense_2_bias,
                                         layer->attended,
                                         norm_at(weights, at->norm_weight, at->norm_bias),
                                         &dropout, layer->norm, dst);
}

/* The key bias adds the same number to all scores of a query, which softmax does
 * not see: its gradient is exactly 0. The sum over rows would leave rounding
 * noise, and Adam, which divides by its size, would walk on it. */
static void clear_key_bias(size_t hidden, float *diff_key_bias) {
  memset(diff_key_bias, 0, hidden * sizeof *diff_key_bias);
}

/* From diff query, key, value to diff_src; diff_residual [rows, H] is the part
 * that reached xq past the attention. */
static s3rec_status project_backward(const s3_pass *pass, size_t n, const layer_weights *w,
                                     s3_attention_diff diff, float *diff_residual,
                                     float *diff_dense) {
  const s3_backend_operations *op = pass->backend->operations;
  const s3_layer_activations *layer = &pass->activations->layers[n];
  const s3_layer_offsets *at = &pass->table->layers[n];
  s3_backend *b = pass->backend;
  const size_t hidden = (size_t)pass->config->hidden_size, tokens = pass->tokens;
  float *diff_matrix = s3_dense_at(pass->table, diff_dense, at->qkv_weight);
  float *diff_bias = s3_dense_at(pass->table, diff_dense, at->qkv_bias);
  float *diff_src = pass->activations->diff_a;
  if (!is_pruned(pass, layer)) {
    S3_TRY(op->bias_backward(b, tokens, 3 * hidden, diff.query, diff_bias));
    clear_key_bias(hidden, diff_bias + hidden);
    S3_TRY(op->linear_backward_weights(b, tokens, hidden, 3 * hidden, layer->input, diff.query,
                                       diff_matrix));
    if (w->query.transposed == NULL)
      return s3_linear_backward_data(b, tokens, hidden, 3 * hidden, diff.query, w->query, true,
                                     diff_src);
    S3_TRY(op->linear_panels(b, tokens, hidden, hidden, diff.query, 3 * hidden,
                             w->query.transposed, NULL, true, diff_src, hidden));
    return op->linear_panels(b, tokens, 2 * hidden, hidden, diff.key, 3 * hidden,
                             w->key_value.transposed, NULL, true, diff_src, hidden);
  }
  S3_TRY(op->bias_backward(b, layer->rows, hidden, diff.query, diff_bias));
  S3_TRY(op->linear_backward_weights(b, layer->rows, hidden, hidden, layer->query_input,
                                     diff.query, diff_matrix));
  S3_TRY(s3_linear_backward_data(b, layer->rows, hidden, hidden, diff.query, w->query, true,
                                 diff_residual));
  S3_TRY(op->bias_backward(b, tokens, 2 * hidden, diff.key, diff_bias + hidden));
  clear_key_bias(hidden, diff_bias + hidden);
  S3_TRY(op->linear_backward_weights(b, tokens, hidden, 2 * hidden, layer->input, diff.key,
                                     diff_matrix + hidden * hidden));
  S3_TRY(s3_linear_backward_data(b, tokens, hidden, 2 * hidden, diff.key, w->key_value, false,
                                 diff_src));
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
  const layer_weights w = layer_weights_of(pass, n, weights);

  float *diff_attended = a->diff_b;
  s3_row_dropout dropout = dropout_at(pass, n, S3_SITE_FEED_FORWARD, p);
  S3_TRY(op->add_norm_backward(
      b, rows, hidden, norm_at(weights, at->norm_weight, at->norm_bias), &dropout, layer->norm,
      diff_dst, norm_gradients(pass, diff_dense, at->norm_weight, at->norm_bias),
      s3_dense_at(pass->table, diff_dense, at->dense_2_bias), a->dense, diff_attended));
  S3_TRY(op->linear_backward_weights(b, rows, 4 * hidden, hidden, layer->feed, a->dense,
                                     s3_dense_at(pass->table, diff_dense, at->dense_2_weight)));
  S3_TRY(s3_linear_backward_data(b, rows, 4 * hidden, hidden, a->dense, w.dense_2, false,
                                 a->diff_feed));
  S3_TRY(op->activation_backward(b, pass->config->hidden_act, rows, 4 * hidden,
                                 layer->feed_kept, a->diff_feed, a->diff_feed,
                                 s3_dense_at(pass->table, diff_dense, at->dense_1_bias)));
  S3_TRY(op->linear_backward_weights(b, rows, hidden, 4 * hidden, layer->attended, a->diff_feed,
                                     s3_dense_at(pass->table, diff_dense, at->dense_1_weight)));
  S3_TRY(s3_linear_backward_data(b, rows, hidden, 4 * hidden, a->diff_feed, w.dense_1, true,
                                 diff_attended));

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
  S3_TRY(s3_linear_backward_data(b, rows, hidden, hidden, a->dense, w.dense, false,
                                 diff_context));

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
  return project_backward(pass, n, &w, diff, diff_residual, diff_dense);
}
