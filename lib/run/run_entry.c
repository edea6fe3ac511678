/* SPDX-License-Identifier: Apache-2.0 */
#include "run/run_entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_reader.h"
#include "base/json_writer.h"

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

static void put_field(s3_json_writer *writer, const state_field *field) {
  int32_t integer;
  double real;
  s3_json_put_key(writer, field->name);
  switch (field->kind) {
    case FIELD_BOOL:
      s3_json_put_truth(writer, *(const bool *)field->value);
      break;
    case FIELD_INT32:
      memcpy(&integer, field->value, sizeof integer);
      s3_json_put_integer(writer, integer);
      break;
    case FIELD_SIZE:
      s3_json_put_integer(writer, (int64_t) * (const size_t *)field->value);
      break;
    case FIELD_UINT64:
      s3_json_put_integer(writer, (int64_t) * (const uint64_t *)field->value);
      break;
    case FIELD_REAL:
      memcpy(&real, field->value, sizeof real);
      s3_json_put_real(writer, real);
      break;
  }
}

/* Whether the value is of the field's kind and fits into it. */
static bool get_field(s3_json value, const state_field *field) {
  int64_t integer;
  double real;
  if (field->kind == FIELD_BOOL) return s3_json_truth(value, field->value);
  if (field->kind == FIELD_REAL) {
    if (!s3_json_real(value, &real)) return false;
    memcpy(field->value, &real, sizeof real);
    return true;
  }
  if (!s3_json_integer(value, &integer)) return false;
  const int32_t narrow = (int32_t)integer;
  if (field->kind == FIELD_INT32) {
    memcpy(field->value, &narrow, sizeof narrow);
    return narrow == integer;
  }
  const size_t size = (size_t)integer; /* may be cut off where it has 32 bits */
  if (field->kind == FIELD_SIZE) {
    memcpy(field->value, &size, sizeof size);
    return integer >= 0 && (uint64_t)size == (uint64_t)integer;
  }
  *(uint64_t *)field->value = (uint64_t)integer;
  return integer >= 0;
}

static void put_fields(s3_json_writer *writer, const state_field *fields, size_t count) {
  for (size_t i = 0; i < count; i++) put_field(writer, &fields[i]);
}

/* An object of the fields. */
static void put_part(s3_json_writer *writer, const char *name, const state_field *fields,
                     size_t count) {
  s3_json_put_key(writer, name);
  s3_json_open(writer, '{');
  put_fields(writer, fields, count);
  s3_json_close(writer, '}');
}

static void put_hash(s3_json_writer *writer, const char *name, uint64_t hash) {
  char text[HASH_SIZE];
  snprintf(text, sizeof text, "%016" PRIx64, hash);
  s3_json_put_key(writer, name);
  s3_json_put_text(writer, text);
}

s3rec_status s3_run_entry_make(const s3rec_context *context, const s3_run_saved *saved,
                               char **json) {
  s3_run_saved copy = *saved;
  state_field options[OPTIONS], position[POSITION], sums[SUMS], metrics[METRICS];
  list_options(&copy.options, options);
  list_position(&copy.at, &copy.steps, position);
  list_sums(&copy.at.sums, sums);
  list_metrics(&copy.at.valid, metrics);
  s3_json_writer writer = {.context = context};
  s3_json_open(&writer, '{');
  put_fields(&writer, position, POSITION);
  put_hash(&writer, "first_weights", saved->first_weights);
  put_hash(&writer, "negatives", saved->negatives);
  put_part(&writer, "options", options, OPTIONS);
  put_part(&writer, "sums", sums, SUMS);
  put_part(&writer, "valid", metrics, METRICS);
  s3_json_close(&writer, '}');
  size_t length;
  return s3_json_finish(&writer, json, &length);
}

static s3rec_status fail_run_field(const char *path, const char *name) {
  return s3_fail(S3REC_ERROR_FORMAT, "%s: no state of a run: its field %s is missing or wrong",
                 path, name);
}

/* Where fields are read from; the index is that of one object after the other. */
typedef struct entry_reader {
  const s3rec_context *context;
  const char *path;
  s3_json_index fields;
} entry_reader;

static s3_json entry_field(const entry_reader *reader, const char *name) {
  return s3_json_index_find(&reader->fields, name, strlen(name));
}

static s3rec_status get_fields(entry_reader *reader, s3_json object, const state_field *fields,
                               size_t count) {
  S3_TRY(s3_json_index_object(reader->context, reader->path, "no state of a run", object,
                              &reader->fields));
  for (size_t i = 0; i < count; i++)
    if (!get_field(entry_field(reader, fields[i].name), &fields[i]))
      return fail_run_field(reader->path, fields[i].name);
  return S3REC_OK;
}

/* Of exactly 16 hexadecimal digits. */
static s3rec_status get_hash(const entry_reader *reader, const char *name, uint64_t *hash) {
  const s3_json text = entry_field(reader, name);
  char digits[HASH_SIZE];
  if (text.begin == NULL || s3_json_kind_of(text) != S3_JSON_TEXT || text.length != HASH_SIZE + 1)
    return fail_run_field(reader->path, name);
  s3_json_text_copy(text, digits);
  if (strspn(digits, "0123456789abcdef") != HASH_SIZE - 1)
    return fail_run_field(reader->path, name);
  *hash = strtoull(digits, NULL, 16);
  return S3REC_OK;
}

/* The object itself, then those that are in it. */
static s3rec_status read_entry_fields(entry_reader *reader, s3_json object, s3_run_saved *saved) {
  state_field options[OPTIONS], position[POSITION], sums[SUMS], metrics[METRICS];
  list_options(&saved->options, options);
  list_position(&saved->at, &saved->steps, position);
  list_sums(&saved->at.sums, sums);
  list_metrics(&saved->at.valid, metrics);
  S3_TRY(get_fields(reader, object, position, POSITION));
  S3_TRY(get_hash(reader, "first_weights", &saved->first_weights));
  S3_TRY(get_hash(reader, "negatives", &saved->negatives));
  const s3_json parts[] = {entry_field(reader, "options"), entry_field(reader, "sums"),
                           entry_field(reader, "valid")};
  S3_TRY(get_fields(reader, parts[0], options, OPTIONS));
  S3_TRY(get_fields(reader, parts[1], sums, SUMS));
  return get_fields(reader, parts[2], metrics, METRICS);
}

s3rec_status s3_run_entry_read(const s3rec_context *context, const char *path, s3_json object,
                               s3_run_saved *saved) {
  s3_run_position *const at = &saved->at;
  entry_reader reader = {.context = context, .path = path};
  const s3rec_status status = read_entry_fields(&reader, object, saved);
  s3_json_index_free(context, &reader.fields);
  S3_TRY(status);
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
