/* SPDX-License-Identifier: Apache-2.0 */
/* The whole way in C: an event log and a table of items with text ids, pretraining, fine-tuning,
 * evaluation, recommendations by name. end_to_end.cpp, end_to_end.py and go/end_to_end do the same
 * and print the same, digit by digit.
 *
 * usage: end_to_end EVENTS ITEMS MODEL USER... */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s3rec/s3rec.h"

enum { PRETRAIN_EPOCHS = 2, FINETUNE_EPOCHS = 3, WANTED = 5 }; /* few; 0: as in the recipe */

static s3rec_status load_data(s3rec_context *context, const char *log, const char *items,
                              s3rec_dataset **dataset) {
  s3rec_events *events = NULL;
  s3rec_events_options options;
  s3rec_events_options_init(&options);
  options.min_user_events = options.min_item_events = 5; /* the 5-core */
  s3rec_events_report report;
  s3rec_events_report_init(&report);
  s3rec_status status = s3rec_events_create(context, &events);
  if (status == S3REC_OK) status = s3rec_events_read(events, log, NULL, NULL);
  if (status == S3REC_OK) status = s3rec_events_read_attributes(events, items, NULL, NULL);
  if (status == S3REC_OK) status = s3rec_events_dataset(events, &options, dataset, &report);
  s3rec_events_destroy(events);
  if (status == S3REC_OK)
    printf("events %zu, kept %zu, items with attributes %zu\n", report.event_count,
           report.kept_count, report.attributed_item_count);
  return status;
}

static s3rec_status make_model(const s3rec_dataset *dataset, s3rec_model **model) {
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  config.max_seq_length = 20;
  config.hidden_size = 32;
  config.num_hidden_layers = 1;
  return s3rec_model_create_for(dataset, &config, 42, model);
}

/* The result of the stage replaces the model. */
static s3rec_status train(s3rec_model **model, s3rec_dataset *dataset, s3rec_stage stage,
                          int32_t epochs) {
  s3rec_run_options options;
  s3rec_run_options_init(&options, stage);
  options.epochs = epochs;
  s3rec_run *run = NULL;
  s3rec_run_progress at;
  s3rec_run_progress_init(&at);
  s3rec_status status = s3rec_run_create(*model, dataset, &options, &run);
  while (status == S3REC_OK && at.event != S3REC_RUN_DONE) {
    status = s3rec_run_step(run, &at);
    if (status == S3REC_OK && at.event == S3REC_RUN_EPOCH)
      printf("%s %" PRId32 ": loss %.17g, valid %.17g\n",
             stage == S3REC_STAGE_PRETRAIN ? "pretrain"
             : at.refit                    ? "refit"
                                           : "finetune",
             at.epoch, at.loss, at.valid_value);
  }
  s3rec_model *result = NULL;
  if (status == S3REC_OK) status = s3rec_run_finish(run, &result);
  s3rec_run_destroy(run);
  if (status != S3REC_OK) return status;
  s3rec_model_destroy(*model);
  *model = result;
  return S3REC_OK;
}

static s3rec_status measure(s3rec_model *model, const s3rec_dataset *dataset) {
  s3rec_metrics metrics;
  s3rec_metrics_init(&metrics);
  const s3rec_status status = s3rec_evaluate(model, dataset, NULL, &metrics, NULL);
  if (status == S3REC_OK)
    printf("test, %zu users: HR@10 %.17g, NDCG@10 %.17g, MRR %.17g\n", metrics.user_count,
           metrics.hit_rate[2], metrics.ndcg[1], metrics.mrr);
  return status;
}

static s3rec_status recommend(s3rec_scorer *scorer, const s3rec_dataset *dataset,
                              const s3rec_vocabulary *users, const s3rec_vocabulary *items,
                              const char *user) {
  int32_t number, ids[WANTED];
  float scores[WANTED];
  const int32_t *history;
  size_t length, count = 0;
  s3rec_status status = s3rec_vocabulary_find(users, user, strlen(user), &number);
  if (status == S3REC_OK)
    status = s3rec_dataset_user_items(dataset, (size_t)number, &history, &length);
  if (status == S3REC_OK)
    status = s3rec_score_next(scorer, history, length, NULL, WANTED, ids, scores, &count);
  for (size_t i = 0; i < count && status == S3REC_OK; i++) {
    const char *name;
    status = s3rec_vocabulary_name(items, ids[i], &name, NULL);
    if (status == S3REC_OK) printf("%s: %s %.9g\n", user, name, (double)scores[i]);
  }
  return status;
}

/* As in a server: everything comes from the mapped model file, also the names. */
static s3rec_status serve(s3rec_context *context, const s3rec_dataset *dataset, const char *path,
                          int user_count, char **users) {
  s3rec_model *model = NULL;
  s3rec_scorer *scorer = NULL;
  s3rec_vocabulary *user_names = NULL, *item_names = NULL;
  s3rec_status status = s3rec_model_map(context, path, NULL, &model);
  if (status == S3REC_OK) status = s3rec_model_item_names(model, &item_names);
  if (status == S3REC_OK) status = s3rec_dataset_user_names(dataset, &user_names);
  if (status == S3REC_OK) status = s3rec_scorer_create(model, &scorer);
  for (int i = 0; i < user_count && status == S3REC_OK; i++)
    status = recommend(scorer, dataset, user_names, item_names, users[i]);
  s3rec_scorer_destroy(scorer);
  s3rec_vocabulary_destroy(user_names);
  s3rec_vocabulary_destroy(item_names);
  s3rec_model_destroy(model);
  return status;
}

int main(int count, char **arguments) {
  if (count < 5) {
    fprintf(stderr, "usage: %s EVENTS ITEMS MODEL USER...\n", arguments[0]);
    return EXIT_FAILURE;
  }
  s3rec_context *context = NULL;
  s3rec_dataset *dataset = NULL;
  s3rec_model *model = NULL;
  s3rec_status status = s3rec_context_create(NULL, &context);
  if (status == S3REC_OK) status = load_data(context, arguments[1], arguments[2], &dataset);
  if (status == S3REC_OK) status = make_model(dataset, &model);
  if (status == S3REC_OK) status = train(&model, dataset, S3REC_STAGE_PRETRAIN, PRETRAIN_EPOCHS);
  if (status == S3REC_OK) status = train(&model, dataset, S3REC_STAGE_FINETUNE, FINETUNE_EPOCHS);
  if (status == S3REC_OK) status = measure(model, dataset);
  if (status == S3REC_OK) status = s3rec_model_save(model, arguments[3]);
  if (status == S3REC_OK) status = serve(context, dataset, arguments[3], count - 4, arguments + 4);
  if (status != S3REC_OK)
    fprintf(stderr, "%s: %s\n", s3rec_status_name(status), s3rec_last_error());
  s3rec_model_destroy(model);
  s3rec_dataset_destroy(dataset);
  s3rec_context_destroy(context);
  return status == S3REC_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
