/* SPDX-License-Identifier: Apache-2.0 */
/* The same events give the same data set, however they come. A call that fails changes nothing and
 * keeps no memory. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events_fixture.h"
#include "support/locale.h"
#include "support/suite.h"

enum { COUNT = 20000, LINE = 100 };

static test_hooks hooks;
static events_log log_lines;
static s3rec_context *context;

static void set_up(void) { context = events_context(&hooks, &log_lines); }

static void tear_down(void) {
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

/* Event i: many have the same moment. */
static int user_of(int i) { return (int)((unsigned)i * 2654435761u >> 8) % 900; }
static int item_of(int i) { return (int)((unsigned)i * 40503u >> 3) % 1200; }
static int time_of(int i) { return (i * 31) % 57 - 20; }

typedef void write_row(char *text, int i);
static void write_csv(char *text, int i) {
  sprintf(text, "\"%d\",%d,%d.25,4.5\r\n", item_of(i), user_of(i), time_of(i));
}
static void write_tsv(char *text, int i) {
  sprintf(text, "%d\t%d\t4.5\t%d\n", user_of(i), item_of(i), time_of(i));
}
static void write_dat(char *text, int i) {
  sprintf(text, "%d::%d::4.5::%d.000000001\n", user_of(i), item_of(i), time_of(i));
}
static void write_json(char *text, int i) {
  sprintf(text, "{\"ts\": %d.5e0, \"item\": \"%d\", \"rating\": 4.5, \"user\": %d}\n", time_of(i),
          item_of(i), user_of(i));
}
static void write_dates(char *text, int i) {
  sprintf(text, "%d,%d,2024-01-01T00:%02d:00Z,4.5\n", user_of(i), item_of(i), time_of(i) + 20);
}

static uint64_t fingerprint_of(s3rec_events *events) {
  s3rec_events_options options;
  s3rec_events_options_init(&options);
  options.min_value = 4.5;
  options.min_user_events = 3;
  options.min_item_events = 5;
  options.max_length = 30;
  const uint64_t fingerprint = events_fingerprint(events, &options);
  s3rec_events_destroy(events);
  return fingerprint;
}

static uint64_t fingerprint_of_file(const char *name, const char *header, write_row *write,
                                    size_t gzip_parts) {
  char *const text = malloc((size_t)COUNT * LINE);
  size_t used = (size_t)sprintf(text, "%s", header);
  for (int i = 0; i < COUNT; i++) {
    write(text + used, i);
    used += strlen(text + used);
  }
  const test_path path = test_file(name);
  if (gzip_parts > 0)
    events_write_gzip(path.text, text, used, gzip_parts);
  else
    test_write(path.text, text, used);
  free(text);
  s3rec_events *events;
  s3rec_table_report report;
  s3rec_table_report_init(&report);
  ck_assert_int_eq(s3rec_events_create(context, &events), S3REC_OK);
  const s3rec_status status = s3rec_events_read(events, path.text, NULL, &report);
  ck_assert_msg(status == S3REC_OK, "%s", s3rec_last_error());
  ck_assert_uint_eq(report.row_count, COUNT);
  return fingerprint_of(events);
}

/* From integers, or from their text, in `calls` calls. */
static uint64_t fingerprint_of_arrays(bool as_text, int calls) {
  static int64_t users[COUNT], items[COUNT], times[COUNT], offsets[2][COUNT + 1];
  static double values[COUNT];
  static char text[2][COUNT * 5];
  for (int i = 0; i < COUNT; i++) {
    users[i] = user_of(i);
    items[i] = item_of(i);
    times[i] = time_of(i);
    values[i] = 4.5;
    offsets[0][i + 1] = offsets[0][i] + sprintf(text[0] + offsets[0][i], "%d", user_of(i));
    offsets[1][i + 1] = offsets[1][i] + sprintf(text[1] + offsets[1][i], "%d", item_of(i));
  }
  s3rec_events *events;
  ck_assert_int_eq(s3rec_events_create(context, &events), S3REC_OK);
  for (int call = 0; call < calls; call++) {
    const size_t begin = (size_t)COUNT * (size_t)call / (size_t)calls;
    const size_t end = (size_t)COUNT * ((size_t)call + 1) / (size_t)calls;
    s3rec_id_array u = {.integers = users + begin}, v = {.integers = items + begin};
    if (as_text) {
      u = (s3rec_id_array){.text = text[0], .offsets = offsets[0] + begin};
      v = (s3rec_id_array){.text = text[1], .offsets = offsets[1] + begin};
    }
    ck_assert_int_eq(
        s3rec_events_append(events, end - begin, &u, &v, times + begin, values + begin), S3REC_OK);
  }
  return fingerprint_of(events);
}

START_TEST(same_from_everywhere) {
  const uint64_t expected = fingerprint_of_file("a.tsv", "", write_tsv, 0);
  const char *const header = "ItemID,user_id,Timestamp,Rating\n";
  ck_assert_uint_eq(fingerprint_of_file("a.tsv", "", write_tsv, 1), expected);
  ck_assert_uint_eq(fingerprint_of_file("a.csv", header, write_csv, 0), expected);
  ck_assert_uint_eq(fingerprint_of_file("a.csv.gz", header, write_csv, 7), expected);
  ck_assert_uint_eq(fingerprint_of_file("a.dat", "", write_dat, 0), expected);
  ck_assert_uint_eq(fingerprint_of_file("a.jsonl", "", write_json, 0), expected);
  ck_assert_uint_eq(fingerprint_of_file("a", "", write_json, 2), expected);
  ck_assert_uint_eq(fingerprint_of_file("b.csv", "user,item,time,stars\n", write_dates, 0),
                    expected);
  ck_assert_uint_eq(fingerprint_of_arrays(false, 1), expected);
  ck_assert_uint_eq(fingerprint_of_arrays(true, 3), expected);
}
END_TEST

START_TEST(same_in_any_locale) {
  const uint64_t expected = fingerprint_of_file("a.tsv", "", write_tsv, 0);
  if (!test_comma_locale()) {
    test_skip("no locale with a decimal comma");
    return;
  }
  ck_assert_uint_eq(fingerprint_of_file("a.tsv", "", write_tsv, 0), expected);
  ck_assert_uint_eq(fingerprint_of_file("a.jsonl", "", write_json, 0), expected);
  setlocale(LC_NUMERIC, "C");
}
END_TEST

/* A table with something in it, and then a file or an array more; a failed call must not be
 * seen in it. */
static s3rec_status work(void *argument) {
  const test_path *const paths = argument;
  s3rec_events *events = NULL;
  s3rec_dataset *dataset = NULL;
  s3rec_events_options options;
  s3rec_events_options_init(&options);
  options.repeats = S3REC_REPEATS_DROP;
  options.min_user_events = options.min_item_events = 2;
  s3rec_status status = s3rec_events_create(context, &events);
  for (int i = 0; i < 3 && status == S3REC_OK; i++) {
    const size_t before = events_count(events);
    status = s3rec_events_read(events, paths[i].text, NULL, NULL);
    if (status != S3REC_OK) ck_assert_uint_eq(events_count(events), before);
  }
  if (status == S3REC_OK) status = s3rec_events_read_attributes(events, paths[3].text, NULL, NULL);
  if (status == S3REC_OK) status = s3rec_events_dataset(events, &options, &dataset, NULL);
  s3rec_dataset_destroy(dataset);
  s3rec_events_destroy(events);
  return status;
}

START_TEST(bears_failing_memory) {
  const char *const texts[4] = {"user,item,ts,value\nu,a,1.5,1\nv,b,2,3\nu,b,3,1\nv,a,1,\"4\"\n",
                                "{\"user\":\"u\",\"item\":\"a\",\"ts\":4,\"value\":0.5}\n",
                                "u,a,7\nlast,b,8\n", "item,genre\na,X|Y\nb,Y\n"};
  test_path paths[4];
  const char *const names[4] = {"a.csv.gz", "a.jsonl", "b.csv", "c.csv"};
  for (int i = 0; i < 4; i++) {
    paths[i] = fixture_text(names[i], texts[i]);
    if (i == 0) events_write_gzip(paths[i].text, texts[i], strlen(texts[i]), 1);
  }
  ck_assert_uint_gt(test_every_allocation_fails(&hooks, work, paths), 60);
}
END_TEST

/* Names that a failed call brought are forgotten: they would number the next ones. */
START_TEST(forgets_names) {
  s3rec_events *events, *other;
  ck_assert_int_eq(s3rec_events_create(context, &events), S3REC_OK);
  ck_assert_int_eq(s3rec_events_create(context, &other), S3REC_OK);
  const test_path bad = fixture_text("a.csv", "user,item,ts\nz,y,1\nx,w,2\nz,,3\n");
  events_append_text(events, "a b 1");
  ck_assert_int_eq(s3rec_events_read(events, bad.text, NULL, NULL), S3REC_ERROR_FORMAT);
  const int64_t when[] = {1, 2}, offsets[] = {0, 1, 1};
  const s3rec_id_array ids = {.text = "q", .offsets = offsets};
  fixture_expect(s3rec_events_append(events, 2, &ids, &ids, when, NULL), S3REC_ERROR_FORMAT, NULL,
                 "users, index 1: empty");
  events_append_text(events, "x y 2 z w 1");
  events_append_text(other, "a b 1 x y 2 z w 1");
  ck_assert_uint_eq(events_fingerprint(events, NULL), events_fingerprint(other, NULL));
  events_expect(events, NULL, "a: b; x: y; z: w");
  s3rec_events_destroy(events);
  s3rec_events_destroy(other);
}
END_TEST

START_TEST(refuses_arrays) {
  s3rec_events *events;
  ck_assert_int_eq(s3rec_events_create(context, &events), S3REC_OK);
  const int64_t numbers[] = {1, 2}, falling[] = {0, 2, 1}, negative[] = {-1, 0, 1};
  const int64_t offsets[] = {0, 1, 3};
  const double nan[] = {1, strtod("nan", NULL)};
  const s3rec_id_array good = {.integers = numbers};
#define REFUSE(status, reason, ...)                                                         \
  do {                                                                                      \
    const s3rec_id_array wrong = {__VA_ARGS__};                                             \
    fixture_expect(s3rec_events_append(events, 2, &wrong, &good, NULL, NULL), status, NULL, \
                   reason);                                                                 \
  } while (0)
  REFUSE(S3REC_ERROR_ARGUMENT, "users: integers and offsets are both NULL, set one of them",
         .text = "x");
  REFUSE(S3REC_ERROR_ARGUMENT, "users: integers and offsets are both set, set one of them",
         .integers = numbers, .offsets = offsets);
  REFUSE(S3REC_ERROR_ARGUMENT, "users: text is NULL, but offsets give it a length",
         .offsets = offsets);
  REFUSE(S3REC_ERROR_FORMAT, "users: offsets fall from 2 to 1 at index 1", .text = "abc",
         .offsets = falling);
  REFUSE(S3REC_ERROR_FORMAT, "users: offsets[0] is -1, must not be negative", .text = "abc",
         .offsets = negative);
  REFUSE(S3REC_ERROR_FORMAT, "users, index 1: not UTF-8", .text = "ab\xFF", .offsets = offsets);
  REFUSE(S3REC_ERROR_FORMAT, "users, index 1: has a NUL byte in it", .text = "ab\0",
         .offsets = offsets);
#undef REFUSE
  fixture_expect(s3rec_events_append(events, 2, &good, &good, NULL, nan), S3REC_ERROR_FORMAT, NULL,
                 "values, index 1: NaN is not a value");
  ck_assert_int_eq(s3rec_events_append(events, 1, NULL, &good, NULL, NULL), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_events_append(events, 1, &good, NULL, NULL, NULL), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_events_append_attributes(events, 1, &good, NULL), S3REC_ERROR_ARGUMENT);
  ck_assert_uint_eq(events_count(events), 0);
  const int64_t slice[] = {1, 2, 3}; /* offsets of a part of a longer array */
  const s3rec_id_array part = {.text = "xab", .offsets = slice};
  ck_assert_int_eq(s3rec_events_append(events, 0, &part, &good, NULL, NULL), S3REC_OK);
  ck_assert_int_eq(s3rec_events_append(events, 2, &part, &part, NULL, NULL), S3REC_OK);
  events_expect(events, NULL, "a: a; b: b");
  s3rec_events_destroy(events);
}
END_TEST

TEST_SUITE(events_same) {
  TCase *cases = tcase_create("events_same");
  tcase_add_checked_fixture(cases, set_up, tear_down);
  tcase_add_test(cases, same_from_everywhere);
  tcase_add_test(cases, same_in_any_locale);
  tcase_add_test(cases, bears_failing_memory);
  tcase_add_test(cases, forgets_names);
  tcase_add_test(cases, refuses_arrays);
  test_add_cases(suite, cases, NULL);
}
