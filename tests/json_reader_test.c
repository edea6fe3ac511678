/* SPDX-License-Identifier: Apache-2.0 */
/* What is JSON and what is not (base/json_reader.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_reader.h"
#include "support/suite.h"

enum { DEPTH = 64 };
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* A copy of its own size, so that a sanitizer sees any byte that is read behind it. */
static bool is_valid(const char *text, size_t count, const char **fault, size_t *fault_at) {
  char *const copy = malloc(count + (count == 0));
  ck_assert_ptr_nonnull(copy);
  memcpy(copy, text, count);
  s3_json root = {NULL, 0};
  const char *at = NULL;
  const bool valid = s3_json_is_valid(copy, count, DEPTH, &root, fault, &at);
  if (valid) {
    ck_assert(root.begin >= copy && root.begin + root.length <= copy + count);
    ck_assert_ptr_null(*fault);
  } else {
    ck_assert_ptr_nonnull(*fault);
    ck_assert(at >= copy && at <= copy + count);
    *fault_at = (size_t)(at - copy);
  }
  free(copy);
  return valid;
}

static const char *const accepted[] = {
    /* values */
    "null", "true", "false", "0", "\"\"", "[]", "{}", " \t\r\n null \t\r\n ",
    /* numbers */
    "-0", "-1", "10", "1234567890", "0.0", "-0.0", "0.10", "1e0", "1E0", "1e+5", "1e-5", "1.5E-05",
    "0e0", "0.0e00", "9223372036854775807", "-9223372036854775808", "1.7976931348623157e308",
    "-1.7976931348623157e308", "0.1797693134862315e309", "1e-400", "-1e-99999999999999999999",
    "0e99999999999999999999", "0.000e+999", "4.9e-324",
    /* arrays */
    "[1]", "[ 1 , 2 ]", "[[],[[]],{}]", "[null,true,false,0,\"\",[],{}]", "[\n]",
    /* objects */
    "{\"\":0}", "{ \"a\" : 1 , \"b\" : 2 }", "{\"a\":{\"a\":{}}}", "{\"a\":[{\"b\":[]}]}", "{\n}",
    "{\"a\":1,\"a\":1}", /* whether keys may be equal is the reader's to say */
    /* texts */
    "\"a\"", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\u0001\\u00e9\\u20AC\\uFFFF\"",
    "\"\\ud83d\\uDE00\"", "\"\\uD800\\uDC00\\udbff\\udfff\"", "\"\x7f\"", "\"\xc2\x80\"",
    "\"\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"",
    "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"", "\"\xe2\x80\xa8\xe2\x80\xa9\"", "\"/\"",
    "\"12345678\"", "\"1234567\\\"\"", "\"123456789012345\xc3\xa9\"",
};

START_TEST(accepts_the_grammar) {
  const char *fault = NULL;
  size_t at = 0;
  for (size_t i = 0; i < COUNT_OF(accepted); i++)
    ck_assert_msg(is_valid(accepted[i], strlen(accepted[i]), &fault, &at), "'%s': %s at %zu",
                  accepted[i], fault, at);
}
END_TEST

/* `at` is the place of the fault in bytes. */
static const struct {
  const char *text, *fault;
  size_t at;
} refused[] = {
    /* values */
    {"", "ends too early", 0},
    {" \n", "ends too early", 2},
    {"nul", "ends too early", 3},
    {"nulL", "a value must be here", 3},
    {"True", "a value must be here", 0},
    {"truee", "nothing may follow", 4},
    {"null null", "nothing may follow", 5},
    {"1 2", "nothing may follow", 2},
    {"\"a\"\"b\"", "nothing may follow", 3},
    {"{}}", "nothing may follow", 2},
    {"[]]", "nothing may follow", 2},
    {"'a'", "a value must be here", 0},
    {"NaN", "a value must be here", 0},
    {"Infinity", "a value must be here", 0},
    {"undefined", "a value must be here", 0},
    {"\xef\xbb\xbf{}", "a value must be here", 0},
    {"\v1", "a value must be here", 0},
    {"\xc2\xa0" "1", "a value must be here", 0},
    {"// a\n1", "a value must be here", 0},
    {"/* a */1", "a value must be here", 0},
    {"1 # a", "nothing may follow", 2},
    /* numbers */
    {"-", "ends too early", 1},
    {"+1", "a value must be here", 0},
    {"--1", "a digit", 1},
    {"-a", "a digit", 1},
    {"01", "begin with zeros", 0},
    {"-00", "begin with zeros", 1},
    {"00.5", "begin with zeros", 0},
    {".5", "a value must be here", 0},
    {"-.5", "a digit", 1},
    {"5.", "ends too early", 2},
    {"[5.]", "a digit", 3},
    {"5.e1", "a digit", 2},
    {"5e", "ends too early", 2},
    {"[5e]", "a digit", 3},
    {"5e+", "ends too early", 3},
    {"5e+-1", "a digit", 3},
    {"5e1.5", "nothing may follow", 3},
    {"0x10", "nothing may follow", 1},
    {"1_000", "nothing may follow", 1},
    {"1,5", "nothing may follow", 1},
    {"9223372036854775808", "64 bits", 0},
    {"-9223372036854775809", "64 bits", 0},
    {"[1,18446744073709551616]", "64 bits", 3},
    {"99999999999999999999999999999999", "64 bits", 0},
    {"1e309", "too large", 0},
    {"-1e309", "too large", 0},
    {"1.7976931348623159e308", "too large", 0},
    {"1e99999999999999999999", "too large", 0},
    {"[0.00001e400]", "too large", 1},
    /* arrays */
    {"[", "ends too early", 1},
    {"[1", "ends too early", 2},
    {"[1,", "ends too early", 3},
    {"]", "a value must be here", 0},
    {"[,]", "a value must be here", 1},
    {"[1,]", "a value must be here", 3},
    {"[,1]", "a value must be here", 1},
    {"[1,,2]", "a value must be here", 3},
    {"[1 2]", "a comma or ]", 3},
    {"[1:2]", "a comma or ]", 2},
    {"[1}", "a comma or ]", 2},
    {"[}", "a value must be here", 1},
    {"[\"a\":1]", "a comma or ]", 4},
    /* objects */
    {"{", "ends too early", 1},
    {"{\"a\"", "ends too early", 4},
    {"{\"a\":", "ends too early", 5},
    {"{\"a\":1", "ends too early", 6},
    {"{\"a\":1,", "ends too early", 7},
    {"}", "a value must be here", 0},
    {"{]", "a key", 1},
    {"{,}", "a key", 1},
    {"{\"a\":1,}", "a key", 7},
    {"{1:1}", "a key", 1},
    {"{a:1}", "a key", 1},
    {"{null:1}", "a key", 1},
    {"{\"a\"}", "a colon", 4},
    {"{\"a\" 1}", "a colon", 5},
    {"{\"a\",1}", "a colon", 4},
    {"{\"a\"::1}", "a value must be here", 5},
    {"{\"a\":}", "a value must be here", 5},
    {"{\"a\":1]", "a comma or }", 6},
    {"{\"a\":1 \"b\":2}", "a comma or }", 7},
    {"{\"a\":1,,\"b\":2}", "a key", 7},
    {"{\"a\":[}]", "a value must be here", 6},
    /* texts */
    {"\"", "ends too early", 1},
    {"\"a", "ends too early", 2},
    {"\"a\\", "ends too early", 3},
    {"\"a\\\"", "ends too early", 4},
    {"\"\\u12", "ends too early", 5},
    {"\"\\ud800", "half of a surrogate pair", 1},
    {"\"\\x41\"", "unknown escape", 1},
    {"\"\\'\"", "unknown escape", 1},
    {"\"\\U0041\"", "unknown escape", 1},
    {"\"\\u12g4\"", "four hexadecimal", 5},
    {"\"\\u 123\"", "four hexadecimal", 3},
    {"\"\\u-123\"", "four hexadecimal", 3},
    {"\"\\u\"", "four hexadecimal", 3},
    {"\"\\u0000\"", "NUL", 1},
    {"{\"a\\u0000\":1}", "NUL", 3},
    {"\"\\ud800\"", "half of a surrogate pair", 1},
    {"\"\\udc00\"", "half of a surrogate pair", 1},
    {"\"\\udbffa\"", "half of a surrogate pair", 1},
    {"\"\\udbff\\n\"", "half of a surrogate pair", 1},
    {"\"\\udbff\\u0041\"", "half of a surrogate pair", 1},
    {"\"\\ud800\\ud800\"", "half of a surrogate pair", 1},
    {"\"\\udc00\\ud800\"", "half of a surrogate pair", 1},
    {"\"\\ud800\\udc0\"", "four hexadecimal", 12},
    {"\"\n\"", "control character", 1},
    {"\"123456789\t\"", "control character", 10},
    {"\"\x1f\"", "control character", 1},
    /* UTF-8 */
    {"\"\x80\"", "UTF-8", 1},
    {"\"12345678\xbf\"", "UTF-8", 9},
    {"\"\xc0\x80\"", "UTF-8", 1},
    {"\"\xc1\xbf\"", "UTF-8", 1},
    {"\"\xc3\"", "UTF-8", 1},
    {"\"\xc3(\"", "UTF-8", 1},
    {"\"\xe0\x9f\xbf\"", "UTF-8", 1},
    {"\"\xe2\x82\"", "UTF-8", 1},
    {"\"\xed\xa0\x80\"", "UTF-8", 1},
    {"\"\xf0\x8f\xbf\xbf\"", "UTF-8", 1},
    {"\"\xf4\x90\x80\x80\"", "UTF-8", 1},
    {"\"\xf5\x80\x80\x80\"", "UTF-8", 1},
    {"\"\xfe\"", "UTF-8", 1},
    {"{\"\xff\":1}", "UTF-8", 2},
    {"\"\xc3", "UTF-8", 1},
};

START_TEST(refuses_all_else) {
  for (size_t i = 0; i < COUNT_OF(refused); i++) {
    const char *const text = refused[i].text, *fault = NULL;
    size_t at = 0;
    ck_assert_msg(!is_valid(text, strlen(text), &fault, &at), "'%s'", text);
    ck_assert_msg(strstr(fault, refused[i].fault) != NULL, "'%s': %s", text, fault);
    ck_assert_msg(at == refused[i].at, "'%s': %s at %zu", text, fault, at);
  }
}
END_TEST

/* NUL ends no text that is given with its length. */
START_TEST(nul_bytes_are_refused) {
  static const struct {
    const char *text;
    size_t count;
  } texts[] = {{"\0", 1}, {"1\0", 2}, {"\"\0\"", 3}, {"\"\\\0\"", 4}, {"[1\0]", 4}, {"{\0}", 3},
               {"\"\\u00\0\0\"", 8}};
  for (size_t i = 0; i < COUNT_OF(texts); i++) {
    const char *fault = NULL;
    size_t at = 0;
    ck_assert_msg(!is_valid(texts[i].text, texts[i].count, &fault, &at), "%zu", i);
  }
}
END_TEST

/* Every prefix and every changed byte of a text either is JSON or is refused, without a byte read
 * outside (the sanitizers look). */
START_TEST(damaged_texts_do_no_harm) {
  static const char text[] = " {\"a\\u00e9\\ud83d\\ude00\":[1,-2.5e+3,\"caf\xc3\xa9\",null],"
                             "\"b\":{\"\":true,\"c\":[[],{}]}} ";
  enum { COUNT = sizeof text - 1 };
  const char *fault = NULL;
  size_t at = 0;
  ck_assert(is_valid(text, COUNT, &fault, &at));
  for (size_t count = 0; count + 1 < COUNT; count++) ck_assert(!is_valid(text, count, &fault, &at));
  for (size_t i = 0; i < COUNT; i++) {
    char changed[COUNT];
    memcpy(changed, text, COUNT);
    for (int byte = 0; byte < 256; byte++) {
      changed[i] = (char)byte;
      is_valid(changed, COUNT, &fault, &at);
    }
  }
}
END_TEST

static s3_json check(const char *text, size_t count, size_t depth) {
  s3_json root;
  ck_assert_msg(s3_json_check("f", "", text, count, depth, &root) == S3REC_OK, "%.200s: %s", text,
                s3_error_text());
  return root;
}

static s3_json read(const char *text) { return check(text, strlen(text), DEPTH); }

/* Objects and arrays by turns, so that each level's bit matters. */
static char *nested(size_t depth, const char *inner) {
  char *const text = malloc(depth * 6 + strlen(inner) + 1);
  ck_assert_ptr_nonnull(text);
  char *next = text;
  for (size_t i = 0; i < depth; i++) next = stpcpy(next, i % 3 == 0 ? "{\"\":" : "[");
  next = stpcpy(next, inner);
  for (size_t i = depth; i-- > 0;) next = stpcpy(next, i % 3 == 0 ? "}" : "]");
  return text;
}

START_TEST(depth_has_a_limit) {
  static const size_t limits[] = {1, 2, 63, 64, 65, 511, S3_JSON_DEEPEST};
  for (size_t i = 0; i < COUNT_OF(limits); i++) {
    const size_t limit = limits[i];
    char *const fits = nested(limit, "1"), *const exceeds = nested(limit + 1, "1");
    s3_json value = check(fits, strlen(fits), limit), root;
    for (size_t level = 0; level < limit; level++) {
      s3_json_walk walk = s3_json_enter(value);
      ck_assert(s3_json_next(&walk, NULL, &value));
    }
    ck_assert(value.length == 1 && *value.begin == '1');
    ck_assert_int_eq(s3_json_check("f", "x: ", exceeds, strlen(exceeds), limit, &root),
                     S3REC_ERROR_LIMIT);
    char words[96];
    snprintf(words, sizeof words, "nested deeper than %zu, the limit (s3rec_limits.json_depth)",
             limit);
    ck_assert_msg(strstr(s3_error_text(), words) != NULL, "%s", s3_error_text());
    free(fits);
    free(exceeds);
  }
  /* no limit goes beyond the bits there are, and a million levels end at once */
  char *const deep = nested(1000000, "1");
  s3_json root;
  ck_assert_int_eq(s3_json_check("f", "", deep, strlen(deep), SIZE_MAX, &root), S3REC_ERROR_LIMIT);
  free(deep);
  read("[[],[],{},{\"a\":[]},[]]"); /* levels side by side do not add up */
}
END_TEST

START_TEST(faults_have_a_place) {
  static const char text[] = "{\"caf\xc3\xa9\":\n  \"\xe2\x82\xac\" 1}";
  s3_json root;
  ck_assert_int_eq(s3_json_check("f.st", "header: ", text, sizeof text - 1, DEPTH, &root),
                   S3REC_ERROR_FORMAT);
  ck_assert_str_eq(s3_error_text(), "f.st:2:7: header: a comma or } must be here");
  ck_assert_int_eq(s3_json_check("f", "", "", 0, DEPTH, &root), S3REC_ERROR_FORMAT);
  ck_assert_str_eq(s3_error_text(), "f:1:1: the text ends too early");
}
END_TEST

TEST_SUITE(json_reader) {
  TCase *grammar = tcase_create("grammar");
  tcase_add_test(grammar, accepts_the_grammar);
  tcase_add_test(grammar, refuses_all_else);
  tcase_add_test(grammar, nul_bytes_are_refused);
  tcase_add_test(grammar, damaged_texts_do_no_harm);
  tcase_add_test(grammar, depth_has_a_limit);
  tcase_add_test(grammar, faults_have_a_place);
  test_add_cases(suite, grammar, NULL);
}
