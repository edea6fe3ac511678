/* SPDX-License-Identifier: Apache-2.0 */
#include "log_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

bool log_run_is(const log_run *run, const char *command) {
  return strcmp(log_text(run->begin, NULL, "command"), command) == 0;
}

static const json_t *find(const json_t *object, const char *group, const char *key) {
  return json_object_get(group == NULL ? object : json_object_get(object, group), key);
}

double log_number(const json_t *object, const char *group, const char *key) {
  return json_number_value(find(object, group, key));
}

const char *log_text(const json_t *object, const char *group, const char *key) {
  const char *const text = json_string_value(find(object, group, key));
  return text == NULL ? "" : text;
}

static bool begin_run(log_runs *runs, json_t *object) {
  log_run *const grown = realloc(runs->runs, (runs->count + 1) * sizeof *grown);
  if (grown == NULL) return false;
  runs->runs = grown;
  grown[runs->count] =
      (log_run){.begin = json_incref(object), .epochs = json_array(), .refits = json_array()};
  runs->count++;
  return true;
}

/* Adds an object to the runs of this log, which are those from `first` on. */
static int take(log_runs *runs, size_t first, json_t *object, const char *place) {
  const char *const event = log_text(object, NULL, "event");
  if (strcmp(event, "begin") == 0)
    return begin_run(runs, object) ? CLI_OK : cli_fail(CLI_FAILURE, "out of memory");
  const bool refit = strcmp(event, "refit") == 0;
  if (strcmp(event, "epoch") != 0 && !refit && strcmp(event, "done") != 0) return CLI_OK;
  log_run *const run = runs->count == first ? NULL : &runs->runs[runs->count - 1];
  if (run == NULL || !log_run_is(run, log_text(object, NULL, "command")))
    return cli_fail(CLI_BAD_DATA,
                    "%s: an object of event \"%s\" before the one that begins its run", place,
                    event);
  if (run->done != NULL)
    return cli_fail(CLI_BAD_DATA, "%s: an object of event \"%s\" behind the end of its run", place,
                    event);
  if (strcmp(event, "done") == 0) {
    run->done = json_incref(object);
    return CLI_OK;
  }
  if (!refit && json_array_size(run->refits) > 0)
    return cli_fail(CLI_BAD_DATA, "%s: an object of event \"%s\" behind the refit", place, event);
  json_t *const list = refit ? run->refits : run->epochs;
  const size_t count = json_array_size(list);
  const double before = count == 0 ? 0 : log_number(json_array_get(list, count - 1), NULL, "epoch");
  if (log_number(object, NULL, "epoch") <= before)
    return cli_fail(CLI_BAD_DATA, "%s: epoch %.0f behind epoch %.0f", place,
                    log_number(object, NULL, "epoch"), before);
  json_array_append(list, object);
  return CLI_OK;
}

static int read_line(log_runs *runs, size_t first, const char *line, size_t length,
                     const char *place) {
  json_error_t error;
  char reason[256];
  json_t *const object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
  if (object == NULL) return cli_fail(CLI_BAD_DATA, "%s: not JSON: %s", place, error.text);
  const int code = log_check(object, reason, sizeof reason)
                       ? take(runs, first, object, place)
                       : cli_fail(CLI_BAD_DATA, "%s: %s", place, reason);
  json_decref(object);
  return code;
}

static int read_lines(const char *path, FILE *stream, log_runs *runs, size_t first) {
  char *line = NULL, *place = NULL;
  size_t capacity = 0;
  ssize_t length;
  int code = CLI_OK;
  for (size_t number = 1; code == CLI_OK && (length = getline(&line, &capacity, stream)) > 0;
       number++) {
    if (line[length - 1] != '\n') break; /* still being written, or left by a kill */
    if (asprintf(&place, "%s:%zu", path, number) < 0) {
      place = NULL;
      code = cli_fail(CLI_FAILURE, "out of memory");
    } else {
      code = read_line(runs, first, line, (size_t)length, place);
    }
    free(place);
  }
  free(line);
  if (code == CLI_OK && ferror(stream))
    return cli_fail(CLI_FAILURE, "%s: cannot be read: %s", path, strerror(errno));
  return code;
}

static int name_runs(const char *path, log_runs *runs, size_t first) {
  const bool several = runs->count - first > 1;
  for (size_t i = first; i < runs->count; i++) {
    const int written = several ? asprintf(&runs->runs[i].name, "%s, run %zu", path, i - first + 1)
                                : asprintf(&runs->runs[i].name, "%s", path);
    if (written >= 0) continue;
    runs->runs[i].name = NULL;
    return cli_fail(CLI_FAILURE, "out of memory");
  }
  return CLI_OK;
}

int log_runs_read(const char *path, log_runs *runs) {
  const size_t first = runs->count;
  FILE *const stream = fopen(path, "r");
  if (stream == NULL) return cli_fail(CLI_FAILURE, "%s: cannot be read: %s", path, strerror(errno));
  const int code = read_lines(path, stream, runs, first);
  fclose(stream);
  CLI_TRY(code);
  if (runs->count == first) return cli_fail(CLI_BAD_DATA, "%s: holds no run", path);
  return name_runs(path, runs, first);
}

void log_runs_free(log_runs *runs) {
  for (size_t i = 0; i < runs->count; i++) {
    free(runs->runs[i].name);
    json_decref(runs->runs[i].begin);
    json_decref(runs->runs[i].epochs);
    json_decref(runs->runs[i].refits);
    json_decref(runs->runs[i].done);
  }
  free(runs->runs);
  *runs = (log_runs){0};
}
