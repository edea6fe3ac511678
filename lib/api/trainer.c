/* SPDX-License-Identifier: Apache-2.0 */
#include "s3rec/trainer.h"

#include "base/number.h"
#include "base/options.h"
#include "training/trainer.h"

void s3rec_trainer_options_init(s3rec_trainer_options *options) {
  *options = (s3rec_trainer_options){
      .struct_size = sizeof *options,
      .learning_rate = 1e-3,
      .adam_beta1 = 0.9,
      .adam_beta2 = 0.999,
      .adam_epsilon = 1e-8,
      .aap_weight = 0.2,
      .mip_weight = 1.0,
      .map_weight = 1.0,
      .sp_weight = 0.5,
      .finetune_loss = S3REC_LOSS_CE,
      .seed = 42,
      .shard_count = 8,
      .negative_count = S3_DEFAULT_NEGATIVE_COUNT,
  };
}

void s3rec_losses_init(s3rec_losses *losses) {
  *losses = (s3rec_losses){.struct_size = sizeof *losses};
}

s3rec_status s3rec_trainer_create(s3rec_model *model, const s3rec_trainer_options *options,
                                  s3rec_trainer **trainer) {
  S3_REQUIRE(model);
  S3_REQUIRE(trainer);
  s3rec_trainer_options copy;
  s3rec_trainer_options_init(&copy);
  if (options != NULL)
    S3_TRY(s3_options_copy(&copy, sizeof copy, options,
                           S3_SIZE_UNTIL(s3rec_trainer_options, negative_count),
                           "s3rec_trainer_options"));
  return s3_trainer_create(model, &copy, trainer);
}

void s3rec_trainer_destroy(s3rec_trainer *trainer) { s3_trainer_destroy(trainer); }

/* Work that the three calls below share: one of them with the caller's OpenMP
 * setting put aside, and its losses handed out. */
typedef s3rec_status (*gradient_call)(s3rec_trainer *trainer, const s3rec_batch *batch,
                                      s3rec_losses *losses);

static s3rec_status call_with_losses(gradient_call call, s3rec_trainer *trainer,
                                     const s3rec_batch *batch, s3rec_losses *losses) {
  if (losses != NULL) S3_TRY(s3_output_check(losses, S3_SIZE_UNTIL(s3rec_losses, target_count),
                                             "s3rec_losses"));
  s3rec_losses measured;
  const s3rec_status status = call(trainer, batch, &measured);
  if (status == S3REC_OK && losses != NULL) s3_output_write(losses, &measured, sizeof measured);
  return status;
}

static s3rec_status pretrain(s3rec_trainer *trainer, const s3rec_batch *batch,
                             s3rec_losses *losses) {
  return s3_trainer_step(trainer, S3REC_STAGE_PRETRAIN, batch, losses);
}

static s3rec_status finetune(s3rec_trainer *trainer, const s3rec_batch *batch,
                             s3rec_losses *losses) {
  return s3_trainer_step(trainer, S3REC_STAGE_FINETUNE, batch, losses);
}

s3rec_status s3rec_pretrain_step(s3rec_trainer *trainer, const s3rec_batch *batch,
                                 s3rec_losses *losses) {
  S3_REQUIRE(trainer);
  S3_REQUIRE(batch);
  return call_with_losses(pretrain, trainer, batch, losses);
}

s3rec_status s3rec_finetune_step(s3rec_trainer *trainer, const s3rec_batch *batch,
                                 s3rec_losses *losses) {
  S3_REQUIRE(trainer);
  S3_REQUIRE(batch);
  return call_with_losses(finetune, trainer, batch, losses);
}

s3rec_status s3rec_trainer_compute_gradients(s3rec_trainer *trainer, const s3rec_batch *batch,
                                             s3rec_losses *losses) {
  S3_REQUIRE(trainer);
  S3_REQUIRE(batch);
  return call_with_losses(s3_trainer_compute, trainer, batch, losses);
}

/* The parameter a gradient call is about. */
static s3rec_status find_gradient(const s3rec_trainer *trainer, const char *name, size_t count,
                                  const s3_parameter **parameter) {
  if (!trainer->gradients_valid)
    return s3_fail(S3REC_ERROR_STATE,
                   "no gradients: call s3rec_trainer_compute_gradients first; an update "
                   "uses gradients up");
  return s3_parameter_match(&trainer->model->table, name, count, parameter);
}

s3rec_status s3rec_trainer_gradient_read(const s3rec_trainer *trainer, const char *name,
                                         float *values, size_t count) {
  S3_REQUIRE(trainer);
  S3_REQUIRE(name);
  S3_REQUIRE(values);
  const s3_parameter *parameter = NULL;
  S3_TRY(find_gradient(trainer, name, count, &parameter));
  s3_gradients_read(&trainer->gradients, parameter, values);
  return S3REC_OK;
}

s3rec_status s3rec_trainer_gradient_write(s3rec_trainer *trainer, const char *name,
                                          const float *values, size_t count) {
  S3_REQUIRE(trainer);
  S3_REQUIRE(name);
  S3_REQUIRE(values);
  const s3_parameter *parameter = NULL;
  S3_TRY(find_gradient(trainer, name, count, &parameter));
  const size_t bad = s3_first_not_finite(values, count);
  if (bad < count)
    return s3_fail(S3REC_ERROR_NUMERIC, "element %zu for the gradient of '%s' is NaN or infinite",
                   bad, name);
  if (parameter->offset < trainer->model->table.dense_begin)
    S3_TRY(s3_trainer_densify(trainer));
  s3_gradients_write(&trainer->gradients, parameter, values);
  return S3REC_OK;
}

s3rec_status s3rec_trainer_apply_gradients(s3rec_trainer *trainer) {
  S3_REQUIRE(trainer);
  if (!trainer->gradients_valid)
    return s3_fail(S3REC_ERROR_STATE,
                   "no gradients: call s3rec_trainer_compute_gradients first");
  S3_TRY(s3_gradients_measure(&trainer->gradients, trainer->pool));
  S3_TRY(s3_gradients_check(&trainer->gradients));
  return s3_trainer_apply(trainer);
}

uint64_t s3rec_trainer_step_count(const s3rec_trainer *trainer) {
  return trainer == NULL ? 0 : trainer->step;
}

s3rec_status s3rec_trainer_save(const s3rec_trainer *trainer, const s3rec_sampler *sampler,
                                const char *note, const char *path) {
  S3_REQUIRE(trainer);
  S3_REQUIRE(path);
  return s3_trainer_save(trainer, sampler, note, NULL, path);
}

s3rec_status s3rec_trainer_load(s3rec_trainer *trainer, s3rec_sampler *sampler,
                                const char *path) {
  S3_REQUIRE(trainer);
  S3_REQUIRE(path);
  return s3_trainer_load(trainer, sampler, path);
}

const char *s3rec_trainer_note(const s3rec_trainer *trainer) {
  return trainer == NULL || trainer->note == NULL ? "" : trainer->note;
}

size_t s3rec_trainer_memory(const s3rec_trainer *trainer) {
  return trainer == NULL ? 0 : s3_trainer_memory(trainer);
}
