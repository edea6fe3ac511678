/* SPDX-License-Identifier: Apache-2.0 */
/* From top to bottom: sorting lists in any order, reading lists from a JSON file. */
#include "data/attribute_file.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/file_read.h"
#include "base/json_reader.h"
#include "base/utf8.h"
#include "data/id_spread.h"
#include "s3rec/dataset.h"

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

static s3rec_status check_one_list_per_item(const item_list *order, size_t count,
                                            size_t *repeated) {
  for (size_t i = 1; i < count; i++)
    if (order[i].item == order[i - 1].item) {
      if (repeated != NULL) *repeated = order[i].row;
      return s3_fail(S3REC_ERROR_FORMAT,
                     "item %d has two attribute lists, numbers %zu and %zu (from 0)", order[i].item,
                     order[i - 1].row, order[i].row);
    }
  return S3REC_OK;
}

/* Appends the values of one list, sorted and without repeats. */
static s3rec_status append_sorted_list(const s3rec_context *context, const int32_t *values,
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

static s3rec_status append_kept_lists(const s3rec_context *context, const item_list *order,
                                      size_t count, const int64_t *offsets, const int32_t *values,
                                      s3_ragged_builder *lists, s3_attribute_lists *attributes) {
  for (size_t i = 0; i < count; i++) {
    const int64_t begin = offsets[order[i].row], end = offsets[order[i].row + 1];
    S3_TRY(append_sorted_list(context, begin == end ? NULL : values + begin, (size_t)(end - begin),
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
                                     s3_attribute_lists *attributes, size_t *repeated) {
  item_list *order = s3_allocate(context, count, sizeof *order);
  if (order == NULL) return S3REC_ERROR_MEMORY;
  for (size_t i = 0; i < count; i++) order[i] = (item_list){items[i], i};
  qsort(order, count, sizeof *order, compare_lists);
  size_t kept = count;
  while (kept > 0 && order[kept - 1].item > max_item) --kept;
  s3_ragged_builder lists = {0};
  s3rec_status status = check_one_list_per_item(order, count, repeated);
  if (status == S3REC_OK)
    status = append_kept_lists(context, order, kept, offsets, values, &lists, attributes);
  if (status == S3REC_OK) attributes->ignored = count - kept;
  s3_ragged_discard(context, &lists);
  s3_free(context, order);
  return status;
}

typedef struct attribute_rows {
  const char *path;
  const char *bytes; /* after a byte order mark */
  size_t count;
  s3_json root;
  s3_ragged_builder lists;
  int32_t *items;
  size_t items_capacity;
  s3_highest_id highest; /* attribute */
} attribute_rows;

/* Fails with "path:line:column: reason" about a place in the text. */
#define fail_at(status, rows, at, reason, ...)                                             \
  s3_fail(status, "%s:%zu:%zu: " reason, (rows)->path,                                     \
          s3_json_place_of((rows)->bytes, at).line,                                        \
          s3_json_place_of((rows)->bytes, at).column, __VA_ARGS__)

/* Item id of a key: digits without sign or leading zero, so that two spellings
 * cannot name one item. */
static bool parse_item_id(const char *key, size_t length, int32_t *item) {
  int64_t number = 0;
  for (size_t i = 0; i < length; i++) {
    if (key[i] < '0' || key[i] > '9' || number > S3REC_MAX_ITEM_ID) return false;
    number = number * 10 + (key[i] - '0');
  }
  if (*key == '0' || number < 1 || number > S3REC_MAX_ITEM_ID) return false;
  *item = (int32_t)number;
  return true;
}

static s3rec_status read_item_key(const s3rec_context *context, const attribute_rows *rows,
                                  s3_json key, int32_t *item) {
  enum { LONGEST = 62, SHOWN = 40 }; /* ten digits, each as an escape, in quotation marks */
  char unpacked[LONGEST];
  const char *text = key.begin + 1;
  size_t length = key.length - 2;
  if (key.length <= LONGEST) {
    length = s3_json_text_copy(key, unpacked);
    text = unpacked;
    if (parse_item_id(text, length, item)) {
      if ((uint64_t)*item <= context->limits.items) return S3REC_OK;
      return fail_at(S3REC_ERROR_LIMIT, rows, key.begin,
                     "item id %d is above %" PRIu64 ", the limit (s3rec_limits.items)", *item,
                     context->limits.items);
    }
  }
  char shown[SHOWN + 1] = "";
  for (size_t i = 0; i < SHOWN && i < length; i++)
    shown[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
  return fail_at(S3REC_ERROR_FORMAT, rows, key.begin,
                 "key \"%s\" is not an item id, which is an integer 1..%d without leading zeros",
                 shown, S3REC_MAX_ITEM_ID);
}

static s3rec_status read_attribute(const s3rec_context *context, attribute_rows *rows,
                                   s3_json value, int32_t item) {
  int64_t number;
  if (!s3_json_integer(value, &number))
    return fail_at(S3REC_ERROR_FORMAT, rows, value.begin,
                   "attribute of item %d is %s, must be an integer", item,
                   s3_json_kind_name(s3_json_kind_of(value)));
  if (number < 0 || number > S3_MAX_ATTRIBUTE_ID)
    return fail_at(S3REC_ERROR_FORMAT, rows, value.begin,
                   "attribute %" PRId64 " of item %d is out of range, must be 0..%d", number, item,
                   S3_MAX_ATTRIBUTE_ID);
  s3_see_id(&rows->highest, (int32_t)number, value.begin);
  return s3_ragged_push(context, &rows->lists, (int32_t)number);
}

static s3rec_status read_attribute_list(const s3rec_context *context, attribute_rows *rows,
                                        s3_json key, s3_json list) {
  const size_t row = rows->lists.ragged.row_count;
  if (row >= context->limits.rows)
    return fail_at(S3REC_ERROR_LIMIT, rows, key.begin,
                   "more than %" PRIu64 " attribute lists, the limit (s3rec_limits.rows)",
                   context->limits.rows);
  S3_TRY(
      s3_grow(context, (void **)&rows->items, &rows->items_capacity, row + 1, sizeof *rows->items));
  S3_TRY(read_item_key(context, rows, key, &rows->items[row]));
  if (s3_json_kind_of(list) != S3_JSON_ARRAY)
    return fail_at(S3REC_ERROR_FORMAT, rows, list.begin,
                   "value of item %d is %s, must be an array of attributes", rows->items[row],
                   s3_json_kind_name(s3_json_kind_of(list)));
  s3_json_walk walk = s3_json_enter(list);
  s3_json attribute;
  while (s3_json_next(&walk, NULL, &attribute))
    S3_TRY(read_attribute(context, rows, attribute, rows->items[row]));
  return s3_ragged_end_row(context, &rows->lists);
}

static s3rec_status read_attribute_rows(const s3rec_context *context, attribute_rows *rows) {
  S3_TRY(s3_json_check(rows->path, "", rows->bytes, rows->count,
                       (size_t)context->limits.json_depth, &rows->root));
  if (s3_json_kind_of(rows->root) != S3_JSON_OBJECT)
    return fail_at(S3REC_ERROR_FORMAT, rows, rows->root.begin,
                   "the file holds %s, must be an object {\"item\": [attribute, ...]}",
                   s3_json_kind_name(s3_json_kind_of(rows->root)));
  s3_json_walk walk = s3_json_enter(rows->root);
  s3_json key, list;
  while (s3_json_next(&walk, &key, &list)) S3_TRY(read_attribute_list(context, rows, key, list));
  return s3_check_id_spread(context, rows->path, rows->bytes, "attribute",
                            rows->lists.ragged.values, rows->lists.value_count, rows->highest);
}

/* Says where the list is that an item has twice. */
static s3rec_status fail_repeated_item(const attribute_rows *rows, size_t repeated) {
  s3_json_walk walk = s3_json_enter(rows->root);
  s3_json key = rows->root, list;
  for (size_t row = 0; row <= repeated; row++) s3_json_next(&walk, &key, &list);
  return fail_at(S3REC_ERROR_FORMAT, rows, key.begin, "item %d has two attribute lists",
                 rows->items[repeated]);
}

static s3rec_status make_attribute_lists(const s3rec_context *context, const attribute_rows *rows,
                                         int32_t max_item, s3_attribute_lists *attributes) {
  const s3_ragged *const lists = &rows->lists.ragged;
  size_t repeated;
  if (lists->row_count == 0) return S3REC_OK;
  const s3rec_status status =
      s3_attribute_lists_make(context, lists->row_count, rows->items, lists->offsets,
                              lists->values, max_item, attributes, &repeated);
  return status == S3REC_ERROR_FORMAT ? fail_repeated_item(rows, repeated) : status;
}

s3rec_status s3_attribute_file_read(const s3rec_context *context, const char *path,
                                    int32_t max_item, s3_attribute_lists *attributes,
                                    int32_t *attribute_size) {
  char *bytes;
  size_t count;
  S3_TRY(s3_file_read(context, path, &bytes, &count));
  const size_t mark = s3_utf8_mark_length(bytes, count);
  attribute_rows rows = {.path = path, .bytes = bytes + mark, .count = count - mark};
  s3rec_status status = read_attribute_rows(context, &rows);
  if (status == S3REC_OK) status = make_attribute_lists(context, &rows, max_item, attributes);
  if (status == S3REC_OK) *attribute_size = rows.highest.id + 1;
  s3_ragged_discard(context, &rows.lists);
  s3_free(context, rows.items);
  s3_free(context, bytes);
  return status;
}
