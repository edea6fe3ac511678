/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/table_columns.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

static const char *const usual_names[S3_ROLE_COUNT][13] = {
    [S3_USER] = {"user", "userid", "uid", "username", "visitorid", "customerid", "reviewerid",
                 "sessionid"},
    [S3_ITEM] = {"item", "itemid", "iid", "productid", "movieid", "asin", "parentasin", "songid",
                 "articleid", "sku"},
    [S3_TIMESTAMP] = {"timestamp", "time", "ts", "date", "datetime", "unixreviewtime", "createdat"},
    [S3_VALUE] = {"value", "rating", "weight", "score", "overall", "stars"}};

const char *s3_role_name(s3_role role) {
  static const char *const names[S3_ROLE_COUNT] = {"user", "item", "timestamp", "value"};
  return names[role];
}

const char *s3_asked_column(const s3rec_table_options *options, s3_role role) {
  switch (role) {
    case S3_USER:
      return options->user_column;
    case S3_ITEM:
      return options->item_column;
    case S3_TIMESTAMP:
      return options->timestamp_column;
    default:
      return options->value_column;
  }
}

static bool is_spelling(const char *usual, const char *name, size_t length) {
  for (size_t i = 0; i < length; i++) {
    char byte = name[i];
    if (byte == '_' || byte == '-' || byte == ' ') continue;
    if (byte >= 'A' && byte <= 'Z') byte = (char)(byte - 'A' + 'a');
    if (byte == '\0' || *usual++ != byte) return false;
  }
  return *usual == '\0';
}

bool s3_is_usual_name(s3_role role, const char *name, size_t length, size_t *rank) {
  for (size_t i = 0; usual_names[role][i] != NULL; i++)
    if (is_spelling(usual_names[role][i], name, length)) {
      *rank = i;
      return true;
    }
  return false;
}

/* Number of a column, from 1, or 0 when the text is none of 1..count. */
static size_t column_number(const char *text, size_t count) {
  int64_t number;
  return s3_parse_int64(text, 1, (int64_t)count, &number) ? (size_t)number : 0;
}

/* "a, b, c" as far as there is room. */
static void list_names(const s3_table_file *file, char *text, size_t size) {
  size_t used = 0;
  text[0] = '\0';
  for (size_t i = 0; i < file->column_count && used + 4 < size; i++)
    used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "",
                             s3_check_name(file->names[i].text, file->names[i].length) == NULL
                                 ? file->names[i].text
                                 : "?");
}

static s3rec_status fail_header(const s3_table_file *file, const char *part, const char *reason) {
  char names[300];
  list_names(file, names, sizeof names);
  return s3_fail_row(file, part, "%s; the columns are: %s", reason, names);
}

s3rec_status s3_find_column(const s3_table_file *file, const char *part, const char *asked,
                            size_t *index) {
  const size_t number = column_number(asked, file->column_count);
  if (!file->has_header) {
    if (number == 0)
      return s3_fail_row(
          file, part, "no column \"%s\": the file has no header, so columns are numbers, 1..%zu",
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
  return found == 1 ? S3REC_OK : fail_header(file, part, reason);
}

/* The column of a header with the first of the usual names; column_count when none is. */
static size_t find_usual(const s3_table_file *file, s3_role role) {
  size_t best = SIZE_MAX, index = file->column_count, rank;
  for (size_t i = 0; i < file->column_count; i++)
    if (s3_is_usual_name(role, file->names[i].text, file->names[i].length, &rank) && rank < best) {
      best = rank;
      index = i;
    }
  return index;
}

static s3rec_status find_by_header(const s3_table_file *file, s3_role role, s3_column *column) {
  column->index = find_usual(file, role);
  column->there = column->index < file->column_count;
  if (column->there || role > S3_ITEM) return S3REC_OK;
  return fail_header(file, column->part,
                     role == S3_USER ? "no column has a usual name, user_column may name it"
                                     : "no column has a usual name, item_column may name it");
}

s3rec_status s3_fail_one_column(const s3_table_file *file, const char *part) {
  const char *const delimiter = file->delimiter.bytes;
  return s3_fail_row(file, part,
                     "the first row has one column, no delimiter \"%s\"; the option delimiter may "
                     "name another",
                     strcmp(delimiter, "\t") == 0 ? "TAB" : delimiter);
}

/* Column of a role where neither a header nor the caller tells: user, item, timestamp;
 * of four columns user, item, value, timestamp. */
static size_t usual_place(const s3_table_file *file, s3_role role) {
  if (role <= S3_ITEM) return role;
  if (file->column_count == 4) return role == S3_VALUE ? 2 : 3;
  return role == S3_TIMESTAMP ? 2 : SIZE_MAX;
}

/* An optional column does not take the place of one that the caller named. */
static bool is_taken(const s3_column columns[S3_ROLE_COUNT], size_t index) {
  for (int role = 0; role < S3_ROLE_COUNT; role++)
    if (columns[role].there && columns[role].index == index) return true;
  return false;
}

static s3rec_status find_by_place(const s3_table_file *file, s3_role role,
                                  s3_column columns[S3_ROLE_COUNT]) {
  s3_column *const column = &columns[role];
  column->index = usual_place(file, role);
  if (role <= S3_ITEM && column->index >= file->column_count)
    return s3_fail_one_column(file, column->part);
  column->there =
      column->index < file->column_count && (role <= S3_ITEM || !is_taken(columns, column->index));
  return S3REC_OK;
}

static s3rec_status check_distinct(const s3_table_file *file,
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

/* JSONL: the key of the current row with the first of the usual names. */
static s3rec_status find_key(const s3_table_file *file, s3_role role, const char *asked,
                             s3_column *column) {
  column->there = true;
  column->key = asked;
  if (asked != NULL) return S3REC_OK;
  size_t best = SIZE_MAX, rank;
  const char *key;
  json_t *value;
  json_object_foreach(file->object, key, value) {
    const size_t length = strlen(key);
    if (length >= S3_KEY_SIZE || !s3_is_usual_name(role, key, length, &rank) || rank >= best)
      continue;
    best = rank;
    memcpy(column->usual, key, length + 1);
  }
  column->key = column->usual;
  column->there = best != SIZE_MAX;
  if (column->there || role > S3_ITEM) return S3REC_OK;
  return s3_fail_row(file, column->part, "no key has a usual name, %s_column may name it",
                     column->part);
}

static s3rec_status find_role(const s3_table_file *file, s3_role role,
                              s3_column columns[S3_ROLE_COUNT]) {
  const char *const asked = s3_asked_column(&file->options, role);
  s3_column *const column = &columns[role];
  if (asked != NULL && *asked == '\0') return S3REC_OK;
  if (file->is_json) return find_key(file, role, asked, column);
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
  /* Those that were asked for first: the others then keep off their places. */
  for (int pass = 0; pass < 2; pass++)
    for (int role = 0; role < S3_ROLE_COUNT; role++)
      if ((s3_asked_column(&file->options, (s3_role)role) == NULL) == (pass == 1))
        S3_TRY(find_role(file, (s3_role)role, columns));
  return check_distinct(file, columns);
}

s3rec_status s3_check_absent_keys(const s3_table_file *file,
                                  const s3_column columns[S3_ROLE_COUNT]) {
  for (int role = S3_TIMESTAMP; file->is_json && role < S3_ROLE_COUNT; role++) {
    const s3_column *const column = &columns[role];
    s3_column found = {.part = column->part};
    if (column->there || s3_asked_column(&file->options, (s3_role)role) != NULL) continue;
    S3_TRY(find_key(file, (s3_role)role, NULL, &found));
    if (found.there && !json_is_null(json_object_get(file->object, found.key)))
      return s3_fail_row(file, column->part,
                         "\"%s\" is here, but not in the first row; %s_column may name it",
                         found.key, column->part);
  }
  return S3REC_OK;
}

s3rec_status s3_find_item_column(const s3_table_file *file, s3_column *column) {
  *column = (s3_column){.part = s3_role_name(S3_ITEM)};
  if (!file->is_json && file->column_count == 0) return S3REC_OK;
  const char *const asked = s3_asked_column(&file->options, S3_ITEM);
  if (file->is_json) return find_key(file, S3_ITEM, asked, column);
  column->there = true;
  if (asked != NULL) return s3_find_column(file, column->part, asked, &column->index);
  if (file->has_header) return find_by_header(file, S3_ITEM, column);
  column->index = 0;
  return S3REC_OK;
}
