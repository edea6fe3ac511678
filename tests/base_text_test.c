/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and structs at the edge of the library: errors, numbers, struct_size. */
#include <fenv.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/number.h"
#include "base/options.h"
#include "base/random.h"
#include "base/utf8.h"
#include "support/files.h"
#include "support/locale.h"
#include "support/suite.h"

START_TEST(error_is_one_line) {
  ck_assert_int_eq(s3_fail(S3REC_ERROR_FORMAT, "a%sb", "\n\t\x1b\x7f"), S3REC_ERROR_FORMAT);
  ck_assert_str_eq(s3_error_text(), "a????b");
}
END_TEST

/* Paths, and names that a caller gives, may be any bytes; %.3s may cut a character. */
START_TEST(error_is_utf8) {
  s3_fail(S3REC_ERROR_FORMAT, "%s|%.3s|\xe2\x82\xac", "\xff\x80z\xc3", "ab\xc3\xa9");
  ck_assert_str_eq(s3_error_text(), "??z?|ab?|\xe2\x82\xac");
  s3_fail(S3REC_ERROR_FORMAT, "end%.2s", "\xe2\x82\xac");
  ck_assert_str_eq(s3_error_text(), "end");
}
END_TEST

START_TEST(long_error_stays_utf8) {
  char name[1201]; /* 600 characters of two bytes, shifted by 0 or 1 */
  for (size_t i = 0; i < 1200; i += 2) memcpy(name + i, "\xc3\xa9", 2);
  name[1200] = '\0';
  for (int shift = 0; shift < 2; shift++) {
    s3_fail(S3REC_ERROR_FORMAT, "%s%s", shift == 0 ? "" : "x", name);
    const char *const text = s3_error_text();
    const size_t length = strlen(text);
    ck_assert_uint_ge(length, 1020);
    ck_assert_uint_lt(length, 1024);
    ck_assert_uint_eq((length - (size_t)shift) % 2, 0);
  }
}
END_TEST

/* Cut between characters; where there is no such place, nothing is left. */
START_TEST(texts_are_cut_between_characters) {
  ck_assert_int_eq(s3_utf8_fit("ab\xc3\xa9", 4, 4), 4);
  ck_assert_int_eq(s3_utf8_fit("ab\xc3\xa9", 4, 3), 2);
  ck_assert_int_eq(s3_utf8_fit("ab\xc3\xa9", 4, 2), 2);
  ck_assert_int_eq(s3_utf8_fit("\x80\x80\x80", 3, 2), 0);
}
END_TEST

static const double values[] = {0,    0.5,   0.1,     0.02,   0.3,     1e-8, 1.0 / 3,   -1.5,
                                1e22, 1e300, 4.9e-324, 1.7976931348623157e308, 123456789.125};
static const char *const texts[] = {"0", "0.5", "0.1", "0.02", "0.3", "1e-08"};

static void assert_numbers(void) {
  char text[S3_NUMBER_SIZE];
  double parsed;
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
    s3_format_double(values[i], text);
    ck_assert_msg(s3_parse_double(text, &parsed), "'%s'", text);
    ck_assert_msg(memcmp(&parsed, &values[i], sizeof parsed) == 0, "'%s'", text);
    if (i < sizeof texts / sizeof texts[0]) ck_assert_str_eq(text, texts[i]);
  }
}

START_TEST(numbers_read_back_exactly) {
  assert_numbers();
  s3_random random = s3_random_make(7);
  for (int i = 0; i < 20000; i++) {
    const uint64_t bits = s3_random_bits(&random);
    double value, parsed;
    memcpy(&value, &bits, sizeof value);
    if (!isfinite(value)) continue;
    char text[S3_NUMBER_SIZE];
    s3_format_double(value, text);
    ck_assert_msg(s3_parse_double(text, &parsed) && parsed == value, "'%s'", text);
  }
}
END_TEST

START_TEST(numbers_ignore_the_locale) {
  if (!test_comma_locale()) {
    test_skip("no locale with a decimal comma is installed or can be made");
    return;
  }
  char text[S3_NUMBER_SIZE];
  snprintf(text, sizeof text, "%.1f", 0.5);
  ck_assert_str_ne(text, "0.5"); /* the locale does write another point */
  assert_numbers();
  setlocale(LC_NUMERIC, "C");
}
END_TEST

/* Loop: the ways to round. */
START_TEST(numbers_ignore_the_rounding) {
  static const int ways[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
  const double value = 0.2;
  char text[S3_NUMBER_SIZE];
  double parsed = 0;
  fesetround(ways[_i]);
  s3_format_double(value, text);
  const bool read = s3_parse_double(text, &parsed);
  const int after = fegetround();
  assert_numbers();
  fesetround(FE_TONEAREST);
  ck_assert(read && parsed == value);
  ck_assert_str_eq(text, "0.2");
  ck_assert_int_eq(after, ways[_i]);
}
END_TEST

/* A host may have its processor take denormal numbers for zero (MXCSR: FTZ and DAZ). */
START_TEST(numbers_ignore_the_flushing) {
#ifdef __SSE2__
  const unsigned before = __builtin_ia32_stmxcsr();
  double parsed[2] = {0, 0};
  __builtin_ia32_ldmxcsr(before | 0x8040);
  const bool read = s3_parse_double("5e-324", &parsed[0]) && s3_parse_double("-5e-324", &parsed[1]);
  __builtin_ia32_ldmxcsr(before);
  ck_assert(read && parsed[0] == 5e-324 && parsed[1] == -5e-324);
#else
  test_skip("only for x86-64");
#endif
}
END_TEST

START_TEST(bad_numbers_are_refused) {
  static const char *const bad[] = {"",    " 1",  "1 ",  "1,5", "0x10", "nan", "inf", "1e",  "1e+",
                                    ".",   "-",   "+-1", "1.2.3", "1e999", "--1", "1f", "1_0"};
  double real = 42;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    ck_assert_msg(!s3_parse_double(bad[i], &real), "'%s'", bad[i]);
  }
  char endless[400];
  memset(endless, '1', sizeof endless - 1);
  endless[sizeof endless - 1] = '\0';
  ck_assert(!s3_parse_double(endless, &real));
  ck_assert_double_eq(real, 42);
  ck_assert(s3_parse_double("-2.5E+1", &real) && real == -25);
  ck_assert(s3_parse_double(".5", &real) && real == 0.5);
  ck_assert(s3_parse_double("5.", &real) && real == 5);
}
END_TEST

START_TEST(integers) {
  static const char *const bad[] = {"", "-", "+1", "1.0", " 1", "1 ", "11", "-1",
                                    "99999999999999999999", "0x1", "one"};
  int64_t value = 42;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    ck_assert_msg(!s3_parse_int64(bad[i], 0, 10, &value), "'%s'", bad[i]);
  }
  ck_assert_int_eq(value, 42);
  ck_assert(s3_parse_int64("10", 0, 10, &value) && value == 10);
  ck_assert(s3_parse_int64("-9223372036854775808", INT64_MIN, 0, &value) && value == INT64_MIN);
}
END_TEST

/* Three releases of one struct. */
typedef struct options_v1 {
  size_t struct_size;
  int64_t first;
} options_v1;
typedef struct options_v2 {
  size_t struct_size;
  int64_t first, second;
} options_v2;
typedef struct options_v3 {
  size_t struct_size;
  int64_t first, second, third;
} options_v3;

/* The first release's size of each struct, padding included, stays when it grows. */
START_TEST(first_size_stays) {
  typedef struct padded_v1 {
    size_t struct_size;
    int64_t first;
    int32_t last;
  } padded_v1;
  typedef struct padded_v2 {
    size_t struct_size;
    int64_t first;
    int32_t last;
    int64_t more;
  } padded_v2;
  ck_assert_uint_eq(S3_SIZE_UNTIL(options_v1, first), sizeof(options_v1));
  ck_assert_uint_eq(S3_SIZE_UNTIL(options_v3, first), sizeof(options_v1));
  ck_assert_uint_eq(S3_SIZE_UNTIL(options_v3, second), sizeof(options_v2));
  ck_assert_uint_eq(S3_SIZE_UNTIL(padded_v1, last), sizeof(padded_v1));
  ck_assert_uint_eq(S3_SIZE_UNTIL(padded_v2, last), sizeof(padded_v1));
}
END_TEST

START_TEST(older_and_newer_callers) {
  const options_v1 old = {sizeof old, 10};
  options_v2 options = {sizeof options, 1, 2};
  ck_assert_int_eq(s3_options_copy(&options, sizeof options, &old, sizeof old, "options"),
                   S3REC_OK);
  ck_assert_int_eq(options.first, 10);
  ck_assert_int_eq(options.second, 2); /* default */
  ck_assert_uint_eq(options.struct_size, sizeof options);

  const options_v3 recent = {sizeof recent, 10, 20, 30};
  struct {
    options_v2 options;
    int64_t behind;
  } guarded = {{sizeof(options_v2), 1, 2}, -1};
  const s3rec_status status =
      s3_options_copy(&guarded.options, sizeof(options_v2), &recent, sizeof old, "options");
  ck_assert_int_eq(status, S3REC_OK);
  ck_assert_int_eq(guarded.options.first, 10);
  ck_assert_int_eq(guarded.options.second, 20);
  ck_assert_int_eq(guarded.behind, -1);
  ck_assert_uint_eq(guarded.options.struct_size, sizeof(options_v2));
}
END_TEST

START_TEST(too_small_structs_are_refused) {
  options_v2 options = {sizeof options, 1, 2};
  for (size_t size = 0; size < sizeof(options_v1); size++) {
    const options_v1 small = {size, 10};
    ck_assert_int_eq(s3_options_copy(&options, sizeof options, &small, sizeof small, "options"),
                     S3REC_ERROR_ARGUMENT);
    ck_assert_int_eq(s3_output_check(&small, sizeof small, "options"), S3REC_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(s3_error_text(), "options.struct_size is"));
  }
  ck_assert_int_eq(options.first, 1);
}
END_TEST

START_TEST(output_fills_what_the_caller_has) {
  const options_v2 source = {sizeof source, 1, 2};
  struct {
    options_v1 output;
    int64_t behind;
  } old = {{sizeof(options_v1), 0}, -1};
  ck_assert_int_eq(s3_output_check(&old.output, sizeof(options_v1), "options"), S3REC_OK);
  s3_output_write(&old.output, &source, sizeof source);
  ck_assert_int_eq(old.output.first, 1);
  ck_assert_int_eq(old.behind, -1);
  ck_assert_uint_eq(old.output.struct_size, sizeof(options_v1));

  options_v3 recent = {sizeof recent, 0, 0, 33};
  s3_output_write(&recent, &source, sizeof source);
  ck_assert_int_eq(recent.second, 2);
  ck_assert_int_eq(recent.third, 33);
  ck_assert_uint_eq(recent.struct_size, sizeof recent);
}
END_TEST

TEST_SUITE(base_text) {
  TCase *errors = tcase_create("errors"), *numbers = tcase_create("numbers");
  TCase *structs = tcase_create("structs");
  tcase_add_test(errors, error_is_one_line);
  tcase_add_test(errors, error_is_utf8);
  tcase_add_test(errors, long_error_stays_utf8);
  tcase_add_test(errors, texts_are_cut_between_characters);
  tcase_add_test(numbers, numbers_read_back_exactly);
  tcase_add_test(numbers, numbers_ignore_the_locale);
  tcase_add_loop_test(numbers, numbers_ignore_the_rounding, 0, 3);
  tcase_add_test(numbers, numbers_ignore_the_flushing);
  tcase_add_test(numbers, bad_numbers_are_refused);
  tcase_add_test(numbers, integers);
  tcase_add_test(structs, first_size_stays);
  tcase_add_test(structs, older_and_newer_callers);
  tcase_add_test(structs, too_small_structs_are_refused);
  tcase_add_test(structs, output_fills_what_the_caller_has);
  test_add_cases(suite, errors, numbers, structs, NULL);
}
