/* SPDX-License-Identifier: Apache-2.0 */
#include "data/attribute_file.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/file_read.h"
#include "base/json.h"
#include "data/json_place.h"
#include "tables/text_reader.h"
#include "s3rec/dataset.h"

typedef struct attribute_rows {
  const char *path;
  const char *bytes; /* behind a byte order mark */
  size_t count;
  s3_ragged_builder lists;
  int32_t *items;
  size_t items_capacity;
  int32_t max_attribute;
} attribute_rows;

static const char *type_name(const json_t *value) {
  switch (json_typeof(value)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a string";
    case JSON_INTEGER: return "an integer";
    case JSON_REAL: return "a number with a fraction";
    case JSON_NULL: return "null";
    default: return "a truth value";
  }
}

static s3_json_place place_of(const attribute_rows *rows, s3_json_part part, size_t element) {
  return s3_json_find(rows->bytes, rows->count, part, rows->lists.ragged.row_count, element);
}

/* Item id of a key: digits without sign or leading zero, so that two spellings
 * cannot name one item. */
static bool parse_item(const char *key, int32_t *item) {
  int64_t number = 0;
  for (const char *at = key; *at != '\0'; at++) {
    if (*at < '0' || *at > '9' || number > S3REC_MAX_ITEM_ID) return false;
    number = number * 10 + (*at - '0');
  }
  if (*key == '0' || number < 1 || number > S3REC_MAX_ITEM_ID) return false;
  *item = (int32_t)number;
  return true;
}

static s3rec_status read_key(const attribute_rows *rows, const char *key, int32_t *item) {
  if (parse_item(key, item)) return S3REC_OK;
  char shown[41] = "";
  for (size_t i = 0; i < sizeof shown - 1 && key[i] != '\0'; i++)
    shown[i] = key[i] >= ' ' && key[i] <= '~' ? key[i] : '?';
  const s3_json_place place = place_of(rows, S3_JSON_KEY, 0);
  return s3_fail(S3REC_ERROR_FORMAT,
                 "%s:%zu:%zu: key \"%s\" is no item id, an integer 1..%d without leading zeros",
                 rows->path, place.line, place.column, shown, S3REC_MAX_ITEM_ID);
}

static s3rec_status read_attribute(const attribute_rows *rows, const json_t *value,
                                   int32_t item, size_t element, int32_t *attribute) {
  const json_int_t number = json_integer_value(value);
  if (json_is_integer(value) && number >= 0 && number <= S3_MAX_ATTRIBUTE_ID) {
    *attribute = (int32_t)number;
    return S3REC_OK;
  }
  const s3_json_place place = place_of(rows, S3_JSON_ELEMENT, element);
  if (!json_is_integer(value))
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s:%zu:%zu: attribute of item %d is %s, must be an integer", rows->path,
                   place.line, place.column, item, type_name(value));
  return s3_fail(S3REC_ERROR_FORMAT,
                 "%s:%zu:%zu: attribute %" JSON_INTEGER_FORMAT
                 " of item %d is out of range, accepted is 0..%d",
                 rows->path, place.line, place.column, number, item, S3_MAX_ATTRIBUTE_ID);
}

static s3rec_status read_list(const s3rec_context *context, attribute_rows *rows,
                              const char *key, const json_t *list) {
  const size_t row = rows->lists.ragged.row_count;
  S3_TRY(s3_grow(context, (void **)&rows->items, &rows->items_capacity, row + 1,
                 sizeof *rows->items));
  S3_TRY(read_key(rows, key, &rows->items[row]));
  if (!json_is_array(list)) {
    const s3_json_place place = place_of(rows, S3_JSON_VALUE, 0);
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s:%zu:%zu: value of item %d is %s, must be an array of attributes",
                   rows->path, place.line, place.column, rows->items[row], type_name(list));
  }
  for (size_t i = 0; i < json_array_size(list); i++) {
    int32_t attribute = 0;
    S3_TRY(read_attribute(rows, json_array_get(list, i), rows->items[row], i, &attribute));
    S3_TRY(s3_ragged_push(context, &rows->lists, attribute));
    if (attribute > rows->max_attribute) rows->max_attribute = attribute;
  }
  return s3_ragged_end_row(context, &rows->lists);
}

static s3rec_status read_object(const s3rec_context *context, attribute_rows *rows,
                                json_t *root) {
  if (!json_is_object(root)) {
    const s3_json_place place = s3_json_find(rows->bytes, rows->count, S3_JSON_ROOT, 0, 0);
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s:%zu:%zu: the file holds %s, must be an object {\"item\": [attribute, ...]}",
                   rows->path, place.line, place.column, type_name(root));
  }
  const char *key;
  json_t *list;
  json_object_foreach(root, key, list) S3_TRY(read_list(context, rows, key, list));
  return S3REC_OK;
}

static s3rec_status read_rows(const s3rec_context *context, attribute_rows *rows) {
  json_error_t error;
  json_t *root = json_loadb(rows->bytes, rows->count, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
                            &error);
  if (root == NULL) return s3_fail_json(rows->path, "", rows->bytes, &error);
  const s3rec_status status = read_object(context, rows, root);
  json_decref(root);
  return status;
}

s3rec_status s3_attribute_file_read(const s3rec_context *context, const char *path,
                                    int32_t max_item, s3_attribute_lists *attributes,
                                    int32_t *attribute_size) {
  char *bytes;
  size_t count;
  S3_TRY(s3_file_read(context, path, &bytes, &count));
  const size_t mark = s3_text_mark_length(bytes, count);
  attribute_rows rows = {.path = path, .bytes = bytes + mark, .count = count - mark};
  s3rec_status status = read_rows(context, &rows);
  if (status == S3REC_OK && rows.lists.ragged.row_count > 0)
    status = s3_attribute_lists_make(context, rows.lists.ragged.row_count, rows.items,
                                     rows.lists.ragged.offsets, rows.lists.ragged.values,
                                     max_item, attributes);
  if (status == S3REC_OK) *attribute_size = rows.max_attribute + 1;
  s3_ragged_discard(context, &rows.lists);
  s3_free(context, rows.items);
  s3_free(context, bytes);
  return status;
}
