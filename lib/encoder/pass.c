/* SPDX-License-Identifier: Apache-2.0 */
#include "encoder/pass.h"

typedef struct carver {
  char *block; /* NULL while counting */
  size_t used;
} carver;

static void *take_bytes(carver *c, size_t count, size_t size) {
  void *memory = c->block == NULL ? NULL : c->block + c->used;
  c->used += (count * size + 63) / 64 * 64;
  return memory;
}

static float *take_floats(carver *c, size_t count) { return take_bytes(c, count, sizeof(float)); }

static s3_norm_kept take_norm(carver *c, size_t rows, size_t width) {
  s3_norm_kept kept;
  kept.values = take_floats(c, rows * width);
  kept.statistics = take_floats(c, rows * 2);
  return kept;
}

static void carve_layer(carver *c, size_t hidden, size_t tokens, size_t rows, size_t probabilities,
                        s3_layer_activations *layer) {
  layer->rows = rows;
  layer->input = take_floats(c, tokens * hidden);
  if (rows == tokens) {
    layer->query_input = layer->input;
    layer->projected = take_floats(c, tokens * 3 * hidden);
    layer->query = layer->projected;
    layer->query_stride = layer->key_stride = 3 * hidden;
  } else {
    layer->query_input = take_floats(c, rows * hidden);
    layer->projected = take_floats(c, tokens * 2 * hidden);
    layer->query = take_floats(c, rows * hidden);
    layer->query_stride = hidden;
    layer->key_stride = 2 * hidden;
  }
  if (layer->projected != NULL) {
    layer->key = layer->projected + layer->key_stride - 2 * hidden;
    layer->value = layer->key + hidden;
  }
  layer->probabilities = take_floats(c, probabilities);
  layer->context = take_floats(c, rows * hidden);
  layer->attention_norm = take_norm(c, rows, hidden);
  layer->attended = take_floats(c, rows * hidden);
  layer->feed_kept = take_floats(c, rows * 4 * hidden);
  layer->feed = take_floats(c, rows * 4 * hidden);
  layer->norm = take_norm(c, rows, hidden);
}

size_t s3_activations_carve(const s3rec_model_config *config, bool training, s3_pass_sizes sizes,
                            char *block, s3_activations *a) {
  carver c = {block, 0};
  const size_t hidden = (size_t)config->hidden_size, tokens = sizes.tokens;
  const size_t layers = (size_t)config->num_hidden_layers;

  a->embedding_norm = take_norm(&c, tokens, hidden);
  const size_t shared_begin = c.used;
  size_t shared_end = c.used;
  for (size_t n = 0; n < layers; n++) {
    const bool last = n + 1 == layers;
    if (!training) c.used = shared_begin;
    carve_layer(&c, hidden, tokens, last ? sizes.rows : tokens,
                last ? sizes.last_probabilities : sizes.probabilities, &a->layers[n]);
    if (c.used > shared_end) shared_end = c.used;
  }
  c.used = shared_end;
  a->output = take_floats(&c, sizes.rows * hidden);
  a->dense = take_floats(&c, tokens * hidden);
  a->probability_offsets = take_bytes(&c, sizes.sequences + 1, sizeof(size_t));
  a->last_query_offsets = take_bytes(&c, sizes.sequences + 1, sizeof(size_t));
  a->last_probability_offsets = take_bytes(&c, sizes.sequences + 1, sizeof(size_t));
  a->output_rows = take_bytes(&c, sizes.rows, sizeof(size_t));
  a->output_tokens = take_bytes(&c, sizes.rows, sizeof(uint32_t));
  if (training) {
    a->diff_a = take_floats(&c, tokens * hidden);
    a->diff_b = take_floats(&c, tokens * hidden);
    a->diff_query_input = take_floats(&c, sizes.rows * hidden);
    a->diff_feed = take_floats(&c, tokens * 4 * hidden);
    a->diff_projected = take_floats(&c, tokens * 3 * hidden);
  }
  return c.used;
}
