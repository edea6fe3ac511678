/* SPDX-License-Identifier: Apache-2.0 */
/* The check of a JSON text: one pass over its bytes, with one bit of memory a level. */
#include <stdio.h>
#include <string.h>

#include "base/json_reader.h"
#include "base/number.h"
#include "base/utf8.h"

const char s3_json_too_deep[] = "nested too deep";

enum { DIGITS_OF_INT64 = 19, LEVELS_PER_WORD = 64 };

static const char cut_short[] = "the text ends too early";

typedef struct json_scan {
  const char *at, *end;
  size_t depth, deepest;
  uint64_t in_object[S3_JSON_DEEPEST / LEVELS_PER_WORD]; /* bit: level is of an object */
  const char *fault, *fault_at;
} json_scan;

static bool fail_scan(json_scan *scan, const char *fault, const char *at) {
  scan->fault = at < scan->end ? fault : cut_short;
  scan->fault_at = at;
  return false;
}

static void skip_blanks(json_scan *scan) {
  while (scan->at < scan->end &&
         (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t'))
    scan->at++;
}

static bool is_next(const json_scan *scan, char wanted) {
  return scan->at < scan->end && *scan->at == wanted;
}

static bool is_next_digit(const json_scan *scan) {
  return scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
}

static bool scan_word(json_scan *scan, const char *word) {
  const size_t length = strlen(word);
  for (size_t i = 0; i < length; i++, scan->at++)
    if (!is_next(scan, word[i])) return fail_scan(scan, "a value must be here", scan->at);
  return true;
}

/* Digits, of which there must be one. */
static bool scan_digits(json_scan *scan) {
  if (!is_next_digit(scan)) return fail_scan(scan, "a digit must be here", scan->at);
  while (is_next_digit(scan)) scan->at++;
  return true;
}

static bool scan_number(json_scan *scan) {
  const char *const begin = scan->at;
  bool real = false;
  if (*scan->at == '-') scan->at++;
  const char *const digits = scan->at;
  if (!scan_digits(scan)) return false;
  if (*digits == '0' && scan->at > digits + 1)
    return fail_scan(scan, "a number must not begin with zeros", digits);
  if (is_next(scan, '.')) {
    real = true;
    scan->at++;
    if (!scan_digits(scan)) return false;
  }
  if (is_next(scan, 'e') || is_next(scan, 'E')) {
    real = true;
    scan->at++;
    if (is_next(scan, '+') || is_next(scan, '-')) scan->at++;
    if (!scan_digits(scan)) return false;
  }
  const s3_json number = {begin, (size_t)(scan->at - begin)};
  int64_t integer;
  if (real && !s3_decimal_is_finite(number.begin, number.length))
    return fail_scan(scan, "the number is too large", begin);
  if (!real && !s3_json_integer(number, &integer))
    return fail_scan(scan, "the integer does not fit into 64 bits", begin);
  return true;
}

/* -1 when the next four bytes are no hexadecimal digits. */
static int32_t scan_four_digits(json_scan *scan) {
  int32_t value = 0;
  for (int i = 0; i < 4; i++, scan->at++) {
    const char digit = scan->at < scan->end ? *scan->at : '\0';
    const char lower = (char)(digit | 0x20);
    if (digit >= '0' && digit <= '9')
      value = value * 16 + (digit - '0');
    else if (lower >= 'a' && lower <= 'f')
      value = value * 16 + (lower - 'a' + 10);
    else
      return -1;
  }
  return value;
}

/* What follows "\u". */
static bool scan_unicode_escape(json_scan *scan) {
  static const char no_digits[] = "four hexadecimal digits must be here";
  const char *const begin = scan->at - 2;
  const int32_t first = scan_four_digits(scan);
  if (first < 0) return fail_scan(scan, no_digits, scan->at);
  if (first == 0) return fail_scan(scan, "a text must not hold NUL", begin);
  if (first < 0xD800 || first > 0xDFFF) return true;
  if (first > 0xDBFF || !is_next(scan, '\\') || scan->end - scan->at < 2 || scan->at[1] != 'u')
    return fail_scan(scan, "half of a surrogate pair", begin);
  scan->at += 2;
  const int32_t second = scan_four_digits(scan);
  if (second < 0) return fail_scan(scan, no_digits, scan->at);
  if (second < 0xDC00 || second > 0xDFFF)
    return fail_scan(scan, "half of a surrogate pair", begin);
  return true;
}

static bool scan_escape(json_scan *scan) {
  if (++scan->at == scan->end) return fail_scan(scan, cut_short, scan->at);
  const char letter = *scan->at++;
  if (letter == 'u') return scan_unicode_escape(scan);
  if (letter != '\0' && strchr("\"\\/bfnrt", letter) != NULL) return true;
  return fail_scan(scan, "unknown escape", scan->at - 2);
}

/* The high bit of each of eight bytes that ends a run of plain characters: quotation mark,
 * backslash, control character, not ASCII. Only the lowest bit that is set is sure to be right. */
static uint64_t special_bytes(uint64_t eight) {
  const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
  const uint64_t quotes = eight ^ ('"' * ones), backslashes = eight ^ ('\\' * ones);
  return ((quotes - ones) | (backslashes - ones) | (eight - ' ' * ones) | eight) & high;
}

static void skip_plain_characters(json_scan *scan) {
  uint64_t eight;
  while ((size_t)(scan->end - scan->at) >= sizeof eight) {
    memcpy(&eight, scan->at, sizeof eight);
    const uint64_t special = special_bytes(eight);
    if (special != 0) {
      scan->at += __builtin_ctzll(special) / 8; /* the first byte is the lowest */
      return;
    }
    scan->at += sizeof eight;
  }
}

/* From one quotation mark behind the other. */
static bool scan_text(json_scan *scan) {
  scan->at++;
  for (;;) {
    skip_plain_characters(scan);
    if (scan->at == scan->end) return fail_scan(scan, cut_short, scan->at);
    const unsigned char byte = (unsigned char)*scan->at;
    if (byte == '"') {
      scan->at++;
      return true;
    }
    if (byte == '\\') {
      if (!scan_escape(scan)) return false;
    } else if (byte < ' ') {
      return fail_scan(scan, "a control character must be escaped", scan->at);
    } else if (byte < 0x80) {
      scan->at++;
    } else {
      uint32_t code_point;
      if (s3_utf8_decode(scan->at, scan->end, &code_point) != S3_UTF8_VALID)
        return fail_scan(scan, "not valid UTF-8", scan->at);
      scan->at += code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    }
  }
}

static bool is_in_object(const json_scan *scan) {
  const size_t level = scan->depth - 1;
  return scan->in_object[level / LEVELS_PER_WORD] >> level % LEVELS_PER_WORD & 1;
}

static bool enter_level(json_scan *scan, bool object) {
  if (scan->depth == scan->deepest) return fail_scan(scan, s3_json_too_deep, scan->at);
  uint64_t *const word = &scan->in_object[scan->depth / LEVELS_PER_WORD];
  const uint64_t bit = (uint64_t)1 << scan->depth % LEVELS_PER_WORD;
  *word = object ? *word | bit : *word & ~bit;
  scan->depth++;
  scan->at++;
  return true;
}

/* A key and its colon. */
static bool scan_key(json_scan *scan) {
  skip_blanks(scan);
  if (!is_next(scan, '"')) return fail_scan(scan, "a key must be here", scan->at);
  if (!scan_text(scan)) return false;
  skip_blanks(scan);
  if (!is_next(scan, ':')) return fail_scan(scan, "a colon must be here", scan->at);
  scan->at++;
  return true;
}

static bool scan_scalar(json_scan *scan) {
  const char first = scan->at < scan->end ? *scan->at : '\0';
  switch (first) {
    case '"': return scan_text(scan);
    case 't': return scan_word(scan, "true");
    case 'f': return scan_word(scan, "false");
    case 'n': return scan_word(scan, "null");
    default: break;
  }
  if (first == '-' || is_next_digit(scan)) return scan_number(scan);
  return fail_scan(scan, "a value must be here", scan->at);
}

/* What follows a value: closing brackets, then a comma and in an object the next key. True with
 * depth 0 when the outermost value is over. */
static bool scan_behind_value(json_scan *scan) {
  while (scan->depth > 0) {
    skip_blanks(scan);
    const bool object = is_in_object(scan);
    if (is_next(scan, ',')) {
      scan->at++;
      return !object || scan_key(scan);
    }
    if (!is_next(scan, object ? '}' : ']'))
      return fail_scan(scan, object ? "a comma or } must be here" : "a comma or ] must be here",
                       scan->at);
    scan->at++;
    scan->depth--;
  }
  return true;
}

static bool scan_whole_value(json_scan *scan) {
  do {
    skip_blanks(scan);
    const bool object = is_next(scan, '{');
    if (object || is_next(scan, '[')) {
      if (!enter_level(scan, object)) return false;
      skip_blanks(scan);
      if (!is_next(scan, object ? '}' : ']')) {
        if (object && !scan_key(scan)) return false;
        continue;
      }
      scan->at++;
      scan->depth--;
    } else if (!scan_scalar(scan)) {
      return false;
    }
    if (!scan_behind_value(scan)) return false;
  } while (scan->depth > 0);
  return true;
}

bool s3_json_is_valid(const char *text, size_t count, size_t depth, s3_json *root,
                      const char **fault, const char **fault_at) {
  json_scan scan = {.at = text,
                    .end = text + count,
                    .deepest = depth < S3_JSON_DEEPEST ? depth : S3_JSON_DEEPEST};
  skip_blanks(&scan);
  const char *const begin = scan.at;
  bool valid = scan_whole_value(&scan);
  if (valid) {
    *root = (s3_json){begin, (size_t)(scan.at - begin)};
    skip_blanks(&scan);
    if (scan.at < scan.end) valid = fail_scan(&scan, "nothing may follow the value", scan.at);
  }
  *fault = scan.fault;
  *fault_at = scan.fault_at;
  return valid;
}

s3rec_status s3_json_check(const char *path, const char *part, const char *text, size_t count,
                           size_t depth, s3_json *root) {
  const char *fault, *at;
  if (s3_json_is_valid(text, count, depth, root, &fault, &at)) return S3REC_OK;
  const s3_json_place place = s3_json_place_of(text, at);
  if (fault == s3_json_too_deep)
    return s3_fail(S3REC_ERROR_LIMIT,
                   "%s:%zu:%zu: %snested deeper than %zu, the limit (s3rec_limits.json_depth)",
                   path, place.line, place.column, part, depth);
  return s3_fail(S3REC_ERROR_FORMAT, "%s:%zu:%zu: %s%s", path, place.line, place.column, part,
                 fault);
}
