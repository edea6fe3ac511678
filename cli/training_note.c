/* SPDX-License-Identifier: Apache-2.0 */
/* The tool's part of a training state: the options that shape the results, the
 * sums of the running epoch, the best epoch and a hash of its weights, the phase and
 * what a refit starts from. Times are
 * left out, so that a resumed run writes the same bytes as one without a stop. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "recipe.h"
#include "training.h"

/* Runs beside --data say nothing of events, as before there were any. */
static bool is_recorded(const cli_option *option, const cli_options *options) {
  return option->recorded && option->commands & options->command->bit &&
         (options->events.count > 0 || !cli_option_of_events(option));
}

json_t *cli_note_options(const cli_options *options) {
  json_t *const object = json_object();
  for (size_t i = 0; i < cli_option_count; i++) {
    const cli_option *const option = &cli_option_table[i];
    if (!is_recorded(option, options)) continue;
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

char *cli_note_make(const cli_training *training) {
  const cli_sums *const sums = &training->sums;
  json_t *const note = json_pack(
      "{s:s, s:s, s:o, s:i, s:{s:f, s:f, s:f, s:f, s:f, s:f, s:o, s:o, s:o}, "
      "s:{s:f, s:i, s:i, s:s}, s:{s:o, s:s, s:i, s:o}}",
      "program", "s3rec", "command", training->options->command->name, "options",
      cli_note_options(training->options), "epochs", (int)training->options->epochs, "sums",
      "total", sums->total, "aap", sums->aap, "mip", sums->mip, "map", sums->map, "sp", sums->sp,
      "next_item", sums->next_item, "sequences", cli_json_uint64(sums->sequences), "tokens",
      cli_json_uint64(sums->tokens), "targets", cli_json_uint64(sums->targets), "best", "value",
      training->best.value, "epoch", (int)training->best.epoch, "waited",
      (int)training->best.waited, "weights", training->best.weights, "start", "model",
      training->options->model == NULL ? json_null() : cli_json_text(training->options->model),
      "weights", training->start_weights, "refit_epochs", (int)training->refit_epochs,
      "selection_epochs", cli_json_uint64(training->selection_epochs));
  char *const text = json_dumps(note, JSON_COMPACT | JSON_REAL_PRECISION(17));
  json_decref(note);
  return text;
}

static int refuse_other(const cli_training *training, const cli_option *option, const char *given,
                        const char *recorded) {
  return cli_usage(training->options,
                   "--%s is %s, but %s was trained with %s; leave it out to go on, or start anew "
                   "without --resume",
                   option->name, given, training->options->resume, recorded);
}

/* The same for text, which may be missing; it stays the note's. */
static int restore_text(cli_training *training, size_t index, const char *text) {
  cli_options *const options = training->options;
  const cli_option *const option = &cli_option_table[index];
  if (options->given[index]) {
    const char *const given = cli_option_string(option, options);
    if (text != NULL && strcmp(given, text) == 0) return CLI_OK;
    return refuse_other(training, option, given, text == NULL ? "the default" : text);
  }
  char reason[512];
  if (text != NULL && !cli_option_set(option, text, options, reason, sizeof reason))
    return cli_fail(CLI_BAD_DATA, "%s: %s", options->resume, reason);
  return CLI_OK;
}

/* Takes one option from the state; one that was given must say the same. */
static int restore_option(cli_training *training, size_t index, const char *text) {
  cli_options *const options = training->options;
  const cli_option *const option = &cli_option_table[index];
  char given[64], reason[512];
  cli_option_print(option, options, given, sizeof given);
  if (options->given[index] && strcmp(given, text) != 0)
    return refuse_other(training, option, given, text);
  if (!cli_option_set(option, text, options, reason, sizeof reason))
    return cli_fail(CLI_BAD_DATA, "%s: %s", options->resume, reason);
  return CLI_OK;
}

/* A run of events goes on with events, another one without. */
static int check_source(const cli_options *options, const json_t *recorded) {
  const bool events = json_object_get(recorded, "repeats") != NULL;
  if (events == (options->events.count > 0)) return CLI_OK;
  return cli_usage(options, "--resume: %s was trained from %s; name %s again", options->resume,
                   events ? "events" : "--data",
                   events ? "the files with --events" : "DIR and NAME");
}

/* An option that the state does not know is newer than it; it was as in the paper's recipe. */
static int restore_options(cli_training *training, json_t *recorded) {
  const cli_options *const options = training->options;
  cli_options defaults;
  cli_options_init(options->command, &defaults);
  cli_recipe_set(S3REC_RECIPE_PAPER, &defaults);
  CLI_TRY(check_source(options, recorded));
  for (size_t i = 0; i < cli_option_count; i++) {
    const cli_option *const option = &cli_option_table[i];
    if (!is_recorded(option, options)) continue;
    const char *const text = json_string_value(json_object_get(recorded, option->name));
    if (option->kind == CLI_TEXT) {
      CLI_TRY(restore_text(training, i, text));
      continue;
    }
    char unknown[64];
    cli_option_print(option, &defaults, unknown, sizeof unknown);
    CLI_TRY(restore_option(training, i, text == NULL ? unknown : text));
  }
  return CLI_OK;
}

/* What the refit needs; states of release 0.1 have no such object, and none needs it. */
static int restore_start(cli_training *training, const json_t *start) {
  cli_options *const options = training->options;
  const char *const model = json_string_value(json_object_get(start, "model"));
  const char *const weights = json_string_value(json_object_get(start, "weights"));
  if (weights != NULL)
    snprintf(training->start_weights, sizeof training->start_weights, "%s", weights);
  training->refit_epochs = (int32_t)json_integer_value(json_object_get(start, "refit_epochs"));
  training->selection_epochs =
      (uint64_t)json_integer_value(json_object_get(start, "selection_epochs"));
  if (training->refit_epochs != 0 && training->refit_epochs != training->best.epoch)
    return cli_fail(CLI_BAD_DATA,
                    "%s: not a state of this tool: a refit of %d epochs, best epoch %d",
                    options->resume, (int)training->refit_epochs, (int)training->best.epoch);
  const bool moved = cli_options_given(options, "model");
  if (moved && (options->refit == CLI_REFIT_NONE || training->refit_epochs > 0 || model == NULL))
    return cli_usage(options, "--model and --resume: the state has its weights already");
  if (moved || model == NULL) return CLI_OK;
  training->start_path = strdup(model);
  options->model = training->start_path;
  return training->start_path == NULL ? cli_fail(CLI_FAILURE, "out of memory") : CLI_OK;
}

/* The learning rate of a cosine falls to 0 at the last epoch, and what a refit is as long
 * as has been chosen: there is no training on. */
static int restore_epochs(const cli_training *training, int32_t epochs) {
  cli_options *const options = training->options;
  if (!cli_options_given(options, "epochs")) options->epochs = epochs;
  if (options->epochs == epochs) return CLI_OK;
  if (options->schedule == CLI_COSINE)
    return cli_usage(options,
                     "--epochs is %d, but the learning rate of %s falls to 0 over %d epochs "
                     "(--schedule cosine); leave it out to go on, or start anew without --resume",
                     (int)options->epochs, options->resume, (int)epochs);
  if (training->refit_epochs > 0)
    return cli_usage(options,
                     "--epochs is %d, but %s is in its refit, the choice of an epoch among %d "
                     "done; leave it out to go on, or start anew without --resume",
                     (int)options->epochs, options->resume, (int)epochs);
  return CLI_OK;
}

static int restore(cli_training *training, json_t *note) {
  cli_options *const options = training->options;
  const char *command = "", *weights = "";
  json_t *recorded = NULL;
  json_int_t sequences, tokens, targets;
  int epochs;
  cli_sums sums;
  cli_best best;
  json_error_t error;
  if (json_unpack_ex(note, &error, 0,
                     "{s:s, s:o, s:i, s:{s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:I}, "
                     "s:{s:f, s:i, s:i, s:s}}",
                     "command", &command, "options", &recorded, "epochs", &epochs, "sums", "total",
                     &sums.total, "aap", &sums.aap, "mip", &sums.mip, "map", &sums.map, "sp",
                     &sums.sp, "next_item", &sums.next_item, "sequences", &sequences, "tokens",
                     &tokens, "targets", &targets, "best", "value", &best.value, "epoch",
                     &best.epoch, "waited", &best.waited, "weights", &weights) != 0)
    return cli_fail(CLI_BAD_DATA, "%s: not a state of this tool: %s", options->resume, error.text);
  if (strcmp(command, options->command->name) != 0)
    return cli_usage(options, "--resume: %s is a state of s3rec %s", options->resume, command);
  sums.sequences = (uint64_t)sequences;
  sums.tokens = (uint64_t)tokens;
  sums.targets = (uint64_t)targets;
  training->sums = sums;
  training->best = best;
  snprintf(training->best.weights, sizeof training->best.weights, "%s", weights);
  CLI_TRY(restore_options(training, recorded));
  CLI_TRY(restore_start(training, json_object_get(note, "start")));
  CLI_TRY(restore_epochs(training, epochs));
  cli_options_spread(options);
  return CLI_OK;
}

int cli_note_read(cli_training *training, const char *note) {
  json_error_t error;
  json_t *const object = json_loads(note, 0, &error);
  if (object == NULL)
    return cli_fail(CLI_BAD_DATA, "%s: the state was not written by s3rec %s",
                    training->options->resume, training->options->command->name);
  training->note = object;
  return restore(training, object);
}
