/* SPDX-License-Identifier: Apache-2.0 */
/* Events in blocks: a table of millions grows without being copied, and takes no room for
 * what its events do not have. */
#ifndef S3_EVENTS_EVENT_TABLE_H
#define S3_EVENTS_EVENT_TABLE_H

#include "base/context.h"

enum { S3_EVENT_BLOCK_BITS = 16, S3_EVENT_BLOCK_SIZE = 1 << S3_EVENT_BLOCK_BITS };

typedef struct s3_event_block {
  int32_t users[S3_EVENT_BLOCK_SIZE], items[S3_EVENT_BLOCK_SIZE];
  int64_t *whole;      /* of the timestamps; NULL: all 0 */
  int32_t *billionths; /* likewise */
  double *values;      /* NaN: none; NULL: all NaN */
} s3_event_block;

typedef struct s3_event {
  int32_t user, item;
  int64_t whole; /* 0 without a timestamp */
  int32_t billionths;
  double value; /* NaN without */
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

#endif
