/* SPDX-License-Identifier: Apache-2.0 */
/* Programs whose option structs are smaller or larger than ours: of release 0.3, of a release
 * before it, of a later one. tests/package/promise.py looks at the init functions. */
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "support/suite.h"
#include "support/training.h"

static const test_shape shape = {.items = 9, .attributes = 3, .length = 4, .hidden = 8,
                                 .layers = 1, .heads = 2, .activation = S3REC_GELU,
                                 .dropout = 0.2, .batch = 5};

enum { LATER = 24, UNKNOWN = 0xa5 };

/* A copy of `options` in memory of just `size` bytes, so that a sanitizer sees a read after it.
 * Fields of a later release that it has hold no sensible value. */
static void *options_of_size(const void *options, size_t own_size, size_t size) {
  char *memory = malloc(size);
  ck_assert_ptr_nonnull(memory);
  memset(memory, UNKNOWN, size);
  memcpy(memory, options, own_size < size ? own_size : size);
  memcpy(memory, &size, sizeof size);
  return memory;
}

START_TEST(trainer_options_of_other_releases) {
  s3rec_trainer_options now;
  s3rec_trainer_options_init(&now);
  now.shard_count = 4;
  const size_t first = S3_SIZE_UNTIL(s3rec_trainer_options, negative_count);
  s3rec_context *context = test_context(1);
  s3rec_model *model = test_model(context, &shape, 71);
  for (size_t size = sizeof now.struct_size; size <= sizeof now + LATER; size += 4) {
    s3rec_trainer_options *theirs = options_of_size(&now, sizeof now, size);
    s3rec_trainer *trainer = NULL;
    if (size < first) {
      test_fails(s3rec_trainer_create(model, theirs, &trainer), S3REC_ERROR_ARGUMENT);
      ck_assert_ptr_nonnull(strstr(s3rec_last_error(), "s3rec_trainer_options.struct_size is"));
      ck_assert_ptr_null(trainer);
    } else {
      test_ok(s3rec_trainer_create(model, theirs, &trainer));
      s3rec_trainer_destroy(trainer);
    }
    free(theirs);
  }
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

START_TEST(sampler_options_of_other_releases) {
  s3rec_sampler_options now;
  s3rec_sampler_options_init(&now, _i == 0 ? S3REC_STAGE_PRETRAIN : S3REC_STAGE_FINETUNE);
  const size_t first = S3_SIZE_UNTIL(s3rec_sampler_options, held_out_count);
  s3rec_context *context = test_context(1);
  s3rec_dataset *dataset = test_dataset(context, &shape, 20, 72);
  s3rec_sampler *sampler = NULL;
  size_t wanted, count;
  test_ok(s3rec_sampler_create(dataset, &now, &sampler));
  test_ok(s3rec_sampler_epoch_size(sampler, &wanted, NULL));
  s3rec_sampler_destroy(sampler);
  for (size_t size = sizeof now.struct_size + 4; size <= sizeof now + LATER; size += 4) {
    s3rec_sampler_options *theirs = options_of_size(&now, sizeof now, size);
    sampler = NULL;
    if (size < first) {
      test_fails(s3rec_sampler_create(dataset, theirs, &sampler), S3REC_ERROR_ARGUMENT);
      ck_assert_ptr_nonnull(strstr(s3rec_last_error(), "s3rec_sampler_options.struct_size is"));
      ck_assert_ptr_null(sampler);
    } else {
      test_ok(s3rec_sampler_create(dataset, theirs, &sampler));
      test_ok(s3rec_sampler_epoch_size(sampler, &count, NULL));
      ck_assert_uint_eq(count, wanted);
      s3rec_sampler_destroy(sampler);
    }
    free(theirs);
  }
  s3rec_dataset_destroy(dataset);
  s3rec_context_destroy(context);
}
END_TEST

TEST_SUITE(struct_growth) {
  TCase *growth = tcase_create("growth");
  tcase_add_test(growth, trainer_options_of_other_releases);
  tcase_add_loop_test(growth, sampler_options_of_other_releases, 0, 2);
  test_add_cases(suite, growth, NULL);
}
