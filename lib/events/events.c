/* SPDX-License-Identifier: Apache-2.0 */
/* From top to bottom: the table of events in blocks, the growing s3rec_events around it,
 * events and attributes from arrays. */
#include "events/events.h"

#include <inttypes.h>
#include <math.h>

#include "base/error.h"

/* Rows are numbered in 32 bits when a dataset is made. */
static const size_t largest_count = UINT32_MAX;

static void free_event_block(const s3rec_context *context, s3_event_block *block) {
  s3_free(context, block->whole);
  s3_free(context, block->billionths);
  s3_free(context, block->values);
  s3_free(context, block);
}

static s3rec_status add_event_block(const s3rec_context *context, s3_event_table *table) {
  S3_TRY(s3_grow(context, (void **)&table->blocks, &table->blocks_capacity, table->block_count + 1,
                 sizeof *table->blocks));
  s3_event_block *const block = s3_allocate_unset(context, 1, sizeof *block);
  if (block == NULL) return S3REC_ERROR_MEMORY;
  block->whole = NULL;
  block->billionths = NULL;
  block->values = NULL;
  table->blocks[table->block_count++] = block;
  return S3REC_OK;
}

/* Makes the optional arrays of the block that this event needs and no event before it did. */
static s3rec_status make_block_arrays(const s3rec_context *context, s3_event_block *block,
                                      const s3_event *event) {
  const size_t size = S3_EVENT_BLOCK_SIZE;
  if (event->whole != 0 && block->whole == NULL) {
    block->whole = s3_allocate(context, size, sizeof *block->whole);
    if (block->whole == NULL) return S3REC_ERROR_MEMORY;
  }
  if (event->billionths != 0 && block->billionths == NULL) {
    block->billionths = s3_allocate(context, size, sizeof *block->billionths);
    if (block->billionths == NULL) return S3REC_ERROR_MEMORY;
  }
  if (!isnan(event->value) && block->values == NULL) {
    block->values = s3_allocate_unset(context, size, sizeof *block->values);
    if (block->values == NULL) return S3REC_ERROR_MEMORY;
    for (size_t i = 0; i < size; i++) block->values[i] = NAN;
  }
  return S3REC_OK;
}

s3rec_status s3_event_table_add(const s3rec_context *context, s3_event_table *table,
                                const s3_event *event) {
  if (table->count == largest_count)
    return s3_fail(S3REC_ERROR_MEMORY, "more than %zu events in one table", largest_count);
  if (table->count == table->block_count << S3_EVENT_BLOCK_BITS)
    S3_TRY(add_event_block(context, table));
  s3_event_block *const block = table->blocks[table->count >> S3_EVENT_BLOCK_BITS];
  S3_TRY(make_block_arrays(context, block, event));
  const size_t place = table->count & (S3_EVENT_BLOCK_SIZE - 1);
  block->users[place] = event->user;
  block->items[place] = event->item;
  if (block->whole != NULL) block->whole[place] = event->whole;
  if (block->billionths != NULL) block->billionths[place] = event->billionths;
  if (block->values != NULL) block->values[place] = event->value;
  table->count++;
  return S3REC_OK;
}

void s3_event_table_truncate(const s3rec_context *context, s3_event_table *table, size_t count) {
  const size_t blocks = (count + S3_EVENT_BLOCK_SIZE - 1) >> S3_EVENT_BLOCK_BITS;
  while (table->block_count > blocks)
    free_event_block(context, table->blocks[--table->block_count]);
  table->count = count;
  if (blocks > 0) return;
  s3_free(context, table->blocks);
  *table = (s3_event_table){0};
}

s3_event s3_event_get(const s3_event_table *table, size_t row) {
  size_t place;
  const s3_event_block *const block = s3_event_block_of(table, row, &place);
  return (s3_event){.user = block->users[place],
                    .item = block->items[place],
                    .whole = block->whole != NULL ? block->whole[place] : 0,
                    .billionths = block->billionths != NULL ? block->billionths[place] : 0,
                    .value = block->values != NULL ? block->values[place] : NAN};
}

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

static s3rec_status check_id_array(const char *name, size_t count, const s3rec_id_array *ids) {
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
    return s3_fail(S3REC_ERROR_ARGUMENT, "%s: text is NULL, but offsets give it a length", name);
  return S3REC_OK;
}

static s3rec_name_kind kind_of_array(const s3rec_id_array *ids) {
  return ids->integers != NULL ? S3REC_NAMES_INTEGER : S3REC_NAMES_TEXT;
}

/* Writes an integer in decimal at the end of `buffer`. */
static const char *format_integer_id(int64_t value, char buffer[24], size_t *length) {
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

static s3rec_status add_array_id(const s3rec_events *events, s3_id_column *column, const char *what,
                                 const s3rec_id_array *ids, size_t i, int32_t *index) {
  char buffer[24];
  size_t length;
  if (ids->integers != NULL) {
    const char *const name = format_integer_id(ids->integers[i], buffer, &length);
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
      return s3_fail(S3REC_ERROR_FORMAT, "values, index %zu: NaN is not a value", i);
    S3_TRY(add_array_id(events, &events->users, "users", users, i, &event.user));
    S3_TRY(add_array_id(events, &events->items, "items", items, i, &event.item));
    S3_TRY(s3_events_add(events, &event, kind));
  }
  return S3REC_OK;
}

s3rec_status s3_events_append(s3rec_events *events, size_t count, const s3rec_id_array *users,
                              const s3rec_id_array *items, const int64_t *timestamps,
                              const double *values) {
  S3_TRY(check_id_array("users", count, users));
  S3_TRY(check_id_array("items", count, items));
  if (count == 0) return S3REC_OK;
  S3_TRY(s3_id_column_check(&events->users, "users", kind_of_array(users)));
  S3_TRY(s3_id_column_check(&events->items, "items", kind_of_array(items)));
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
    S3_TRY(add_array_id(events, &events->items, "items", items, i, &item));
    S3_TRY(add_array_id(events, &events->attributes, "attributes", attributes, i, &attribute));
    S3_TRY(s3_events_add_pair(events, item, attribute));
  }
  return S3REC_OK;
}

s3rec_status s3_events_append_attributes(s3rec_events *events, size_t count,
                                         const s3rec_id_array *items,
                                         const s3rec_id_array *attributes) {
  S3_TRY(check_id_array("items", count, items));
  S3_TRY(check_id_array("attributes", count, attributes));
  if (count == 0) return S3REC_OK;
  S3_TRY(s3_id_column_check(&events->items, "items", kind_of_array(items)));
  S3_TRY(s3_id_column_check(&events->attributes, "attributes", kind_of_array(attributes)));
  const s3_events_mark mark = s3_events_mark_get(events);
  const s3rec_status status = append_pairs(events, count, items, attributes);
  if (status != S3REC_OK) s3_events_go_back(events, &mark);
  return status;
}
