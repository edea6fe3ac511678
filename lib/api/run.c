/* SPDX-License-Identifier: Apache-2.0 */
#include "run/run.h"

#include "base/options.h"
#include "base/utf8.h"

void s3rec_run_options_init(s3rec_run_options *options, s3rec_stage stage) {
  *options = (s3rec_run_options){.struct_size = sizeof *options,
                                 .recipe = S3REC_RECIPE_BEST,
                                 .stage = stage,
                                 .seed = 42,
                                 .held_out_count = -1,
                                 .protocol = S3REC_PROTOCOL_FULL,
                                 .hidden_dropout_prob = -1,
                                 .attention_probs_dropout_prob = -1,
                                 .seen = S3REC_SEEN_EXCLUDE,
                                 .warmup_epochs = -1};
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
                         S3_SIZE_UNTIL(s3rec_run_options, time_budget),
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
    S3_TRY(s3_output_check(progress, S3_SIZE_UNTIL(s3rec_run_progress, selection_epochs),
                           "s3rec_run_progress"));
  s3rec_run_progress made;
  S3_TRY(s3_run_step(run, &made));
  if (progress != NULL) s3_output_write(progress, &made, sizeof made);
  return S3REC_OK;
}

s3rec_status s3rec_run_progress_get(const s3rec_run *run, s3rec_run_progress *progress) {
  S3_REQUIRE(run);
  S3_REQUIRE(progress);
  S3_TRY(s3_output_check(progress, S3_SIZE_UNTIL(s3rec_run_progress, selection_epochs),
                         "s3rec_run_progress"));
  const s3rec_run_event event = run->done       ? S3REC_RUN_DONE
                                : run->at.ended ? S3REC_RUN_EPOCH
                                                : S3REC_RUN_STEP;
  const s3rec_run_progress made =
      s3_run_describe(&run->settings, &run->at, run->sampler->step_count, event);
  s3_output_write(progress, &made, sizeof made);
  return S3REC_OK;
}

s3rec_status s3rec_run_finish(const s3rec_run *run, s3rec_model **model) {
  S3_REQUIRE(run);
  S3_REQUIRE(model);
  return s3_run_finish(run, model);
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

void s3rec_run_estimate_init(s3rec_run_estimate *estimate) {
  *estimate = (s3rec_run_estimate){.struct_size = sizeof *estimate};
}

s3rec_status s3rec_run_ahead(const s3rec_run *run, s3rec_run_estimate *estimate) {
  S3_REQUIRE(run);
  S3_REQUIRE(estimate);
  S3_TRY(s3_output_check(estimate, S3_SIZE_UNTIL(s3rec_run_estimate, sequence_count),
                         "s3rec_run_estimate"));
  s3rec_run_estimate made;
  S3_TRY(s3_run_ahead(run, &made));
  s3_output_write(estimate, &made, sizeof made);
  return S3REC_OK;
}

s3rec_status s3rec_run_set_note(s3rec_run *run, const char *note) {
  S3_REQUIRE(run);
  if (note != NULL && !s3_utf8_valid(note))
    return s3_fail(S3REC_ERROR_ARGUMENT, "s3rec_run_set_note: note is not valid UTF-8");
  return s3_run_set_note(run, note);
}

const char *s3rec_run_note(const s3rec_run *run) {
  return run == NULL || run->trainer->note == NULL ? "" : run->trainer->note;
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

s3rec_status s3rec_run_resume(s3rec_model *model, s3rec_dataset *dataset, const char *path,
                              int32_t epochs, s3rec_run **run) {
  S3_REQUIRE(dataset);
  S3_REQUIRE(path);
  S3_REQUIRE(run);
  if (epochs < 0)
    return s3_fail(S3REC_ERROR_ARGUMENT, "s3rec_run_resume: epochs is %d, must be 0 or more",
                   (int)epochs);
  return s3_run_resume(model, dataset, path, epochs, run);
}

s3rec_status s3rec_run_state_read(s3rec_context *context, const char *path,
                                  s3rec_run_state **state) {
  S3_REQUIRE(context);
  S3_REQUIRE(path);
  S3_REQUIRE(state);
  return s3_run_state_read(context, path, state);
}

void s3rec_run_state_destroy(s3rec_run_state *state) {
  if (state != NULL) s3_run_state_destroy(state);
}
