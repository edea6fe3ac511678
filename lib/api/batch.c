/* SPDX-License-Identifier: Apache-2.0 */
#include "sampling/batch.h"

#include "base/options.h"
#include "sampling/sampler.h"

void s3rec_sampler_options_init(s3rec_sampler_options *options, s3rec_stage stage) {
  *options = (s3rec_sampler_options){
      .struct_size = sizeof *options,
      .stage = stage,
      .batch_size = stage == S3REC_STAGE_PRETRAIN ? 100 : 256,
      .max_seq_length = 50,
      .mask_p = 0.2,
      .seed = 42,
      .shuffle = 1,
      .held_out_count = 2,
  };
}

s3rec_status s3rec_sampler_create(s3rec_dataset *dataset, const s3rec_sampler_options *options,
                                  s3rec_sampler **sampler) {
  S3_REQUIRE(dataset);
  S3_REQUIRE(options);
  S3_REQUIRE(sampler);
  s3rec_sampler_options resolved;
  s3rec_sampler_options_init(&resolved, options->stage);
  S3_TRY(s3_options_copy(&resolved, sizeof resolved, options,
                         S3_SIZE_UNTIL(s3rec_sampler_options, held_out_count),
                         "s3rec_sampler_options"));
  return s3_sampler_create(dataset, &resolved, sampler);
}

void s3rec_sampler_destroy(s3rec_sampler *sampler) {
  if (sampler != NULL) s3_sampler_destroy(sampler);
}

s3rec_status s3rec_sampler_epoch_size(const s3rec_sampler *sampler, size_t *instances,
                                      size_t *steps) {
  S3_REQUIRE(sampler);
  if (instances != NULL) *instances = sampler->instance_count;
  if (steps != NULL) *steps = sampler->step_count;
  return S3REC_OK;
}

s3rec_status s3rec_sampler_next(s3rec_sampler *sampler, s3rec_batch *batch) {
  S3_REQUIRE(sampler);
  S3_REQUIRE(batch);
  return s3_sampler_next(sampler, batch);
}

s3rec_status s3rec_sampler_position(const s3rec_sampler *sampler, uint64_t *epoch,
                                    size_t *step) {
  S3_REQUIRE(sampler);
  S3_REQUIRE(epoch);
  S3_REQUIRE(step);
  *epoch = sampler->epoch;
  *step = sampler->step;
  return S3REC_OK;
}

s3rec_status s3rec_sampler_seek(s3rec_sampler *sampler, uint64_t epoch, size_t step) {
  S3_REQUIRE(sampler);
  return s3_sampler_seek(sampler, epoch, step);
}

s3rec_status s3rec_batch_create(s3rec_context *context, s3rec_batch **batch) {
  S3_REQUIRE(context);
  S3_REQUIRE(batch);
  return s3_batch_create(context, batch);
}

void s3rec_batch_destroy(s3rec_batch *batch) {
  if (batch != NULL) s3_batch_destroy(batch);
}

void s3rec_pretrain_arrays_init(s3rec_pretrain_arrays *arrays) {
  *arrays = (s3rec_pretrain_arrays){.struct_size = sizeof *arrays};
}

s3rec_status s3rec_batch_set_pretrain(s3rec_batch *batch, const s3rec_pretrain_arrays *arrays) {
  S3_REQUIRE(batch);
  S3_REQUIRE(arrays);
  s3rec_pretrain_arrays resolved;
  s3rec_pretrain_arrays_init(&resolved);
  S3_TRY(s3_options_copy(&resolved, sizeof resolved, arrays,
                         S3_SIZE_UNTIL(s3rec_pretrain_arrays, neg_segment),
                         "s3rec_pretrain_arrays"));
  return s3_batch_set_pretrain(batch, &resolved);
}

s3rec_status s3rec_batch_set_finetune(s3rec_batch *batch, int32_t batch_size,
                                      int32_t max_seq_length, const int32_t *input_ids,
                                      const int32_t *target_pos, const int32_t *target_neg) {
  S3_REQUIRE(batch);
  return s3_batch_set_finetune(batch, batch_size, max_seq_length, input_ids, target_pos,
                               target_neg);
}

void s3rec_batch_info_init(s3rec_batch_info *info) {
  *info = (s3rec_batch_info){.struct_size = sizeof *info};
}

s3rec_status s3rec_batch_info_get(const s3rec_batch *batch, s3rec_batch_info *info) {
  S3_REQUIRE(batch);
  S3_REQUIRE(info);
  S3_TRY(s3_output_check(info, S3_SIZE_UNTIL(s3rec_batch_info, target_count), "s3rec_batch_info"));
  const s3rec_batch_info filled = {
      .struct_size = sizeof filled,
      .stage = batch->stage,
      .batch_size = (int32_t)batch->sequence_count,
      .max_seq_length = batch->max_seq_length,
      .token_count = batch->token_count,
      .target_count = batch->target_count,
  };
  s3_output_write(info, &filled, sizeof filled);
  return S3REC_OK;
}

s3rec_status s3rec_batch_read(const s3rec_batch *batch, const char *name, int32_t *ids,
                              size_t capacity) {
  S3_REQUIRE(batch);
  S3_REQUIRE(name);
  S3_REQUIRE(ids);
  return s3_batch_read(batch, name, ids, capacity);
}
