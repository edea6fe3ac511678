/* SPDX-License-Identifier: Apache-2.0 */
/* The reference's own data, when it is there: counts of an epoch. */
#include <stdio.h>

#include "data_fixture.h"
#include "support/suite.h"

typedef struct known_counts {
  const char *name;
  size_t users, interactions, prefixes, targets;
  int32_t item_size, attribute_size;
} known_counts;

static const known_counts known[] = {
    {"Beauty", 22363, 198502, 150258, 128031, 12103, 638},
    {"LastFM", 1090, 52551, 25726, 24893, 3648, 389},
};

static void check_epoch(s3rec_context *context, s3rec_dataset *dataset, s3rec_stage stage,
                        size_t instances, size_t targets) {
  s3rec_sampler_options options;
  s3rec_sampler_options_init(&options, stage);
  s3rec_sampler *sampler = NULL;
  s3rec_batch *batch = NULL;
  ck_assert_int_eq(s3rec_sampler_create(dataset, &options, &sampler), S3REC_OK);
  ck_assert_int_eq(s3rec_batch_create(context, &batch), S3REC_OK);
  size_t counted, steps, seen_targets = 0, seen = 0;
  ck_assert_int_eq(s3rec_sampler_epoch_size(sampler, &counted, &steps), S3REC_OK);
  ck_assert_uint_eq(counted, instances);
  for (size_t step = 0; step < steps; step++) {
    ck_assert_int_eq(s3rec_sampler_next(sampler, batch), S3REC_OK);
    s3rec_batch_info info;
    s3rec_batch_info_init(&info);
    ck_assert_int_eq(s3rec_batch_info_get(batch, &info), S3REC_OK);
    seen += (size_t)info.batch_size;
    seen_targets += info.target_count;
  }
  ck_assert_uint_eq(seen, instances);
  if (targets > 0) ck_assert_uint_eq(seen_targets, targets);
  s3rec_batch_destroy(batch);
  s3rec_sampler_destroy(sampler);
}

START_TEST(counts_of_the_published_data) {
  const known_counts *expected = &known[_i];
  const char *folder = test_shared_folder();
  if (folder == NULL) {
    test_skip("no shared folder");
    return;
  }
  char sequences[512], attributes[512], negatives[512];
  snprintf(sequences, sizeof sequences, "%s/data/%s.txt", folder, expected->name);
  snprintf(attributes, sizeof attributes, "%s/data/%s_item2attributes.json", folder,
           expected->name);
  snprintf(negatives, sizeof negatives, "%s/data/%s_sample.txt", folder, expected->name);
  test_hooks hooks;
  s3rec_context *context = test_hooks_context(&hooks);
  s3rec_dataset *dataset = NULL;
  const s3rec_status status =
      s3rec_dataset_load(context, sequences, attributes, negatives, &dataset);
  ck_assert_msg(status == S3REC_OK, "%s", s3rec_last_error());
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  ck_assert_int_eq(s3rec_dataset_info_get(dataset, &info), S3REC_OK);
  ck_assert_uint_eq(info.user_count, expected->users);
  ck_assert_uint_eq(info.interaction_count, expected->interactions);
  ck_assert_int_eq(info.item_size, expected->item_size);
  ck_assert_int_eq(info.attribute_size, expected->attribute_size);
  ck_assert_int_eq(info.negatives_per_user, 99);
  ck_assert_uint_eq(info.short_user_count, 0);
  check_epoch(context, dataset, S3REC_STAGE_PRETRAIN, expected->prefixes, 0);
  check_epoch(context, dataset, S3REC_STAGE_FINETUNE, expected->users, expected->targets);
  s3rec_dataset_destroy(dataset);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}
END_TEST

TEST_SUITE(data_shared) {
  TCase *cases = tcase_create("shared data");
  tcase_add_loop_test(cases, counts_of_the_published_data, 0, sizeof known / sizeof *known);
  test_add_cases(suite, cases, NULL);
}
