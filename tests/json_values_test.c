/* SPDX-License-Identifier: Apache-2.0 */
/* Values of JSON texts: their kinds, numbers, texts and members, and how they are written
 * (base/json_reader.h, base/json_writer.h). */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/random.h"
#include "support/hooks.h"
#include "support/locale.h"
#include "support/suite.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static s3_json check(const char *text, size_t count, size_t depth) {
  s3_json root;
  ck_assert_msg(s3_json_check("f", "", text, count, depth, &root) == S3REC_OK, "%.200s: %s", text,
                s3_error_text());
  return root;
}

static s3_json read(const char *text) { return check(text, strlen(text), 64); }

START_TEST(integers_are_exact) {
  static const struct {
    const char *text;
    int64_t value;
  } cases[] = {{"0", 0},
               {"-0", 0},
               {"-7", -7},
               {"9223372036854775807", INT64_MAX},
               {"9223372036854775799", INT64_MAX - 8},
               {"-9223372036854775808", INT64_MIN}};
  int64_t value = 42;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    ck_assert(s3_json_kind_of(read(cases[i].text)) == S3_JSON_INTEGER);
    ck_assert(s3_json_integer(read(cases[i].text), &value));
    ck_assert_int_eq(value, cases[i].value);
  }
  static const char *const none[] = {"1.0", "1e0", "\"1\"", "null", "true", "[1]", "{}"};
  for (size_t i = 0; i < COUNT_OF(none); i++)
    ck_assert_msg(!s3_json_integer(read(none[i]), &value), "%s", none[i]);
  ck_assert_int_eq(value, INT64_MIN);
  ck_assert(!s3_json_integer((s3_json){NULL, 0}, &value));
}
END_TEST

static void assert_real(const char *text, double wanted) {
  double value = 42;
  ck_assert_msg(s3_json_real(read(text), &value), "%.40s", text);
  ck_assert_msg(memcmp(&value, &wanted, sizeof value) == 0, "%.40s: %a, not %a", text, value,
                wanted);
}

/* The middle between 1 and the next double, then `zeros` zeros and a last digit. */
static void assert_halfway(size_t zeros, char last, double wanted) {
  static const char half[] = "1.00000000000000011102230246251565404236316680908203125";
  char *const text = malloc(sizeof half + zeros + 1);
  ck_assert_ptr_nonnull(text);
  memcpy(text, half, sizeof half - 1);
  memset(text + sizeof half - 1, '0', zeros);
  text[sizeof half - 1 + zeros] = last;
  text[sizeof half + zeros] = '\0';
  assert_real(text, wanted);
  free(text);
}

static void assert_reals(void) {
  assert_real("0.5", 0.5);
  assert_real("-0.0", -0.0);
  assert_real("3", 3);
  assert_real("0.1", 0.1);
  assert_real("1.7976931348623157e308", 0x1.fffffffffffffp1023);
  assert_real("1.797693134862315807e308", 0x1.fffffffffffffp1023);
  assert_real("4.9e-324", 0x1p-1074);
  assert_real("2.5e-324", 0x1p-1074);
  assert_real("2.4e-324", 0);
  assert_real("-1e-400", -0.0);
  assert_real("1e-99999999999999999999", 0);
  assert_real("0e99999999999999999999", 0);
  assert_real("2.2250738585072011e-308", 0x0.fffffffffffffp-1022);
  assert_real("123456789012345678901234567890e-29", 1.2345678901234568);
  assert_halfway(0, '0', 1);
  assert_halfway(2000, '0', 1);
  assert_halfway(2000, '1', 1 + 0x1p-52);
}

START_TEST(reals_are_the_nearest_double) {
  assert_reals();
  double value;
  static const char *const none[] = {"\"1\"", "null", "true", "[1]", "{}"};
  for (size_t i = 0; i < COUNT_OF(none); i++)
    ck_assert_msg(!s3_json_real(read(none[i]), &value), "%s", none[i]);
}
END_TEST

/* Digits and zeros on both sides of the point, more than any buffer holds. */
START_TEST(long_numbers) {
  enum { ZEROS = 100000 };
  char *const text = malloc(ZEROS + 32);
  ck_assert_ptr_nonnull(text);
  memset(text, '0', ZEROS + 32);
  memcpy(text, "0.", 2);
  strcpy(text + ZEROS + 2, "25e100001");
  assert_real(text, 2.5);
  memset(text, '0', ZEROS);
  text[0] = '7';
  strcpy(text + ZEROS, "e-99999");
  assert_real(text, 7);
  memset(text, '1', 300);
  strcpy(text + 300, ".0");
  assert_real(text, 1.1111111111111112e299);
  text[300] = '\0';
  s3_json root;
  ck_assert_int_eq(s3_json_check("f", "", text, 300, 1, &root), S3REC_ERROR_FORMAT);
  free(text);
}
END_TEST

START_TEST(writes_and_reads_all_reals) {
  s3_random random = s3_random_make(5);
  s3rec_context *context;
  ck_assert_int_eq(s3rec_context_create(NULL, &context), S3REC_OK);
  static const double some[] = {0.0,  -0.0, 1,      -1,     0.1,       1e15,      1e16,
                                1e17, 1e22, 5e-324, 1e-310, 0x1p-1022, 1.7976e308, 123456789};
  for (size_t i = 0; i < 20000; i++) {
    const uint64_t bits = s3_random_bits(&random);
    double value, back = 42;
    memcpy(&value, &bits, sizeof value);
    if (i < COUNT_OF(some)) value = some[i];
    if (!isfinite(value)) continue;
    s3_json_writer writer = {.context = context};
    s3_json_put_real(&writer, value);
    char *text;
    size_t count;
    ck_assert_int_eq(s3_json_finish(&writer, &text, &count), S3REC_OK);
    const s3_json root = check(text, count, 1);
    ck_assert_msg(s3_json_kind_of(root) == S3_JSON_REAL, "%s", text);
    ck_assert(s3_json_real(root, &back));
    ck_assert_msg(memcmp(&back, &value, sizeof back) == 0, "%s", text);
    s3_free(context, text);
  }
  s3rec_context_destroy(context);
}
END_TEST

/* Loop: comma, point of two bytes. */
START_TEST(locales_change_nothing) {
  if (!(_i == 0 ? test_comma_locale() : test_wide_point_locale())) {
    test_skip("no locale with such a decimal point is installed or can be made");
    return;
  }
  char text[16];
  snprintf(text, sizeof text, "%.1f", 0.5);
  ck_assert_str_ne(text, "0.5"); /* the locale does write another point */
  assert_reals();
  writes_and_reads_all_reals_fn(0);
  setlocale(LC_NUMERIC, "C");
}
END_TEST

static void assert_text(const char *text, const char *wanted) {
  const s3_json value = read(text);
  char copy[128];
  ck_assert_uint_lt(value.length, sizeof copy);
  ck_assert_uint_eq(s3_json_text_copy(value, copy), strlen(wanted));
  ck_assert_str_eq(copy, wanted);
  ck_assert(s3_json_text_is(value, wanted));
  memcpy(copy, value.begin, value.length);
  s3_json_text_copy((s3_json){copy, value.length}, copy); /* where it begins */
  ck_assert_str_eq(copy, wanted);
  memcpy(copy, value.begin, value.length);
  ck_assert_ptr_eq(s3_json_unpack((s3_json){copy, value.length}), copy + 1);
  ck_assert_str_eq(copy + 1, wanted);
}

START_TEST(texts_are_unpacked) {
  assert_text("\"\"", "");
  assert_text("\"plain\"", "plain");
  assert_text("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t");
  assert_text("\"\\u0041\\u00e9\\u20AC\\uD83d\\ude00\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  assert_text("\"\\u007f\\u0080\\u07ff\\u0800\\uffff\"",
              "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf");
  assert_text("\"\\ud800\\udc00\\udbff\\udfff\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
  assert_text("\"a\\u0062c\\td\\\\\"", "abc\td\\");
  static const char *const others[] = {"", "a", "abc\td", "abc\td\\\\", "abc\te\\"};
  for (size_t i = 0; i < COUNT_OF(others); i++)
    ck_assert(!s3_json_text_is(read("\"a\\u0062c\\td\\\\\""), others[i]));
  ck_assert(!s3_json_text_is(read("1"), "1"));
  ck_assert(!s3_json_text_is((s3_json){NULL, 0}, ""));
}
END_TEST

START_TEST(walks) {
  const s3_json root =
      read(" { \"a\" : [ 1 , \"]\\\\\" , { } ] ,\"\\\"}\":{\"x\":\"{\"},\"\":null} ");
  s3_json key, value, element;
  s3_json_walk walk = s3_json_enter(root);
  ck_assert(s3_json_next(&walk, &key, &value));
  ck_assert(s3_json_text_is(key, "a"));
  s3_json_walk inner = s3_json_enter(value);
  const char *const elements[] = {"1", "\"]\\\\\"", "{ }"};
  for (size_t i = 0; i < COUNT_OF(elements); i++) {
    ck_assert(s3_json_next(&inner, &key, &element));
    ck_assert_ptr_null(key.begin);
    ck_assert_uint_eq(element.length, strlen(elements[i]));
    ck_assert_mem_eq(element.begin, elements[i], element.length);
  }
  ck_assert(!s3_json_next(&inner, NULL, &element));
  ck_assert(!s3_json_next(&inner, NULL, &element));
  ck_assert(s3_json_next(&walk, &key, &value));
  ck_assert(s3_json_text_is(key, "\"}"));
  ck_assert(s3_json_text_is(s3_json_member(value, "x"), "{"));
  ck_assert(s3_json_next(&walk, &key, &value));
  ck_assert(s3_json_text_is(key, "") && s3_json_kind_of(value) == S3_JSON_NULL);
  ck_assert(!s3_json_next(&walk, &key, &value));

  walk = s3_json_enter(read("7"));
  ck_assert(!s3_json_next(&walk, &key, &value));
  walk = s3_json_enter(read("\"[1]\""));
  ck_assert(!s3_json_next(&walk, &key, &value));
  ck_assert_ptr_null(s3_json_member(read("[\"a\"]"), "a").begin);
  ck_assert_ptr_null(s3_json_member(root, "x").begin);
  bool truth = true;
  ck_assert(s3_json_truth(read("false"), &truth) && !truth);
  ck_assert(s3_json_truth(read("true"), &truth) && truth);
  ck_assert(!s3_json_truth(read("1"), &truth));
}
END_TEST

START_TEST(kinds_have_names) {
  static const char *const cases[][2] = {
      {"null", "null"},         {"true", "a truth value"}, {"-1", "an integer"},
      {"1E5", "a number with a fraction"},                 {"0.5", "a number with a fraction"},
      {"\"\"", "a string"},     {"[]", "an array"},        {"{}", "an object"}};
  for (size_t i = 0; i < COUNT_OF(cases); i++)
    ck_assert_str_eq(s3_json_kind_name(s3_json_kind_of(read(cases[i][0]))), cases[i][1]);
}
END_TEST

static test_hooks hooks;
static s3rec_context *context;

static void set_up(void) { context = test_hooks_context(&hooks); }

static void tear_down(void) {
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

/* {"key 0":0,"key 1":1,...}; every fifth with an escape in its name. */
static char *many_members(size_t count, const char *more) {
  char *const text = malloc(count * 32 + strlen(more) + 3);
  ck_assert_ptr_nonnull(text);
  char *next = stpcpy(text, "{");
  for (size_t i = 0; i < count; i++)
    next += sprintf(next, "%s\"%sey %zu\":%zu", i > 0 ? "," : "", i % 5 == 0 ? "\\u006b" : "k", i,
                    i);
  strcpy(stpcpy(next, more), "}");
  return text;
}

START_TEST(index_finds_members) {
  s3_json_index index = {0};
  for (size_t count = 0; count < 3000; count = count * 3 / 2 + 1) {
    char *const text = many_members(count, "");
    s3_json repeated;
    ck_assert_int_eq(s3_json_index_make(context, read(text), &index, &repeated), S3REC_OK);
    ck_assert_uint_eq(index.count, count);
    for (size_t i = 0; i < count; i++) {
      char name[32];
      int64_t value = -1;
      sprintf(name, "key %zu", i);
      ck_assert(s3_json_integer(s3_json_index_find(&index, name, strlen(name)), &value));
      ck_assert_uint_eq((size_t)value, i);
      ck_assert(s3_json_text_is(s3_json_index_key(&index, i), name));
      ck_assert(s3_json_integer(s3_json_index_value(&index, i), &value));
      ck_assert_uint_eq((size_t)value, i);
    }
    ck_assert_ptr_null(s3_json_index_find(&index, "key", 3).begin);
    ck_assert_ptr_null(s3_json_index_find(&index, "", 0).begin);
    free(text);
  }
  s3_json repeated;
  ck_assert_int_eq(s3_json_index_make(context, read("[1,2]"), &index, &repeated), S3REC_OK);
  ck_assert_uint_eq(index.count, 0);
  ck_assert_ptr_null(s3_json_index_find(&index, "", 0).begin);
  s3_json_index_free(context, &index);
}
END_TEST

START_TEST(index_refuses_equal_keys) {
  static const struct {
    size_t count; /* of members before */
    const char *more, *key;
  } cases[] = {{0, "\"a\":1,\"a\":2", "a"},
               {0, "\"a\":1,\"\\u0061\":2", "a"},
               {0, "\"\\u0061\":1,\"a\":2", "a"},
               {0, "\"\\u0061\":1,\"\\u0061\":2", "a"},
               {0, "\"\":1,\"b\":{\"\":3},\"\":2", ""},
               {0, "\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2", "\xf0\x9f\x98\x80"},
               {1000, ",\"key 7\":1", "key 7"},
               {1000, ",\"key\\u0020999\":1", "key 999"},
               {1000, ",\"key 995\":1", "key 995"}};
  s3_json_index index = {0};
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    char *const text = many_members(cases[i].count, cases[i].more);
    s3_json repeated = {NULL, 0};
    ck_assert_int_eq(s3_json_index_make(context, read(text), &index, &repeated),
                     S3REC_ERROR_FORMAT);
    ck_assert_msg(s3_json_text_is(repeated, cases[i].key), "%zu", i);
    ck_assert_ptr_eq(repeated.begin + repeated.length, text + strlen(text) - strlen(":1}"));
    free(text);
  }
  s3_json_index_free(context, &index);
}
END_TEST

static s3rec_status index_members(void *text) {
  s3_json_index index = {0};
  s3_json repeated;
  const s3rec_status status = s3_json_index_make(context, read(text), &index, &repeated);
  s3_json_index_free(context, &index);
  return status;
}

static s3rec_status write_values(void *argument) {
  (void)argument;
  s3_json_writer writer = {.context = context};
  s3_json_open(&writer, '{');
  for (int i = 0; i < 100; i++) {
    char name[32];
    sprintf(name, "k%d", i);
    s3_json_put_key(&writer, name);
    s3_json_put_text(&writer, "a text of some length");
  }
  s3_json_close(&writer, '}');
  char *text;
  size_t count;
  const s3rec_status status = s3_json_finish(&writer, &text, &count);
  if (status == S3REC_OK) s3_free(context, text);
  return status;
}

START_TEST(memory_may_fail) {
  char *const text = many_members(100, "");
  ck_assert_uint_ge(test_every_allocation_fails(&hooks, index_members, text), 3);
  ck_assert_uint_ge(test_every_allocation_fails(&hooks, write_values, NULL), 3);
  free(text);
}
END_TEST

/* What an index takes is a small multiple of its text. */
START_TEST(index_takes_little) {
  enum { MEMBERS = 26 * 26 * 26 };
  char *const text = malloc(MEMBERS * 9 + 2);
  ck_assert_ptr_nonnull(text);
  char *next = stpcpy(text, "{");
  for (int i = 0; i < MEMBERS; i++)
    next += sprintf(next, "%s\"%c%c%c\":0", i > 0 ? "," : "", 'A' + i % 26, 'A' + i / 26 % 26,
                    'A' + i / 676);
  strcpy(next, "}");
  s3_json_index index = {0};
  s3_json repeated;
  const long long before = hooks.live_bytes;
  ck_assert_int_eq(s3_json_index_make(context, read(text), &index, &repeated), S3REC_OK);
  ck_assert_uint_eq(index.count, MEMBERS);
  ck_assert_int_lt(hooks.live_bytes - before, 4 * (long long)strlen(text));
  s3_json_index_free(context, &index);
  free(text);
}
END_TEST

START_TEST(writes_values) {
  s3_json_writer writer = {.context = context};
  s3_json_open(&writer, '{');
  s3_json_put_key(&writer, "a\"\\/\b\f\n\r\t\x01\x1f\x7f");
  s3_json_put_text(&writer, "caf\xc3\xa9 \xe2\x80\xa8");
  s3_json_put_key(&writer, "");
  s3_json_open(&writer, '[');
  s3_json_put_integer(&writer, INT64_MIN);
  s3_json_put_integer(&writer, INT64_MAX);
  s3_json_put_real(&writer, 1);
  s3_json_put_real(&writer, -0.0);
  s3_json_put_truth(&writer, true);
  s3_json_put_truth(&writer, false);
  s3_json_open(&writer, '{');
  s3_json_close(&writer, '}');
  s3_json_open(&writer, '[');
  s3_json_close(&writer, ']');
  s3_json_close(&writer, ']');
  s3_json_put_key(&writer, "z");
  s3_json_put_text(&writer, "");
  s3_json_close(&writer, '}');
  char *text;
  size_t count;
  ck_assert_int_eq(s3_json_finish(&writer, &text, &count), S3REC_OK);
  ck_assert_str_eq(text, "{\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\":"
                         "\"caf\xc3\xa9 \xe2\x80\xa8\","
                         "\"\":[-9223372036854775808,9223372036854775807,1.0,-0.0,true,false,{},"
                         "[]],\"z\":\"\"}");
  ck_assert_uint_eq(count, strlen(text));
  s3_json key, value;
  s3_json_walk walk = s3_json_enter(read(text));
  ck_assert(s3_json_next(&walk, &key, &value));
  ck_assert(s3_json_text_is(key, "a\"\\/\b\f\n\r\t\x01\x1f\x7f"));
  ck_assert(s3_json_text_is(value, "caf\xc3\xa9 \xe2\x80\xa8"));
  s3_free(context, text);
}
END_TEST

TEST_SUITE(json_values) {
  TCase *numbers = tcase_create("numbers");
  tcase_add_test(numbers, integers_are_exact);
  tcase_add_test(numbers, reals_are_the_nearest_double);
  tcase_add_test(numbers, long_numbers);
  tcase_add_test(numbers, writes_and_reads_all_reals);
  tcase_add_loop_test(numbers, locales_change_nothing, 0, 2);
  TCase *values = tcase_create("values");
  tcase_add_test(values, texts_are_unpacked);
  tcase_add_test(values, walks);
  tcase_add_test(values, kinds_have_names);
  TCase *memory = tcase_create("memory");
  tcase_add_checked_fixture(memory, set_up, tear_down);
  tcase_add_test(memory, index_finds_members);
  tcase_add_test(memory, index_refuses_equal_keys);
  tcase_add_test(memory, memory_may_fail);
  tcase_add_test(memory, index_takes_little);
  tcase_add_test(memory, writes_values);
  test_add_cases(suite, numbers, values, memory, NULL);
}
