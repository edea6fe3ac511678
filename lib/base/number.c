/* SPDX-License-Identifier: Apache-2.0 */
#include "base/number.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Copies what is between the digits of "0.0" in the locale of this thread. localeconv knows it
 * too, but need not be thread-safe. */
enum { POINT_SIZE = 16 };
static void locale_point(char point[POINT_SIZE]) {
  char zero[POINT_SIZE + 2];
  snprintf(zero, sizeof zero, "%.1f", 0.0);
  const size_t length = strlen(zero) - 2;
  memcpy(point, zero + 1, length);
  point[length] = '\0';
}

/* Replaces the first `from` in `text`, if there is one, by `to`. `text` has room for it. */
static void replace_first(char *text, const char *from, const char *to) {
  char *const found = strstr(text, from);
  if (found == NULL) return;
  const char *const rest = found + strlen(from);
  memmove(found + strlen(to), rest, strlen(rest) + 1);
  memcpy(found, to, strlen(to));
}

void s3_format_double(double value, char text[S3_NUMBER_SIZE]) {
  char local[S3_NUMBER_SIZE + POINT_SIZE] = {0}, point[POINT_SIZE];
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(local, sizeof local, "%.*g", digits, value);
    if (strtod(local, NULL) == value) break;
  }
  locale_point(point);
  replace_first(local, point, "."); /* at most 24 characters are left */
  memcpy(text, local, S3_NUMBER_SIZE);
}

static const char *skip_digits(const char *text) {
  while (*text >= '0' && *text <= '9') text++;
  return text;
}

/* Whether a text is [-+] digits [. digits] [e [-+] digits] with a digit on at least one side of
 * the point. strtod alone would also take spaces, hexadecimal numbers and words. */
static bool is_decimal(const char *text) {
  if (*text == '-' || *text == '+') text++;
  const char *const integer = text;
  text = skip_digits(text);
  size_t digits = (size_t)(text - integer);
  if (*text == '.') {
    const char *const fraction = text + 1;
    text = skip_digits(fraction);
    digits += (size_t)(text - fraction);
  }
  if (digits == 0) return false;
  if (*text == 'e' || *text == 'E') {
    text++;
    if (*text == '-' || *text == '+') text++;
    const char *const exponent = text;
    text = skip_digits(exponent);
    if (text == exponent) return false;
  }
  return *text == '\0';
}

bool s3_parse_double(const char *text, double *value) {
  enum { LONGEST = 256 };
  char local[LONGEST + POINT_SIZE], point[POINT_SIZE];
  const size_t length = strlen(text);
  if (length >= LONGEST || !is_decimal(text)) return false;
  memcpy(local, text, length + 1);
  locale_point(point);
  replace_first(local, ".", point);
  const double parsed = strtod(local, NULL);
  if (!isfinite(parsed)) return false;
  *value = parsed;
  return true;
}

bool s3_parse_int64(const char *text, int64_t minimum, int64_t maximum, int64_t *value) {
  const char *const digits = *text == '-' ? text + 1 : text;
  if (*digits == '\0' || *skip_digits(digits) != '\0') return false;
  errno = 0;
  const long long parsed = strtoll(text, NULL, 10);
  if (errno == ERANGE || parsed < minimum || parsed > maximum) return false;
  *value = parsed;
  return true;
}

/* The sign bit of the result is set for infinity and NaN only. Their exponent bits are all
 * set, so adding one to the lowest bit of the exponent carries into the sign bit. */
static uint32_t finite_carry(const float *value) {
  uint32_t bits;
  memcpy(&bits, value, sizeof bits);
  return (bits & 0x7fffffffu) + 0x00800000u;
}

/* Works piece by piece. A piece has no branch, so the compiler makes vectors of it, and it
 * runs as fast as memory delivers. */
size_t s3_first_not_finite(const float *values, size_t count) {
  enum { PIECE = 1024 };
  for (size_t begin = 0; begin < count; begin += PIECE) {
    const size_t end = count - begin < PIECE ? count : begin + PIECE;
    uint32_t carries = 0;
    for (size_t i = begin; i < end; i++) carries |= finite_carry(&values[i]);
    if (carries >> 31 == 0) continue;
    while (finite_carry(&values[begin]) >> 31 == 0) begin++;
    return begin;
  }
  return count;
}
