/* SPDX-License-Identifier: Apache-2.0 */
/* From data to recommendations: pretrains and fine-tunes with the best known recipe, measures and
 * saves the model, and recommends items to the first user. Each stage is a run that is stepped.
 *
 * usage: 05_run SEQUENCES ATTRIBUTES MODEL */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "s3rec/s3rec.h"

enum { PRETRAIN_EPOCHS = 2, FINETUNE_EPOCHS = 4, WANTED = 5 }; /* few; 0: as in the recipe */

static s3rec_status make_model(const s3rec_dataset *dataset, s3rec_model **model) {
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  config.hidden_size = 32;
  config.num_hidden_layers = 1;
  return s3rec_model_create_for(dataset, &config, 42, model);
}

static void print_epoch(s3rec_stage stage, const s3rec_run_progress *at) {
  const char *const phase = stage == S3REC_STAGE_PRETRAIN ? "pretraining"
                            : at->refit                   ? "refit"
                                                          : "fine-tuning";
  printf("%s, epoch %" PRId32 ": loss %.6f", phase, at->epoch, at->loss);
  if (stage == S3REC_STAGE_FINETUNE && !at->refit) printf(", valid NDCG@20 %.6f", at->valid_value);
  printf("\n");
}

/* The result of the stage replaces the model. Between two steps a host can show the progress, save
 * the run (s3rec_run_save) or stop it. */
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
    if (status == S3REC_OK && at.event == S3REC_RUN_EPOCH) print_epoch(stage, &at);
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
    printf("test: HR@10 %.6f, NDCG@10 %.6f, MRR %.6f\n", metrics.hit_rate[2], metrics.ndcg[1],
           metrics.mrr);
  return status;
}

static s3rec_status recommend(s3rec_model *model, const s3rec_dataset *dataset, size_t user) {
  const int32_t *history;
  int32_t ids[WANTED];
  float scores[WANTED];
  size_t count, found = 0;
  s3rec_scorer *scorer = NULL;
  s3rec_status status = s3rec_dataset_user_items(dataset, user, &history, &count);
  if (status == S3REC_OK) status = s3rec_scorer_create(model, &scorer);
  if (status == S3REC_OK)
    status = s3rec_score_next(scorer, history, count, NULL, WANTED, ids, scores, &found);
  s3rec_scorer_destroy(scorer);
  for (size_t i = 0; i < found; i++) printf("%" PRId32 " %.6f\n", ids[i], (double)scores[i]);
  return status;
}

int main(int count, char **arguments) {
  if (count != 4) {
    fprintf(stderr, "usage: %s SEQUENCES ATTRIBUTES MODEL\n", arguments[0]);
    return EXIT_FAILURE;
  }
  s3rec_context *context = NULL;
  s3rec_dataset *dataset = NULL;
  s3rec_model *model = NULL;
  s3rec_status status = s3rec_context_create(NULL, &context);
  if (status == S3REC_OK)
    status = s3rec_dataset_load(context, arguments[1], arguments[2], NULL, &dataset);
  if (status == S3REC_OK) status = make_model(dataset, &model);
  if (status == S3REC_OK) status = train(&model, dataset, S3REC_STAGE_PRETRAIN, PRETRAIN_EPOCHS);
  if (status == S3REC_OK) status = train(&model, dataset, S3REC_STAGE_FINETUNE, FINETUNE_EPOCHS);
  if (status == S3REC_OK) status = measure(model, dataset);
  if (status == S3REC_OK) status = s3rec_model_save(model, arguments[3]);
  if (status == S3REC_OK) status = recommend(model, dataset, 0);
  if (status != S3REC_OK)
    fprintf(stderr, "%s: %s\n", s3rec_status_name(status), s3rec_last_error());
  s3rec_model_destroy(model);
  s3rec_dataset_destroy(dataset);
  s3rec_context_destroy(context);
  return status == S3REC_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
