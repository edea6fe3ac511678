/* SPDX-License-Identifier: Apache-2.0 */
/* The limits of a context in the readers of text: each field below, at and above what a file
 * has, and that a refused file leaves everything as it was. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "events_fixture.h"
#include "support/suite.h"

typedef enum limit_field {
  FILE_BYTES,
  ROW_BYTES,
  ROWS,
  ITEMS,
  JSON_DEPTH,
  EXPANSION,
  ID_SPREAD
} limit_field;

static void set_limit(s3rec_limits *limits, limit_field field, uint64_t value) {
  switch (field) {
    case FILE_BYTES: limits->file_bytes = value; return;
    case ROW_BYTES: limits->row_bytes = value; return;
    case ROWS: limits->rows = value; return;
    case ITEMS: limits->items = value; return;
    case JSON_DEPTH: limits->json_depth = (int32_t)value; return;
    case EXPANSION: limits->expansion = (int32_t)value; return;
    case ID_SPREAD: limits->id_spread = (int32_t)value; return;
  }
}

/* Reads a file into something that is made for it; checks that a failure changed nothing. */
typedef s3rec_status (*file_reader)(s3rec_context *context, const char *path);

static s3rec_status load_dataset(s3rec_context *context, const char *sequences,
                                 const char *attributes, const char *negatives) {
  s3rec_dataset *dataset = (s3rec_dataset *)&dataset; /* must stay as it is */
  const s3rec_status status =
      s3rec_dataset_load(context, sequences, attributes, negatives, &dataset);
  if (status == S3REC_OK)
    s3rec_dataset_destroy(dataset);
  else
    ck_assert_ptr_eq(dataset, &dataset);
  return status;
}

static s3rec_status read_sequences(s3rec_context *context, const char *path) {
  return load_dataset(context, path, NULL, NULL);
}

static s3rec_status read_attributes(s3rec_context *context, const char *path) {
  return load_dataset(context, fixture_text("one.txt", "1 1\n").text, path, NULL);
}

static s3rec_status read_negatives(s3rec_context *context, const char *path) {
  return load_dataset(context, fixture_text("one.txt", "1 1\n").text, NULL, path);
}

/* A table that has one event and one attribute. */
static s3rec_events *start_events(s3rec_context *context) {
  static const int64_t offsets[] = {0, 1};
  const s3rec_id_array item = {.text = "x", .offsets = offsets};
  const s3rec_id_array attribute = {.text = "y", .offsets = offsets};
  s3rec_events *events;
  ck_assert_int_eq(s3rec_events_create(context, &events), S3REC_OK);
  events_append_text(events, "before x 5");
  ck_assert_int_eq(s3rec_events_append_attributes(events, 1, &item, &attribute), S3REC_OK);
  return events;
}

static s3rec_status read_table(s3rec_context *context, const char *path, bool attributes) {
  s3rec_events *events = start_events(context);
  s3rec_table_report report;
  s3rec_table_report_init(&report);
  report.row_count = 77;
  s3rec_table_options options;
  s3rec_table_options_init(&options);
  options.bad_row_limit = 9; /* a limit is more than a bad row */
  const s3rec_status status =
      attributes ? s3rec_events_read_attributes(events, path, &options, &report)
                 : s3rec_events_read(events, path, &options, &report);
  if (status != S3REC_OK) {
    ck_assert_uint_eq(report.row_count, 77);
    events_expect(events, NULL, "before: x | x: y");
    ck_assert_uint_eq(events_count(events), 1);
  }
  s3rec_events_destroy(events);
  return status;
}

static s3rec_status read_events(s3rec_context *context, const char *path) {
  return read_table(context, path, false);
}

static s3rec_status read_attribute_table(s3rec_context *context, const char *path) {
  return read_table(context, path, true);
}

/* `expected` NULL: the file is read. Else LIMIT with this text after the path. */
static void expect_read(file_reader read, const char *path, const s3rec_limits *limits,
                        const char *expected) {
  test_hooks hooks;
  s3rec_context *context = test_hooks_limited(&hooks, limits);
  const s3rec_status status = read(context, path);
  if (expected == NULL)
    ck_assert_msg(status == S3REC_OK, "%s", s3rec_last_error());
  else
    fixture_expect(status, S3REC_ERROR_LIMIT, path, expected);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

/* The file has `value` of what the field limits: it is read with this limit and with one more,
 * and refused with one less. */
static void expect_edge_of_file(file_reader read, const char *path, limit_field field,
                                uint64_t value, const char *expected) {
  for (int more = -1; more <= 1; more++) {
    s3rec_limits limits;
    s3rec_limits_init(&limits);
    set_limit(&limits, field, value + (uint64_t)more);
    expect_read(read, path, &limits, more < 0 ? expected : NULL);
  }
}

static void expect_edge(file_reader read, const char *name, const char *text, limit_field field,
                        uint64_t value, const char *expected) {
  expect_edge_of_file(read, fixture_text(name, text).text, field, value, expected);
}

/* One user with the 99 negatives that are needed; all are item 1. */
static const char *negative_text(void) {
  static char text[256];
  size_t used = (size_t)sprintf(text, "1");
  for (int i = 0; i < 99; i++) used += (size_t)sprintf(text + used, " 1");
  strcpy(text + used, "\n");
  return text;
}

START_TEST(file_bytes) {
  expect_edge(read_sequences, "a.txt", "1 2 3\n2 3\n", FILE_BYTES, 10,
              ": the file has more than 9 bytes, the limit (s3rec_limits.file_bytes)");
  expect_edge(read_negatives, "n.txt", negative_text(), FILE_BYTES, 200,
              ": the file has more than 199 bytes, the limit (s3rec_limits.file_bytes)");
  expect_edge(read_attributes, "a.json", "{\"1\": [1]}", FILE_BYTES, 10,
              ": the file has more than 9 bytes, the limit (s3rec_limits.file_bytes)");
  expect_edge(read_events, "a.csv", "user,item,ts\nu,i,1\n", FILE_BYTES, 19,
              ": the file has more than 18 bytes, the limit (s3rec_limits.file_bytes)");
  expect_edge(read_events, "a.jsonl", "{\"user\":1,\"item\":2,\"ts\":3}\n", FILE_BYTES, 27,
              ": the file has more than 26 bytes, the limit (s3rec_limits.file_bytes)");
  expect_edge(read_attribute_table, "b.csv", "item,genre\ni,1\n", FILE_BYTES, 15,
              ": the file has more than 14 bytes, the limit (s3rec_limits.file_bytes)");
  enum { SIZE = 300000 }; /* more than one read */
  char *const text = malloc(SIZE + 1);
  memset(text, '\n', SIZE);
  memcpy(text, "u,i,1", 5);
  text[SIZE] = '\0';
  expect_edge(read_events, "c.csv", text, FILE_BYTES, SIZE,
              ": the file has more than 299999 bytes, the limit (s3rec_limits.file_bytes)");
  const test_path packed = test_file("c.csv.gz"); /* after decompression */
  events_write_gzip(packed.text, text, SIZE, 2);
  expect_edge_of_file(read_events, packed.text, FILE_BYTES, SIZE,
                      ": the file has more than 299999 bytes, the limit "
                      "(s3rec_limits.file_bytes)");
  free(text);
}
END_TEST

/* The size that a file announces is enough: no byte of it is read. */
START_TEST(file_bytes_announced) {
  const test_path path = test_file("sparse.txt");
  test_write(path.text, "1 1\n", 4);
  ck_assert_int_eq(truncate(path.text, (1 << 30) + 1), 0);
  s3rec_limits strict;
  s3rec_limits_init_strict(&strict);
  expect_read(read_sequences, path.text, &strict,
              ": the file has more than 1073741824 bytes, the limit (s3rec_limits.file_bytes)");
  ck_assert_int_eq(unlink(path.text), 0);
}
END_TEST

/* A pipe announces no size. */
START_TEST(file_bytes_of_a_pipe) {
  enum { COUNT = 30000 };
  static char text[COUNT];
  memset(text, ' ', COUNT);
  memcpy(text, "1 1", 3);
  for (int more = -1; more <= 1; more++) {
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], text, COUNT), COUNT);
    ck_assert_int_eq(close(ends[1]), 0);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
    s3rec_limits limits;
    s3rec_limits_init(&limits);
    limits.file_bytes = (uint64_t)(COUNT + more);
    expect_read(read_sequences, path, &limits,
                more >= 0 ? NULL
                          : ": the file has more than 29999 bytes, the limit "
                            "(s3rec_limits.file_bytes)");
    close(ends[0]);
  }
}
END_TEST

/* Files that never end: nothing of them is read. */
START_TEST(endless_files) {
  static const file_reader readers[] = {read_sequences, read_attributes, read_negatives,
                                        read_events, read_attribute_table};
  for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
    test_hooks hooks;
    s3rec_context *context = test_hooks_limited(&hooks, NULL);
    const s3rec_status status = readers[i](context, "/dev/zero");
    fixture_expect(status, S3REC_ERROR_IO, "/dev/zero",
                   ": cannot read: a device, must be a file or a pipe");
    s3rec_context_destroy(context);
    test_hooks_assert_empty(&hooks);
  }
}
END_TEST

START_TEST(row_bytes) {
  const char *const expected = ":2: the row has more than 6 bytes, the limit "
                               "(s3rec_limits.row_bytes)";
  expect_edge(read_events, "a.csv", "u,i,1\nu,i,234\nu,i,1\n", ROW_BYTES, 7, expected);
  expect_edge(read_events, "a.csv", "u,i,1\r\nu,i,234\r\nu,i,1", ROW_BYTES, 7, expected);
  expect_edge(read_events, "a.csv", "u,i,1\nu,i,234", ROW_BYTES, 7, expected);
  expect_edge(read_events, "a.csv", "u,i,1\nu,\"\n\",2\nu,i,1\n", ROW_BYTES, 7, expected);
  expect_edge(read_attribute_table, "b.csv", "i,c\ni,abcde\n", ROW_BYTES, 7, expected);
  expect_edge(read_events, "a.jsonl", "\n {\"user\":1,\"item\":2,\"ts\":3} \n", ROW_BYTES, 28,
              ":2: the row has more than 27 bytes, the limit (s3rec_limits.row_bytes)");
  enum { SIZE = 1 << 16 }; /* the strict limit */
  s3rec_limits strict;
  s3rec_limits_init_strict(&strict);
  const test_path path = test_file("strict.csv");
  char *const row = malloc(SIZE + 32);
  for (int more = 0; more <= 1; more++) {
    const int used = sprintf(row, "user,item,ts,more\n");
    memset(row + used, 'x', SIZE + 1);
    memcpy(row + used, "u,i,1,", 6);
    test_write(path.text, row, (size_t)(used + SIZE + more));
    expect_read(read_events, path.text, &strict,
                more == 0 ? NULL
                          : ":2: the row has more than 65536 bytes, the limit "
                            "(s3rec_limits.row_bytes)");
  }
  free(row);
}
END_TEST

START_TEST(rows) {
  expect_edge(read_sequences, "a.txt", "1 2\n\n2 3\n3 4\n", ROWS, 3,
              ":4: more than 2 users, the limit (s3rec_limits.rows)");
  expect_edge(read_attributes, "a.json", "{\"1\": [],\n\"2\": [1],\n \"3\": []}", ROWS, 3,
              ":3:2: more than 2 attribute lists, the limit (s3rec_limits.rows)");
  expect_edge(read_events, "a.csv", "user,item,ts\nu,i,1\nu,i,2\nu,i,3\n", ROWS, 3,
              ":4: more than 2 rows, the limit (s3rec_limits.rows)");
  expect_edge(read_events, "a.csv", "u,i,1\nu\nu,i,3\n", ROWS, 3, /* a bad row counts */
              ":3: more than 2 rows, the limit (s3rec_limits.rows)");
  expect_edge(read_events, "a.jsonl",
              "{\"user\":1,\"item\":2,\"ts\":3}\n[]\n{\"user\":1,\"item\":2,\"ts\":3}\n", ROWS, 3,
              ":3: more than 2 rows, the limit (s3rec_limits.rows)");
  expect_edge(read_attribute_table, "b.csv", "i,c\ni,1\nj,1\n", ROWS, 3,
              ":3: more than 2 rows, the limit (s3rec_limits.rows)");
}
END_TEST

START_TEST(items) {
  expect_edge(read_sequences, "a.txt", "1 2\n2 7 50 3\n", ITEMS, 50,
              ":2:5: item id 50 is above 49, the limit (s3rec_limits.items)");
  expect_edge(read_attributes, "a.json", "{\"1\": [],\n  \"70\": [1]}", ITEMS, 70,
              ":2:3: item id 70 is above 69, the limit (s3rec_limits.items)");
  /* The table has item x already. */
  expect_edge(read_events, "a.csv", "user,item,ts\nu,i,1\nu,j,2\nu,x,3\n", ITEMS, 3,
              ":3: item: more than 2 different items, the limit (s3rec_limits.items)");
  expect_edge(read_events, "a.jsonl", "{\"user\":1,\"item\":2,\"ts\":3}\n", ITEMS, 2,
              ":1: item: more than 1 different items, the limit (s3rec_limits.items)");
  expect_edge(read_attribute_table, "b.csv", "item,c\nx,1\ni,1\n", ITEMS, 2,
              ":3: item: more than 1 different items, the limit (s3rec_limits.items)");
  s3rec_limits strict;
  s3rec_limits_init_strict(&strict);
  expect_read(read_sequences, fixture_text("s.txt", "1 1048577\n").text, &strict,
              ":1:3: item id 1048577 is above 1048576, the limit (s3rec_limits.items)");
}
END_TEST

/* What the caller passes is not limited, and does not make a file be refused that adds none. */
START_TEST(arrays_have_no_limits) {
  s3rec_limits limits;
  s3rec_limits_init(&limits);
  limits.items = limits.rows = limits.file_bytes = 1;
  limits.id_spread = 1;
  test_hooks hooks;
  s3rec_context *context = test_hooks_limited(&hooks, &limits);
  const int64_t offsets[] = {0, 1};
  const int32_t item = 2000000000;
  s3rec_dataset_arrays arrays;
  s3rec_dataset_arrays_init(&arrays);
  arrays.user_count = 1;
  arrays.item_offsets = offsets;
  arrays.items = &item;
  s3rec_dataset *dataset;
  ck_assert_int_eq(s3rec_dataset_from_arrays(context, &arrays, &dataset), S3REC_OK);
  s3rec_dataset_destroy(dataset);
  s3rec_context_destroy(context);
  limits.file_bytes = 100;
  context = test_hooks_limited(&hooks, &limits);
  s3rec_events *events = start_events(context);
  events_append_text(events, "u y 1 u z 2");
  const test_path path = fixture_text("a.csv", "u,z,3\n");
  ck_assert_msg(s3rec_events_read(events, path.text, NULL, NULL) == S3REC_OK, "%s",
                s3rec_last_error());
  events_expect(events, NULL, "before: x; u: y z z | x: y");
  s3rec_events_destroy(events);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}
END_TEST

START_TEST(json_depth) {
  const char *const expected =
      ":2: JSON: column 30: nested deeper than 3, the limit (s3rec_limits.json_depth)";
  expect_edge(read_events, "a.jsonl",
              "{\"user\":1,\"item\":2,\"ts\":3}\n{\"user\":1,\"item\":2,\"x\":[{\"y\":[]}]"
              ",\"ts\":3}\n",
              JSON_DEPTH, 4, expected);
  expect_edge(read_attribute_table, "b.jsonl", "{\"item\":1,\"c\":[1]}\n", JSON_DEPTH, 2,
              ":1: JSON: column 15: nested deeper than 1, the limit (s3rec_limits.json_depth)");
  expect_edge(read_attributes, "a.json", "{\"1\":\n[1]}", JSON_DEPTH, 2,
              ":2:1: nested deeper than 1, the limit (s3rec_limits.json_depth)");
}
END_TEST

START_TEST(expansion) {
  enum { SIZE = 3 << 20 };
  char *const text = malloc(SIZE);
  for (size_t i = 0; i < SIZE; i += 8) memcpy(text + i, "u,i,123\n", 8);
  const test_path path = test_file("a.csv.gz");
  events_write_gzip(path.text, text, SIZE, 1);
  s3rec_limits limits;
  s3rec_limits_init(&limits);
  expect_read(read_events, path.text, &limits, NULL);
  struct stat info;
  ck_assert_int_eq(stat(path.text, &info), 0);
  const int32_t above = SIZE - (1 << 20);
  limits.expansion = above / ((int32_t)info.st_size - 8) + 1; /* 8 bytes are after the data */
  expect_read(read_events, path.text, &limits, NULL);
  s3rec_limits_init_strict(&limits);
  test_hooks hooks;
  s3rec_context *context = test_hooks_limited(&hooks, &limits);
  ck_assert_int_eq(read_events(context, path.text), S3REC_ERROR_LIMIT);
  ck_assert_ptr_nonnull(strstr(s3rec_last_error(), ", more than 100 for each after the first MiB, "
                                                   "the limit (s3rec_limits.expansion)"));
  s3rec_context_destroy(context);
  limits.expansion = 1;
  events_write_gzip(path.text, text, 1 << 20, 1); /* the first MiB is free */
  expect_read(read_events, path.text, &limits, NULL);
  events_write_gzip(path.text, text, (1 << 20) + 8192, 1);
  context = test_hooks_limited(&hooks, &limits);
  ck_assert_int_eq(read_events(context, path.text), S3REC_ERROR_LIMIT);
  s3rec_context_destroy(context);
  free(text);
}
END_TEST

/* Parts without a byte of text, as many as there is room for. */
START_TEST(empty_gzip_parts) {
  static const unsigned char empty[20] = {31, 139, 8, [9] = 255, 3};
  enum { PARTS = 10000 };
  unsigned char *const bytes = malloc(PARTS * sizeof empty);
  for (size_t i = 0; i < PARTS; i++) memcpy(bytes + i * sizeof empty, empty, sizeof empty);
  const test_path path = test_file("empty.csv.gz");
  test_write(path.text, bytes, PARTS * sizeof empty);
  s3rec_limits limits;
  s3rec_limits_init(&limits);
  expect_read(read_events, path.text, &limits, NULL);
  limits.file_bytes = 100000;
  expect_read(read_events, path.text, &limits,
              ": the file has more than 100000 bytes, the limit (s3rec_limits.file_bytes)");
  free(bytes);
}
END_TEST

static const char *spread_text(const char *place, const char *what, long id, int different,
                               int spread) {
  static char text[512];
  snprintf(text, sizeof text,
           "%s%s id %ld, but the file has only %d different ones, and a model has a row for each "
           "id up to the highest; it may be 100000 + %d for each different id "
           "(s3rec_limits.id_spread): number them from 1 without gaps, or raise the limit",
           place, what, id, different, spread);
  return text;
}

START_TEST(id_spread) {
  expect_edge(read_sequences, "a.txt", "1 2 2\n2 7 100048 2 7\n", ID_SPREAD, 16,
              spread_text(":2:5: ", "item", 100048, 3, 15));
  expect_edge(read_sequences, "a.txt", "1 2 2\n2 7 100049 2 8\n", ID_SPREAD, 13,
              spread_text(":2:5: ", "item", 100049, 4, 12));
  expect_edge(read_attributes, "a.json", "{\"1\": [3, 0, 3],\n\"2\":\t[200000, 7]}", ID_SPREAD,
              25000, spread_text(":2:7: ", "attribute", 200000, 4, 24999));
  s3rec_limits limits;
  s3rec_limits_init(&limits);
  const char *const small = "1 1 100000\n", *const default_edge = "1 1 2 102000 102000\n";
  expect_read(read_sequences, fixture_text("a.txt", small).text, &limits, NULL);
  expect_read(read_sequences, fixture_text("a.txt", default_edge).text, &limits, NULL);
  expect_read(read_sequences, fixture_text("a.txt", "1 20000000 19999999\n").text, &limits,
              spread_text(":1:3: ", "item", 20000000, 2, 1000));
  s3rec_limits_init_strict(&limits);
  expect_read(read_sequences, fixture_text("a.txt", small).text, &limits, NULL);
  expect_read(read_sequences, fixture_text("a.txt", default_edge).text, &limits,
              spread_text(":1:7: ", "item", 102000, 3, 10));
}
END_TEST

/* A catalogue of ten million of which a sample of a hundredth has come: real, so it is read. */
START_TEST(id_spread_of_a_sample) {
  enum { ITEMS_READ = 100000, STEP = 100 };
  char *const text = malloc(ITEMS_READ * 9 + 8);
  size_t used = (size_t)sprintf(text, "1");
  for (int i = 0; i < ITEMS_READ; i++)
    used += (size_t)sprintf(text + used, " %d", (i * 7919 % ITEMS_READ + 1) * STEP);
  s3rec_limits limits;
  s3rec_limits_init(&limits);
  expect_read(read_sequences, fixture_text("sample.txt", text).text, &limits, NULL);
  free(text);
}
END_TEST

TEST_SUITE(limits) {
  TCase *readers = tcase_create("readers");
  tcase_add_test(readers, file_bytes);
  tcase_add_test(readers, file_bytes_announced);
  tcase_add_test(readers, file_bytes_of_a_pipe);
  tcase_add_test(readers, endless_files);
  tcase_add_test(readers, row_bytes);
  tcase_add_test(readers, rows);
  tcase_add_test(readers, items);
  tcase_add_test(readers, arrays_have_no_limits);
  tcase_add_test(readers, json_depth);
  tcase_add_test(readers, expansion);
  tcase_add_test(readers, empty_gzip_parts);
  tcase_add_test(readers, id_spread);
  tcase_add_test(readers, id_spread_of_a_sample);
  test_add_cases(suite, readers, NULL);
}
