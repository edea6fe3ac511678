/* SPDX-License-Identifier: Apache-2.0 */
/* Training logs, read and checked: docs/file-format.md. */
#ifndef CLI_REPORT_LOG_FILE_H
#define CLI_REPORT_LOG_FILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct log_run {
  char *name;     /* path of the log and, if it has several runs, the number of the run */
  json_t *begin;  /* the object that begins the run */
  json_t *epochs; /* array of objects, "epoch" rising */
  json_t *refits; /* in the same way: the epochs of a refit, counted from 1 again */
  json_t *done;   /* NULL: the run has not ended */
} log_run;

typedef struct log_runs {
  log_run *runs;
  size_t count;
} log_runs;

/* Adds the runs of a log. On failure prints file, line and reason, returns an exit code and keeps
 * the runs that were read before. */
int log_runs_read(const char *path, log_runs *runs);
void log_runs_free(log_runs *runs);

bool log_run_is(const log_run *run, const char *command);
/* The number at object[group][key], or at object[key] if `group` is NULL; 0 if there is none. */
double log_number(const json_t *object, const char *group, const char *key);
/* Text in the same way; "" if there is none. */
const char *log_text(const json_t *object, const char *group, const char *key);

#endif
