/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/text_reader.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"

size_t s3_text_mark_length(const char *bytes, size_t count) {
  return count >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

s3_text_reader s3_text_begin(const char *path, const char *bytes, size_t count) {
  const char *start = bytes + s3_text_mark_length(bytes, count);
  return (s3_text_reader){path, start, bytes + count, start, 1};
}

static bool is_blank(char byte) { return byte == ' ' || byte == '\t'; }

/* Length of the line end here: LF, CRLF, or a CR that ends the file. */
static size_t line_end(const s3_text_reader *reader, const char *at) {
  if (*at == '\n') return 1;
  if (*at != '\r') return 0;
  if (at + 1 == reader->end) return 1;
  return at[1] == '\n' ? 2 : 0;
}

bool s3_text_line_ended(s3_text_reader *reader) {
  while (reader->at < reader->end && is_blank(*reader->at)) ++reader->at;
  return reader->at == reader->end || line_end(reader, reader->at) > 0;
}

bool s3_text_next_line(s3_text_reader *reader) {
  while (s3_text_line_ended(reader)) {
    if (reader->at == reader->end) return false;
    reader->at += line_end(reader, reader->at);
    reader->line_begin = reader->at;
    ++reader->line;
  }
  return true;
}

size_t s3_text_column(const s3_text_reader *reader, const char *place) {
  return (size_t)(place - reader->line_begin) + 1;
}

static const char *token_end(const s3_text_reader *reader) {
  const char *at = reader->at;
  while (at < reader->end && !is_blank(*at) && line_end(reader, at) == 0) ++at;
  return at;
}

static bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }
static bool is_printable(char byte) { return byte > ' ' && byte <= '~'; }

/* A byte that no number and no readable error text can hold. */
static s3rec_status fail_byte(const s3_text_reader *reader, const char *place,
                              const char *what) {
  const size_t column = s3_text_column(reader, place);
  const unsigned char byte = (unsigned char)*place;
  uint32_t code_point = 0;
  if (byte == 0)
    return s3_fail(S3REC_ERROR_FORMAT, "%s:%zu:%zu: NUL byte where %s is expected",
                   reader->path, reader->line, column, what);
  if (byte < 0x80)
    return s3_fail(S3REC_ERROR_FORMAT, "%s:%zu:%zu: control character 0x%02X where %s is expected",
                   reader->path, reader->line, column, byte, what);
  switch (s3_utf8_decode(place, reader->end, &code_point)) {
    case S3_UTF8_CUT:
      return s3_fail(S3REC_ERROR_FORMAT,
                     "%s:%zu:%zu: truncated UTF-8: byte 0x%02X starts a character that is cut off",
                     reader->path, reader->line, column, byte);
    case S3_UTF8_INVALID:
      return s3_fail(S3REC_ERROR_FORMAT, "%s:%zu:%zu: byte 0x%02X is not valid UTF-8",
                     reader->path, reader->line, column, byte);
    default:
      return s3_fail(S3REC_ERROR_FORMAT,
                     "%s:%zu:%zu: character U+%04" PRIX32 " (byte 0x%02X) where %s is expected",
                     reader->path, reader->line, column, code_point, byte, what);
  }
}

/* Says why the word [reader->at, end) is not the number wanted. */
static s3rec_status fail_word(const s3_text_reader *reader, const char *end, const char *what,
                              int64_t minimum, int64_t maximum) {
  enum { SHOWN = 40 };
  const char *word = reader->at;
  const char *digits = *word == '-' ? word + 1 : word;
  bool integer = digits < end;
  for (const char *at = digits; at < end; at++) {
    if (!is_printable(*at)) return fail_byte(reader, at, what);
    integer = integer && is_digit(*at);
  }
  const size_t length = (size_t)(end - word);
  const int shown = (int)(length > SHOWN ? SHOWN : length);
  const char *more = length > SHOWN ? "..." : "";
  const size_t column = s3_text_column(reader, word);
  if (!integer)
    return s3_fail(S3REC_ERROR_FORMAT, "%s:%zu:%zu: %s \"%.*s%s\" is not an integer",
                   reader->path, reader->line, column, what, shown, word, more);
  return s3_fail(S3REC_ERROR_FORMAT,
                 "%s:%zu:%zu: %s %.*s%s is out of range, accepted is %" PRId64 "..%" PRId64,
                 reader->path, reader->line, column, what, shown, word, more, minimum, maximum);
}

s3rec_status s3_text_number(s3_text_reader *reader, const char *what, int64_t minimum,
                            int64_t maximum, int64_t *value) {
  const char *at = reader->at;
  int64_t number = 0;
  bool fits = true;
  for (; at < reader->end && is_digit(*at); at++) {
    const int digit = *at - '0';
    fits = fits && number <= (INT64_MAX - digit) / 10;
    if (fits) number = number * 10 + digit;
  }
  const bool whole = at == reader->end || is_blank(*at) || line_end(reader, at) > 0;
  if (!whole || !fits || number < minimum || number > maximum)
    return fail_word(reader, token_end(reader), what, minimum, maximum);
  reader->at = at;
  *value = number;
  return S3REC_OK;
}
