/* SPDX-License-Identifier: Apache-2.0 */
#include "training.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data.h"
#include "interrupt.h"
#include "output.h"
#include "session.h"

bool cli_refit_is_ahead(const cli_training *training) {
  return training->options->command->bit == CLI_FINETUNE &&
         training->options->run.held_out_count != CLI_REFIT_NONE && !training->at.refit;
}

int32_t cli_epochs_done(const cli_training *training) {
  const s3rec_run_progress *const at = &training->at;
  return at->event == S3REC_RUN_STEP ? at->epoch - 1 : at->epoch;
}

/* Refuses options that would have no effect: the user would believe that they have one. */
static int check_option_combinations(const cli_options *options) {
  const s3rec_finetune_loss loss = options->trainer.finetune_loss;
  const s3rec_run_options *const run = &options->run;
  const int32_t shards = options->trainer.shard_count;
  if ((shards & (shards - 1)) != 0)
    return cli_usage(options, "--shards is %d, must be a power of two: 1, 2, 4 .. 256",
                     (int)shards);
  if (loss != S3REC_LOSS_SAMPLED_CE && cli_options_given(options, "negative-count"))
    return cli_usage(options, "--negative-count needs --loss sampled-ce");
  if (loss == S3REC_LOSS_BCE && cli_options_given(options, "label-smoothing") &&
      options->trainer.label_smoothing > 0)
    return cli_usage(options,
                     "--label-smoothing needs --loss ce or sampled-ce; with bce it must be 0");
  if (run->epochs > 0 && run->schedule == S3REC_SCHEDULE_COSINE &&
      run->warmup_epochs >= run->epochs)
    return cli_usage(options,
                     "--warmup-epochs is %g; with --schedule cosine it must be below --epochs, %d",
                     run->warmup_epochs, (int)run->epochs);
  return CLI_OK;
}

/* The refit starts again from the file of --model. */
static int check_refit_options(const cli_training *training) {
  const cli_options *const options = training->options;
  const char *const model = options->model;
  if (!cli_refit_is_ahead(training)) return CLI_OK;
  if (options->sampler.reference_draws)
    return cli_usage(options,
                     "--reference-draws already leaves out valid and test items, so no refit is "
                     "possible; add --refit none");
  if (model == NULL) return CLI_OK;
  const bool out = s3_same_file(options->out, model);
  if (out || s3_same_file(training->state_path, model))
    return cli_usage(
        options,
        "--%s: %s is the file of --model, and --refit needs it again; give another name, "
        "or add --refit none",
        out ? "out" : "state", model);
  return CLI_OK;
}

/* Default names: OUT.state, and OUT.log if a page is made from the log. */
static int name_state_and_log(cli_training *training) {
  const cli_options *const options = training->options;
  const char *const state = options->state != NULL ? options->state : options->resume;
  const char *const out = options->out;
  training->state_path = state != NULL ? strdup(state) : cli_path_with(out, ".state");
  if (options->log != NULL)
    training->log_path = strdup(options->log);
  else if (options->report != NULL)
    training->log_path = cli_path_with(out, ".log");
  const bool has_log = options->log != NULL || options->report != NULL;
  if (training->state_path != NULL && (training->log_path != NULL || !has_log)) return CLI_OK;
  return cli_fail(CLI_FAILURE, "out of memory");
}

enum { PLACE_LIMIT = 6 + 2 * CLI_LIST_LIMIT };

/* The number of them. The file of --model may be that of the state. */
static size_t list_places(const cli_training *training, cli_place places[PLACE_LIMIT]) {
  const cli_options *const options = training->options;
  const cli_place single[6] = {
      {"model", options->model, CLI_STARTS},       {"out", options->out, CLI_RESULT},
      {"state", training->state_path, CLI_RESULT}, {"log", training->log_path, CLI_APPENDS},
      {"report", options->report, CLI_PAGE},       {"resume", options->resume, CLI_STARTS}};
  size_t count = 6;
  memcpy(places, single, sizeof single);
  for (size_t i = 0; i < options->events.count; i++)
    places[count++] = (cli_place){"events", options->events.values[i], CLI_READS};
  for (size_t i = 0; i < options->attributes.count; i++)
    places[count++] = (cli_place){"attributes", options->attributes.values[i], CLI_READS};
  return count;
}

/* Before the state is read, which another run may still be writing. */
static int lock_training_files(cli_training *training) {
  cli_place places[PLACE_LIMIT];
  return cli_lock_places(places, list_places(training, places), &training->locks);
}

/* Checked before training, which may take hours. */
static int check_training_files(const cli_training *training) {
  const cli_options *const options = training->options;
  struct stat status;
  cli_place places[PLACE_LIMIT];
  CLI_TRY(cli_check_places(options, places, list_places(training, places)));
  if (options->report != NULL && stat(training->log_path, &status) == 0 && !S_ISREG(status.st_mode))
    return cli_usage(options, "--report reads the file of --log, and %s is not a regular file",
                     training->log_path);
  return CLI_OK;
}

/* Items of events are numbered as in the model of --resume or --model. */
static int open_training_data(cli_training *training) {
  const cli_options *const options = training->options;
  const char *const path = options->resume != NULL ? options->resume : options->model;
  const bool sampled = options->evaluate.protocol == S3REC_PROTOCOL_SAMPLED;
  s3rec_model *start = NULL;
  if (options->events.count > 0 && path != NULL)
    CLI_TRY(cli_check_status(s3rec_model_map(training->context, path, &options->config, &start)));
  const int code =
      cli_open_dataset(options, training->context, CLI_ATTRIBUTES | (sampled ? CLI_NEGATIVES : 0),
                       start, &training->events, &training->dataset);
  s3rec_model_destroy(start);
  CLI_TRY(code);
  return options->command->bit == CLI_FINETUNE ? cli_check_measurable(training->dataset, options)
                                               : CLI_OK;
}

static int make_fresh_model(cli_training *training) {
  const cli_options *const options = training->options;
  return cli_check_status(s3rec_model_create_for(training->dataset, &options->config,
                                                 options->seed, &training->model));
}

static int load_first_model(cli_training *training) {
  const cli_options *const options = training->options;
  if (training->state == NULL)
    CLI_TRY(cli_open_model(options, training->context, options->model, CLI_TRAIN_MODEL,
                           &training->model));
  else if (s3rec_model_load(training->context, options->model, &options->config,
                            &training->model) != S3REC_OK)
    return cli_resume_refuse_model(training, s3rec_last_error());
  CLI_TRY(cli_check_fit(training->model, training->dataset, options->model, false));
  return cli_check_status(s3rec_model_set_dropouts(training->model,
                                                   options->config.hidden_dropout_prob,
                                                   options->config.attention_probs_dropout_prob));
}

/* Makes the model that training begins with. A resumed run has its weights in the state and needs
 * the first model only for a refit, which starts from it again. */
static int make_first_model(cli_training *training) {
  cli_options *const options = training->options;
  if (training->state != NULL && !cli_refit_is_ahead(training)) return CLI_OK;
  CLI_TRY(options->model != NULL ? load_first_model(training) : make_fresh_model(training));
  if (training->state != NULL) return cli_resume_check_model(training);
  /* The log records the network in use. The sampler cuts sequences to its length. */
  CLI_TRY(cli_check_status(s3rec_model_config_get(training->model, &options->config)));
  options->sampler.max_seq_length = options->config.max_seq_length;
  return CLI_OK;
}

/* The options are within their ranges, so a sampler that cannot be made is an error of the data. */
static int check_trainable(const cli_training *training) {
  s3rec_sampler *sampler = NULL;
  const s3rec_status status =
      s3rec_sampler_create(training->dataset, &training->options->sampler, &sampler);
  s3rec_sampler_destroy(sampler);
  if (status != S3REC_ERROR_ARGUMENT) return cli_check_status(status);
  char file[512];
  cli_data_file(training->options, file, sizeof file);
  return cli_fail(CLI_BAD_DATA, "%s: %s", file, s3rec_last_error());
}

static int make_training_run(cli_training *training) {
  const cli_options *const options = training->options;
  s3rec_run_options run = options->run;
  run.sampler = &options->sampler;
  run.trainer = &options->trainer;
  CLI_TRY(check_trainable(training));
  if (run.epochs == 0) return CLI_OK;
  CLI_TRY(cli_check_status(
      training->state == NULL
          ? s3rec_run_create(training->model, training->dataset, &run, &training->run)
          : s3rec_run_resume(training->model, training->dataset, options->resume, run.epochs,
                             &training->run)));
  CLI_TRY(cli_check_status(s3rec_run_progress_get(training->run, &training->at)));
  s3rec_model_destroy(training->model); /* the run keeps what it needs of it */
  training->model = NULL;
  return cli_set_note(training);
}

int cli_training_open(cli_training *training, cli_options *options) {
  *training = (cli_training){.options = options};
  s3rec_run_progress_init(&training->at);
  CLI_TRY(name_state_and_log(training));
  CLI_TRY(lock_training_files(training));
  CLI_TRY(cli_open_context(options, &training->context));
  if (options->resume != NULL) CLI_TRY(cli_resume_options(training));
  CLI_TRY(check_training_files(training));
  CLI_TRY(check_option_combinations(options));
  CLI_TRY(check_refit_options(training));
  CLI_TRY(open_training_data(training));
  CLI_TRY(make_first_model(training));
  CLI_TRY(make_training_run(training));
  cli_interrupt_install();
  return CLI_OK;
}

void cli_training_close(cli_training *training) {
  s3rec_run_destroy(training->run);
  s3rec_run_state_destroy(training->state);
  s3rec_model_destroy(training->model);
  s3rec_dataset_destroy(training->dataset);
  s3rec_context_destroy(training->context);
  if (training->log != NULL) fclose(training->log);
  cli_close_locks(&training->locks);
  json_decref(training->events);
  json_decref(training->note);
  free(training->state_path);
  free(training->log_path);
}
