/* SPDX-License-Identifier: Apache-2.0 */
/* s3rec finetune */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "output.h"
#include "output_file.h"
#include "refit.h"
#include "report/report.h"
#include "session.h"
#include "test_details.h"
#include "training_log.h"

/* ranks: NULL or a user each. */
static int measure(const cli_training *training, s3rec_model *model, s3rec_split split,
                   s3rec_metrics *metrics, int64_t *ranks) {
  s3rec_evaluate_options how = training->options->evaluate;
  how.split = split;
  how.protocol = (s3rec_protocol)training->options->stop_protocol;
  s3rec_metrics_init(metrics);
  const s3rec_status status = s3rec_evaluate(model, training->dataset, &how, metrics, ranks);
  return status == S3REC_OK ? CLI_OK : cli_fail_status(status);
}

/* Measures the epoch on a copy, as the model has a trainer. */
static int validate(cli_training *training, s3rec_model *copy, bool *improved) {
  const s3rec_status status = s3rec_model_copy_weights(copy, training->model);
  if (status != S3REC_OK) return cli_fail_status(status);
  s3rec_metrics metrics;
  CLI_TRY(measure(training, copy, S3REC_SPLIT_VALID, &metrics, NULL));
  const double value = cli_metric(&metrics, training->options->stop_metric);
  *improved = training->best.epoch == 0 || value > training->best.value;
  if (*improved) {
    training->best = (cli_best){.value = value, .epoch = (int32_t)training->epoch + 1};
    CLI_TRY(cli_weights_hash(copy, training->best.weights));
  } else {
    training->best.waited++;
  }
  return cli_report_epoch(training, &metrics);
}

static int save_best(const cli_training *training, const s3rec_model *best) {
  const s3rec_status status = s3rec_model_save(best, training->options->out);
  return status == S3REC_OK ? CLI_OK : cli_fail_status(status);
}

/* A resumed run goes on with the file of its best weights. `copy` has the state's
 * weights: when these are the best, the file can be written again. */
static int check_best(const cli_training *training, const s3rec_model *copy) {
  const char *const path = training->options->out, *reason = "it holds other weights";
  const cli_best *const best = &training->best;
  char hash[CLI_HASH_SIZE] = "";
  s3rec_model *found = NULL;
  if (s3rec_model_map(training->context, path, NULL, &found) != S3REC_OK)
    reason = s3rec_last_error();
  const int code = found == NULL ? CLI_OK : cli_weights_hash(found, hash);
  s3rec_model_destroy(found);
  CLI_TRY(code);
  if (strcmp(hash, best->weights) == 0) return CLI_OK;
  CLI_TRY(cli_weights_hash(copy, hash));
  if (strcmp(hash, best->weights) == 0) return save_best(training, copy);
  return cli_usage(training->options,
                   "--out: %s must be the file with the best weights so far (epoch %d), but %s",
                   path, (int)best->epoch, reason);
}

/* The weights of --out were tested before those of a refit on all items replaced them. */
static int check_ended(const cli_training *training, const s3rec_model *copy) {
  const cli_options *const options = training->options;
  char hash[CLI_HASH_SIZE] = "", wanted[CLI_HASH_SIZE];
  s3rec_model *found = NULL;
  if (training->epoch < (uint64_t)training->refit_epochs ||
      s3rec_model_map(training->context, options->out, NULL, &found) != S3REC_OK)
    return CLI_OK;
  const int code = cli_weights_hash(found, hash);
  s3rec_model_destroy(found);
  CLI_TRY(code);
  CLI_TRY(cli_weights_hash(copy, wanted));
  if (strcmp(hash, wanted) != 0) return CLI_OK;
  return cli_usage(options,
                   "--resume: the run of %s has ended: %s holds its refit on all items, which "
                   "there is no test for",
                   options->resume, options->out);
}

static json_t *describe(const cli_training *training, const s3rec_metrics *metrics) {
  const cli_options *const options = training->options;
  return json_pack(
      "{s:s, s:s, s:o, s:i, s:i, s:s, s:f, s:o, s:o, s:s, s:o}", "event", "done", "command",
      "finetune", "epochs", cli_json_uint64(cli_training_selected(training)), "best_epoch",
      (int)training->best.epoch, "refit_epochs", (int)training->refit_epochs, "stop_metric",
      cli_stop_metrics[options->stop_metric].word, "best_value", training->best.value, "model",
      cli_json_text(options->out), "state", cli_json_text(training->state_path), "tested",
      options->refit == CLI_REFIT_VALID ? "refit" : "best epoch", "test",
      cli_json_metrics(metrics));
}

static int log_result(const cli_training *training, s3rec_model *best, const s3rec_metrics *metrics,
                      const int64_t *ranks, size_t user_count) {
  if (training->log == NULL) return CLI_OK;
  json_t *const done = describe(training, metrics);
  int code = cli_test_details(training, best, ranks, user_count, done);
  if (code == CLI_OK) code = cli_log_append(training, done);
  json_decref(done);
  return code;
}

static void print_result(const cli_training *training, const s3rec_metrics *metrics) {
  static const char *const titles[] = {
      [CLI_REFIT_NONE] = "test metrics of the best epoch",
      [CLI_REFIT_VALID] = "test metrics of the refit",
      [CLI_REFIT_ALL] = "test metrics of the best epoch: the refit was trained on the test items"};
  const cli_options *const options = training->options;
  if (options->json) {
    cli_json_print(describe(training, metrics));
    return;
  }
  printf("best epoch %d of %" PRIu64 " (valid %s %.4f), ", (int)training->best.epoch,
         cli_training_selected(training), cli_stop_metrics[options->stop_metric].word,
         training->best.value);
  if (options->refit == CLI_REFIT_NONE)
    printf("written to %s\n", options->out);
  else
    printf("refit as long on the %s items, too, written to %s\n",
           options->refit == CLI_REFIT_VALID ? "valid" : "valid and test", options->out);
  cli_print_metrics(metrics, titles[options->refit]);
}

/* Measures the weights of --out on the test split, logs it. */
static int measure_test(const cli_training *training, s3rec_metrics *metrics) {
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  s3rec_status status = s3rec_dataset_info_get(training->dataset, &info);
  if (status != S3REC_OK) return cli_fail_status(status);
  s3rec_model *best = NULL;
  status = s3rec_model_map(training->context, training->options->out, NULL, &best);
  if (status != S3REC_OK) return cli_fail_status(status);
  int64_t *const ranks = calloc(info.user_count, sizeof *ranks);
  int code = ranks == NULL ? cli_fail(CLI_FAILURE, "out of memory")
                           : measure(training, best, S3REC_SPLIT_TEST, metrics, ranks);
  if (code == CLI_OK) code = log_result(training, best, metrics, ranks, info.user_count);
  free(ranks);
  s3rec_model_destroy(best);
  return code;
}

/* After hours of training it would be late to find out. */
static int check_report(const cli_training *training) {
  const cli_options *const options = training->options;
  struct stat status;
  cli_output output;
  if (options->report == NULL) return CLI_OK;
  if (stat(training->log_path, &status) == 0 && !S_ISREG(status.st_mode))
    return cli_usage(options,
                     "--report is made from the file of --log, and %s is not a regular file",
                     training->log_path);
  CLI_TRY(cli_output_open(options->report, &output));
  cli_output_discard(&output);
  return CLI_OK;
}

/* Trains until the valid split gets no better. */
static int select_epoch(cli_training *training, s3rec_model *copy) {
  const cli_options *const options = training->options;
  while (training->epoch < (uint64_t)options->epochs && training->best.waited < options->patience) {
    CLI_TRY(cli_training_run_epoch(training));
    bool improved = false;
    CLI_TRY(validate(training, copy, &improved));
    const bool last = training->epoch + 1 == (uint64_t)options->epochs ||
                      training->best.waited >= options->patience;
    /* State before weights: after a stop in between check_best writes them. */
    const int code = cli_training_next_epoch(training, improved, last);
    if (improved && (code == CLI_OK || code == CLI_INTERRUPTED)) CLI_TRY(save_best(training, copy));
    CLI_TRY(code);
  }
  return CLI_OK;
}

static int train(cli_training *training, s3rec_model *copy) {
  const cli_options *const options = training->options;
  s3rec_metrics metrics;
  if (training->refit_epochs == 0) CLI_TRY(select_epoch(training, copy));
  if (options->refit != CLI_REFIT_NONE) CLI_TRY(cli_refit_run(training));
  /* Weights that were trained on the test items say nothing there: those of the best
   * epoch, which --out still holds, are measured. */
  if (options->refit == CLI_REFIT_VALID) CLI_TRY(save_best(training, training->model));
  CLI_TRY(measure_test(training, &metrics));
  if (options->refit == CLI_REFIT_ALL) CLI_TRY(save_best(training, training->model));
  print_result(training, &metrics);
  return options->report == NULL ? CLI_OK
                                 : cli_report_last_run(training->log_path, options->report);
}

static int run(cli_training *training, cli_options *options) {
  CLI_TRY(cli_training_open(training, options));
  if ((uint64_t)cli_training_epochs(training) < training->epoch)
    return cli_usage(options, "--epochs is %d, but the state has done %" PRIu64 " already",
                     (int)options->epochs, training->epoch);
  s3rec_model *copy = NULL;
  const s3rec_status status = s3rec_model_clone(training->model, &copy);
  int code = status == S3REC_OK ? CLI_OK : cli_fail_status(status);
  const bool refit_all = training->refit_epochs > 0 && options->refit == CLI_REFIT_ALL;
  const bool needs_best = training->refit_epochs == 0 || refit_all;
  if (code == CLI_OK && refit_all) code = check_ended(training, copy);
  if (code == CLI_OK && training->best.epoch > 0 && needs_best) code = check_best(training, copy);
  if (code == CLI_OK) code = check_report(training);
  if (code == CLI_OK) code = cli_log_begin(training);
  if (code == CLI_OK) code = train(training, copy);
  s3rec_model_destroy(copy);
  return code;
}

int cli_finetune(cli_options *options) {
  cli_training training;
  const int code = run(&training, options);
  cli_training_close(&training);
  return code;
}
