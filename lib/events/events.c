/* SPDX-License-Identifier: Apache-2.0 */
#include "events/events.h"

#include <math.h>

#include "base/error.h"

s3rec_status s3_events_create(s3rec_context *context, s3rec_events **events) {
  s3rec_events *const made = s3_allocate(context, 1, sizeof *made);
  if (made == NULL) return S3REC_ERROR_MEMORY;
  made->context = s3_context_retain(context);
  *events = made;
  return S3REC_OK;
}

void s3_events_destroy(s3rec_events *events) {
  s3rec_context *const context = events->context;
  s3_name_table_free(context, &events->users.names);
  s3_name_table_free(context, &events->items.names);
  s3_name_table_free(context, &events->attributes.names);
  s3_event_table_truncate(context, &events->table, 0);
  s3_free(context, events->pair_items);
  s3_free(context, events->pair_attributes);
  s3_free(context, events);
  s3_context_release(context);
}

s3_events_mark s3_events_mark_get(const s3rec_events *events) {
  return (s3_events_mark){.users = events->users.names.count,
                          .items = events->items.names.count,
                          .attributes = events->attributes.names.count,
                          .events = events->table.count,
                          .values = events->value_count,
                          .pairs = events->pair_count,
                          .user_kind = events->users.kind,
                          .item_kind = events->items.kind,
                          .attribute_kind = events->attributes.kind,
                          .time_kind = events->time_kind};
}

void s3_events_go_back(s3rec_events *events, const s3_events_mark *mark) {
  s3_name_table_truncate(&events->users.names, mark->users);
  s3_name_table_truncate(&events->items.names, mark->items);
  s3_name_table_truncate(&events->attributes.names, mark->attributes);
  s3_event_table_truncate(events->context, &events->table, mark->events);
  events->value_count = mark->values;
  events->pair_count = mark->pairs;
  events->users.kind = mark->user_kind;
  events->items.kind = mark->item_kind;
  events->attributes.kind = mark->attribute_kind;
  events->time_kind = mark->time_kind;
}

s3rec_status s3_id_column_check(const s3_id_column *column, const char *what,
                                s3rec_name_kind kind) {
  if (column->kind == 0 || column->kind == kind) return S3REC_OK;
  const bool integers = kind == S3REC_NAMES_INTEGER;
  return s3_fail(S3REC_ERROR_MISMATCH, "%s are %s, but those added before are %s", what,
                 integers ? "integers" : "text", integers ? "text" : "integers");
}

s3rec_status s3_id_column_add(const s3rec_events *events, s3_id_column *column,
                              s3rec_name_kind kind, const char *name, size_t length,
                              int32_t *index) {
  S3_TRY(s3_name_table_add(events->context, &column->names, name, length, index));
  column->kind = kind;
  return S3REC_OK;
}

s3rec_status s3_events_check_time(const s3rec_events *events, s3_time_kind kind,
                                  const char *where) {
  static const char *const names[] = {[S3_TIME_NONE] = "no timestamps",
                                      [S3_TIME_NUMBERS] = "numbers as timestamps",
                                      [S3_TIME_DATES] = "dates as timestamps"};
  if (events->time_kind == S3_TIME_OPEN || events->time_kind == kind) return S3REC_OK;
  return s3_fail(S3REC_ERROR_MISMATCH, "%s%sthese events have %s, those added before have %s",
                 where, *where != '\0' ? ": " : "", names[kind], names[events->time_kind]);
}

s3rec_status s3_events_add(s3rec_events *events, const s3_event *event, s3_time_kind kind) {
  S3_TRY(s3_event_table_add(events->context, &events->table, event));
  events->time_kind = kind;
  events->value_count += !isnan(event->value);
  return S3REC_OK;
}

s3rec_status s3_events_add_pair(s3rec_events *events, int32_t item, int32_t attribute) {
  const size_t count = events->pair_count + 1;
  S3_TRY(s3_grow(events->context, (void **)&events->pair_items, &events->pair_items_capacity, count,
                 sizeof item));
  S3_TRY(s3_grow(events->context, (void **)&events->pair_attributes,
                 &events->pair_attributes_capacity, count, sizeof attribute));
  events->pair_items[events->pair_count] = item;
  events->pair_attributes[events->pair_count] = attribute;
  events->pair_count = count;
  return S3REC_OK;
}
