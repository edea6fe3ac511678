/* SPDX-License-Identifier: Apache-2.0 */
/* s3rec: finds the command and runs it. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "interrupt.h"
#include "print.h"
#include "progress.h"

/* Messages quote files and arguments; control characters in them must not reach the terminal. */
static void print_message(const char *prefix, const char *format, va_list arguments) {
  char room[1024], *longer = NULL; /* a message must come out when memory does not */
  va_list again;
  va_copy(again, arguments);
  cli_progress_clear();
  const int length = vsnprintf(room, sizeof room, format, arguments);
  if (length >= (int)sizeof room && vasprintf(&longer, format, again) < 0) longer = NULL;
  va_end(again);
  char *const text = longer == NULL ? room : longer;
  for (char *line = text, *end; line != NULL; line = end) {
    end = strchr(line, '\n');
    if (end != NULL) *end++ = '\0';
    cli_plain_text(line, line, strlen(line) + 1);
    fprintf(stderr, "%s%s\n", line == text ? prefix : "", line);
  }
  free(longer);
}

/* Memory of jansson. It overwrites memory that it does not own when a request fails, and leaves
 * out the members of an object that it has no memory for: so no request fails. */
static void *memory_or_exit(size_t size) {
  void *const memory = malloc(size);
  if (memory == NULL) exit(cli_fail(CLI_FAILURE, "out of memory"));
  return memory;
}

int cli_fail(int code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  print_message("s3rec: ", format, arguments);
  va_end(arguments);
  return code;
}

int cli_usage(const cli_options *options, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  print_message("s3rec: ", format, arguments);
  va_end(arguments);
  fprintf(stderr, "Try `s3rec %s --help'.\n", options->command->name);
  return CLI_USAGE;
}

int cli_fail_status(s3rec_status status) {
  switch (status) {
    case S3REC_ERROR_FORMAT:
    case S3REC_ERROR_LIMIT:
    case S3REC_ERROR_MISMATCH:
      return cli_fail(CLI_BAD_DATA, "%s", s3rec_last_error());
    case S3REC_ERROR_ARGUMENT:
    case S3REC_ERROR_NOT_FOUND:
      return cli_fail(CLI_USAGE, "%s", s3rec_last_error());
    default:
      return cli_fail(CLI_FAILURE, "%s (%s)", s3rec_last_error(), s3rec_status_name(status));
  }
}

int cli_check_status(s3rec_status status) {
  return status == S3REC_OK ? CLI_OK : cli_fail_status(status);
}

void cli_remark(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  print_message("", format, arguments);
  va_end(arguments);
}

enum { WARNINGS_SHOWN = 5 }; /* of a file */
static struct {
  bool on;
  int warnings_left;
} reading;

void cli_show_reading(bool on) {
  reading.on = on;
  reading.warnings_left = WARNINGS_SHOWN;
}

void cli_print_log(s3rec_log_level level, const char *line, void *user_data) {
  (void)user_data;
  const bool warning = level == S3REC_LOG_WARNING;
  if (!warning && reading.on) cli_remark("%s", line);
  if (!warning || (reading.on && reading.warnings_left-- <= 0)) return;
  cli_remark("warning: %s", line);
}

static void print_help(void) {
  fputs(
      "Usage: s3rec COMMAND [OPTION...]\n"
      "S3-Rec next-item recommender: learns from sequences of items and from their\n"
      "attributes, and recommends the next items of a user.\n\n",
      stdout);
  for (const cli_command *command = cli_commands; command->name != NULL; command++)
    printf("  %-10s  %s\n", command->name, command->summary);
  fputs(
      "\n"
      "  s3rec COMMAND --help   options of a command, and examples\n"
      "  s3rec --version        release\n"
      "\n"
      "Exit codes: 0 done; 1 failed (files, memory, numbers); 2 wrong\n"
      "command line; 3 bad input data; 130 interrupted (training state saved).\n"
      "Ctrl-C, SIGTERM, SIGHUP and SIGXCPU end training after the current step; a second\n"
      "Ctrl-C or SIGTERM ends it at once.\n",
      stdout);
}

/* The next file would take the number of a standard stream that is closed, and messages would be
 * written into it. What stands in for it refuses to be written. */
static void fill_standard_streams(void) {
  for (int file; (file = open("/dev/null", O_RDONLY)) >= 0;) {
    if (file <= STDERR_FILENO) continue;
    close(file);
    break;
  }
}

int main(int count, char **arguments) {
  fill_standard_streams();
  json_set_alloc_funcs(memory_or_exit, free);
  const char *const word = count > 1 ? arguments[1] : "";
  cli_ignore_file_limit();
  if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
    printf("s3rec %s\n", s3rec_version());
    return CLI_OK;
  }
  if (strcmp(word, "--help") == 0 || strcmp(word, "-?") == 0 || strcmp(word, "help") == 0) {
    print_help();
    return CLI_OK;
  }
  for (const cli_command *command = cli_commands; command->name != NULL; command++) {
    if (strcmp(command->name, word) != 0) continue;
    cli_options options;
    cli_options_init(command, &options);
    cli_options_parse(count - 1, arguments + 1, &options);
    const int code = command->run(&options);
    if (fflush(stdout) != 0 && code == CLI_OK)
      return cli_fail(CLI_FAILURE, "standard output: writing failed");
    return code;
  }
  if (count < 2) return cli_fail(CLI_USAGE, "a command is missing\nTry `s3rec --help'.");
  return cli_fail(CLI_USAGE, "there is no command '%s'\nTry `s3rec --help'.", word);
}
