/* SPDX-License-Identifier: Apache-2.0 */
/* The growing table in s3rec_events: names, events and attributes of items. Events are kept in
 * blocks: a table of millions grows without being copied, and what no event of a block has
 * takes no room. */
#ifndef S3_EVENTS_EVENTS_H
#define S3_EVENTS_EVENTS_H

#include "names/name_table.h"
#include "s3rec/events.h"

enum { S3_EVENT_BLOCK_BITS = 16, S3_EVENT_BLOCK_SIZE = 1 << S3_EVENT_BLOCK_BITS };

typedef struct s3_event_block {
  int32_t users[S3_EVENT_BLOCK_SIZE], items[S3_EVENT_BLOCK_SIZE];
  int64_t *whole;      /* seconds or whatever unit the timestamps have; NULL: all 0 */
  int32_t *billionths; /* their fractions; NULL: all 0 */
  double *values;      /* NaN: no value; NULL: all NaN */
} s3_event_block;

typedef struct s3_event {
  int32_t user, item;
  int64_t whole; /* without a timestamp 0 */
  int32_t billionths;
  double value; /* without a value NaN */
} s3_event;

/* Starts all zero. */
typedef struct s3_event_table {
  s3_event_block **blocks;
  size_t blocks_capacity, block_count;
  size_t count;
} s3_event_table;

s3rec_status s3_event_table_add(const s3rec_context *context, s3_event_table *table,
                                const s3_event *event);
/* Drops the events from number `count` on. */
void s3_event_table_truncate(const s3rec_context *context, s3_event_table *table, size_t count);

static inline const s3_event_block *s3_event_block_of(const s3_event_table *table, size_t row,
                                                      size_t *place) {
  *place = row & (S3_EVENT_BLOCK_SIZE - 1);
  return table->blocks[row >> S3_EVENT_BLOCK_BITS];
}

static inline int32_t s3_event_user(const s3_event_table *table, size_t row) {
  size_t place;
  const s3_event_block *const block = s3_event_block_of(table, row, &place);
  return block->users[place];
}

static inline int32_t s3_event_item(const s3_event_table *table, size_t row) {
  size_t place;
  const s3_event_block *const block = s3_event_block_of(table, row, &place);
  return block->items[place];
}

s3_event s3_event_get(const s3_event_table *table, size_t row);

/* Ids of one column. `kind` is 0 until the first id comes. */
typedef struct s3_id_column {
  s3_name_table names;
  s3rec_name_kind kind;
} s3_id_column;

/* What gives the events of a table their order in time. */
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

/* The state before a call, to go back to when the call fails. */
typedef struct s3_events_mark {
  size_t users, items, attributes, events, values, pairs;
  s3rec_name_kind user_kind, item_kind, attribute_kind;
  s3_time_kind time_kind;
} s3_events_mark;
s3_events_mark s3_events_mark_get(const s3rec_events *events);
void s3_events_go_back(s3rec_events *events, const s3_events_mark *mark);

/* MISMATCH when the column has ids of the other kind; `what` names the ids in the text. */
s3rec_status s3_id_column_check(const s3_id_column *column, const char *what, s3rec_name_kind kind);
s3rec_status s3_id_column_add(const s3rec_events *events, s3_id_column *column,
                              s3rec_name_kind kind, const char *name, size_t length,
                              int32_t *index);

/* MISMATCH when the events that are there have another kind of timestamps; `where` is a path
 * or "". */
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
