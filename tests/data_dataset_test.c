/* SPDX-License-Identifier: Apache-2.0 */
/* Datasets from arrays, the views, splits, the fingerprint, memory failures. */
#include <stdio.h>
#include <string.h>

#include "base/random.h"
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

/* Four users of 4, 1, 2 and 3 items; attributes of 2 and 6; 2 negatives. */
static const int64_t item_offsets[] = {0, 4, 5, 7, 10};
static const int32_t items[] = {1, 2, 3, 2, 6, 4, 5, 2, 6, 3};
static const int32_t attributed_items[] = {6, 2};
static const int64_t attribute_offsets[] = {0, 3, 4};
static const int32_t attributes[] = {8, 1, 8, 0};
static const int32_t negatives[] = {4, 5, 1, 2, 3, 3, 6, 1};

static s3rec_dataset_arrays good_arrays(void) {
  s3rec_dataset_arrays arrays;
  s3rec_dataset_arrays_init(&arrays);
  arrays.user_count = 4;
  arrays.item_offsets = item_offsets;
  arrays.items = items;
  arrays.attributed_item_count = 2;
  arrays.attributed_items = attributed_items;
  arrays.attribute_offsets = attribute_offsets;
  arrays.attributes = attributes;
  arrays.negatives_per_user = 2;
  arrays.negatives = negatives;
  return arrays;
}

static s3rec_dataset *make(const s3rec_dataset_arrays *arrays) {
  s3rec_dataset *dataset = NULL;
  const s3rec_status status = s3rec_dataset_from_arrays(context, arrays, &dataset);
  ck_assert_msg(status == S3REC_OK, "%s", s3rec_last_error());
  return dataset;
}

START_TEST(copies_arrays) {
  const s3rec_dataset_arrays arrays = good_arrays();
  s3rec_dataset *dataset = make(&arrays);
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  ck_assert_int_eq(s3rec_dataset_info_get(dataset, &info), S3REC_OK);
  ck_assert_uint_eq(info.struct_size, sizeof info);
  ck_assert_uint_eq(info.user_count, 4);
  ck_assert_uint_eq(info.interaction_count, 10);
  ck_assert_int_eq(info.item_size, 8);
  ck_assert_int_eq(info.attribute_size, 9);
  ck_assert_int_eq(info.negatives_per_user, 2);
  ck_assert_uint_eq(info.short_user_count, 2);
  const int32_t *view;
  size_t count;
  for (size_t user = 0; user < 4; user++) {
    ck_assert_int_eq(s3rec_dataset_user_items(dataset, user, &view, &count), S3REC_OK);
    ck_assert_int_eq((int64_t)count, item_offsets[user + 1] - item_offsets[user]);
    ck_assert_mem_eq(view, items + item_offsets[user], count * sizeof *view);
    ck_assert_int_eq(s3rec_dataset_user_negatives(dataset, user, &view, &count), S3REC_OK);
    ck_assert_uint_eq(count, 2);
    ck_assert_mem_eq(view, negatives + 2 * user, 2 * sizeof *view);
  }
  ck_assert_int_eq(s3rec_dataset_item_attributes(dataset, 6, &view, &count), S3REC_OK);
  ck_assert_uint_eq(count, 2);
  ck_assert_mem_eq(view, ((int32_t[]){1, 8}), 2 * sizeof *view);
  fixture_expect(s3rec_dataset_user_items(dataset, 4, &view, &count), S3REC_ERROR_NOT_FOUND, NULL,
                 "user is 4, must be 0..3");
  fixture_expect(s3rec_dataset_item_attributes(dataset, 7, &view, &count), S3REC_ERROR_NOT_FOUND,
                 NULL, "item is 7, must be 1..6");
  s3rec_dataset_destroy(dataset);
  s3rec_dataset_destroy(NULL);
}
END_TEST

START_TEST(works_without_attributes_and_negatives) {
  s3rec_dataset_arrays arrays = good_arrays();
  arrays.attributed_item_count = 0;
  arrays.negatives_per_user = 0;
  s3rec_dataset *dataset = make(&arrays);
  ck_assert_int_eq(dataset->info.attribute_size, 1);
  ck_assert_int_eq(dataset->info.negatives_per_user, 0);
  const int32_t *view;
  size_t count = 1;
  ck_assert_int_eq(s3rec_dataset_item_attributes(dataset, 6, &view, &count), S3REC_OK);
  ck_assert_uint_eq(count, 0);
  fixture_expect(s3rec_dataset_user_negatives(dataset, 0, &view, &count), S3REC_ERROR_NOT_FOUND,
                 NULL, "the dataset was made without negatives");
  s3rec_dataset_destroy(dataset);
}
END_TEST

/* Lists that are all empty need no array of attributes. */
START_TEST(empty_attribute_lists_need_no_array) {
  s3rec_dataset_arrays arrays = good_arrays();
  arrays.attribute_offsets = (int64_t[]){0, 0, 0};
  arrays.attributes = NULL;
  s3rec_dataset *dataset = make(&arrays);
  ck_assert_int_eq(dataset->info.attribute_size, 1);
  s3rec_dataset_destroy(dataset);
}
END_TEST

/* An info struct of an older, shorter or a newer, longer release. */
START_TEST(fills_what_struct_size_covers) {
  const s3rec_dataset_arrays arrays = good_arrays();
  s3rec_dataset *dataset = make(&arrays);
  struct {
    s3rec_dataset_info info;
    int64_t newer;
  } longer;
  s3rec_dataset_info_init(&longer.info);
  longer.info.struct_size = sizeof longer;
  longer.newer = 77;
  ck_assert_int_eq(s3rec_dataset_info_get(dataset, &longer.info), S3REC_OK);
  ck_assert_uint_eq(longer.info.struct_size, sizeof longer);
  ck_assert_uint_eq(longer.info.user_count, 4);
  ck_assert_int_eq(longer.newer, 77);
  s3rec_dataset_info empty = {0};
  ck_assert_int_eq(s3rec_dataset_info_get(dataset, &empty), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_dataset_info_get(NULL, &longer.info), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_dataset_info_get(dataset, NULL), S3REC_ERROR_ARGUMENT);
  s3rec_dataset_destroy(dataset);
}
END_TEST

static void refuse(const s3rec_dataset_arrays *arrays, s3rec_status status,
                   const char *expected) {
  s3rec_dataset *dataset = NULL;
  fixture_expect(s3rec_dataset_from_arrays(context, arrays, &dataset), status, NULL, expected);
  ck_assert_ptr_null(dataset);
}

START_TEST(refuses_arguments) {
  s3rec_dataset_arrays arrays = good_arrays();
  arrays.user_count = 0;
  refuse(&arrays, S3REC_ERROR_ARGUMENT,
         "user_count is 0, item_offsets given, items given; at least 1 user and both arrays "
         "are needed");
  arrays = good_arrays();
  arrays.items = NULL;
  refuse(&arrays, S3REC_ERROR_ARGUMENT,
         "user_count is 4, item_offsets given, items NULL; at least 1 user and both arrays "
         "are needed");
  arrays = good_arrays();
  arrays.item_offsets = NULL;
  refuse(&arrays, S3REC_ERROR_ARGUMENT,
         "user_count is 4, item_offsets NULL, items given; at least 1 user and both arrays "
         "are needed");
  arrays = good_arrays();
  arrays.attributed_items = NULL;
  refuse(&arrays, S3REC_ERROR_ARGUMENT,
         "attributed_item_count is 2, but attributed_items or attribute_offsets is NULL");
  arrays = good_arrays();
  arrays.attribute_offsets = NULL;
  refuse(&arrays, S3REC_ERROR_ARGUMENT,
         "attributed_item_count is 2, but attributed_items or attribute_offsets is NULL");
  arrays = good_arrays();
  arrays.attributes = NULL;
  refuse(&arrays, S3REC_ERROR_ARGUMENT, "attributes is NULL, but attribute_offsets end at 4");
  arrays = good_arrays();
  arrays.negatives = NULL;
  refuse(&arrays, S3REC_ERROR_ARGUMENT, "negatives_per_user is 2, but negatives is NULL");
  arrays.negatives_per_user = 1001;
  refuse(&arrays, S3REC_ERROR_ARGUMENT, "negatives_per_user is 1001, must be 0..1000");
  arrays.negatives_per_user = -1;
  refuse(&arrays, S3REC_ERROR_ARGUMENT, "negatives_per_user is -1, must be 0..1000");
  arrays = good_arrays();
  arrays.struct_size = 0;
  s3rec_dataset *dataset = NULL;
  ck_assert_int_eq(s3rec_dataset_from_arrays(context, &arrays, &dataset), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_dataset_from_arrays(NULL, &arrays, &dataset), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_dataset_from_arrays(context, NULL, &dataset), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_dataset_from_arrays(context, &arrays, NULL), S3REC_ERROR_ARGUMENT);
}
END_TEST

START_TEST(refuses_offsets) {
  s3rec_dataset_arrays arrays = good_arrays();
  arrays.item_offsets = (int64_t[]){1, 4, 5, 7, 10};
  refuse(&arrays, S3REC_ERROR_FORMAT, "item_offsets[0] is 1, must be 0");
  arrays.item_offsets = (int64_t[]){0, 4, 3, 7, 10};
  refuse(&arrays, S3REC_ERROR_FORMAT, "item_offsets fall from 4 to 3 after user 1");
  arrays.item_offsets = (int64_t[]){0, 4, 5, 5, 10};
  refuse(&arrays, S3REC_ERROR_FORMAT, "item_offsets: user 2 has no items");
  arrays = good_arrays();
  arrays.attribute_offsets = (int64_t[]){0, 3, 2};
  refuse(&arrays, S3REC_ERROR_FORMAT, "attribute_offsets fall from 3 to 2 after list 1");
}
END_TEST

START_TEST(refuses_values) {
  static const int32_t bad[] = {0, -4, S3REC_MAX_ITEM_ID + 1, INT32_MAX};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    int32_t changed[10];
    char expected[128];
    memcpy(changed, items, sizeof items);
    changed[6] = bad[i];
    s3rec_dataset_arrays arrays = good_arrays();
    arrays.items = changed;
    snprintf(expected, sizeof expected,
             "items: user 2, index 1: id %d is out of range, must be 1..2147483645", bad[i]);
    refuse(&arrays, S3REC_ERROR_FORMAT, expected);
  }
  s3rec_dataset_arrays arrays = good_arrays();
  arrays.attributes = (int32_t[]){8, -1, 8, 0};
  refuse(&arrays, S3REC_ERROR_FORMAT,
         "attributes: list 0, index 1: id -1 is out of range, must be 0..2147483646");
  arrays.attributes = (int32_t[]){8, 1, 8, INT32_MAX};
  refuse(&arrays, S3REC_ERROR_FORMAT,
         "attributes: list 1, index 0: id 2147483647 is out of range, must be 0..2147483646");
  arrays = good_arrays();
  arrays.attributed_items = (int32_t[]){6, 0};
  refuse(&arrays, S3REC_ERROR_FORMAT,
         "attributed_items, index 1: id 0 is out of range, must be 1..2147483645");
  arrays.attributed_items = (int32_t[]){S3REC_MAX_ITEM_ID + 1, 6};
  refuse(&arrays, S3REC_ERROR_FORMAT,
         "attributed_items, index 0: id 2147483646 is out of range, must be 1..2147483645");
  arrays.attributed_items = (int32_t[]){6, 6};
  refuse(&arrays, S3REC_ERROR_FORMAT,
         "item 6 has two attribute lists, numbers 0 and 1 (from 0)");
  arrays = good_arrays();
  arrays.negatives = (int32_t[]){4, 5, 1, 2, 3, 7, 6, 1};
  refuse(&arrays, S3REC_ERROR_FORMAT,
         "negatives: user 2, index 1: id 7 is out of range, must be 1..6");
}
END_TEST

static uint64_t fingerprint(const s3rec_dataset_arrays *arrays) {
  s3rec_dataset *dataset = make(arrays);
  const uint64_t value = dataset->info.fingerprint;
  s3rec_dataset_destroy(dataset);
  return value;
}

/* The formula of docs/file-format.md, spelled out. */
START_TEST(fingerprint_is_the_documented_one) {
  static const uint64_t numbers[] = {4, 4, 1, 2, 3, 2, 1, 6, 2, 4, 5, 3, 2, 6, 3,
                                     9, 2, 2, 1, 0, 6, 2, 1, 8};
  uint64_t expected = 0;
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    expected = s3_mix64(expected + 0x9e3779b97f4a7c15u + numbers[i]);
  const s3rec_dataset_arrays arrays = good_arrays();
  ck_assert_uint_eq(fingerprint(&arrays), expected);
}
END_TEST

START_TEST(fingerprint_sees_content_only) {
  const s3rec_dataset_arrays good = good_arrays();
  const uint64_t expected = fingerprint(&good);
  s3rec_dataset_arrays arrays = good;
  arrays.negatives_per_user = 0;
  ck_assert_uint_eq(fingerprint(&arrays), expected);
  arrays.attributed_items = (int32_t[]){2, 6}; /* another order, same content */
  arrays.attribute_offsets = (int64_t[]){0, 1, 3};
  arrays.attributes = (int32_t[]){0, 8, 1};
  ck_assert_uint_eq(fingerprint(&arrays), expected);
  arrays.attributes = (int32_t[]){0, 8, 2};
  ck_assert_uint_ne(fingerprint(&arrays), expected);
  arrays = good;
  arrays.items = (int32_t[]){2, 1, 3, 2, 6, 4, 5, 2, 6, 3};
  ck_assert_uint_ne(fingerprint(&arrays), expected);
  arrays = good;
  arrays.item_offsets = (int64_t[]){0, 4, 6, 7, 10};
  ck_assert_uint_ne(fingerprint(&arrays), expected);
  arrays = good;
  arrays.user_count = 3;
  arrays.item_offsets = (int64_t[]){0, 4, 5, 10};
  ck_assert_uint_ne(fingerprint(&arrays), expected);
}
END_TEST

START_TEST(splits) {
  const s3rec_dataset_arrays arrays = good_arrays();
  s3rec_dataset *dataset = make(&arrays);
  const int32_t *history;
  size_t count;
  int32_t answer;
  ck_assert(s3_split_history(dataset, 0, false, &history, &count, &answer));
  ck_assert_uint_eq(count, 2);
  ck_assert_ptr_eq(history, dataset->sequences.values);
  ck_assert_int_eq(answer, 3);
  ck_assert(s3_split_history(dataset, 0, true, &history, &count, &answer));
  ck_assert_uint_eq(count, 3);
  ck_assert_int_eq(answer, 2);
  ck_assert(s3_split_history(dataset, 3, false, &history, &count, &answer));
  ck_assert_uint_eq(count, 1);
  ck_assert_int_eq(answer, 6);
  for (size_t user = 1; user <= 2; user++) { /* 1 and 2 items */
    ck_assert(!s3_split_history(dataset, user, false, &history, &count, &answer));
    ck_assert(!s3_split_history(dataset, user, true, &history, &count, &answer));
  }
  static const size_t lengths[4][4] = {{4, 1, 2, 3}, {3, 1, 2, 2}, {2, 1, 2, 1}, {2, 0, 0, 1}};
  for (size_t user = 0; user < 4; user++) {
    for (size_t held_out = 0; held_out <= 2; held_out++)
      ck_assert_uint_eq(s3_training_length(dataset, user, held_out, false),
                        lengths[held_out][user]);
    ck_assert_uint_eq(s3_training_length(dataset, user, 2, true), lengths[3][user]);
  }
  s3rec_dataset_destroy(dataset);
}
END_TEST

START_TEST(keeps_the_context_alive) {
  test_hooks own;
  s3rec_context *short_lived = test_hooks_context(&own);
  const s3rec_dataset_arrays arrays = good_arrays();
  s3rec_dataset *dataset = NULL;
  ck_assert_int_eq(s3rec_dataset_from_arrays(short_lived, &arrays, &dataset), S3REC_OK);
  s3rec_context_destroy(short_lived);
  ck_assert_int_gt(own.live_blocks, 0);
  s3rec_dataset_destroy(dataset);
  test_hooks_assert_empty(&own);
}
END_TEST

static s3rec_status from_arrays_scenario(void *scarce) {
  const s3rec_dataset_arrays arrays = good_arrays();
  s3rec_dataset *dataset = NULL;
  const s3rec_status status = s3rec_dataset_from_arrays(scarce, &arrays, &dataset);
  ck_assert_int_eq(status == S3REC_OK, dataset != NULL);
  s3rec_dataset_destroy(dataset);
  return status;
}

static test_path scenario_sequences, scenario_attributes, scenario_negatives;

static s3rec_status load_scenario(void *scarce) {
  s3rec_dataset *dataset = NULL;
  const s3rec_status status = s3rec_dataset_load(
      scarce, scenario_sequences.text, scenario_attributes.text, scenario_negatives.text, &dataset);
  ck_assert_int_eq(status == S3REC_OK, dataset != NULL);
  s3rec_dataset_destroy(dataset);
  return status;
}

START_TEST(survives_memory_failures) {
  ck_assert_uint_ge(fixture_fail_each(from_arrays_scenario), 10);
  char text[1024] = "1";
  for (int i = 0; i < 99; i++) strcat(text, " 4");
  strcat(text, "\n");
  scenario_sequences = fixture_text("data.txt", "1 2 3 4 5 6 7 8 9\n");
  scenario_attributes = fixture_text("attributes.json", "{\"3\": [1, 2], \"2\": [4, 4]}");
  scenario_negatives = fixture_text("negatives.txt", text);
  ck_assert_uint_ge(fixture_fail_each(load_scenario), 30);
}
END_TEST

/* Users 2 and 3 items; item 1 has attribute 4. */
static s3rec_dataset *small_dataset(void) {
  static const int64_t offsets[] = {0, 2, 5}, attribute_offsets[] = {0, 1};
  static const int32_t items[] = {1, 2, 3, 7, 1}, attributed[] = {1}, attributes[] = {4};
  s3rec_dataset_arrays arrays;
  s3rec_dataset *dataset = NULL;
  s3rec_dataset_arrays_init(&arrays);
  arrays.user_count = 2;
  arrays.item_offsets = offsets;
  arrays.items = items;
  arrays.attributed_item_count = 1;
  arrays.attributed_items = attributed;
  arrays.attribute_offsets = attribute_offsets;
  arrays.attributes = attributes;
  ck_assert_int_eq(s3rec_dataset_from_arrays(context, &arrays, &dataset), S3REC_OK);
  return dataset;
}

START_TEST(a_model_for_a_dataset_has_its_sizes) {
  s3rec_model *model = NULL, *same = NULL;
  s3rec_model_config config, found;
  s3rec_dataset *const dataset = small_dataset();
  ck_assert_int_eq(s3rec_model_create_for(dataset, NULL, 5, &model), S3REC_OK);
  s3rec_model_config_init(&found);
  ck_assert_int_eq(s3rec_model_config_get(model, &found), S3REC_OK);
  ck_assert_int_eq(found.item_size, 9);
  ck_assert_int_eq(found.attribute_size, 5);
  ck_assert_int_eq(s3rec_model_create(context, &found, 5, &same), S3REC_OK);
  ck_assert_uint_eq(s3rec_model_fingerprint(model), s3rec_model_fingerprint(same));
  s3rec_model_destroy(same);
  s3rec_model_destroy(model);
  s3rec_model_config_init(&config);
  config.item_size = 20; /* larger than the data's, and attribute_size smaller */
  config.hidden_size = 16;
  ck_assert_int_eq(s3rec_model_create_for(dataset, &config, 5, &model), S3REC_OK);
  ck_assert_int_eq(s3rec_model_config_get(model, &found), S3REC_OK);
  ck_assert_int_eq(found.item_size, 20);
  ck_assert_int_eq(found.attribute_size, 5);
  ck_assert_int_eq(found.hidden_size, 16);
  s3rec_model_destroy(model);
  config.hidden_size = 15;
  model = NULL;
  ck_assert_int_eq(s3rec_model_create_for(dataset, &config, 5, &model), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_model_create_for(NULL, &config, 5, &model), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_model_create_for(dataset, NULL, 5, NULL), S3REC_ERROR_ARGUMENT);
  ck_assert_ptr_null(model);
  s3rec_dataset_destroy(dataset);
}
END_TEST

TEST_SUITE(data_dataset) {
  TCase *cases = tcase_create("dataset");
  tcase_add_checked_fixture(cases, set_up, tear_down);
  tcase_add_test(cases, a_model_for_a_dataset_has_its_sizes);
  tcase_add_test(cases, copies_arrays);
  tcase_add_test(cases, works_without_attributes_and_negatives);
  tcase_add_test(cases, empty_attribute_lists_need_no_array);
  tcase_add_test(cases, fills_what_struct_size_covers);
  tcase_add_test(cases, refuses_arguments);
  tcase_add_test(cases, refuses_offsets);
  tcase_add_test(cases, refuses_values);
  tcase_add_test(cases, fingerprint_is_the_documented_one);
  tcase_add_test(cases, fingerprint_sees_content_only);
  tcase_add_test(cases, splits);
  tcase_add_test(cases, keeps_the_context_alive);
  tcase_add_test(cases, survives_memory_failures);
  test_add_cases(suite, cases, NULL);
}
