/* SPDX-License-Identifier: Apache-2.0 */
#include "events/event_table.h"

#include <math.h>

#include "base/error.h"

/* Rows are numbered in 32 bits where a dataset is made. */
static const size_t largest_count = UINT32_MAX;

static void free_block(const s3rec_context *context, s3_event_block *block) {
  s3_free(context, block->whole);
  s3_free(context, block->billionths);
  s3_free(context, block->values);
  s3_free(context, block);
}

static s3rec_status add_block(const s3rec_context *context, s3_event_table *table) {
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

/* Makes the block's optional arrays that this event is the first to need. */
static s3rec_status make_arrays(const s3rec_context *context, s3_event_block *block,
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
  if (table->count == table->block_count << S3_EVENT_BLOCK_BITS) S3_TRY(add_block(context, table));
  s3_event_block *const block = table->blocks[table->count >> S3_EVENT_BLOCK_BITS];
  S3_TRY(make_arrays(context, block, event));
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
  while (table->block_count > blocks) free_block(context, table->blocks[--table->block_count]);
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
