/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/timestamp.h"

#include <string.h>

static const char *const not_one = "is neither a number nor an ISO 8601 date";
static const char *const out_of_range = "is out of range, must be -2^63..2^63-1";

static bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

/* A decimal number as digits and where the point stands among them. */
enum { KEPT_DIGITS = 40 };
typedef struct decimal {
  char digits[KEPT_DIGITS]; /* without leading zeros */
  int64_t count, point;     /* point may lie outside of the digits */
  bool negative;
} decimal;

static const char *parse_digits(const char *at, bool fraction, decimal *number) {
  for (; is_digit(*at); at++) {
    if (number->count > 0 || *at != '0') {
      if (number->count < KEPT_DIGITS) number->digits[number->count] = *at;
      number->count++;
      number->point += !fraction;
    } else if (fraction) {
      number->point--;
    }
  }
  return at;
}

static const char *parse_exponent(const char *at, decimal *number) {
  const bool negative = *at == '-';
  if (*at == '-' || *at == '+') at++;
  if (!is_digit(*at)) return NULL;
  int64_t exponent = 0;
  for (; is_digit(*at); at++)
    if (exponent < 1000000) exponent = exponent * 10 + (*at - '0');
  number->point += negative ? -exponent : exponent;
  return at;
}

static bool parse_decimal(const char *at, decimal *number) {
  number->negative = *at == '-';
  if (*at == '-' || *at == '+') at++;
  const char *const integer = at;
  at = parse_digits(at, false, number);
  int64_t seen = at - integer;
  if (*at == '.') {
    const char *const fraction = at + 1;
    at = parse_digits(fraction, true, number);
    seen += at - fraction;
  }
  if (seen == 0) return false;
  if (*at == 'e' || *at == 'E') at = parse_exponent(at + 1, number);
  return at != NULL && *at == '\0';
}

static int digit_at(const decimal *number, int64_t place) {
  const bool there = place >= 0 && place < number->count && place < KEPT_DIGITS;
  return there ? number->digits[place] - '0' : 0;
}

static const char *parse_number(const char *text, s3_timestamp *timestamp) {
  decimal number = {0};
  if (!parse_decimal(text, &number)) return not_one;
  const uint64_t limit = (uint64_t)1 << 63;
  uint64_t whole = 0;
  int32_t billionths = 0;
  if (number.count > 0) {
    if (number.point > 19) return out_of_range;
    for (int64_t i = 0; i < number.point; i++)
      whole = whole * 10 + (uint64_t)digit_at(&number, i); /* 19 digits fit */
    for (int64_t i = number.point; i < number.point + 9; i++)
      billionths = billionths * 10 + digit_at(&number, i);
  }
  if (!number.negative) {
    if (whole >= limit) return out_of_range;
    *timestamp = (s3_timestamp){(int64_t)whole, billionths, false};
    return NULL;
  }
  if (whole > limit || (whole == limit && billionths > 0)) return out_of_range;
  /* -1.25 is -2 + 0.75 */
  const int64_t down = whole == limit ? INT64_MIN : -(int64_t)whole;
  *timestamp = (s3_timestamp){billionths > 0 ? down - 1 : down,
                              billionths > 0 ? 1000000000 - billionths : 0, false};
  return NULL;
}

/* Reads exactly `count` digits; NULL when others are there or the value exceeds. */
static const char *parse_fixed_digits(const char *at, int count, int minimum, int maximum,
                                      int *value) {
  if (at == NULL) return NULL;
  int number = 0;
  for (int i = 0; i < count; i++, at++) {
    if (!is_digit(*at)) return NULL;
    number = number * 10 + (*at - '0');
  }
  if (number < minimum || number > maximum) return NULL;
  *value = number;
  return at;
}

static const char *pass_byte(const char *at, char byte) {
  return at != NULL && *at == byte ? at + 1 : NULL;
}

/* Days from 1970-01-01 in the Gregorian calendar; false when there is no such day. */
static bool days_since_1970(int year, int month, int day, int64_t *days) {
  static const int before[13] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  const int length = before[month] - before[month - 1] + (leap && month == 2);
  if (day > length) return false;
  const int past = year - 1; /* whole years since 0001-01-01 */
  *days = 365 * (int64_t)past + past / 4 - past / 100 + past / 400 + before[month - 1] +
          (leap && month > 2) + day - 1 - 719162;
  return true;
}

/* HH:MM, HH:MM:SS or HH:MM:SS.fraction, the second 60 of a leap second included. */
static const char *parse_time_of_day(const char *at, s3_timestamp *timestamp) {
  int hour = 0, minute = 0, second = 0;
  at = parse_fixed_digits(at, 2, 0, 23, &hour);
  at = parse_fixed_digits(pass_byte(at, ':'), 2, 0, 59, &minute);
  if (at != NULL && *at == ':') at = parse_fixed_digits(at + 1, 2, 0, 60, &second);
  if (at == NULL) return NULL;
  timestamp->whole += hour * 3600 + minute * 60 + second;
  if (*at != '.' && *at != ',') return at;
  if (!is_digit(*++at)) return NULL;
  for (int32_t unit = 100000000; is_digit(*at); at++, unit /= 10)
    timestamp->billionths += unit * (*at - '0');
  return at;
}

/* Z, UTC, +HH, +HHMM or +HH:MM, with or without a space before; nothing is UTC. */
static const char *parse_zone(const char *at, s3_timestamp *timestamp) {
  if (at == NULL || *at == '\0') return at;
  if (*at == ' ') at++;
  if (*at == 'Z' || *at == 'z') return at + 1;
  if (strncmp(at, "UTC", 3) == 0) return at + 3;
  if (*at != '+' && *at != '-') return NULL;
  const int sign = *at == '-' ? 1 : -1; /* local time is ahead where the offset is positive */
  int hour = 0, minute = 0;
  at = parse_fixed_digits(at + 1, 2, 0, 23, &hour);
  if (at != NULL && *at != '\0')
    at = parse_fixed_digits(*at == ':' ? at + 1 : at, 2, 0, 59, &minute);
  timestamp->whole += sign * (hour * 3600 + minute * 60);
  return at;
}

static const char *parse_date(const char *text, s3_timestamp *timestamp) {
  int year = 0, month = 0, day = 0;
  const char *at = parse_fixed_digits(text, 4, 1, 9999, &year);
  at = parse_fixed_digits(pass_byte(at, '-'), 2, 1, 12, &month);
  at = parse_fixed_digits(pass_byte(at, '-'), 2, 1, 31, &day);
  int64_t days = 0;
  if (at == NULL || !days_since_1970(year, month, day, &days))
    return "is not a date of the calendar";
  s3_timestamp read = {.whole = days * 86400, .is_date = true};
  if (*at == 'T' || *at == 't' || (*at == ' ' && is_digit(at[1])))
    at = parse_time_of_day(at + 1, &read);
  at = parse_zone(at, &read);
  if (at == NULL || *at != '\0') return "is not an ISO 8601 time of day";
  *timestamp = read;
  return NULL;
}

const char *s3_timestamp_parse(const char *text, s3_timestamp *timestamp) {
  int digits = 0;
  while (digits < 4 && is_digit(text[digits])) digits++;
  if (digits == 4 && text[4] == '-') return parse_date(text, timestamp);
  return parse_number(text, timestamp);
}
