/* SPDX-License-Identifier: Apache-2.0 */
/* What the page relies on, so that it need not look twice. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "log_file.h"

/* Where a reason goes. */
typedef struct verdict {
  char *reason;
  size_t capacity;
} verdict;

static bool refuse(const verdict *v, const char *key, const char *what) {
  snprintf(v->reason, v->capacity, "\"%.60s\" %s", key, what);
  return false;
}

/* Numbers of a page fit its axes. */
static bool check_number(const verdict *v, const json_t *object, const char *key, double minimum,
                         double maximum) {
  const json_t *const value = json_object_get(object, key);
  if (value == NULL) return refuse(v, key, "is missing");
  if (!json_is_number(value)) return refuse(v, key, "is not a number");
  const double number = json_number_value(value);
  if (number >= minimum && number <= maximum) return true;
  char what[80];
  snprintf(what, sizeof what, "is %.6g; accepted: %.6g to %.6g", number, minimum, maximum);
  return refuse(v, key, what);
}

static bool check_count(const verdict *v, const json_t *object, const char *key) {
  if (!check_number(v, object, key, 0, 1e15)) return false;
  return json_is_integer(json_object_get(object, key)) || refuse(v, key, "is not a whole number");
}

static bool check_text(const verdict *v, const json_t *object, const char *key) {
  const json_t *const value = json_object_get(object, key);
  if (value == NULL) return refuse(v, key, "is missing");
  return json_is_string(value) || refuse(v, key, "is not text");
}

static bool check_kind(const verdict *v, const json_t *object, const char *key, json_type type) {
  const json_t *const value = json_object_get(object, key);
  if (value == NULL) return refuse(v, key, "is missing");
  if (json_typeof(value) == type) return true;
  return refuse(v, key, type == JSON_ARRAY ? "is not a list" : "is not an object");
}

static bool check_begin(const verdict *v, const json_t *object) {
  static const char *const counts[] = {"users", "interactions", "items"};
  const json_t *const data = json_object_get(object, "data");
  if (!check_text(v, object, "version") || !check_kind(v, object, "data", JSON_OBJECT) ||
      !check_text(v, data, "name") || !check_text(v, data, "fingerprint") ||
      !check_kind(v, object, "network", JSON_OBJECT) ||
      !check_kind(v, object, "options", JSON_OBJECT))
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
    if (!json_is_string(value)) return refuse(v, key, "is not text");
  }
  return true;
}

static bool check_metrics(const verdict *v, const json_t *object, const char *key) {
  static const char *const shares[] = {"hr@1",   "hr@5",    "hr@10",   "hr@20",
                                       "ndcg@5", "ndcg@10", "ndcg@20", "mrr"};
  const json_t *const metrics = json_object_get(object, key);
  if (!check_kind(v, object, key, JSON_OBJECT) || !check_text(v, metrics, "protocol") ||
      !check_text(v, metrics, "seen") || !check_text(v, metrics, "ties") ||
      !check_count(v, metrics, "users") || !check_count(v, metrics, "skipped"))
    return false;
  for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++)
    if (!check_number(v, metrics, shares[i], 0, 1)) return false;
  return true;
}

static bool check_refit(const verdict *v, const json_t *object) {
  return check_count(v, object, "epoch") && check_number(v, object, "loss", -1e15, 1e15) &&
         check_number(v, object, "seconds", 0, 1e15);
}

static bool check_epoch(const verdict *v, const json_t *object, bool pretraining) {
  static const char *const losses[] = {"aap", "mip", "map", "sp"};
  if (!check_refit(v, object)) return false;
  if (!pretraining) return check_metrics(v, object, "valid");
  for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++)
    if (!check_number(v, object, losses[i], -1e15, 1e15)) return false;
  return true;
}

static bool check_groups(const verdict *v, const json_t *object, const char *key) {
  size_t index;
  json_t *group;
  if (!check_kind(v, object, key, JSON_ARRAY)) return false;
  json_array_foreach(json_object_get(object, key), index, group) {
    if (!check_count(v, group, "from") || !check_count(v, group, "users") ||
        !check_number(v, group, "hr@10", 0, 1) || !check_number(v, group, "ndcg@10", 0, 1) ||
        (json_object_get(group, "to") != NULL && !check_count(v, group, "to")))
      return false;
  }
  return true;
}

static bool check_items(const verdict *v, const json_t *object, const char *key) {
  size_t index;
  json_t *item;
  if (!check_kind(v, object, key, JSON_ARRAY)) return false;
  json_array_foreach(json_object_get(object, key), index, item) {
    if (!check_count(v, item, "item")) return false;
  }
  return true;
}

static bool check_examples(const verdict *v, const json_t *object) {
  size_t index;
  json_t *user;
  if (!check_kind(v, object, "examples", JSON_ARRAY)) return false;
  json_array_foreach(json_object_get(object, "examples"), index, user) {
    if (!check_count(v, user, "line") || !check_count(v, user, "history_length") ||
        !check_count(v, user, "rank") || !check_items(v, user, "history") ||
        !check_items(v, user, "recommended") || !check_kind(v, user, "answer", JSON_OBJECT) ||
        !check_count(v, json_object_get(user, "answer"), "item"))
      return false;
  }
  return true;
}

bool log_check(json_t *object, char *reason, size_t capacity) {
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
    return true; /* of a later release */
  if (!check_text(&v, object, "command")) return false;
  const bool pretraining = strcmp(log_text(object, NULL, "command"), "pretrain") == 0;
  if (!pretraining && strcmp(log_text(object, NULL, "command"), "finetune") != 0)
    return refuse(&v, "command", "is neither pretrain nor finetune");
  if (begin) return check_begin(&v, object);
  if (epoch) return check_epoch(&v, object, pretraining);
  if (refit) return check_refit(&v, object);
  if (!check_count(&v, object, "epochs")) return false;
  return pretraining ||
         (check_count(&v, object, "best_epoch") && check_text(&v, object, "stop_metric") &&
          check_number(&v, object, "best_value", 0, 1) && check_metrics(&v, object, "test") &&
          check_groups(&v, object, "by_history_length") &&
          check_groups(&v, object, "by_popularity") && check_examples(&v, object));
}
