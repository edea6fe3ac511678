/* SPDX-License-Identifier: Apache-2.0 */
/* Turns the option table into the table of argp, and what argp reads into option values. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "recipe.h"

enum { FIRST_KEY = 1000 }; /* key of option 0; above every short option */

static int32_t core_count(void) {
  const long cores = sysconf(_SC_NPROCESSORS_ONLN);
  return cores < 1 ? 1 : cores > 256 ? 256 : (int32_t)cores;
}

void cli_options_init(const cli_command *command, cli_options *options) {
  memset(options, 0, sizeof *options);
  options->command = command;
  s3rec_context_options_init(&options->context);
  s3rec_model_config_init(&options->config);
  const s3rec_stage stage =
      command->bit == CLI_FINETUNE ? S3REC_STAGE_FINETUNE : S3REC_STAGE_PRETRAIN;
  s3rec_sampler_options_init(&options->sampler, stage);
  s3rec_run_options_init(&options->run, stage);
  s3rec_trainer_options_init(&options->trainer);
  s3rec_evaluate_options_init(&options->evaluate);
  s3rec_table_options_init(&options->table);
  s3rec_events_options_init(&options->selection);
  options->context.thread_count = core_count();
  options->seed = options->trainer.seed;
  options->save_every = 1;
  options->run.metric = S3REC_METRIC_NDCG_20;
  options->k = 10;
  cli_recipe_set(S3REC_RECIPE_BEST, options);
}

bool cli_options_given(const cli_options *options, const char *name) {
  for (size_t i = 0; i < cli_option_count; i++)
    if (options->given[i] && strcmp(cli_option_table[i].name, name) == 0) return true;
  return false;
}

/* "--hidden_size=64", as the reference spells it, becomes "--hidden-size=64". */
static void spell_with_hyphens(const cli_command *command, char *argument) {
  if (strncmp(argument, "--", 2) != 0) return;
  const size_t length = strcspn(argument + 2, "=");
  char name[64];
  if (length >= sizeof name) return;
  for (size_t i = 0; i < length; i++) name[i] = argument[2 + i] == '_' ? '-' : argument[2 + i];
  name[length] = '\0';
  for (size_t i = 0; i < cli_option_count; i++)
    if (cli_option_table[i].commands & command->bit && strcmp(cli_option_table[i].name, name) == 0)
      memcpy(argument + 2, name, length);
}

/* The data come either from --data and --name or from --events. */
static void check_data_options(const cli_options *options, struct argp_state *state) {
  const unsigned bit = options->command->bit;
  const bool needed = (bit & (CLI_PRETRAIN | CLI_FINETUNE | CLI_EVALUATE)) != 0;
  const bool events = options->events.count > 0;
  if (needed && options->data == NULL && options->name == NULL && !events)
    argp_error(state, "--data DIR or --events FILE is missing");
  if ((options->data == NULL) != (options->name == NULL))
    argp_error(state, "give both --data and --name");
  if (options->data != NULL && events && bit != CLI_CONVERT)
    argp_error(state, "give --data or --events, not both");
  if (options->attributes.count > 0 && !events)
    argp_error(state,
               "--attributes needs --events; with --data the attributes are in "
               "NAME_item2attributes.json");
  for (size_t i = 0; i < cli_option_count; i++)
    if (options->given[i] && cli_option_of_events(&cli_option_table[i]) && !events)
      argp_error(state, "--%s needs --events", cli_option_table[i].name);
}

static void check_command_line(const cli_options *options, struct argp_state *state) {
  const unsigned bit = options->command->bit;
  for (size_t i = 0; i < cli_option_count; i++)
    if (cli_option_table[i].required & bit && !options->given[i])
      argp_error(state, "--%s %s is missing", cli_option_table[i].name,
                 cli_option_table[i].argument);
  check_data_options(options, state);
  if (bit == CLI_RECOMMEND && (options->user == NULL) == (options->history == NULL))
    argp_error(state, "give one of --user and --history");
  if (bit == CLI_RECOMMEND && options->user != NULL && options->data == NULL &&
      options->events.count == 0)
    argp_error(state, "--user needs --data and --name, or --events");
  if (bit == CLI_EVALUATE && (options->model == NULL) == !options->popularity)
    argp_error(state, "give one of --model and --popularity");
  if (options->popularity && options->evaluate.seen == S3REC_SEEN_ZERO)
    argp_error(state, "with --popularity, --seen must be exclude or include");
  if (bit == CLI_REPORT && options->log_count == 0) argp_error(state, "a LOG is missing");
  if (bit == CLI_INFO && options->file != NULL && options->model != NULL)
    argp_error(state, "FILE and --model mean the same; give only one");
}

static error_t parse_option(int key, char *argument, struct argp_state *state) {
  cli_options *const options = state->input;
  const size_t index = (size_t)(key - FIRST_KEY);
  if (key >= FIRST_KEY && index < cli_option_count) {
    char reason[512];
    if (!cli_option_set(&cli_option_table[index], argument == NULL ? "1" : argument, options,
                        reason, sizeof reason))
      argp_error(state, "%s", reason);
    options->given[index] = true;
    return 0;
  }
  if (key == ARGP_KEY_ARG) {
    if (options->command->bit == CLI_REPORT) {
      if (options->log_count == CLI_LOG_LIMIT)
        argp_error(state, "more than %d logs: one page compares at most %d", CLI_LOG_LIMIT,
                   CLI_LOG_LIMIT);
      options->logs[options->log_count++] = argument;
      return 0;
    }
    if (options->command->bit != CLI_INFO || options->file != NULL)
      argp_error(state, "unexpected argument '%s'", argument);
    options->file = argument;
    return 0;
  }
  if (key == ARGP_KEY_END) {
    check_command_line(options, state);
    return 0;
  }
  return ARGP_ERR_UNKNOWN;
}

void cli_options_spread(cli_options *options) {
  options->sampler.max_seq_length = options->config.max_seq_length;
  options->sampler.seed = options->seed;
  options->trainer.seed = options->seed;
  options->run.seed = options->seed;
  options->run.hidden_dropout_prob = options->config.hidden_dropout_prob;
  options->run.attention_probs_dropout_prob = options->config.attention_probs_dropout_prob;
  if (options->command->bit != CLI_FINETUNE) return;
  options->evaluate.protocol = options->run.protocol;
  options->evaluate.seen = options->run.seen;
}

/* The help text, then the words, the range and the default. */
static char *describe_option(const cli_option *option, const cli_options *defaults) {
  char value[64], *text = NULL, words[128] = "", range[64] = "";
  cli_option_print(option, defaults, value, sizeof value);
  size_t length = 0;
  for (const cli_word *word = option->words; word != NULL && word->word != NULL; word++)
    length += (size_t)snprintf(words + length, sizeof words - length, "%s%s",
                               word == option->words ? "" : "|", word->word);
  if (option->kind == CLI_INT32 || option->kind == CLI_DOUBLE) {
    if (option->range != NULL)
      snprintf(range, sizeof range, "%s; ", option->range);
    else
      snprintf(range, sizeof range, "%.10g..%.10g; ", option->minimum, option->maximum);
  }
  const char *const needed = option->required & defaults->command->bit ? " (required)" : "";
  int written;
  if (option->kind == CLI_TEXT || option->kind == CLI_FLAG || option->kind == CLI_LIST)
    written = asprintf(&text, "%s%s", option->help, needed);
  else
    written = asprintf(&text, "%s (%s%s%sdefault %s%s)", option->help, range, words,
                       option->kind == CLI_WORD ? "; " : "", value,
                       cli_recipe_decides(option) ? ", by recipe" : "");
  return written < 0 ? NULL : text;
}

static const char *const group_titles[] = {
    "",         "Files:",     "Events:", "What to do:", "Training:", "Objectives:",
    "Network:", "Computing:", "Output:"};
enum { GROUP_COUNT = sizeof group_titles / sizeof group_titles[0] };

static bool group_used(const cli_command *command, int group) {
  for (size_t i = 0; i < cli_option_count; i++)
    if (cli_option_table[i].commands & command->bit && cli_option_table[i].group == group)
      return true;
  return false;
}

void cli_options_parse(int count, char **arguments, cli_options *options) {
  const cli_command *const command = options->command;
  const cli_options defaults = *options;
  struct argp_option rows[CLI_OPTION_LIMIT + GROUP_COUNT + 1];
  char *texts[CLI_OPTION_LIMIT] = {NULL};
  memset(rows, 0, sizeof rows);
  size_t row = 0;
  for (int group = 1; group < GROUP_COUNT; group++)
    if (group_used(command, group))
      rows[row++] = (struct argp_option){.doc = group_titles[group], .group = group};
  for (size_t i = 0; i < cli_option_count; i++) {
    const cli_option *const option = &cli_option_table[i];
    if (!(option->commands & command->bit)) continue;
    texts[i] = describe_option(option, &defaults);
    rows[row++] = (struct argp_option){.name = option->name,
                                       .key = FIRST_KEY + (int)i,
                                       .arg = option->argument,
                                       .doc = texts[i],
                                       .group = option->group};
  }
  for (int i = 1; i < count; i++) spell_with_hyphens(command, arguments[i]);
  const struct argp argp = {.options = rows,
                            .parser = parse_option,
                            .args_doc = command->arguments,
                            .doc = command->text};
  char program[64];
  snprintf(program, sizeof program, "s3rec %s", command->name);
  arguments[0] = program;
  argp_err_exit_status = CLI_USAGE;
  if (argp_parse(&argp, count, arguments, 0, NULL, options) != 0)
    exit(cli_fail(CLI_FAILURE, "out of memory"));
  for (size_t i = 0; i < CLI_OPTION_LIMIT; i++) free(texts[i]);
  cli_recipe_fill(options);
  cli_options_spread(options);
  if (options->run.protocol == S3REC_PROTOCOL_SAMPLED && !cli_options_given(options, "stop-metric"))
    options->run.metric = S3REC_METRIC_MRR;
}
