/* SPDX-License-Identifier: Apache-2.0 */
/* Sparse gradient of the item table: the rows that were touched, in the order of
 * their first use. */
#ifndef S3_OBJECTIVES_ITEM_ROWS_H
#define S3_OBJECTIVES_ITEM_ROWS_H

#include "base/context.h"

typedef struct s3_item_rows {
  const s3rec_context *context;
  size_t width;     /* H */
  uint32_t *row_of; /* [item_size] row + 1, 0 = none; lent while rows are added */
  size_t count;
  int32_t *ids; /* [count] */
  size_t ids_capacity;
  float *rows; /* [count, H] */
  size_t rows_capacity;
} s3_item_rows;

/* Empties the list; from now on `row_of`, all zero, finds its rows. */
void s3_item_rows_begin(s3_item_rows *items, uint32_t *row_of);
/* Takes row_of back to all zero; nothing when not begun. */
void s3_item_rows_end(s3_item_rows *items);
/* Adds scale * src to the row of `id`; the padding row 0 gets no gradient. */
s3rec_status s3_item_rows_add(s3_item_rows *items, int32_t id, float scale, const float *src);
/* Room for so many rows. */
s3rec_status s3_item_rows_reserve(s3_item_rows *items, size_t count);
size_t s3_item_rows_memory(const s3_item_rows *items);
void s3_item_rows_free(s3_item_rows *items);

#endif
