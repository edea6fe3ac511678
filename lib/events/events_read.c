/* SPDX-License-Identifier: Apache-2.0 */
/* Events from a file, then item attributes from a file: a cell of column C that holds "x" is
 * the attribute "C=x". */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "events/events.h"
#include "tables/table_columns.h"

typedef struct event_reader {
  s3rec_events *events;
  s3_table_file file;
  s3_column columns[S3_ROLE_COUNT];
  bool has_columns;
  s3_time_kind time_kind; /* of this file, once known */
} event_reader;

static s3rec_status find_event_columns(event_reader *r) {
  if (r->has_columns) return S3REC_OK;
  S3_TRY(s3_find_columns(&r->file, r->columns));
  r->has_columns = true;
  return S3REC_OK;
}

/* Dates and numbers cannot be compared. A row with a date is bad when the rows before have
 * numbers, and the reverse. */
static s3rec_status read_event_time(event_reader *r, s3_event *event, s3_time_kind *kind) {
  const s3_column *const column = &r->columns[S3_TIMESTAMP];
  *kind = S3_TIME_NONE;
  if (!column->there) return S3REC_OK;
  s3_timestamp timestamp;
  S3_TRY(s3_read_timestamp(&r->file, column, &timestamp));
  *kind = timestamp.is_date ? S3_TIME_DATES : S3_TIME_NUMBERS;
  if (r->time_kind != S3_TIME_OPEN && r->time_kind != *kind)
    return s3_fail_row(&r->file, column->part, "a %s, but the rows before have %s",
                       timestamp.is_date ? "date" : "number",
                       timestamp.is_date ? "numbers" : "dates");
  event->whole = timestamp.whole;
  event->billionths = timestamp.billionths;
  return S3REC_OK;
}

/* Items that were there before the call may be more than the limit: only a new one counts. */
static s3rec_status add_file_item(const s3_table_file *file, s3rec_events *events,
                                  const s3_cell *cell, int32_t *index) {
  const size_t before = events->items.names.count;
  const uint64_t most = file->context->limits.items;
  S3_TRY(s3_id_column_add(events, &events->items, S3REC_NAMES_TEXT, cell->text, cell->length,
                          index));
  if (events->items.names.count == before || before < most) return S3REC_OK;
  return s3_fail(S3REC_ERROR_LIMIT,
                 "%s:%" PRIu64 ": item: more than %" PRIu64
                 " different items, the limit (s3rec_limits.items)",
                 file->path, file->row.line, most);
}

static s3rec_status add_event_ids(event_reader *r, s3_event *event) {
  s3_cell cell;
  s3_cell_get(&r->file, &r->columns[S3_USER], &cell);
  S3_TRY(s3_id_column_add(r->events, &r->events->users, S3REC_NAMES_TEXT, cell.text, cell.length,
                          &event->user));
  s3_cell_get(&r->file, &r->columns[S3_ITEM], &cell);
  return add_file_item(&r->file, r->events, &cell, &event->item);
}

static s3rec_status check_event_id(const event_reader *r, s3_role role) {
  s3_cell cell;
  s3_cell_get(&r->file, &r->columns[role], &cell);
  return s3_check_id(&r->file, r->columns[role].part, &cell);
}

/* Checks the whole row before anything of it is added. */
static s3rec_status check_event_row(event_reader *r, s3_event *event, s3_time_kind *kind) {
  S3_TRY(find_event_columns(r));
  S3_TRY(s3_check_absent_keys(&r->file, r->columns));
  S3_TRY(check_event_id(r, S3_USER));
  S3_TRY(check_event_id(r, S3_ITEM));
  S3_TRY(read_event_time(r, event, kind));
  if (r->columns[S3_VALUE].there)
    S3_TRY(s3_read_value(&r->file, &r->columns[S3_VALUE], &event->value));
  return S3REC_OK;
}

static s3rec_status add_event_row(event_reader *r, s3_event *event, s3_time_kind kind) {
  if (r->time_kind == S3_TIME_OPEN) {
    S3_TRY(s3_events_check_time(r->events, kind, r->file.path));
    r->time_kind = kind;
  }
  S3_TRY(add_event_ids(r, event));
  S3_TRY(s3_events_add(r->events, event, kind));
  r->file.report.row_count++;
  return S3REC_OK;
}

static s3rec_status read_event_rows(event_reader *r) {
  if (!r->file.is_json) S3_TRY(find_event_columns(r));
  for (;;) {
    bool found;
    S3_TRY(s3_table_file_next(&r->file, &found));
    if (!found) return S3REC_OK;
    s3_event event = {.value = NAN};
    s3_time_kind kind = S3_TIME_NONE;
    const s3rec_status status = check_event_row(r, &event, &kind);
    S3_TRY(status == S3REC_OK ? add_event_row(r, &event, kind)
                              : s3_table_file_leave_out(&r->file, status));
  }
}

s3rec_status s3_events_read(s3rec_events *events, const char *path,
                            const s3rec_table_options *options, s3rec_table_report *report) {
  S3_TRY(s3_id_column_check(&events->users, "user ids of a file", S3REC_NAMES_TEXT));
  S3_TRY(s3_id_column_check(&events->items, "item ids of a file", S3REC_NAMES_TEXT));
  event_reader r = {.events = events};
  S3_TRY(s3_table_file_open(events->context, path, options, &r.file));
  const s3_events_mark mark = s3_events_mark_get(events);
  const s3rec_status status = read_event_rows(&r);
  if (status == S3REC_OK) {
    s3_table_file_log(&r.file, r.columns, S3_ROLE_COUNT);
    *report = r.file.report;
  } else {
    s3_events_go_back(events, &mark);
  }
  s3_table_file_close(&r.file);
  return status;
}

/* The name of a column is once in a file or row, and again in the name of every attribute: a long
 * one would make a file grow to hundreds of times its size. */
enum { LONGEST_COLUMN_NAME = 255 };

/* A column of attributes; in JSONL a key, which needs no index. */
typedef struct attribute_column {
  const char *name;
  size_t name_length;
  size_t index;
} attribute_column;

typedef struct attribute_reader {
  s3rec_events *events;
  s3_table_file file;
  s3_column item;
  bool has_item;
  attribute_column *columns; /* NULL in JSONL when all keys are wanted */
  size_t columns_capacity, column_count;
  char *list; /* copy of options.attribute_columns, cut into names */
  char *name; /* of one attribute, with room for the longest */
} attribute_reader;

static s3rec_status add_attribute_column(attribute_reader *r, const char *name, size_t length,
                                         size_t index) {
  S3_TRY(s3_grow(r->file.context, (void **)&r->columns, &r->columns_capacity, r->column_count + 1,
                 sizeof *r->columns));
  r->columns[r->column_count++] = (attribute_column){name, length, index};
  return S3REC_OK;
}

/* Adds a column under the name that the header has for it, or under `asked`, its number as
 * text. */
static s3rec_status add_delimited_column(attribute_reader *r, size_t index, const char *asked) {
  const char *name = asked;
  size_t length = asked != NULL ? strlen(asked) : 0;
  if (r->file.has_header) {
    name = r->file.names[index].text;
    length = r->file.names[index].length;
    const char *const wrong = s3_name_fault(name, length);
    if (wrong != NULL)
      return s3_fail_row(&r->file, "header",
                         "name of column %zu: %s; attribute_columns can leave it out", index + 1,
                         wrong);
    if (length > LONGEST_COLUMN_NAME)
      return s3_fail_row(&r->file, "header",
                         "name of column %zu: longer than %d bytes; attribute_columns can leave it "
                         "out",
                         index + 1, LONGEST_COLUMN_NAME);
  }
  if (r->has_item && index == r->item.index)
    return s3_fail(S3REC_ERROR_FORMAT, "%s: item and the attribute \"%.100s\" are the same column",
                   r->file.path, name);
  return add_attribute_column(r, name, length, index);
}

static s3rec_status add_listed_columns(attribute_reader *r) {
  const char *const list = r->file.options.attribute_columns;
  r->list = s3_allocate(r->file.context, strlen(list) + 1, 1);
  if (r->list == NULL) return S3REC_ERROR_MEMORY;
  strcpy(r->list, list);
  for (char *at = r->list; at != NULL;) {
    char *const begin = at;
    at = strchr(at, ',');
    if (at != NULL) *at++ = '\0';
    const s3_field listed = s3_trimmed(begin, strlen(begin));
    char *const name = begin + (listed.text - begin);
    name[listed.length] = '\0';
    size_t index = 0;
    if (listed.length == 0)
      return s3_fail(S3REC_ERROR_ARGUMENT,
                     "attribute_columns is \"%.100s\": one of its names is empty", list);
    if (r->file.is_json) {
      S3_TRY(add_attribute_column(r, name, listed.length, 0));
    } else {
      S3_TRY(s3_find_column(&r->file, "attribute_columns", name, &index));
      S3_TRY(add_delimited_column(r, index, name));
    }
  }
  return S3REC_OK;
}

/* Adds all columns but that of the items. Without a header their names are their numbers. */
static s3rec_status add_all_but_item(attribute_reader *r) {
  enum { DIGITS = 8 };
  if (r->file.column_count == 1 && !r->file.has_header)
    return s3_fail_one_column(&r->file, "attributes");
  r->list = s3_allocate(r->file.context, r->file.column_count, DIGITS);
  if (r->list == NULL) return S3REC_ERROR_MEMORY;
  for (size_t i = 0; i < r->file.column_count; i++) {
    char *const number = r->list + i * DIGITS;
    snprintf(number, DIGITS, "%u", (unsigned)(i + 1) % 1000000);
    if (i != r->item.index) S3_TRY(add_delimited_column(r, i, number));
  }
  return S3REC_OK;
}

static s3rec_status find_attribute_columns(attribute_reader *r) {
  r->name = s3_allocate(r->file.context, S3REC_MAX_NAME_LENGTH + 1, 1);
  if (r->name == NULL) return S3REC_ERROR_MEMORY;
  if (!r->file.is_json) {
    if (r->file.column_count == 0) return S3REC_OK;
    S3_TRY(s3_find_item_column(&r->file, &r->item));
    r->has_item = true;
  }
  if (r->file.options.attribute_columns != NULL) return add_listed_columns(r);
  return r->file.is_json ? S3REC_OK : add_all_but_item(r);
}

/* Makes "column=value" of a text. */
static s3rec_status make_attribute_name(const attribute_reader *r, const attribute_column *column,
                                        const char *text, size_t length, size_t *name_length) {
  const char *const part = column->name;
  if (column->name_length > LONGEST_COLUMN_NAME)
    return s3_fail_row(&r->file, part, "a column of attributes with a name above %d bytes",
                       LONGEST_COLUMN_NAME);
  if (column->name_length + 1 + length > S3REC_MAX_NAME_LENGTH)
    return s3_fail_row(&r->file, part, "longer than %d bytes together with the column's name",
                       S3REC_MAX_NAME_LENGTH);
  memcpy(r->name, column->name, column->name_length);
  r->name[column->name_length] = '=';
  memcpy(r->name + column->name_length + 1, text, length);
  *name_length = column->name_length + 1 + length;
  const char *const wrong = s3_name_fault(r->name, *name_length);
  return wrong == NULL ? S3REC_OK : s3_fail_row(&r->file, part, "%s", wrong);
}

/* Checks one attribute if `item` is negative, else adds it to that item, the index of a name.
 * An empty text is no attribute. */
static s3rec_status take_attribute_text(attribute_reader *r, const attribute_column *column,
                                        const char *text, size_t length, int32_t item) {
  size_t name_length;
  int32_t attribute;
  if (length == 0) return S3REC_OK;
  S3_TRY(make_attribute_name(r, column, text, length, &name_length));
  if (item < 0) return S3REC_OK;
  S3_TRY(s3_id_column_add(r->events, &r->events->attributes, S3REC_NAMES_TEXT, r->name, name_length,
                          &attribute));
  return s3_events_add_pair(r->events, item, attribute);
}

/* Cuts the text of a cell at the separators. */
static s3rec_status take_attribute_values(attribute_reader *r, const attribute_column *column,
                                          const s3_cell *cell, int32_t item) {
  const char *const separator = r->file.options.attribute_separator;
  const size_t size = strlen(separator);
  const char *at = cell->text;
  size_t left = cell->length;
  while (size > 0 && cell->kind == S3_CELL_TEXT) {
    const char *const found = memmem(at, left, separator, size);
    if (found == NULL) break;
    S3_TRY(take_attribute_text(r, column, at, (size_t)(found - at), item));
    left -= (size_t)(found - at) + size;
    at = found + size;
  }
  return take_attribute_text(r, column, at, left, item);
}

static s3rec_status take_attribute_array(attribute_reader *r, const attribute_column *column,
                                         s3_json array, int32_t item) {
  s3_json_walk walk = s3_json_enter(array);
  s3_json value;
  while (s3_json_next(&walk, NULL, &value)) {
    s3_cell cell;
    s3_cell_of_json(&r->file, value, &cell);
    if (cell.kind > S3_CELL_NULL)
      return s3_fail_row(&r->file, column->name,
                         "%s in an array, must be text, a number or a truth value",
                         s3_cell_kind_name(&cell));
    S3_TRY(take_attribute_text(r, column, cell.text, cell.length, item));
  }
  return S3REC_OK;
}

static s3rec_status take_attribute_cell(attribute_reader *r, const attribute_column *column,
                                        const s3_cell *cell, int32_t item) {
  if (cell->kind == S3_CELL_ARRAY) return take_attribute_array(r, column, cell->json, item);
  if (cell->kind == S3_CELL_OBJECT)
    return s3_fail_row(
        &r->file, column->name,
        "an object cannot be an attribute; attribute_columns can name other columns");
  return take_attribute_values(r, column, cell, item);
}

static s3rec_status take_all_keys(attribute_reader *r, int32_t item) {
  const s3_json_index *const members = &r->file.members;
  const size_t item_length = strlen(r->item.key);
  for (size_t member = 0; member < members->count; member++) {
    const s3_field key = s3_json_row_text(&r->file, s3_json_index_key(members, member));
    if (key.length == item_length && memcmp(key.text, r->item.key, item_length) == 0) continue;
    char name[LONGEST_COLUMN_NAME + 1]; /* ends with NUL, and is cut when it is too long */
    snprintf(name, sizeof name, "%.*s", (int)key.length, key.text);
    const attribute_column column = {name, key.length, 0};
    s3_cell cell;
    s3_cell_of_json(&r->file, s3_json_index_value(members, member), &cell);
    S3_TRY(take_attribute_cell(r, &column, &cell, item));
  }
  return S3REC_OK;
}

static s3rec_status take_attributes_of_row(attribute_reader *r, int32_t item) {
  if (r->file.is_json && r->file.options.attribute_columns == NULL) return take_all_keys(r, item);
  for (size_t i = 0; i < r->column_count; i++) {
    const attribute_column *const column = &r->columns[i];
    const s3_column place = {.index = column->index, .key = column->name};
    s3_cell cell;
    s3_cell_get(&r->file, &place, &cell);
    S3_TRY(take_attribute_cell(r, column, &cell, item));
  }
  return S3REC_OK;
}

static s3rec_status check_attribute_row(attribute_reader *r, s3_cell *cell) {
  if (!r->has_item) {
    S3_TRY(s3_find_item_column(&r->file, &r->item));
    r->has_item = true;
  }
  s3_cell_get(&r->file, &r->item, cell);
  S3_TRY(s3_check_id(&r->file, r->item.part, cell));
  return take_attributes_of_row(r, -1);
}

static s3rec_status add_attribute_row(attribute_reader *r, const s3_cell *cell) {
  int32_t item;
  S3_TRY(add_file_item(&r->file, r->events, cell, &item));
  S3_TRY(take_attributes_of_row(r, item));
  r->file.report.row_count++;
  return S3REC_OK;
}

static s3rec_status read_attribute_rows(attribute_reader *r) {
  S3_TRY(find_attribute_columns(r));
  for (;;) {
    bool found;
    S3_TRY(s3_table_file_next(&r->file, &found));
    if (!found) return S3REC_OK;
    s3_cell cell;
    const s3rec_status status = check_attribute_row(r, &cell);
    S3_TRY(status == S3REC_OK ? add_attribute_row(r, &cell)
                              : s3_table_file_leave_out(&r->file, status));
  }
}

s3rec_status s3_events_read_attributes(s3rec_events *events, const char *path,
                                       const s3rec_table_options *options,
                                       s3rec_table_report *report) {
  S3_TRY(s3_id_column_check(&events->items, "item ids of a file", S3REC_NAMES_TEXT));
  S3_TRY(s3_id_column_check(&events->attributes, "attributes of a file", S3REC_NAMES_TEXT));
  if (strlen(options->attribute_separator) > S3_MAX_DELIMITER_LENGTH)
    return s3_fail(S3REC_ERROR_ARGUMENT, "attribute_separator has %zu bytes, must have 0..%d",
                   strlen(options->attribute_separator), S3_MAX_DELIMITER_LENGTH);
  attribute_reader r = {.events = events};
  S3_TRY(s3_table_file_open(events->context, path, options, &r.file));
  const s3_events_mark mark = s3_events_mark_get(events);
  const s3rec_status status = read_attribute_rows(&r);
  if (status == S3REC_OK) {
    s3_table_file_log(&r.file, &r.item, 1);
    *report = r.file.report;
  } else {
    s3_events_go_back(events, &mark);
  }
  s3_free(events->context, r.columns);
  s3_free(events->context, r.list);
  s3_free(events->context, r.name);
  s3_table_file_close(&r.file);
  return status;
}
