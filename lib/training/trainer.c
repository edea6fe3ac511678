/* SPDX-License-Identifier: Apache-2.0 */
#include "training/trainer.h"

#include <string.h>

#include "base/error.h"

static s3rec_status allocate(s3rec_trainer *trainer) {
  const s3rec_model *model = trainer->model;
  const size_t floats = model->table.float_count;
  trainer->moment1 = s3_allocate(trainer->context, floats, sizeof(float));
  trainer->moment2 = s3_allocate(trainer->context, floats, sizeof(float));
  trainer->shards = s3_allocate(trainer->context, (size_t)trainer->options.shard_count,
                                sizeof *trainer->shards);
  if (trainer->moment1 == NULL || trainer->moment2 == NULL || trainer->shards == NULL)
    return S3REC_ERROR_MEMORY;
  return s3_gradients_create(trainer->context, &model->table, (size_t)model->config.item_size,
                             (size_t)model->config.hidden_size,
                             (size_t)trainer->options.shard_count, &trainer->gradients);
}

s3rec_status s3_trainer_create(s3rec_model *model, const s3rec_trainer_options *options,
                               s3rec_trainer **trainer) {
  S3_TRY(s3_trainer_options_check(options));
  S3_TRY(s3_model_begin_training(model));
  s3rec_trainer *t = s3_allocate(model->context, 1, sizeof *t);
  if (t == NULL) {
    s3_model_end_training(model);
    return S3REC_ERROR_MEMORY;
  }
  t->context = s3_context_retain(model->context);
  t->model = s3_model_retain(model);
  t->options = *options;
  t->cross_entropy = (s3_cross_entropy){
      .context = t->context,
      .most_kept = S3_CROSS_ENTROPY_KEPT,
      .hidden_size = (size_t)model->config.hidden_size,
  };
  t->candidates = (s3_candidates){
      .context = t->context,
      .gradient = {.context = t->context, .width = (size_t)model->config.hidden_size},
  };
  const s3rec_status status = allocate(t);
  if (status != S3REC_OK) {
    s3_trainer_destroy(t);
    return status;
  }
  *trainer = t;
  return S3REC_OK;
}

void s3_trainer_destroy(s3rec_trainer *trainer) {
  if (trainer == NULL) return;
  s3rec_context *context = trainer->context;
  s3_thread_pool_destroy(trainer->pool);
  for (size_t s = 0; s < trainer->slot_count; s++) s3_slot_free(context, &trainer->slots[s]);
  s3_free(context, trainer->slots);
  s3_free(context, trainer->shards);
  if (trainer->gradients.context != NULL) s3_gradients_destroy(&trainer->gradients);
  s3_free(context, trainer->moment1);
  s3_free(context, trainer->moment2);
  s3_free(context, trainer->item_table);
  s3_cross_entropy_free(&trainer->cross_entropy);
  s3_candidates_free(&trainer->candidates);
  s3_free(context, trainer->note);
  s3_model_end_training(trainer->model);
  s3_model_release(trainer->model);
  s3_free(context, trainer);
  s3_context_release(context);
}

size_t s3_trainer_memory(const s3rec_trainer *trainer) {
  const size_t item_size = (size_t)trainer->model->config.item_size;
  size_t bytes = sizeof *trainer + 2 * trainer->model->table.float_count * sizeof(float) +
                 s3_gradients_memory(&trainer->gradients) +
                 s3_cross_entropy_memory(&trainer->cross_entropy) +
                 s3_candidates_memory(&trainer->candidates);
  if (trainer->item_table != NULL)
    bytes += item_size * (size_t)trainer->model->config.hidden_size * sizeof(float);
  for (size_t s = 0; s < trainer->slot_count; s++)
    bytes += s3_slot_memory(&trainer->slots[s], item_size);
  return bytes;
}

void s3_trainer_restart(s3rec_trainer *trainer, const s3rec_trainer_options *options) {
  const size_t bytes = trainer->model->table.float_count * sizeof(float);
  memset(trainer->moment1, 0, bytes);
  memset(trainer->moment2, 0, bytes);
  trainer->options = *options;
  trainer->step = 0;
  trainer->gradients_valid = false;
}

s3rec_status s3_trainer_resize(s3rec_trainer *trainer, const s3rec_trainer_options *options) {
  if (options->shard_count == trainer->options.shard_count) return S3REC_OK;
  const s3rec_model *model = trainer->model;
  const size_t shard_count = (size_t)options->shard_count;
  s3_shard *shards = s3_allocate(trainer->context, shard_count, sizeof *shards);
  if (shards == NULL) return S3REC_ERROR_MEMORY;
  s3_gradients gradients;
  const s3rec_status status = s3_gradients_create(
      trainer->context, &model->table, (size_t)model->config.item_size,
      (size_t)model->config.hidden_size, shard_count, &gradients);
  if (status != S3REC_OK) {
    s3_free(trainer->context, shards);
    return status;
  }
  s3_gradients_destroy(&trainer->gradients);
  s3_free(trainer->context, trainer->shards);
  trainer->gradients = gradients;
  trainer->shards = shards;
  trainer->options.shard_count = options->shard_count;
  trainer->gradients_valid = false;
  return S3REC_OK;
}
