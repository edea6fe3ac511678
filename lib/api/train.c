/* SPDX-License-Identifier: Apache-2.0 */
/* The front door to training: the calls of the workshop, one after the other. */
#include "s3rec/train.h"

#include <math.h>
#include <stdbool.h>

#include "base/options.h"
#include "data/dataset.h"
#include "model/model.h"
#include "run/run.h"
#include "s3rec/events.h"

/* Everything under way; `options` is the caller's, completed. */
typedef struct training {
  s3rec_train_options options;
  s3rec_context *context;
  s3rec_dataset *dataset;
  s3rec_model *model; /* of what was done so far */
  bool stopped;       /* the caller's function said so */
} training;

void s3rec_train_options_init(s3rec_train_options *options) {
  *options = (s3rec_train_options){.struct_size = sizeof *options,
                                   .recipe = S3REC_RECIPE_BEST,
                                   .seed = 42,
                                   .pretrain_epochs = -1,
                                   .finetune_epochs = -1};
}

static s3rec_status check_epochs(const char *field, int32_t epochs, int32_t none) {
  if (epochs >= -1 && epochs != none) return S3REC_OK;
  return s3_fail(S3REC_ERROR_ARGUMENT, "s3rec_train_options.%s is %d, must be -1 or %s", field,
                 (int)epochs, none == 0 ? "1 or more" : "0 or more");
}

static s3rec_status check_train_options(const s3rec_train_options *o) {
  const int sources =
      (o->dataset != NULL) + (o->events_path != NULL) + (o->sequences_path != NULL);
  if (sources != 1)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_train_options: %d of dataset, events_path and sequences_path are set, "
                   "must be one",
                   sources);
  if (o->item_table_path != NULL && o->events_path == NULL)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_train_options.item_table_path belongs to events_path, which is NULL");
  if (o->attributes_path != NULL && o->sequences_path == NULL)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_train_options.attributes_path belongs to sequences_path, which is NULL");
  S3_TRY(check_epochs("pretrain_epochs", o->pretrain_epochs, -2));
  S3_TRY(check_epochs("finetune_epochs", o->finetune_epochs, 0));
  if (o->time_budget >= 0 && isfinite(o->time_budget)) return S3REC_OK;
  return s3_fail(S3REC_ERROR_ARGUMENT,
                 "s3rec_train_options.time_budget is %g, must be 0 or more seconds",
                 o->time_budget);
}

/* Events of a run that starts from a model are numbered as that model does. */
static s3rec_status read_events(training *t, s3rec_events *events) {
  const s3rec_train_options *const o = &t->options;
  s3rec_events_options choice;
  s3rec_events_options_init(&choice);
  if (t->model != NULL) {
    if (t->model->item_names == NULL)
      return s3_fail(S3REC_ERROR_MISMATCH,
                     "%s: the model has no names for its items, which events need", o->start_path);
    choice.item_names = t->model->item_names;
    choice.attribute_names = t->model->attribute_names;
  }
  S3_TRY(s3rec_events_read(events, o->events_path, NULL, NULL));
  if (o->item_table_path != NULL)
    S3_TRY(s3rec_events_read_attributes(events, o->item_table_path, NULL, NULL));
  return s3rec_events_dataset(events, &choice, &t->dataset, NULL);
}

static s3rec_status open_data(training *t) {
  const s3rec_train_options *const o = &t->options;
  if (o->dataset != NULL) {
    t->dataset = s3_dataset_retain(o->dataset);
    return S3REC_OK;
  }
  if (o->sequences_path != NULL)
    return s3rec_dataset_load(t->context, o->sequences_path, o->attributes_path, NULL,
                              &t->dataset);
  s3rec_events *events = NULL;
  S3_TRY(s3rec_events_create(t->context, &events));
  const s3rec_status status = read_events(t, events);
  s3rec_events_destroy(events);
  return status;
}

static s3rec_status make_fresh_model(training *t) {
  S3_TRY(s3rec_model_create_for(t->dataset, NULL, t->options.seed, &t->model));
  /* For a training that ends before it has a result, which would bring its own. */
  return s3rec_model_count_popularity(t->model, t->dataset, 2);
}

/* Steps to the end, or until the caller has enough. `at` is where that was. */
static s3rec_status step_through(training *t, s3rec_run *run, s3rec_run_progress *at) {
  const s3rec_train_options *const o = &t->options;
  while (!t->stopped) {
    S3_TRY(s3rec_run_step(run, at));
    if (at->event == S3REC_RUN_DONE) break;
    t->stopped = o->progress != NULL && o->progress(at, o->user_data) != 0;
  }
  return S3REC_OK;
}

/* The model becomes the stage's result; it stays what it is when fine-tuning was stopped before
 * there was any. `epochs`: 0 the recipe's; `budget`: seconds, 0 none. */
static s3rec_status train_stage(training *t, s3rec_stage stage, int32_t epochs, double budget) {
  s3rec_run_options options;
  s3rec_run_options_init(&options, stage);
  options.recipe = t->options.recipe;
  options.seed = t->options.seed;
  options.epochs = epochs;
  options.time_budget = budget;
  s3rec_run *run = NULL;
  s3rec_model *result = NULL;
  s3rec_run_progress at;
  s3rec_run_progress_init(&at);
  S3_TRY(s3rec_run_create(t->model, t->dataset, &options, &run));
  s3rec_status status = step_through(t, run, &at);
  const bool any = stage == S3REC_STAGE_PRETRAIN || at.best_epoch > 0;
  if (status == S3REC_OK && any) status = s3rec_run_finish(run, &result);
  s3rec_run_destroy(run);
  if (status != S3REC_OK || !any) return status;
  s3rec_model_destroy(t->model);
  t->model = result;
  return S3REC_OK;
}

/* What the recipe has where items have attributes and no model to start from was given. */
static int32_t pretraining_epochs(const training *t) {
  const s3rec_train_options *const o = &t->options;
  const bool worth_it = o->start_path == NULL && t->dataset->attributes.row_count > 0;
  return o->pretrain_epochs >= 0 ? o->pretrain_epochs : worth_it ? -1 : 0;
}

/* Pretraining may take half of the time, fine-tuning the rest. */
static s3rec_status train_stages(training *t) {
  const s3rec_train_options *const o = &t->options;
  const uint64_t begun = s3_nanoseconds();
  const double budget = o->time_budget;
  const int32_t epochs = pretraining_epochs(t);
  if (epochs != 0)
    S3_TRY(train_stage(t, S3REC_STAGE_PRETRAIN, epochs < 0 ? 0 : epochs, budget / 2));
  if (t->stopped) return S3REC_OK;
  const double left = budget - s3_seconds_since(begun);
  return train_stage(t, S3REC_STAGE_FINETUNE, o->finetune_epochs < 0 ? 0 : o->finetune_epochs,
                     budget == 0 ? 0 : left > 1e-9 ? left : 1e-9);
}

static s3rec_status run_training(training *t, s3rec_metrics *metrics) {
  const s3rec_train_options *const o = &t->options;
  if (o->start_path != NULL) S3_TRY(s3rec_model_load(t->context, o->start_path, NULL, &t->model));
  S3_TRY(open_data(t));
  if (t->model == NULL) S3_TRY(make_fresh_model(t));
  S3_TRY(train_stages(t));
  return metrics == NULL ? S3REC_OK : s3rec_evaluate(t->model, t->dataset, NULL, metrics, NULL);
}

s3rec_status s3rec_train(const s3rec_train_options *options, s3rec_model **model,
                         s3rec_metrics *metrics) {
  S3_REQUIRE(options);
  S3_REQUIRE(model);
  training t = {0};
  s3rec_train_options_init(&t.options);
  S3_TRY(s3_options_copy(&t.options, sizeof t.options, options,
                         S3_SIZE_UNTIL(s3rec_train_options, user_data), "s3rec_train_options"));
  if (metrics != NULL)
    S3_TRY(s3_output_check(metrics, S3_SIZE_UNTIL(s3rec_metrics, mrr), "s3rec_metrics"));
  S3_TRY(check_train_options(&t.options));
  if (t.options.context != NULL)
    t.context = s3_context_retain(t.options.context);
  else if (t.options.dataset != NULL)
    t.context = s3_context_retain(t.options.dataset->context);
  else
    S3_TRY(s3rec_context_create(NULL, &t.context));
  const s3rec_status status = run_training(&t, metrics);
  if (status == S3REC_OK)
    *model = t.model;
  else
    s3rec_model_destroy(t.model);
  s3rec_dataset_destroy(t.dataset);
  s3rec_context_destroy(t.context);
  return status;
}
