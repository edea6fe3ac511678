/* SPDX-License-Identifier: Apache-2.0 */
#include "encoder/encoder.h"

#include "base/error.h"
#include "encoder/layer.h"
#include "kernels/kernels.h"

struct s3_encoder {
  const s3rec_context *context;
  const s3rec_model_config *config;
  const s3_parameter_table *table;
  bool training;
  s3_backend *backend;
  s3_activations activations;
  const float *panels; /* NULL: none */
  char *block;         /* what activations are carved from */
  size_t block_capacity;
  s3_pass pass; /* of the last forward */
};

s3rec_status s3_encoder_create(const s3rec_context *context, const s3rec_model_config *config,
                               const s3_parameter_table *table, bool training,
                               s3_encoder **encoder) {
  s3_encoder *e = s3_allocate(context, 1, sizeof *e);
  if (e == NULL) return S3REC_ERROR_MEMORY;
  *e = (s3_encoder){.context = context, .config = config, .table = table, .training = training};
  s3rec_status status = S3REC_ERROR_MEMORY;
  e->activations.layers =
      s3_allocate(context, (size_t)config->num_hidden_layers, sizeof *e->activations.layers);
  if (e->activations.layers != NULL) status = s3_backend_create(context, &e->backend);
  if (status != S3REC_OK) {
    s3_encoder_destroy(e);
    return status;
  }
  *encoder = e;
  return S3REC_OK;
}

void s3_encoder_destroy(s3_encoder *encoder) {
  if (encoder == NULL) return;
  s3_backend_destroy(encoder->backend);
  s3_free(encoder->context, encoder->activations.layers);
  s3_free(encoder->context, encoder->block);
  s3_free(encoder->context, encoder);
}

size_t s3_encoder_memory(const s3_encoder *encoder) {
  return sizeof *encoder + encoder->block_capacity;
}

s3_backend *s3_encoder_backend(s3_encoder *encoder) { return encoder->backend; }

bool s3_encoder_takes_panels(const s3_encoder *encoder) {
  return !encoder->training && encoder->backend->operations->linear_panels != NULL;
}

void s3_encoder_set_panels(s3_encoder *encoder, const float *panels) { encoder->panels = panels; }

/* Queries of sequence s in the last layer. */
static size_t last_queries(const s3_packed *packed, size_t s) {
  return s < packed->full_count ? packed->offsets[s + 1] - packed->offsets[s] : 1;
}

s3rec_status s3_encoder_reserve(s3_encoder *encoder, s3_pass_sizes sizes) {
  const s3rec_model_config *config = encoder->config;
  const s3_backend_operations *operations = encoder->backend->operations;
  if (operations->reserve != NULL)
    S3_TRY(operations->reserve(encoder->backend, sizes.max_length,
                               (size_t)(config->hidden_size / config->num_attention_heads)));
  const size_t bytes =
      s3_activations_carve(config, encoder->training, sizes, NULL, &encoder->activations);
  if (bytes <= encoder->block_capacity) return S3REC_OK;
  s3_free(encoder->context, encoder->block);
  encoder->block_capacity = 0;
  const size_t room = bytes + bytes / 4;
  encoder->block = s3_allocate(encoder->context, room, 1);
  if (encoder->block == NULL) return S3REC_ERROR_MEMORY;
  encoder->block_capacity = room;
  return S3REC_OK;
}

/* Makes room for `packed` and fills in all index arrays. */
static s3rec_status plan_pass(s3_encoder *e, const s3_packed *packed) {
  const size_t heads = (size_t)e->config->num_attention_heads;
  s3_pass_sizes sizes = {0};
  for (size_t s = 0; s < packed->sequence_count; s++)
    s3_pass_sizes_add(e->config, packed->offsets[s + 1] - packed->offsets[s],
                      s < packed->full_count, &sizes);
  S3_TRY(s3_encoder_reserve(e, sizes));
  s3_activations *a = &e->activations;
  s3_activations_carve(e->config, e->training, sizes, e->block, a);

  a->probability_offsets[0] = a->last_query_offsets[0] = a->last_probability_offsets[0] = 0;
  size_t row = 0;
  for (size_t s = 0; s < packed->sequence_count; s++) {
    const size_t end = packed->offsets[s + 1], keys = end - packed->offsets[s];
    const size_t queries = last_queries(packed, s);
    a->probability_offsets[s + 1] = a->probability_offsets[s] + heads * keys * S3_KEPT_STRIDE(keys);
    a->last_probability_offsets[s + 1] =
        a->last_probability_offsets[s] + heads * queries * S3_KEPT_STRIDE(keys);
    a->last_query_offsets[s + 1] = a->last_query_offsets[s] + queries;
    for (size_t t = end - queries; t < end; t++, row++) {
      a->output_rows[row] = t;
      if (packed->tokens != NULL) a->output_tokens[row] = packed->tokens[t];
    }
  }
  e->pass = (s3_pass){.backend = e->backend,
                      .config = e->config,
                      .table = e->table,
                      .packed = packed,
                      .activations = a,
                      .panels = e->panels,
                      .panels_at = s3_layer_panels_of((size_t)e->config->hidden_size),
                      .training = e->training,
                      .tokens = sizes.tokens,
                      .max_length = sizes.max_length};
  return S3REC_OK;
}

static s3_row_dropout embedding_dropout(const s3_pass *pass) {
  s3_row_dropout d = {{{0, 0}, 0, 1.0f}, pass->packed->tokens};
  if (d.tokens != NULL)
    d.dropout = s3_dropout_make(pass->config->hidden_dropout_prob, pass->seed, pass->step,
                                S3_SITE_EMBEDDING);
  return d;
}

s3rec_status s3_encoder_forward(s3_encoder *encoder, const float *weights, const s3_packed *packed,
                                uint64_t seed, uint64_t step, const float **hidden) {
  S3_TRY(plan_pass(encoder, packed));
  s3_pass *pass = &encoder->pass;
  pass->seed = seed;
  pass->step = step;
  const s3_parameter_table *table = encoder->table;
  s3_activations *a = &encoder->activations;
  s3_backend *b = encoder->backend;
  const s3_row_dropout dropout = embedding_dropout(pass);
  S3_TRY(b->operations->embedding_forward(
      b, pass->tokens, (size_t)encoder->config->hidden_size, weights + table->item_embeddings,
      packed->ids, weights + table->position_embeddings, packed->slots,
      (s3_norm_weights){weights + table->norm_weight, weights + table->norm_bias}, &dropout,
      a->embedding_norm, a->layers[0].input));
  const size_t layers = (size_t)encoder->config->num_hidden_layers;
  for (size_t n = 0; n < layers; n++)
    S3_TRY(s3_layer_forward(pass, n, weights, n + 1 < layers ? a->layers[n + 1].input : a->output));
  *hidden = a->output;
  return S3REC_OK;
}

s3rec_status s3_encoder_backward(s3_encoder *encoder, const float *weights, const s3_packed *packed,
                                 float *diff_hidden, float *diff_dense,
                                 const float **diff_embedding) {
  const s3_pass *pass = &encoder->pass;
  const s3_parameter_table *table = encoder->table;
  const size_t hidden = (size_t)encoder->config->hidden_size;
  s3_activations *a = &encoder->activations;
  s3_backend *b = encoder->backend;
  const float *diff_dst = diff_hidden;
  for (size_t n = (size_t)encoder->config->num_hidden_layers; n-- > 0;) {
    S3_TRY(s3_layer_backward(pass, n, weights, diff_dst, diff_dense));
    diff_dst = a->diff_a;
  }
  const s3_row_dropout dropout = embedding_dropout(pass);
  S3_TRY(b->operations->embedding_backward(
      b, pass->tokens, hidden,
      (s3_norm_weights){weights + table->norm_weight, weights + table->norm_bias}, &dropout,
      a->embedding_norm, diff_dst,
      (s3_norm_gradients){s3_dense_at(table, diff_dense, table->norm_weight),
                          s3_dense_at(table, diff_dense, table->norm_bias)},
      a->diff_b));
  float *diff_positions = s3_dense_at(table, diff_dense, table->position_embeddings);
  for (size_t t = 0; t < pass->tokens; t++)
    b->context->kernels->add(hidden, a->diff_b + t * hidden,
                             diff_positions + (size_t)packed->slots[t] * hidden);
  *diff_embedding = a->diff_b;
  return S3REC_OK;
}
