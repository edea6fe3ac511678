/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of events whose allocations fail, each in turn: arrays, columns that are listed, large
 * compressed files, names of a model. And calls that are refused, which add nothing either. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "events_fixture.h"
#include "support/suite.h"

static test_hooks hooks;
static events_log log_lines;
static s3rec_context *context;
static s3rec_events *events;

static void set_up(void) {
  context = events_context(&hooks, &log_lines);
  ck_assert_int_eq(s3rec_events_create(context, &events), S3REC_OK);
}

static void tear_down(void) {
  s3rec_events_destroy(events);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

typedef s3rec_status (*call_function)(const void *argument);

/* Does one call on `events`, a table with something in it; each failure leaves it as it was. */
static size_t fail_everywhere(call_function call, const void *argument) {
  for (size_t failures = 0;; failures++) {
    ck_assert_uint_lt(failures, 1000);
    const uint64_t before = events_fingerprint(events, NULL);
    const size_t count = events_count(events);
    atomic_store(&hooks.countdown, (long long)failures + 1);
    const s3rec_status status = call(argument);
    atomic_store(&hooks.countdown, 0);
    if (status == S3REC_OK) return failures;
    ck_assert_msg(status == S3REC_ERROR_MEMORY, "%zu: %s", failures, s3rec_last_error());
    ck_assert_uint_eq(events_count(events), count);
    ck_assert_uint_eq(events_fingerprint(events, NULL), before);
  }
}

enum { MANY = 3000 };
typedef struct arrays {
  int64_t numbers[MANY], offsets[MANY + 1], times[MANY];
  double values[MANY];
  char text[MANY * 8];
  s3rec_id_array integers, names;
} arrays;

static const arrays *make_arrays(void) {
  static arrays made;
  size_t used = 0;
  for (int i = 0; i < MANY; i++) {
    made.numbers[i] = i * 7 % 1000;
    made.times[i] = i;
    made.values[i] = i;
    used += (size_t)sprintf(made.text + used, "n%d", i * 11 % 2000);
    made.offsets[i + 1] = (int64_t)used;
  }
  made.integers = (s3rec_id_array){.integers = made.numbers};
  made.names = (s3rec_id_array){.text = made.text, .offsets = made.offsets};
  return &made;
}

static s3rec_status append_many(const void *argument) {
  const arrays *const a = argument;
  return s3rec_events_append(events, MANY, &a->integers, &a->names, a->times, a->values);
}

static s3rec_status append_many_pairs(const void *argument) {
  const arrays *const a = argument;
  return s3rec_events_append_attributes(events, MANY, &a->names, &a->integers);
}

START_TEST(arrays_without_memory) {
  const arrays *const a = make_arrays();
  const int64_t user = 5, time = 0, offsets[] = {0, 1};
  const s3rec_id_array users = {.integers = &user}, items = {.text = "x", .offsets = offsets};
  ck_assert_int_eq(s3rec_events_append(events, 1, &users, &items, &time, NULL), S3REC_OK);
  ck_assert_uint_gt(fail_everywhere(append_many, a), 8);
  ck_assert_uint_eq(events_count(events), MANY + 1);
  ck_assert_uint_gt(fail_everywhere(append_many_pairs, a), 5);
}
END_TEST

typedef struct table {
  const char *path, *columns;
} table;

static s3rec_status read_events(const void *argument) {
  const table *const of = argument;
  return s3rec_events_read(events, of->path, NULL, NULL);
}

static s3rec_status read_attributes(const void *argument) {
  const table *const of = argument;
  s3rec_table_options options;
  s3rec_table_options_init(&options);
  options.attribute_columns = of->columns;
  return s3rec_events_read_attributes(events, of->path, &options, NULL);
}

START_TEST(listed_columns_without_memory) {
  events_append_text(events, "u 1 1 u 2 2");
  static const struct {
    const char *name, *text, *columns;
  } cases[] = {
      {"a.csv", "item,a,b,c\n1,x|y,z,w\n3,q,r,s\n", "a,b,c"},
      {"b.csv", "1,x,y\n2,z,w\n", NULL},
      {"a.jsonl", "{\"item\":1,\"a\":[\"x\\u0041\",2],\"b\":true}\n{\"item\":4,\"c\":5}\n",
       "a,b,c"},
      {"b.jsonl", "{\"item\":1,\"a\":[\"x\\n\",2],\"b\":true}\n", NULL},
      {"c.txt", "item\ta\n1\tx\n", "2"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const test_path path = fixture_text(cases[i].name, cases[i].text);
    const table of = {path.text, cases[i].columns};
    ck_assert_msg(fail_everywhere(read_attributes, &of) >= 5, "%s", cases[i].name);
  }
}
END_TEST

/* Longer than one piece of text, so that the decompression needs its window. */
START_TEST(large_gzip_without_memory) {
  enum { SIZE = 1 << 21 };
  char *const text = malloc(SIZE + 64);
  size_t used = 0;
  for (unsigned i = 0; used < SIZE; i++)
    used += (size_t)sprintf(text + used, "u%u,i%u,%u\n", i % 50, i * 7919 % 300, i);
  const test_path path = test_file("large.csv.gz");
  events_write_gzip(path.text, text, used, 1);
  events_append_text(events, "u 1 1 u 2 2");
  const table of = {path.text, NULL};
  ck_assert_uint_gt(fail_everywhere(read_events, &of), 20);
  free(text);
}
END_TEST

static s3rec_vocabulary *letters(int32_t first_id, const char *text) {
  int64_t offsets[16];
  s3rec_vocabulary *names = NULL;
  for (size_t i = 0; i <= strlen(text); i++) offsets[i] = (int64_t)i;
  ck_assert_int_eq(s3rec_vocabulary_create(context, S3REC_NAMES_TEXT, first_id, text, offsets,
                                           strlen(text), &names),
                   S3REC_OK);
  return names;
}

static void append_pair(const char *item, const char *attribute) {
  const int64_t offsets[] = {0, 1};
  const s3rec_id_array items = {.text = item, .offsets = offsets};
  const s3rec_id_array attributes = {.text = attribute, .offsets = offsets};
  ck_assert_int_eq(s3rec_events_append_attributes(events, 1, &items, &attributes), S3REC_OK);
}

static s3rec_status make_dataset(const void *options) {
  s3rec_dataset *dataset = NULL;
  const s3rec_status status = s3rec_events_dataset(events, options, &dataset, NULL);
  ck_assert_int_eq(dataset != NULL, status == S3REC_OK);
  s3rec_dataset_destroy(dataset);
  return status;
}

START_TEST(names_of_a_model_without_memory) {
  events_append_text(events, "u a 1 u b 2 v a 1 v b 3 w z 1");
  append_pair("a", "X");
  append_pair("z", "Y");
  s3rec_events_options options;
  s3rec_events_options_init(&options);
  options.item_names = letters(1, "abc");
  options.attribute_names = letters(0, "XY");
  options.repeats = S3REC_REPEATS_DROP;
  options.min_user_events = 2;
  ck_assert_uint_gt(fail_everywhere(make_dataset, &options), 15);
  events_expect(events, &options, "u: a b; v: a b | a: X");
  s3rec_vocabulary_destroy(options.item_names);
  s3rec_vocabulary_destroy(options.attribute_names);
}
END_TEST

/* Attributes of items that the dataset does not have, and names without any attribute. */
START_TEST(attributes_of_nothing) {
  events_append_text(events, "u a 1 u b 2");
  append_pair("z", "Z");
  events_expect(events, NULL, "u: a b");
  s3rec_events_options options;
  s3rec_events_options_init(&options);
  options.item_names = letters(1, "abz");
  options.attribute_names = letters(0, "XY");
  events_expect(events, &options, "u: a b");
  s3rec_events_options empty = options; /* a model without attributes */
  empty.attribute_names = letters(0, "");
  s3rec_dataset *dataset = NULL;
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  ck_assert_int_eq(s3rec_events_dataset(events, &empty, &dataset, NULL), S3REC_OK);
  ck_assert_int_eq(s3rec_dataset_info_get(dataset, &info), S3REC_OK);
  ck_assert_int_eq(info.attribute_size, 1);
  s3rec_dataset_destroy(dataset);
  dataset = NULL;
  s3rec_vocabulary_destroy(empty.attribute_names);
  s3rec_events *none;
  ck_assert_int_eq(s3rec_events_create(context, &none), S3REC_OK);
  ck_assert_int_eq(s3rec_events_dataset(none, &options, &dataset, NULL), S3REC_ERROR_FORMAT);
  ck_assert_ptr_null(dataset);
  s3rec_events_destroy(none);
  ck_assert_int_eq(s3rec_events_create(context, &none), S3REC_OK);
  s3rec_events *const before = events;
  events = none;
  events_append_text(events, "u a 1");
  events_expect(events, &options, "u: a"); /* no attribute at all */
  s3rec_events_destroy(none);
  events = before;
  s3rec_vocabulary_destroy(options.item_names);
  s3rec_vocabulary_destroy(options.attribute_names);
}
END_TEST

START_TEST(refuses_pairs) {
  const int64_t numbers[] = {1, 2}, falling[] = {0, 2, 1};
  const int64_t offsets[] = {0, 1, 2}, none[] = {0, 0, 1};
  events_append_text(events, "u 1 1");
  const uint64_t before = events_fingerprint(events, NULL);
  const s3rec_id_array good = {.text = "ab", .offsets = offsets};
  static const char two[] = "ab";
  const struct {
    s3rec_id_array items, attributes;
    s3rec_status status;
    const char *reason;
  } cases[] = {
      {{0}, good, S3REC_ERROR_ARGUMENT,
       "items: integers and offsets are both NULL, set one of them"},
      {good, {.integers = numbers, .offsets = offsets}, S3REC_ERROR_ARGUMENT,
       "attributes: integers and offsets are both set, set one of them"},
      {{.text = two, .offsets = falling}, good, S3REC_ERROR_FORMAT,
       "items: offsets fall from 2 to 1 at index 1"},
      {{.integers = numbers}, good, S3REC_ERROR_MISMATCH,
       "items are integers, but those added before are text"},
      {good, {.text = "\xFF", .offsets = none}, S3REC_ERROR_FORMAT, "attributes, index 0: empty"},
      {{.offsets = (int64_t[]){0, 0, 0}}, good, S3REC_ERROR_FORMAT, "items, index 0: empty"},
      {good, {.text = "a\xFF", .offsets = offsets}, S3REC_ERROR_FORMAT,
       "attributes, index 1: not UTF-8"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fixture_expect(s3rec_events_append_attributes(events, 2, &cases[i].items,
                                                  &cases[i].attributes),
                   cases[i].status, NULL, cases[i].reason);
    ck_assert_uint_eq(events_fingerprint(events, NULL), before);
  }
  ck_assert_int_eq(s3rec_events_append_attributes(events, 0, &good, &good), S3REC_OK);
  fixture_expect(s3rec_events_append(events, 2, &good, &cases[0].items, numbers, NULL),
                 S3REC_ERROR_ARGUMENT, NULL,
                 "items: integers and offsets are both NULL, set one of them");
  ck_assert_uint_eq(events_fingerprint(events, NULL), before);
}
END_TEST

START_TEST(refuses_files_beside_integers) {
  const int64_t number = 1, offsets[] = {0, 1};
  const s3rec_id_array integer = {.integers = &number};
  const s3rec_id_array text = {.text = "u", .offsets = offsets};
  const test_path path = fixture_text("a.csv", "user,item,ts\nu,i,1\n");
  ck_assert_int_eq(s3rec_events_append(events, 1, &text, &integer, &number, NULL), S3REC_OK);
  const char *const reason =
      "item ids of a file are text, but those added before are integers";
  fixture_expect(s3rec_events_read(events, path.text, NULL, NULL), S3REC_ERROR_MISMATCH, NULL,
                 reason);
  fixture_expect(s3rec_events_read_attributes(events, path.text, NULL, NULL),
                 S3REC_ERROR_MISMATCH, NULL, reason);
  ck_assert_uint_eq(events_count(events), 1);
}
END_TEST

START_TEST(attribute_files_at_the_edges) {
  events_append_text(events, "u 1 1");
  s3rec_table_options options;
  s3rec_table_options_init(&options);
  test_path path = fixture_text("a.jsonl", "{\"x\":1}\n");
  fixture_expect(s3rec_events_read_attributes(events, path.text, NULL, NULL), S3REC_ERROR_FORMAT,
                 path.text, ":1: item: no key has a usual name; item_column can name one");
  char text[400] = "{\"item\":1,\"";
  const size_t begin = strlen(text);
  memset(text + begin, 'k', 256);
  strcpy(text + begin + 256, "\":2}\n");
  path = fixture_text("a.jsonl", text);
  char expected[300];
  snprintf(expected, sizeof expected, ":1: %.100s: a column of attributes with a name above 255 "
                                      "bytes", text + begin);
  fixture_expect(s3rec_events_read_attributes(events, path.text, NULL, NULL), S3REC_ERROR_FORMAT,
                 path.text, expected);
  options.item_column = "id";
  options.attribute_columns = "ab,cd";
  path = fixture_text("a.csv", "id,ba,ab,cd\n1,x,y,z\n");
  ck_assert_int_eq(s3rec_events_read_attributes(events, path.text, &options, NULL), S3REC_OK);
  events_expect(events, NULL, "u: 1 | 1: ab=y, cd=z");
  options.item_column = "no";
  fixture_expect(s3rec_events_read_attributes(events, path.text, &options, NULL),
                 S3REC_ERROR_FORMAT, path.text,
                 ":1: item: no columns \"no\"; the columns are: id, ba, ab, cd");
}
END_TEST

/* A pipe that gives the first byte of a gzip file alone: a pipe of packets parts its reads. */
START_TEST(pipe_of_one_byte_at_first) {
  const test_path path = test_file("a.csv.gz");
  size_t count;
  events_write_gzip(path.text, "u,i,1\nu,j,0\n", 12, 1);
  char *const bytes = test_read(path.text, &count);
  int ends[2];
  ck_assert_int_eq(pipe2(ends, O_DIRECT), 0);
  ck_assert_int_eq(write(ends[1], bytes, 1), 1);
  ck_assert_int_eq(write(ends[1], bytes + 1, count - 1), (ssize_t)count - 1);
  close(ends[1]);
  char name[64];
  snprintf(name, sizeof name, "/proc/self/fd/%d", ends[0]);
  ck_assert_msg(s3rec_events_read(events, name, NULL, NULL) == S3REC_OK, "%s",
                s3rec_last_error());
  events_expect(events, NULL, "u: j i");
  close(ends[0]);
  free(bytes);
}
END_TEST

TEST_SUITE(events_memory) {
  TCase *cases = tcase_create("events_memory");
  tcase_add_checked_fixture(cases, set_up, tear_down);
  tcase_add_test(cases, arrays_without_memory);
  tcase_add_test(cases, listed_columns_without_memory);
  tcase_add_test(cases, large_gzip_without_memory);
  tcase_add_test(cases, names_of_a_model_without_memory);
  tcase_add_test(cases, attributes_of_nothing);
  tcase_add_test(cases, refuses_pairs);
  tcase_add_test(cases, refuses_files_beside_integers);
  tcase_add_test(cases, attribute_files_at_the_edges);
  tcase_add_test(cases, pipe_of_one_byte_at_first);
  test_add_cases(suite, cases, NULL);
}
