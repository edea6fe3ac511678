/* SPDX-License-Identifier: Apache-2.0 */
#include "base/number.h"

#include <errno.h>
#include <fenv.h>
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

/* A text stands for one number, whichever way the host rounds. The C library's conversions follow
 * the rounding of the thread, so it is the usual one while they run. */
static int round_to_nearest(void) {
  const int before = fegetround();
  if (before != FE_TONEAREST) fesetround(FE_TONEAREST);
  return before;
}

static void round_as(int before) {
  if (before != FE_TONEAREST) fesetround(before);
}

void s3_format_double(double value, char text[S3_NUMBER_SIZE]) {
  char local[S3_NUMBER_SIZE + POINT_SIZE] = {0}, point[POINT_SIZE];
  const int rounding = round_to_nearest();
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(local, sizeof local, "%.*g", digits, value);
    const double again = strtod(local, NULL);
    /* by bits: a host may have denormal numbers compare as zero */
    if (memcmp(&again, &value, sizeof value) == 0) break;
  }
  round_as(rounding);
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

/* Digits of a number that are kept: no number that lies in the middle between two doubles has
 * more than 767, so one more digit says all about the rest. */
enum { KEPT_DIGITS = 768, LARGEST_POWER = 308, SMALLEST_POWER = -324 };

/* d[0].d[1]d[2]... times ten to the power. No digits: zero. */
typedef struct decimal {
  bool negative;
  char digits[KEPT_DIGITS + 1];
  size_t count;
  int64_t power;
} decimal;

/* An exponent, which stops growing far beyond all that matters. */
static int64_t read_exponent(const char *at, const char *end) {
  const bool negative = *at == '-';
  int64_t exponent = 0;
  for (at += *at == '-' || *at == '+'; at < end; at++)
    if (exponent < INT64_MAX / 100) exponent = exponent * 10 + (*at - '0');
  return negative ? -exponent : exponent;
}

static decimal split_decimal(const char *at, const char *end) {
  decimal number = {.negative = *at == '-', .power = -1};
  bool fraction = false;
  int64_t exponent = 0;
  for (at += *at == '-' || *at == '+'; at < end; at++) {
    if (*at == '.') {
      fraction = true;
    } else if (*at == 'e' || *at == 'E') {
      exponent = read_exponent(at + 1, end);
      break;
    } else if (number.count == 0 && *at == '0') {
      number.power -= fraction;
    } else {
      number.power += !fraction;
      if (number.count < KEPT_DIGITS)
        number.digits[number.count++] = *at;
      else if (*at != '0')
        number.digits[KEPT_DIGITS] = '1';
    }
  }
  number.count += number.digits[KEPT_DIGITS] != '\0';
  number.power += exponent;
  return number;
}

/* strtod gets a number without a point, which is the same in every locale. */
static double join_decimal(const decimal *number) {
  char text[KEPT_DIGITS + 32];
  const double smallest = number->negative ? -0.0 : 0.0;
  if (number->count == 0 || number->power < SMALLEST_POWER) return smallest;
  if (number->power > LARGEST_POWER) return number->negative ? -HUGE_VAL : HUGE_VAL;
  memcpy(text, number->digits, number->count);
  snprintf(text + number->count, sizeof text - number->count, "e%d",
           (int)number->power - (int)number->count + 1);
  const int rounding = round_to_nearest();
  const double size = strtod(text, NULL);
  round_as(rounding);
  return number->negative ? -size : size; /* a product would make 0 of it in a host that flushes */
}

double s3_decimal_value(const char *bytes, size_t count) {
  const decimal number = split_decimal(bytes, bytes + count);
  return join_decimal(&number);
}

static bool has_exponent(const char *bytes, size_t count) {
  return memchr(bytes, 'e', count) != NULL || memchr(bytes, 'E', count) != NULL;
}

bool s3_decimal_is_finite(const char *bytes, size_t count) {
  if (count <= LARGEST_POWER && !has_exponent(bytes, count)) return true;
  const decimal number = split_decimal(bytes, bytes + count);
  return number.count == 0 || number.power < LARGEST_POWER || isfinite(join_decimal(&number));
}

bool s3_parse_double(const char *text, double *value) {
  if (!is_decimal(text)) return false;
  const double parsed = s3_decimal_value(text, strlen(text));
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
