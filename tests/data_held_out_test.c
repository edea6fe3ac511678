/* SPDX-License-Identifier: Apache-2.0 */
/* Which items are trained on, by held_out_count. */
#include <string.h>

#include "sampling/sampler.h"
#include "data_fixture.h"
#include "support/suite.h"

/* Items 1 | 2 3 | 4 5 6 | 7 8 9 10 | 11 .. 15. */
static const int32_t lengths[] = {1, 2, 3, 4, 5};
enum { USERS = sizeof lengths / sizeof *lengths, ITEMS = 15, EPOCHS = 200 };

static test_hooks hooks;
static s3rec_context *context;
static s3rec_batch *batch;

static void set_up(void) {
  context = test_hooks_context(&hooks);
  ck_assert_int_eq(s3rec_batch_create(context, &batch), S3REC_OK);
}

static void tear_down(void) {
  s3rec_batch_destroy(batch);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

static s3rec_sampler *sampler_of(s3rec_stage stage, int32_t held_out_count) {
  s3rec_dataset *dataset = fixture_unique_dataset(context, lengths, USERS);
  s3rec_sampler_options options;
  s3rec_sampler *sampler = NULL;
  s3rec_sampler_options_init(&options, stage);
  options.held_out_count = held_out_count;
  ck_assert_int_eq(s3rec_sampler_create(dataset, &options, &sampler), S3REC_OK);
  s3rec_dataset_destroy(dataset);
  return sampler;
}

static size_t user_of(int32_t item) {
  int32_t end = 0;
  for (size_t user = 0; user < USERS; user++)
    if (item <= (end += lengths[user])) return user;
  return USERS;
}

/* 'x' for items that occur. */
static void mark(const int32_t *ids, char *seen) {
  for (size_t t = 0; t < batch->token_count; t++)
    if (ids[t] >= 1 && ids[t] <= ITEMS) seen[ids[t] - 1] = 'x';
}

static const char *const targets[3] = {"..x" ".xx" ".xxx" ".xxxx",
                                       "..x" ".x." ".xx." ".xxx.",
                                       "..x" "..." ".x.." ".xx.."};

START_TEST(finetuning_targets) {
  s3rec_sampler *sampler = sampler_of(S3REC_STAGE_FINETUNE, _i);
  char seen[] = "...............", inputs[] = "...............";
  for (int epoch = 0; epoch < EPOCHS; epoch++) {
    ck_assert_int_eq(s3rec_sampler_next(sampler, batch), S3REC_OK);
    mark(batch->ids[S3_STREAM_POS], seen);
    mark(batch->ids[S3_STREAM_INPUT], inputs);
    for (size_t t = 0; t < batch->token_count; t++) { /* negatives avoid the whole sequence */
      const int32_t input = batch->ids[S3_STREAM_INPUT][t];
      ck_assert_int_eq(batch->ids[S3_STREAM_POS][t], input + 1);
      ck_assert_uint_ne(user_of(batch->ids[S3_STREAM_NEG][t]), user_of(input));
    }
  }
  ck_assert_str_eq(seen, targets[_i]);
  for (int item = 1; item < ITEMS; item++) /* the target's predecessor */
    ck_assert(inputs[item - 1] == targets[_i][item]);
  s3rec_sampler_destroy(sampler);
}
END_TEST

/* Masked items, segments and negative segments alike. */
START_TEST(pretraining_items) {
  static const char *const expected[3] = {"x" "xx" "xxx" "xxxx" "xxxxx",
                                          "x" "xx" "xx." "xxx." "xxxx.",
                                          "x" "xx" "x.." "xx.." "xxx.."};
  static const size_t instances[3] = {15, 12, 9};
  s3rec_sampler *sampler = sampler_of(S3REC_STAGE_PRETRAIN, _i);
  char items[] = "...............", segments[] = "...............";
  for (int epoch = 0; epoch < EPOCHS; epoch++) {
    ck_assert_int_eq(s3rec_sampler_next(sampler, batch), S3REC_OK);
    ck_assert_uint_eq(batch->sequence_count, instances[_i]);
    mark(batch->ids[S3_STREAM_POS], items);
    mark(batch->ids[S3_STREAM_NEG_SEGMENT], segments);
  }
  ck_assert_str_eq(items, expected[_i]);
  ck_assert_str_eq(segments, expected[_i]);
  s3rec_sampler_destroy(sampler);
}
END_TEST

TEST_SUITE(data_held_out) {
  TCase *cases = tcase_create("held out");
  tcase_add_checked_fixture(cases, set_up, tear_down);
  tcase_add_loop_test(cases, finetuning_targets, 0, 3);
  tcase_add_loop_test(cases, pretraining_items, 0, 3);
  test_add_cases(suite, cases, NULL);
}
