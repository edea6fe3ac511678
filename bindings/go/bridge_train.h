/* SPDX-License-Identifier: Apache-2.0 */
/* What Go calls of batches, samplers, trainers and recipes; see bridge.h. */
#ifndef S3GO_BRIDGE_TRAIN_H
#define S3GO_BRIDGE_TRAIN_H

#include "bridge.h"

static inline void s3go_sampler_options_init(s3rec_sampler_options *options, int32_t stage) {
  s3rec_sampler_options_init(options, (s3rec_stage)stage);
}

static inline void s3go_trainer_options_init(s3rec_trainer_options *options) {
  s3rec_trainer_options_init(options);
}

static inline s3go_result s3go_sampler_create(s3rec_dataset *dataset,
                                              const s3rec_sampler_options *options) {
  s3rec_sampler *sampler = NULL;
  const s3rec_status status = s3rec_sampler_create(dataset, options, &sampler);
  return s3go_done(status, sampler, 0);
}

static inline s3go_result s3go_sampler_epoch_size(const s3rec_sampler *sampler,
                                                  size_t *instances, size_t *steps) {
  return s3go_done(s3rec_sampler_epoch_size(sampler, instances, steps), NULL, 0);
}

static inline s3go_result s3go_sampler_next(s3rec_sampler *sampler, s3rec_batch *batch) {
  return s3go_done(s3rec_sampler_next(sampler, batch), NULL, 0);
}

static inline s3go_result s3go_sampler_position(const s3rec_sampler *sampler, uint64_t *epoch,
                                                size_t *step) {
  return s3go_done(s3rec_sampler_position(sampler, epoch, step), NULL, 0);
}

static inline s3go_result s3go_sampler_seek(s3rec_sampler *sampler, uint64_t epoch, size_t step) {
  return s3go_done(s3rec_sampler_seek(sampler, epoch, step), NULL, 0);
}

static inline s3go_result s3go_batch_create(s3rec_context *context) {
  s3rec_batch *batch = NULL;
  const s3rec_status status = s3rec_batch_create(context, &batch);
  return s3go_done(status, batch, 0);
}

static inline s3go_result s3go_batch_set_pretrain(
    s3rec_batch *batch, int32_t batch_size, int32_t max_seq_length, int32_t attribute_size,
    int32_t mask_id, const uint8_t *attributes, const int32_t *masked_item_sequence,
    const int32_t *pos_items, const int32_t *neg_items, const int32_t *masked_segment_sequence,
    const int32_t *pos_segment, const int32_t *neg_segment) {
  s3rec_pretrain_arrays arrays;
  s3rec_pretrain_arrays_init(&arrays);
  arrays.batch_size = batch_size;
  arrays.max_seq_length = max_seq_length;
  arrays.attribute_size = attribute_size;
  arrays.mask_id = mask_id;
  arrays.attributes = attributes;
  arrays.masked_item_sequence = masked_item_sequence;
  arrays.pos_items = pos_items;
  arrays.neg_items = neg_items;
  arrays.masked_segment_sequence = masked_segment_sequence;
  arrays.pos_segment = pos_segment;
  arrays.neg_segment = neg_segment;
  return s3go_done(s3rec_batch_set_pretrain(batch, &arrays), NULL, 0);
}

static inline s3go_result s3go_batch_set_finetune(s3rec_batch *batch, int32_t batch_size,
                                                  int32_t max_seq_length,
                                                  const int32_t *input_ids,
                                                  const int32_t *target_pos,
                                                  const int32_t *target_neg) {
  return s3go_done(s3rec_batch_set_finetune(batch, batch_size, max_seq_length, input_ids,
                                            target_pos, target_neg),
                   NULL, 0);
}

static inline s3go_result s3go_batch_info(const s3rec_batch *batch, s3rec_batch_info *info) {
  s3rec_batch_info_init(info);
  return s3go_done(s3rec_batch_info_get(batch, info), NULL, 0);
}

static inline s3go_result s3go_batch_read(const s3rec_batch *batch, const char *name,
                                          int32_t *ids, size_t capacity) {
  return s3go_done(s3rec_batch_read(batch, name, ids, capacity), NULL, 0);
}

static inline s3go_result s3go_trainer_create(s3rec_model *model,
                                              const s3rec_trainer_options *options) {
  s3rec_trainer *trainer = NULL;
  const s3rec_status status = s3rec_trainer_create(model, options, &trainer);
  return s3go_done(status, trainer, 0);
}

static inline s3go_result s3go_pretrain_step(s3rec_trainer *trainer, const s3rec_batch *batch,
                                             s3rec_losses *losses) {
  s3rec_losses_init(losses);
  return s3go_done(s3rec_pretrain_step(trainer, batch, losses), NULL, 0);
}

static inline s3go_result s3go_finetune_step(s3rec_trainer *trainer, const s3rec_batch *batch,
                                             s3rec_losses *losses) {
  s3rec_losses_init(losses);
  return s3go_done(s3rec_finetune_step(trainer, batch, losses), NULL, 0);
}

static inline s3go_result s3go_trainer_compute_gradients(s3rec_trainer *trainer,
                                                         const s3rec_batch *batch,
                                                         s3rec_losses *losses) {
  s3rec_losses_init(losses);
  return s3go_done(s3rec_trainer_compute_gradients(trainer, batch, losses), NULL, 0);
}

static inline s3go_result s3go_trainer_gradient_read(const s3rec_trainer *trainer,
                                                     const char *name, float *values,
                                                     size_t count) {
  return s3go_done(s3rec_trainer_gradient_read(trainer, name, values, count), NULL, 0);
}

static inline s3go_result s3go_trainer_gradient_write(s3rec_trainer *trainer, const char *name,
                                                      const float *values, size_t count) {
  return s3go_done(s3rec_trainer_gradient_write(trainer, name, values, count), NULL, 0);
}

static inline s3go_result s3go_trainer_apply_gradients(s3rec_trainer *trainer) {
  return s3go_done(s3rec_trainer_apply_gradients(trainer), NULL, 0);
}

static inline s3go_result s3go_trainer_save(const s3rec_trainer *trainer,
                                            const s3rec_sampler *sampler, const char *note,
                                            const char *path) {
  return s3go_done(s3rec_trainer_save(trainer, sampler, note, path), NULL, 0);
}

static inline s3go_result s3go_trainer_load(s3rec_trainer *trainer, s3rec_sampler *sampler,
                                            const char *path) {
  return s3go_done(s3rec_trainer_load(trainer, sampler, path), NULL, 0);
}

static inline s3go_result s3go_recipe_plan(int32_t recipe, int32_t stage,
                                           s3rec_recipe_plan *plan) {
  s3rec_recipe_plan_init(plan);
  return s3go_done(s3rec_recipe_plan_get((s3rec_recipe)recipe, (s3rec_stage)stage, plan), NULL,
                   0);
}

static inline s3go_result s3go_recipe_sampler(int32_t recipe, s3rec_sampler_options *options) {
  return s3go_done(s3rec_recipe_sampler((s3rec_recipe)recipe, options), NULL, 0);
}

static inline s3go_result s3go_recipe_trainer(int32_t recipe, int32_t stage,
                                              size_t steps_per_epoch,
                                              s3rec_trainer_options *options) {
  return s3go_done(s3rec_recipe_trainer((s3rec_recipe)recipe, (s3rec_stage)stage,
                                        steps_per_epoch, options),
                   NULL, 0);
}

#endif
