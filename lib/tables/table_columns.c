/* SPDX-License-Identifier: Apache-2.0 */
/* From top to bottom: finding the columns, the cells of a row, numbers in cells. */
#include "tables/table_columns.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "names/name_table.h"

enum { LONGEST_NUMBER = 255, SHOWN = 40 }; /* bytes of a number's text; of those in an error */

/* The number that a text is, if it is one of 1..count; else 0. */
static size_t column_number_of(const char *text, size_t count) {
  int64_t number;
  return s3_parse_int64(text, 1, (int64_t)count, &number) ? (size_t)number : 0;
}

/* Writes "a, b, c", as many names as there is room for. */
static void list_column_names(const s3_table_file *file, char *text, size_t size) {
  size_t used = 0;
  text[0] = '\0';
  for (size_t i = 0; i < file->column_count && used + 4 < size; i++)
    used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "",
                             s3_name_fault(file->names[i].text, file->names[i].length) == NULL
                                 ? file->names[i].text
                                 : "?");
}

static s3rec_status fail_header_row(const s3_table_file *file, const char *part,
                                    const char *reason) {
  char names[300];
  list_column_names(file, names, sizeof names);
  return s3_fail_row(file, part, "%s; the columns are: %s", reason, names);
}

s3rec_status s3_find_column(const s3_table_file *file, const char *part, const char *asked,
                            size_t *index) {
  const size_t number = column_number_of(asked, file->column_count);
  if (!file->has_header) {
    if (number == 0)
      return s3_fail_row(file, part,
                         "no column \"%s\": the file has no header, so columns are numbers, 1..%zu",
                         asked, file->column_count);
    *index = number - 1;
    return S3REC_OK;
  }
  size_t found = 0;
  for (size_t i = 0; i < file->column_count; i++)
    if (strcmp(file->names[i].text, asked) == 0 && found++ == 0) *index = i;
  if (found == 0 && number > 0) {
    *index = number - 1;
    return S3REC_OK;
  }
  char reason[200];
  snprintf(reason, sizeof reason, "%s columns \"%.100s\"", found == 0 ? "no" : "several", asked);
  return found == 1 ? S3REC_OK : fail_header_row(file, part, reason);
}

/* The column of the header whose name comes first among the usual ones; column_count when no
 * column has a usual name. */
static size_t find_usual_column(const s3_table_file *file, s3_role role) {
  size_t best = SIZE_MAX, index = file->column_count, rank;
  for (size_t i = 0; i < file->column_count; i++)
    if (s3_is_usual_name(role, file->names[i].text, file->names[i].length, &rank) && rank < best) {
      best = rank;
      index = i;
    }
  return index;
}

static s3rec_status find_by_header(const s3_table_file *file, s3_role role, s3_column *column) {
  column->index = find_usual_column(file, role);
  column->there = column->index < file->column_count;
  if (column->there || role > S3_ITEM) return S3REC_OK;
  return fail_header_row(file, column->part,
                         role == S3_USER ? "no column has a usual name; user_column can name one"
                                         : "no column has a usual name; item_column can name one");
}

s3rec_status s3_fail_one_column(const s3_table_file *file, const char *part) {
  const char *const delimiter = file->delimiter.bytes;
  return s3_fail_row(file, part,
                     "the first row has one column and no delimiter \"%s\"; the option delimiter "
                     "can set another",
                     strcmp(delimiter, "\t") == 0 ? "TAB" : delimiter);
}

/* The column of a role when neither a header nor the caller tells. The order is user, item,
 * timestamp; with four columns it is user, item, value, timestamp. */
static size_t usual_place_of(const s3_table_file *file, s3_role role) {
  if (role <= S3_ITEM) return role;
  if (file->column_count == 4) return role == S3_VALUE ? 2 : 3;
  return role == S3_TIMESTAMP ? 2 : SIZE_MAX;
}

/* An optional role does not get a column that another role already has. */
static bool is_column_taken(const s3_column columns[S3_ROLE_COUNT], size_t index) {
  for (int role = 0; role < S3_ROLE_COUNT; role++)
    if (columns[role].there && columns[role].index == index) return true;
  return false;
}

static s3rec_status find_by_place(const s3_table_file *file, s3_role role,
                                  s3_column columns[S3_ROLE_COUNT]) {
  s3_column *const column = &columns[role];
  column->index = usual_place_of(file, role);
  if (role <= S3_ITEM && column->index >= file->column_count)
    return s3_fail_one_column(file, column->part);
  column->there = column->index < file->column_count &&
                  (role <= S3_ITEM || !is_column_taken(columns, column->index));
  return S3REC_OK;
}

static s3rec_status check_distinct_columns(const s3_table_file *file,
                                           const s3_column columns[S3_ROLE_COUNT]) {
  for (int a = 0; a < S3_ROLE_COUNT; a++)
    for (int b = a + 1; b < S3_ROLE_COUNT; b++) {
      if (!columns[a].there || !columns[b].there) continue;
      if (file->is_json ? strcmp(columns[a].key, columns[b].key) == 0
                        : columns[a].index == columns[b].index)
        return s3_fail(S3REC_ERROR_FORMAT, "%s: %s and %s are the same column", file->path,
                       columns[a].part, columns[b].part);
    }
  return S3REC_OK;
}

/* JSONL: the key of the current row that comes first among the usual names. */
static s3rec_status find_json_key(const s3_table_file *file, s3_role role, const char *asked,
                                  s3_column *column) {
  column->there = true;
  column->key = asked;
  if (asked != NULL) return S3REC_OK;
  size_t best = SIZE_MAX, rank;
  for (size_t member = 0; member < file->members.count; member++) {
    const s3_field key = s3_json_row_text(file, s3_json_index_key(&file->members, member));
    if (key.length >= S3_KEY_SIZE || !s3_is_usual_name(role, key.text, key.length, &rank) ||
        rank >= best)
      continue;
    best = rank;
    memcpy(column->usual, key.text, key.length);
    column->usual[key.length] = '\0';
  }
  column->key = column->usual;
  column->there = best != SIZE_MAX;
  if (column->there || role > S3_ITEM) return S3REC_OK;
  return s3_fail_row(file, column->part, "no key has a usual name; %s_column can name one",
                     column->part);
}

static s3rec_status find_column_of_role(const s3_table_file *file, s3_role role,
                                        s3_column columns[S3_ROLE_COUNT]) {
  const char *const asked = s3_asked_column(&file->options, role);
  s3_column *const column = &columns[role];
  if (asked != NULL && *asked == '\0') return S3REC_OK;
  if (file->is_json) return find_json_key(file, role, asked, column);
  if (asked == NULL)
    return file->has_header ? find_by_header(file, role, column)
                            : find_by_place(file, role, columns);
  column->there = true;
  return s3_find_column(file, column->part, asked, &column->index);
}

s3rec_status s3_find_columns(const s3_table_file *file, s3_column columns[S3_ROLE_COUNT]) {
  for (int role = 0; role < S3_ROLE_COUNT; role++)
    columns[role] = (s3_column){.part = s3_role_name((s3_role)role)};
  if (!file->is_json && file->column_count == 0) return S3REC_OK;
  /* First the roles that the caller named a column for, so that no other role takes it. */
  for (int pass = 0; pass < 2; pass++)
    for (int role = 0; role < S3_ROLE_COUNT; role++)
      if ((s3_asked_column(&file->options, (s3_role)role) == NULL) == (pass == 1))
        S3_TRY(find_column_of_role(file, (s3_role)role, columns));
  return check_distinct_columns(file, columns);
}

static s3_json json_value_of(const s3_table_file *file, const s3_column *column) {
  return s3_json_index_find(&file->members, column->key, strlen(column->key));
}

s3rec_status s3_check_absent_keys(const s3_table_file *file,
                                  const s3_column columns[S3_ROLE_COUNT]) {
  for (int role = S3_TIMESTAMP; file->is_json && role < S3_ROLE_COUNT; role++) {
    const s3_column *const column = &columns[role];
    s3_column found = {.part = column->part};
    if (column->there || s3_asked_column(&file->options, (s3_role)role) != NULL) continue;
    S3_TRY(find_json_key(file, (s3_role)role, NULL, &found));
    if (found.there && s3_json_kind_of(json_value_of(file, &found)) != S3_JSON_NULL)
      return s3_fail_row(file, column->part,
                         "\"%s\" is here, but not in the first row; %s_column can name it",
                         found.key, column->part);
  }
  return S3REC_OK;
}

s3rec_status s3_find_item_column(const s3_table_file *file, s3_column *column) {
  *column = (s3_column){.part = s3_role_name(S3_ITEM)};
  if (!file->is_json && file->column_count == 0) return S3REC_OK;
  const char *const asked = s3_asked_column(&file->options, S3_ITEM);
  if (file->is_json) return find_json_key(file, S3_ITEM, asked, column);
  column->there = true;
  if (asked != NULL) return s3_find_column(file, column->part, asked, &column->index);
  if (file->has_header) return find_by_header(file, S3_ITEM, column);
  column->index = 0;
  return S3REC_OK;
}

void s3_cell_of_json(const s3_table_file *file, s3_json value, s3_cell *cell) {
  static const s3_cell_kind kinds[] = {
      [S3_JSON_NULL] = S3_CELL_NULL,   [S3_JSON_TRUTH] = S3_CELL_TRUTH,
      [S3_JSON_INTEGER] = S3_CELL_INTEGER, [S3_JSON_REAL] = S3_CELL_REAL,
      [S3_JSON_TEXT] = S3_CELL_TEXT,   [S3_JSON_ARRAY] = S3_CELL_ARRAY,
      [S3_JSON_OBJECT] = S3_CELL_OBJECT};
  const s3_json_kind kind = value.begin == NULL ? S3_JSON_NULL : s3_json_kind_of(value);
  s3_field text = {"", 0};
  double real;
  cell->json = value;
  cell->kind = kinds[kind];
  if (kind == S3_JSON_TEXT) {
    text = s3_json_row_text(file, value);
  } else if (kind == S3_JSON_REAL) {
    s3_json_real(value, &real);
    s3_format_double(real, cell->number);
    text = (s3_field){cell->number, strlen(cell->number)};
  } else if (kind == S3_JSON_INTEGER && value.length == 2 && memcmp(value.begin, "-0", 2) == 0) {
    text = (s3_field){"0", 1};
  } else if (kind == S3_JSON_INTEGER || kind == S3_JSON_TRUTH) {
    text = (s3_field){value.begin, value.length};
  }
  cell->text = text.text;
  cell->length = text.length;
}

const char *s3_cell_kind_name(const s3_cell *cell) {
  return s3_json_kind_name(s3_json_kind_of(cell->json));
}

void s3_json_cell_get(const s3_table_file *file, const s3_column *column, s3_cell *cell) {
  s3_cell_of_json(file, json_value_of(file, column), cell);
}

s3rec_status s3_check_id(const s3_table_file *file, const char *part, const s3_cell *cell) {
  if (cell->kind == S3_CELL_NULL) return s3_fail_row(file, part, "missing");
  if (cell->kind != S3_CELL_TEXT && cell->kind != S3_CELL_INTEGER)
    return s3_fail_row(file, part, "%s, must be text or an integer", s3_cell_kind_name(cell));
  const char *const wrong = s3_name_fault(cell->text, cell->length);
  return wrong == NULL ? S3REC_OK : s3_fail_row(file, part, "%s", wrong);
}

/* Copies the text of a cell that must be a number, without the blanks around it. */
static s3rec_status copy_number_text(const s3_table_file *file, const s3_column *column,
                                     char text[LONGEST_NUMBER + 1]) {
  s3_cell cell;
  s3_cell_get(file, column, &cell);
  if (cell.kind == S3_CELL_NULL) return s3_fail_row(file, column->part, "missing");
  if (cell.kind > S3_CELL_REAL)
    return s3_fail_row(file, column->part, "%s, must be a number or text",
                       s3_cell_kind_name(&cell));
  const s3_field number = s3_trimmed(cell.text, cell.length);
  if (number.length == 0) return s3_fail_row(file, column->part, "empty");
  if (number.length > LONGEST_NUMBER)
    return s3_fail_row(file, column->part, "longer than %d bytes", LONGEST_NUMBER);
  for (size_t i = 0; i < number.length; i++)
    if ((signed char)number.text[i] <= 0)
      return s3_fail_row(file, column->part, "has a byte 0x%02X in it, which cannot be in a number",
                         (unsigned char)number.text[i]);
  memcpy(text, number.text, number.length);
  text[number.length] = '\0';
  return S3REC_OK;
}

s3rec_status s3_read_timestamp(const s3_table_file *file, const s3_column *column,
                               s3_timestamp *timestamp) {
  char text[LONGEST_NUMBER + 1];
  S3_TRY(copy_number_text(file, column, text));
  const char *const wrong = s3_timestamp_parse(text, timestamp);
  if (wrong == NULL) return S3REC_OK;
  return s3_fail_row(file, column->part, "\"%.*s%s\" %s", SHOWN, text,
                     strlen(text) > SHOWN ? "..." : "", wrong);
}

/* Parses short decimals such as "4.5", which nearly all values are. Their digits and the power
 * of ten are exact in double, so the one division rounds correctly. */
static bool parse_short_decimal(const char *text, double *value) {
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
  if (file->is_json && s3_json_real(json_value_of(file, column), value)) return S3REC_OK;
  S3_TRY(copy_number_text(file, column, text));
  if (parse_short_decimal(text, value) || s3_parse_double(text, value)) return S3REC_OK;
  return s3_fail_row(file, column->part, "\"%.*s%s\" is not a finite number", SHOWN, text,
                     strlen(text) > SHOWN ? "..." : "");
}

/* Writes "user \"userId\"", or "user 1" when the column has no name that can be shown. */
static int describe_column(const s3_table_file *file, const s3_column *column, char *text,
                           size_t size) {
  enum { LONGEST_NAME = 60 };
  s3_field name = {column->key, column->key != NULL ? strlen(column->key) : 0};
  if (!file->is_json && file->has_header) name = file->names[column->index];
  if (s3_name_fault(name.text, name.length) != NULL)
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
