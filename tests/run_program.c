/* SPDX-License-Identifier: Apache-2.0 */
/* A stage of training by s3rec_run from the command line, for tests/cli/cli_run.py, which
 * compares it with the tool. With STOP above 0 the run is saved to OUT.state, destroyed and made
 * again from that every STOP steps. With LEAVE above 0 it ends after so many steps with the state
 * alone. It goes on from the state FROM, if that is not "-".
 *
 * usage: run_program DATA NAME MODEL|- OUT STAGE RECIPE SEED EPOCHS PATIENCE HELD_OUT PROTOCOL
 *                    THREADS STOP FROM|- LEAVE
 * STAGE, RECIPE, HELD_OUT, PROTOCOL: numbers of the API. Prints the options' effect: each
 * epoch's loss and valid value, as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s3rec/s3rec.h"

typedef struct program {
  s3rec_context *context;
  s3rec_dataset *dataset;
  s3rec_model *model;
  s3rec_run_options options;
  char state[512];
  const char *from;
  long stop, leave;
} program;

static s3rec_status open_data(program *p, char **arguments) {
  char sequences[512], attributes[512], negatives[512];
  snprintf(sequences, sizeof sequences, "%s/%s.txt", arguments[1], arguments[2]);
  snprintf(attributes, sizeof attributes, "%s/%s_item2attributes.json", arguments[1], arguments[2]);
  snprintf(negatives, sizeof negatives, "%s/%s_sample.txt", arguments[1], arguments[2]);
  const int sampled = p->options.protocol == S3REC_PROTOCOL_SAMPLED;
  return s3rec_dataset_load(p->context, sequences, attributes, sampled ? negatives : NULL,
                            &p->dataset);
}

/* The network is that of tests/cli/tool.py's SMALL. */
static s3rec_status open_model(program *p, const char *path) {
  if (strcmp(path, "-") != 0) return s3rec_model_load(p->context, path, NULL, &p->model);
  s3rec_model_config config;
  s3rec_dataset_info info;
  s3rec_model_config_init(&config);
  s3rec_dataset_info_init(&info);
  const s3rec_status status = s3rec_dataset_info_get(p->dataset, &info);
  if (status != S3REC_OK) return status;
  config.item_size = info.item_size;
  config.attribute_size = info.attribute_size;
  config.hidden_size = 16;
  config.num_hidden_layers = 1;
  config.num_attention_heads = 2;
  config.max_seq_length = 20;
  return s3rec_model_create(p->context, &config, p->options.seed, &p->model);
}

static s3rec_status restart(const program *p, s3rec_run **run) {
  s3rec_status status = s3rec_run_save(*run, p->state);
  if (status != S3REC_OK) return status;
  s3rec_run_destroy(*run);
  *run = NULL;
  return s3rec_run_resume(p->model, p->dataset, p->state, 0, run);
}

static s3rec_status train(const program *p, s3rec_run **run) {
  s3rec_run_progress at;
  s3rec_run_progress_init(&at);
  s3rec_status status =
      strcmp(p->from, "-") == 0
          ? s3rec_run_create(p->model, p->dataset, &p->options, run)
          : s3rec_run_resume(p->model, p->dataset, p->from, p->options.epochs, run);
  for (long step = 1; status == S3REC_OK; step++) {
    status = s3rec_run_step(*run, &at);
    if (status != S3REC_OK || at.event == S3REC_RUN_DONE) break;
    if (at.event == S3REC_RUN_EPOCH)
      printf("{\"refit\": %d, \"epoch\": %d, \"epochs\": %d, \"loss\": %.17g, \"valid\": %.17g, "
             "\"best_epoch\": %d, \"sequences\": %zu, \"targets\": %zu}\n",
             (int)at.refit, (int)at.epoch, (int)at.epochs, at.loss, at.valid_value,
             (int)at.best_epoch, at.sequence_count, at.target_count);
    if (step == p->leave) return s3rec_run_save(*run, p->state);
    if (p->stop > 0 && step % p->stop == 0) status = restart(p, run);
  }
  return status;
}

int main(int count, char **arguments) {
  if (count != 16) return 2;
  program p = {.stop = strtol(arguments[13], NULL, 10),
               .from = arguments[14],
               .leave = strtol(arguments[15], NULL, 10)};
  s3rec_context_options context_options;
  s3rec_context_options_init(&context_options);
  context_options.thread_count = (int32_t)strtol(arguments[12], NULL, 10);
  s3rec_run_options_init(&p.options, (s3rec_stage)strtol(arguments[5], NULL, 10));
  p.options.recipe = (s3rec_recipe)strtol(arguments[6], NULL, 10);
  p.options.seed = strtoull(arguments[7], NULL, 10);
  p.options.epochs = (int32_t)strtol(arguments[8], NULL, 10);
  p.options.patience = (int32_t)strtol(arguments[9], NULL, 10);
  p.options.held_out_count = (int32_t)strtol(arguments[10], NULL, 10);
  p.options.protocol = (s3rec_protocol)strtol(arguments[11], NULL, 10);
  snprintf(p.state, sizeof p.state, "%s.state", arguments[4]);
  s3rec_run *run = NULL;
  s3rec_status status = s3rec_context_create(&context_options, &p.context);
  if (status == S3REC_OK) status = open_data(&p, arguments);
  if (status == S3REC_OK) status = open_model(&p, arguments[3]);
  if (status == S3REC_OK) status = train(&p, &run);
  s3rec_model *result = NULL;
  if (status == S3REC_OK && p.leave == 0) status = s3rec_run_finish(run, &result);
  if (result != NULL) status = s3rec_model_save(result, arguments[4]);
  if (status != S3REC_OK)
    fprintf(stderr, "%s: %s\n", s3rec_status_name(status), s3rec_last_error());
  s3rec_run_destroy(run);
  s3rec_model_destroy(result);
  s3rec_model_destroy(p.model);
  s3rec_dataset_destroy(p.dataset);
  s3rec_context_destroy(p.context);
  return status == S3REC_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
