/* SPDX-License-Identifier: Apache-2.0 */
/* s3rec pretrain and s3rec finetune: the steps of a run, what is saved and when, the result. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "interrupt.h"
#include "print.h"
#include "report/report.h"
#include "test_details.h"
#include "training_log.h"

/* Writes the best weights so far, or the final ones, to the file of --out. */
static int save_weights(const cli_training *training) {
  s3rec_model *model = NULL;
  s3rec_status status = s3rec_run_finish(training->run, &model);
  if (status == S3REC_OK) status = s3rec_model_save(model, training->options->out);
  s3rec_model_destroy(model);
  return cli_check_status(status);
}

static int save_state(const cli_training *training) {
  return cli_check_status(s3rec_run_save(training->run, training->state_path));
}

static int end_interrupted(const cli_training *training, bool saved) {
  const s3rec_run_progress *const at = &training->at;
  const bool inside = at->event == S3REC_RUN_STEP;
  if (!saved) CLI_TRY(save_state(training));
  cli_remark("interrupted in %s %d of %d before step %zu of %zu; state saved to %s",
             cli_training_phase(training), (int)(inside ? at->epoch : at->epoch + 1),
             (int)at->epochs, inside ? at->step + 1 : 1, at->steps, training->state_path);
  cli_print_resume(training);
  return CLI_INTERRUPTED;
}

/* The epoch is done. The state is saved before the weights: if the process stops between the two,
 * check_out_file writes the weights. */
static int end_epoch(cli_training *training) {
  const s3rec_run_progress *const at = &training->at;
  const cli_options *const options = training->options;
  const bool improved = !at->refit && at->best_epoch == at->epoch;
  const bool due = at->last || improved || at->epoch % options->save_every == 0;
  CLI_TRY(cli_report_epoch(training));
  if (due) CLI_TRY(save_state(training));
  if (improved) CLI_TRY(save_weights(training));
  training->sequences_before = 0;
  training->epoch_begun = cli_now();
  return cli_interrupted() && !at->last ? end_interrupted(training, due) : CLI_OK;
}

/* The best epoch is chosen. The next step is the first of the refit. */
static void announce_refit(cli_training *training) {
  const s3rec_run_progress *const at = &training->at;
  cli_remark(
      "best epoch %d of %d. Refit: the same number of epochs from the same start, also on the %s "
      "items",
      (int)at->best_epoch, (int)at->selection_epochs,
      training->options->run.held_out_count == CLI_REFIT_ALL ? "valid and test" : "valid");
  cli_progress_begin(&training->progress, "refit, epoch", 0);
}

static void show_step_progress(cli_training *training, size_t sequences) {
  const s3rec_run_progress *const at = &training->at;
  char text[160];
  cli_losses_text(training, text, sizeof text);
  cli_progress_step(&training->progress, at->epoch - 1, at->epochs, at->step - 1, at->steps,
                    sequences, text);
}

/* Runs to the end of the selection or of the refit. */
static int train_phase(cli_training *training) {
  s3rec_run_progress *const at = &training->at;
  while (!at->last) {
    const size_t before = at->event == S3REC_RUN_STEP ? at->sequence_count : 0;
    CLI_TRY(cli_check_status(s3rec_run_step(training->run, at)));
    show_step_progress(training, at->sequence_count - before);
    if (at->event == S3REC_RUN_EPOCH)
      CLI_TRY(end_epoch(training));
    else if (cli_interrupted())
      return end_interrupted(training, false);
  }
  return CLI_OK;
}

enum { LONG_RUN = 10000 }; /* steps; shorter runs are not announced */

/* Prints how much work is left at most in a long run. An early end or a time budget reduces it. */
static int announce_work(const cli_training *training) {
  s3rec_run_estimate ahead;
  s3rec_run_estimate_init(&ahead);
  CLI_TRY(cli_check_status(s3rec_run_ahead(training->run, &ahead)));
  if (ahead.step_count >= LONG_RUN)
    cli_remark("at most %" PRIu64 " more steps follow, with %" PRIu64
               " sequences in all; "
               "--time-budget limits the time",
               ahead.step_count, ahead.sequence_count);
  return CLI_OK;
}

static int train_all_phases(cli_training *training) {
  s3rec_run_progress *const at = &training->at;
  CLI_TRY(announce_work(training));
  const uint64_t first = (uint64_t)cli_epochs_done(training) * at->steps +
                         (at->event == S3REC_RUN_STEP ? at->step : 0);
  cli_progress_begin(&training->progress, cli_training_phase(training), first);
  training->epoch_begun = cli_now();
  CLI_TRY(train_phase(training));
  if (!cli_refit_is_ahead(training)) return CLI_OK;
  announce_refit(training);
  at->last = 0;
  return train_phase(training);
}

/* A resumed run continues with the file of its best weights. The file is written again if it does
 * not exist, or if the state is one epoch newer. A file with other weights is refused. */
static int check_out_file(const cli_training *training) {
  const s3rec_run_progress *const at = &training->at;
  const cli_options *const options = training->options;
  const bool over = at->refit && (at->last || options->run.held_out_count != CLI_REFIT_ALL);
  const char *reason = "it holds other weights";
  s3rec_model *best = NULL, *found = NULL;
  if (training->state == NULL || at->best_epoch == 0 || over) return CLI_OK;
  const bool is_best = !at->refit && at->event == S3REC_RUN_EPOCH && at->best_epoch == at->epoch;
  if (is_best || access(options->out, F_OK) != 0) return save_weights(training);
  CLI_TRY(cli_check_status(s3rec_run_finish(training->run, &best)));
  if (s3rec_model_map(training->context, options->out, NULL, &found) != S3REC_OK)
    reason = s3rec_last_error();
  const bool same = s3rec_model_fingerprint(found) == s3rec_model_fingerprint(best);
  s3rec_model_destroy(found);
  s3rec_model_destroy(best);
  if (same) return CLI_OK;
  return cli_usage(options,
                   "--out: %s must be the file with the best weights so far (epoch %d), but %s",
                   options->out, (int)at->best_epoch, reason);
}

/* Opens everything and trains. The step that says DONE is left to the caller. */
static int train_to_end(cli_training *training, cli_options *options) {
  CLI_TRY(cli_training_open(training, options));
  if (training->run != NULL) CLI_TRY(check_out_file(training));
  CLI_TRY(cli_log_begin(training));
  return training->run == NULL ? CLI_OK : train_all_phases(training);
}

/* A model of no epochs at all; like that of a run it knows how often items occur. */
static int save_untrained(const cli_training *training) {
  s3rec_model *const model = training->model;
  CLI_TRY(cli_check_status(s3rec_model_count_popularity(model, training->dataset, 2)));
  return cli_check_status(s3rec_model_save(model, training->options->out));
}

static int end_pretraining(cli_training *training) {
  const cli_options *const options = training->options;
  const int epochs = (int)cli_epochs_done(training);
  CLI_TRY(training->run != NULL ? save_weights(training) : save_untrained(training));
  json_t *const done = json_pack("{s:s, s:s, s:i, s:o, s:o}", "event", "done", "command",
                                 "pretrain", "epochs", epochs, "model", cli_json_text(options->out),
                                 "state", cli_json_text(training->state_path));
  const int code = cli_log_append(training, done);
  if (options->json)
    cli_json_print(done);
  else
    json_decref(done);
  if (!options->json) printf("model written to %s after %d epochs\n", options->out, epochs);
  return code;
}

static json_t *result_as_object(const cli_training *training, const s3rec_metrics *metrics) {
  const cli_options *const options = training->options;
  const s3rec_run_progress *const at = &training->at;
  return json_pack("{s:s, s:s, s:i, s:i, s:i, s:s, s:f, s:o, s:o, s:s, s:o}", "event", "done",
                   "command", "finetune", "epochs", (int)at->selection_epochs, "best_epoch",
                   (int)at->best_epoch, "refit_epochs", (int)(at->refit ? at->epochs : 0),
                   "stop_metric", cli_metric_name(options->run.metric), "best_value",
                   at->best_value, "model", cli_json_text(options->out), "state",
                   cli_json_text(training->state_path), "tested",
                   options->run.held_out_count == CLI_REFIT_VALID ? "refit" : "best epoch", "test",
                   cli_json_metrics(metrics));
}

static void print_test_result(const cli_training *training, const s3rec_metrics *metrics) {
  static const char *const titles[] = {
      [CLI_REFIT_NONE] = "test metrics of the best epoch",
      [CLI_REFIT_VALID] = "test metrics of the refit",
      [CLI_REFIT_ALL] = "test metrics of the best epoch: the refit was trained on the test items"};
  const cli_options *const options = training->options;
  const s3rec_run_progress *const at = &training->at;
  if (options->json) {
    cli_json_print(result_as_object(training, metrics));
    return;
  }
  printf("best epoch %d of %d (valid %s %.4f), ", (int)at->best_epoch, (int)at->selection_epochs,
         cli_metric_name(options->run.metric), at->best_value);
  if (options->run.held_out_count == CLI_REFIT_NONE)
    printf("written to %s\n", options->out);
  else
    printf("refit for the same number of epochs, also on the %s items, written to %s\n",
           options->run.held_out_count == CLI_REFIT_VALID ? "valid" : "valid and test",
           options->out);
  cli_print_metrics(metrics, titles[options->run.held_out_count]);
}

static int log_test_result(const cli_training *training, s3rec_model *tested,
                           const s3rec_metrics *metrics, const int64_t *ranks, size_t user_count) {
  if (training->log == NULL) return CLI_OK;
  json_t *const done = result_as_object(training, metrics);
  int code = cli_test_details(training, tested, ranks, user_count, done);
  if (code == CLI_OK) code = cli_log_append(training, done);
  json_decref(done);
  return code;
}

/* Measures `tested` on the test split and logs the result. */
static int measure_test_split(const cli_training *training, s3rec_model *tested,
                              s3rec_metrics *metrics) {
  s3rec_evaluate_options how = training->options->evaluate;
  how.split = S3REC_SPLIT_TEST;
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  s3rec_metrics_init(metrics);
  CLI_TRY(cli_check_status(s3rec_dataset_info_get(training->dataset, &info)));
  int64_t *const ranks = calloc(info.user_count, sizeof *ranks);
  if (ranks == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  int code = cli_check_status(s3rec_evaluate(tested, training->dataset, &how, metrics, ranks));
  if (code == CLI_OK) code = log_test_result(training, tested, metrics, ranks, info.user_count);
  free(ranks);
  return code;
}

/* A model that was trained on the test items cannot be tested on them. Then the weights of the best
 * epoch are measured: the run hands them out until it says DONE. */
static int end_finetuning(cli_training *training) {
  const cli_options *const options = training->options;
  const bool tests_best = options->run.held_out_count == CLI_REFIT_ALL;
  s3rec_model *tested = NULL;
  s3rec_metrics metrics;
  s3rec_status status = S3REC_OK;
  if (tests_best) status = s3rec_run_finish(training->run, &tested);
  if (status == S3REC_OK) status = s3rec_run_step(training->run, &training->at);
  if (status == S3REC_OK && !tests_best) status = s3rec_run_finish(training->run, &tested);
  int code = cli_check_status(status);
  if (code == CLI_OK && options->run.held_out_count == CLI_REFIT_VALID)
    code = save_weights(training);
  if (code == CLI_OK) code = measure_test_split(training, tested, &metrics);
  s3rec_model_destroy(tested);
  CLI_TRY(code);
  if (tests_best) CLI_TRY(save_weights(training));
  print_test_result(training, &metrics);
  return options->report == NULL ? CLI_OK
                                 : cli_report_last_run(training->log_path, options->report);
}

int cli_pretrain(cli_options *options) {
  cli_training training;
  int code = train_to_end(&training, options);
  if (code == CLI_OK) code = end_pretraining(&training);
  cli_training_close(&training);
  return code;
}

int cli_finetune(cli_options *options) {
  cli_training training;
  int code = train_to_end(&training, options);
  if (code == CLI_OK) code = end_finetuning(&training);
  cli_training_close(&training);
  return code;
}
