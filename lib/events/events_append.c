/* SPDX-License-Identifier: Apache-2.0 */
/* Events and attributes out of arrays. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/options.h"
#include "events/events.h"
#include "tables/table_columns.h"

static s3rec_status check_array(const char *name, size_t count, const s3rec_id_array *ids) {
  if ((ids->integers == NULL) == (ids->offsets == NULL))
    return s3_fail(S3REC_ERROR_ARGUMENT, "%s: integers and offsets are both %s, set one of them",
                   name, ids->integers == NULL ? "NULL" : "set");
  if (ids->offsets == NULL) return S3REC_OK;
  if (ids->offsets[0] < 0)
    return s3_fail(S3REC_ERROR_FORMAT, "%s: offsets[0] is %" PRId64 ", must not be negative", name,
                   ids->offsets[0]);
  for (size_t i = 0; i < count; i++)
    if (ids->offsets[i + 1] < ids->offsets[i])
      return s3_fail(S3REC_ERROR_FORMAT,
                     "%s: offsets fall from %" PRId64 " to %" PRId64 " at index %zu", name,
                     ids->offsets[i], ids->offsets[i + 1], i);
  if (ids->text == NULL && ids->offsets[count] > ids->offsets[0])
    return s3_fail(S3REC_ERROR_ARGUMENT, "%s: offsets announce text, but text is NULL", name);
  return S3REC_OK;
}

static s3rec_name_kind kind_of(const s3rec_id_array *ids) {
  return ids->integers != NULL ? S3REC_NAMES_INTEGER : S3REC_NAMES_TEXT;
}

/* Decimal text of an integer at the end of `buffer`. */
static const char *format_integer(int64_t value, char buffer[24], size_t *length) {
  char *at = buffer + 24;
  uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  do {
    *--at = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  if (value < 0) *--at = '-';
  *length = (size_t)(buffer + 24 - at);
  return at;
}

static s3rec_status add_id(const s3rec_events *events, s3_id_column *column, const char *what,
                           const s3rec_id_array *ids, size_t i, int32_t *index) {
  char buffer[24];
  size_t length;
  if (ids->integers != NULL) {
    const char *const name = format_integer(ids->integers[i], buffer, &length);
    return s3_id_column_add(events, column, S3REC_NAMES_INTEGER, name, length, index);
  }
  length = (size_t)(ids->offsets[i + 1] - ids->offsets[i]);
  const char *const name = length > 0 ? ids->text + ids->offsets[i] : "";
  const char *const wrong = s3_name_fault(name, length);
  if (wrong != NULL) return s3_fail(S3REC_ERROR_FORMAT, "%s, index %zu: %s", what, i, wrong);
  return s3_id_column_add(events, column, S3REC_NAMES_TEXT, name, length, index);
}

static s3rec_status append_events(s3rec_events *events, size_t count, const s3rec_id_array *users,
                                  const s3rec_id_array *items, const int64_t *timestamps,
                                  const double *values) {
  const s3_time_kind kind = timestamps != NULL ? S3_TIME_NUMBERS : S3_TIME_NONE;
  for (size_t i = 0; i < count; i++) {
    s3_event event = {.value = values != NULL ? values[i] : NAN,
                      .whole = timestamps != NULL ? timestamps[i] : 0};
    if (values != NULL && isnan(values[i]))
      return s3_fail(S3REC_ERROR_FORMAT, "values, index %zu: NaN is no value", i);
    S3_TRY(add_id(events, &events->users, "users", users, i, &event.user));
    S3_TRY(add_id(events, &events->items, "items", items, i, &event.item));
    S3_TRY(s3_events_add(events, &event, kind));
  }
  return S3REC_OK;
}

s3rec_status s3_events_append(s3rec_events *events, size_t count, const s3rec_id_array *users,
                              const s3rec_id_array *items, const int64_t *timestamps,
                              const double *values) {
  S3_TRY(check_array("users", count, users));
  S3_TRY(check_array("items", count, items));
  if (count == 0) return S3REC_OK;
  S3_TRY(s3_id_column_check(&events->users, "users", kind_of(users)));
  S3_TRY(s3_id_column_check(&events->items, "items", kind_of(items)));
  S3_TRY(s3_events_check_time(events, timestamps != NULL ? S3_TIME_NUMBERS : S3_TIME_NONE, ""));
  const s3_events_mark mark = s3_events_mark_get(events);
  const s3rec_status status = append_events(events, count, users, items, timestamps, values);
  if (status != S3REC_OK) s3_events_go_back(events, &mark);
  return status;
}

static s3rec_status append_pairs(s3rec_events *events, size_t count, const s3rec_id_array *items,
                                 const s3rec_id_array *attributes) {
  for (size_t i = 0; i < count; i++) {
    int32_t item, attribute;
    S3_TRY(add_id(events, &events->items, "items", items, i, &item));
    S3_TRY(add_id(events, &events->attributes, "attributes", attributes, i, &attribute));
    S3_TRY(s3_events_add_pair(events, item, attribute));
  }
  return S3REC_OK;
}

s3rec_status s3_events_append_attributes(s3rec_events *events, size_t count,
                                         const s3rec_id_array *items,
                                         const s3rec_id_array *attributes) {
  S3_TRY(check_array("items", count, items));
  S3_TRY(check_array("attributes", count, attributes));
  if (count == 0) return S3REC_OK;
  S3_TRY(s3_id_column_check(&events->items, "items", kind_of(items)));
  S3_TRY(s3_id_column_check(&events->attributes, "attributes", kind_of(attributes)));
  const s3_events_mark mark = s3_events_mark_get(events);
  const s3rec_status status = append_pairs(events, count, items, attributes);
  if (status != S3REC_OK) s3_events_go_back(events, &mark);
  return status;
}
