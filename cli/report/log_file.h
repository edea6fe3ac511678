/* SPDX-License-Identifier: Apache-2.0 */
/* Training logs, read and checked: docs/file-format.md. */
#ifndef CLI_REPORT_LOG_FILE_H
#define CLI_REPORT_LOG_FILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct log_run {
  char *name;     /* of the log, and which run of it */
  json_t *begin;  /* the object that begins the run */
  json_t *epochs; /* array of objects, "epoch" rising */
  json_t *refits; /* likewise: the epochs of a refit, counted anew */
  json_t *done;   /* NULL: the run has not ended */
} log_run;

typedef struct log_runs {
  log_run *runs;
  size_t count;
} log_runs;

/* Adds the runs of a log. On failure prints file, line and reason, and returns an
 * exit code; what was read before stays. */
int log_runs_read(const char *path, log_runs *runs);
void log_runs_free(log_runs *runs);

bool log_run_is(const log_run *run, const char *command);
/* A number at a path of one or two keys (`group` may be NULL); 0 where there is
 * none. */
double log_number(const json_t *object, const char *group, const char *key);
/* Text likewise; "" where there is none. */
const char *log_text(const json_t *object, const char *group, const char *key);

#endif
