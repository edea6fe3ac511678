/* SPDX-License-Identifier: Apache-2.0 */
/* States that lack options of later releases, as release 0.1 wrote them: what they
 * mean, and that a wrong one is refused and changes nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/suite.h"
#include "support/training.h"
#include "training/trainer.h"

static const test_shape shape = {.items = 20, .attributes = 3, .length = 6, .hidden = 8,
                                 .layers = 1, .heads = 2, .activation = S3REC_GELU,
                                 .dropout = 0.2, .batch = 9};

static test_training training;
static s3rec_dataset *dataset;
static s3rec_sampler *sampler;
static char path[64];

static s3rec_sampler *sampler_that_holds_out(int32_t count) {
  s3rec_sampler_options options;
  s3rec_sampler *made = NULL;
  s3rec_sampler_options_init(&options, S3REC_STAGE_FINETUNE);
  options.held_out_count = count;
  test_ok(s3rec_sampler_create(dataset, &options, &made));
  return made;
}

/* A state with no default among the later options of the trainer. */
static void set_up(void) {
  s3rec_trainer_options options;
  s3rec_trainer_options_init(&options);
  options.label_smoothing = 0.25;
  options.decoupled_weight_decay = 0.5;
  options.negative_count = 2;
  options.warmup_steps = 3;
  options.decay_steps = 9;
  training = test_training_start(&shape, 1, 81, &options);
  dataset = test_dataset(training.context, &shape, 12, 82);
  sampler = sampler_that_holds_out(2);
  snprintf(path, sizeof path, "training_old_state_test.%ld.state", (long)getpid());
  test_ok(s3rec_finetune_step(training.trainer, training.finetune, NULL));
  test_ok(s3rec_trainer_save(training.trainer, sampler, NULL, path));
}

static void tear_down(void) {
  s3rec_sampler_destroy(sampler);
  s3rec_dataset_destroy(dataset);
  test_training_end(&training);
  remove(path);
}

/* Puts `now`, filled up with blanks, into the file where `then` stands once. */
static void replace(const char *then, const char *now) {
  FILE *file = fopen(path, "r+b");
  static char bytes[1 << 20];
  ck_assert_ptr_nonnull(file);
  const size_t size = fread(bytes, 1, sizeof bytes, file);
  char *found = memmem(bytes, size, then, strlen(then));
  ck_assert_msg(found != NULL, "%s is not in the state", then);
  memset(found, ' ', strlen(then));
  memcpy(found, now, strlen(now));
  rewind(file);
  ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
  ck_assert_int_eq(fclose(file), 0);
}

static void refuses(s3rec_status status) {
  const s3rec_trainer_options *options = &training.trainer->options;
  test_fails(s3rec_trainer_load(training.trainer, sampler, path), status);
  ck_assert_double_eq(options->label_smoothing, 0.25);
  ck_assert_int_eq(options->negative_count, 2);
  ck_assert_uint_eq(options->warmup_steps, 3);
  ck_assert_uint_eq(options->decay_steps, 9);
}

START_TEST(without_a_negative_count_it_is_the_default) {
  replace(",\\\"negative_count\\\":2", ",\\\"negative_count\\\":0");
  refuses(S3REC_ERROR_FORMAT);
  replace(",\\\"negative_count\\\":0", "");
  test_ok(s3rec_trainer_load(training.trainer, sampler, path));
  ck_assert_int_eq(training.trainer->options.negative_count, S3_DEFAULT_NEGATIVE_COUNT);
}
END_TEST

START_TEST(without_a_schedule_there_is_none) {
  replace("\\\"decay_steps\\\":\\\"9\\\"", "\\\"decay_steps\\\":\\\"3\\\""); /* no decay at all */
  refuses(S3REC_ERROR_FORMAT);
  replace(",\\\"warmup_steps\\\":\\\"3\\\"", "");
  replace(",\\\"decay_steps\\\":\\\"3\\\"", "");
  test_ok(s3rec_trainer_load(training.trainer, sampler, path));
  ck_assert_uint_eq(training.trainer->options.warmup_steps, 0);
  ck_assert_uint_eq(training.trainer->options.decay_steps, 0);
}
END_TEST

START_TEST(without_smoothing_and_decoupled_decay_both_are_0) {
  replace(",\\\"label_smoothing\\\":0.25", ",\\\"label_smoothing\\\":1.25");
  refuses(S3REC_ERROR_FORMAT);
  replace(",\\\"label_smoothing\\\":1.25", "");
  replace(",\\\"decoupled_weight_decay\\\":0.5", "");
  test_ok(s3rec_trainer_load(training.trainer, sampler, path));
  ck_assert_double_eq(training.trainer->options.label_smoothing, 0);
  ck_assert_double_eq(training.trainer->options.decoupled_weight_decay, 0);
}
END_TEST

START_TEST(without_a_held_out_count_it_is_2) {
  s3rec_sampler *one = sampler_that_holds_out(1);
  replace("\\\"held_out_count\\\":2", "\\\"held_out_count\\\":1");
  refuses(S3REC_ERROR_MISMATCH);
  test_ok(s3rec_trainer_load(training.trainer, one, path));
  replace(",\\\"held_out_count\\\":1", "");
  test_ok(s3rec_trainer_load(training.trainer, sampler, path));
  test_fails(s3rec_trainer_load(training.trainer, one, path), S3REC_ERROR_MISMATCH);
  ck_assert_ptr_nonnull(strstr(s3rec_last_error(), "held_out_count"));
  s3rec_sampler_destroy(one);
}
END_TEST

TEST_SUITE(training_old_state) {
  TCase *states = tcase_create("states");
  tcase_add_checked_fixture(states, set_up, tear_down);
  tcase_add_test(states, without_a_negative_count_it_is_the_default);
  tcase_add_test(states, without_a_schedule_there_is_none);
  tcase_add_test(states, without_smoothing_and_decoupled_decay_both_are_0);
  tcase_add_test(states, without_a_held_out_count_it_is_2);
  test_add_cases(suite, states, NULL);
}
