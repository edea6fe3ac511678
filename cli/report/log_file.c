/* SPDX-License-Identifier: Apache-2.0 */
#include "log_file.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "output.h"

bool log_run_is(const log_run *run, const char *command) {
  return strcmp(log_text(run->begin, NULL, "command"), command) == 0;
}

static const json_t *find_value(const json_t *object, const char *group, const char *key) {
  return json_object_get(group == NULL ? object : json_object_get(object, group), key);
}

double log_number(const json_t *object, const char *group, const char *key) {
  return json_number_value(find_value(object, group, key));
}

const char *log_text(const json_t *object, const char *group, const char *key) {
  const char *const text = json_string_value(find_value(object, group, key));
  return text == NULL ? "" : text;
}

/* -- checks of everything that the page relies on; the page itself does not check again */

/* Where the reason of a refusal is written. */
typedef struct verdict {
  char *reason;
  size_t capacity;
} verdict;

static bool refuse_entry(const verdict *v, const char *key, const char *what) {
  snprintf(v->reason, v->capacity, "\"%.60s\" %s", key, what);
  return false;
}

/* The limits also make sure that numbers fit the axes of the page. */
static bool check_number(const verdict *v, const json_t *object, const char *key, double minimum,
                         double maximum) {
  const json_t *const value = json_object_get(object, key);
  if (value == NULL) return refuse_entry(v, key, "is missing");
  if (!json_is_number(value)) return refuse_entry(v, key, "is not a number");
  const double number = json_number_value(value);
  if (number >= minimum && number <= maximum) return true;
  char what[80];
  snprintf(what, sizeof what, "is %.6g; accepted: %.6g to %.6g", number, minimum, maximum);
  return refuse_entry(v, key, what);
}

static bool check_count(const verdict *v, const json_t *object, const char *key) {
  if (!check_number(v, object, key, 0, 1e15)) return false;
  return json_is_integer(json_object_get(object, key)) ||
         refuse_entry(v, key, "is not a whole number");
}

static bool check_text(const verdict *v, const json_t *object, const char *key) {
  const json_t *const value = json_object_get(object, key);
  if (value == NULL) return refuse_entry(v, key, "is missing");
  return json_is_string(value) || refuse_entry(v, key, "is not text");
}

static bool check_json_kind(const verdict *v, const json_t *object, const char *key,
                            json_type type) {
  const json_t *const value = json_object_get(object, key);
  if (value == NULL) return refuse_entry(v, key, "is missing");
  if (json_typeof(value) == type) return true;
  return refuse_entry(v, key, type == JSON_ARRAY ? "is not a list" : "is not an object");
}

static bool check_begin_entry(const verdict *v, const json_t *object) {
  static const char *const counts[] = {"users", "interactions", "items"};
  const json_t *const data = json_object_get(object, "data");
  if (!check_text(v, object, "version") || !check_json_kind(v, object, "data", JSON_OBJECT) ||
      !check_text(v, data, "name") || !check_text(v, data, "fingerprint") ||
      !check_json_kind(v, object, "network", JSON_OBJECT) ||
      !check_json_kind(v, object, "options", JSON_OBJECT))
    return false;
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
    if (!check_count(v, data, counts[i])) return false;
  static const char *const before[] = {"epochs_before", "refit_epochs_before"};
  for (size_t i = 0; i < sizeof before / sizeof before[0]; i++)
    if (json_object_get(object, before[i]) != NULL && !check_count(v, object, before[i]))
      return false;
  const char *key;
  json_t *value;
  json_object_foreach(json_object_get(object, "options"), key, value) {
    if (!json_is_string(value)) return refuse_entry(v, key, "is not text");
  }
  return true;
}

static bool check_metrics(const verdict *v, const json_t *object, const char *key) {
  static const char *const shares[] = {"hr@1",   "hr@5",    "hr@10",   "hr@20",
                                       "ndcg@5", "ndcg@10", "ndcg@20", "mrr"};
  const json_t *const metrics = json_object_get(object, key);
  if (!check_json_kind(v, object, key, JSON_OBJECT) || !check_text(v, metrics, "protocol") ||
      !check_text(v, metrics, "seen") || !check_text(v, metrics, "ties") ||
      !check_count(v, metrics, "users") || !check_count(v, metrics, "skipped"))
    return false;
  for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++)
    if (!check_number(v, metrics, shares[i], 0, 1)) return false;
  return true;
}

static bool check_refit_entry(const verdict *v, const json_t *object) {
  return check_count(v, object, "epoch") && check_number(v, object, "loss", -1e15, 1e15) &&
         check_number(v, object, "seconds", 0, 1e15);
}

static bool check_epoch_entry(const verdict *v, const json_t *object, bool pretraining) {
  static const char *const losses[] = {"aap", "mip", "map", "sp"};
  if (!check_refit_entry(v, object)) return false;
  if (!pretraining) return check_metrics(v, object, "valid");
  for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++)
    if (!check_number(v, object, losses[i], -1e15, 1e15)) return false;
  return true;
}

static bool check_groups(const verdict *v, const json_t *object, const char *key) {
  size_t index;
  json_t *group;
  if (!check_json_kind(v, object, key, JSON_ARRAY)) return false;
  json_array_foreach(json_object_get(object, key), index, group) {
    if (!check_count(v, group, "from") || !check_count(v, group, "users") ||
        !check_number(v, group, "hr@10", 0, 1) || !check_number(v, group, "ndcg@10", 0, 1) ||
        (json_object_get(group, "to") != NULL && !check_count(v, group, "to")))
      return false;
  }
  return true;
}

static bool check_item_list(const verdict *v, const json_t *object, const char *key) {
  size_t index;
  json_t *item;
  if (!check_json_kind(v, object, key, JSON_ARRAY)) return false;
  json_array_foreach(json_object_get(object, key), index, item) {
    if (!check_count(v, item, "item")) return false;
  }
  return true;
}

static bool check_examples(const verdict *v, const json_t *object) {
  size_t index;
  json_t *user;
  if (!check_json_kind(v, object, "examples", JSON_ARRAY)) return false;
  json_array_foreach(json_object_get(object, "examples"), index, user) {
    if (!check_count(v, user, "line") || !check_count(v, user, "history_length") ||
        !check_count(v, user, "rank") || !check_item_list(v, user, "history") ||
        !check_item_list(v, user, "recommended") ||
        !check_json_kind(v, user, "answer", JSON_OBJECT) ||
        !check_count(v, json_object_get(user, "answer"), "item"))
      return false;
  }
  return true;
}

static bool check_log_entry(json_t *object, char *reason, size_t capacity) {
  const verdict v = {reason, capacity};
  if (!json_is_object(object)) {
    snprintf(reason, capacity, "not an object");
    return false;
  }
  if (!check_text(&v, object, "event")) return false;
  const char *const event = log_text(object, NULL, "event");
  const bool begin = strcmp(event, "begin") == 0, epoch = strcmp(event, "epoch") == 0;
  const bool refit = strcmp(event, "refit") == 0;
  if (!begin && !epoch && !refit && strcmp(event, "done") != 0)
    return true; /* an event of a later release */
  if (!check_text(&v, object, "command")) return false;
  const bool pretraining = strcmp(log_text(object, NULL, "command"), "pretrain") == 0;
  if (!pretraining && strcmp(log_text(object, NULL, "command"), "finetune") != 0)
    return refuse_entry(&v, "command", "is neither pretrain nor finetune");
  if (begin) return check_begin_entry(&v, object);
  if (epoch) return check_epoch_entry(&v, object, pretraining);
  if (refit) return check_refit_entry(&v, object);
  if (!check_count(&v, object, "epochs")) return false;
  return pretraining ||
         (check_count(&v, object, "best_epoch") && check_text(&v, object, "stop_metric") &&
          check_number(&v, object, "best_value", 0, 1) && check_metrics(&v, object, "test") &&
          check_groups(&v, object, "by_history_length") &&
          check_groups(&v, object, "by_popularity") && check_examples(&v, object));
}

/* -- runs */

static bool begin_log_run(log_runs *runs, json_t *object) {
  log_run *const grown = realloc(runs->runs, (runs->count + 1) * sizeof *grown);
  if (grown == NULL) return false;
  runs->runs = grown;
  grown[runs->count] =
      (log_run){.begin = json_incref(object), .epochs = json_array(), .refits = json_array()};
  runs->count++;
  return true;
}

/* Adds an object to the runs of this log. They are the runs from `first` on. */
static int take_entry(log_runs *runs, size_t first, json_t *object, const char *place) {
  const char *const event = log_text(object, NULL, "event");
  if (strcmp(event, "begin") == 0)
    return begin_log_run(runs, object) ? CLI_OK : cli_fail(CLI_FAILURE, "out of memory");
  const bool refit = strcmp(event, "refit") == 0;
  if (strcmp(event, "epoch") != 0 && !refit && strcmp(event, "done") != 0) return CLI_OK;
  log_run *const run = runs->count == first ? NULL : &runs->runs[runs->count - 1];
  if (run == NULL || !log_run_is(run, log_text(object, NULL, "command")))
    return cli_fail(CLI_BAD_DATA, "%s: event \"%s\" before the begin of its run", place, event);
  if (run->done != NULL)
    return cli_fail(CLI_BAD_DATA, "%s: event \"%s\" after the end of its run", place, event);
  if (strcmp(event, "done") == 0) {
    run->done = json_incref(object);
    return CLI_OK;
  }
  if (!refit && json_array_size(run->refits) > 0)
    return cli_fail(CLI_BAD_DATA, "%s: event \"%s\" after the refit", place, event);
  json_t *const list = refit ? run->refits : run->epochs;
  const size_t count = json_array_size(list);
  const double before = count == 0 ? 0 : log_number(json_array_get(list, count - 1), NULL, "epoch");
  if (log_number(object, NULL, "epoch") <= before)
    return cli_fail(CLI_BAD_DATA, "%s: epoch %.0f after epoch %.0f", place,
                    log_number(object, NULL, "epoch"), before);
  json_array_append(list, object);
  return CLI_OK;
}

static int read_log_line(log_runs *runs, size_t first, const char *line, size_t length,
                         const char *place) {
  json_error_t error;
  char reason[256];
  json_t *const object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
  if (object == NULL) return cli_fail(CLI_BAD_DATA, "%s: not JSON: %s", place, error.text);
  const int code = check_log_entry(object, reason, sizeof reason)
                       ? take_entry(runs, first, object, place)
                       : cli_fail(CLI_BAD_DATA, "%s: %s", place, reason);
  json_decref(object);
  return code;
}

static int read_log_lines(const char *path, FILE *stream, log_runs *runs, size_t first) {
  char *line = NULL, *place = NULL;
  size_t capacity = 0;
  ssize_t length;
  int code = CLI_OK;
  for (size_t number = 1; code == CLI_OK && (length = getline(&line, &capacity, stream)) > 0;
       number++) {
    if (line[length - 1] != '\n') break; /* still being written, or the process was killed */
    if (asprintf(&place, "%s:%zu", path, number) < 0) {
      place = NULL;
      code = cli_fail(CLI_FAILURE, "out of memory");
    } else {
      code = read_log_line(runs, first, line, (size_t)length, place);
    }
    free(place);
  }
  free(line);
  if (code == CLI_OK && !feof(stream)) /* without memory, no error flag is set */
    return cli_fail(CLI_FAILURE, "%s: cannot be read: %s", path, strerror(errno));
  return code;
}

static int name_log_runs(const char *path, log_runs *runs, size_t first) {
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
  FILE *const stream = cli_open_stream(path, "r");
  if (stream == NULL) return cli_fail(CLI_FAILURE, "%s: cannot be read: %s", path, strerror(errno));
  const int code = read_log_lines(path, stream, runs, first);
  fclose(stream);
  CLI_TRY(code);
  if (runs->count == first) return cli_fail(CLI_BAD_DATA, "%s: holds no run", path);
  return name_log_runs(path, runs, first);
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
