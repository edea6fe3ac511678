/* SPDX-License-Identifier: Apache-2.0 */
#include "base/number.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What stands between the digits of "0.0" in the locale of this thread.
 * localeconv would tell too, but need not be thread-safe. */
enum { POINT_SIZE = 16 };
static void locale_point(char point[POINT_SIZE]) {
  char zero[POINT_SIZE + 2];
  snprintf(zero, sizeof zero, "%.1f", 0.0);
  const size_t length = strlen(zero) - 2;
  memcpy(point, zero + 1, length);
  point[length] = '\0';
}

/* Replaces the first `from` in `text` by `to`, if there is one. */
static void replace(const char *text, const char *from, const char *to, char *result,
                    size_t size) {
  const char *const found = strstr(text, from);
  if (found == NULL) {
    snprintf(result, size, "%s", text);
  } else {
    snprintf(result, size, "%.*s%s%s", (int)(found - text), text, to, found + strlen(from));
  }
}

void s3_format_double(double value, char text[S3_NUMBER_SIZE]) {
  char local[S3_NUMBER_SIZE + POINT_SIZE], point[POINT_SIZE];
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(local, sizeof local, "%.*g", digits, value);
    if (strtod(local, NULL) == value) break;
  }
  locale_point(point);
  replace(local, point, ".", text, S3_NUMBER_SIZE);
}

static const char *skip_digits(const char *text) {
  while (*text >= '0' && *text <= '9') text++;
  return text;
}

/* [-+] digits [. digits] [e [-+] digits], a digit on at least one side of the
 * point: strtod alone would also take spaces, hexadecimal and words. */
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
  char local[256 + POINT_SIZE], point[POINT_SIZE];
  if (!is_decimal(text) || strlen(text) >= 256) return false;
  locale_point(point);
  replace(text, ".", point, local, sizeof local);
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
