/* SPDX-License-Identifier: Apache-2.0 */
/* What all commands share: options (one table, one struct), exit codes and messages. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>

#include "s3rec/s3rec.h"

/* -- options (options.c, option_table.c, option_values.c) */

/* Bits of the commands that have an option. */
enum {
  CLI_PRETRAIN = 1,
  CLI_FINETUNE = 2,
  CLI_EVALUATE = 4,
  CLI_RECOMMEND = 8,
  CLI_INFO = 16,
  CLI_REPORT = 32,
  CLI_CONVERT = 64
};

enum { CLI_OPTION_LIMIT = 128, CLI_LOG_LIMIT = 24, CLI_LIST_LIMIT = 32 };

struct cli_options;

typedef struct cli_command {
  const char *name;
  unsigned bit;
  int (*run)(struct cli_options *options);
  const char *summary;   /* one line of s3rec --help */
  const char *arguments; /* of the usage line, after [OPTION...] */
  const char *text;      /* of s3rec COMMAND --help: description \v examples */
} cli_command;

/* Items that the final weights of fine-tuning are also trained on, besides the training part. The
 * values are those of s3rec_run_options.held_out_count. */
enum {
  CLI_REFIT_NONE = 2,  /* none: the weights are those of the best epoch */
  CLI_REFIT_VALID = 1, /* valid items */
  CLI_REFIT_ALL = 0    /* valid and test items */
};

/* Values of an option that may be given several times. */
typedef struct cli_list {
  const char *values[CLI_LIST_LIMIT];
  size_t count;
} cli_list;

/* Every value that an option can set. Options of the library are in its own structs, which its init
 * functions fill: so each default is written in one place only. */
typedef struct cli_options {
  const cli_command *command;
  const char *data, *name, *model, *out, *resume, *state, *log, *report, *ranks;
  const char *user, *history, *exclude, *candidates, *file;
  cli_list events, attributes; /* files; without events `data` and `name` give the data */
  s3rec_table_options table;   /* how to read events and attributes; of attributes not these two: */
  const char *attribute_item_column, *attribute_delimiter; /* NULL: as for events */
  int32_t bad_rows;
  s3rec_events_options selection;
  const char *logs[CLI_LOG_LIMIT]; /* of report */
  size_t log_count;
  int32_t json, popularity;
  int32_t strict_limits;
  uint64_t seed;
  int32_t save_every;
  int32_t k;
  s3rec_context_options context;
  s3rec_model_config config;
  s3rec_sampler_options sampler;
  s3rec_trainer_options trainer;
  s3rec_run_options run;
  s3rec_evaluate_options evaluate; /* in training: how the test split is measured */
  bool given[CLI_OPTION_LIMIT];    /* by index of the table */
} cli_options;

typedef struct cli_word {
  const char *word;
  int32_t value;
} cli_word;

typedef enum cli_option_kind {
  CLI_FLAG, /* int32_t, set to 1 */
  CLI_TEXT, /* const char *, of minimum..maximum bytes */
  CLI_LIST, /* cli_list: the option may be given several times */
  CLI_INT32,
  CLI_UINT64,
  CLI_DOUBLE,
  CLI_WORD /* int32_t or an enum, one of `words` */
} cli_option_kind;

typedef struct cli_option {
  const char *name, *argument;
  cli_option_kind kind;
  size_t offset; /* of the value in cli_options */
  double minimum, maximum;
  const char *range; /* text, if minimum..maximum would not be right */
  const cli_word *words;
  unsigned commands, required; /* bits */
  bool recorded;               /* the results depend on it: kept in training states */
  int group;
  const char *help;
} cli_option;

extern const cli_option cli_option_table[];
extern const size_t cli_option_count;
/* The name of a metric, such as "ndcg@20". */
const char *cli_metric_name(s3rec_metric metric);

/* Defaults of a command. */
void cli_options_init(const cli_command *command, cli_options *options);

/* Reads the arguments after the command's name. On --help or a usage error it prints the text and
 * exits. */
void cli_options_parse(int count, char **arguments, cli_options *options);

/* Copies values to every part of the library that needs them: seed, sequence length, dropouts, how
 * to measure. */
void cli_options_spread(cli_options *options);

/* Whether the option of that name was on the command line. */
bool cli_options_given(const cli_options *options, const char *name);

/* Sets one value from text. On failure writes the reason to `reason`. */
bool cli_option_set(const cli_option *option, const char *text, cli_options *options, char *reason,
                    size_t capacity);
/* Whether the option says how to read or select events, so that it needs --events. */
bool cli_option_of_events(const cli_option *option);
/* The value of a CLI_TEXT option; NULL if it is not set. */
const char *cli_option_string(const cli_option *option, const cli_options *options);
/* Copies one value. */
void cli_option_copy(const cli_option *option, const cli_options *from, cli_options *to);
/* The value as the text that a user would type. */
void cli_option_print(const cli_option *option, const cli_options *options, char *text,
                      size_t capacity);

/* -- exit codes and messages (main.c) */

/* Exit codes; documented in s3rec --help. */
enum {
  CLI_OK = 0,
  CLI_FAILURE = 1,  /* failed: file system, memory, engine, numbers */
  CLI_USAGE = 2,    /* the command line is wrong */
  CLI_BAD_DATA = 3, /* the contents of an input file are not valid */
  CLI_INTERRUPTED = 130
};

/* Prints "s3rec: message" to stderr and returns `code`. */
__attribute__((format(printf, 2, 3))) int cli_fail(int code, const char *format, ...);
/* The same, and refers to the command's --help; returns CLI_USAGE. */
__attribute__((format(printf, 2, 3))) int cli_usage(const cli_options *options, const char *format,
                                                    ...);
/* Prints the library's last error; the exit code follows from the status. */
int cli_fail_status(s3rec_status status);
/* The same; returns CLI_OK for S3REC_OK. */
int cli_check_status(s3rec_status status);
/* Prints a remark to stderr; a progress bar is removed first. */
__attribute__((format(printf, 1, 2))) void cli_remark(const char *format, ...);

/* The log hook of every context: shows the library's warnings. */
void cli_print_log(s3rec_log_level level, const char *line, void *user_data);
/* While an event file is read, the library's remarks are shown too, and only the first few of its
 * warnings, because each bad row gives one. A call with true begins a file; false ends it. */
void cli_show_reading(bool on);

/* Leaves the function with an exit code unless it is CLI_OK. */
#define CLI_TRY(call)                        \
  do {                                       \
    const int cli_code = (call);             \
    if (cli_code != CLI_OK) return cli_code; \
  } while (0)

/* The commands: each gets its checked options and returns an exit code. */
int cli_pretrain(cli_options *options);
int cli_finetune(cli_options *options);
int cli_evaluate(cli_options *options);
int cli_recommend(cli_options *options);
int cli_info(cli_options *options);
int cli_convert(cli_options *options);
int cli_report(cli_options *options);

/* The last row has no name. */
extern const cli_command cli_commands[];

#endif
