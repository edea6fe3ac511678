/* SPDX-License-Identifier: Apache-2.0 */
/* Pretrains a small model on the files of one data set.
 *
 * usage: 02_pretrain SEQUENCES ATTRIBUTES MODEL */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "s3rec/s3rec.h"

enum { EPOCHS = 2 };

/* Everything the run needs; NULL until it is made. */
typedef struct run {
  s3rec_context *context;
  s3rec_dataset *dataset;
  s3rec_model *model;
  s3rec_trainer *trainer;
  s3rec_sampler *sampler;
  s3rec_batch *batch;
} run;

static s3rec_status open_run(run *r, const char *sequences, const char *attributes) {
  s3rec_context_options context_options;
  s3rec_context_options_init(&context_options);
  context_options.thread_count = 2; /* the result is the same with any number */
  s3rec_status status = s3rec_context_create(&context_options, &r->context);
  if (status != S3REC_OK) return status;

  status = s3rec_dataset_load(r->context, sequences, attributes, NULL, &r->dataset);
  if (status != S3REC_OK) return status;

  /* The data says how many items and attributes there are. */
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  config.hidden_size = 32;
  config.num_hidden_layers = 1;
  status = s3rec_model_create_for(r->dataset, &config, 42, &r->model);
  if (status != S3REC_OK) return status;

  status = s3rec_trainer_create(r->model, NULL, &r->trainer);
  if (status != S3REC_OK) return status;

  s3rec_sampler_options sampler_options;
  s3rec_sampler_options_init(&sampler_options, S3REC_STAGE_PRETRAIN);
  status = s3rec_sampler_create(r->dataset, &sampler_options, &r->sampler);
  if (status != S3REC_OK) return status;
  return s3rec_batch_create(r->context, &r->batch);
}

static s3rec_status train(run *r, const char *path) {
  size_t instances, steps;
  s3rec_status status = s3rec_sampler_epoch_size(r->sampler, &instances, &steps);
  for (int epoch = 0; epoch < EPOCHS && status == S3REC_OK; epoch++) {
    double sum = 0;
    for (size_t step = 0; step < steps && status == S3REC_OK; step++) {
      s3rec_losses losses;
      s3rec_losses_init(&losses);
      status = s3rec_sampler_next(r->sampler, r->batch);
      if (status == S3REC_OK) status = s3rec_pretrain_step(r->trainer, r->batch, &losses);
      sum += losses.total;
    }
    if (status == S3REC_OK) printf("epoch %d: loss %.3f\n", epoch + 1, sum / (double)instances);
  }
  return status == S3REC_OK ? s3rec_model_save(r->model, path) : status;
}

int main(int count, char **arguments) {
  if (count != 4) {
    fprintf(stderr, "usage: %s SEQUENCES ATTRIBUTES MODEL\n", arguments[0]);
    return EXIT_FAILURE;
  }
  run r = {0};
  s3rec_status status = open_run(&r, arguments[1], arguments[2]);
  if (status == S3REC_OK) status = train(&r, arguments[3]);
  if (status != S3REC_OK)
    fprintf(stderr, "%s: %s\n", s3rec_status_name(status), s3rec_last_error());

  /* Any order works, and NULL is allowed. */
  s3rec_batch_destroy(r.batch);
  s3rec_sampler_destroy(r.sampler);
  s3rec_trainer_destroy(r.trainer);
  s3rec_model_destroy(r.model);
  s3rec_dataset_destroy(r.dataset);
  s3rec_context_destroy(r.context);
  return status == S3REC_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
