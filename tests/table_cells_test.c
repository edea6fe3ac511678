/* SPDX-License-Identifier: Apache-2.0 */
/* Tables at the edges of what is read: names of columns, formats that are guessed, numbers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "events_fixture.h"
#include "support/suite.h"
#include "tables/timestamp.h"

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
  s3rec_events_destroy(events);
  ck_assert_int_eq(s3rec_events_create(context, &events), S3REC_OK);
  s3rec_table_options_init(&options);
}

static void expect_path(const char *path, const char *expected) {
  const s3rec_status status = s3rec_events_read(events, path, &options, NULL);
  ck_assert_msg(status == S3REC_OK, "%s", s3rec_last_error());
  events_expect(events, NULL, expected);
  start_again();
}

static void expect(const char *name, const char *text, const char *expected) {
  expect_path(fixture_text(name, text).text, expected);
}

/* Refused as a whole: nothing of it is in the table. */
static void refuse_bytes(const char *name, const char *bytes, size_t count, s3rec_status wanted,
                         const char *expected) {
  const test_path path = test_file(name);
  test_write(path.text, bytes, count);
  const s3rec_status status = s3rec_events_read(events, path.text, &options, NULL);
  fixture_expect(status, wanted, path.text, expected);
  ck_assert_uint_eq(events_count(events), 0);
  start_again();
}

static void refuse(const char *name, const char *text, const char *expected) {
  refuse_bytes(name, text, strlen(text), S3REC_ERROR_FORMAT, expected);
}

START_TEST(chooses_columns) {
  /* Of several usual names the first of the list counts, wherever it stands. */
  expect("a.csv", "uid,user,item\nwrong,u,i\n", "u: i");
  expect("a.csv", "user,uid,item\nu,wrong,i\n", "u: i");
  expect("a.jsonl", "{\"uid\":1,\"user\":2,\"userid\":3,\"item\":4}\n", "2: 4");
  options.user_column = "2"; /* no column has this name, so it is a number */
  expect("a.csv", "item,who\ni,u\n", "u: i");
  options.user_column = "2";
  expect("a.csv", "item,who,2\ni,wrong,u\n", "u: i");
  options.user_column = "3"; /* where the time would be: then there is none */
  expect("a.csv", "b,i,9\na,j,9\nc,i,9\na,k,9\n", "9: i j i k");
  options.timestamp_column = ""; /* none, though there is one */
  expect("a.csv", "user,item,ts\nu,i,2\nu,j,1\n", "u: i j");
  options.timestamp_column = "";
  expect("a.jsonl", "{\"user\":1,\"item\":2}\n{\"user\":1,\"item\":3,\"ts\":1}\n", "1: 2 3");
}
END_TEST

START_TEST(names_of_columns) {
  refuse("a.csv", "who,item,\xFF\nu,i,x\n",
         ":1: user: no column has a usual name; user_column can name one; the columns are: who, "
         "item, ?");
  refuse_bytes("a.csv", "user\0,item\nu,i\n", 15, S3REC_ERROR_FORMAT,
               ":1: user: no column has a usual name; user_column can name one; the columns are: "
               "?, item");
  refuse("a.csv", "\"user\"x,item\nu,i\n", ":1: header: text after a closing quotation mark");
  char text[1024] = "item", key[300];
  for (int i = 10; i < 100; i++) sprintf(text + strlen(text), ",column%d", i);
  ck_assert_int_eq(s3rec_events_read(events, fixture_text("a.csv", text).text, &options, NULL),
                   S3REC_ERROR_FORMAT);
  ck_assert_ptr_nonnull(strstr(s3rec_last_error(), "the columns are: item, column10, column11"));
  ck_assert_ptr_null(strstr(s3rec_last_error(), "column99")); /* as many as there is room for */
  memset(key, '_', sizeof key); /* would be a usual name, but is too long for one */
  memcpy(key, "user", 4);
  key[299] = '\0';
  snprintf(text, sizeof text, "{\"%s\":7,\"item\":1}\n", key);
  refuse("a.jsonl", text, ":1: user: no key has a usual name; user_column can name one");
}
END_TEST

/* A long name of a column is cut in the log, between two characters. */
START_TEST(logs_long_names) {
  char name[128], text[512];
  memset(name, 'x', sizeof name);
  strcpy(name + 59, "\xC3\xA9zzz");
  options.user_column = name;
  snprintf(text, sizeof text, "%s,item\nu,i\n", name);
  expect("a.csv", text, "u: i");
  name[59] = '\0';
  snprintf(text, sizeof text, "columns: user \"%s\", item \"item\"", name);
  ck_assert_msg(strstr(log_lines.text, text) != NULL, "%s", log_lines.text);
}
END_TEST

START_TEST(guesses_formats) {
  expect("a.txt", "u::i::1\nu::j::0\n", "u: j i");
  expect("a.txt", " \t{\"user\":1,\"item\":2}\n", "1: 2");
  expect("a.txt", "\x1F,i\n", "\x1F: i"); /* the first byte of gzip's two */
  refuse("a.txt", "   \n", ":1: item: the first row has one column and no delimiter \",\"; the "
                           "option delimiter can set another");
  refuse("a.txt", "u", ":1: item: the first row has one column and no delimiter \",\"; the "
                       "option delimiter can set another");
  options.delimiter = ";";
  expect("a.txt", "u::x;i\n", "u::x: i");
  options.delimiter = ";";
  refuse_bytes("a.txt", "{}", 2, S3REC_ERROR_ARGUMENT, ": delimiter is \";\", but JSONL has none");
  options.header = S3REC_HEADER_YES;
  expect("a.dat", "UserID::MovieID\nu::i\n", "u: i");
  options.delimiter = ";;";
  refuse("a.csv", "\"u\";;\"i\";\n", ":1: row: text after a closing quotation mark");
  options.delimiter = ";;";
  refuse("a.csv", "\"u\";x;;\"i\"\n", ":1: row: text after a closing quotation mark");
  static const char one_letter[] = "u,i\n"; /* a name without an extension, and no folder */
  char before[4096];
  const test_path folder = test_file("");
  ck_assert_ptr_nonnull(getcwd(before, sizeof before));
  ck_assert_int_eq(chdir(folder.text), 0);
  test_write("a", one_letter, sizeof one_letter - 1);
  expect_path("a", "u: i");
  ck_assert_int_eq(unlink("a"), 0);
  ck_assert_int_eq(chdir(before), 0);
}
END_TEST

/* The row that the format is guessed from has the limit of every row. */
START_TEST(limits_the_first_row) {
  s3rec_limits limits;
  s3rec_limits_init(&limits);
  limits.row_bytes = 5;
  test_hooks own;
  s3rec_context *const strict = test_hooks_limited(&own, &limits);
  s3rec_events *none;
  ck_assert_int_eq(s3rec_events_create(strict, &none), S3REC_OK);
  const test_path path = fixture_text("a.txt", "u,i,234\n");
  fixture_expect(s3rec_events_read(none, path.text, NULL, NULL), S3REC_ERROR_LIMIT, path.text,
                 ":1: the row has more than 5 bytes, the limit (s3rec_limits.row_bytes)");
  s3rec_events_destroy(none);
  s3rec_context_destroy(strict);
  test_hooks_assert_empty(&own);
}
END_TEST

/* The value of the only event is at least `least` and not above it. */
static void expect_value(const char *name, const char *text, double least) {
  s3rec_events_options wanted;
  s3rec_events_report report;
  s3rec_dataset *dataset = NULL;
  s3rec_events_options_init(&wanted);
  s3rec_events_report_init(&report);
  const test_path path = fixture_text(name, text);
  ck_assert_msg(s3rec_events_read(events, path.text, NULL, NULL) == S3REC_OK, "%s",
                s3rec_last_error());
  wanted.min_value = least;
  ck_assert_msg(s3rec_events_dataset(events, &wanted, &dataset, &report) == S3REC_OK,
                "%s: below %.17g", text, least);
  s3rec_dataset_destroy(dataset);
  wanted.min_value = nextafter(least, INFINITY);
  ck_assert_msg(s3rec_events_dataset(events, &wanted, &dataset, &report) != S3REC_OK,
                "%s: above %.17g", text, least);
  start_again();
}

START_TEST(reads_values) {
  static const struct {
    const char *text;
    double value;
  } cases[] = {
      {"4", 4},         {"-1.5", -1.5},   {"-.25", -0.25},  {"3.", 3},
      {"+2.5", 2.5},    {"1e2", 100},     {"-25E-1", -2.5}, {"0.1", 0.1},
      {"123456789012345", 123456789012345}, {"1234567890123456", 1234567890123456},
      {"0.0000000000000001", 1e-16},        {"1.7976931348623157e+308", 1.7976931348623157e308},
  };
  char text[128];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    snprintf(text, sizeof text, "user,item,rating\nu,i, %s\t\n", cases[i].text);
    expect_value("a.csv", text, cases[i].value);
    snprintf(text, sizeof text, "{\"user\":1,\"item\":2,\"rating\":\"%s\"}\n", cases[i].text);
    expect_value("a.jsonl", text, cases[i].value);
  }
  expect_value("a.jsonl", "{\"user\":1,\"item\":2,\"rating\":-2.5}\n", -2.5);
  static const char *const wrong[] = {"-", ".", "-.", "1.2.3", "1,5", "4:", "4/", "--1", "1e999"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    char expected[128];
    snprintf(text, sizeof text, "user\titem\trating\nu\ti\t%s\n", wrong[i]);
    snprintf(expected, sizeof expected, ":2: value: \"%s\" is not a finite number", wrong[i]);
    refuse("a.tsv", text, expected);
  }
}
END_TEST

START_TEST(refuses_long_numbers) {
  char number[300], text[400], expected[200];
  memset(number, '1', sizeof number);
  number[256] = '\0';
  snprintf(text, sizeof text, "user,item,ts\nu,i,%s\n", number);
  refuse("a.csv", text, ":2: timestamp: longer than 255 bytes");
  snprintf(text, sizeof text, "user,item,rating\nu,i,%s\n", number);
  refuse("a.csv", text, ":2: value: longer than 255 bytes");
  number[255] = '\0';
  snprintf(text, sizeof text, "user,item,ts\nu,i,%s\n", number);
  snprintf(expected, sizeof expected,
           ":2: timestamp: \"%.40s...\" is out of range, must be -2^63..2^63-1", number);
  refuse("a.csv", text, expected);
  number[40] = 'x';
  snprintf(text, sizeof text, "user,item,rating\nu,i,%s\n", number);
  snprintf(expected, sizeof expected, ":2: value: \"%.40s...\" is not a finite number", number);
  refuse("a.csv", text, expected);
}
END_TEST

/* Digits that no billionth needs are passed over. */
START_TEST(timestamps_of_many_digits) {
  s3_timestamp timestamp;
  const char *const text = "12.3456789009999999999999999999999999999999999999999";
  ck_assert_ptr_null(s3_timestamp_parse(text, &timestamp));
  ck_assert_int_eq(timestamp.whole, 12);
  ck_assert_int_eq(timestamp.billionths, 345678900);
  expect("a.csv", "user,item,ts\nu,e,1.125\nu,a,1.75\nu,b,1.25\nu,c,1.5\nu,d,1.25\n",
         "u: e b d c a");
  refuse("a.csv", "user,item,date\nu,i,2024-01-01\nu,j,5\n",
         ":3: timestamp: a number, but the rows before have dates");
}
END_TEST

TEST_SUITE(table_cells) {
  TCase *cases = tcase_create("table_cells");
  tcase_add_checked_fixture(cases, set_up, tear_down);
  tcase_add_test(cases, chooses_columns);
  tcase_add_test(cases, names_of_columns);
  tcase_add_test(cases, logs_long_names);
  tcase_add_test(cases, guesses_formats);
  tcase_add_test(cases, limits_the_first_row);
  tcase_add_test(cases, reads_values);
  tcase_add_test(cases, refuses_long_numbers);
  tcase_add_test(cases, timestamps_of_many_digits);
  test_add_cases(suite, cases, NULL);
}
