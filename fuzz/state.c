/* SPDX-License-Identifier: Apache-2.0 */
/* The input is a training state. A trainer and runs take it up; the trainer is as before when it
 * is refused, and otherwise saves what it was given. */
#include <string.h>

#include "fixture.h"

typedef struct state_fixture {
  s3rec_context *context;
  s3rec_dataset *dataset;
  s3rec_model *model;
} state_fixture;

/* A trainer with a step behind it, its sampler (NULL for none) and its model. */
typedef struct begun_training {
  s3rec_model *model;
  s3rec_trainer *trainer;
  s3rec_sampler *sampler;
} begun_training;

static s3rec_status train(const state_fixture *fixture, const begun_training *training,
                          s3rec_stage stage) {
  s3rec_sampler *const own = training->sampler == NULL ? fixture_sampler(fixture->dataset, stage)
                                                       : NULL;
  s3rec_batch *batch;
  fuzz_ok(s3rec_batch_create(fixture->context, &batch));
  fuzz_ok(s3rec_sampler_next(own != NULL ? own : training->sampler, batch));
  const s3rec_status status = stage == S3REC_STAGE_PRETRAIN
                                  ? s3rec_pretrain_step(training->trainer, batch, NULL)
                                  : s3rec_finetune_step(training->trainer, batch, NULL);
  s3rec_batch_destroy(batch);
  s3rec_sampler_destroy(own);
  return status;
}

static begun_training begin_training(const state_fixture *fixture, s3rec_stage stage,
                                     bool with_sampler) {
  begun_training training = {0};
  fuzz_ok(s3rec_model_clone(fixture->model, &training.model));
  training.trainer = fixture_trainer(training.model);
  if (with_sampler) training.sampler = fixture_sampler(fixture->dataset, stage);
  fuzz_ok(train(fixture, &training, stage));
  return training;
}

static void end_training(begun_training *training) {
  s3rec_trainer_destroy(training->trainer);
  s3rec_sampler_destroy(training->sampler);
  s3rec_model_destroy(training->model);
}

static void save_training(const begun_training *training, const char *path) {
  fuzz_ok(s3rec_trainer_save(training->trainer, training->sampler,
                             s3rec_trainer_note(training->trainer), path));
}

static s3rec_status take_up_training(const state_fixture *fixture, const char *path,
                                     s3rec_stage stage, bool with_sampler) {
  const char *const before = fuzz_path("before"), *const after = fuzz_path("after");
  begun_training training = begin_training(fixture, stage, with_sampler);
  save_training(&training, before);
  const s3rec_status status = s3rec_trainer_load(training.trainer, training.sampler, path);
  const bool taken = fuzz_succeeds(status);
  save_training(&training, after);
  if (taken) {
    begun_training other = begin_training(fixture, stage, with_sampler);
    fuzz_ok(s3rec_trainer_load(other.trainer, other.sampler, after));
    save_training(&other, before);
    end_training(&other);
    fuzz_claim(fuzz_same_files(before, after), "a state, loaded and saved, is another state");
    fuzz_succeeds(train(fixture, &training, stage));
  } else {
    fuzz_claim(fuzz_same_files(before, after), "a state that was refused changed the trainer");
  }
  end_training(&training);
  return status;
}

/* A run that was made with its options takes up what a resumed one has saved, or is as before. */
static void load_run(const state_fixture *fixture, const char *path, const char *resumed,
                     s3rec_stage stage) {
  const char *const before = fuzz_path("run-before"), *const after = fuzz_path("run-after");
  s3rec_run *const run = fixture_run(fixture->model, fixture->dataset, stage);
  fuzz_ok(s3rec_run_save(run, before));
  const bool taken = fuzz_succeeds(s3rec_run_load(run, path));
  fuzz_ok(s3rec_run_save(run, after));
  fuzz_claim(taken || fuzz_same_files(before, after), "a state that was refused changed the run");
  fuzz_claim(!taken || fuzz_same_files(resumed, after), "a run that was loaded is another run");
  s3rec_run_destroy(run);
}

static void change_epochs(const state_fixture *fixture, const char *path, uint64_t choice) {
  s3rec_run *run;
  const int32_t epochs = 1 + (int32_t)(choice >> 8 & 7);
  s3rec_model *const model = (choice & 2) != 0 ? fixture->model : NULL;
  if (fuzz_succeeds(s3rec_run_resume(model, fixture->dataset, path, epochs, &run)))
    s3rec_run_destroy(run);
}

static void take_up_run(const state_fixture *fixture, const char *path, uint64_t choice) {
  s3rec_run *const untouched = (s3rec_run *)(uintptr_t)fixture, *run = untouched, *other;
  if (!fuzz_succeeds(s3rec_run_resume(fixture->model, fixture->dataset, path, 0, &run))) {
    fuzz_claim(run == untouched, "a failure changed the run");
    return;
  }
  const char *const saved = fuzz_path("saved"), *const again = fuzz_path("again");
  fuzz_ok(s3rec_run_save(run, saved));
  fuzz_ok(s3rec_run_resume(fixture->model, fixture->dataset, saved, 0, &other));
  fuzz_ok(s3rec_run_save(other, again));
  s3rec_run_destroy(other);
  load_run(fixture, path, saved, (choice & 4) != 0 ? S3REC_STAGE_PRETRAIN : S3REC_STAGE_FINETUNE);
  change_epochs(fixture, path, choice);
  fuzz_claim(fuzz_same_files(saved, again), "a run, saved and resumed, is another run");
  s3rec_run_progress progress;
  s3rec_run_progress_init(&progress);
  for (int i = 0; i < 4; i++)
    if (!fuzz_succeeds(s3rec_run_step(run, &progress))) break;
  s3rec_model *model = NULL;
  if (fuzz_succeeds(s3rec_run_finish(run, &model))) s3rec_model_destroy(model);
  s3rec_run_destroy(run);
}

static void read_run_state(s3rec_context *context, const char *path) {
  s3rec_run_state *const untouched = (s3rec_run_state *)(uintptr_t)path, *state = untouched;
  if (!fuzz_succeeds(s3rec_run_state_read(context, path, &state))) {
    fuzz_claim(state == untouched, "a failure changed the state");
    return;
  }
  fuzz_claim(state->options->sampler != NULL && state->options->trainer != NULL, "no options");
  fuzz_claim(state->options->epochs >= 1 && state->progress->epoch >= 0, "epoch %d of %d",
             (int)state->progress->epoch, (int)state->options->epochs);
  fuzz_claim(strlen(state->note) < (size_t)1 << 20, "no note");
  s3rec_run_state_destroy(state);
}

static state_fixture make_fixture(bool strict) {
  state_fixture fixture = {.context = fuzz_context(1, strict)};
  fixture.dataset = fixture_dataset(fixture.context);
  fixture.model = fixture_model(fixture.context);
  /* Evaluations lay the weights out once, and keep that. */
  fuzz_ok(s3rec_evaluate(fixture.model, fixture.dataset, NULL,
                         &(s3rec_metrics){.struct_size = sizeof(s3rec_metrics)}, NULL));
  return fixture;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static state_fixture fixtures[2];
  if (fixtures[0].context == NULL) {
    fixtures[0] = make_fixture(false);
    fixtures[1] = make_fixture(true);
  }
  const uint64_t choice = fuzz_hash(data, size);
  const state_fixture *const fixture = &fixtures[choice & 1];
  const char *const path = fuzz_write("state", data, size);
  const size_t held = fuzz_held();
  fuzz_peak_reset();
  read_run_state(fixture->context, path);
  fuzz_claim_bounded(held, 1 << 14, 24, size);
  fuzz_claim(fuzz_held() == held, "%zu bytes are left by reading", fuzz_held() - held);
  take_up_run(fixture, path, choice);
  fuzz_claim(fuzz_held() == held, "%zu bytes are left by a run", fuzz_held() - held);
  /* A good state of the other stage, or without a sampler, is only another one's. */
  if (take_up_training(fixture, path, S3REC_STAGE_FINETUNE, true) == S3REC_ERROR_MISMATCH &&
      take_up_training(fixture, path, S3REC_STAGE_PRETRAIN, true) == S3REC_ERROR_MISMATCH)
    take_up_training(fixture, path, S3REC_STAGE_FINETUNE, false);
  fuzz_claim(fuzz_held() == held, "%zu bytes are left by a trainer", fuzz_held() - held);
  return 0;
}
