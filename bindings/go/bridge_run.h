/* SPDX-License-Identifier: Apache-2.0 */
/* What Go calls of runs; see bridge.h. */
#ifndef S3GO_BRIDGE_RUN_H
#define S3GO_BRIDGE_RUN_H

#include "bridge_train.h"

/* Numbers of 0 and NULL keep the defaults, held_out_count and dropouts of -1. */
static inline s3go_result s3go_run_create(s3rec_model *model, s3rec_dataset *dataset,
                                          int32_t stage, int32_t recipe, uint64_t seed,
                                          int32_t epochs, int32_t patience,
                                          int32_t held_out_count, int32_t protocol,
                                          double hidden_dropout, double attention_dropout,
                                          const s3rec_sampler_options *sampler,
                                          const s3rec_trainer_options *trainer) {
  s3rec_run_options options;
  s3rec_run *run = NULL;
  s3rec_run_options_init(&options, (s3rec_stage)stage);
  if (recipe != 0) options.recipe = (s3rec_recipe)recipe;
  options.seed = seed;
  options.epochs = epochs;
  options.patience = patience;
  options.held_out_count = held_out_count;
  if (protocol != 0) options.protocol = (s3rec_protocol)protocol;
  options.hidden_dropout_prob = hidden_dropout;
  options.attention_probs_dropout_prob = attention_dropout;
  options.sampler = sampler;
  options.trainer = trainer;
  options.own_schedule = trainer != NULL && trainer->warmup_steps + trainer->decay_steps > 0;
  const s3rec_status status = s3rec_run_create(model, dataset, &options, &run);
  return s3go_done(status, run, 0);
}

static inline s3go_result s3go_run_step(s3rec_run *run, s3rec_run_progress *progress) {
  s3rec_run_progress_init(progress);
  return s3go_done(s3rec_run_step(run, progress), NULL, 0);
}

static inline s3go_result s3go_run_valid_metrics(const s3rec_run *run, s3rec_metrics *metrics) {
  s3rec_metrics_init(metrics);
  return s3go_done(s3rec_run_valid_metrics(run, metrics), NULL, 0);
}

static inline s3go_result s3go_run_save(const s3rec_run *run, const char *path) {
  return s3go_done(s3rec_run_save(run, path), NULL, 0);
}

static inline s3go_result s3go_run_load(s3rec_run *run, const char *path) {
  return s3go_done(s3rec_run_load(run, path), NULL, 0);
}

#endif
