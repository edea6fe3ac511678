/* SPDX-License-Identifier: Apache-2.0 */
#include "run/run_entry.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

enum { HASH_SIZE = 17 };

/* A number in a JSON object and where it is in memory: one list serves writing and reading. */
typedef enum field_kind {
  FIELD_BOOL,
  FIELD_INT32,
  FIELD_SIZE,
  FIELD_UINT64,
  FIELD_REAL
} field_kind;

typedef struct state_field {
  const char *name;
  field_kind kind;
  void *value;
} state_field;

enum { OPTIONS = 12, COMPARED = 7, POSITION = 11, SUMS = 9, METRICS = 10 };

/* Options that the trainer's and sampler's own states do not have. The first COMPARED are those
 * that s3_run_entry_compare looks at. Enums are of the size of an int. */
static void list_options(s3rec_run_options *o, state_field fields[OPTIONS]) {
  const state_field list[OPTIONS] = {{"stage", FIELD_INT32, &o->stage},
                                     {"epochs", FIELD_INT32, &o->epochs},
                                     {"patience", FIELD_INT32, &o->patience},
                                     {"held_out_count", FIELD_INT32, &o->held_out_count},
                                     {"protocol", FIELD_INT32, &o->protocol},
                                     {"metric", FIELD_INT32, &o->metric},
                                     {"seen", FIELD_INT32, &o->seen},
                                     {"recipe", FIELD_INT32, &o->recipe},
                                     {"own_schedule", FIELD_INT32, &o->own_schedule},
                                     {"schedule", FIELD_INT32, &o->schedule},
                                     {"warmup_epochs", FIELD_REAL, &o->warmup_epochs},
                                     {"time_budget", FIELD_REAL, &o->time_budget}};
  memcpy(fields, list, sizeof list);
}

static void list_position(s3_run_position *at, size_t *steps, state_field fields[POSITION]) {
  const state_field list[POSITION] = {{"refit", FIELD_BOOL, &at->refit},
                                      {"ended", FIELD_BOOL, &at->ended},
                                      {"epoch", FIELD_INT32, &at->epoch},
                                      {"step", FIELD_SIZE, &at->step},
                                      {"steps", FIELD_SIZE, steps},
                                      {"best_epoch", FIELD_INT32, &at->best_epoch},
                                      {"waited", FIELD_INT32, &at->waited},
                                      {"selection_epochs", FIELD_INT32, &at->selection_epochs},
                                      {"best_value", FIELD_REAL, &at->best_value},
                                      {"value", FIELD_REAL, &at->value},
                                      {"seconds", FIELD_REAL, &at->seconds}};
  memcpy(fields, list, sizeof list);
}

static void list_sums(s3_run_sums *sums, state_field fields[SUMS]) {
  const state_field list[SUMS] = {{"total", FIELD_REAL, &sums->total},
                                  {"aap", FIELD_REAL, &sums->aap},
                                  {"mip", FIELD_REAL, &sums->mip},
                                  {"map", FIELD_REAL, &sums->map},
                                  {"sp", FIELD_REAL, &sums->sp},
                                  {"next_item", FIELD_REAL, &sums->next_item},
                                  {"sequences", FIELD_UINT64, &sums->sequences},
                                  {"targets", FIELD_UINT64, &sums->targets},
                                  {"tokens", FIELD_UINT64, &sums->tokens}};
  memcpy(fields, list, sizeof list);
}

static void list_metrics(s3rec_metrics *metrics, state_field fields[METRICS]) {
  const state_field list[METRICS] = {{"user_count", FIELD_SIZE, &metrics->user_count},
                                     {"skipped_count", FIELD_SIZE, &metrics->skipped_count},
                                     {"hr@1", FIELD_REAL, &metrics->hit_rate[0]},
                                     {"hr@5", FIELD_REAL, &metrics->hit_rate[1]},
                                     {"hr@10", FIELD_REAL, &metrics->hit_rate[2]},
                                     {"hr@20", FIELD_REAL, &metrics->hit_rate[3]},
                                     {"ndcg@5", FIELD_REAL, &metrics->ndcg[0]},
                                     {"ndcg@10", FIELD_REAL, &metrics->ndcg[1]},
                                     {"ndcg@20", FIELD_REAL, &metrics->ndcg[2]},
                                     {"mrr", FIELD_REAL, &metrics->mrr}};
  memcpy(fields, list, sizeof list);
}

static json_t *field_to_json(const state_field *field) {
  int32_t integer;
  double real;
  switch (field->kind) {
    case FIELD_BOOL:
      return json_boolean(*(const bool *)field->value);
    case FIELD_INT32:
      memcpy(&integer, field->value, sizeof integer);
      return json_integer(integer);
    case FIELD_SIZE:
      return json_integer((json_int_t) * (const size_t *)field->value);
    case FIELD_UINT64:
      return json_integer((json_int_t) * (const uint64_t *)field->value);
    case FIELD_REAL:
      break;
  }
  memcpy(&real, field->value, sizeof real);
  return json_real(real);
}

/* Whether the value is of the field's kind and fits into it. */
static bool field_from_json(const json_t *value, const state_field *field) {
  const json_int_t integer = json_integer_value(value);
  const int32_t narrow = (int32_t)integer;
  const double real = json_number_value(value);
  if (field->kind == FIELD_BOOL) {
    *(bool *)field->value = json_is_true(value);
    return json_is_boolean(value);
  }
  if (field->kind == FIELD_REAL) {
    memcpy(field->value, &real, sizeof real);
    return json_is_number(value) && isfinite(real);
  }
  if (!json_is_integer(value)) return false;
  if (field->kind == FIELD_INT32) {
    memcpy(field->value, &narrow, sizeof narrow);
    return narrow == integer;
  }
  if (field->kind == FIELD_SIZE)
    *(size_t *)field->value = (size_t)integer;
  else
    *(uint64_t *)field->value = (uint64_t)integer;
  return integer >= 0;
}

/* Adds the fields; false without memory. */
static bool set_fields(json_t *object, const state_field *fields, size_t count) {
  if (object == NULL) return false;
  for (size_t i = 0; i < count; i++)
    if (json_object_set_new(object, fields[i].name, field_to_json(&fields[i])) != 0) return false;
  return true;
}

/* Adds an object of the fields; false without memory. */
static bool set_part(json_t *object, const char *name, const state_field *fields, size_t count) {
  json_t *const part = json_object();
  if (set_fields(part, fields, count)) return json_object_set_new(object, name, part) == 0;
  json_decref(part);
  return false;
}

static bool set_hash(json_t *object, const char *name, uint64_t hash) {
  char text[HASH_SIZE];
  snprintf(text, sizeof text, "%016" PRIx64, hash);
  return json_object_set_new(object, name, json_string(text)) == 0;
}

struct json_t *s3_run_entry_make(const s3_run_saved *saved) {
  s3_run_saved copy = *saved;
  state_field options[OPTIONS], position[POSITION], sums[SUMS], metrics[METRICS];
  list_options(&copy.options, options);
  list_position(&copy.at, &copy.steps, position);
  list_sums(&copy.at.sums, sums);
  list_metrics(&copy.at.valid, metrics);
  json_t *const object = json_object();
  if (set_fields(object, position, POSITION) &&
      set_hash(object, "first_weights", saved->first_weights) &&
      set_hash(object, "negatives", saved->negatives) &&
      set_part(object, "options", options, OPTIONS) && set_part(object, "sums", sums, SUMS) &&
      set_part(object, "valid", metrics, METRICS))
    return object;
  json_decref(object);
  return NULL;
}

static s3rec_status fail_run_field(const char *path, const char *name) {
  return s3_fail(S3REC_ERROR_FORMAT, "%s: no state of a run: its field %s is missing or wrong",
                 path, name);
}

static s3rec_status get_fields(const char *path, const json_t *object, const state_field *fields,
                               size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!field_from_json(json_object_get(object, fields[i].name), &fields[i]))
      return fail_run_field(path, fields[i].name);
  return S3REC_OK;
}

static s3rec_status get_hash(const char *path, const json_t *object, const char *name,
                             uint64_t *hash) {
  const char *const text = json_string_value(json_object_get(object, name));
  int length = 0;
  if (text == NULL || sscanf(text, "%16" SCNx64 "%n", hash, &length) != 1 ||
      length != HASH_SIZE - 1 || text[length] != '\0')
    return fail_run_field(path, name);
  return S3REC_OK;
}

s3rec_status s3_run_entry_read(const char *path, const struct json_t *object,
                               s3_run_saved *saved) {
  s3_run_position *const at = &saved->at;
  state_field options[OPTIONS], position[POSITION], sums[SUMS], metrics[METRICS];
  list_options(&saved->options, options);
  list_position(at, &saved->steps, position);
  list_sums(&at->sums, sums);
  list_metrics(&at->valid, metrics);
  S3_TRY(get_fields(path, json_object_get(object, "options"), options, OPTIONS));
  S3_TRY(get_fields(path, object, position, POSITION));
  S3_TRY(get_fields(path, json_object_get(object, "sums"), sums, SUMS));
  S3_TRY(get_fields(path, json_object_get(object, "valid"), metrics, METRICS));
  S3_TRY(get_hash(path, object, "first_weights", &saved->first_weights));
  S3_TRY(get_hash(path, object, "negatives", &saved->negatives));
  saved->options.struct_size = sizeof saved->options;
  at->valid.struct_size = sizeof at->valid;
  at->valid.split = S3REC_SPLIT_VALID;
  at->valid.protocol = saved->options.protocol;
  at->valid.seen = saved->options.seen;
  return S3REC_OK;
}

s3rec_status s3_run_entry_compare(const char *path, const s3rec_run_options *saved,
                                  const s3rec_run_options *own) {
  s3rec_run_options left = *saved, right = *own;
  state_field theirs[OPTIONS], ours[OPTIONS];
  list_options(&left, theirs);
  list_options(&right, ours);
  for (size_t i = 0; i < COMPARED; i++) {
    int32_t saved_value, own_value;
    memcpy(&saved_value, theirs[i].value, sizeof saved_value);
    memcpy(&own_value, ours[i].value, sizeof own_value);
    if (saved_value != own_value)
      return s3_fail(S3REC_ERROR_MISMATCH, "%s: the run was saved with %s %d, this one has %d",
                     path, ours[i].name, (int)saved_value, (int)own_value);
  }
  if (saved->time_budget == own->time_budget) return S3REC_OK;
  return s3_fail(S3REC_ERROR_MISMATCH,
                 "%s: the run was saved with time_budget %g, this one has %g", path,
                 saved->time_budget, own->time_budget);
}
