/* SPDX-License-Identifier: Apache-2.0 */
#include "run/run.h"

#include <string.h>

#include "base/error.h"
#include "data/dataset.h"
#include "model/popularity.h"
#include "model/weights_hash.h"
#include "scoring/evaluate.h"
#include "scoring/popularity.h"

static size_t weight_bytes(const s3rec_model *model) {
  return model->table.float_count * sizeof *model->weights;
}

/* Makes a model with the names of the run's first model. It has a copy of `weights`, or no weights
 * where that is NULL. */
static s3rec_status make_run_model(const s3rec_run *run, const s3rec_model_config *config,
                                   const float *weights, s3rec_model **made) {
  s3rec_model *model;
  S3_TRY(s3_model_prepare(run->context, config, &model));
  model->item_names = s3_vocabulary_retain(run->model->item_names);
  model->attribute_names = s3_vocabulary_retain(run->model->attribute_names);
  const s3rec_status status = weights == NULL ? S3REC_OK : s3_model_allocate_weights(model);
  if (status != S3REC_OK) {
    s3_model_release(model);
    return status;
  }
  if (weights != NULL) memcpy(model->weights, weights, weight_bytes(model));
  *made = model;
  return S3REC_OK;
}

/* Copies the run's first model; the copy has the dropouts of the run's options. */
static s3rec_status copy_first_model(const s3rec_run *run, s3rec_model **copy) {
  s3rec_model_config config = run->model->config;
  config.hidden_dropout_prob = run->settings.options.hidden_dropout_prob;
  config.attention_probs_dropout_prob = run->settings.options.attention_probs_dropout_prob;
  S3_TRY(s3_config_check(&config));
  return make_run_model(run, &config, run->model->weights, copy);
}

/* Replaces the first model by one without weights: only a refit needs the first weights again. */
static s3rec_status forget_first_weights(s3rec_run *run) {
  s3rec_model *rest;
  S3_TRY(make_run_model(run, &run->model->config, NULL, &rest));
  s3_model_release(run->model);
  run->model = rest;
  return S3REC_OK;
}

static s3rec_status prepare_run(s3rec_run *run) {
  const s3rec_sampler_options sampling = s3_run_sampling(&run->settings, false);
  S3_TRY(s3_sampler_create(run->dataset, &sampling, &run->sampler));
  const s3rec_trainer_options training =
      s3_run_training(&run->settings, run->sampler->step_count);
  S3_TRY(copy_first_model(run, &run->trained));
  S3_TRY(s3_model_copy_popularity(run->model, run->trained)); /* a state has the first model's */
  S3_TRY(s3_trainer_create(run->trained, &training, &run->trainer));
  S3_TRY(s3_batch_create(run->context, &run->batch));
  if (!s3_run_finetunes(&run->settings)) return S3REC_OK;
  S3_TRY(copy_first_model(run, &run->measured));
  run->best = s3_allocate_unset(run->context, run->model->table.float_count, sizeof *run->best);
  return run->best == NULL ? S3REC_ERROR_MEMORY : S3REC_OK;
}

s3rec_status s3_run_create(s3rec_model *model, s3rec_dataset *dataset,
                           const s3_run_settings *settings, s3rec_run **run) {
  S3_TRY(s3_run_check_data(model, dataset, &settings->options));
  s3rec_run *const made = s3_allocate(model->context, 1, sizeof *made);
  if (made == NULL) return S3REC_ERROR_MEMORY;
  made->context = s3_context_retain(model->context);
  made->model = s3_model_retain(model);
  made->dataset = s3_dataset_retain(dataset);
  made->settings = *settings;
  made->settings.sampler.max_seq_length = model->config.max_seq_length;
  made->first_weights = s3_weights_hash(&model->table, model->weights);
  made->at.epoch = 1;
  s3rec_status status = prepare_run(made);
  if (status == S3REC_OK && !s3_run_refits(settings)) status = forget_first_weights(made);
  if (status == S3REC_OK)
    *run = made;
  else
    s3_run_destroy(made);
  return status;
}

void s3_run_destroy(s3rec_run *run) {
  s3rec_context *const context = run->context;
  if (run->batch != NULL) s3_batch_destroy(run->batch);
  if (run->sampler != NULL) s3_sampler_destroy(run->sampler);
  s3_trainer_destroy(run->trainer);
  if (run->trained != NULL) s3_model_release(run->trained);
  if (run->measured != NULL) s3_model_release(run->measured);
  s3_free(context, run->best);
  s3_dataset_release(run->dataset);
  s3_model_release(run->model);
  s3_free(context, run);
  s3_context_release(context);
}

static void add_losses(s3_run_sums *sums, const s3rec_losses *losses) {
  sums->total += losses->total;
  sums->aap += losses->aap;
  sums->mip += losses->mip;
  sums->map += losses->map;
  sums->sp += losses->sp;
  sums->next_item += losses->next_item * (double)losses->target_count;
  sums->sequences += losses->sequence_count;
  sums->targets += losses->target_count;
  sums->tokens += losses->token_count;
}

static s3rec_status make_training_step(s3rec_run *run) {
  s3rec_sampler *const sampler = run->sampler;
  const uint64_t epoch = sampler->epoch;
  const size_t step = sampler->step;
  s3rec_losses losses;
  S3_TRY(s3_sampler_next(sampler, run->batch));
  const s3rec_status status =
      s3_trainer_step(run->trainer, run->settings.options.stage, run->batch, &losses);
  if (status != S3REC_OK) {
    sampler->epoch = epoch;
    sampler->step = step;
    return status;
  }
  add_losses(&run->at.sums, &losses);
  run->at.step++;
  return S3REC_OK;
}

static double metric_value(const s3rec_metrics *metrics, s3rec_metric metric) {
  if (metric == S3REC_METRIC_MRR) return metrics->mrr;
  return metric < S3REC_METRIC_NDCG_5 ? metrics->hit_rate[metric - S3REC_METRIC_HR_1]
                                      : metrics->ndcg[metric - S3REC_METRIC_NDCG_5];
}

static s3rec_status measure_epoch(s3rec_run *run) {
  s3rec_model *const measured = run->measured;
  s3_run_position *const at = &run->at;
  const s3rec_run_options *const options = &run->settings.options;
  const s3rec_evaluate_options how = {.struct_size = sizeof how,
                                      .split = S3REC_SPLIT_VALID,
                                      .protocol = options->protocol,
                                      .seen = options->seen};
  S3_TRY(s3_model_begin_training(measured));
  memcpy(measured->weights, run->trained->weights, weight_bytes(measured));
  s3_model_end_training(measured);
  s3rec_metrics valid = {.struct_size = sizeof valid};
  S3_TRY(s3_evaluate(measured, run->dataset, &how, &valid, NULL));
  at->valid = valid;
  at->value = metric_value(&valid, options->metric);
  at->waited++;
  if (at->best_epoch > 0 && !(at->value > at->best_value)) return S3REC_OK;
  at->best_value = at->value;
  at->best_epoch = at->epoch;
  at->waited = 0;
  memcpy(run->best, measured->weights, weight_bytes(measured));
  return S3REC_OK;
}

static void begin_epoch(s3rec_run *run, int32_t epoch) {
  run->at.epoch = epoch;
  run->at.step = 0;
  run->at.ended = false;
  run->at.sums = (s3_run_sums){0};
}

/* Starts the training again from the first weights, on a sampler that holds out fewer items. */
static s3rec_status begin_refit(s3rec_run *run) {
  const s3rec_model *const model = run->model;
  if (s3_weights_hash(&model->table, model->weights) != run->first_weights)
    return s3_fail(S3REC_ERROR_STATE,
                   "the model's weights were changed during the run, whose refit starts from them");
  const s3rec_sampler_options sampling = s3_run_sampling(&run->settings, true);
  s3rec_sampler *sampler;
  S3_TRY(s3_sampler_create(run->dataset, &sampling, &sampler));
  s3_sampler_destroy(run->sampler);
  run->sampler = sampler;
  const s3rec_trainer_options training = s3_run_training(&run->settings, sampler->step_count);
  memcpy(run->trained->weights, model->weights, weight_bytes(model));
  s3_trainer_restart(run->trainer, &training);
  run->at.refit = true;
  run->at.selection_epochs = run->at.epoch;
  begin_epoch(run, 1);
  return S3REC_OK;
}

static int32_t last_epoch_of_phase(const s3_run_settings *settings, const s3_run_position *at) {
  return at->refit ? at->best_epoch : settings->options.epochs;
}

/* Whether one more epoch, and then the longest possible refit, would exceed the time budget. It
 * assumes that an epoch takes the mean time of the epochs so far. */
static bool is_time_up(const s3_run_settings *settings, const s3_run_position *at) {
  const double budget = settings->options.time_budget;
  if (budget <= 0 || at->refit) return false;
  const double next = at->epoch + 1.0, refit = s3_run_refits(settings) ? next : 0;
  return at->seconds / at->epoch * (next + refit) > budget;
}

/* Whether the epoch that has ended is the last of its phase. */
static bool is_phase_over(const s3_run_settings *settings, const s3_run_position *at) {
  const bool impatient = s3_run_finetunes(settings) && !at->refit &&
                         at->waited >= settings->options.patience;
  return at->ended && (at->epoch >= last_epoch_of_phase(settings, at) || impatient ||
                       is_time_up(settings, at));
}

/* Makes a training step, and after the last step of an epoch measures it. When the measurement
 * fails, the next call repeats only the measurement. */
static s3rec_status advance_epoch(s3rec_run *run, s3rec_run_event *event) {
  s3_run_position *const at = &run->at;
  const size_t steps = run->sampler->step_count;
  if (at->step < steps) S3_TRY(make_training_step(run));
  *event = S3REC_RUN_STEP;
  if (at->step < steps) return S3REC_OK;
  if (s3_run_finetunes(&run->settings) && !at->refit) S3_TRY(measure_epoch(run));
  at->ended = true;
  *event = S3REC_RUN_EPOCH;
  return S3REC_OK;
}

static s3rec_status advance_run(s3rec_run *run, s3rec_run_event *event) {
  s3_run_position *const at = &run->at;
  if (is_phase_over(&run->settings, at)) {
    if (at->refit || !s3_run_refits(&run->settings)) {
      run->done = true;
      return S3REC_OK;
    }
    S3_TRY(begin_refit(run));
  } else if (at->ended) {
    begin_epoch(run, at->epoch + 1);
  }
  if (run->settings.options.time_budget <= 0 || at->refit) return advance_epoch(run, event);
  const uint64_t begun = s3_nanoseconds();
  const s3rec_status status = advance_epoch(run, event);
  at->seconds += s3_seconds_since(begun);
  return status;
}

static double mean_of(double sum, uint64_t count) { return count == 0 ? 0 : sum / (double)count; }

s3rec_run_progress s3_run_describe(const s3_run_settings *settings, const s3_run_position *at,
                                   size_t steps, s3rec_run_event event) {
  const s3_run_sums *const sums = &at->sums;
  return (s3rec_run_progress){
      .struct_size = sizeof(s3rec_run_progress),
      .event = event,
      .refit = at->refit,
      .epoch = at->epoch,
      .epochs = last_epoch_of_phase(settings, at),
      .step = at->step,
      .steps = steps,
      .loss = s3_run_finetunes(settings) ? mean_of(sums->next_item, sums->targets)
                                         : mean_of(sums->total, sums->sequences),
      .aap = mean_of(sums->aap, sums->sequences),
      .mip = mean_of(sums->mip, sums->sequences),
      .map = mean_of(sums->map, sums->sequences),
      .sp = mean_of(sums->sp, sums->sequences),
      .sequence_count = (size_t)sums->sequences,
      .target_count = (size_t)sums->targets,
      .valid_value = at->ended && !at->refit ? at->value : 0,
      .best_value = at->best_value,
      .best_epoch = at->best_epoch,
      .last = is_phase_over(settings, at),
      .token_count = (size_t)sums->tokens,
      .selection_epochs = at->refit ? at->selection_epochs : at->epoch - !at->ended,
  };
}

s3rec_status s3_run_step(s3rec_run *run, s3rec_run_progress *progress) {
  s3rec_run_event event = S3REC_RUN_DONE;
  if (!run->done) S3_TRY(advance_run(run, &event));
  *progress = s3_run_describe(&run->settings, &run->at, run->sampler->step_count, event);
  return S3REC_OK;
}

s3rec_status s3_run_finish(const s3rec_run *run, s3rec_model **model) {
  const bool refitted = run->done && run->at.refit;
  const bool final = !s3_run_finetunes(&run->settings) || refitted;
  if (!final && run->at.best_epoch == 0)
    return s3_fail(S3REC_ERROR_STATE, "no epoch of the run has been measured so far: there are no "
                                      "best weights");
  s3rec_model *made;
  const float *const weights = final ? run->trained->weights : run->best;
  S3_TRY(make_run_model(run, &run->model->config, weights, &made));
  const int32_t held_out = refitted ? run->settings.options.held_out_count : 2;
  const s3rec_status status = s3_model_count_popularity(made, run->dataset, (size_t)held_out);
  if (status == S3REC_OK)
    *model = made;
  else
    s3_model_release(made);
  return status;
}

s3rec_status s3_run_ahead(const s3rec_run *run, s3rec_run_estimate *estimate) {
  const s3_run_position *const at = &run->at;
  const s3_run_settings *const settings = &run->settings;
  const s3rec_sampler *const sampler = run->sampler;
  const bool over = is_phase_over(settings, at);
  const uint64_t epochs = over ? 0 : (uint64_t)(last_epoch_of_phase(settings, at) - at->epoch) + 1;
  *estimate = (s3rec_run_estimate){
      .step_count = epochs == 0 ? 0 : epochs * sampler->step_count - at->step,
      .sequence_count = epochs == 0 ? 0 : epochs * sampler->instance_count - at->sums.sequences};
  if (at->refit || !s3_run_refits(settings)) return S3REC_OK;
  const s3rec_sampler_options sampling = s3_run_sampling(settings, true);
  const uint64_t refit_epochs = (uint64_t)(over ? at->best_epoch : settings->options.epochs);
  s3rec_sampler *refit;
  S3_TRY(s3_sampler_create(run->dataset, &sampling, &refit));
  estimate->step_count += refit_epochs * refit->step_count;
  estimate->sequence_count += refit_epochs * refit->instance_count;
  s3_sampler_destroy(refit);
  return S3REC_OK;
}

s3rec_status s3_run_set_note(s3rec_run *run, const char *note) {
  const size_t size = note == NULL ? 0 : strlen(note) + 1;
  char *const copy = size == 0 ? NULL : s3_allocate(run->context, size, 1);
  if (size > 0 && copy == NULL) return S3REC_ERROR_MEMORY;
  if (size > 0) memcpy(copy, note, size);
  s3_free(run->context, run->trainer->note);
  run->trainer->note = copy;
  return S3REC_OK;
}
