/* SPDX-License-Identifier: Apache-2.0 */
/* Walking over a text that json_check.c has found right: nothing here looks for an end. */
#include "base/json_reader.h"

#include <string.h>

#include "base/number.h"

s3_json_kind s3_json_kind_of(s3_json value) {
  switch (*value.begin) {
    case '{': return S3_JSON_OBJECT;
    case '[': return S3_JSON_ARRAY;
    case '"': return S3_JSON_TEXT;
    case 'n': return S3_JSON_NULL;
    case 't':
    case 'f': return S3_JSON_TRUTH;
    default: break;
  }
  for (size_t i = 0; i < value.length; i++)
    if (value.begin[i] == '.' || (value.begin[i] | 0x20) == 'e') return S3_JSON_REAL;
  return S3_JSON_INTEGER;
}

const char *s3_json_kind_name(s3_json_kind kind) {
  switch (kind) {
    case S3_JSON_NULL: return "null";
    case S3_JSON_TRUTH: return "a truth value";
    case S3_JSON_INTEGER: return "an integer";
    case S3_JSON_REAL: return "a number with a fraction";
    case S3_JSON_TEXT: return "a string";
    case S3_JSON_ARRAY: return "an array";
    case S3_JSON_OBJECT: break;
  }
  return "an object";
}

s3_json_place s3_json_place_of(const char *text, const char *at) {
  s3_json_place place = {1, 1};
  for (; text < at; text++) {
    if (*text == '\n')
      place = (s3_json_place){place.line + 1, 1};
    else if (((unsigned char)*text & 0xC0) != 0x80)
      place.column++;
  }
  return place;
}

static const char *pass_blanks(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) at++;
  return at;
}

/* From one quotation mark behind the other. */
static const char *pass_text(const char *at, const char *end) {
  const char *const begin = at + 1;
  for (at = begin;; at++) {
    at = memchr(at, '"', (size_t)(end - at));
    size_t backslashes = 0;
    while (at - backslashes > begin && at[-1 - (ptrdiff_t)backslashes] == '\\') backslashes++;
    if (backslashes % 2 == 0) return at + 1;
  }
}

static const char *pass_container(const char *at, const char *end) {
  size_t depth = 0;
  do {
    const char byte = *at;
    if (byte == '"') {
      at = pass_text(at, end);
      continue;
    }
    if (byte == '{' || byte == '[') depth++;
    if (byte == '}' || byte == ']') depth--;
    at++;
  } while (depth > 0);
  return at;
}

static const char *pass_value(const char *at, const char *end) {
  if (*at == '"') return pass_text(at, end);
  if (*at == '{' || *at == '[') return pass_container(at, end);
  while (at < end && strchr(",]} \n\r\t", *at) == NULL) at++;
  return at;
}

s3_json_walk s3_json_enter(s3_json container) {
  if (container.begin == NULL || (*container.begin != '{' && *container.begin != '['))
    return (s3_json_walk){NULL, NULL, false};
  const char *const end = container.begin + container.length - 1;
  return (s3_json_walk){pass_blanks(container.begin + 1, end), end, *container.begin == '{'};
}

bool s3_json_next(s3_json_walk *walk, s3_json *key, s3_json *value) {
  const char *at = walk->at;
  if (at == walk->end) return false;
  s3_json name = {NULL, 0};
  if (walk->in_object) {
    name.begin = at;
    at = pass_text(at, walk->end);
    name.length = (size_t)(at - name.begin);
    at = pass_blanks(at, walk->end) + 1;
    at = pass_blanks(at, walk->end);
  }
  value->begin = at;
  at = pass_value(at, walk->end);
  value->length = (size_t)(at - value->begin);
  if (key != NULL) *key = name;
  at = pass_blanks(at, walk->end);
  walk->at = at < walk->end ? pass_blanks(at + 1, walk->end) : at;
  return true;
}

s3_json s3_json_member(s3_json object, const char *name) {
  s3_json key, value;
  s3_json_walk walk = s3_json_enter(object);
  while (walk.in_object && s3_json_next(&walk, &key, &value))
    if (s3_json_text_is(key, name)) return value;
  return (s3_json){NULL, 0};
}

static bool is_kind(s3_json value, s3_json_kind kind) {
  return value.begin != NULL && s3_json_kind_of(value) == kind;
}

bool s3_json_truth(s3_json value, bool *truth) {
  if (!is_kind(value, S3_JSON_TRUTH)) return false;
  *truth = *value.begin == 't';
  return true;
}

/* Digits are added below zero, which has room for one more number. */
bool s3_json_integer(s3_json value, int64_t *integer) {
  if (!is_kind(value, S3_JSON_INTEGER)) return false;
  const bool negative = *value.begin == '-';
  int64_t number = 0;
  for (size_t i = negative; i < value.length; i++) {
    const int digit = value.begin[i] - '0';
    if (number < (INT64_MIN + digit) / 10) return false;
    number = number * 10 - digit;
  }
  if (!negative && number == INT64_MIN) return false;
  *integer = negative ? number : -number;
  return true;
}

bool s3_json_real(s3_json value, double *real) {
  if (!is_kind(value, S3_JSON_REAL) && !is_kind(value, S3_JSON_INTEGER)) return false;
  *real = s3_decimal_value(value.begin, value.length);
  return true;
}

static uint32_t four_digits(const char *at) {
  uint32_t value = 0;
  for (int i = 0; i < 4; i++) {
    const uint32_t digit = (unsigned char)at[i];
    value = value * 16 + (digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
  }
  return value;
}

/* Writes the character of the escape at *at as UTF-8, which is shorter, and passes the escape. */
static char *unpack_escape(const char **at, char *bytes) {
  static const char letters[] = "bfnrt", controls[] = "\b\f\n\r\t";
  const char letter = (*at)[1];
  if (letter != 'u') {
    const char *const found = strchr(letters, letter);
    *bytes = found != NULL ? controls[found - letters] : letter;
    *at += 2;
    return bytes + 1;
  }
  uint32_t code = four_digits(*at + 2);
  *at += 6;
  if (code >= 0xD800 && code <= 0xDBFF) {
    code = 0x10000 + ((code - 0xD800) << 10) + (four_digits(*at + 2) - 0xDC00);
    *at += 6;
  }
  const int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  static const unsigned char marks[] = {0, 0xC0, 0xE0, 0xF0};
  for (int i = more; i > 0; i--, code >>= 6) bytes[i] = (char)(0x80 | (code & 0x3F));
  bytes[0] = (char)(marks[more] | code);
  return bytes + more + 1;
}

size_t s3_json_text_copy(s3_json text, char *bytes) {
  const char *at = text.begin + 1, *const end = text.begin + text.length - 1;
  char *next = bytes;
  while (at < end) {
    const char *const escape = memchr(at, '\\', (size_t)(end - at));
    const size_t plain = (size_t)((escape != NULL ? escape : end) - at);
    if (next != at) memmove(next, at, plain);
    next += plain;
    at += plain;
    if (escape != NULL) next = unpack_escape(&at, next);
  }
  *next = '\0';
  return (size_t)(next - bytes);
}

char *s3_json_unpack(s3_json text) {
  char *const bytes = (char *)(uintptr_t)(text.begin + 1);
  s3_json_text_copy(text, bytes);
  return bytes;
}

bool s3_json_text_is(s3_json text, const char *wanted) {
  return s3_json_text_equals(text, wanted, strlen(wanted));
}

bool s3_json_text_equals(s3_json text, const char *wanted, size_t length) {
  if (text.begin == NULL || *text.begin != '"') return false;
  const char *at = text.begin + 1, *const end = text.begin + text.length - 1;
  const char *const wanted_end = wanted + length;
  if ((size_t)(end - at) < length) return false;
  while (at < end) {
    char character[4] = {*at};
    size_t count = 1;
    if (*at == '\\')
      count = (size_t)(unpack_escape(&at, character) - character);
    else
      at++;
    if ((size_t)(wanted_end - wanted) < count) return false;
    if (memcmp(wanted, character, count) != 0) return false;
    wanted += count;
  }
  return wanted == wanted_end;
}
