/* SPDX-License-Identifier: Apache-2.0 */
#include "objectives/objective.h"

#include <string.h>

#include "base/error.h"
#include "kernels/kernels.h"

void s3_objective_scratch_free(const s3rec_context *context, s3_objective_scratch *scratch) {
  s3_free(context, scratch->floats);
  s3_free(context, scratch->rows);
  s3_free(context, scratch->label_begin);
  s3_free(context, scratch->label_end);
}

s3rec_status s3_objective_reserve(const s3rec_context *context, const s3rec_model_config *config,
                                  size_t tokens, size_t sequences, s3_objective_scratch *scratch) {
  const size_t hidden = (size_t)config->hidden_size;
  const size_t rows = tokens > sequences ? tokens : sequences;
  const size_t pairs = 2 * rows * hidden; /* x and y of mip and sp */
  const size_t attributes = S3_ATTRIBUTE_ROWS * (2 * hidden + (size_t)config->attribute_size);
  S3_TRY(s3_grow(context, (void **)&scratch->floats, &scratch->floats_capacity,
                 pairs > attributes ? pairs : attributes, sizeof *scratch->floats));
  S3_TRY(s3_grow(context, (void **)&scratch->rows, &scratch->rows_capacity, rows,
                 sizeof *scratch->rows));
  S3_TRY(s3_grow(context, (void **)&scratch->label_begin, &scratch->label_begin_capacity, tokens,
                 sizeof *scratch->label_begin));
  return s3_grow(context, (void **)&scratch->label_end, &scratch->label_end_capacity, tokens,
                 sizeof *scratch->label_end);
}

size_t s3_select_positions(const s3_objective_shard *shard, bool masked) {
  s3_objective_scratch *scratch = shard->scratch;
  const s3rec_batch *batch = shard->batch;
  size_t count = 0;
  for (size_t i = 0; i < shard->token_count; i++) {
    const size_t token = shard->first_token + i;
    if ((batch->ids[S3_STREAM_MASKED_ITEM][token] == batch->mask_id) != masked) continue;
    scratch->rows[count] = i;
    scratch->label_begin[count] = batch->attribute_begin[token];
    scratch->label_end[count] = batch->attribute_end[token];
    count++;
  }
  return count;
}

double s3_hidden_dot(const s3_objective_shard *shard, const float *a, const float *b) {
  float product;
  shard->context->kernels->matrix_vector(1, (size_t)shard->config->hidden_size, a, b, &product);
  return (double)product;
}

s3rec_status s3_head_forward(const s3_objective_shard *shard, s3_head head, const size_t *rows,
                             size_t count, float *x, float *y) {
  const size_t hidden = (size_t)shard->config->hidden_size;
  const s3_backend_operations *op = shard->backend->operations;
  for (size_t r = 0; r < count; r++)
    memcpy(x + r * hidden, shard->hidden + rows[r] * hidden, hidden * sizeof *x);
  S3_TRY(op->linear_forward(shard->backend, count, hidden, hidden, x,
                            shard->weights + shard->table->head_weight[head], y));
  return op->bias_forward(shard->backend, count, hidden,
                          shard->weights + shard->table->head_bias[head], y);
}

s3rec_status s3_head_backward(const s3_objective_shard *shard, s3_head head, const size_t *rows,
                              size_t count, float *x, const float *diff_y) {
  const size_t hidden = (size_t)shard->config->hidden_size;
  const s3_parameter_table *table = shard->table;
  const s3_backend_operations *op = shard->backend->operations;
  S3_TRY(op->bias_backward(shard->backend, count, hidden, diff_y,
                           s3_dense_at(table, shard->diff_dense, table->head_bias[head])));
  S3_TRY(
      op->linear_backward_weights(shard->backend, count, hidden, hidden, x, diff_y,
                                  s3_dense_at(table, shard->diff_dense, table->head_weight[head])));
  S3_TRY(op->linear_backward_data(shard->backend, count, hidden, hidden, diff_y,
                                  shard->weights + table->head_weight[head], false, x));
  for (size_t r = 0; r < count; r++)
    s3_hidden_add(shard, 1.0, x + r * hidden, shard->diff_hidden + rows[r] * hidden);
  return S3REC_OK;
}
