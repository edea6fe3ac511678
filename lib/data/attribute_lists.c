/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/error.h"
#include "data/attribute_file.h"

typedef struct item_list {
  int32_t item;
  size_t row;
} item_list;

static int compare_lists(const void *a, const void *b) {
  const item_list *x = a, *y = b;
  if (x->item != y->item) return x->item < y->item ? -1 : 1;
  return (x->row > y->row) - (x->row < y->row);
}

static int compare_ids(const void *a, const void *b) {
  const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
  return (x > y) - (x < y);
}

static s3rec_status check_distinct(const item_list *order, size_t count) {
  for (size_t i = 1; i < count; i++)
    if (order[i].item == order[i - 1].item)
      return s3_fail(S3REC_ERROR_FORMAT,
                     "item %d has two attribute lists, numbers %zu and %zu (from 0)",
                     order[i].item, order[i - 1].row, order[i].row);
  return S3REC_OK;
}

/* Appends the values of one list, sorted and without repeats. */
static s3rec_status append_list(const s3rec_context *context, const int32_t *values,
                                size_t count, s3_ragged_builder *lists) {
  const size_t begin = lists->value_count;
  for (size_t i = 0; i < count; i++) S3_TRY(s3_ragged_push(context, lists, values[i]));
  if (count > 0) {
    int32_t *list = lists->ragged.values + begin;
    qsort(list, count, sizeof *list, compare_ids);
    size_t kept = 1;
    for (size_t i = 1; i < count; i++)
      if (list[i] != list[kept - 1]) list[kept++] = list[i];
    lists->value_count = begin + kept;
  }
  return s3_ragged_end_row(context, lists);
}

static s3rec_status append_all(const s3rec_context *context, const item_list *order,
                               size_t count, const int64_t *offsets, const int32_t *values,
                               s3_ragged_builder *lists, s3_attribute_lists *attributes) {
  for (size_t i = 0; i < count; i++) {
    const int64_t begin = offsets[order[i].row], end = offsets[order[i].row + 1];
    S3_TRY(append_list(context, begin == end ? NULL : values + begin, (size_t)(end - begin),
                       lists));
  }
  int32_t *items = s3_allocate(context, count, sizeof *items);
  if (items == NULL) return S3REC_ERROR_MEMORY;
  const s3rec_status status = s3_ragged_finish(context, lists, &attributes->lists);
  if (status != S3REC_OK) {
    s3_free(context, items);
    return status;
  }
  for (size_t i = 0; i < count; i++) items[i] = order[i].item;
  attributes->items = items;
  return S3REC_OK;
}

s3rec_status s3_attribute_lists_make(const s3rec_context *context, size_t count,
                                     const int32_t *items, const int64_t *offsets,
                                     const int32_t *values, int32_t max_item,
                                     s3_attribute_lists *attributes) {
  item_list *order = s3_allocate(context, count, sizeof *order);
  if (order == NULL) return S3REC_ERROR_MEMORY;
  for (size_t i = 0; i < count; i++) order[i] = (item_list){items[i], i};
  qsort(order, count, sizeof *order, compare_lists);
  size_t kept = count;
  while (kept > 0 && order[kept - 1].item > max_item) --kept;
  s3_ragged_builder lists = {0};
  s3rec_status status = check_distinct(order, count);
  if (status == S3REC_OK)
    status = append_all(context, order, kept, offsets, values, &lists, attributes);
  if (status == S3REC_OK) attributes->ignored = count - kept;
  s3_ragged_discard(context, &lists);
  s3_free(context, order);
  return status;
}
