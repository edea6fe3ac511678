/* SPDX-License-Identifier: Apache-2.0 */
/* Timestamps, the table of names and its hash. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names/name_table.h"
#include "tables/timestamp.h"
#include "support/hooks.h"
#include "support/suite.h"

static void accept(const char *text, int64_t whole, int32_t billionths, bool is_date) {
  s3_timestamp timestamp;
  const char *const wrong = s3_timestamp_parse(text, &timestamp);
  ck_assert_msg(wrong == NULL, "%s %s", text, wrong);
  ck_assert_msg(timestamp.whole == whole && timestamp.billionths == billionths, "%s: %lld + %d",
                text, (long long)timestamp.whole, timestamp.billionths);
  ck_assert_int_eq(timestamp.is_date, is_date);
}

static void refuse(const char *text, const char *reason) {
  s3_timestamp timestamp;
  const char *const wrong = s3_timestamp_parse(text, &timestamp);
  ck_assert_msg(wrong != NULL, "%s is accepted", text);
  ck_assert_str_eq(wrong, reason);
}

START_TEST(reads_numbers) {
  accept("0", 0, 0, false);
  accept("-0", 0, 0, false);
  accept("+978300760", 978300760, 0, false);
  accept("000000000000000000000000012", 12, 0, false);
  accept("9223372036854775807", INT64_MAX, 0, false);
  accept("9223372036854775807.9", INT64_MAX, 900000000, false);
  accept("-9223372036854775808", INT64_MIN, 0, false);
  accept("1.5", 1, 500000000, false);
  accept("1.", 1, 0, false);
  accept(".000000001", 0, 1, false);
  accept("1.9999999999", 1, 999999999, false);
  accept("-1.25", -2, 750000000, false);
  accept("-0.000000001", -1, 999999999, false);
  accept("-9223372036854775807.5", INT64_MIN, 500000000, false);
  accept("9.78300760125e+08", 978300760, 125000000, false);
  accept("12500E-2", 125, 0, false);
  accept("1e-400", 0, 0, false);
  accept("0e999999999999", 0, 0, false);
  accept("1e18", 1000000000000000000, 0, false);
}
END_TEST

START_TEST(refuses_numbers) {
  static const char *const words[] = {"",    ".",   "-",    "x",   "1x",  "1..2", "1e",  "1e+",
                                      "inf", "nan", "0x10", "1,5", "--1", " 1",   "1 2", "e5"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    refuse(words[i], "is neither a number nor an ISO 8601 date");
  static const char *const far[] = {"9223372036854775808",    "-9223372036854775809",
                                    "-9223372036854775808.1", "1e19",
                                    "99999999999999999999",   "1e99999999999999999999"};
  for (size_t i = 0; i < sizeof far / sizeof *far; i++)
    refuse(far[i], "is out of range, must be -2^63..2^63-1");
}
END_TEST

START_TEST(reads_dates) {
  accept("1970-01-01", 0, 0, true);
  accept("1969-12-31", -86400, 0, true);
  accept("2024-01-31", 1706659200, 0, true);
  accept("2024-02-29", 1709164800, 0, true);
  accept("2000-02-29T00:00", 951782400, 0, true);
  accept("0001-01-01", -62135596800, 0, true);
  accept("9999-12-31T23:59:60Z", 253402300800, 0, true);
  accept("2024-01-31T12:34:56.789+01:00", 1706700896, 789000000, true);
  accept("2024-01-31 12:34:56,5", 1706704496, 500000000, true);
  accept("2024-01-31t12:34:56.1234567899z", 1706704496, 123456789, true);
  accept("2024-01-31 12:34:56 UTC", 1706704496, 0, true);
  accept("2024-01-31 12:34:56-0530", 1706724296, 0, true);
  accept("2024-01-31 12:34+09", 1706672040, 0, true);
  accept("2024-03-01Z", 1709251200, 0, true);
  accept("1969-12-31T23:59:59.25", -1, 250000000, true);
}
END_TEST

START_TEST(refuses_dates) {
  static const char *const days[] = {"2023-02-29", "1900-02-29", "2024-13-01", "2024-00-10",
                                     "2024-01-32", "2024-01-00", "0000-01-01", "2024-1-01",
                                     "2024-01",    "2024-01-1",  "2024-"};
  for (size_t i = 0; i < sizeof days / sizeof *days; i++)
    refuse(days[i], "is not a date of the calendar");
  static const char *const times[] = {
      "2024-01-31T",         "2024-01-31T24:00",   "2024-01-31T12",          "2024-01-31T12:60",
      "2024-01-31 12:34:61", "2024-01-31T12:34:5", "2024-01-31T12:34:56.",   "2024-01-31x",
      "2024-01-31T12:34+24", "2024-01-31T12:34+1", "2024-01-31T12:34+01:60", "2024-01-31T12:34ZZ",
      "2024-01-31 ",         "2024-01-31T12:34 x", "2024-01-31T12:34+01:"};
  for (size_t i = 0; i < sizeof times / sizeof *times; i++)
    refuse(times[i], "is not an ISO 8601 time of day");
}
END_TEST

/* Values of an independent implementation, Python's hash of bytes under the key 0. */
START_TEST(hashes) {
  const uint16_t one = 1;
  const s3_hash_key zero = {{0, 0}};
  if (*(const char *)&one == 0) {
    test_skip("the values are those of little-endian machines");
    return;
  }
  ck_assert_uint_eq(s3_keyed_hash(&zero, "abc", 3), 0xc03bc3a0042630f2u);
  ck_assert_uint_eq(s3_keyed_hash(&zero, "abcdefgh", 8), 0x3f7b849c0b8e35eau);
  ck_assert_uint_eq(s3_keyed_hash(&zero, "hello-world-12345", 17), 0x448ad0460fac3157u);
  const s3_hash_key a = s3_hash_key_make(), b = s3_hash_key_make();
  ck_assert(memcmp(&a, &b, sizeof a) != 0);
}
END_TEST

static int32_t add(const s3rec_context *context, s3_name_table *table, int number) {
  char name[32];
  int32_t index = -1;
  const int length = snprintf(name, sizeof name, "%d", number);
  ck_assert_int_eq(s3_name_table_add(context, table, name, (size_t)length, &index), S3REC_OK);
  return index;
}

START_TEST(numbers_names) {
  test_hooks hooks;
  s3rec_context *const context = test_hooks_context(&hooks);
  s3_name_table table = {0};
  for (int i = 0; i < 5000; i++) ck_assert_int_eq(add(context, &table, i), i);
  for (int i = 4999; i >= 0; i--) ck_assert_int_eq(add(context, &table, i), i);
  s3_name_table_truncate(&table, 1234);
  ck_assert_uint_eq(table.count, 1234);
  ck_assert_int_eq(add(context, &table, 1233), 1233);
  ck_assert_int_eq(add(context, &table, 4999), 1234);
  ck_assert_int_eq(add(context, &table, 1234), 1235);
  size_t length;
  ck_assert_mem_eq(s3_name_table_get(&table, 1234, &length), "4999", 4);
  ck_assert_uint_eq(length, 4);
  s3_name_table_truncate(&table, 0);
  ck_assert_int_eq(add(context, &table, 7), 0);
  s3_name_table_free(context, &table);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}
END_TEST

TEST_SUITE(events_parts) {
  TCase *cases = tcase_create("events_parts");
  tcase_add_test(cases, reads_numbers);
  tcase_add_test(cases, refuses_numbers);
  tcase_add_test(cases, reads_dates);
  tcase_add_test(cases, refuses_dates);
  tcase_add_test(cases, hashes);
  tcase_add_test(cases, numbers_names);
  test_add_cases(suite, cases, NULL);
}
