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

void s3_panels_fill_transposed(size_t in, size_t out, const float *weights, float *panels) {
  for (size_t first = 0; first < in; first += S3_PANEL_WIDTH, panels += out * S3_PANEL_WIDTH) {
    const size_t width = in - first < S3_PANEL_WIDTH ? in - first : S3_PANEL_WIDTH;
    for (size_t o = 0; o < out; o++) {
      for (size_t i = 0; i < S3_PANEL_WIDTH; i++) {
        panels[o * S3_PANEL_WIDTH + i] = i < width ? weights[o * in + first + i] : 0.0f;
      }
    }
  }
}

s3_layer_panels s3_layer_panels_of(size_t hidden) {
  const size_t square = s3_panel_room(hidden, hidden);
  s3_layer_panels at = {0};
  at.key_value = at.query + square;
  at.dense = at.key_value + s3_panel_room(hidden, 2 * hidden);
  at.dense_1 = at.dense + square;
  at.dense_2 = at.dense_1 + s3_panel_room(hidden, 4 * hidden);
  at.count = at.dense_2 + s3_panel_room(4 * hidden, hidden);
  return at;
}

static void fill_layer(const s3rec_model *model, size_t n,
                       void (*fill)(size_t, size_t, const float *, float *), float *panels) {
  const size_t hidden = (size_t)model->config.hidden_size;
  const s3_layer_panels at = s3_layer_panels_of(hidden);
  const s3_layer_offsets *from = &model->table.layers[n];
  const float *weights = model->weights;
  fill(hidden, hidden, weights + from->qkv_weight, panels + at.query);
  fill(hidden, 2 * hidden, weights + from->qkv_weight + hidden * hidden, panels + at.key_value);
  fill(hidden, hidden, weights + from->dense_weight, panels + at.dense);
  fill(hidden, 4 * hidden, weights + from->dense_1_weight, panels + at.dense_1);
  fill(4 * hidden, hidden, weights + from->dense_2_weight, panels + at.dense_2);
}

void s3_layer_panels_fill(const s3rec_model *model, size_t n, float *panels,
                          float *transposed) {
  fill_layer(model, n, s3_panels_fill, panels);
  if (transposed != NULL) fill_layer(model, n, s3_panels_fill_transposed, transposed);
}

s3rec_status s3_model_panels(s3rec_model *model, const float **panels) {
  void **place = &model->compact[S3_COMPACT_PANELS];
  pthread_mutex_lock(&model->compact_lock);
  if (*place == NULL) {
    const size_t layers = (size_t)model->config.num_hidden_layers;
    const size_t layer_floats = s3_layer_panels_of((size_t)model->config.hidden_size).count;
    const size_t count = layers * layer_floats;
    *place = s3_allocate_unset(model->context, count, sizeof(float));
    if (*place != NULL) {
      for (size_t n = 0; n < layers; n++)
        s3_layer_panels_fill(model, n, (float *)*place + n * layer_floats, NULL);
      model->compact_bytes += count * sizeof(float);
    }
  }
  const float *const made = *place;
  pthread_mutex_unlock(&model->compact_lock);
  if (made == NULL) return S3REC_ERROR_MEMORY;
  *panels = made;
  return S3REC_OK;
}
