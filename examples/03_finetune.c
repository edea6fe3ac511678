/* SPDX-License-Identifier: Apache-2.0 */
/* Fine-tunes a pretrained model with the best known recipe and keeps the epoch that is best on the
 * valid split.
 *
 * usage: 03_finetune SEQUENCES PRETRAINED MODEL */
#include <stdio.h>
#include <stdlib.h>

#include "s3rec/s3rec.h"

enum { MOST_EPOCHS = 4 }; /* fewer than in the recipe, so that the example ends soon */

typedef struct run {
  s3rec_dataset *dataset;
  s3rec_model *model;  /* the one that is trained */
  s3rec_model *best;   /* copy of its best epoch */
  s3rec_model *latest; /* copy to measure: a model with a trainer cannot be scored */
  s3rec_trainer *trainer;
  s3rec_sampler *sampler;
  s3rec_batch *batch;
  size_t steps; /* an epoch */
} run;

/* The recipe sets the loss, the learning rate and its schedule, the batch size and the dropouts. */
static s3rec_status prepare_training(s3rec_context *context, run *r) {
  const s3rec_recipe recipe = S3REC_RECIPE_BEST; /* S3REC_RECIPE_PAPER: the authors' */
  const s3rec_stage stage = S3REC_STAGE_FINETUNE;
  s3rec_recipe_plan plan;
  s3rec_recipe_plan_init(&plan);
  s3rec_status status = s3rec_recipe_plan_get(recipe, stage, &plan);
  if (status == S3REC_OK)
    status = s3rec_model_set_dropouts(r->model, plan.hidden_dropout_prob,
                                      plan.attention_probs_dropout_prob);

  s3rec_sampler_options sampler_options;
  s3rec_sampler_options_init(&sampler_options, stage);
  if (status == S3REC_OK) status = s3rec_recipe_sampler(recipe, &sampler_options);
  if (status == S3REC_OK)
    status = s3rec_sampler_create(r->dataset, &sampler_options, &r->sampler);
  if (status == S3REC_OK) status = s3rec_sampler_epoch_size(r->sampler, NULL, &r->steps);

  s3rec_trainer_options options;
  s3rec_trainer_options_init(&options);
  if (status == S3REC_OK) status = s3rec_recipe_trainer(recipe, stage, r->steps, &options);
  options.decay_steps = MOST_EPOCHS * r->steps; /* the recipe's schedule spans its epochs */
  if (status == S3REC_OK) status = s3rec_trainer_create(r->model, &options, &r->trainer);
  return status == S3REC_OK ? s3rec_batch_create(context, &r->batch) : status;
}

static s3rec_status open_run(s3rec_context *context, char **paths, run *r) {
  s3rec_status status = s3rec_dataset_load(context, paths[0], NULL, NULL, &r->dataset);
  if (status == S3REC_OK) status = s3rec_model_load(context, paths[1], NULL, &r->model);
  if (status == S3REC_OK) status = s3rec_model_clone(r->model, &r->best);
  if (status == S3REC_OK) status = s3rec_model_clone(r->model, &r->latest);
  return status == S3REC_OK ? prepare_training(context, r) : status;
}

static s3rec_status run_epoch(run *r) {
  s3rec_status status = S3REC_OK;
  for (size_t step = 0; step < r->steps && status == S3REC_OK; step++) {
    status = s3rec_sampler_next(r->sampler, r->batch);
    if (status == S3REC_OK) status = s3rec_finetune_step(r->trainer, r->batch, NULL);
  }
  return status;
}

static s3rec_status measure(s3rec_model *model, const run *r, s3rec_split split, double *ndcg) {
  s3rec_evaluate_options options;
  s3rec_evaluate_options_init(&options);
  options.split = split;
  s3rec_metrics metrics;
  s3rec_metrics_init(&metrics);
  const s3rec_status status = s3rec_evaluate(model, r->dataset, &options, &metrics, NULL);
  if (status == S3REC_OK) *ndcg = metrics.ndcg[1]; /* NDCG@10 */
  return status;
}

static s3rec_status train(run *r, const char *path) {
  double best = -1, ndcg = 0;
  s3rec_status status = S3REC_OK;
  for (int epoch = 1; epoch <= MOST_EPOCHS && status == S3REC_OK; epoch++) {
    status = run_epoch(r);
    if (status == S3REC_OK) status = s3rec_model_copy_weights(r->latest, r->model);
    if (status == S3REC_OK) status = measure(r->latest, r, S3REC_SPLIT_VALID, &ndcg);
    if (status != S3REC_OK) return status;
    printf("epoch %d: valid NDCG@10 %.4f\n", epoch, ndcg);
    if (ndcg <= best) continue;
    best = ndcg;
    status = s3rec_model_copy_weights(r->best, r->latest);
  }
  if (status == S3REC_OK) status = measure(r->best, r, S3REC_SPLIT_TEST, &ndcg);
  if (status == S3REC_OK) printf("test NDCG@10 %.4f\n", ndcg);
  return status == S3REC_OK ? s3rec_model_save(r->best, path) : status;
}

int main(int count, char **arguments) {
  if (count != 4) {
    fprintf(stderr, "usage: %s SEQUENCES PRETRAINED MODEL\n", arguments[0]);
    return EXIT_FAILURE;
  }
  s3rec_context *context = NULL;
  run r = {0};
  s3rec_status status = s3rec_context_create(NULL, &context);
  if (status == S3REC_OK) status = open_run(context, arguments + 1, &r);
  if (status == S3REC_OK) status = train(&r, arguments[3]);
  if (status != S3REC_OK)
    fprintf(stderr, "%s: %s\n", s3rec_status_name(status), s3rec_last_error());
  s3rec_batch_destroy(r.batch);
  s3rec_sampler_destroy(r.sampler);
  s3rec_trainer_destroy(r.trainer);
  s3rec_model_destroy(r.latest);
  s3rec_model_destroy(r.best);
  s3rec_model_destroy(r.model);
  s3rec_dataset_destroy(r.dataset);
  s3rec_context_destroy(context);
  return status == S3REC_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
