/* SPDX-License-Identifier: Apache-2.0 */
#include "refit.h"

#include <string.h>
#include <sys/stat.h>

#include "training_log.h"

/* Whether writing `target` would take `source` away: links are replaced, not followed. */
static bool replaces(const char *target, const char *source) {
  struct stat to, from;
  return lstat(target, &to) == 0 && stat(source, &from) == 0 && to.st_dev == from.st_dev &&
         to.st_ino == from.st_ino;
}

/* Fresh weights come from the seed; another machine may round them differently. */
static int check_fresh_start(const cli_training *training) {
  const cli_options *const options = training->options;
  char hash[CLI_HASH_SIZE] = "";
  s3rec_model_config config = options->config, sizes;
  s3rec_model *start = NULL;
  s3rec_model_config_init(&sizes);
  s3rec_status status = s3rec_model_config_get(training->model, &sizes);
  config.item_size = sizes.item_size;
  config.attribute_size = sizes.attribute_size;
  if (status == S3REC_OK)
    status = s3rec_model_create(training->context, &config, options->seed, &start);
  if (status != S3REC_OK) return cli_fail_status(status);
  const int code = cli_weights_hash(start, hash);
  s3rec_model_destroy(start);
  CLI_TRY(code);
  if (strcmp(hash, training->start_weights) == 0) return CLI_OK;
  return cli_fail(CLI_BAD_DATA,
                  "%s: the fresh weights it began with, from which --refit starts again, are "
                  "others here; go on where it was begun",
                  options->resume);
}

/* The file that the run began with still has to hold the same weights. */
static int check_start(const cli_training *training) {
  const cli_options *const options = training->options;
  const char *reason = "it holds other weights";
  char hash[CLI_HASH_SIZE] = "";
  s3rec_model *start = NULL;
  if (s3rec_model_map(training->context, options->model, &options->config, &start) != S3REC_OK)
    reason = s3rec_last_error();
  const int code = start == NULL ? CLI_OK : cli_weights_hash(start, hash);
  s3rec_model_destroy(start);
  CLI_TRY(code);
  if (strcmp(hash, training->start_weights) == 0) return CLI_OK;
  return cli_usage(options,
                   "--model: %s must be the file that %s began with, since --refit starts from it "
                   "again, but %s; name where it is now",
                   options->model, options->resume, reason);
}

int cli_refit_check(const cli_training *training) {
  const cli_options *const options = training->options;
  if (options->refit == CLI_REFIT_NONE || training->refit_epochs > 0) return CLI_OK;
  if (options->sampler.reference_draws)
    return cli_usage(options,
                     "--reference-draws leaves valid and test items out, as the reference does, so "
                     "there is nothing to refit on; add --refit none");
  if (options->model == NULL)
    return options->resume == NULL ? CLI_OK : check_fresh_start(training);
  const bool out = replaces(options->out, options->model);
  if (out || replaces(training->state_path, options->model))
    return cli_usage(options,
                     "--%s: %s is the file of --model, from which --refit starts again; name "
                     "another, or add --refit none",
                     out ? "out" : "state", options->model);
  return options->resume == NULL ? CLI_OK : check_start(training);
}

int32_t cli_refit_held_out(const cli_training *training) {
  if (training->refit_epochs == 0) return 2;
  return training->options->refit == CLI_REFIT_ALL ? 0 : 1;
}

static int begin(cli_training *training) {
  const cli_options *const options = training->options;
  char begun_with[CLI_HASH_SIZE];
  snprintf(begun_with, sizeof begun_with, "%s", training->start_weights);
  training->refit_epochs = training->best.epoch;
  training->selection_epochs = training->epoch;
  training->epoch = 0;
  training->step = 0;
  CLI_TRY(cli_training_begin(training));
  if (options->model != NULL && strcmp(begun_with, training->start_weights) != 0)
    return cli_fail(CLI_BAD_DATA,
                    "%s no longer holds the weights this run began with, from which --refit starts "
                    "again; put it back and go on with --resume %s",
                    options->model, training->state_path);
  cli_remark("best epoch %d of %d; refit: as many from the same start, on the %s items, too",
             (int)training->refit_epochs, (int)training->selection_epochs,
             options->refit == CLI_REFIT_ALL ? "valid and test" : "valid");
  cli_progress_begin(&training->progress, cli_training_phase(training), 0);
  return CLI_OK;
}

int cli_refit_run(cli_training *training) {
  if (training->refit_epochs == 0) CLI_TRY(begin(training));
  while (training->epoch < (uint64_t)training->refit_epochs) {
    CLI_TRY(cli_training_run_epoch(training));
    CLI_TRY(cli_report_epoch(training, NULL));
    const bool last = training->epoch + 1 == (uint64_t)training->refit_epochs;
    CLI_TRY(cli_training_next_epoch(training, false, last));
  }
  return CLI_OK;
}
