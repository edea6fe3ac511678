/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "run/run.h"

static s3rec_status check_range(const char *field, int32_t value, int32_t low, int32_t high) {
  if (value >= low && value <= high) return S3REC_OK;
  return s3_fail(S3REC_ERROR_ARGUMENT, "s3rec_run_options.%s is %d, must be %d..%d", field,
                 (int)value, (int)low, (int)high);
}

static void resolve(const s3_recipe_stage *values, s3rec_run_options *options) {
  if (options->epochs == 0) options->epochs = values->epochs;
  if (options->patience == 0) options->patience = values->patience;
  if (options->held_out_count < 0) options->held_out_count = values->refit ? 1 : 2;
  if (options->hidden_dropout_prob < 0)
    options->hidden_dropout_prob = values->hidden_dropout_prob;
  if (options->attention_probs_dropout_prob < 0)
    options->attention_probs_dropout_prob = values->attention_probs_dropout_prob;
  options->sampler = NULL;
  options->trainer = NULL;
}

s3rec_status s3_run_resolve(const s3rec_run_options *options, const s3rec_sampler_options *sampler,
                            const s3rec_trainer_options *trainer, s3_run_settings *settings) {
  const s3_recipe_stage *values;
  S3_TRY(s3_recipe_find(options->recipe, options->stage, &values));
  S3_TRY(check_range("epochs", options->epochs, 0, INT32_MAX));
  S3_TRY(check_range("patience", options->patience, 0, INT32_MAX));
  S3_TRY(check_range("held_out_count", options->held_out_count, -1, 2));
  S3_TRY(check_range("own_schedule", options->own_schedule, 0, 1));
  S3_TRY(check_range("protocol", (int32_t)options->protocol, S3REC_PROTOCOL_FULL,
                     S3REC_PROTOCOL_SAMPLED));
  *settings = (s3_run_settings){.options = *options,
                                .values = values,
                                .schedule_by_recipe =
                                    options->trainer == NULL || options->own_schedule == 0,
                                .sampler = *sampler,
                                .trainer = *trainer};
  if (options->sampler == NULL) settings->sampler.batch_size = values->batch_size;
  if (options->trainer == NULL) s3_recipe_set_trainer(values, 1, &settings->trainer);
  settings->sampler.stage = options->stage;
  settings->sampler.seed = options->seed;
  settings->trainer.seed = options->seed;
  resolve(values, &settings->options);
  if (s3_run_refits(settings) && settings->sampler.reference_draws)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_run_options.held_out_count is %d, must be 2 with reference_draws, which "
                   "leave held-out items out of any training",
                   (int)settings->options.held_out_count);
  return S3REC_OK;
}

s3rec_sampler_options s3_run_sampling(const s3_run_settings *settings, bool refit) {
  s3rec_sampler_options sampler = settings->sampler;
  sampler.held_out_count = refit ? settings->options.held_out_count : 2;
  return sampler;
}

s3rec_trainer_options s3_run_training(const s3_run_settings *settings, size_t steps) {
  s3rec_trainer_options trainer = settings->trainer;
  if (settings->schedule_by_recipe)
    s3_recipe_set_schedule(settings->values, settings->options.epochs, steps, &trainer);
  return trainer;
}
