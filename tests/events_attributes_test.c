/* SPDX-License-Identifier: Apache-2.0 */
/* Attribute tables of every kind. */
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
  events_append_text(events, "u 1 1 u 2 2 u 3 3");
}

static void tear_down(void) {
  s3rec_events_destroy(events);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

static void expect(const char *name, const char *text, size_t rows, const char *expected) {
  const test_path path = fixture_text(name, text);
  s3rec_table_report report;
  s3rec_table_report_init(&report);
  const s3rec_status status = s3rec_events_read_attributes(events, path.text, &options, &report);
  ck_assert_msg(status == S3REC_OK, "%s", s3rec_last_error());
  ck_assert_uint_eq(report.row_count, rows);
  events_expect(events, NULL, expected);
  s3rec_events_destroy(events);
  ck_assert_int_eq(s3rec_events_create(context, &events), S3REC_OK);
  events_append_text(events, "u 1 1 u 2 2 u 3 3");
}

static void refuse(const char *name, const char *text, s3rec_status expected_status,
                   const char *expected) {
  const test_path path = fixture_text(name, text);
  const uint64_t before = events_fingerprint(events, NULL);
  const s3rec_status status = s3rec_events_read_attributes(events, path.text, &options, NULL);
  fixture_expect(status, expected_status, path.text, expected);
  ck_assert_uint_eq(events_fingerprint(events, NULL), before);
}

START_TEST(reads_movielens) {
  const char *const movies =
      "movieId,title,genres\n1,\"American President, The (1995)\",Comedy|Drama\n"
      "3,\"Say \"\"Hi\"\"\",Drama||\n9,Elsewhere,War\n2,X,(no genres listed)\n";
  options.attribute_columns = "genres";
  expect("movies.csv", movies, 4,
         "u: 1 2 3 | 1: genres=Comedy, genres=Drama | 2: genres=(no genres listed) | 3: "
         "genres=Drama");
  options.attribute_columns = " genres , title\t";
  options.attribute_separator = "";
  expect("movies.csv", movies, 4,
         "u: 1 2 3 | 1: genres=Comedy|Drama, title=American President, The (1995) | 2: "
         "genres=(no genres listed), title=X | 3: genres=Drama||, title=Say \"Hi\"");
  options.attribute_columns = "3"; /* titles that are not UTF-8 do no harm there */
  options.attribute_separator = "|";
  expect("movies.dat", "2::Mis\xE9rables::Drama|War\n", 1, "u: 1 2 3 | 2: 3=Drama, 3=War");
}
END_TEST

START_TEST(reads_all_columns) {
  expect("a.csv", "brand,item,price band\nB,1,low\n,2,\nC,3,high\nB,3,\n", 4,
         "u: 1 2 3 | 1: brand=B, price band=low | 3: brand=B, brand=C, price band=high");
  expect("a.tsv", "1\tx\t\"y\"\n", 1, "u: 1 2 3 | 1: 2=x, 3=\"y\"");
  expect("a.csv", "item\n1\n", 1, "u: 1 2 3");
  expect("a.csv", "", 0, "u: 1 2 3");
}
END_TEST

START_TEST(reads_json) {
  expect("a.jsonl",
         "{\"asin\":\"1\",\"new\":true,\"price\":9.5,\"year\":1999,\"tags\":[\"a|b\",7,null,false],"
         "\"none\":null,\"empty\":\"\"}\n{\"asin\":2,\"year\":\"x|y\"}\n",
         2,
         "u: 1 2 3 | 1: new=true, price=9.5, year=1999, tags=a|b, tags=7, tags=false | 2: "
         "year=x, year=y");
  options.item_column = "id";
  options.attribute_columns = "year,tags";
  expect("a.jsonl", "{\"id\":1,\"year\":1,\"rest\":{}}\n{\"id\":3,\"tags\":[]}\n", 2,
         "u: 1 2 3 | 1: year=1");
}
END_TEST

START_TEST(refuses) {
  refuse("a.csv", "item,a\n1,x\n,y\n", S3REC_ERROR_FORMAT, ":3: item: empty");
  refuse("a.csv", "item,a\n1,x\n2\n", S3REC_ERROR_FORMAT,
         ":3: row: 1 fields, but the first row has 2");
  refuse("a.csv", "item,a\n1,x\n2,ok|\xFF\n", S3REC_ERROR_FORMAT, ":3: a: not UTF-8");
  refuse("a.csv", "item,\xFF\n1,x\n", S3REC_ERROR_FORMAT,
         ":1: header: name of column 2: not UTF-8; attribute_columns can leave it out");
  refuse("a.csv", "\n\nitem,\n1,x\n", S3REC_ERROR_FORMAT,
         ":3: header: name of column 2: empty; attribute_columns can leave it out");
  refuse("a.csv", "item;genre\n1;x\n", S3REC_ERROR_FORMAT,
         ":1: attributes: the first row has one column and no delimiter \",\"; the option "
         "delimiter can set another");
  refuse("a.csv", "a,b,user\n1,x,y\n", S3REC_ERROR_FORMAT,
         ":1: item: no column has a usual name; item_column can name one; the columns are: a, b, "
         "user");
  refuse("a.jsonl", "{\"item\":1,\"a\":{}}\n", S3REC_ERROR_FORMAT,
         ":1: a: an object cannot be an attribute; attribute_columns can name other columns");
  refuse("a.jsonl", "{\"item\":1,\"a\":[[]]}\n", S3REC_ERROR_FORMAT,
         ":1: a: an array in an array, must be text, a number or a truth value");
  refuse("a.jsonl", "{\"item\":1.5}\n", S3REC_ERROR_FORMAT,
         ":1: item: a number with a fraction, must be text or an integer");
  options.attribute_columns = "a,item";
  refuse("a.csv", "item,a\n1,x\n", S3REC_ERROR_FORMAT,
         ": item and the attribute \"item\" are the same column");
  options.attribute_columns = "a,c";
  refuse("a.csv", "item,a\n1,x\n", S3REC_ERROR_FORMAT,
         ":1: attribute_columns: no columns \"c\"; the columns are: item, a");
  char *const text = malloc(5000);
  memset(text, 'x', 4999);
  memcpy(text, "item,a\n1,", 9);
  text[9 + 4095] = '\0';
  options.attribute_columns = NULL;
  refuse("a.csv", text, S3REC_ERROR_FORMAT,
         ":2: a: longer than 4096 bytes together with the column's name");
  text[9 + 4094] = '\0';
  const test_path path = fixture_text("a.csv", text);
  ck_assert_int_eq(s3rec_events_read_attributes(events, path.text, NULL, NULL), S3REC_OK);
  memset(text, 'x', 4999);
  memcpy(text, "item,", 5);
  memcpy(text + 5 + 256, "\n1,2", 5);
  refuse("b.csv", text, S3REC_ERROR_FORMAT,
         ":1: header: name of column 2: longer than 255 bytes; attribute_columns can leave it out");
  memmove(text + 5, text + 6, 260);
  ck_assert_int_eq(s3rec_events_read_attributes(events, fixture_text("b.csv", text).text, NULL,
                                                NULL),
                   S3REC_OK);
  free(text);
  options.attribute_columns = "a,,b";
  ck_assert_int_eq(s3rec_events_read_attributes(events, path.text, &options, NULL),
                   S3REC_ERROR_ARGUMENT);
  ck_assert_str_eq(s3rec_last_error(), "attribute_columns is \"a,,b\": one of its names is empty");
  options.attribute_separator = "123456789";
  ck_assert_int_eq(s3rec_events_read_attributes(events, path.text, &options, NULL),
                   S3REC_ERROR_ARGUMENT);
  ck_assert_str_eq(s3rec_last_error(), "attribute_separator has 9 bytes, must have 0..8");
}
END_TEST

START_TEST(leaves_rows_out) {
  const test_path path = fixture_text("a.csv", "item,a\n1,x|\xFF\n2,ok\n,y\n3,\"q\"r\n1,z\n");
  s3rec_table_report report;
  s3rec_table_report_init(&report);
  options.bad_row_limit = 3;
  ck_assert_int_eq(s3rec_events_read_attributes(events, path.text, &options, &report), S3REC_OK);
  ck_assert_uint_eq(report.row_count, 2);
  ck_assert_uint_eq(report.bad_row_count, 3);
  ck_assert_uint_eq(report.first_bad_line, 2);
  events_expect(events, NULL, "u: 1 2 3 | 1: a=z | 2: a=ok"); /* nothing of a bad row */
}
END_TEST

START_TEST(refuses_mixtures) {
  const int64_t number = 1, offsets[] = {0, 1};
  const s3rec_id_array integer = {.integers = &number};
  const s3rec_id_array text = {.text = "1", .offsets = offsets};
  ck_assert_int_eq(s3rec_events_append_attributes(events, 1, &integer, &text),
                   S3REC_ERROR_MISMATCH);
  ck_assert_int_eq(s3rec_events_append_attributes(events, 1, &text, &integer), S3REC_OK);
  fixture_expect(s3rec_events_append_attributes(events, 1, &text, &text), S3REC_ERROR_MISMATCH,
                 NULL, "attributes are text, but those added before are integers");
  const test_path path = fixture_text("a.csv", "item,a\n1,x\n");
  fixture_expect(s3rec_events_read_attributes(events, path.text, NULL, NULL), S3REC_ERROR_MISMATCH,
                 NULL, "attributes of a file are text, but those added before are integers");
  events_expect(events, NULL, "u: 1 2 3 | 1: 1");
}
END_TEST

TEST_SUITE(events_attributes) {
  TCase *cases = tcase_create("events_attributes");
  tcase_add_checked_fixture(cases, set_up, tear_down);
  tcase_add_test(cases, reads_movielens);
  tcase_add_test(cases, reads_all_columns);
  tcase_add_test(cases, reads_json);
  tcase_add_test(cases, refuses);
  tcase_add_test(cases, leaves_rows_out);
  tcase_add_test(cases, refuses_mixtures);
  test_add_cases(suite, cases, NULL);
}
