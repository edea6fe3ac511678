/* SPDX-License-Identifier: Apache-2.0 */
/* JSON rows and attribute files: texts with escapes, numbers, memory that a file may take, and
 * each of its allocations failing. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events_fixture.h"
#include "support/suite.h"

static test_hooks hooks;
static s3rec_context *context;
static s3rec_events *events;

static void set_up(void) {
  context = test_hooks_context(&hooks);
  ck_assert_int_eq(s3rec_events_create(context, &events), S3REC_OK);
}

static void tear_down(void) {
  s3rec_events_destroy(events);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

static void read_rows(const char *text) {
  const test_path path = fixture_text("rows.jsonl", text);
  const s3rec_status status = s3rec_events_read(events, path.text, NULL, NULL);
  ck_assert_msg(status == S3REC_OK, "%s", s3rec_last_error());
}

static void read_attributes(const char *text, const s3rec_table_options *options) {
  const test_path path = fixture_text("attributes.jsonl", text);
  const s3rec_status status = s3rec_events_read_attributes(events, path.text, options, NULL);
  ck_assert_msg(status == S3REC_OK, "%s", s3rec_last_error());
}

START_TEST(unpacks_texts) {
  read_rows("{\"user\":\"a\\\"b\",\"item\":\"\\u00e9\\ud83d\\ude00\",\"ts\":1}\n"
            "{\"us\\u0065r\":\"a\\u0022b\",\"item\":\"/\\/\\\\\",\"\\u0074s\":\"2\"}\n"
            "  { \"ts\" : \"\\u0033\" , \"item\" : -0 , \"user\" : \"\xC3\xA9\" }  \n");
  read_attributes("{\"\\u0069tem\":\"\\u00e9\\ud83d\\ude00\",\"k\\u0031\":[\"\\u0078\",\"y\"],"
                  "\"k2\":\"p|\\u0071\"}\n",
                  NULL);
  events_expect(events, NULL,
                "a\"b: \xC3\xA9\xF0\x9F\x98\x80 //\\; \xC3\xA9: 0"
                " | \xC3\xA9\xF0\x9F\x98\x80: k1=x, k1=y, k2=p, k2=q");
}
END_TEST

START_TEST(names_numbers) {
  read_rows("{\"user\":-9223372036854775808,\"item\":9223372036854775807,\"ts\":1}\n");
  read_attributes("{\"item\":9223372036854775807,\"n\":[1.50,1e3,-0,-0.0,true,null,0.1],"
                  "\"m\":false,\"o\":null}\n",
                  NULL);
  events_expect(events, NULL,
                "-9223372036854775808: 9223372036854775807 | 9223372036854775807: n=1.5, n=1000, "
                "n=0, n=-0, n=true, n=0.1, m=false");
}
END_TEST

/* Columns that are not used may hold anything, also objects with a key twice. */
START_TEST(passes_what_is_not_used) {
  read_rows("{\"x\":{\"a\":[{},[[1e5,\"]}\\\\\"]],null],\"a\":2},\"user\":1,\"y\":[],\"item\":2,"
            "\"z\":{},\"ts\":3,\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0}\n"
            "{\"e\":9,\"d\":\"\\\"\",\"c\":0,\"b\":0,\"a\":0,\"z\":[[]],\"ts\":1,\"item\":3,"
            "\"y\":0,\"user\":1,\"x\":\"\"}\n");
  events_expect(events, NULL, "1: 3 2");
}
END_TEST

START_TEST(takes_listed_keys) {
  s3rec_table_options options;
  s3rec_table_options_init(&options);
  options.attribute_columns = "k, b\"";
  read_rows("{\"user\":1,\"item\":2,\"ts\":3}\n");
  read_attributes("{\"other\":{},\"item\":2,\"b\\\"\":1,\"k\":[\"\\n\"]}\n{\"item\":2}\n",
                  &options);
  events_expect(events, NULL, "1: 2 | 2: k=\n, b\"=1");
}
END_TEST

/* Rows whose parts are as small as can be: what they take stays near what they are. */
enum { ROW = 1 << 20 };

static char *start_row(size_t *used) {
  char *const row = malloc(ROW + 64);
  *used = (size_t)sprintf(row, "{\"user\":1,\"item\":2,\"ts\":3");
  return row;
}

static void expect_small(char *row, long long most, bool attributes) {
  const test_path path = test_file("row.jsonl.gz");
  events_write_gzip(path.text, row, strlen(row), 1);
  free(row);
  atomic_store(&hooks.peak_bytes, 0);
  const s3rec_status status = attributes
                                  ? s3rec_events_read_attributes(events, path.text, NULL, NULL)
                                  : s3rec_events_read(events, path.text, NULL, NULL);
  ck_assert_msg(status == S3REC_OK, "%s", s3rec_last_error());
  ck_assert_int_lt(atomic_load(&hooks.peak_bytes), most * ROW);
}

START_TEST(memory_of_nested_values) {
  size_t used;
  char *const row = start_row(&used);
  used += (size_t)sprintf(row + used, ",\"x\":[[]");
  while (used < ROW) used += (size_t)sprintf(row + used, ",{}");
  strcpy(row + used, "]}");
  expect_small(row, 6, false); /* the window alone, which doubles */
}
END_TEST

START_TEST(memory_of_members) {
  size_t used;
  char *const row = start_row(&used);
  for (int i = 0; used < ROW; i++) used += (size_t)sprintf(row + used, ",\"%x\":0", i);
  strcpy(row + used, "}");
  expect_small(row, 10, false);
}
END_TEST

START_TEST(memory_of_escapes) {
  size_t used;
  char *const row = start_row(&used);
  for (int i = 0; used < ROW; i++) used += (size_t)sprintf(row + used, ",\"%x\\n\":\"\\t\"", i);
  strcpy(row + used, "}");
  expect_small(row, 10, false);
}
END_TEST

START_TEST(memory_of_attributes) {
  size_t used;
  char *const row = start_row(&used);
  used += (size_t)sprintf(row + used, ",\"x\":[1");
  while (used < ROW) used += (size_t)sprintf(row + used, ",1");
  strcpy(row + used, "]}");
  expect_small(row, 16, true); /* each element is a pair of two numbers */
}
END_TEST

START_TEST(memory_of_attribute_files) {
  char *const text = malloc(ROW + 64);
  size_t used = (size_t)sprintf(text, "{\"1\":[1");
  for (int i = 2; used < ROW / 2; i++) used += (size_t)sprintf(text + used, "],\"%d\":[", i);
  while (used < ROW) used += (size_t)sprintf(text + used, "%s1", text[used - 1] == '[' ? "" : ",");
  strcpy(text + used, "]}");
  const test_path sequences = fixture_text("s.txt", "1 1\n");
  const test_path path = fixture_text("a.json", text);
  free(text);
  s3rec_dataset *dataset = NULL;
  atomic_store(&hooks.peak_bytes, 0);
  ck_assert_int_eq(s3rec_dataset_load(context, sequences.text, path.text, NULL, &dataset),
                   S3REC_OK);
  ck_assert_int_lt(atomic_load(&hooks.peak_bytes), 12 * ROW);
  s3rec_dataset_destroy(dataset);
}
END_TEST

/* All that reads JSON and gzip, with each allocation failing once; what fails changes nothing. */
static s3rec_status read_everything(void *argument) {
  const test_path *const paths = argument;
  s3rec_events *made = NULL;
  s3rec_dataset *dataset = NULL;
  s3rec_status status = s3rec_events_create(context, &made);
  for (int i = 0; i < 2 && status == S3REC_OK; i++) {
    const size_t before = events_count(made);
    status = s3rec_events_read(made, paths[i].text, NULL, NULL);
    if (status != S3REC_OK) ck_assert_uint_eq(events_count(made), before);
  }
  for (int i = 2; i < 4 && status == S3REC_OK; i++)
    status = s3rec_events_read_attributes(made, paths[i].text, NULL, NULL);
  s3rec_events_destroy(made);
  if (status != S3REC_OK) return status;
  status = s3rec_dataset_load(context, paths[4].text, paths[5].text, NULL, &dataset);
  if (status != S3REC_OK)
    ck_assert_ptr_null(dataset);
  else
    s3rec_dataset_destroy(dataset);
  return status;
}

START_TEST(bears_failing_memory) {
  static const struct {
    const char *name, *text;
  } files[] = {
      {"a.jsonl",
       "{\"user\":\"u\\n\",\"item\":\"a\",\"ts\":1}\n"
       "{\"1\":0,\"2\":0,\"3\":0,\"4\":0,\"5\":0,\"6\":0,\"7\":0,\"\\u0038\":0,\"9\":0,\"user\":"
       "\"u\",\"item\":\"\\u0061b\",\"ts\":2.5}\n"},
      {"b.jsonl.gz", "{\"user\":\"v\",\"item\":\"b\\\\\",\"ts\":3}\n"},
      {"c.jsonl", "{\"item\":\"a\",\"k\":[\"x\\t\",1,2.5],\"l\\\"\":\"p|q\"}\n"},
      {"d.csv.gz", "item,genre\na,X|Y\nb,Y\n"},
      {"e.txt", "1 1 2 100001\n2 3 4\n"},
      {"f.json", "{\"1\": [1, 2, 100001], \"\\u0032\": [], \"9\": [4]}"}};
  test_path paths[6];
  for (int i = 0; i < 6; i++) {
    paths[i] = fixture_text(files[i].name, files[i].text);
    if (strstr(files[i].name, ".gz") != NULL)
      events_write_gzip(paths[i].text, files[i].text, strlen(files[i].text), 1);
  }
  ck_assert_uint_gt(test_every_allocation_fails(&hooks, read_everything, paths), 80);
}
END_TEST

TEST_SUITE(json_rows) {
  TCase *rows = tcase_create("rows"), *memory = tcase_create("memory");
  tcase_add_checked_fixture(rows, set_up, tear_down);
  tcase_add_checked_fixture(memory, set_up, tear_down);
  tcase_add_test(rows, unpacks_texts);
  tcase_add_test(rows, names_numbers);
  tcase_add_test(rows, passes_what_is_not_used);
  tcase_add_test(rows, takes_listed_keys);
  tcase_add_test(memory, memory_of_nested_values);
  tcase_add_test(memory, memory_of_members);
  tcase_add_test(memory, memory_of_escapes);
  tcase_add_test(memory, memory_of_attributes);
  tcase_add_test(memory, memory_of_attribute_files);
  tcase_add_test(memory, bears_failing_memory);
  test_add_cases(suite, rows, memory, NULL);
}
