/* SPDX-License-Identifier: Apache-2.0 */
/* A trainer: its life, and a step of it. */
#include "training/trainer.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

static s3rec_status allocate_parts(s3rec_trainer *trainer) {
  const s3rec_model *model = trainer->model;
  const size_t floats = model->table.float_count;
  trainer->moment1 = s3_allocate(trainer->context, floats, sizeof(float));
  trainer->moment2 = s3_allocate(trainer->context, floats, sizeof(float));
  trainer->shards =
      s3_allocate(trainer->context, (size_t)trainer->options.shard_count, sizeof *trainer->shards);
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
  const s3rec_status status = allocate_parts(t);
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
  const s3rec_status status =
      s3_gradients_create(trainer->context, &model->table, (size_t)model->config.item_size,
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

/* A step. */

static bool wants_pretraining(const s3rec_trainer_options *o) {
  return o->aap_weight > 0.0 || o->mip_weight > 0.0 || o->map_weight > 0.0 || o->sp_weight > 0.0;
}

static s3rec_status check_batch(const s3rec_trainer *trainer, const s3rec_batch *batch) {
  const s3rec_model_config *config = &trainer->model->config;
  const bool pretrain = batch->stage == S3REC_STAGE_PRETRAIN;
  if (batch->stage != S3REC_STAGE_PRETRAIN && batch->stage != S3REC_STAGE_FINETUNE)
    return s3_fail(S3REC_ERROR_ARGUMENT, "the batch is empty: fill it first");
  if (batch->max_seq_length > config->max_seq_length)
    return s3_fail(S3REC_ERROR_MISMATCH, "max_seq_length %d of the batch exceeds the model's %d",
                   (int)batch->max_seq_length, (int)config->max_seq_length);
  if (pretrain && batch->mask_id != config->item_size - 1)
    return s3_fail(S3REC_ERROR_MISMATCH, "mask_id %d of the batch is not the model's %d",
                   (int)batch->mask_id, (int)config->item_size - 1);
  if (batch->max_item_id >= config->item_size)
    return s3_fail(S3REC_ERROR_MISMATCH, "item %d of the batch exceeds the model's last row, %d",
                   (int)batch->max_item_id, (int)config->item_size - 1);
  if (batch->max_attribute_id >= config->attribute_size)
    return s3_fail(S3REC_ERROR_MISMATCH, "attribute %d of the batch exceeds the model's last, %d",
                   (int)batch->max_attribute_id, (int)config->attribute_size - 1);
  if (batch->sequence_count == 0 || batch->token_count == 0)
    return s3_fail(S3REC_ERROR_ARGUMENT, "the batch holds no item");
  if (pretrain && !wants_pretraining(&trainer->options))
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "aap_weight, mip_weight, map_weight and sp_weight of the trainer are all 0");
  if (!pretrain && batch->target_count == 0)
    return s3_fail(S3REC_ERROR_ARGUMENT, "the batch holds no target");
  if (pretrain) return S3REC_OK;
  if (trainer->options.finetune_loss == S3REC_LOSS_BCE)
    return batch->has_negatives
               ? S3REC_OK
               : s3_fail(S3REC_ERROR_ARGUMENT,
                         "the BCE loss needs target_neg, but the batch has none");
  for (size_t t = 0; t < batch->token_count; t++)
    if (batch->ids[S3_STREAM_POS][t] == config->item_size - 1)
      return s3_fail(S3REC_ERROR_MISMATCH, "a target of the batch is the mask, item %d",
                     (int)config->item_size - 1);
  return S3REC_OK;
}

/* Threads, slots: what the first step of its kind needs. */
static s3rec_status prepare_slots(s3rec_trainer *trainer, size_t slot_count) {
  const size_t threads = (size_t)trainer->context->options.thread_count;
  if (trainer->pool == NULL && threads > 1) {
    S3_TRY(s3_thread_pool_create(trainer->context, threads, &trainer->pool));
    s3_log(trainer->context, S3REC_LOG_INFO, "training: threads started: %zu", threads - 1);
  }
  S3_TRY(s3_grow(trainer->context, (void **)&trainer->slots, &trainer->slot_count, slot_count,
                 sizeof *trainer->slots));
  const s3_slot_sizes sizes = s3_largest_shard(trainer);
  for (size_t s = 0; s < slot_count; s++)
    S3_TRY(s3_slot_reserve(trainer, sizes, &trainer->slots[s]));
  return S3REC_OK;
}

/* Sums the losses over the shards in the tree of the gradients (optimizer/tree_sum.h), in
 * place. Losses of absent shards are +0, and no loss is -0. */
static void sum_losses(s3rec_trainer *trainer, s3rec_losses *losses) {
  const s3rec_trainer_options *o = &trainer->options;
  const s3rec_batch *batch = trainer->batch;
  const size_t shard_count = (size_t)o->shard_count;
  s3_shard *shards = trainer->shards;
  for (size_t half = 1; half < shard_count; half *= 2) {
    for (size_t s = 0; s < shard_count; s += 2 * half) {
      shards[s].aap += shards[s + half].aap;
      shards[s].mip += shards[s + half].mip;
      shards[s].map += shards[s + half].map;
      shards[s].sp += shards[s + half].sp;
      shards[s].next_item += shards[s + half].next_item;
    }
  }
  *losses = (s3rec_losses){.aap = shards[0].aap,
                           .mip = shards[0].mip,
                           .map = shards[0].map,
                           .sp = shards[0].sp,
                           .next_item = shards[0].next_item,
                           .sequence_count = batch->sequence_count,
                           .token_count = batch->token_count,
                           .target_count = batch->target_count};
  losses->total = batch->stage == S3REC_STAGE_FINETUNE
                      ? losses->next_item
                      : o->aap_weight * losses->aap + o->mip_weight * losses->mip +
                            o->map_weight * losses->map + o->sp_weight * losses->sp;
  if (o->max_gradient_norm > 0.0) losses->gradient_norm = trainer->gradients.norm;
}

/* Gradients and losses of trainer->batch. */
static s3rec_status compute_gradients(s3rec_trainer *trainer, s3rec_losses *losses) {
  const bool finetune = trainer->batch->stage == S3REC_STAGE_FINETUNE;
  const bool slot_per_shard = finetune && trainer->options.finetune_loss != S3REC_LOSS_BCE;
  s3_plan_shards(trainer);
  S3_TRY(prepare_slots(trainer, slot_per_shard ? (size_t)trainer->options.shard_count
                                               : (size_t)trainer->context->options.thread_count));
  trainer->gradients_valid = false;
  for (size_t s = 0; s < trainer->gradients.shard_count; s++)
    trainer->gradients.shards[s].used = false;
  S3_TRY(finetune ? s3_finetune_gradients(trainer) : s3_pretrain_gradients(trainer));
  sum_losses(trainer, losses);
  if (!isfinite(losses->total))
    return s3_fail(S3REC_ERROR_NUMERIC, "the loss of step %llu is not finite",
                   (unsigned long long)trainer->step);
  return s3_gradients_check(&trainer->gradients);
}

s3rec_status s3_trainer_compute(s3rec_trainer *trainer, const s3rec_batch *batch,
                                s3rec_losses *losses) {
  S3_TRY(check_batch(trainer, batch));
  s3rec_losses measured;
  trainer->batch = batch;
  const s3rec_status status = compute_gradients(trainer, &measured);
  trainer->batch = NULL;
  S3_TRY(status);
  trainer->gradients_valid = true;
  trainer->gradients_stage = batch->stage;
  *losses = measured;
  return S3REC_OK;
}

s3rec_status s3_trainer_apply(s3rec_trainer *trainer) {
  const s3_adam_step step =
      s3_adam_step_make(&trainer->options, trainer->step + 1, trainer->gradients.norm);
  S3_TRY(s3_gradients_apply(
      &trainer->gradients, &step, trainer->gradients_stage == S3REC_STAGE_FINETUNE,
      trainer->model->weights, trainer->moment1, trainer->moment2, trainer->pool));
  trainer->step++;
  trainer->gradients_valid = false;
  return S3REC_OK;
}

s3rec_status s3_trainer_step(s3rec_trainer *trainer, s3rec_stage stage, const s3rec_batch *batch,
                             s3rec_losses *losses) {
  if (batch->stage != stage)
    return s3_fail(S3REC_ERROR_ARGUMENT, "the batch is not of the %s stage",
                   stage == S3REC_STAGE_PRETRAIN ? "pretraining" : "fine-tuning");
  S3_TRY(s3_trainer_compute(trainer, batch, losses));
  return s3_trainer_apply(trainer);
}

s3rec_status s3_trainer_densify(s3rec_trainer *trainer) {
  const s3_parameter *items = &trainer->model->table.parameters[0];
  if (trainer->item_table == NULL) {
    trainer->item_table = s3_allocate(trainer->context, items->count, sizeof *trainer->item_table);
    if (trainer->item_table == NULL) return S3REC_ERROR_MEMORY;
  }
  if (trainer->gradients_valid && trainer->gradients.item_table == NULL) {
    s3_gradients_read(&trainer->gradients, items, trainer->item_table);
    trainer->gradients.item_table = trainer->item_table;
  }
  return S3REC_OK;
}
