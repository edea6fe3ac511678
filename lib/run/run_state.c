/* SPDX-License-Identifier: Apache-2.0 */
/* Saves a run in a file and reads it again. The file is a training state: the state of trainer and
 * sampler, the best weights so far, and the field "run" (run_entry.h). Everything is first read
 * into a saved_run and checked; only then a run is changed. */
#include "base/error.h"
#include "data/dataset.h"
#include "model/weights_hash.h"
#include "run/run_entry.h"

/* Hash of the negatives if the run ranks them (sampled protocol), else 0. The fingerprint of the
 * data does not cover them. */
static uint64_t negatives_hash(const s3rec_run *run) {
  const s3_ragged *const negatives = &run->dataset->negatives;
  if (run->settings.options.protocol != S3REC_PROTOCOL_SAMPLED || negatives->row_count == 0)
    return 0;
  return s3_numbers_hash(negatives->values, (size_t)negatives->offsets[negatives->row_count]);
}

s3rec_status s3_run_save(const s3rec_run *run, const char *path) {
  const s3_run_saved saved = {.options = run->settings.options,
                              .at = run->at,
                              .steps = run->sampler->step_count,
                              .first_weights = run->first_weights,
                              .negatives = negatives_hash(run)};
  char *json;
  S3_TRY(s3_run_entry_make(run->context, &saved, &json));
  const s3_run_entry entry = {.json = json, .best = run->at.best_epoch > 0 ? run->best : NULL};
  const s3rec_status status =
      s3_trainer_save(run->trainer, run->sampler, run->trainer->note, &entry, path);
  s3_free(run->context, json);
  return status;
}

/* What the file of a run holds. */
typedef struct saved_run {
  const char *path;
  s3_run_saved run; /* the field "run"; its options are only a part of the settings */
  s3_run_settings settings;
  s3_trainer_state state;
  s3rec_sampler *sampler; /* of the refit; NULL if the refit has not begun */
  float *best;            /* NULL if no epoch was measured */
} saved_run;

static void saved_run_free(const s3rec_context *context, saved_run *saved) {
  if (saved->sampler != NULL) s3_sampler_destroy(saved->sampler);
  s3_trainer_state_free(context, &saved->state);
  s3_free(context, saved->best);
}

static s3rec_status fail_not_a_run(const char *path, const char *reason) {
  return s3_fail(S3REC_ERROR_FORMAT, "%s: no state of a run: %s", path, reason);
}

static s3rec_status fail_other_run(const char *path, const char *what) {
  return s3_fail(S3REC_ERROR_MISMATCH, "%s: the run was saved with another %s than this one's",
                 path, what);
}

/* Puts the settings together: the file keeps some options with the run, others with the trainer,
 * the sampler or the network. */
static s3rec_status gather_saved_settings(const s3_safetensors *file, saved_run *saved) {
  s3rec_run_options *const o = &saved->settings.options;
  const s3_recipe_stage *values;
  s3rec_model_config config;
  if (!saved->state.has_sampler)
    return fail_not_a_run(saved->path, "it was saved without a sampler");
  S3_TRY(s3_config_from_file(file, NULL, &config));
  *o = saved->run.options;
  o->seed = saved->state.sampler.seed;
  o->hidden_dropout_prob = config.hidden_dropout_prob;
  o->attention_probs_dropout_prob = config.attention_probs_dropout_prob;
  saved->settings.sampler = saved->state.sampler;
  saved->settings.trainer = saved->state.options;
  if (s3_recipe_find(o->recipe, o->stage, &values) != S3REC_OK ||
      s3_run_settings_check(&saved->settings) != S3REC_OK)
    return fail_not_a_run(saved->path, "an option in it is out of range");
  return S3REC_OK;
}

/* Whether best_epoch and `waited` can be true. In fine-tuning every epoch of the selection is
 * measured, so there is a best epoch from the first one on, and `waited` counts the epochs after
 * the best one. */
static bool is_possible_best(const s3_run_position *at, bool finetunes) {
  const int32_t selected = at->refit ? at->selection_epochs : at->epoch - !at->ended;
  const int32_t measured = finetunes ? selected : 0;
  return at->best_epoch >= (measured > 0) && at->best_epoch <= measured &&
         at->waited == measured - at->best_epoch;
}

static bool is_possible_run(const saved_run *saved) {
  const s3_run_position *const at = &saved->run.at;
  const s3_run_settings *const settings = &saved->settings;
  const int32_t epochs = settings->options.epochs;
  return at->epoch >= 1 && at->epoch <= (at->refit ? at->best_epoch : epochs) &&
         (!at->refit || s3_run_refits(settings)) && at->selection_epochs >= 0 &&
         at->selection_epochs <= (at->refit ? epochs : 0) &&
         is_possible_best(at, s3_run_finetunes(settings)) && at->seconds >= 0 &&
         at->step <= saved->run.steps && (!at->ended || at->step == saved->run.steps) &&
         settings->sampler.stage == settings->options.stage &&
         settings->sampler.seed == settings->trainer.seed;
}

/* Reads and checks all but the weights. */
static s3rec_status read_saved_run(const s3rec_context *context, const s3_safetensors *file,
                                   saved_run *saved) {
  S3_TRY(s3_trainer_state_read(context, file, &saved->state));
  if (saved->state.run.begin == NULL)
    return fail_not_a_run(saved->path, "s3rec_trainer_save wrote it");
  S3_TRY(s3_run_entry_read(context, saved->path, saved->state.run, &saved->run));
  S3_TRY(gather_saved_settings(file, saved));
  return is_possible_run(saved) ? S3REC_OK
                                : fail_not_a_run(saved->path, "its numbers contradict each other");
}

/* Reads weights and moments for a run with the same options. The file has the position three
 * times, of the run, the trainer and the sampler; they must agree. */
static s3rec_status read_saved_weights(const s3rec_run *run, const s3_safetensors *file,
                                       saved_run *saved) {
  const s3_parameter_table *const table = &run->trained->table;
  const s3_run_position *const at = &saved->run.at;
  if (saved->run.negatives != negatives_hash(run))
    return fail_other_run(saved->path, "dataset's negatives");
  if (at->refit) {
    const s3rec_sampler_options sampling = s3_run_sampling(&run->settings, true);
    S3_TRY(s3_sampler_create(run->dataset, &sampling, &saved->sampler));
  }
  const s3rec_sampler *const sampler = at->refit ? saved->sampler : run->sampler;
  S3_TRY(s3_trainer_state_fill(file, run->trainer, sampler, &saved->state));
  const s3rec_trainer_options training = s3_run_training(&run->settings, sampler->step_count);
  const char *const field = s3_trainer_options_difference(&training, &saved->state.options);
  if (field != NULL) return fail_other_run(saved->path, field);
  const uint64_t steps = sampler->step_count;
  const uint64_t done = ((uint64_t)at->epoch - 1) * steps + at->step;
  if (saved->run.steps != steps || saved->state.step != done ||
      saved->state.sampler_epoch != done / steps || saved->state.sampler_step != done % steps)
    return fail_not_a_run(saved->path, "its steps contradict each other");
  if (at->best_epoch == 0) return S3REC_OK;
  S3_TRY(s3_block_check(file, table, S3_STATE_BEST_PREFIX));
  saved->best = s3_allocate(run->context, table->float_count, sizeof *saved->best);
  if (saved->best == NULL) return S3REC_ERROR_MEMORY;
  return s3_block_from_file(file, table, S3_STATE_BEST_PREFIX, saved->best);
}

/* Moves what was read into the run. What the run had before goes to `saved` and is freed with
 * it. */
static s3rec_status install_saved_run(s3rec_run *run, saved_run *saved) {
  s3rec_sampler *const sampler = saved->sampler != NULL ? saved->sampler : run->sampler;
  S3_TRY(s3_trainer_state_install(&saved->state, run->trainer, sampler));
  if (saved->sampler != NULL) {
    saved->sampler = run->sampler;
    run->sampler = sampler;
  }
  if (saved->best != NULL) {
    float *const best = run->best;
    run->best = saved->best;
    saved->best = best;
  }
  run->at = saved->run.at;
  return S3REC_OK;
}

static s3rec_status load_saved_run(s3rec_run *run, const s3_safetensors *file, saved_run *saved) {
  S3_TRY(read_saved_run(run->context, file, saved));
  S3_TRY(s3_run_entry_compare(saved->path, &saved->run.options, &run->settings.options));
  if (saved->run.first_weights != run->first_weights)
    return fail_other_run(saved->path, "model's weights");
  S3_TRY(read_saved_weights(run, file, saved));
  return install_saved_run(run, saved);
}

s3rec_status s3_run_load(s3rec_run *run, const char *path) {
  if (run->trainer->step > 0 || run->at.refit)
    return s3_fail(S3REC_ERROR_STATE, "the run has begun: load into a new one");
  s3_safetensors *file;
  saved_run saved = {.path = path};
  S3_TRY(s3_safetensors_open(run->context, path, &file));
  const s3rec_status status = load_saved_run(run, file, &saved);
  s3_safetensors_close(file);
  saved_run_free(run->context, &saved);
  return status;
}

/* Changes the number of epochs, unless `epochs` is 0. Two kinds of run cannot get another
 * number: one with a cosine schedule, whose learning rate is 0 after the last epoch, and one in
 * its refit, whose length is already chosen. */
static s3rec_status change_saved_epochs(saved_run *saved, int32_t epochs) {
  s3rec_run_options *const o = &saved->settings.options;
  if (epochs == 0 || epochs == o->epochs) return S3REC_OK;
  if (epochs < saved->run.at.epoch)
    return s3_fail(S3REC_ERROR_ARGUMENT, "epochs is %d, but %s is in epoch %d", (int)epochs,
                   saved->path, (int)saved->run.at.epoch);
  if (o->schedule == S3REC_SCHEDULE_COSINE)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "epochs is %d, but the learning rate of %s falls to 0 over %d epochs",
                   (int)epochs, saved->path, (int)o->epochs);
  if (saved->run.at.refit)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "epochs is %d, but %s is in its refit: its best epoch is already "
                   "chosen among %d",
                   (int)epochs, saved->path, (int)o->epochs);
  o->epochs = epochs;
  return S3REC_OK;
}

/* Gives the model that the run starts from: `given`, or the model in the file where that is
 * enough. The caller releases it. */
static s3rec_status get_first_model(s3rec_model *given, s3rec_context *context,
                                    const saved_run *saved, s3rec_model **model) {
  const bool refit_ahead = s3_run_refits(&saved->settings) && !saved->run.at.refit;
  if (given == NULL && refit_ahead)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_run_resume: model must not be NULL: the refit ahead of %s starts from "
                   "the weights that the run began with", saved->path);
  if (given == NULL) return s3_model_load(context, saved->path, NULL, model);
  if (refit_ahead && s3_weights_hash(&given->table, given->weights) != saved->run.first_weights)
    return fail_other_run(saved->path, "model's weights");
  *model = s3_model_retain(given);
  return S3REC_OK;
}

static s3rec_status resume_saved_run(s3rec_model *given, s3rec_dataset *dataset,
                                     const s3_safetensors *file, int32_t epochs, saved_run *saved,
                                     s3rec_run **run) {
  s3rec_context *const context = dataset->context;
  s3rec_model *model;
  s3rec_run *made;
  S3_TRY(read_saved_run(context, file, saved));
  S3_TRY(change_saved_epochs(saved, epochs));
  S3_TRY(get_first_model(given, context, saved, &model));
  s3rec_status status = s3_run_create(model, dataset, &saved->settings, &made);
  s3_model_release(model);
  S3_TRY(status);
  made->first_weights = saved->run.first_weights;
  status = read_saved_weights(made, file, saved);
  if (status == S3REC_OK) status = install_saved_run(made, saved);
  if (status == S3REC_OK)
    *run = made;
  else
    s3_run_destroy(made);
  return status;
}

s3rec_status s3_run_resume(s3rec_model *model, s3rec_dataset *dataset, const char *path,
                           int32_t epochs, s3rec_run **run) {
  s3_safetensors *file;
  saved_run saved = {.path = path};
  S3_TRY(s3_safetensors_open(dataset->context, path, &file));
  const s3rec_status status = resume_saved_run(model, dataset, file, epochs, &saved, run);
  s3_safetensors_close(file);
  saved_run_free(dataset->context, &saved);
  return status;
}

/* The public struct and all that it points to, in one allocation except for the note. */
typedef struct run_state {
  s3rec_run_state shown; /* first: its address is that of the whole */
  s3rec_context *context;
  s3rec_run_options options;
  s3rec_sampler_options sampler;
  s3rec_trainer_options trainer;
  s3rec_run_progress progress;
  char *note;
} run_state;

static run_state *make_run_state(s3rec_context *context, saved_run *saved) {
  run_state *const state = s3_allocate(context, 1, sizeof *state);
  if (state == NULL) return NULL;
  const s3_run_position *const at = &saved->run.at;
  state->context = s3_context_retain(context);
  state->options = saved->settings.options;
  state->sampler = saved->settings.sampler;
  state->trainer = saved->settings.trainer;
  state->options.sampler = &state->sampler;
  state->options.trainer = &state->trainer;
  if (!state->options.own_schedule) state->trainer.warmup_steps = state->trainer.decay_steps = 0;
  state->progress = s3_run_describe(&saved->settings, at, saved->run.steps,
                                    at->ended ? S3REC_RUN_EPOCH : S3REC_RUN_STEP);
  state->note = saved->state.note;
  saved->state.note = NULL;
  state->shown = (s3rec_run_state){.struct_size = sizeof state->shown,
                                   .options = &state->options,
                                   .progress = &state->progress,
                                   .note = state->note,
                                   .model_fingerprint = saved->run.first_weights};
  return state;
}

s3rec_status s3_run_state_read(s3rec_context *context, const char *path, s3rec_run_state **state) {
  s3_safetensors *file;
  saved_run saved = {.path = path};
  S3_TRY(s3_safetensors_open(context, path, &file));
  s3rec_status status = read_saved_run(context, file, &saved);
  s3_safetensors_close(file);
  if (status == S3REC_OK) {
    run_state *const shown = make_run_state(context, &saved);
    if (shown != NULL)
      *state = &shown->shown;
    else
      status = S3REC_ERROR_MEMORY;
  }
  saved_run_free(context, &saved);
  return status;
}

void s3_run_state_destroy(s3rec_run_state *state) {
  run_state *const whole = (run_state *)(void *)state;
  s3rec_context *const context = whole->context;
  s3_free(context, whole->note);
  s3_free(context, whole);
  s3_context_release(context);
}
