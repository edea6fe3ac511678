/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "names/names.h"
#include "base/utf8.h"

/* Bytes of a text that are NUL; a plain loop that compilers make wide. */
static size_t count_nul(const char *text, size_t size) {
  enum { PIECE = 255 };
  size_t total = 0;
  for (size_t begin = 0; begin < size; begin += PIECE) {
    const size_t end = size - begin < PIECE ? size : begin + PIECE;
    uint8_t count = 0;
    for (size_t i = begin; i < end; i++) count = (uint8_t)(count + (text[i] == '\0'));
    total += count;
  }
  return total;
}

/* An int64 in decimal as every language prints it, so that there is one text a number. */
static bool is_integer(const char *name, size_t length) {
  static const char *const largest[] = {"9223372036854775807", "9223372036854775808"};
  enum { DIGITS = 19 };
  const bool negative = name[0] == '-';
  const char *const digits = name + negative;
  const size_t count = length - negative;
  if (count == 0 || count > DIGITS) return false;
  for (size_t i = 0; i < count; i++) {
    if (digits[i] < '0' || digits[i] > '9') return false;
  }
  if (digits[0] == '0') return count == 1 && !negative;
  return count < DIGITS || memcmp(digits, largest[negative], DIGITS) <= 0;
}

s3rec_status s3_names_check_offsets(const s3_names *names, size_t text_size, const char *where) {
  const int64_t *const offsets = names->offsets;
  if (offsets[0] != 0) {
    return s3_fail(S3REC_ERROR_FORMAT, "%sentry 0 is %" PRId64 ", must be 0", where, offsets[0]);
  }
  for (size_t i = 0; i < names->count; i++) {
    const int64_t begin = offsets[i], end = offsets[i + 1];
    if (end < begin + 2 || end > begin + S3REC_MAX_NAME_LENGTH + 1) {
      return s3_fail(S3REC_ERROR_FORMAT,
                     "%sentry %zu is %" PRId64 ", must be 2..%d above the one before it, %" PRId64,
                     where, i + 1, end, S3REC_MAX_NAME_LENGTH + 1, begin);
    }
  }
  if (offsets[names->count] != (int64_t)text_size) {
    return s3_fail(S3REC_ERROR_FORMAT, "%sthe last entry is %" PRId64 ", the text has %zu bytes",
                   where, offsets[names->count], text_size);
  }
  return S3REC_OK;
}

/* Whether each name has a NUL behind it. */
static bool all_end(const s3_names *names) {
  bool end = true;
  for (size_t i = 0; i < names->count; i++) end &= names->text[names->offsets[i + 1] - 1] == '\0';
  return end;
}

static s3rec_status fail_text(const s3_names *names, const char *where) {
  for (size_t i = 0; i < names->count; i++) {
    const char *const name = s3_name(names, i);
    const size_t length = s3_name_length(names, i);
    if (name[length] != '\0') {
      return s3_fail(S3REC_ERROR_FORMAT, "%sname %zu does not end with NUL", where, i);
    }
    if (memchr(name, '\0', length) != NULL) {
      return s3_fail(S3REC_ERROR_FORMAT, "%sname %zu has a NUL in it", where, i);
    }
    if (!s3_utf8_valid_bytes(name, length)) {
      return s3_fail(S3REC_ERROR_FORMAT, "%sname %zu is not valid UTF-8", where, i);
    }
  }
  return s3_fail(S3REC_ERROR_FORMAT, "%sit changes while it is read", where);
}

s3rec_status s3_names_check_text(const s3_names *names, const char *where) {
  /* All at once, since most names are short: no character goes over a NUL. */
  const size_t size = (size_t)names->offsets[names->count];
  if (count_nul(names->text, size) != names->count || !all_end(names) ||
      !s3_utf8_valid_bytes(names->text, size)) {
    return fail_text(names, where);
  }
  if (names->kind != S3REC_NAMES_INTEGER) return S3REC_OK;
  for (size_t i = 0; i < names->count; i++) {
    const char *const name = s3_name(names, i);
    const size_t length = s3_name_length(names, i);
    if (!is_integer(name, length)) {
      return s3_fail(S3REC_ERROR_FORMAT,
                     "%sname %zu is '%.*s', must be an integer of 64 bits without leading zeros",
                     where, i, s3_utf8_fit(name, length, 60), name);
    }
  }
  return S3REC_OK;
}
