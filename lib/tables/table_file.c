/* SPDX-License-Identifier: Apache-2.0 */
/* From top to bottom: the format of a file, its header, its rows. */
#include "tables/table_file.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The formats of s3rec_table_format, and MovieLens's "::" files. */
typedef enum file_format { AUTO = 0, CSV = 1, TSV = 2, JSONL = 3, DOUBLE_COLON = 4 } file_format;

static file_format format_of_name(const char *path) {
  static const struct {
    const char *extension;
    file_format format;
  } known[] = {
      {".csv", CSV}, {".tsv", TSV}, {".jsonl", JSONL}, {".ndjson", JSONL}, {".dat", DOUBLE_COLON}};
  size_t length = strlen(path);
  if (length > 3 && strcasecmp(path + length - 3, ".gz") == 0) length -= 3;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    const size_t size = strlen(known[i].extension);
    if (length > size && strncasecmp(path + length - size, known[i].extension, size) == 0)
      return known[i].format;
  }
  return AUTO;
}

static s3rec_status format_of_text(s3_text_window *window, file_format *found) {
  s3_text_line line;
  bool there;
  S3_TRY(s3_text_window_next(window, &line, &there));
  const char *const text = window->bytes + window->begin;
  size_t blanks = 0;
  while (blanks < line.stop && (text[blanks] == ' ' || text[blanks] == '\t')) blanks++;
  if (blanks < line.stop && text[blanks] == '{')
    *found = JSONL;
  else if (memchr(text, '\t', line.stop) != NULL)
    *found = TSV;
  else if (memmem(text, line.stop, "::", 2) != NULL)
    *found = DOUBLE_COLON;
  else
    *found = CSV;
  return S3REC_OK;
}

static s3rec_status check_delimiter(const char *delimiter) {
  const size_t length = strlen(delimiter);
  if (length < 1 || length > S3_MAX_DELIMITER_LENGTH)
    return s3_fail(S3REC_ERROR_ARGUMENT, "delimiter has %zu bytes, must have 1..%d", length,
                   S3_MAX_DELIMITER_LENGTH);
  if (strpbrk(delimiter, "\"\r\n") != NULL)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "delimiter \"%s\" has a quotation mark or a line end in it", delimiter);
  return S3REC_OK;
}

/* Decides on is_json, the delimiter and, where options.header is AUTO and the format decides,
 * on options.header. */
static s3rec_status decide_format(s3_table_file *file) {
  s3rec_table_options *const options = &file->options;
  file_format found = (file_format)options->format;
  if (options->delimiter != NULL) S3_TRY(check_delimiter(options->delimiter));
  if (found == AUTO) found = format_of_name(file->path);
  if (found == AUTO) {
    S3_TRY(format_of_text(&file->window, &found));
    if (options->delimiter != NULL && found != JSONL) found = CSV;
  }
  file->is_json = found == JSONL;
  if (found == JSONL && options->delimiter != NULL)
    return s3_fail(S3REC_ERROR_ARGUMENT, "%s: delimiter is \"%s\", but JSONL has none", file->path,
                   options->delimiter);
  if (found == DOUBLE_COLON && options->delimiter == NULL && options->header == S3REC_HEADER_AUTO)
    options->header = S3REC_HEADER_NO;
  const char *const usual = found == TSV ? "\t" : found == DOUBLE_COLON ? "::" : ",";
  const char *const delimiter = options->delimiter != NULL ? options->delimiter : usual;
  file->delimiter.length = strlen(delimiter);
  memcpy(file->delimiter.bytes, delimiter, file->delimiter.length);
  file->delimiter.quoted = found == CSV;
  return S3REC_OK;
}

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

static bool is_spelling_of(const char *usual, const char *name, size_t length) {
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
    if (is_spelling_of(usual_names[role][i], name, length)) {
      *rank = i;
      return true;
    }
  return false;
}

static bool is_blank(char byte) { return byte == ' ' || byte == '\t'; }

s3_field s3_trimmed(const char *text, size_t length) {
  for (; length > 0 && is_blank(*text); length--) text++;
  while (length > 0 && is_blank(text[length - 1])) length--;
  return (s3_field){text, length};
}

void s3_set_row_error(const s3_table_file *file, const char *part, const char *format, ...) {
  char reason[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(reason, sizeof reason, format, arguments);
  va_end(arguments);
  /* A JSON key may be long: it is cut so that the reason after it is seen. */
  s3_set_error_text("%s:%" PRIu64 ": %.100s: %s", file->path, file->row.line, part, reason);
}

/* Copies the fields of the first row, the header, without blanks around them. */
static s3rec_status keep_header_names(s3_table_file *file) {
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

static bool is_digits_only(const char *text) { return text[strspn(text, "0123456789")] == '\0'; }

/* Whether a list of names with commas between has this one; blanks around them do not count. */
static bool is_in_list(const char *list, s3_field name) {
  while (list != NULL && name.length > 0) {
    const size_t end = strcspn(list, ",");
    const s3_field listed = s3_trimmed(list, end);
    if (listed.length == name.length && memcmp(listed.text, name.text, name.length) == 0)
      return true;
    list = list[end] == ',' ? list + end + 1 : NULL;
  }
  return false;
}

/* A number that the caller asked for does not count: in the first row it may be an id. */
static bool is_column_name(const s3_table_file *file, s3_field name) {
  if (is_digits_only(name.text)) return false;
  if (is_in_list(file->options.attribute_columns, name)) return true;
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
  S3_TRY(keep_header_names(file));
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
  if (status == S3REC_OK) status = decide_format(file);
  if (status == S3REC_OK && !file->is_json) status = read_header(file);
  if (status != S3REC_OK) s3_table_file_close(file);
  return status;
}

void s3_table_file_close(s3_table_file *file) {
  if (file->context == NULL) return;
  s3_text_window_close(&file->window);
  s3_row_free(file->context, &file->row);
  s3_json_index_free(file->context, &file->members);
  s3_free(file->context, file->unpacked);
  s3_free(file->context, file->names);
  s3_free(file->context, file->name_text);
  *file = (s3_table_file){0};
}

static s3rec_status fail_json_row(const s3_table_file *file, s3_field line, const char *fault,
                                  const char *at) {
  if (fault == s3_json_too_deep)
    return s3_fail(S3REC_ERROR_LIMIT,
                   "%s:%" PRIu64
                   ": JSON: column %zu: nested deeper than %d, the limit (s3rec_limits.json_depth)",
                   file->path, file->row.line, s3_json_place_of(line.text, at).column,
                   file->context->limits.json_depth);
  return s3_fail_row(file, "JSON", "column %zu: %s", s3_json_place_of(line.text, at).column,
                     fault);
}

static s3rec_status parse_json_row(s3_table_file *file, s3_field line) {
  const s3rec_context *const context = file->context;
  s3_json row, repeated;
  const char *fault, *fault_at;
  if (!s3_json_is_valid(line.text, line.length, (size_t)context->limits.json_depth, &row, &fault,
                        &fault_at))
    return fail_json_row(file, line, fault, fault_at);
  if (*row.begin != '{')
    return s3_fail_row(file, "JSON", "the line is %s, must be an object",
                       s3_json_kind_name(s3_json_kind_of(row)));
  if (memchr(row.begin, '\\', row.length) != NULL)
    S3_TRY(s3_grow(context, &file->unpacked, &file->unpacked_capacity, row.length, 1));
  const s3rec_status status = s3_json_index_make(context, row, &file->members, &repeated);
  if (status != S3REC_ERROR_FORMAT) return status;
  return fail_json_row(file, line, "a key that the object has already", repeated.begin);
}

/* Rows are looked at twice, so what is read stays as it is. */
s3_field s3_json_row_text(const s3_table_file *file, s3_json text) {
  if (memchr(text.begin, '\\', text.length) == NULL)
    return (s3_field){text.begin + 1, text.length - 2};
  char *const bytes = (char *)file->unpacked + (text.begin - file->members.object.begin);
  const size_t length = s3_json_text_copy(text, bytes);
  return (s3_field){bytes, length};
}

/* Reads the next line of a JSONL file. */
static s3rec_status next_json_line(s3_table_file *file, s3_field *line, bool *found) {
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

static s3rec_status next_delimited_row(s3_table_file *file, bool *found) {
  *found = true;
  if (!file->row_waits)
    S3_TRY(s3_delimited_next(&file->window, &file->delimiter, &file->row, found));
  file->row_waits = false;
  return S3REC_OK;
}

/* FORMAT when the current row as a whole is wrong. */
static s3rec_status check_delimited_row(const s3_table_file *file) {
  if (file->row.fault != NULL) return s3_fail_row(file, "row", "%s", file->row.fault);
  if (file->row.field_count == file->column_count) return S3REC_OK;
  return s3_fail_row(file, "row", "%zu fields, but the first row has %zu", file->row.field_count,
                     file->column_count);
}

/* Rows that are left out count too. */
static s3rec_status count_table_row(s3_table_file *file) {
  const uint64_t most = file->context->limits.rows;
  if (file->row_total++ < most) return S3REC_OK;
  return s3_fail(S3REC_ERROR_LIMIT,
                 "%s:%" PRIu64 ": more than %" PRIu64 " rows, the limit (s3rec_limits.rows)",
                 file->path, file->row.line, most);
}

s3rec_status s3_table_file_next(s3_table_file *file, bool *found) {
  for (;;) {
    s3_field line = {0};
    S3_TRY(file->is_json ? next_json_line(file, &line, found) : next_delimited_row(file, found));
    if (!*found) return S3REC_OK;
    S3_TRY(count_table_row(file));
    const s3rec_status status =
        file->is_json ? parse_json_row(file, line) : check_delimited_row(file);
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
