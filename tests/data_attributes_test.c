/* SPDX-License-Identifier: Apache-2.0 */
/* The attribute file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "data_fixture.h"
#include "support/suite.h"

static test_hooks hooks;
static s3rec_context *context;

static void set_up(void) {
  context = test_hooks_context(&hooks);
}

static void tear_down(void) {
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

/* Beside the sequences of two users with items up to 9. */
static s3rec_status load(const char *bytes, size_t count, test_path *path,
                         s3rec_dataset **dataset) {
  const test_path sequences = fixture_text("data.txt", "1 1 2 3\n2 9 4\n");
  *path = test_file("attributes.json");
  test_write(path->text, bytes, count);
  return s3rec_dataset_load(context, sequences.text, path->text, NULL, dataset);
}

static void refuse_with(s3rec_status wanted, const char *bytes, size_t count,
                        const char *expected) {
  test_path path;
  s3rec_dataset *dataset = NULL;
  const s3rec_status status = load(bytes, count, &path, &dataset);
  fixture_expect(status, wanted, path.text, expected);
  ck_assert_ptr_null(dataset);
}

static void refuse(const char *bytes, size_t count, const char *expected) {
  refuse_with(S3REC_ERROR_FORMAT, bytes, count, expected);
}

static void refuse_text(const char *text, const char *expected) {
  refuse(text, strlen(text), expected);
}

static s3rec_dataset *accept(const char *text) {
  test_path path;
  s3rec_dataset *dataset = NULL;
  const s3rec_status status = load(text, strlen(text), &path, &dataset);
  ck_assert_msg(status == S3REC_OK, "%s", s3rec_last_error());
  return dataset;
}

static void expect_list(const s3rec_dataset *dataset, int32_t item, const int32_t *expected,
                        size_t expected_count) {
  const int32_t *attributes;
  size_t count = SIZE_MAX;
  ck_assert_int_eq(s3rec_dataset_item_attributes(dataset, item, &attributes, &count), S3REC_OK);
  ck_assert_uint_eq(count, expected_count);
  if (count > 0) ck_assert_mem_eq(attributes, expected, count * sizeof *attributes);
}

START_TEST(reads_lists) {
  s3rec_dataset *dataset =
      accept("\xEF\xBB\xBF{\"9\": [5, 3, 5, 0, 3],\r\n \"12\": [41], \"2\": [], \"1\": [7]}\r\n");
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  ck_assert_int_eq(s3rec_dataset_info_get(dataset, &info), S3REC_OK);
  ck_assert_int_eq(info.item_size, 11);
  ck_assert_int_eq(info.attribute_size, 42); /* item 12 is in no sequence, but counts */
  expect_list(dataset, 9, (int32_t[]){0, 3, 5}, 3);
  expect_list(dataset, 1, (int32_t[]){7}, 1);
  expect_list(dataset, 2, NULL, 0);
  expect_list(dataset, 3, NULL, 0);
  ck_assert_uint_eq(dataset->attributes.row_count, 3); /* item 12 takes no room */
  const int32_t *attributes;
  size_t count;
  static const int32_t unknown[] = {INT32_MIN, -1, 0, 10, 12, INT32_MAX};
  for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
    ck_assert_int_eq(s3rec_dataset_item_attributes(dataset, unknown[i], &attributes, &count),
                     S3REC_ERROR_NOT_FOUND);
  s3rec_dataset_destroy(dataset);
}
END_TEST

START_TEST(reads_empty_object) {
  s3rec_dataset *dataset = accept("{}");
  ck_assert_int_eq(dataset->info.attribute_size, 1);
  expect_list(dataset, 9, NULL, 0);
  s3rec_dataset_destroy(dataset);
  s3rec_limits limits;
  s3rec_limits_init(&limits);
  limits.id_spread = INT32_MAX;
  s3rec_context_destroy(context);
  context = test_hooks_limited(&hooks, &limits);
  dataset = accept("{\"2147483645\": [2147483646]}");
  ck_assert_int_eq(dataset->info.attribute_size, 2147483647);
  ck_assert_uint_eq(dataset->attributes.row_count, 0);
  s3rec_dataset_destroy(dataset);
}
END_TEST

/* The lookup against a plain search, with gaps of many sizes between ids. */
START_TEST(finds_items_behind_gaps) {
  enum { ITEMS = 200 };
  static int32_t items[ITEMS], attributes[ITEMS];
  static int64_t offsets[ITEMS + 1];
  int32_t id = 3;
  for (int i = 0; i < ITEMS; i++) {
    items[i] = id;
    attributes[i] = i;
    offsets[i + 1] = i + 1;
    id += 1 + (i % 9 == 0 ? i * i : i % 3);
  }
  const int64_t sequence_offsets[2] = {0, 1};
  const int32_t last = id + 5;
  s3rec_dataset_arrays arrays;
  s3rec_dataset_arrays_init(&arrays);
  arrays.user_count = 1;
  arrays.item_offsets = sequence_offsets;
  arrays.items = &last;
  arrays.attributed_item_count = ITEMS;
  arrays.attributed_items = items;
  arrays.attribute_offsets = offsets;
  arrays.attributes = attributes;
  s3rec_dataset *dataset = NULL;
  ck_assert_int_eq(s3rec_dataset_from_arrays(context, &arrays, &dataset), S3REC_OK);
  for (int32_t item = 1, next = 0; item <= last; item++) {
    size_t count = 9;
    const int32_t *list = s3_dataset_attributes(dataset, item, &count);
    const bool has = next < ITEMS && items[next] == item;
    if (count != has || (has && *list != next))
      ck_abort_msg("item %d has %zu attributes, list %d is next", item, count, next);
    next += has;
  }
  s3rec_dataset_destroy(dataset);
}
END_TEST

/* What is wrong in a key is shown in part, and only what every terminal can show. */
START_TEST(shows_bad_keys) {
  char text[256], expected[256], key[101];
  memset(key, '1', 100);
  key[100] = '\0';
  snprintf(text, sizeof text, "{\"%s\": [1]}", key);
  snprintf(expected, sizeof expected,
           ":1:2: key \"%.40s\" is not an item id, which is an integer 1..2147483645 without "
           "leading zeros", key);
  refuse_text(text, expected);
  refuse_text("{\"1\\u0001\xC3\xA9~\x7F\": [1]}",
              ":1:2: key \"1???~?\" is not an item id, which is an integer 1..2147483645 without "
              "leading zeros");
}
END_TEST

START_TEST(refuses_values) {
  refuse_text("[[1], [2]]", ":1:1: the file holds an array, must be an object "
              "{\"item\": [attribute, ...]}");
  refuse_text("\n  3", ":2:3: the file holds an integer, must be an object "
              "{\"item\": [attribute, ...]}");
  refuse_text("{\"1\": [1], \"x\\\"{[,\": [1]}",
              ":1:12: key \"x\"{[,\" is not an item id, which is an integer 1..2147483645 "
              "without leading zeros");
  static const char *const keys[] = {"", "0", "-1", "01", "1.0", " 1", "1 ", "2147483646",
                                     "18446744073709551617", "1e3", "+1"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    char text[96], expected[160];
    snprintf(text, sizeof text, "{\n\"1\": [1, 2],\n  \"%s\": [3]}", keys[i]);
    snprintf(expected, sizeof expected,
             ":3:3: key \"%s\" is not an item id, which is an integer 1..2147483645 "
             "without leading zeros",
             keys[i]);
    refuse_text(text, expected);
  }
  refuse_text("{\"\xC3\xA9\xC3\xA9\": [1]}",
              ":1:2: key \"????\" is not an item id, which is an integer 1..2147483645 "
             "without leading zeros");
  refuse_text("{\"1\": [], \"2\": 5}",
              ":1:16: value of item 2 is an integer, must be an array of attributes");
  refuse_text("{\"1\": {\"a\": [1, 2]}}",
              ":1:7: value of item 1 is an object, must be an array of attributes");
  refuse_text("{\"1\":\nnull}", ":2:1: value of item 1 is null, must be an array of attributes");
  refuse_text("{\"1\": [1, 2, -3]}",
              ":1:14: attribute -3 of item 1 is out of range, must be 0..2147483646");
  refuse_text("{\"1\": [1,\n\t2147483647]}",
              ":2:2: attribute 2147483647 of item 1 is out of range, must be 0..2147483646");
  refuse_text("{\"1\": [1, 2], \"7\": [3, \"4\"]}",
              ":1:24: attribute of item 7 is a string, must be an integer");
  refuse_text("{\"1\": [1.0]}",
              ":1:8: attribute of item 1 is a number with a fraction, must be an integer");
  refuse_text("{\"1\": [0, [1, 2, \"]\"], 1]}",
              ":1:11: attribute of item 1 is an array, must be an integer");
  refuse_text("{\"1\": [true]}", ":1:8: attribute of item 1 is a truth value, must be an integer");
}
END_TEST

START_TEST(refuses_malformed_text) {
  refuse_text("", ":1:1: the text ends too early");
  refuse_text("{", ":1:2: the text ends too early");
  refuse_text("{\"1\": [1, 2}", ":1:12: a comma or ] must be here");
  refuse_text("{\"1\": [1],\n\"2\": [3\n", ":3:1: the text ends too early");
  refuse_text("{\"1\": [1]} x", ":1:12: nothing may follow the value");
  refuse_text("{\"1\": [99999999999999999999]}", ":1:8: the integer does not fit into 64 bits");
  refuse("{\"1\": [1]\0}", 11, ":1:10: a comma or } must be here");
  refuse("{\"1\0\": [1]}", 11, ":1:4: a control character must be escaped");
  refuse_text("{\"1\": [1], \"\xC3", ":1:13: not valid UTF-8"); /* cut off within a character */
  refuse_text("{\"1\": [1], \"\xFF\": []}", ":1:13: not valid UTF-8");
  refuse_text("{\"1\n\": [1]}", ":1:4: a control character must be escaped");
}
END_TEST

START_TEST(refuses_two_lists) {
  refuse_text("{\"1\": [1], \"2\": [],\n \"1\": [2], \"1\": [3]}",
              ":2:2: item 1 has two attribute lists");
  refuse_text("{\"12\": [1], \"\\u0031\\u0032\": []}", ":1:13: item 12 has two attribute lists");
}
END_TEST

START_TEST(refuses_deep_nesting) {
  enum { DEPTH = 200000 };
  char *text = malloc(DEPTH + 8);
  memcpy(text, "{\"1\": ", 6);
  memset(text + 6, '[', DEPTH);
  refuse_with(S3REC_ERROR_LIMIT, text, 6 + DEPTH,
              ":1:70: nested deeper than 64, the limit (s3rec_limits.json_depth)");
  free(text);
}
END_TEST

TEST_SUITE(data_attributes) {
  TCase *cases = tcase_create("attributes");
  tcase_add_checked_fixture(cases, set_up, tear_down);
  tcase_add_test(cases, reads_lists);
  tcase_add_test(cases, reads_empty_object);
  tcase_add_test(cases, finds_items_behind_gaps);
  tcase_add_test(cases, shows_bad_keys);
  tcase_add_test(cases, refuses_values);
  tcase_add_test(cases, refuses_malformed_text);
  tcase_add_test(cases, refuses_two_lists);
  tcase_add_test(cases, refuses_deep_nesting);
  test_add_cases(suite, cases, NULL);
}
