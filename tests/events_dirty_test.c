/* SPDX-License-Identifier: Apache-2.0 */
/* Event files that are not as they should be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events_fixture.h"
#include "support/suite.h"

static test_hooks hooks;
static events_log log_lines;
static s3rec_context *context;
static s3rec_events *events;
static s3rec_table_options options;

static void set_up(void) {
  context = events_context(&hooks, &log_lines);
  ck_assert_int_eq(s3rec_events_create(context, &events), S3REC_OK);
  s3rec_table_options_init(&options);
  events_append_text(events, "before x 5");
}

static void tear_down(void) {
  s3rec_events_destroy(events);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

/* The call fails with this text after the path, leaves its report alone and adds nothing,
 * names included: the fingerprint and the next names show it. */
static void refuse_file(const char *path, s3rec_status expected_status, const char *expected) {
  const uint64_t before = events_fingerprint(events, NULL);
  s3rec_table_report report;
  s3rec_table_report_init(&report);
  report.row_count = 77;
  const s3rec_status status = s3rec_events_read(events, path, &options, &report);
  fixture_expect(status, expected_status, path, expected);
  ck_assert_uint_eq(report.row_count, 77);
  ck_assert_uint_eq(events_count(events), 1);
  ck_assert_uint_eq(events_fingerprint(events, NULL), before);
}

static void refuse_bytes(const char *name, const char *bytes, size_t count, const char *expected) {
  const test_path path = test_file(name);
  test_write(path.text, bytes, count);
  refuse_file(path.text, S3REC_ERROR_FORMAT, expected);
}

static void refuse(const char *name, const char *text, const char *expected) {
  refuse_bytes(name, text, strlen(text), expected);
}

START_TEST(refuses_rows) {
  refuse("a.csv", "user,item,ts\nu,i,1\nu,i\n", ":3: row: 2 fields, but the first row has 3");
  refuse("a.csv", "user,item,ts\nu,i,1,\n", ":2: row: 4 fields, but the first row has 3");
  refuse("a.csv", "user,item,ts\n\n\nu,i,\n", ":4: timestamp: empty");
  refuse("a.csv", "user,item,ts\n,i,1\n", ":2: user: empty");
  refuse("a.csv", "user,item,ts\nu,\"\",1\n", ":2: item: empty");
  refuse("a.csv", "user,item,ts\nu,i,soon\n",
         ":2: timestamp: \"soon\" is neither a number nor an ISO 8601 date");
  refuse("a.csv", "user,item,ts\nu,i,99999999999999999999\n",
         ":2: timestamp: \"99999999999999999999\" is out of range, must be -2^63..2^63-1");
  refuse("a.csv", "user,item,date\nu,i,2024-02-30\n",
         ":2: timestamp: \"2024-02-30\" is not a date of the calendar");
  refuse("a.csv", "user,item,ts\nu,i,1\nu,i,2024-02-03\n",
         ":3: timestamp: a date, but the rows before have numbers");
  refuse("a.csv", "user,item,ts,rating\nu,i,1,x\n", ":2: value: \"x\" is not a finite number");
  refuse("a.csv", "user,item,ts,rating\nu,i,1,nan\n", ":2: value: \"nan\" is not a finite number");
  refuse("a.csv", "user,item,ts,rating\nu,i,1, \n", ":2: value: empty");
  refuse("a.csv", "user,item,ts,rating\nu,i,1,4\xC2\xA0\n",
         ":2: value: has a byte 0xC2 in it, which cannot be in a number");
  refuse("a.csv", "user,item,ts\nu\xFF,i,1\n", ":2: user: not UTF-8");
  refuse("a.csv", "user,item,ts\nu,\xE2\x82,1\n", ":2: item: not UTF-8");
  refuse_bytes("a.csv", "user,item,ts\nu,i\0j,1\n", 20, ":2: item: has a NUL byte in it");
  refuse_bytes("a.csv", "user,item,ts\nu,i,1\0\n", 19,
               ":2: timestamp: has a byte 0x00 in it, which cannot be in a number");
  refuse("a.csv", "user,item,ts\nu,\"i\"x,1\n", ":2: row: text after a closing quotation mark");
}
END_TEST

START_TEST(refuses_quotes_without_end) {
  options.bad_row_limit = 9; /* what follows cannot be told from the field */
  refuse("a.csv", "user,item,ts\nu,i,1\nu,\"i,1\nu,i,1\n",
         ":3: a quoted field of this row has no closing quotation mark");
  refuse("a.csv", "user,item\nu,\"",
         ":2: a quoted field of this row has no closing quotation mark");
}
END_TEST

START_TEST(refuses_long) {
  const size_t size = (1 << 24) + 100000;
  char *const text = malloc(size + 1);
  memset(text, 'x', size);
  memcpy(text, "u,i,1\nv,", 8);
  memcpy(text + 8 + 4097, ",1\n", 4);
  refuse("a.csv", text, ":2: item: longer than 4096 bytes");
  memset(text + 8, 'x', size - 8);
  text[size] = '\0';
  options.bad_row_limit = 5;
  static const char *const names[] = {"a.csv", "a.jsonl"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const test_path path = fixture_text(names[i], text);
    refuse_file(path.text, S3REC_ERROR_LIMIT,
                ":2: the row has more than 16777216 bytes, the limit (s3rec_limits.row_bytes)");
  }
  free(text);
}
END_TEST

START_TEST(refuses_many_fields) {
  char *const text = malloc(70000);
  memset(text, ',', 69999);
  text[69999] = '\0';
  refuse("a.csv", text, ":1: row: more than 65536 fields");
  free(text);
}
END_TEST

START_TEST(refuses_json) {
  refuse("a.jsonl", "{\"user\":1,\"item\":2,\"ts\":3}\n[1]\n",
         ":2: JSON: the line is an array, must be an object");
  refuse("a.jsonl", "{\"user\":1,\"item\":2,\"ts\":3}\n\n{\"user\":1,\"item\"}\n",
         ":3: JSON: column 17: a colon must be here");
  refuse("a.jsonl", "{\"user\":1,\"item\":2} {}\n",
         ":1: JSON: column 21: nothing may follow the value");
  refuse("a.jsonl", "{\"user\":1,\"\xC3\xA9\":\"a\tb\"}\n",
         ":1: JSON: column 17: a control character must be escaped");
  refuse("a.jsonl", "{\"user\":1}\n",
         ":1: item: no key has a usual name; item_column can name one");
  refuse("a.jsonl", "{\"user\":1,\"item\":2,\"ts\":3}\n{\"user\":1}", ":2: item: missing");
  refuse("a.jsonl", "{\"user\":null,\"item\":2}\n", ":1: user: missing");
  refuse("a.jsonl", "{\"user\":1.0,\"item\":2}\n",
         ":1: user: a number with a fraction, must be text or an integer");
  refuse("a.jsonl", "{\"user\":true,\"item\":2}\n",
         ":1: user: a truth value, must be text or an integer");
  refuse("a.jsonl", "{\"user\":[1],\"item\":2}\n",
         ":1: user: an array, must be text or an integer");
  refuse("a.jsonl", "{\"user\":\"\",\"item\":2}\n", ":1: user: empty");
  refuse("a.jsonl", "{\"user\":1,\"item\":2,\"ts\":{}}\n",
         ":1: timestamp: an object, must be a number or text");
  refuse("a.jsonl", "{\"user\":1,\"item\":2,\"ts\":1}\n{\"user\":1,\"item\":2}\n",
         ":2: timestamp: missing");
  refuse("a.jsonl", "{\"user\":1,\"item\":2,\"user\":3}\n",
         ":1: JSON: column 20: a key that the object has already");
  refuse("a.jsonl",
         "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,"
         "\"\\u0062\":1}\n",
         ":1: JSON: column 56: a key that the object has already");
  refuse("a.jsonl", "{\"user\":\"\xFF\",\"item\":2}\n", ":1: JSON: column 10: not valid UTF-8");
  refuse("a.jsonl", "\n{\"user\":\"\\u0000\",\"item\":2}\n",
         ":2: JSON: column 10: a text must not hold NUL");
}
END_TEST

static void refuse_late(const char *text, const char *expected) {
  const test_path path = fixture_text("late.jsonl", text);
  s3rec_events *empty;
  ck_assert_int_eq(s3rec_events_create(context, &empty), S3REC_OK);
  fixture_expect(s3rec_events_read(empty, path.text, NULL, NULL), S3REC_ERROR_FORMAT, path.text,
                 expected);
  s3rec_events_destroy(empty);
}

/* The first row says whether there are times: by it alone these would be in another order. */
START_TEST(refuses_late_keys) {
  refuse_late("{\"user\":1,\"item\":2}\n{\"user\":1,\"item\":2,\"ts\":5}\n",
              ":2: timestamp: \"ts\" is here, but not in the first row; timestamp_column can "
              "name it");
  refuse_late("{\"user\":1,\"item\":2}\n{\"user\":1,\"item\":2,\"rating\":null}\n"
              "{\"user\":1,\"item\":2,\"rating\":4}\n",
              ":3: value: \"rating\" is here, but not in the first row; value_column can name it");
}
END_TEST

START_TEST(refuses_columns) {
  refuse(
      "a.csv", "who,item\nu,i\n",
      ":1: user: no column has a usual name; user_column can name one; the columns are: who, item");
  refuse("a.csv", "\nuser;item\nu;i\n",
         ":2: item: the first row has one column and no delimiter \",\"; the option "
         "delimiter can set another");
  refuse("a.tsv", "u,i\n",
         ":1: item: the first row has one column and no delimiter \"TAB\"; the option "
         "delimiter can set another");
  options.user_column = "who";
  refuse("a.csv", "user,item\nu,i\n", ":1: user: no columns \"who\"; the columns are: user, item");
  refuse("a.csv", "who,who,item\nu,v,i\n",
         ":1: user: several columns \"who\"; the columns are: who, who, item");
  refuse("a.csv", "u,i\n",
         ":1: user: no column \"who\": the file has no header, so columns are numbers, 1..2");
  options.user_column = "2";
  refuse("a.csv", "u,i\n", ": user and item are the same column");
  options.user_column = "item";
  refuse("a.jsonl", "{\"user\":1,\"item\":2}\n", ": user and item are the same column");
}
END_TEST

START_TEST(refuses_files) {
  const test_path missing = test_file("missing.csv");
  refuse_file(missing.text, S3REC_ERROR_IO, ": cannot open: No such file or directory");
  refuse_file("/tmp", S3REC_ERROR_IO, ": cannot read: Is a directory");
}
END_TEST

START_TEST(refuses_gzip) {
  enum { SIZE = 100000 };
  char *const text = malloc(SIZE);
  size_t used = 0, count;
  for (unsigned i = 0; used < SIZE - 30; i++)
    used += (size_t)sprintf(text + used, "%u,%u,%u\n", i * 7919 % 1000, i * 104729 % 5000, i);
  const test_path path = test_file("a.csv.gz");
  events_write_gzip(path.text, text, used, 1);
  char *const packed = test_read(path.text, &count);
  for (size_t cut = 2; cut < count; cut += cut < 40 ? 1 : 997) {
    test_write(path.text, packed, cut);
    refuse_file(path.text, S3REC_ERROR_IO, ": the gzip data end too early");
  }
  packed[count / 2] ^= 0x55; /* the check sum, if nothing else, sees it */
  test_write(path.text, packed, count);
  s3rec_table_options_init(&options);
  ck_assert_int_eq(s3rec_events_read(events, path.text, NULL, NULL), S3REC_ERROR_IO);
  ck_assert_ptr_nonnull(strstr(s3rec_last_error(), "a.csv.gz: the gzip data are damaged: "));
  packed[count / 2] ^= 0x55;
  packed[count - 5] ^= 1; /* in the check sum */
  test_write(path.text, packed, count);
  refuse_file(path.text, S3REC_ERROR_IO, ": the gzip data are damaged: incorrect data check");
  packed[count - 5] ^= 1;
  char *const more = malloc(count + 3);
  memcpy(more, packed, count);
  memcpy(more + count, "abc", 3); /* what follows is no member */
  test_write(path.text, more, count + 3);
  refuse_file(path.text, S3REC_ERROR_IO, ": the gzip data are damaged: incorrect header check");
  free(more);
  free(packed);
  free(text);
}
END_TEST

START_TEST(leaves_rows_out) {
  const test_path path = fixture_text(
      "a.csv", "user,item,ts,rating\nu,a,3,1\nu,b\nu,\"c\nc\",x,1\nu,d,2,1\n,e,1,1\nu,f,1,1\n");
  s3rec_table_report report;
  s3rec_table_report_init(&report);
  options.bad_row_limit = 2;
  refuse_file(path.text, S3REC_ERROR_FORMAT, ":7: user: empty (bad_row_limit is 2)");
  log_lines = (events_log){0};
  options.bad_row_limit = 3;
  ck_assert_int_eq(s3rec_events_read(events, path.text, &options, &report), S3REC_OK);
  ck_assert_uint_eq(report.row_count, 3);
  ck_assert_uint_eq(report.bad_row_count, 3);
  ck_assert_uint_eq(report.first_bad_line, 3);
  char expected[4096];
  snprintf(expected, sizeof expected,
           "%s:3: row: 2 fields, but the first row has 4; row left out\n"
           "%s:4: timestamp: \"x\" is neither a number nor an ISO 8601 date; row left out\n"
           "%s:7: user: empty; row left out\n"
           "%s: rows: 3, left out: 3; columns: user \"user\", item \"item\", timestamp \"ts\", "
           "value \"rating\"\n",
           path.text, path.text, path.text, path.text);
  ck_assert_str_eq(log_lines.text, expected);
  ck_assert_uint_eq(log_lines.warnings, 3);
  events_expect(events, NULL, "before: x; u: f d a");
}
END_TEST

START_TEST(refuses_mixtures) {
  const test_path none = fixture_text("a.csv", "user,item\nu,i\n");
  refuse_file(none.text, S3REC_ERROR_MISMATCH,
              ": these events have no timestamps, those added before have numbers as timestamps");
  const test_path dates = fixture_text("a.csv", "user,item,date\nu,i,2024-01-01\n");
  refuse_file(dates.text, S3REC_ERROR_MISMATCH,
              ": these events have dates as timestamps, those added before have numbers as "
              "timestamps");
  const int64_t number = 1, offsets[] = {0, 1};
  const s3rec_id_array integer = {.integers = &number};
  const s3rec_id_array text = {.text = "u", .offsets = offsets};
  fixture_expect(s3rec_events_append(events, 1, &integer, &text, &number, NULL),
                 S3REC_ERROR_MISMATCH, NULL, "users are integers, but those added before are text");
  fixture_expect(s3rec_events_append(events, 1, &text, &integer, &number, NULL),
                 S3REC_ERROR_MISMATCH, NULL, "items are integers, but those added before are text");
  fixture_expect(s3rec_events_append(events, 1, &text, &text, NULL, NULL), S3REC_ERROR_MISMATCH,
                 NULL,
                 "these events have no timestamps, those added before have numbers as timestamps");
  s3rec_events *integers;
  ck_assert_int_eq(s3rec_events_create(context, &integers), S3REC_OK);
  ck_assert_int_eq(s3rec_events_append(integers, 1, &integer, &text, &number, NULL), S3REC_OK);
  fixture_expect(s3rec_events_read(integers, dates.text, NULL, NULL), S3REC_ERROR_MISMATCH, NULL,
                 "user ids of a file are text, but those added before are integers");
  s3rec_events_destroy(integers);
}
END_TEST

START_TEST(refuses_options) {
  const test_path path = fixture_text("a.jsonl", "{}\n");
  s3rec_table_options wrong;
#define REFUSE(field, value, reason)                                                          \
  s3rec_table_options_init(&wrong);                                                           \
  wrong.field = value;                                                                        \
  ck_assert_int_eq(s3rec_events_read(events, path.text, &wrong, NULL), S3REC_ERROR_ARGUMENT); \
  ck_assert_ptr_nonnull(strstr(s3rec_last_error(), reason))
  REFUSE(format, 4, "format is 4, must be 0..3");
  REFUSE(header, -1, "header is -1, must be 0..2");
  REFUSE(delimiter, "", "delimiter has 0 bytes, must have 1..8");
  REFUSE(delimiter, "123456789", "delimiter has 9 bytes, must have 1..8");
  REFUSE(delimiter, "\"", "has a quotation mark or a line end in it");
  REFUSE(delimiter, ",", "delimiter is \",\", but JSONL has none");
  REFUSE(struct_size, 8, "s3rec_table_options.struct_size is 8, must be at least ");
#undef REFUSE
  ck_assert_int_eq(s3rec_events_read(NULL, path.text, NULL, NULL), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_events_read(events, NULL, NULL, NULL), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_events_create(NULL, &events), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_events_create(context, NULL), S3REC_ERROR_ARGUMENT);
  s3rec_events_destroy(NULL);
}
END_TEST

TEST_SUITE(events_dirty) {
  TCase *cases = tcase_create("events_dirty");
  tcase_add_checked_fixture(cases, set_up, tear_down);
  tcase_add_test(cases, refuses_rows);
  tcase_add_test(cases, refuses_quotes_without_end);
  tcase_add_test(cases, refuses_long);
  tcase_add_test(cases, refuses_many_fields);
  tcase_add_test(cases, refuses_json);
  tcase_add_test(cases, refuses_late_keys);
  tcase_add_test(cases, refuses_columns);
  tcase_add_test(cases, refuses_files);
  tcase_add_test(cases, refuses_gzip);
  tcase_add_test(cases, leaves_rows_out);
  tcase_add_test(cases, refuses_mixtures);
  tcase_add_test(cases, refuses_options);
  test_add_cases(suite, cases, NULL);
}
