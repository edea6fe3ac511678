/* SPDX-License-Identifier: Apache-2.0 */
/* What all commands share: exit codes, failure messages, the commands. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "options.h"
#include "s3rec/s3rec.h"

/* Exit codes; documented in s3rec --help. */
enum {
  CLI_OK = 0,
  CLI_FAILURE = 1,  /* could not be done: file system, memory, engine, numbers */
  CLI_USAGE = 2,    /* the command line is wrong */
  CLI_BAD_DATA = 3, /* an input file holds what it may not hold */
  CLI_INTERRUPTED = 130
};

/* Prints "s3rec: message" to stderr and returns `code`. */
__attribute__((format(printf, 2, 3))) int cli_fail(int code, const char *format, ...);
/* The same with a pointer to the command's --help; returns CLI_USAGE. */
__attribute__((format(printf, 2, 3))) int cli_usage(const cli_options *options, const char *format,
                                                    ...);
/* Prints the library's last error; the exit code follows from the status. */
int cli_fail_status(s3rec_status status);
/* A remark on stderr, never in the way of a progress bar. */
__attribute__((format(printf, 1, 2))) void cli_remark(const char *format, ...);

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

#endif
