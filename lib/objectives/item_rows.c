/* SPDX-License-Identifier: Apache-2.0 */
#include "objectives/item_rows.h"

#include <string.h>

#include "base/error.h"

void s3_item_rows_begin(s3_item_rows *items, uint32_t *row_of) {
  items->row_of = row_of;
  items->count = 0;
}

void s3_item_rows_end(s3_item_rows *items) {
  if (items->row_of == NULL) return;
  for (size_t i = 0; i < items->count; i++) items->row_of[items->ids[i]] = 0;
  items->row_of = NULL;
}

s3rec_status s3_item_rows_reserve(s3_item_rows *items, size_t count) {
  S3_TRY(s3_grow(items->context, (void **)&items->ids, &items->ids_capacity, count,
                 sizeof *items->ids));
  return s3_grow(items->context, (void **)&items->rows, &items->rows_capacity, count * items->width,
                 sizeof *items->rows);
}

size_t s3_item_rows_memory(const s3_item_rows *items) {
  return items->ids_capacity * sizeof *items->ids + items->rows_capacity * sizeof *items->rows;
}

s3rec_status s3_item_rows_add(s3_item_rows *items, int32_t id, float scale, const float *src) {
  if (id == 0) return S3REC_OK;
  const size_t width = items->width;
  uint32_t row = items->row_of[id];
  if (row == 0) {
    S3_TRY(s3_item_rows_reserve(items, items->count + 1));
    memset(items->rows + items->count * width, 0, width * sizeof *items->rows);
    items->ids[items->count++] = id;
    row = items->row_of[id] = (uint32_t)items->count;
  }
  float *restrict dst = items->rows + (row - 1) * width;
  for (size_t c = 0; c < width; c++) dst[c] += scale * src[c];
  return S3REC_OK;
}

void s3_item_rows_free(s3_item_rows *items) {
  s3_free(items->context, items->ids);
  s3_free(items->context, items->rows);
}
