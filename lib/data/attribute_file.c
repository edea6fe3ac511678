/* SPDX-License-Identifier: Apache-2.0 */
/* From top to bottom: sorting lists in any order, reading lists from a JSON file. */
#include "data/attribute_file.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/file_read.h"
#include "base/json.h"
#include "base/utf8.h"
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

static s3rec_status check_one_list_per_item(const item_list *order, size_t count) {
  for (size_t i = 1; i < count; i++)
    if (order[i].item == order[i - 1].item)
      return s3_fail(S3REC_ERROR_FORMAT,
                     "item %d has two attribute lists, numbers %zu and %zu (from 0)", order[i].item,
                     order[i - 1].row, order[i].row);
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
                                     s3_attribute_lists *attributes) {
  item_list *order = s3_allocate(context, count, sizeof *order);
  if (order == NULL) return S3REC_ERROR_MEMORY;
  for (size_t i = 0; i < count; i++) order[i] = (item_list){items[i], i};
  qsort(order, count, sizeof *order, compare_lists);
  size_t kept = count;
  while (kept > 0 && order[kept - 1].item > max_item) --kept;
  s3_ragged_builder lists = {0};
  s3rec_status status = check_one_list_per_item(order, count);
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
  s3_ragged_builder lists;
  int32_t *items;
  size_t items_capacity;
  int32_t max_attribute;
} attribute_rows;

static s3_json_place place_of_part(const attribute_rows *rows, s3_json_part part, size_t element) {
  return s3_json_find(rows->bytes, rows->count, part, rows->lists.ragged.row_count, element);
}

/* Item id of a key: digits without sign or leading zero, so that two spellings
 * cannot name one item. */
static bool parse_item_id(const char *key, int32_t *item) {
  int64_t number = 0;
  for (const char *at = key; *at != '\0'; at++) {
    if (*at < '0' || *at > '9' || number > S3REC_MAX_ITEM_ID) return false;
    number = number * 10 + (*at - '0');
  }
  if (*key == '0' || number < 1 || number > S3REC_MAX_ITEM_ID) return false;
  *item = (int32_t)number;
  return true;
}

static s3rec_status read_item_key(const attribute_rows *rows, const char *key, int32_t *item) {
  if (parse_item_id(key, item)) return S3REC_OK;
  char shown[41] = "";
  for (size_t i = 0; i < sizeof shown - 1 && key[i] != '\0'; i++)
    shown[i] = key[i] >= ' ' && key[i] <= '~' ? key[i] : '?';
  const s3_json_place place = place_of_part(rows, S3_JSON_KEY, 0);
  return s3_fail(
      S3REC_ERROR_FORMAT,
      "%s:%zu:%zu: key \"%s\" is not an item id, which is an integer 1..%d without leading zeros",
      rows->path, place.line, place.column, shown, S3REC_MAX_ITEM_ID);
}

static s3rec_status read_attribute(const attribute_rows *rows, const json_t *value, int32_t item,
                                   size_t element, int32_t *attribute) {
  const json_int_t number = json_integer_value(value);
  if (json_is_integer(value) && number >= 0 && number <= S3_MAX_ATTRIBUTE_ID) {
    *attribute = (int32_t)number;
    return S3REC_OK;
  }
  const s3_json_place place = place_of_part(rows, S3_JSON_ELEMENT, element);
  if (!json_is_integer(value))
    return s3_fail(S3REC_ERROR_FORMAT, "%s:%zu:%zu: attribute of item %d is %s, must be an integer",
                   rows->path, place.line, place.column, item, s3_json_type_name(value));
  return s3_fail(S3REC_ERROR_FORMAT,
                 "%s:%zu:%zu: attribute %" JSON_INTEGER_FORMAT
                 " of item %d is out of range, must be 0..%d",
                 rows->path, place.line, place.column, number, item, S3_MAX_ATTRIBUTE_ID);
}

static s3rec_status read_attribute_list(const s3rec_context *context, attribute_rows *rows,
                                        const char *key, const json_t *list) {
  const size_t row = rows->lists.ragged.row_count;
  S3_TRY(
      s3_grow(context, (void **)&rows->items, &rows->items_capacity, row + 1, sizeof *rows->items));
  S3_TRY(read_item_key(rows, key, &rows->items[row]));
  if (!json_is_array(list)) {
    const s3_json_place place = place_of_part(rows, S3_JSON_VALUE, 0);
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s:%zu:%zu: value of item %d is %s, must be an array of attributes", rows->path,
                   place.line, place.column, rows->items[row], s3_json_type_name(list));
  }
  for (size_t i = 0; i < json_array_size(list); i++) {
    int32_t attribute = 0;
    S3_TRY(read_attribute(rows, json_array_get(list, i), rows->items[row], i, &attribute));
    S3_TRY(s3_ragged_push(context, &rows->lists, attribute));
    if (attribute > rows->max_attribute) rows->max_attribute = attribute;
  }
  return s3_ragged_end_row(context, &rows->lists);
}

static s3rec_status read_attribute_object(const s3rec_context *context, attribute_rows *rows,
                                          json_t *root) {
  if (!json_is_object(root)) {
    const s3_json_place place = s3_json_find(rows->bytes, rows->count, S3_JSON_ROOT, 0, 0);
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s:%zu:%zu: the file holds %s, must be an object {\"item\": [attribute, ...]}",
                   rows->path, place.line, place.column, s3_json_type_name(root));
  }
  const char *key;
  json_t *list;
  json_object_foreach(root, key, list) S3_TRY(read_attribute_list(context, rows, key, list));
  return S3REC_OK;
}

static s3rec_status parse_attributes(const s3rec_context *context, attribute_rows *rows) {
  json_error_t error;
  json_t *root =
      json_loadb(rows->bytes, rows->count, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
  if (root == NULL) return s3_fail_json(rows->path, "", rows->bytes, &error);
  const s3rec_status status = read_attribute_object(context, rows, root);
  json_decref(root);
  return status;
}

s3rec_status s3_attribute_file_read(const s3rec_context *context, const char *path,
                                    int32_t max_item, s3_attribute_lists *attributes,
                                    int32_t *attribute_size) {
  char *bytes;
  size_t count;
  S3_TRY(s3_file_read(context, path, &bytes, &count));
  const size_t mark = s3_utf8_mark_length(bytes, count);
  attribute_rows rows = {.path = path, .bytes = bytes + mark, .count = count - mark};
  s3rec_status status = parse_attributes(context, &rows);
  if (status == S3REC_OK && rows.lists.ragged.row_count > 0)
    status = s3_attribute_lists_make(context, rows.lists.ragged.row_count, rows.items,
                                     rows.lists.ragged.offsets, rows.lists.ragged.values, max_item,
                                     attributes);
  if (status == S3REC_OK) *attribute_size = rows.max_attribute + 1;
  s3_ragged_discard(context, &rows.lists);
  s3_free(context, rows.items);
  s3_free(context, bytes);
  return status;
}
