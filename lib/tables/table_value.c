/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/table_value.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"

enum { LONGEST_NUMBER = 255, SHOWN = 40 };

/* Copies the cell's text without blanks around it. */
static s3rec_status number_text(const s3_table_file *file, const s3_column *column,
                                char text[LONGEST_NUMBER + 1]) {
  s3_cell cell;
  s3_cell_get(file, column, &cell);
  if (cell.kind == S3_CELL_NULL) return s3_fail_row(file, column->part, "missing");
  if (cell.kind > S3_CELL_REAL)
    return s3_fail_row(file, column->part, "%s, must be a number or text",
                       s3_cell_kind_name(cell.kind));
  const s3_field number = s3_trimmed(cell.text, cell.length);
  if (number.length == 0) return s3_fail_row(file, column->part, "empty");
  if (number.length > LONGEST_NUMBER)
    return s3_fail_row(file, column->part, "longer than %d bytes", LONGEST_NUMBER);
  for (size_t i = 0; i < number.length; i++)
    if ((signed char)number.text[i] <= 0)
      return s3_fail_row(file, column->part, "has a byte 0x%02X in it, which no number has",
                         (unsigned char)number.text[i]);
  memcpy(text, number.text, number.length);
  text[number.length] = '\0';
  return S3REC_OK;
}

s3rec_status s3_read_timestamp(const s3_table_file *file, const s3_column *column,
                               s3_timestamp *timestamp) {
  char text[LONGEST_NUMBER + 1];
  S3_TRY(number_text(file, column, text));
  const char *const wrong = s3_timestamp_parse(text, timestamp);
  if (wrong == NULL) return S3REC_OK;
  return s3_fail_row(file, column->part, "\"%.*s%s\" %s", SHOWN, text,
                     strlen(text) > SHOWN ? "..." : "", wrong);
}

/* Short decimals such as "4.5", which are nearly all there are: digits and power of ten are
 * exact in double, so that one division rounds correctly. */
static bool parse_short(const char *text, double *value) {
  static const double powers[16] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  const bool negative = *text == '-';
  if (negative) text++;
  int64_t number = 0;
  int digits = 0, fraction = 0;
  bool point = false;
  for (; *text != '\0'; text++) {
    if (*text == '.' && !point) {
      point = true;
      continue;
    }
    if (*text < '0' || *text > '9' || ++digits > 15) return false;
    number = number * 10 + (*text - '0');
    fraction += point;
  }
  if (digits == 0) return false;
  *value = (double)number / powers[fraction];
  if (negative) *value = -*value;
  return true;
}

s3rec_status s3_read_value(const s3_table_file *file, const s3_column *column, double *value) {
  char text[LONGEST_NUMBER + 1];
  S3_TRY(number_text(file, column, text));
  if (parse_short(text, value) || s3_parse_double(text, value)) return S3REC_OK;
  return s3_fail_row(file, column->part, "\"%.*s%s\" is not a finite number", SHOWN, text,
                     strlen(text) > SHOWN ? "..." : "");
}

/* "user \"userId\"", or the number where the column has no name that can be shown. */
static int describe_column(const s3_table_file *file, const s3_column *column, char *text,
                           size_t size) {
  enum { LONGEST_NAME = 60 };
  s3_field name = {column->key, column->key != NULL ? strlen(column->key) : 0};
  if (!file->is_json && file->has_header) name = file->names[column->index];
  if (s3_check_name(name.text, name.length) != NULL)
    return snprintf(text, size, "%s %zu", column->part, column->index + 1);
  return snprintf(text, size, "%s \"%.*s\"", column->part,
                  s3_utf8_fit(name.text, name.length, LONGEST_NAME), name.text);
}

void s3_table_file_log(const s3_table_file *file, const s3_column *columns, size_t count) {
  char text[400] = "none"; /* room for all four roles */
  size_t used = 0;
  for (size_t i = 0; i < count; i++) {
    if (!columns[i].there) continue;
    if (used > 0) used += (size_t)snprintf(text + used, sizeof text - used, ", ");
    used += (size_t)describe_column(file, &columns[i], text + used, sizeof text - used);
  }
  s3_log(file->context, file->report.row_count > 0 ? S3REC_LOG_INFO : S3REC_LOG_WARNING,
         "%s: rows: %zu, left out: %zu; columns: %s", file->path, file->report.row_count,
         file->report.bad_row_count, text);
}
