/* SPDX-License-Identifier: Apache-2.0 */
#include "run/run.h"

#include "base/options.h"

void s3rec_run_options_init(s3rec_run_options *options, s3rec_stage stage) {
  *options = (s3rec_run_options){.struct_size = sizeof *options,
                                 .recipe = S3REC_RECIPE_BEST,
                                 .stage = stage,
                                 .seed = 42,
                                 .held_out_count = -1,
                                 .protocol = S3REC_PROTOCOL_FULL,
                                 .hidden_dropout_prob = -1,
                                 .attention_probs_dropout_prob = -1};
}

void s3rec_run_progress_init(s3rec_run_progress *progress) {
  *progress = (s3rec_run_progress){.struct_size = sizeof *progress};
}

s3rec_status s3rec_run_create(s3rec_model *model, s3rec_dataset *dataset,
                              const s3rec_run_options *options, s3rec_run **run) {
  S3_REQUIRE(model);
  S3_REQUIRE(dataset);
  S3_REQUIRE(options);
  S3_REQUIRE(run);
  s3rec_run_options copy;
  s3rec_run_options_init(&copy, options->stage);
  S3_TRY(s3_options_copy(&copy, sizeof copy, options,
                         S3_SIZE_UNTIL(s3rec_run_options, own_schedule),
                         "s3rec_run_options"));
  s3rec_sampler_options sampler;
  s3rec_sampler_options_init(&sampler, copy.stage);
  if (copy.sampler != NULL)
    S3_TRY(s3_options_copy(&sampler, sizeof sampler, copy.sampler,
                           S3_SIZE_UNTIL(s3rec_sampler_options, held_out_count),
                           "s3rec_sampler_options"));
  s3rec_trainer_options trainer;
  s3rec_trainer_options_init(&trainer);
  if (copy.trainer != NULL)
    S3_TRY(s3_options_copy(&trainer, sizeof trainer, copy.trainer,
                           S3_SIZE_UNTIL(s3rec_trainer_options, negative_count),
                           "s3rec_trainer_options"));
  s3_run_settings settings;
  S3_TRY(s3_run_resolve(&copy, &sampler, &trainer, &settings));
  return s3_run_create(model, dataset, &settings, run);
}

void s3rec_run_destroy(s3rec_run *run) {
  if (run != NULL) s3_run_destroy(run);
}

s3rec_status s3rec_run_step(s3rec_run *run, s3rec_run_progress *progress) {
  S3_REQUIRE(run);
  if (progress != NULL)
    S3_TRY(s3_output_check(progress, S3_SIZE_UNTIL(s3rec_run_progress, best_epoch),
                           "s3rec_run_progress"));
  s3rec_run_progress made;
  S3_TRY(s3_run_step(run, &made));
  if (progress != NULL) s3_output_write(progress, &made, sizeof made);
  return S3REC_OK;
}

s3rec_status s3rec_run_valid_metrics(const s3rec_run *run, s3rec_metrics *metrics) {
  S3_REQUIRE(run);
  S3_REQUIRE(metrics);
  S3_TRY(s3_output_check(metrics, S3_SIZE_UNTIL(s3rec_metrics, mrr), "s3rec_metrics"));
  if (run->at.best_epoch == 0)
    return s3_fail(S3REC_ERROR_NOT_FOUND, "no epoch of the run has been measured so far");
  s3_output_write(metrics, &run->at.valid, sizeof run->at.valid);
  return S3REC_OK;
}

s3rec_status s3rec_run_save(const s3rec_run *run, const char *path) {
  S3_REQUIRE(run);
  S3_REQUIRE(path);
  return s3_run_save(run, path);
}

s3rec_status s3rec_run_load(s3rec_run *run, const char *path) {
  S3_REQUIRE(run);
  S3_REQUIRE(path);
  return s3_run_load(run, path);
}
