/* SPDX-License-Identifier: Apache-2.0 */
/* What the library says through the log hook, line by line, and on which thread. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "s3rec/s3rec.h"
#include "support/files.h"
#include "support/suite.h"
#include "support/training.h"

enum { MAXIMUM_LINES = 16 };

typedef struct log_lines {
  size_t count;
  s3rec_log_level levels[MAXIMUM_LINES];
  char text[MAXIMUM_LINES][1024];
  pthread_t caller;
} log_lines;

static log_lines lines;

static void keep_line(s3rec_log_level level, const char *message, void *user_data) {
  log_lines *kept = user_data;
  ck_assert_msg(pthread_equal(kept->caller, pthread_self()), "another thread: %s", message);
  ck_assert_msg(strchr(message, '\n') == NULL && message[0] != '\0', "'%s'", message);
  ck_assert_uint_lt(kept->count, MAXIMUM_LINES);
  kept->levels[kept->count] = level;
  snprintf(kept->text[kept->count++], sizeof kept->text[0], "%s", message);
}

/* Line `index` is this one. */
static void expect(size_t index, s3rec_log_level level, const char *text) {
  ck_assert_uint_lt(index, lines.count);
  ck_assert_str_eq(lines.text[index], text);
  ck_assert_int_eq(lines.levels[index], level);
}

static s3rec_context *open_context(int32_t threads, s3rec_log_function log) {
  s3rec_context_options options;
  s3rec_context_options_init(&options);
  options.thread_count = threads;
  options.kernel_level = S3REC_KERNELS_BASELINE;
  options.log = log;
  options.log_user_data = &lines;
  s3rec_context *context = NULL;
  lines = (log_lines){.caller = pthread_self()};
  test_ok(s3rec_context_create(&options, &context));
  return context;
}

START_TEST(context_names_its_choices) {
  char build[512], expected[640];
  ck_assert_int_lt(s3rec_build_info(build, sizeof build), (int)sizeof build);
  char *const kernels = strstr(build, "; kernels:"); /* after release and oneDNN */
  ck_assert_ptr_nonnull(kernels);
  *kernels = '\0';
  ck_assert_ptr_nonnull(strstr(build, "; oneDNN "));
  snprintf(expected, sizeof expected, "%s; kernels baseline, backend fused, threads: 3", build);
  s3rec_context *context = open_context(3, keep_line);
  ck_assert_uint_eq(lines.count, 1);
  expect(0, S3REC_LOG_INFO, expected);
  s3rec_context_destroy(context);
  ck_assert_uint_eq(lines.count, 1);
}
END_TEST

/* Users of 4, 1 and 2 items up to 6; attributes of items 2, 7 and 9. */
static s3rec_dataset *open_dataset(s3rec_context *context) {
  static const int64_t item_offsets[] = {0, 4, 5, 7}, attribute_offsets[] = {0, 2, 3, 3};
  static const int32_t items[] = {1, 2, 3, 2, 6, 4, 5}, attributes[] = {1, 4, 8};
  static const int32_t attributed_items[] = {2, 7, 9}, negatives[] = {4, 5, 1, 2, 3, 3};
  s3rec_dataset_arrays arrays;
  s3rec_dataset_arrays_init(&arrays);
  arrays.user_count = 3;
  arrays.item_offsets = item_offsets;
  arrays.items = items;
  arrays.attributed_item_count = 3;
  arrays.attributed_items = attributed_items;
  arrays.attribute_offsets = attribute_offsets;
  arrays.attributes = attributes;
  arrays.negatives_per_user = 2;
  arrays.negatives = negatives;
  s3rec_dataset *dataset = NULL;
  test_ok(s3rec_dataset_from_arrays(context, &arrays, &dataset));
  return dataset;
}

static void expect_dataset(const char *contents) {
  ck_assert_uint_eq(lines.count, 4);
  expect(1, S3REC_LOG_INFO, contents);
  expect(2, S3REC_LOG_WARNING,
         "dataset: users with fewer than 3 items: 2 of 3; kept for training (unless "
         "reference_draws), skipped in evaluation");
  expect(3, S3REC_LOG_WARNING,
         "dataset: attribute lists ignored: 2, for items above 6, the largest in sequences");
}

START_TEST(dataset_says_what_it_holds) {
  s3rec_context *context = open_context(1, keep_line);
  s3rec_dataset_destroy(open_dataset(context));
  expect_dataset(
      "dataset: users: 3, interactions: 7, item_size: 8, attribute_size: 9, attribute lists: 1, "
      "negatives a user: 2");
  s3rec_context_destroy(context);
}
END_TEST

START_TEST(files_say_the_same) {
  static const char sequences[] = "1 1 2 3 2\n2 6\n3 4 5\n";
  static const char attributes[] = "{\"9\": [], \"2\": [1, 4], \"7\": [8]}";
  const test_path sequences_path = test_file("s.txt"), attributes_path = test_file("a.json");
  test_write(sequences_path.text, sequences, sizeof sequences - 1);
  test_write(attributes_path.text, attributes, sizeof attributes - 1);
  s3rec_context *context = open_context(1, keep_line);
  s3rec_dataset *dataset = NULL;
  test_ok(s3rec_dataset_load(context, sequences_path.text, attributes_path.text, NULL, &dataset));
  expect_dataset(
      "dataset: users: 3, interactions: 7, item_size: 8, attribute_size: 9, attribute lists: 1, "
      "negatives a user: 0");
  s3rec_dataset_destroy(dataset);
  /* Without attributes and short users nothing to warn of, and a failure is a status. */
  lines.count = 0;
  test_write(sequences_path.text, sequences, sizeof "1 1 2 3 2\n" - 1);
  test_ok(s3rec_dataset_load(context, sequences_path.text, NULL, NULL, &dataset));
  ck_assert_uint_eq(lines.count, 1);
  expect(0, S3REC_LOG_INFO,
         "dataset: users: 1, interactions: 4, item_size: 5, attribute_size: 1, attribute lists: 0, "
         "negatives a user: 0");
  s3rec_dataset_destroy(dataset);
  test_fails(s3rec_dataset_load(context, "/no/such/file", NULL, NULL, &dataset), S3REC_ERROR_IO);
  ck_assert_uint_eq(lines.count, 1);
  s3rec_context_destroy(context);
}
END_TEST

static const test_shape shape = {.items = 30,
                                 .attributes = 5,
                                 .length = 6,
                                 .hidden = 8,
                                 .layers = 1,
                                 .heads = 2,
                                 .activation = S3REC_GELU,
                                 .batch = 4};

/* Two training steps and an evaluation of more users than one thread takes at a time. */
static void train_and_evaluate(s3rec_context *context) {
  s3rec_model *model = test_model(context, &shape, 1);
  s3rec_dataset *dataset = test_dataset(context, &shape, 300, 2);
  s3rec_batch *batch = test_finetune_batch(context, &shape, 3);
  s3rec_trainer *trainer = NULL;
  s3rec_losses losses;
  s3rec_metrics metrics;
  s3rec_losses_init(&losses);
  s3rec_metrics_init(&metrics);
  test_ok(s3rec_trainer_create(model, NULL, &trainer));
  lines.count = 0;
  test_ok(s3rec_finetune_step(trainer, batch, &losses));
  test_ok(s3rec_finetune_step(trainer, batch, &losses));
  s3rec_trainer_destroy(trainer);
  test_ok(s3rec_evaluate(model, dataset, NULL, &metrics, NULL));
  s3rec_batch_destroy(batch);
  s3rec_dataset_destroy(dataset);
  s3rec_model_destroy(model);
}

START_TEST(threads_are_announced_when_they_start) {
  s3rec_context *context = open_context(3, keep_line);
  train_and_evaluate(context);
  ck_assert_uint_eq(lines.count, 2);
  expect(0, S3REC_LOG_INFO, "training: threads started: 2");
  expect(1, S3REC_LOG_INFO, "evaluation: threads started: 2");
  s3rec_context_destroy(context);
  context = open_context(1, keep_line);
  train_and_evaluate(context);
  ck_assert_uint_eq(lines.count, 0);
  s3rec_context_destroy(context);
}
END_TEST

START_TEST(silent_without_a_hook) {
  s3rec_context *context = open_context(3, NULL);
  s3rec_dataset_destroy(open_dataset(context));
  train_and_evaluate(context);
  ck_assert_uint_eq(lines.count, 0);
  s3rec_context_destroy(context);
}
END_TEST

TEST_SUITE(log) {
  TCase *cases = tcase_create("log");
  tcase_add_test(cases, context_names_its_choices);
  tcase_add_test(cases, dataset_says_what_it_holds);
  tcase_add_test(cases, files_say_the_same);
  tcase_add_test(cases, threads_are_announced_when_they_start);
  tcase_add_test(cases, silent_without_a_hook);
  test_add_cases(suite, cases, NULL);
}
