/* SPDX-License-Identifier: Apache-2.0 */
#include "model/panels.h"

#include "base/error.h"

void s3_panels_fill(size_t in, size_t out, const float *weights, float *panels) {
  for (size_t first = 0; first < out; first += S3_PANEL_WIDTH, panels += in * S3_PANEL_WIDTH) {
    const size_t width = out - first < S3_PANEL_WIDTH ? out - first : S3_PANEL_WIDTH;
    for (size_t i = 0; i < in; i++) {
      for (size_t o = 0; o < S3_PANEL_WIDTH; o++) {
        panels[i * S3_PANEL_WIDTH + o] = o < width ? weights[(first + o) * in + i] : 0.0f;
      }
    }
  }
}

s3_layer_panels s3_layer_panels_of(size_t hidden) {
  const size_t square = s3_panel_floats(hidden, hidden);
  s3_layer_panels at = {0};
  at.key_value = at.query + square;
  at.dense = at.key_value + s3_panel_floats(hidden, 2 * hidden);
  at.dense_1 = at.dense + square;
  at.dense_2 = at.dense_1 + s3_panel_floats(hidden, 4 * hidden);
  at.count = at.dense_2 + s3_panel_floats(4 * hidden, hidden);
  return at;
}

static size_t panel_float_count(const s3rec_model_config *config) {
  return (size_t)config->num_hidden_layers * s3_layer_panels_of((size_t)config->hidden_size).count;
}

static void fill_all_panels(const s3rec_model *model, float *values) {
  const size_t hidden = (size_t)model->config.hidden_size;
  const s3_layer_panels at = s3_layer_panels_of(hidden);
  for (int32_t n = 0; n < model->config.num_hidden_layers; n++, values += at.count) {
    const s3_layer_offsets *from = &model->table.layers[n];
    const float *weights = model->weights;
    s3_panels_fill(hidden, hidden, weights + from->qkv_weight, values + at.query);
    s3_panels_fill(hidden, 2 * hidden, weights + from->qkv_weight + hidden * hidden,
                   values + at.key_value);
    s3_panels_fill(hidden, hidden, weights + from->dense_weight, values + at.dense);
    s3_panels_fill(hidden, 4 * hidden, weights + from->dense_1_weight, values + at.dense_1);
    s3_panels_fill(4 * hidden, hidden, weights + from->dense_2_weight, values + at.dense_2);
  }
}

s3rec_status s3_model_panels(s3rec_model *model, const float **panels) {
  void **place = &model->compact[S3_COMPACT_PANELS];
  pthread_mutex_lock(&model->compact_lock);
  if (*place == NULL) {
    const size_t count = panel_float_count(&model->config);
    *place = s3_allocate_unset(model->context, count, sizeof(float));
    if (*place != NULL) {
      fill_all_panels(model, *place);
      model->compact_bytes += count * sizeof(float);
    }
  }
  const float *const made = *place;
  pthread_mutex_unlock(&model->compact_lock);
  if (made == NULL) return S3REC_ERROR_MEMORY;
  *panels = made;
  return S3REC_OK;
}
