/* SPDX-License-Identifier: Apache-2.0 */
/* From events to datasets: order, filters, names, attributes. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "events_fixture.h"
#include "support/suite.h"

static test_hooks hooks;
static events_log log_lines;
static s3rec_context *context;
static s3rec_events *events;
static s3rec_events_options options;

static void set_up(void) {
  context = events_context(&hooks, &log_lines);
  ck_assert_int_eq(s3rec_events_create(context, &events), S3REC_OK);
  s3rec_events_options_init(&options);
}

static void tear_down(void) {
  s3rec_events_destroy(events);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

START_TEST(orders_events) {
  events_append_text(events, "v x 5 u a 2 u b 1 u c 2 u d -9223372036854775808 v y 5 u e 1");
  events_expect(events, NULL, "v: x y; u: d b e a c");
}
END_TEST

START_TEST(drops_repeats) {
  events_append_text(events, "u a 1 u a 2 u b 3 u a 4 u b 0 v a 1 v a 1");
  events_expect(events, &options, "u: b a a b a; v: a a");
  options.repeats = S3REC_REPEATS_RUNS;
  events_expect(events, &options, "u: b a b a; v: a");
  options.repeats = S3REC_REPEATS_DROP;
  events_expect(events, &options, "u: b a; v: a");
}
END_TEST

START_TEST(cuts_lengths) {
  events_append_text(events, "u a 1 u b 2 u c 3 v a 1 v b 2 w c 1");
  options.max_length = 2;
  events_expect(events, &options, "u: b c; v: a b; w: c");
  options.min_length = 2;
  events_expect(events, &options, "u: b c; v: a b");
  options.min_length = 3;
  s3rec_dataset *dataset = NULL;
  fixture_expect(s3rec_events_dataset(events, &options, &dataset, NULL), S3REC_ERROR_FORMAT, NULL,
                 "no events are left: of 6, left out by min_value: 0, repeats: 0, unknown items: "
                 "0, min_user_events and min_item_events: 0, max_length: 1, min_length: 5");
  ck_assert_ptr_null(dataset);
}
END_TEST

START_TEST(asks_values) {
  const int64_t user[] = {-7, -7, -7, 12}, item[] = {5, 6, 5, 6}, when[] = {1, 2, 3, 4};
  const double value[] = {4, 3.5, -INFINITY, INFINITY};
  const s3rec_id_array users = {.integers = user}, items = {.integers = item};
  ck_assert_int_eq(s3rec_events_append(events, 1, &users, &items, when, NULL), S3REC_OK);
  s3rec_dataset *dataset = NULL;
  options.min_value = 3.5;
  ck_assert_int_eq(s3rec_events_dataset(events, &options, &dataset, NULL), S3REC_ERROR_ARGUMENT);
  ck_assert_str_eq(s3rec_last_error(), "min_value is 3.5, but no event has a value");
  ck_assert_int_eq(s3rec_events_append(events, 4, &users, &items, when, value), S3REC_OK);
  events_expect(events, NULL, "-7: 5 5 6 5; 12: 6");
  events_expect(events, &options, "-7: 5 6; 12: 6");
  s3rec_events_report report;
  s3rec_events_report_init(&report);
  ck_assert_int_eq(s3rec_events_dataset(events, &options, &dataset, &report), S3REC_OK);
  ck_assert_uint_eq(report.event_count, 5);
  ck_assert_uint_eq(report.low_value_count, 2);
  ck_assert_uint_eq(report.kept_count, 3);
  s3rec_vocabulary *names;
  ck_assert_int_eq(s3rec_dataset_item_names(dataset, &names), S3REC_OK);
  ck_assert_int_eq(s3rec_vocabulary_kind(names), S3REC_NAMES_INTEGER);
  ck_assert_int_eq(s3rec_vocabulary_first_id(names), 1);
  s3rec_vocabulary_destroy(names);
  s3rec_dataset_destroy(dataset);
}
END_TEST

START_TEST(numbers_what_stays) {
  const char text[] = "user,item,rating\nu,gone,1\nv,c,5\nu,b,5\nu,c,5\nw,gone,1\nu,a,5\n";
  const test_path path = fixture_text("a.csv", text);
  ck_assert_int_eq(s3rec_events_read(events, path.text, NULL, NULL), S3REC_OK);
  options.min_value = 2;
  s3rec_dataset *dataset = NULL;
  ck_assert_int_eq(s3rec_events_dataset(events, &options, &dataset, NULL), S3REC_OK);
  const int32_t expected[] = {2, 1, 3}, *items;
  size_t count;
  ck_assert_int_eq(s3rec_dataset_user_items(dataset, 0, &items, &count), S3REC_OK);
  ck_assert_uint_eq(count, 3);
  ck_assert_mem_eq(items, expected, sizeof expected); /* b c a, where c came first */
  s3rec_dataset_destroy(dataset);
  events_expect(events, &options, "u: b c a; v: c");
}
END_TEST

static void append_pair(const char *item, const char *attribute) {
  const int64_t item_offsets[] = {0, (int64_t)strlen(item)};
  const int64_t attribute_offsets[] = {0, (int64_t)strlen(attribute)};
  const s3rec_id_array items = {.text = item, .offsets = item_offsets};
  const s3rec_id_array attributes = {.text = attribute, .offsets = attribute_offsets};
  ck_assert_int_eq(s3rec_events_append_attributes(events, 1, &items, &attributes), S3REC_OK);
}

static s3rec_vocabulary *names_of(int32_t first_id, const char *text, size_t count) {
  int64_t offsets[16];
  s3rec_vocabulary *names = NULL;
  for (size_t i = 0; i <= count; i++) offsets[i] = (int64_t)i; /* names of one letter */
  ck_assert_int_eq(
      s3rec_vocabulary_create(context, S3REC_NAMES_TEXT, first_id, text, offsets, count, &names),
      S3REC_OK);
  return names;
}

START_TEST(adds_attributes) {
  append_pair("b", "Z"); /* before the events */
  append_pair("nowhere", "N");
  events_append_text(events, "u a 1 u b 2 u c 3");
  append_pair("a", "Y");
  append_pair("b", "Y");
  append_pair("b", "Z");
  append_pair("b", "X");
  events_expect(events, NULL, "u: a b c | a: Y | b: Z, Y, X");
  s3rec_events_report report;
  s3rec_events_report_init(&report);
  s3rec_dataset *dataset = NULL;
  ck_assert_int_eq(s3rec_events_dataset(events, NULL, &dataset, &report), S3REC_OK);
  ck_assert_uint_eq(report.attributed_item_count, 2);
  s3rec_dataset_destroy(dataset);
}
END_TEST

START_TEST(keeps_names_of_a_model) {
  events_append_text(events, "u x 0 u a 1 u q 2 u b 3 v x 1 w c 1");
  append_pair("d", "Z");
  append_pair("a", "Y");
  append_pair("a", "N");
  append_pair("x", "X");
  options.item_names = names_of(1, "dcba", 4);
  s3rec_events_report report;
  s3rec_events_report_init(&report);
  s3rec_dataset *dataset = NULL;
  events_expect(events, &options, "u: a b; w: c | d: Z | a: Y, N");
  options.attribute_names = names_of(0, "XYZ", 3);
  events_expect(events, &options, "u: a b; w: c | d: Z | a: Y");
  ck_assert_int_eq(s3rec_events_dataset(events, &options, &dataset, &report), S3REC_OK);
  ck_assert_uint_eq(report.unknown_count, 3);
  ck_assert_uint_eq(report.attributed_item_count, 2);
  const int32_t *items, *attributes;
  size_t count;
  ck_assert_int_eq(s3rec_dataset_user_items(dataset, 0, &items, &count), S3REC_OK);
  ck_assert_int_eq(items[0], 4);
  ck_assert_int_eq(items[1], 3);
  ck_assert_int_eq(s3rec_dataset_item_attributes(dataset, 1, &attributes, &count), S3REC_OK);
  ck_assert_int_eq(attributes[0], 2);
  s3rec_dataset_destroy(dataset);
  /* numbers as names, such as a table of integers or a file gives them */
  s3rec_vocabulary *const wrong = names_of(0, "ab", 2);
  s3rec_events_options bad = options;
  bad.item_names = wrong;
  ck_assert_int_eq(s3rec_events_dataset(events, &bad, &dataset, NULL), S3REC_ERROR_ARGUMENT);
  ck_assert_str_eq(s3rec_last_error(), "item_names: first_id is 0, must be 1");
  bad.item_names = NULL;
  ck_assert_int_eq(s3rec_events_dataset(events, &bad, &dataset, NULL), S3REC_ERROR_ARGUMENT);
  ck_assert_str_eq(s3rec_last_error(), "attribute_names is set, but item_names is NULL");
  s3rec_vocabulary_destroy(wrong);
  s3rec_vocabulary_destroy(options.item_names);
  s3rec_vocabulary_destroy(options.attribute_names);
}
END_TEST

/* Rounds over all events until nothing changes. */
static size_t naive_core(const int64_t *users, const int64_t *items, bool *gone, size_t count,
                         int min_user, int min_item) {
  size_t left = 0;
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < count; i++) {
      if (gone[i]) continue;
      int user_count = 0, item_count = 0;
      for (size_t j = 0; j < count; j++) {
        user_count += !gone[j] && users[j] == users[i];
        item_count += !gone[j] && items[j] == items[i];
      }
      if (user_count < min_user || item_count < min_item) gone[i] = changed = true;
    }
  }
  for (size_t i = 0; i < count; i++) left += !gone[i];
  return left;
}

/* The users of the dataset have the items of the events that are not gone, in their order. */
static void check_users(const s3rec_dataset *dataset, const int64_t *users, const int64_t *items,
                        const bool *gone, size_t count) {
  s3rec_vocabulary *user_names, *item_names;
  ck_assert_int_eq(s3rec_dataset_user_names(dataset, &user_names), S3REC_OK);
  ck_assert_int_eq(s3rec_dataset_item_names(dataset, &item_names), S3REC_OK);
  for (size_t user = 0; user < s3rec_vocabulary_count(user_names); user++) {
    const char *name;
    const int32_t *ids;
    size_t length, place = 0;
    ck_assert_int_eq(s3rec_vocabulary_name(user_names, (int32_t)user, &name, NULL), S3REC_OK);
    ck_assert_int_eq(s3rec_dataset_user_items(dataset, user, &ids, &length), S3REC_OK);
    for (size_t i = 0; i < count; i++) {
      if (gone[i] || users[i] != atoll(name)) continue;
      const char *item;
      ck_assert_uint_lt(place, length);
      ck_assert_int_eq(s3rec_vocabulary_name(item_names, ids[place++], &item, NULL), S3REC_OK);
      ck_assert_int_eq(atoll(item), items[i]);
    }
    ck_assert_uint_eq(place, length);
  }
  s3rec_vocabulary_destroy(user_names);
  s3rec_vocabulary_destroy(item_names);
}

START_TEST(finds_cores) {
  enum { COUNT = 150, ROUNDS = 60 };
  srand(20240131);
  size_t empty = 0, some = 0;
  for (int round = 0; round < ROUNDS; round++) {
    int64_t users[COUNT], items[COUNT];
    bool gone[COUNT] = {false};
    const int spread = 20 + rand() % 40;
    for (size_t i = 0; i < COUNT; i++) {
      users[i] = rand() % spread;
      items[i] = rand() % spread;
    }
    s3rec_events *table;
    ck_assert_int_eq(s3rec_events_create(context, &table), S3REC_OK);
    const s3rec_id_array user_ids = {.integers = users}, item_ids = {.integers = items};
    ck_assert_int_eq(s3rec_events_append(table, COUNT, &user_ids, &item_ids, NULL, NULL), S3REC_OK);
    options.min_user_events = 1 + rand() % 4;
    options.min_item_events = 1 + rand() % 4;
    const size_t left =
        naive_core(users, items, gone, COUNT, options.min_user_events, options.min_item_events);
    s3rec_dataset *dataset = NULL;
    s3rec_events_report report;
    s3rec_events_report_init(&report);
    if (left == 0) {
      empty++;
      ck_assert_int_eq(s3rec_events_dataset(table, &options, &dataset, NULL), S3REC_ERROR_FORMAT);
    } else {
      some += left < COUNT;
      ck_assert_int_eq(s3rec_events_dataset(table, &options, &dataset, &report), S3REC_OK);
      ck_assert_uint_eq(report.kept_count, left);
      ck_assert_uint_eq(report.core_count, COUNT - left);
      check_users(dataset, users, items, gone, COUNT);
      s3rec_dataset_destroy(dataset);
    }
    s3rec_events_destroy(table);
  }
  ck_assert_uint_gt(empty, 3);
  ck_assert_uint_gt(some, 10);
}
END_TEST

START_TEST(refuses_options) {
  events_append_text(events, "u a 1");
  s3rec_dataset *dataset = NULL;
  s3rec_events_options wrong;
#define REFUSE(field, value, reason)                                                            \
  s3rec_events_options_init(&wrong);                                                            \
  wrong.field = value;                                                                          \
  ck_assert_int_eq(s3rec_events_dataset(events, &wrong, &dataset, NULL), S3REC_ERROR_ARGUMENT); \
  ck_assert_ptr_nonnull(strstr(s3rec_last_error(), reason))
  REFUSE(min_value, NAN, "min_value is NaN, must be a number");
  REFUSE(repeats, 3, "repeats is 3, must be 0..2");
  REFUSE(min_user_events, 0, "min_user_events is 0, must be 1..2147483647");
  REFUSE(min_item_events, -1, "min_item_events is -1, must be 1..2147483647");
  REFUSE(max_length, -1, "max_length is -1, must be 0..2147483647");
  REFUSE(min_length, 0, "min_length is 0, must be 1..2147483647");
  REFUSE(struct_size, 1, "s3rec_events_options.struct_size is 1, must be at least ");
#undef REFUSE
  s3rec_events_report report = {.struct_size = 4};
  ck_assert_int_eq(s3rec_events_dataset(events, NULL, &dataset, &report), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_events_dataset(NULL, NULL, &dataset, NULL), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_events_dataset(events, NULL, NULL, NULL), S3REC_ERROR_ARGUMENT);
  ck_assert_ptr_null(dataset);
  s3rec_events *empty;
  ck_assert_int_eq(s3rec_events_create(context, &empty), S3REC_OK);
  ck_assert_int_eq(s3rec_events_dataset(empty, NULL, &dataset, NULL), S3REC_ERROR_FORMAT);
  s3rec_events_destroy(empty);
}
END_TEST

TEST_SUITE(events_dataset) {
  TCase *cases = tcase_create("events_dataset");
  tcase_add_checked_fixture(cases, set_up, tear_down);
  tcase_add_test(cases, orders_events);
  tcase_add_test(cases, drops_repeats);
  tcase_add_test(cases, cuts_lengths);
  tcase_add_test(cases, asks_values);
  tcase_add_test(cases, numbers_what_stays);
  tcase_add_test(cases, adds_attributes);
  tcase_add_test(cases, keeps_names_of_a_model);
  tcase_add_test(cases, finds_cores);
  tcase_add_test(cases, refuses_options);
  test_add_cases(suite, cases, NULL);
}
