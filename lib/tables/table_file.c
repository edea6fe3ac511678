/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/table_file.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "tables/table_columns.h"

void s3_set_row_error(const s3_table_file *file, const char *part, const char *format, ...) {
  char reason[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(reason, sizeof reason, format, arguments);
  va_end(arguments);
  /* A key of JSON may be long: the reason is to be seen behind it. */
  s3_set_error_text("%s:%" PRIu64 ": %.100s: %s", file->path, file->row.line, part, reason);
}

/* Copies the fields of the first row, the header, without blanks around them. */
static s3rec_status keep_names(s3_table_file *file) {
  size_t size = 0;
  for (size_t i = 0; i < file->row.field_count; i++) size += file->row.fields[i].length + 1;
  file->names = s3_allocate(file->context, file->row.field_count, sizeof *file->names);
  file->name_text = s3_allocate(file->context, size, 1);
  if (file->names == NULL || file->name_text == NULL) return S3REC_ERROR_MEMORY;
  char *to = file->name_text;
  for (size_t i = 0; i < file->row.field_count; i++) {
    const s3_field name = s3_trimmed(file->row.fields[i].text, file->row.fields[i].length);
    file->names[i] = (s3_field){to, name.length};
    memcpy(to, name.text, name.length);
    to += name.length + 1;
  }
  return S3REC_OK;
}

static bool is_number(const char *text) { return text[strspn(text, "0123456789")] == '\0'; }

/* Whether a list of names with commas between has this one; blanks around them do not count. */
static bool in_list(const char *list, s3_field name) {
  while (list != NULL && name.length > 0) {
    const size_t end = strcspn(list, ",");
    const s3_field listed = s3_trimmed(list, end);
    if (listed.length == name.length && memcmp(listed.text, name.text, name.length) == 0)
      return true;
    list = list[end] == ',' ? list + end + 1 : NULL;
  }
  return false;
}

/* A number that was asked for is no name: it may well be an id. */
static bool is_column_name(const s3_table_file *file, s3_field name) {
  if (is_number(name.text)) return false;
  if (in_list(file->options.attribute_columns, name)) return true;
  for (int role = 0; role < S3_ROLE_COUNT; role++) {
    const char *const asked = s3_asked_column(&file->options, (s3_role)role);
    size_t rank;
    if (asked != NULL && strcmp(asked, name.text) == 0) return true;
    if (s3_is_usual_name((s3_role)role, name.text, name.length, &rank)) return true;
  }
  return false;
}

static s3rec_status read_header(s3_table_file *file) {
  bool found;
  S3_TRY(s3_delimited_next(&file->window, &file->delimiter, &file->row, &found));
  if (!found) return S3REC_OK;
  file->column_count = file->row.field_count;
  file->row_waits = true;
  if (file->options.header == S3REC_HEADER_NO) return S3REC_OK;
  S3_TRY(keep_names(file));
  file->has_header = file->options.header == S3REC_HEADER_YES;
  for (size_t i = 0; i < file->column_count && !file->has_header; i++)
    file->has_header = is_column_name(file, file->names[i]);
  if (!file->has_header) return S3REC_OK;
  if (file->row.fault != NULL) return s3_fail_row(file, "header", "%s", file->row.fault);
  file->row_waits = false;
  return S3REC_OK;
}

s3rec_status s3_table_file_open(const s3rec_context *context, const char *path,
                                const s3rec_table_options *options, s3_table_file *file) {
  *file = (s3_table_file){.context = context, .path = path, .options = *options};
  s3rec_status status = s3_text_window_open(context, path, &file->window);
  if (status == S3REC_OK) status = s3_table_file_find_format(file);
  if (status == S3REC_OK && !file->is_json) status = read_header(file);
  if (status != S3REC_OK) s3_table_file_close(file);
  return status;
}

void s3_table_file_close(s3_table_file *file) {
  if (file->context == NULL) return;
  s3_text_window_close(&file->window);
  s3_row_free(file->context, &file->row);
  json_decref(file->object);
  s3_free(file->context, file->names);
  s3_free(file->context, file->name_text);
  *file = (s3_table_file){0};
}

static s3rec_status parse_json(s3_table_file *file, s3_field line) {
  json_error_t error;
  json_decref(file->object);
  const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
  file->object = json_loadb(line.text, line.length, flags, &error);
  if (file->object == NULL) {
    if (s3_fail_json(file->path, "", line.text, &error) == S3REC_ERROR_MEMORY)
      return S3REC_ERROR_MEMORY;
    return s3_fail_row(file, "JSON", "column %d: %s", error.column > 0 ? error.column : 1,
                       error.text);
  }
  if (json_is_object(file->object)) return S3REC_OK;
  s3_cell cell;
  s3_cell_of_json(file->object, &cell);
  return s3_fail_row(file, "JSON", "the line is %s, must be an object",
                     s3_cell_kind_name(cell.kind));
}

/* Passes the next line of a JSONL file, which is then `text`. */
static s3rec_status next_line(s3_table_file *file, s3_field *line, bool *found) {
  s3_text_line here;
  S3_TRY(s3_text_window_next(&file->window, &here, found));
  if (!*found) return S3REC_OK;
  char *const text = file->window.bytes + file->window.begin;
  text[here.stop] = '\0';
  *line = (s3_field){text, here.stop};
  file->row.line = file->window.line;
  s3_text_window_pass(&file->window, here);
  return S3REC_OK;
}

static s3rec_status next_fields(s3_table_file *file, bool *found) {
  *found = true;
  if (!file->row_waits)
    S3_TRY(s3_delimited_next(&file->window, &file->delimiter, &file->row, found));
  file->row_waits = false;
  return S3REC_OK;
}

/* What is wrong with the current row as a whole. */
static s3rec_status check_fields(const s3_table_file *file) {
  if (file->row.fault != NULL) return s3_fail_row(file, "row", "%s", file->row.fault);
  if (file->row.field_count == file->column_count) return S3REC_OK;
  return s3_fail_row(file, "row", "%zu fields where the first row has %zu", file->row.field_count,
                     file->column_count);
}

s3rec_status s3_table_file_next(s3_table_file *file, bool *found) {
  for (;;) {
    s3_field line = {0};
    S3_TRY(file->is_json ? next_line(file, &line, found) : next_fields(file, found));
    if (!*found) return S3REC_OK;
    const s3rec_status status = file->is_json ? parse_json(file, line) : check_fields(file);
    if (status == S3REC_OK) return S3REC_OK;
    S3_TRY(s3_table_file_leave_out(file, status));
  }
}

s3rec_status s3_table_file_leave_out(s3_table_file *file, s3rec_status status) {
  if (status != S3REC_ERROR_FORMAT) return status;
  const size_t limit = file->options.bad_row_limit;
  if (file->report.bad_row_count == limit) {
    if (limit == 0) return status;
    char text[1024];
    snprintf(text, sizeof text, "%s", s3_error_text());
    return s3_fail(S3REC_ERROR_FORMAT, "%s (bad_row_limit is %zu)", text, limit);
  }
  if (file->report.bad_row_count++ == 0) file->report.first_bad_line = file->row.line;
  s3_log(file->context, S3REC_LOG_WARNING, "%s; row left out", s3_error_text());
  return S3REC_OK;
}
