/* SPDX-License-Identifier: Apache-2.0 */
/* From top to bottom: lines of integers, separated by blanks; sequences; negatives.
 *
 * Error texts have the exact place of what is wrong. Lines and columns count from 1, columns
 * in bytes, which are characters because all that comes before an error is ASCII. A byte
 * order mark does not count. */
#include "data/sequence_file.h"

#include <inttypes.h>
#include <stdbool.h>

#include "base/file_read.h"
#include "base/error.h"
#include "base/utf8.h"
#include "data/id_spread.h"
#include "s3rec/dataset.h"

enum { MINIMUM_NEGATIVES = 99 };

typedef struct text_reader {
  const char *path;
  const char *text;     /* after a byte order mark */
  const char *at, *end; /* the next byte; the end of the file */
  const char *line_begin;
  size_t line;
} text_reader;

/* Starts on the bytes of a whole file, after a byte order mark. */
static text_reader start_reader(const char *path, const char *bytes, size_t count) {
  const char *start = bytes + s3_utf8_mark_length(bytes, count);
  return (text_reader){path, start, start, bytes + count, start, 1};
}

static bool is_blank_byte(char byte) { return byte == ' ' || byte == '\t'; }

/* Length of the line end here: LF, CRLF, or a CR that ends the file. */
static size_t line_end_length(const text_reader *reader, const char *at) {
  if (*at == '\n') return 1;
  if (*at != '\r') return 0;
  if (at + 1 == reader->end) return 1;
  return at[1] == '\n' ? 2 : 0;
}

/* Skips blanks; true when the line has nothing more. */
static bool is_line_ended(text_reader *reader) {
  while (reader->at < reader->end && is_blank_byte(*reader->at)) ++reader->at;
  return reader->at == reader->end || line_end_length(reader, reader->at) > 0;
}

/* Skips white space and line ends to the next number; false at the end. */
static bool find_next_line(text_reader *reader) {
  while (is_line_ended(reader)) {
    if (reader->at == reader->end) return false;
    reader->at += line_end_length(reader, reader->at);
    reader->line_begin = reader->at;
    ++reader->line;
  }
  return true;
}

/* The column of a place on the current line. */
static size_t column_of_place(const text_reader *reader, const char *place) {
  return (size_t)(place - reader->line_begin) + 1;
}

static const char *end_of_word(const text_reader *reader) {
  const char *at = reader->at;
  while (at < reader->end && !is_blank_byte(*at) && line_end_length(reader, at) == 0) ++at;
  return at;
}

static bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }
static bool is_printable(char byte) { return byte > ' ' && byte <= '~'; }

/* A byte that no number and no readable error text can hold. */
static s3rec_status fail_at_byte(const text_reader *reader, const char *place, const char *what) {
  const size_t column = column_of_place(reader, place);
  const unsigned char byte = (unsigned char)*place;
  uint32_t code_point = 0;
  if (byte == 0)
    return s3_fail(S3REC_ERROR_FORMAT, "%s:%zu:%zu: NUL byte where %s is expected", reader->path,
                   reader->line, column, what);
  if (byte < 0x80)
    return s3_fail(S3REC_ERROR_FORMAT, "%s:%zu:%zu: control character 0x%02X where %s is expected",
                   reader->path, reader->line, column, byte, what);
  switch (s3_utf8_decode(place, reader->end, &code_point)) {
    case S3_UTF8_CUT:
      return s3_fail(S3REC_ERROR_FORMAT,
                     "%s:%zu:%zu: truncated UTF-8: byte 0x%02X starts a character that is cut off",
                     reader->path, reader->line, column, byte);
    case S3_UTF8_INVALID:
      return s3_fail(S3REC_ERROR_FORMAT, "%s:%zu:%zu: byte 0x%02X is not valid UTF-8", reader->path,
                     reader->line, column, byte);
    default:
      return s3_fail(S3REC_ERROR_FORMAT,
                     "%s:%zu:%zu: character U+%04" PRIX32 " (byte 0x%02X) where %s is expected",
                     reader->path, reader->line, column, code_point, byte, what);
  }
}

/* Says why the word [reader->at, end) is not the number wanted. */
static s3rec_status fail_at_word(const text_reader *reader, const char *end, const char *what,
                                 int64_t minimum, int64_t maximum) {
  enum { SHOWN = 40 };
  const char *word = reader->at;
  const char *digits = *word == '-' ? word + 1 : word;
  bool integer = digits < end;
  for (const char *at = digits; at < end; at++) {
    if (!is_printable(*at)) return fail_at_byte(reader, at, what);
    integer = integer && is_digit(*at);
  }
  const size_t length = (size_t)(end - word);
  const int shown = (int)(length > SHOWN ? SHOWN : length);
  const char *more = length > SHOWN ? "..." : "";
  const size_t column = column_of_place(reader, word);
  if (!integer)
    return s3_fail(S3REC_ERROR_FORMAT, "%s:%zu:%zu: %s \"%.*s%s\" is not an integer", reader->path,
                   reader->line, column, what, shown, word, more);
  return s3_fail(S3REC_ERROR_FORMAT,
                 "%s:%zu:%zu: %s %.*s%s is out of range, must be %" PRId64 "..%" PRId64,
                 reader->path, reader->line, column, what, shown, word, more, minimum, maximum);
}

/* Reads the integer that starts here; `what` names it in the error text. */
static s3rec_status read_integer_word(text_reader *reader, const char *what, int64_t minimum,
                                      int64_t maximum, int64_t *value) {
  const char *at = reader->at;
  int64_t number = 0;
  bool fits = true;
  for (; at < reader->end && is_digit(*at); at++) {
    const int digit = *at - '0';
    fits = fits && number <= (INT64_MAX - digit) / 10;
    if (fits) number = number * 10 + digit;
  }
  const bool whole = at == reader->end || is_blank_byte(*at) || line_end_length(reader, at) > 0;
  if (!whole || !fits || number < minimum || number > maximum)
    return fail_at_word(reader, end_of_word(reader), what, minimum, maximum);
  reader->at = at;
  *value = number;
  return S3REC_OK;
}

typedef struct sequence_rows {
  s3_ragged_builder items;
  int64_t *names;
  size_t names_capacity;
  s3_highest_id highest;
} sequence_rows;

static s3rec_status read_item(const s3rec_context *context, text_reader *reader,
                              sequence_rows *rows) {
  const char *const at = reader->at;
  int64_t item;
  S3_TRY(read_integer_word(reader, "item id", 1, S3REC_MAX_ITEM_ID, &item));
  if ((uint64_t)item > context->limits.items)
    return s3_fail(S3REC_ERROR_LIMIT,
                   "%s:%zu:%zu: item id %" PRId64 " is above %" PRIu64
                   ", the limit (s3rec_limits.items)",
                   reader->path, reader->line, column_of_place(reader, at), item,
                   context->limits.items);
  s3_see_id(&rows->highest, (int32_t)item, at);
  return s3_ragged_push(context, &rows->items, (int32_t)item);
}

static s3rec_status read_sequence(const s3rec_context *context, text_reader *reader,
                                  sequence_rows *rows) {
  const size_t user = rows->items.ragged.row_count;
  if (user >= context->limits.rows)
    return s3_fail(S3REC_ERROR_LIMIT,
                   "%s:%zu: more than %" PRIu64 " users, the limit (s3rec_limits.rows)",
                   reader->path, reader->line, context->limits.rows);
  S3_TRY(s3_grow(context, (void **)&rows->names, &rows->names_capacity, user + 1,
                 sizeof *rows->names));
  S3_TRY(read_integer_word(reader, "user name", 0, INT64_MAX, &rows->names[user]));
  if (is_line_ended(reader))
    return s3_fail(S3REC_ERROR_FORMAT, "%s:%zu:%zu: user %" PRId64 " has no items", reader->path,
                   reader->line, column_of_place(reader, reader->at), rows->names[user]);
  while (!is_line_ended(reader)) S3_TRY(read_item(context, reader, rows));
  return s3_ragged_end_row(context, &rows->items);
}

static s3rec_status read_sequences(const s3rec_context *context, text_reader *reader,
                                   sequence_rows *rows, s3_ragged *sequences) {
  while (find_next_line(reader)) S3_TRY(read_sequence(context, reader, rows));
  if (rows->items.ragged.row_count == 0)
    return s3_fail(S3REC_ERROR_FORMAT, "%s:1:1: no users in the file", reader->path);
  S3_TRY(s3_check_id_spread(context, reader->path, reader->text, "item", rows->items.ragged.values,
                            rows->items.value_count, rows->highest));
  return s3_ragged_finish(context, &rows->items, sequences);
}

s3rec_status s3_sequence_file_read(const s3rec_context *context, const char *path,
                                   s3_ragged *sequences, int64_t **names) {
  char *bytes;
  size_t count;
  S3_TRY(s3_file_read(context, path, &bytes, &count));
  text_reader reader = start_reader(path, bytes, count);
  sequence_rows rows = {0};
  const s3rec_status status = read_sequences(context, &reader, &rows, sequences);
  if (status == S3REC_OK) {
    *names = rows.names;
  } else {
    s3_ragged_discard(context, &rows.items);
    s3_free(context, rows.names);
  }
  s3_free(context, bytes);
  return status;
}

static s3rec_status read_negatives_of_user(const s3rec_context *context, text_reader *reader,
                                           int64_t expected_name, int32_t max_item,
                                           s3_ragged_builder *negatives) {
  const size_t name_column = column_of_place(reader, reader->at);
  int64_t name;
  S3_TRY(read_integer_word(reader, "user name", 0, INT64_MAX, &name));
  if (name != expected_name)
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s:%zu:%zu: user %" PRId64 ", but the sequence file has user %" PRId64,
                   reader->path, reader->line, name_column, name, expected_name);
  size_t count = 0;
  for (; !is_line_ended(reader); count++) {
    int64_t item;
    S3_TRY(read_integer_word(reader, "negative item id", 1, max_item, &item));
    S3_TRY(s3_ragged_push(context, negatives, (int32_t)item));
  }
  if (count < MINIMUM_NEGATIVES)
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s:%zu:%zu: user %" PRId64 " has %zu negatives, at least %d are needed",
                   reader->path, reader->line, column_of_place(reader, reader->at), name, count,
                   MINIMUM_NEGATIVES);
  return s3_ragged_end_row(context, negatives);
}

static s3rec_status read_all_negatives(const s3rec_context *context, text_reader *reader,
                                       const int64_t *names, size_t user_count, int32_t max_item,
                                       s3_ragged_builder *rows, s3_ragged *negatives) {
  while (find_next_line(reader)) {
    const size_t user = rows->ragged.row_count;
    if (user == user_count)
      return s3_fail(S3REC_ERROR_FORMAT,
                     "%s:%zu:%zu: more lines than the %zu users of the sequence file", reader->path,
                     reader->line, column_of_place(reader, reader->at), user_count);
    S3_TRY(read_negatives_of_user(context, reader, names[user], max_item, rows));
  }
  if (rows->ragged.row_count < user_count)
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s:%zu:%zu: the file ends after %zu of the %zu users of the sequence file",
                   reader->path, reader->line, column_of_place(reader, reader->at),
                   rows->ragged.row_count, user_count);
  return s3_ragged_finish(context, rows, negatives);
}

s3rec_status s3_negative_file_read(const s3rec_context *context, const char *path,
                                   const int64_t *names, size_t user_count, int32_t max_item,
                                   s3_ragged *negatives) {
  char *bytes;
  size_t count;
  S3_TRY(s3_file_read(context, path, &bytes, &count));
  text_reader reader = start_reader(path, bytes, count);
  s3_ragged_builder rows = {0};
  const s3rec_status status =
      read_all_negatives(context, &reader, names, user_count, max_item, &rows, negatives);
  s3_ragged_discard(context, &rows);
  s3_free(context, bytes);
  return status;
}
