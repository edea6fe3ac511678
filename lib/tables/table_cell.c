/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "tables/table_columns.h"

const char *s3_cell_kind_name(s3_cell_kind kind) {
  static const char *const names[] = {[S3_CELL_TEXT] = "text",
                                      [S3_CELL_INTEGER] = "an integer",
                                      [S3_CELL_REAL] = "a number with a fraction",
                                      [S3_CELL_TRUTH] = "a truth value",
                                      [S3_CELL_NULL] = "null",
                                      [S3_CELL_ARRAY] = "an array",
                                      [S3_CELL_OBJECT] = "an object"};
  return names[kind];
}

void s3_cell_of_json(const json_t *value, s3_cell *cell) {
  cell->json = value;
  cell->text = "";
  cell->length = 0;
  if (value == NULL) {
    cell->kind = S3_CELL_NULL;
    return;
  }
  switch (json_typeof(value)) {
    case JSON_STRING:
      cell->kind = S3_CELL_TEXT;
      cell->text = json_string_value(value);
      cell->length = json_string_length(value);
      return;
    case JSON_INTEGER:
      cell->kind = S3_CELL_INTEGER;
      snprintf(cell->number, sizeof cell->number, "%" JSON_INTEGER_FORMAT,
               json_integer_value(value));
      break;
    case JSON_REAL:
      cell->kind = S3_CELL_REAL;
      s3_format_double(json_real_value(value), cell->number);
      break;
    case JSON_TRUE:
    case JSON_FALSE:
      cell->kind = S3_CELL_TRUTH;
      strcpy(cell->number, json_is_true(value) ? "true" : "false");
      break;
    case JSON_ARRAY:
      cell->kind = S3_CELL_ARRAY;
      return;
    case JSON_OBJECT:
      cell->kind = S3_CELL_OBJECT;
      return;
    default:
      cell->kind = S3_CELL_NULL;
      return;
  }
  cell->text = cell->number;
  cell->length = strlen(cell->number);
}

void s3_cell_get(const s3_table_file *file, const s3_column *column, s3_cell *cell) {
  if (file->is_json) {
    s3_cell_of_json(json_object_get(file->object, column->key), cell);
    return;
  }
  const s3_field field = file->row.fields[column->index];
  cell->kind = S3_CELL_TEXT;
  cell->text = field.text;
  cell->length = field.length;
}

static bool is_blank(char byte) { return byte == ' ' || byte == '\t'; }

s3_field s3_trimmed(const char *text, size_t length) {
  for (; length > 0 && is_blank(*text); length--) text++;
  while (length > 0 && is_blank(text[length - 1])) length--;
  return (s3_field){text, length};
}

static bool is_ascii_without_nul(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++)
    if ((signed char)text[i] <= 0) return false;
  return true;
}

const char *s3_check_name(const char *text, size_t length) {
  if (length == 0) return "empty";
  if (length > S3REC_MAX_NAME_LENGTH) return "longer than 4096 bytes";
  if (is_ascii_without_nul(text, length)) return NULL;
  if (memchr(text, '\0', length) != NULL) return "has a NUL byte in it";
  return s3_utf8_valid_bytes(text, length) ? NULL : "not UTF-8";
}

s3rec_status s3_check_id(const s3_table_file *file, const char *part, const s3_cell *cell) {
  if (cell->kind == S3_CELL_NULL) return s3_fail_row(file, part, "missing");
  if (cell->kind != S3_CELL_TEXT && cell->kind != S3_CELL_INTEGER)
    return s3_fail_row(file, part, "%s, must be text or an integer", s3_cell_kind_name(cell->kind));
  const char *const wrong = s3_check_name(cell->text, cell->length);
  return wrong == NULL ? S3REC_OK : s3_fail_row(file, part, "%s", wrong);
}
