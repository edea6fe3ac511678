/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/delimited_rows.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"

typedef struct splitter {
  s3_text_window *window;
  const s3_delimiter *delimiter;
  s3_row *row;
  s3_text_line line;  /* the row's last line so far */
  uint64_t line_ends; /* within quoted fields */
} splitter;

void s3_row_free(const s3rec_context *context, s3_row *row) {
  s3_free(context, row->begin);
  s3_free(context, row->fields);
  *row = (s3_row){0};
}

static char *bytes_of(const splitter *s) { return s->window->bytes + s->window->begin; }

static s3rec_status add_field(splitter *s, size_t begin, size_t length) {
  s3_row *const row = s->row;
  if (row->field_count == S3_MAX_FIELD_COUNT) {
    row->fault = "more than 65536 fields";
    return S3REC_OK;
  }
  const s3rec_context *const context = s->window->context;
  S3_TRY(s3_grow(context, (void **)&row->begin, &row->begin_capacity, row->field_count + 1,
                 sizeof *row->begin));
  S3_TRY(s3_grow(context, (void **)&row->fields, &row->field_capacity, row->field_count + 1,
                 sizeof *row->fields));
  row->begin[row->field_count] = begin;
  row->fields[row->field_count].length = length;
  row->field_count++;
  return S3REC_OK;
}

/* Where the next delimiter is, or where the line's text stops. */
static size_t find_delimiter(const splitter *s, size_t from) {
  const char *const bytes = bytes_of(s), *const at = bytes + from;
  const size_t left = s->line.stop - from;
  const s3_delimiter *const d = s->delimiter;
  const char *const found =
      d->length == 1 ? memchr(at, d->bytes[0], left) : memmem(at, left, d->bytes, d->length);
  return found == NULL ? s->line.stop : (size_t)(found - bytes);
}

static bool is_delimiter(const splitter *s, size_t at) {
  const s3_delimiter *const d = s->delimiter;
  return s->line.stop - at >= d->length && memcmp(bytes_of(s) + at, d->bytes, d->length) == 0;
}

/* Takes the next line into the row, since a quoted field goes on there. */
static s3rec_status take_line(splitter *s) {
  if (!s->line.terminated)
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s:%" PRIu64 ": a quoted field of this row has no closing quotation mark",
                   s->window->path, s->row->line);
  s->line_ends++;
  return s3_text_window_line(s->window, s->line.next, &s->line);
}

/* Reads the field whose quotation mark is at `at` and puts its text there, without the
 * marks; *behind is behind the closing one. */
static s3rec_status read_quoted(splitter *s, size_t at, size_t *behind) {
  size_t in = at + 1, out = at;
  for (;;) {
    char *const bytes = bytes_of(s);
    const char *const mark = memchr(bytes + in, '"', s->line.next - in);
    const size_t stop = mark == NULL ? s->line.next : (size_t)(mark - bytes);
    memmove(bytes + out, bytes + in, stop - in);
    out += stop - in;
    in = stop;
    if (mark == NULL) {
      S3_TRY(take_line(s));
    } else if (stop + 1 < s->line.stop && bytes[stop + 1] == '"') {
      bytes[out++] = '"';
      in = stop + 2;
    } else {
      break;
    }
  }
  *behind = in + 1;
  return add_field(s, at, out - at);
}

static s3rec_status read_field(splitter *s, size_t at, size_t *behind) {
  if (!s->delimiter->quoted || at == s->line.stop || bytes_of(s)[at] != '"') {
    *behind = find_delimiter(s, at);
    return add_field(s, at, *behind - at);
  }
  S3_TRY(read_quoted(s, at, behind));
  if (*behind < s->line.stop && !is_delimiter(s, *behind)) {
    s->row->fault = "text behind a closing quotation mark";
    *behind = find_delimiter(s, *behind);
  }
  return S3REC_OK;
}

static s3rec_status split(splitter *s) {
  for (size_t at = 0;;) {
    size_t behind;
    S3_TRY(read_field(s, at, &behind));
    if (behind >= s->line.stop) return S3REC_OK;
    at = behind + s->delimiter->length;
  }
}

s3rec_status s3_delimited_next(s3_text_window *window, const s3_delimiter *delimiter, s3_row *row,
                               bool *found) {
  splitter s = {.window = window, .delimiter = delimiter, .row = row};
  S3_TRY(s3_text_window_next(window, &s.line, found));
  if (!*found) return S3REC_OK;
  row->line = window->line;
  row->field_count = 0;
  row->fault = NULL;
  S3_TRY(split(&s));
  char *const bytes = bytes_of(&s);
  for (size_t i = 0; i < row->field_count; i++) {
    char *const text = bytes + row->begin[i];
    text[row->fields[i].length] = '\0'; /* over a delimiter, quotation mark or line end */
    row->fields[i].text = text;
  }
  s3_text_window_pass(window, s.line);
  window->line += s.line_ends;
  return S3REC_OK;
}
