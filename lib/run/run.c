/* SPDX-License-Identifier: Apache-2.0 */
#include "run/run.h"

#include <string.h>

#include "base/error.h"
#include "data/dataset.h"
#include "model/popularity.h"
#include "model/weights_hash.h"
#include "scoring/evaluate.h"

static size_t weight_bytes(const s3rec_model *model) {
  return model->table.float_count * sizeof *model->weights;
}

/* Of the run's dropouts. */
static s3rec_status copy_model(const s3rec_run *run, s3rec_model **copy) {
  s3rec_model_config config = run->model->config;
  config.hidden_dropout_prob = run->settings.options.hidden_dropout_prob;
  config.attention_probs_dropout_prob = run->settings.options.attention_probs_dropout_prob;
  S3_TRY(s3_config_check(&config));
  S3_TRY(s3_model_allocate(run->context, &config, copy));
  memcpy((*copy)->weights, run->model->weights, weight_bytes(run->model));
  (*copy)->item_names = s3_vocabulary_retain(run->model->item_names);
  (*copy)->attribute_names = s3_vocabulary_retain(run->model->attribute_names);
  return s3_model_copy_popularity(run->model, *copy);
}

static s3rec_status prepare(s3rec_run *run) {
  const s3rec_sampler_options sampling = s3_run_sampling(&run->settings, false);
  S3_TRY(s3_sampler_create(run->dataset, &sampling, &run->sampler));
  const s3rec_trainer_options training =
      s3_run_training(&run->settings, run->sampler->step_count);
  S3_TRY(copy_model(run, &run->trained));
  S3_TRY(s3_trainer_create(run->trained, &training, &run->trainer));
  S3_TRY(s3_batch_create(run->context, &run->batch));
  if (!s3_run_finetunes(run)) return S3REC_OK;
  S3_TRY(copy_model(run, &run->measured));
  if (s3_run_refits(&run->settings)) return S3REC_OK;
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
  const s3rec_status status = prepare(made);
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

static void add(s3_run_sums *sums, const s3rec_losses *losses) {
  sums->total += losses->total;
  sums->aap += losses->aap;
  sums->mip += losses->mip;
  sums->map += losses->map;
  sums->sp += losses->sp;
  sums->next_item += losses->next_item * (double)losses->target_count;
  sums->sequences += losses->sequence_count;
  sums->targets += losses->target_count;
}

static s3rec_status train(s3rec_run *run) {
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
  add(&run->at.sums, &losses);
  run->at.step++;
  return S3REC_OK;
}

static s3rec_status measure(s3rec_run *run) {
  s3rec_model *const measured = run->measured;
  s3_run_position *const at = &run->at;
  const s3rec_protocol protocol = run->settings.options.protocol;
  const s3rec_evaluate_options how = {.struct_size = sizeof how,
                                      .split = S3REC_SPLIT_VALID,
                                      .protocol = protocol,
                                      .seen = S3REC_SEEN_EXCLUDE};
  S3_TRY(s3_model_begin_training(measured));
  memcpy(measured->weights, run->trained->weights, weight_bytes(measured));
  s3_model_end_training(measured);
  s3rec_metrics valid = {.struct_size = sizeof valid};
  S3_TRY(s3_evaluate(measured, run->dataset, &how, &valid, NULL));
  at->valid = valid;
  at->value = protocol == S3REC_PROTOCOL_SAMPLED ? valid.mrr : valid.ndcg[2];
  at->waited++;
  if (at->best_epoch > 0 && !(at->value > at->best_value)) return S3REC_OK;
  at->best_value = at->value;
  at->best_epoch = at->epoch;
  at->waited = 0;
  if (run->best != NULL) memcpy(run->best, measured->weights, weight_bytes(measured));
  return S3REC_OK;
}

static void begin_epoch(s3rec_run *run, int32_t epoch) {
  run->at.epoch = epoch;
  run->at.step = 0;
  run->at.ended = false;
  run->at.sums = (s3_run_sums){0};
}

/* As from the beginning, on more items. */
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
  begin_epoch(run, 1);
  return S3REC_OK;
}

static s3rec_status finish(s3rec_run *run) {
  S3_TRY(s3_model_begin_training(run->model));
  memcpy(run->model->weights, run->best != NULL ? run->best : run->trained->weights,
         weight_bytes(run->model));
  s3_model_end_training(run->model);
  run->done = true;
  return S3REC_OK;
}

static int32_t last_epoch(const s3rec_run *run) {
  return run->at.refit ? run->at.best_epoch : run->settings.options.epochs;
}

static bool phase_over(const s3rec_run *run) {
  const s3_run_position *const at = &run->at;
  const bool impatient = s3_run_finetunes(run) && !at->refit &&
                         at->waited >= run->settings.options.patience;
  return at->ended && (at->epoch >= last_epoch(run) || impatient);
}

/* A failed measurement is made again by the next call: what was trained stays trained. */
static s3rec_status advance(s3rec_run *run, s3rec_run_event *event) {
  s3_run_position *const at = &run->at;
  if (phase_over(run)) {
    if (at->refit || !s3_run_refits(&run->settings)) return finish(run);
    S3_TRY(begin_refit(run));
  } else if (at->ended) {
    begin_epoch(run, at->epoch + 1);
  }
  const size_t steps = run->sampler->step_count;
  if (at->step < steps) S3_TRY(train(run));
  *event = S3REC_RUN_STEP;
  if (at->step < steps) return S3REC_OK;
  if (s3_run_finetunes(run) && !at->refit) S3_TRY(measure(run));
  at->ended = true;
  *event = S3REC_RUN_EPOCH;
  return S3REC_OK;
}

static double mean(double sum, uint64_t count) { return count == 0 ? 0 : sum / (double)count; }

static s3rec_run_progress describe(const s3rec_run *run, s3rec_run_event event) {
  const s3_run_position *const at = &run->at;
  const s3_run_sums *const sums = &at->sums;
  const bool finetunes = s3_run_finetunes(run);
  return (s3rec_run_progress){
      .event = event,
      .refit = at->refit,
      .epoch = at->epoch,
      .epochs = last_epoch(run),
      .step = at->step,
      .steps = run->sampler->step_count,
      .loss = finetunes ? mean(sums->next_item, sums->targets) : mean(sums->total, sums->sequences),
      .aap = mean(sums->aap, sums->sequences),
      .mip = mean(sums->mip, sums->sequences),
      .map = mean(sums->map, sums->sequences),
      .sp = mean(sums->sp, sums->sequences),
      .sequence_count = (size_t)sums->sequences,
      .target_count = (size_t)sums->targets,
      .valid_value = at->ended && !at->refit ? at->value : 0,
      .best_value = at->best_value,
      .best_epoch = at->best_epoch,
  };
}

s3rec_status s3_run_step(s3rec_run *run, s3rec_run_progress *progress) {
  s3rec_run_event event = S3REC_RUN_DONE;
  if (!run->done) S3_TRY(advance(run, &event));
  *progress = describe(run, event);
  return S3REC_OK;
}
