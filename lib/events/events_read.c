/* SPDX-License-Identifier: Apache-2.0 */
/* Events out of a file. */
#include <math.h>

#include "base/error.h"
#include "events/events.h"
#include "tables/table_columns.h"

typedef struct reader {
  s3rec_events *events;
  s3_table_file file;
  s3_column columns[S3_ROLE_COUNT];
  bool has_columns;
  s3_time_kind time_kind; /* of this file, once known */
} reader;

static s3rec_status find_columns(reader *r) {
  if (r->has_columns) return S3REC_OK;
  S3_TRY(s3_find_columns(&r->file, r->columns));
  r->has_columns = true;
  return S3REC_OK;
}

/* Dates and numbers cannot be compared, so a row that has the other is bad. */
static s3rec_status read_timestamp(reader *r, s3_event *event, s3_time_kind *kind) {
  const s3_column *const column = &r->columns[S3_TIMESTAMP];
  *kind = S3_TIME_NONE;
  if (!column->there) return S3REC_OK;
  s3_timestamp timestamp;
  S3_TRY(s3_read_timestamp(&r->file, column, &timestamp));
  *kind = timestamp.is_date ? S3_TIME_DATES : S3_TIME_NUMBERS;
  if (r->time_kind != S3_TIME_OPEN && r->time_kind != *kind)
    return s3_fail_row(&r->file, column->part, "a %s where the rows before have %s",
                       timestamp.is_date ? "date" : "number",
                       timestamp.is_date ? "numbers" : "dates");
  event->whole = timestamp.whole;
  event->billionths = timestamp.billionths;
  return S3REC_OK;
}

static s3rec_status read_id(reader *r, s3_role role, s3_id_column *ids, int32_t *index) {
  s3_cell cell;
  s3_cell_get(&r->file, &r->columns[role], &cell);
  return s3_id_column_add(r->events, ids, S3REC_NAMES_TEXT, cell.text, cell.length, index);
}

static s3rec_status check_id(const reader *r, s3_role role) {
  s3_cell cell;
  s3_cell_get(&r->file, &r->columns[role], &cell);
  return s3_check_id(&r->file, r->columns[role].part, &cell);
}

/* All is checked before anything is added. */
static s3rec_status check_row(reader *r, s3_event *event, s3_time_kind *kind) {
  S3_TRY(find_columns(r));
  S3_TRY(s3_check_absent_keys(&r->file, r->columns));
  S3_TRY(check_id(r, S3_USER));
  S3_TRY(check_id(r, S3_ITEM));
  S3_TRY(read_timestamp(r, event, kind));
  if (r->columns[S3_VALUE].there)
    S3_TRY(s3_read_value(&r->file, &r->columns[S3_VALUE], &event->value));
  return S3REC_OK;
}

static s3rec_status add_row(reader *r, s3_event *event, s3_time_kind kind) {
  if (r->time_kind == S3_TIME_OPEN) {
    S3_TRY(s3_events_check_time(r->events, kind, r->file.path));
    r->time_kind = kind;
  }
  S3_TRY(read_id(r, S3_USER, &r->events->users, &event->user));
  S3_TRY(read_id(r, S3_ITEM, &r->events->items, &event->item));
  S3_TRY(s3_events_add(r->events, event, kind));
  r->file.report.row_count++;
  return S3REC_OK;
}

static s3rec_status read_rows(reader *r) {
  if (!r->file.is_json) S3_TRY(find_columns(r));
  for (;;) {
    bool found;
    S3_TRY(s3_table_file_next(&r->file, &found));
    if (!found) return S3REC_OK;
    s3_event event = {.value = NAN};
    s3_time_kind kind = S3_TIME_NONE;
    const s3rec_status status = check_row(r, &event, &kind);
    S3_TRY(status == S3REC_OK ? add_row(r, &event, kind)
                              : s3_table_file_leave_out(&r->file, status));
  }
}

s3rec_status s3_events_read(s3rec_events *events, const char *path,
                            const s3rec_table_options *options, s3rec_table_report *report) {
  S3_TRY(s3_id_column_check(&events->users, "user ids of a file", S3REC_NAMES_TEXT));
  S3_TRY(s3_id_column_check(&events->items, "item ids of a file", S3REC_NAMES_TEXT));
  reader r = {.events = events};
  S3_TRY(s3_table_file_open(events->context, path, options, &r.file));
  const s3_events_mark mark = s3_events_mark_get(events);
  const s3rec_status status = read_rows(&r);
  if (status == S3REC_OK) {
    s3_table_file_log(&r.file, r.columns, S3_ROLE_COUNT);
    *report = r.file.report;
  } else {
    s3_events_go_back(events, &mark);
  }
  s3_table_file_close(&r.file);
  return status;
}
