/* SPDX-License-Identifier: Apache-2.0 */
/* s3rec finetune */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "json_output.h"
#include "metrics_output.h"
#include "session.h"
#include "training.h"

static int measure(const cli_training *training, s3rec_model *model, s3rec_split split,
                   s3rec_metrics *metrics) {
  s3rec_evaluate_options how = training->options->evaluate;
  how.split = split;
  how.protocol = (s3rec_protocol)training->options->stop_protocol;
  s3rec_metrics_init(metrics);
  const s3rec_status status = s3rec_evaluate(model, training->dataset, &how, metrics, NULL);
  if (status != S3REC_OK) return cli_fail_status(status);
  if (metrics->user_count == 0)
    return cli_fail(CLI_BAD_DATA, "%s: no user has the 3 items that measuring takes",
                    training->options->name);
  return CLI_OK;
}

/* Measures the epoch on a copy, as the model has a trainer. */
static int validate(cli_training *training, s3rec_model *copy, bool *improved) {
  const s3rec_status status = s3rec_model_copy_weights(copy, training->model);
  if (status != S3REC_OK) return cli_fail_status(status);
  s3rec_metrics metrics;
  CLI_TRY(measure(training, copy, S3REC_SPLIT_VALID, &metrics));
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

static int finish(const cli_training *training) {
  const cli_options *const options = training->options;
  s3rec_model *best = NULL;
  const s3rec_status status = s3rec_model_map(training->context, options->out, NULL, &best);
  if (status != S3REC_OK) return cli_fail_status(status);
  s3rec_metrics metrics;
  const int code = measure(training, best, S3REC_SPLIT_TEST, &metrics);
  s3rec_model_destroy(best);
  CLI_TRY(code);
  const char *const metric = cli_stop_metrics[options->stop_metric].word;
  if (options->json) {
    cli_json_print(json_pack("{s:s, s:s, s:o, s:i, s:s, s:f, s:s, s:s, s:o}", "event", "done",
                             "command", "finetune", "epochs", cli_json_uint64(training->epoch),
                             "best_epoch", (int)training->best.epoch, "stop_metric", metric,
                             "best_value", training->best.value, "model", options->out, "state",
                             training->state_path, "test", cli_json_metrics(&metrics)));
    return CLI_OK;
  }
  printf("best epoch %d of %" PRIu64 " (valid %s %.4f), written to %s\n", (int)training->best.epoch,
         training->epoch, metric, training->best.value, options->out);
  cli_print_metrics(&metrics, "test metrics of the best epoch");
  return CLI_OK;
}

static int train(cli_training *training, s3rec_model *copy) {
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
  return finish(training);
}

static int run(cli_training *training, cli_options *options) {
  CLI_TRY(cli_training_open(training, options));
  if ((uint64_t)options->epochs < training->epoch)
    return cli_usage(options, "--epochs is %d, but the state has done %" PRIu64 " already",
                     (int)options->epochs, training->epoch);
  s3rec_model *copy = NULL;
  const s3rec_status status = s3rec_model_clone(training->model, &copy);
  int code = status == S3REC_OK ? CLI_OK : cli_fail_status(status);
  if (code == CLI_OK && training->best.epoch > 0) code = check_best(training, copy);
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
