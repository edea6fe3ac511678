/* SPDX-License-Identifier: Apache-2.0 */
/* Batches from padded arrays, and back. */
#include <string.h>

#include "sampling/batch.h"
#include "data_fixture.h"
#include "support/suite.h"

static test_hooks hooks;
static s3rec_context *context;
static s3rec_batch *batch;

static void set_up(void) {
  context = test_hooks_context(&hooks);
  ck_assert_int_eq(s3rec_batch_create(context, &batch), S3REC_OK);
}

static void tear_down(void) {
  s3rec_context_destroy(context); /* the batch keeps it alive */
  s3rec_batch_destroy(batch);
  test_hooks_assert_empty(&hooks);
}

/* Two rows of 3 and 1 items in 4 slots, mask id 9, three attributes. */
enum { ROWS = 2, LENGTH = 4, SLOTS = ROWS * LENGTH, ATTRIBUTES = 3, ID_ARRAYS = 6 };
typedef struct padded {
  int32_t ids[ID_ARRAYS][SLOTS];
  uint8_t attributes[SLOTS * ATTRIBUTES];
} padded;

static const char *const names[ID_ARRAYS] = {
    "masked_item_sequence",    "pos_items",   "neg_items",
    "masked_segment_sequence", "pos_segment", "neg_segment"};

static const padded good = {
    {{0, 5, 9, 9, 0, 0, 0, 9},
     {0, 5, 6, 7, 0, 0, 0, 2},
     {0, 5, 1, 8, 0, 0, 0, 4},
     {0, 9, 6, 7, 0, 0, 0, 2},
     {0, 5, 9, 9, 0, 0, 0, 2},
     {0, 3, 9, 9, 0, 0, 0, 2}},
    {1, 1, 1, 1, 0, 255, 0, 0, 0, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 7}};

static s3rec_pretrain_arrays arrays_of(const padded *from) {
  s3rec_pretrain_arrays arrays;
  s3rec_pretrain_arrays_init(&arrays);
  arrays.batch_size = ROWS;
  arrays.max_seq_length = LENGTH;
  arrays.attribute_size = ATTRIBUTES;
  arrays.mask_id = 9;
  arrays.attributes = from->attributes;
  arrays.masked_item_sequence = from->ids[0];
  arrays.pos_items = from->ids[1];
  arrays.neg_items = from->ids[2];
  arrays.masked_segment_sequence = from->ids[3];
  arrays.pos_segment = from->ids[4];
  arrays.neg_segment = from->ids[5];
  return arrays;
}

static void set_good(void) {
  const s3rec_pretrain_arrays arrays = arrays_of(&good);
  ck_assert_int_eq(s3rec_batch_set_pretrain(batch, &arrays), S3REC_OK);
}

static void expect_good(void) {
  s3rec_batch_info info;
  s3rec_batch_info_init(&info);
  ck_assert_int_eq(s3rec_batch_info_get(batch, &info), S3REC_OK);
  ck_assert_int_eq(info.stage, S3REC_STAGE_PRETRAIN);
  ck_assert_int_eq(info.batch_size, ROWS);
  ck_assert_int_eq(info.max_seq_length, LENGTH);
  ck_assert_uint_eq(info.token_count, 4);
  ck_assert_uint_eq(info.target_count, 3);
  for (int i = 0; i < ID_ARRAYS; i++) {
    int32_t ids[SLOTS];
    memset(ids, 0x55, sizeof ids);
    ck_assert_int_eq(s3rec_batch_read(batch, names[i], ids, SLOTS), S3REC_OK);
    ck_assert_mem_eq(ids, good.ids[i], sizeof ids);
  }
}

START_TEST(keeps_real_tokens) {
  set_good();
  expect_good();
  ck_assert_mem_eq(batch->offsets, ((size_t[]){0, 3, 4}), 3 * sizeof(size_t));
  ck_assert_int_eq(batch->mask_id, 9);
  ck_assert_int_eq(batch->max_item_id, 9);
  ck_assert_int_eq(batch->max_attribute_id, 2);
  ck_assert(batch->has_negatives);
  ck_assert_uint_eq(batch->attribute_count, 4);
  ck_assert_mem_eq(batch->attribute_begin, ((size_t[]){0, 2, 2, 3}), 4 * sizeof(size_t));
  ck_assert_mem_eq(batch->attribute_end, ((size_t[]){2, 2, 3, 4}), 4 * sizeof(size_t));
  ck_assert_mem_eq(batch->attributes, ((int32_t[]){0, 2, 1, 2}), 4 * sizeof(int32_t));
}
END_TEST

START_TEST(starts_empty) {
  s3rec_batch_info info;
  s3rec_batch_info_init(&info);
  ck_assert_int_eq(s3rec_batch_info_get(batch, &info), S3REC_OK);
  ck_assert_int_eq(info.stage, 0);
  ck_assert_int_eq(info.batch_size, 0);
  ck_assert_uint_eq(info.token_count, 0);
  int32_t id;
  fixture_expect(s3rec_batch_read(batch, "pos_items", &id, 1), S3REC_ERROR_NOT_FOUND, NULL,
                 "no array of that name in an empty batch");
}
END_TEST

START_TEST(reads_by_name) {
  int32_t ids[SLOTS] = {0};
  set_good();
  fixture_expect(s3rec_batch_read(batch, "pos_items", ids, SLOTS - 1), S3REC_ERROR_ARGUMENT, NULL,
                 "capacity is 7, pos_items needs 8 (2 x 4)");
  fixture_expect(s3rec_batch_read(batch, "input_ids", ids, SLOTS), S3REC_ERROR_NOT_FOUND, NULL,
                 "no array of that name in a pretraining batch");
  ck_assert_int_eq(s3rec_batch_read(batch, "attributes", ids, SLOTS), S3REC_ERROR_NOT_FOUND);
  ck_assert_int_eq(s3rec_batch_read(batch, NULL, ids, SLOTS), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_batch_read(batch, "pos_items", NULL, SLOTS), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_batch_read(NULL, "pos_items", ids, SLOTS), S3REC_ERROR_ARGUMENT);
  for (size_t i = 0; i < SLOTS; i++) ck_assert_int_eq(ids[i], 0);
}
END_TEST

static void refuse(const padded *from, const char *expected) {
  const s3rec_pretrain_arrays arrays = arrays_of(from);
  fixture_expect(s3rec_batch_set_pretrain(batch, &arrays), S3REC_ERROR_FORMAT, NULL, expected);
  expect_good();
}

START_TEST(refuses_values) {
  static const struct {
    int array, slot, value;
    const char *expected;
  } cases[] = {
      {1, 2, 0, "pos_items[0][2] is 0, must be 1..9 after the row's padding, which is on the "
                "left"},
      {1, 7, 0, "masked_item_sequence[1][3] is 9, must be 0: pos_items is padding there"},
      {1, 3, -1, "pos_items[0][3] is -1, must be 1..9"},
      {1, 3, 10, "pos_items[0][3] is 10, must be 1..9"},
      {0, 0, 5, "masked_item_sequence[0][0] is 5, must be 0: pos_items is padding there"},
      {0, 1, 10, "masked_item_sequence[0][1] is 10, must be 1..9"},
      {2, 6, 1, "neg_items[1][2] is 1, must be 0: pos_items is padding there"},
      {2, 2, -2147483647, "neg_items[0][2] is -2147483647, must be 1..9"},
      {3, 1, 0, "masked_segment_sequence[0][1] is 0, must be 1..9 after the row's padding, "
                "which is on the left"},
      {4, 7, 2147483647, "pos_segment[1][3] is 2147483647, must be 1..9"},
      {5, 0, 9, "neg_segment[0][0] is 9, must be 0: pos_items is padding there"},
  };
  set_good();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    padded changed = good;
    changed.ids[cases[i].array][cases[i].slot] = cases[i].value;
    refuse(&changed, cases[i].expected);
  }
  padded changed = good;
  for (int i = 0; i < ID_ARRAYS; i++) changed.ids[i][7] = 0;
  refuse(&changed, "pos_items[1][3] is 0: the row has no items, at least 1 is needed");
}
END_TEST

static void refuse_arguments(s3rec_pretrain_arrays arrays, const char *expected) {
  fixture_expect(s3rec_batch_set_pretrain(batch, &arrays), S3REC_ERROR_ARGUMENT, NULL, expected);
}

START_TEST(refuses_arguments_of_pretraining) {
  s3rec_pretrain_arrays arrays = arrays_of(&good);
  arrays.batch_size = 0;
  refuse_arguments(arrays, "batch_size is 0, must be 1..65536");
  arrays.batch_size = 65537;
  refuse_arguments(arrays, "batch_size is 65537, must be 1..65536");
  arrays = arrays_of(&good);
  arrays.max_seq_length = 4097;
  refuse_arguments(arrays, "max_seq_length is 4097, must be 1..4096");
  arrays = arrays_of(&good);
  arrays.neg_segment = NULL;
  refuse_arguments(arrays, "neg_segment must not be NULL");
  arrays = arrays_of(&good);
  arrays.attributes = NULL;
  refuse_arguments(arrays, "attributes must not be NULL");
  arrays = arrays_of(&good);
  arrays.attribute_size = 0;
  refuse_arguments(arrays,
                   "mask_id is 9 and attribute_size 0, must be at least 2 and 1");
  arrays = arrays_of(&good);
  arrays.mask_id = 1;
  refuse_arguments(arrays,
                   "mask_id is 1 and attribute_size 3, must be at least 2 and 1");
  ck_assert_int_eq(s3rec_batch_set_pretrain(NULL, &arrays), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_batch_set_pretrain(batch, NULL), S3REC_ERROR_ARGUMENT);
  arrays = arrays_of(&good);
  arrays.struct_size = 8;
  ck_assert_int_eq(s3rec_batch_set_pretrain(batch, &arrays), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_batch_create(NULL, &batch), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_batch_create(context, NULL), S3REC_ERROR_ARGUMENT);
  s3rec_batch_destroy(NULL);
}
END_TEST

static const int32_t input_ids[] = {0, 1, 2, 3, 0, 0, 0, 0};
static const int32_t target_pos[] = {0, 0, 3, 7, 0, 0, 0, 0};
static const int32_t target_neg[] = {0, 0, 8, 4, 0, 0, 0, 0};

START_TEST(finetune_round_trip) {
  ck_assert_int_eq(s3rec_batch_set_finetune(batch, ROWS, LENGTH, input_ids, target_pos,
                                            target_neg),
                   S3REC_OK);
  s3rec_batch_info info;
  s3rec_batch_info_init(&info);
  ck_assert_int_eq(s3rec_batch_info_get(batch, &info), S3REC_OK);
  ck_assert_int_eq(info.stage, S3REC_STAGE_FINETUNE);
  ck_assert_int_eq(info.batch_size, ROWS);
  ck_assert_uint_eq(info.token_count, 3);
  ck_assert_uint_eq(info.target_count, 2);
  ck_assert_int_eq(batch->max_item_id, 8);
  ck_assert_int_eq(batch->max_attribute_id, -1);
  int32_t ids[SLOTS];
  ck_assert_int_eq(s3rec_batch_read(batch, "input_ids", ids, SLOTS), S3REC_OK);
  ck_assert_mem_eq(ids, input_ids, sizeof ids);
  ck_assert_int_eq(s3rec_batch_read(batch, "target_pos", ids, SLOTS), S3REC_OK);
  ck_assert_mem_eq(ids, target_pos, sizeof ids);
  ck_assert_int_eq(s3rec_batch_read(batch, "target_neg", ids, SLOTS), S3REC_OK);
  ck_assert_mem_eq(ids, target_neg, sizeof ids);
  fixture_expect(s3rec_batch_read(batch, "pos_items", ids, SLOTS), S3REC_ERROR_NOT_FOUND, NULL,
                 "no array of that name in a fine-tuning batch");

  /* Without negatives, and then back to them. */
  ck_assert_int_eq(s3rec_batch_set_finetune(batch, ROWS, LENGTH, input_ids, target_pos, NULL),
                   S3REC_OK);
  ck_assert_int_eq(batch->max_item_id, 7);
  ck_assert(!batch->has_negatives);
  fixture_expect(s3rec_batch_read(batch, "target_neg", ids, SLOTS), S3REC_ERROR_NOT_FOUND, NULL,
                 "the batch was set without target_neg");
  set_good();
  expect_good();
}
END_TEST

START_TEST(finetune_rows_may_be_empty) {
  static const int32_t nothing[SLOTS] = {0};
  ck_assert_int_eq(s3rec_batch_set_finetune(batch, ROWS, LENGTH, nothing, nothing, nothing),
                   S3REC_OK);
  ck_assert_uint_eq(batch->token_count, 0);
  ck_assert_uint_eq(batch->target_count, 0);
  ck_assert_int_eq(batch->max_item_id, -1);
  int32_t ids[SLOTS];
  ck_assert_int_eq(s3rec_batch_read(batch, "input_ids", ids, SLOTS), S3REC_OK);
  ck_assert_mem_eq(ids, nothing, sizeof ids);
}
END_TEST

START_TEST(finetune_refuses_values) {
  static const struct {
    int array, slot, value;
    const char *expected;
  } cases[] = {
      {0, 2, 0, "input_ids[0][2] is 0, must be 1..2147483647 after the row's padding, which "
                "is on the left"},
      {0, 7, -1, "input_ids[1][3] is -1, must be 1..2147483647"},
      {1, 0, 4, "target_pos[0][0] is 4, must be 0: input_ids is padding there"},
      {1, 3, -4, "target_pos[0][3] is -4, must be 0..2147483647"},
      {2, 5, 1, "target_neg[1][1] is 1, must be 0: input_ids is padding there"},
      {2, 2, 0, "target_neg[0][2] is 0, must be 1..2147483647 where target_pos is not 0"},
  };
  set_good();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int32_t ids[3][SLOTS];
    memcpy(ids[0], input_ids, sizeof input_ids);
    memcpy(ids[1], target_pos, sizeof target_pos);
    memcpy(ids[2], target_neg, sizeof target_neg);
    ids[cases[i].array][cases[i].slot] = cases[i].value;
    fixture_expect(s3rec_batch_set_finetune(batch, ROWS, LENGTH, ids[0], ids[1], ids[2]),
                   S3REC_ERROR_FORMAT, NULL, cases[i].expected);
    expect_good();
  }
  fixture_expect(s3rec_batch_set_finetune(batch, ROWS, LENGTH, NULL, target_pos, NULL),
                 S3REC_ERROR_ARGUMENT, NULL, "input_ids must not be NULL");
  fixture_expect(s3rec_batch_set_finetune(batch, ROWS, 0, input_ids, target_pos, NULL),
                 S3REC_ERROR_ARGUMENT, NULL, "max_seq_length is 0, must be 1..4096");
  expect_good();
}
END_TEST

/* A failed set leaves the old content; here a batch that has to grow. */
static s3rec_status grow_scenario(void *scarce) {
  s3rec_batch *grown = NULL;
  s3rec_status status = s3rec_batch_create(scarce, &grown);
  if (status != S3REC_OK) return status;
  static const int32_t one[1] = {3};
  status = s3rec_batch_set_finetune(grown, 1, 1, one, one, one);
  if (status == S3REC_OK) {
    const s3rec_pretrain_arrays arrays = arrays_of(&good);
    status = s3rec_batch_set_pretrain(grown, &arrays);
    int32_t id = 0;
    if (status != S3REC_OK) {
      ck_assert_int_eq(s3rec_batch_read(grown, "target_neg", &id, 1), S3REC_OK);
      ck_assert_int_eq(id, 3);
      ck_assert_uint_eq(grown->target_count, 1);
    }
  }
  s3rec_batch_destroy(grown);
  return status;
}

START_TEST(survives_memory_failures) {
  ck_assert_uint_ge(fixture_fail_each(grow_scenario), 15);
}
END_TEST

TEST_SUITE(data_batch) {
  TCase *cases = tcase_create("batch");
  tcase_add_checked_fixture(cases, set_up, tear_down);
  tcase_add_test(cases, keeps_real_tokens);
  tcase_add_test(cases, starts_empty);
  tcase_add_test(cases, reads_by_name);
  tcase_add_test(cases, refuses_values);
  tcase_add_test(cases, refuses_arguments_of_pretraining);
  tcase_add_test(cases, finetune_round_trip);
  tcase_add_test(cases, finetune_rows_may_be_empty);
  tcase_add_test(cases, finetune_refuses_values);
  tcase_add_test(cases, survives_memory_failures);
  test_add_cases(suite, cases, NULL);
}
