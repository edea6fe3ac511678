/* SPDX-License-Identifier: Apache-2.0 */
/* Event files of every kind, good ones. */
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
}

static void tear_down(void) {
  s3rec_events_destroy(events);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

static void start_again(void) {
  tear_down();
  set_up();
}

static size_t read_file(const char *path) {
  s3rec_table_report report;
  s3rec_table_report_init(&report);
  const s3rec_status status = s3rec_events_read(events, path, &options, &report);
  ck_assert_msg(status == S3REC_OK, "%s", s3rec_last_error());
  ck_assert_uint_eq(report.bad_row_count, 0);
  ck_assert_uint_eq(report.first_bad_line, 0);
  return report.row_count;
}

static size_t read_text(const char *name, const char *text) {
  return read_file(fixture_text(name, text).text);
}

static void expect_file(const char *name, const char *text, const char *expected) {
  read_text(name, text);
  events_expect(events, NULL, expected);
  start_again();
}

START_TEST(reads_movielens) {
  expect_file("ratings.csv",
              "userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n1,1029,3.0,1260759143\n"
              "2,31,4.0,835355493\n",
              "1: 1029 31; 2: 31");
  expect_file("u.data", "196\t242\t3\t881250949\n186\t302\t3\t891717742\n196\t302\t1\t881250000\n",
              "196: 302 242; 186: 302");
  expect_file("ratings.dat", "1::1193::5::978300760\n1::661::3::978302109\n2::661::1::1\n",
              "1: 1193 661; 2: 661");
  options.delimiter = "\t"; /* as HetRec's files, with a header */
  expect_file("user_ratedmovies.dat", "userID\tmovieID\ttimestamp\n75\t3\t1162160236000\n",
              "75: 3");
  options.delimiter = NULL;
  read_text("ratings.dat", "1::1193::5::978300760\n");
  ck_assert_ptr_nonnull(strstr(log_lines.text, "user 1, item 2, timestamp 4, value 3"));
}
END_TEST

START_TEST(reads_amazon) {
  expect_file(
      "reviews.json",
      "{\"reviewerID\": \"A2\", \"asin\": \"B01\", \"overall\": 5.0, \"unixReviewTime\": "
      "1000, \"reviewTime\": \"01 2, 2003\"}\n"
      "{\"reviewerID\": \"A2\", \"asin\": \"B00\", \"overall\": 5, \"unixReviewTime\": 999}\n",
      "A2: B00 B01");
  expect_file(
      "reviews.jsonl",
      "{\"user_id\": 7, \"parent_asin\": \"P\", \"asin\": \"B\", \"timestamp\": 1.5e3}\r\n\r\n"
      "{\"timestamp\": \"1499\", \"user_id\": \"7\", \"asin\": 12, \"x\": [{}]}",
      "7: 12 B");
}
END_TEST

START_TEST(reads_quotes) {
  expect_file("q.csv",
              "\xEF\xBB\xBF\"user\",\"item\"\r\n\"a,b\",\"say \"\"x\"\"\"\r\n"
              "\"two\r\nlines\",5\" disk\r\n\"\"\"\"\"\",\"a,b\"",
              "a,b: say \"x\"; two\r\nlines: 5\" disk; \"\": a,b");
  options.delimiter = ";;";
  expect_file("q.txt", "\"a;;b\";;c;d\n", "a;;b: c;d");
  options.delimiter = "\t";
  options.format = S3REC_TABLE_CSV;
  expect_file("q.tsv", "\"a\tb\"\tc\n", "a\tb: c");
  expect_file("q.tsv", "\"a\t\"c\"\"\n", "\"a: \"c\"\"");
}
END_TEST

START_TEST(finds_columns) {
  options.user_column = "who";
  expect_file("c.csv", "what,Item ID,who\nx,i,u\n", "u: i");
}
END_TEST

START_TEST(reads_gzip) {
  const char text[] = "user,item,ts\nu,a,3\nu,b,2\nv,a,1\n";
  const test_path path = test_file("g.csv.GZ");
  for (size_t parts = 1; parts <= 3; parts++) {
    events_write_gzip(path.text, text, strlen(text), parts);
    ck_assert_uint_eq(read_file(path.text), 3);
    events_expect(events, NULL, "u: b a; v: a");
    start_again();
  }
  static const char zeros[100000]; /* fill a block of an archive, as gzip has it */
  FILE *const file = fopen(path.text, "ab");
  ck_assert_ptr_nonnull(file);
  ck_assert_uint_eq(fwrite(zeros, 1, sizeof zeros, file), sizeof zeros);
  ck_assert_int_eq(fclose(file), 0);
  ck_assert_uint_eq(read_file(path.text), 3);
  events_expect(events, NULL, "u: b a; v: a");
  start_again();
  const test_path plain_name = test_file("g.tsv"); /* compressed whatever its name */
  events_write_gzip(plain_name.text, "u\ta\n", 4, 1);
  ck_assert_uint_eq(read_file(plain_name.text), 1);
}
END_TEST

START_TEST(reads_little) {
  ck_assert_uint_eq(read_text("e.csv", ""), 0);
  ck_assert_uint_eq(read_text("e.csv", "user,item\n"), 0);
  ck_assert_uint_eq(read_text("e.jsonl", "\n\n"), 0);
  ck_assert_uint_eq(read_text("e.txt", "\xEF\xBB\xBF"), 0);
  ck_assert_uint_eq(log_lines.warnings, 4);
  ck_assert_uint_eq(read_text("e.csv", "u,i"), 1);
  events_expect(events, NULL, "u: i");
}
END_TEST

TEST_SUITE(events_read) {
  TCase *cases = tcase_create("events_read");
  tcase_add_checked_fixture(cases, set_up, tear_down);
  tcase_add_test(cases, reads_movielens);
  tcase_add_test(cases, reads_amazon);
  tcase_add_test(cases, reads_quotes);
  tcase_add_test(cases, finds_columns);
  tcase_add_test(cases, reads_gzip);
  tcase_add_test(cases, reads_little);
  test_add_cases(suite, cases, NULL);
}
