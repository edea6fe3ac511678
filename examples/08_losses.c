/* SPDX-License-Identifier: Apache-2.0 */
/* Shows the progress of pretraining: the four losses of model files on the same masked sequences of
 * a data set, with dropout as in training, and without training.
 *
 * usage: 08_losses SEQUENCES ATTRIBUTES BATCHES MODEL... */
#include <stdio.h>
#include <stdlib.h>

#include "s3rec/s3rec.h"

/* Everything that is needed to measure one model; NULL until it is made. */
typedef struct measurement {
  s3rec_model *model;
  s3rec_trainer *trainer;
  s3rec_sampler *sampler;
  s3rec_batch *batch;
} measurement;

/* Samplers and trainers with the same seed draw the same: every model gets equal batches, and
 * dropout removes the same units. */
static s3rec_status begin(measurement *m, s3rec_context *context, s3rec_dataset *dataset,
                          const char *path) {
  s3rec_status status = s3rec_model_load(context, path, NULL, &m->model);
  if (status == S3REC_OK) status = s3rec_trainer_create(m->model, NULL, &m->trainer);
  s3rec_sampler_options options;
  s3rec_sampler_options_init(&options, S3REC_STAGE_PRETRAIN);
  if (status == S3REC_OK) status = s3rec_sampler_create(dataset, &options, &m->sampler);
  if (status == S3REC_OK) status = s3rec_batch_create(context, &m->batch);
  return status;
}

static s3rec_status measure(measurement *m, long batches, const char *path) {
  double aap = 0, mip = 0, map = 0, sp = 0;
  size_t sequences = 0;
  for (long i = 0; i < batches; i++) {
    s3rec_losses losses;
    s3rec_losses_init(&losses);
    s3rec_status status = s3rec_sampler_next(m->sampler, m->batch);
    if (status == S3REC_OK) status = s3rec_trainer_compute_gradients(m->trainer, m->batch, &losses);
    if (status != S3REC_OK) return status;
    aap += losses.aap;
    mip += losses.mip;
    map += losses.map;
    sp += losses.sp;
    sequences += losses.sequence_count;
  }
  const double n = (double)sequences;
  printf("aap %.4f  mip %.4f  map %.4f  sp %.4f  %s\n", aap / n, mip / n, map / n, sp / n, path);
  return S3REC_OK;
}

static s3rec_status measure_file(s3rec_context *context, s3rec_dataset *dataset, long batches,
                                 const char *path) {
  measurement m = {0};
  s3rec_status status = begin(&m, context, dataset, path);
  if (status == S3REC_OK) status = measure(&m, batches, path);
  s3rec_batch_destroy(m.batch);
  s3rec_sampler_destroy(m.sampler);
  s3rec_trainer_destroy(m.trainer);
  s3rec_model_destroy(m.model);
  return status;
}

int main(int count, char **arguments) {
  const long batches = count > 3 ? strtol(arguments[3], NULL, 10) : 0;
  if (count < 5 || batches < 1) {
    fprintf(stderr, "usage: %s SEQUENCES ATTRIBUTES BATCHES MODEL...\n", arguments[0]);
    return EXIT_FAILURE;
  }
  s3rec_context *context = NULL;
  s3rec_dataset *dataset = NULL;
  s3rec_status status = s3rec_context_create(NULL, &context);
  if (status == S3REC_OK)
    status = s3rec_dataset_load(context, arguments[1], arguments[2], NULL, &dataset);
  for (int i = 4; i < count && status == S3REC_OK; i++)
    status = measure_file(context, dataset, batches, arguments[i]);
  if (status != S3REC_OK)
    fprintf(stderr, "%s: %s\n", s3rec_status_name(status), s3rec_last_error());
  s3rec_dataset_destroy(dataset);
  s3rec_context_destroy(context);
  return status == S3REC_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
