/* SPDX-License-Identifier: Apache-2.0 */
/* The growing table behind s3rec_events: names, events, item attributes. */
#ifndef S3_EVENTS_EVENTS_H
#define S3_EVENTS_EVENTS_H

#include "events/event_table.h"
#include "names/name_table.h"
#include "s3rec/events.h"

/* Ids of one column. `kind` is 0 while it is open. */
typedef struct s3_id_column {
  s3_name_table names;
  s3rec_name_kind kind;
} s3_id_column;

/* What orders the events of a table. */
typedef enum s3_time_kind {
  S3_TIME_OPEN, /* no events yet */
  S3_TIME_NONE,
  S3_TIME_NUMBERS,
  S3_TIME_DATES
} s3_time_kind;

struct s3rec_events {
  s3rec_context *context;
  s3_id_column users, items, attributes;
  s3_event_table table;
  s3_time_kind time_kind;
  size_t value_count;                    /* events with a value */
  int32_t *pair_items, *pair_attributes; /* [pair_count] indices of names */
  size_t pair_items_capacity, pair_attributes_capacity, pair_count;
};

s3rec_status s3_events_create(s3rec_context *context, s3rec_events **events);
void s3_events_destroy(s3rec_events *events);

/* Where a call began, to go back there when it fails. */
typedef struct s3_events_mark {
  size_t users, items, attributes, events, values, pairs;
  s3rec_name_kind user_kind, item_kind, attribute_kind;
  s3_time_kind time_kind;
} s3_events_mark;
s3_events_mark s3_events_mark_get(const s3rec_events *events);
void s3_events_go_back(s3rec_events *events, const s3_events_mark *mark);

/* MISMATCH when the column has ids of the other kind, which `what` names. */
s3rec_status s3_id_column_check(const s3_id_column *column, const char *what, s3rec_name_kind kind);
s3rec_status s3_id_column_add(const s3rec_events *events, s3_id_column *column,
                              s3rec_name_kind kind, const char *name, size_t length,
                              int32_t *index);

/* MISMATCH when the events there are ordered by something else; `where` is a path or "". */
s3rec_status s3_events_check_time(const s3rec_events *events, s3_time_kind kind, const char *where);
s3rec_status s3_events_add(s3rec_events *events, const s3_event *event, s3_time_kind kind);
s3rec_status s3_events_add_pair(s3rec_events *events, int32_t item, int32_t attribute);

s3rec_status s3_events_read(s3rec_events *events, const char *path,
                            const s3rec_table_options *options, s3rec_table_report *report);
s3rec_status s3_events_read_attributes(s3rec_events *events, const char *path,
                                       const s3rec_table_options *options,
                                       s3rec_table_report *report);
s3rec_status s3_events_append(s3rec_events *events, size_t count, const s3rec_id_array *users,
                              const s3rec_id_array *items, const int64_t *timestamps,
                              const double *values);
s3rec_status s3_events_append_attributes(s3rec_events *events, size_t count,
                                         const s3rec_id_array *items,
                                         const s3rec_id_array *attributes);
s3rec_status s3_events_dataset(const s3rec_events *events, const s3rec_events_options *options,
                               s3rec_dataset **dataset, s3rec_events_report *report);

#endif
