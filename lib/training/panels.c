/* SPDX-License-Identifier: Apache-2.0 */
/* The weights of a step in panels (model/panels.h) for forward, and their transposes
 * for backward data, laid out once for all shards, which is half a percent of a step of
 * the default network. Layers come first, then the heads, then attribute_embeddings. */
#include "model/panels.h"

#include "base/error.h"
#include "training/trainer.h"

typedef struct panel_places {
  size_t layer_floats, head, head_floats, attributes, count;
} panel_places;

static panel_places places_of(const s3rec_model_config *config) {
  const size_t hidden = (size_t)config->hidden_size;
  panel_places at = {.layer_floats = s3_layer_panels_of(hidden).count,
                     .head_floats = s3_panel_room(hidden, hidden)};
  at.head = (size_t)config->num_hidden_layers * at.layer_floats;
  at.attributes = at.head + S3_HEAD_COUNT * at.head_floats;
  at.count = at.attributes + s3_panel_room(hidden, (size_t)config->attribute_size);
  return at;
}

static s3_linear_weights weights_at(const s3rec_trainer *trainer, size_t matrix_offset,
                                    size_t panels_offset) {
  s3_linear_weights w = {.matrix = trainer->model->weights + matrix_offset};
  if (trainer->panels == NULL) return w;
  w.panels = trainer->panels + panels_offset;
  w.transposed = w.panels + trainer->panel_floats;
  return w;
}

s3_linear_weights s3_head_weights(const s3rec_trainer *trainer, s3_head head) {
  const panel_places at = places_of(&trainer->model->config);
  return weights_at(trainer, trainer->model->table.head_weight[head],
                    at.head + (size_t)head * at.head_floats);
}

s3_linear_weights s3_attribute_weights(const s3rec_trainer *trainer) {
  return weights_at(trainer, trainer->model->table.attribute_embeddings,
                    places_of(&trainer->model->config).attributes);
}

static void fill(size_t in, size_t out, s3_linear_weights w, size_t panels_at,
                 s3rec_trainer *trainer) {
  float *panels = trainer->panels + panels_at;
  s3_panels_fill(in, out, w.matrix, panels);
  s3_panels_fill_transposed(in, out, w.matrix, panels + trainer->panel_floats);
}

/* Jobs: the layers, and when pretraining the heads and attribute_embeddings. */
static s3rec_status fill_job(void *argument, size_t job, size_t worker) {
  (void)worker;
  s3rec_trainer *trainer = argument;
  const s3rec_model_config *config = &trainer->model->config;
  const panel_places at = places_of(config);
  const size_t layers = (size_t)config->num_hidden_layers, hidden = (size_t)config->hidden_size;
  if (job < layers) {
    float *panels = trainer->panels + job * at.layer_floats;
    s3_layer_panels_fill(trainer->model, job, panels, panels + trainer->panel_floats);
  } else if (job < layers + S3_HEAD_COUNT) {
    const size_t head = job - layers;
    fill(hidden, hidden, s3_head_weights(trainer, (s3_head)head),
         at.head + head * at.head_floats, trainer);
  } else {
    fill(hidden, (size_t)config->attribute_size, s3_attribute_weights(trainer), at.attributes,
         trainer);
  }
  return S3REC_OK;
}

s3rec_status s3_trainer_fill_panels(s3rec_trainer *trainer) {
  if (!s3_encoder_takes_panels(trainer->slots[0].encoder)) return S3REC_OK;
  if (trainer->panels == NULL) {
    const size_t floats = places_of(&trainer->model->config).count;
    trainer->panels = s3_allocate_unset(trainer->context, 2 * floats, sizeof(float));
    if (trainer->panels == NULL) return S3REC_ERROR_MEMORY;
    trainer->panel_floats = floats;
  }
  for (size_t s = 0; s < trainer->slot_count; s++)
    if (trainer->slots[s].encoder != NULL)
      s3_encoder_set_panels(trainer->slots[s].encoder, trainer->panels,
                            trainer->panels + trainer->panel_floats);
  const size_t layers = (size_t)trainer->model->config.num_hidden_layers;
  const bool pretrain = trainer->batch->stage == S3REC_STAGE_PRETRAIN;
  return s3_thread_pool_run(trainer->pool, layers + (pretrain ? S3_HEAD_COUNT + 1 : 0),
                            fill_job, trainer);
}
