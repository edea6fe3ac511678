/* SPDX-License-Identifier: Apache-2.0 */
/* Continues from a state. Every state has the options of its run. The tool adds a note: the file
 * that the run began with, and how events were read. Nothing in a state depends on the time or the
 * place of the run, so a resumed run writes the same bytes as a run without a stop. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "print.h"
#include "session.h"
#include "training.h"

/* A run with --data does not record options of events. */
static bool option_is_recorded(const cli_option *option, const cli_options *options) {
  return option->recorded && option->commands & options->command->bit &&
         (options->events.count > 0 || !cli_option_of_events(option));
}

/* Recorded options as texts: all of them, or only those of events. */
static json_t *options_as_text(const cli_options *options, bool all) {
  json_t *const object = json_object();
  for (size_t i = 0; i < cli_option_count; i++) {
    const cli_option *const option = &cli_option_table[i];
    if (!option_is_recorded(option, options) || (!all && !cli_option_of_events(option))) continue;
    char value[64];
    const char *text = value;
    if (option->kind == CLI_TEXT)
      text = cli_option_string(option, options);
    else
      cli_option_print(option, options, value, sizeof value);
    if (text != NULL) json_object_set_new(object, option->name, cli_json_text(text));
  }
  return object;
}

json_t *cli_recorded_options(const cli_options *options) { return options_as_text(options, true); }

int cli_set_note(const cli_training *training) {
  const cli_options *const options = training->options;
  json_t *const note =
      json_pack("{s:s, s:o, s:o}", "program", "s3rec", "model",
                options->model == NULL ? json_null() : cli_json_text(options->model), "events",
                options->events.count == 0 ? json_null() : options_as_text(options, false));
  char *const text = json_dumps(note, JSON_COMPACT);
  json_decref(note);
  if (text == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  const s3rec_status status = s3rec_run_set_note(training->run, text);
  free(text);
  return cli_check_status(status);
}

static int refuse_contradiction(const cli_options *options, const cli_option *option,
                                const char *given, const char *saved) {
  return cli_usage(
      options,
      "--%s is %s, but %s was trained with %s; leave --%s out to continue, or start a new "
      "run without --resume",
      option->name, given, options->resume, saved, option->name);
}

/* Takes one option of the run from the state. If it was also given, both must agree. */
static int restore_option(cli_options *options, const cli_options *saved, size_t index) {
  const cli_option *const option = &cli_option_table[index];
  char given[64], found[64];
  cli_option_print(option, options, given, sizeof given);
  cli_option_print(option, saved, found, sizeof found);
  if (options->given[index] && strcmp(given, found) != 0)
    return refuse_contradiction(options, option, given, found);
  cli_option_copy(option, saved, options);
  return CLI_OK;
}

/* Takes one option of the events from the note. NULL text: the run had the default. */
static int restore_event_option(cli_options *options, const char *text, size_t index) {
  const cli_option *const option = &cli_option_table[index];
  char given[4096], reason[512];
  cli_option_print(option, options, given, sizeof given);
  if (options->given[index] && (text == NULL || strcmp(given, text) != 0))
    return refuse_contradiction(options, option, given, text == NULL ? "the default" : text);
  if (text != NULL && !cli_option_set(option, text, options, reason, sizeof reason))
    return cli_fail(CLI_BAD_DATA, "%s: %s", options->resume, reason);
  return CLI_OK;
}

/* The options of the state, as options of the tool. The network is that of its model. */
static int read_state_options(const cli_training *training, cli_options *saved) {
  const cli_options *const options = training->options;
  const s3rec_run_options *const run = training->state->options;
  s3rec_model *model = NULL;
  CLI_TRY(cli_open_model(options, training->context, options->resume, CLI_READ_MODEL, &model));
  *saved = *options;
  const s3rec_status status = s3rec_model_config_get(model, &saved->config);
  s3rec_model_destroy(model);
  if (status != S3REC_OK) return cli_fail_status(status);
  saved->run = *run;
  saved->sampler = *run->sampler;
  saved->trainer = *run->trainer;
  saved->seed = run->seed;
  return CLI_OK;
}

/* A run that began with --events needs --events again; a run with --data needs --data. */
static int check_data_source(const cli_training *training) {
  const cli_options *const options = training->options;
  const bool events = json_is_object(json_object_get(training->note, "events"));
  if (training->note == NULL || events == (options->events.count > 0)) return CLI_OK;
  return cli_usage(options, "--resume: %s was trained from %s; give %s again", options->resume,
                   events ? "events" : "--data and --name",
                   events ? "the files with --events" : "both");
}

static int restore_options(const cli_training *training, const cli_options *saved) {
  cli_options *const options = training->options;
  const json_t *const events = json_object_get(training->note, "events");
  CLI_TRY(check_data_source(training));
  for (size_t i = 0; i < cli_option_count; i++) {
    const cli_option *const option = &cli_option_table[i];
    if (!option_is_recorded(option, options)) continue;
    if (!cli_option_of_events(option))
      CLI_TRY(restore_option(options, saved, i));
    else if (events != NULL)
      CLI_TRY(restore_event_option(options,
                                   json_string_value(json_object_get(events, option->name)), i));
  }
  options->config.item_size = saved->config.item_size;
  options->config.attribute_size = saved->config.attribute_size;
  return CLI_OK;
}

/* --epochs may be raised, except in two cases. A cosine schedule ends at 0 in the last epoch. And
 * in a refit the number of epochs is already chosen. */
static int restore_epochs(const cli_training *training) {
  cli_options *const options = training->options;
  const int32_t epochs = training->state->options->epochs;
  const int done = (int)cli_epochs_done(training);
  if (!cli_options_given(options, "epochs")) options->run.epochs = epochs;
  if (options->run.epochs == epochs) return CLI_OK;
  if (options->run.schedule == S3REC_SCHEDULE_COSINE)
    return cli_usage(
        options,
        "--epochs is %d, but the learning rate of %s falls to 0 over %d epochs "
        "(--schedule cosine); leave --epochs out to continue, or start a new run without "
        "--resume",
        (int)options->run.epochs, options->resume, (int)epochs);
  if (training->at.refit)
    return cli_usage(
        options,
        "--epochs is %d, but %s is in its refit: its best epoch is already chosen among "
        "%d; leave --epochs out to continue, or start a new run without --resume",
        (int)options->run.epochs, options->resume, (int)epochs);
  if (options->run.epochs < training->at.epoch)
    return cli_usage(options, "--epochs is %d, but the state already has %d finished epochs%s",
                     (int)options->run.epochs, done,
                     done < training->at.epoch ? " and is in the next one" : "");
  return CLI_OK;
}

/* The file that the run began with. It is needed only if a refit follows. */
static int restore_model(const cli_training *training) {
  cli_options *const options = training->options;
  const char *const model = json_string_value(json_object_get(training->note, "model"));
  const bool fresh = training->note != NULL && model == NULL;
  if (cli_options_given(options, "model") && (!cli_refit_is_ahead(training) || fresh))
    return cli_usage(options, "give --model or --resume, not both: the state holds its weights");
  if (options->model == NULL) options->model = model;
  return CLI_OK;
}

int cli_resume_options(cli_training *training) {
  cli_options *const options = training->options;
  const s3rec_status status =
      s3rec_run_state_read(training->context, options->resume, &training->state);
  if (status != S3REC_OK) return cli_fail_status(status);
  const s3rec_run_state *const state = training->state;
  if (state->options->stage != options->run.stage)
    return cli_usage(options, "--resume: %s is a state of s3rec %s", options->resume,
                     state->options->stage == S3REC_STAGE_PRETRAIN ? "pretrain" : "finetune");
  training->at = *state->progress;
  training->sequences_before =
      training->at.event == S3REC_RUN_STEP ? training->at.sequence_count : 0;
  json_t *const note = json_loads(state->note, JSON_REJECT_DUPLICATES, NULL);
  const char *const program = json_string_value(json_object_get(note, "program"));
  if (program != NULL && strcmp(program, "s3rec") == 0)
    training->note = note;
  else
    json_decref(note); /* of another program: it does not say where the data come from */
  cli_options saved;
  CLI_TRY(read_state_options(training, &saved));
  CLI_TRY(restore_options(training, &saved));
  CLI_TRY(restore_epochs(training));
  CLI_TRY(restore_model(training));
  cli_options_spread(options);
  return CLI_OK;
}

int cli_resume_refuse_model(const cli_training *training, const char *reason) {
  const cli_options *const options = training->options;
  return cli_usage(
      options,
      "--model: %s must be the file that %s began with, because --refit starts from it "
      "again, but %s; give the path where it is now",
      options->model, options->resume, reason);
}

/* Fresh weights are made from the seed. Another machine may round them differently. */
int cli_resume_check_model(const cli_training *training) {
  const cli_options *const options = training->options;
  if (s3rec_model_fingerprint(training->model) == training->state->model_fingerprint) return CLI_OK;
  if (options->model != NULL) return cli_resume_refuse_model(training, "it holds other weights");
  if (training->note == NULL)
    return cli_usage(
        options,
        "--refit starts again from the first weights of %s. Give their file with --model "
        "(they are not the fresh weights of its seed)",
        options->resume);
  return cli_fail(
      CLI_BAD_DATA,
      "%s: this machine makes other fresh weights from the seed; --refit needs the first "
      "ones. Continue on the machine where the run began",
      options->resume);
}

static void print_shell_quoted(const char *text) {
  static const char plain[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@%,=";
  if (text[strspn(text, plain)] == '\0') {
    fprintf(stderr, " %s", text);
    return;
  }
  fputs(" '", stderr);
  for (const char *c = text; *c != '\0'; c++)
    if (*c == '\'')
      fputs("'\\''", stderr);
    else
      fputc(*c, stderr);
  fputc('\'', stderr);
}

static void print_list_option(const cli_option *option, const cli_options *options) {
  cli_list list;
  memcpy(&list, (const char *)options + option->offset, sizeof list);
  for (size_t i = 0; i < list.count; i++) {
    fprintf(stderr, " --%s", option->name);
    print_shell_quoted(list.values[i]);
  }
}

void cli_print_resume(const cli_training *training) {
  const cli_options *const options = training->options;
  fprintf(stderr, "continue with:\n  s3rec %s", options->command->name);
  for (size_t i = 0; i < cli_option_count; i++) {
    const cli_option *const option = &cli_option_table[i];
    /* Options that the state records need not be given again. */
    if (!options->given[i] || option->recorded || strcmp(option->name, "model") == 0 ||
        strcmp(option->name, "resume") == 0 || strcmp(option->name, "state") == 0)
      continue;
    if (option->kind == CLI_LIST) {
      print_list_option(option, options);
      continue;
    }
    fprintf(stderr, " --%s", option->name);
    if (option->kind == CLI_FLAG) continue;
    char value[4096];
    cli_option_print(option, options, value, sizeof value);
    print_shell_quoted(value);
  }
  fputs(" --resume", stderr);
  print_shell_quoted(training->state_path);
  fputc('\n', stderr);
}
