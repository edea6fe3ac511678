/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that were compiled when option structs were smaller than they are now. */
#include <stdlib.h>
#include <string.h>

#include "support/suite.h"
#include "support/training.h"

static const test_shape shape = {.items = 9, .attributes = 3, .length = 4, .hidden = 8,
                                 .layers = 1, .heads = 2, .activation = S3REC_GELU,
                                 .dropout = 0.2, .batch = 5};

/* As release 0.1 declared them. */
typedef struct trainer_options_0_1 {
  size_t struct_size;
  double learning_rate, adam_beta1, adam_beta2, adam_epsilon, weight_decay, max_gradient_norm;
  double aap_weight, mip_weight, map_weight, sp_weight;
  s3rec_finetune_loss finetune_loss;
  uint64_t seed;
  int32_t shard_count;
} trainer_options_0_1;

typedef struct sampler_options_0_1 {
  size_t struct_size;
  s3rec_stage stage;
  int32_t batch_size, max_seq_length;
  double mask_p;
  uint64_t seed;
  int32_t shuffle, reference_draws;
} sampler_options_0_1;

enum { BEHIND = 64, CANARY = 0xa5 };

static void check_canaries(const unsigned char *behind) {
  for (int i = 0; i < BEHIND; i++) ck_assert_uint_eq(behind[i], CANARY);
}

/* Memory for a struct with canaries all over it and behind it. */
static void *guarded(size_t size) {
  unsigned char *memory = malloc(size + BEHIND);
  ck_assert_ptr_nonnull(memory);
  memset(memory, CANARY, size + BEHIND);
  return memory;
}

/* Fields that a struct of `size` bytes has are the same; padding is not compared. */
static void check_fields(const void *theirs, const s3rec_trainer_options *ours, size_t size) {
  static const size_t parts[][2] = {
      {0, offsetof(s3rec_trainer_options, finetune_loss) + sizeof ours->finetune_loss},
      {offsetof(s3rec_trainer_options, seed), offsetof(s3rec_trainer_options, shard_count) + 4},
      {offsetof(s3rec_trainer_options, warmup_steps),
       offsetof(s3rec_trainer_options, negative_count) + 4}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    const size_t begin = parts[i][0], end = parts[i][1] < size ? parts[i][1] : size;
    if (begin < end)
      ck_assert_mem_eq((const char *)theirs + begin, (const char *)ours + begin, end - begin);
  }
}

/* A name in parentheses is no macro: the symbol that old programs are linked to. */
START_TEST(old_trainer_options) {
  trainer_options_0_1 *old = guarded(sizeof *old);
  (s3rec_trainer_options_init)((s3rec_trainer_options *)(void *)old);
  check_canaries((unsigned char *)(old + 1));
  s3rec_trainer_options now;
  s3rec_trainer_options_init(&now);
  ck_assert_uint_eq(old->struct_size, sizeof *old);
  now.struct_size = old->struct_size;
  check_fields(old, &now, sizeof *old);
  s3rec_context *context = test_context(1);
  s3rec_model *model = test_model(context, &shape, 71);
  s3rec_trainer *trainer;
  test_ok(s3rec_trainer_create(model, (const s3rec_trainer_options *)(void *)old, &trainer));
  s3rec_trainer_destroy(trainer);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
  free(old);
}
END_TEST

START_TEST(old_sampler_options) {
  const s3rec_stage stage = _i == 0 ? S3REC_STAGE_PRETRAIN : S3REC_STAGE_FINETUNE;
  sampler_options_0_1 *old = guarded(sizeof *old);
  (s3rec_sampler_options_init)((s3rec_sampler_options *)(void *)old, stage);
  check_canaries((unsigned char *)(old + 1));
  s3rec_sampler_options now;
  s3rec_sampler_options_init(&now, stage);
  ck_assert_uint_eq(old->struct_size, sizeof *old);
  ck_assert_int_eq(old->stage, stage);
  ck_assert_int_eq(old->batch_size, now.batch_size);
  ck_assert_int_eq(old->max_seq_length, 50);
  ck_assert_double_eq(old->mask_p, 0.2);
  ck_assert_uint_eq(old->seed, 42);
  ck_assert_int_eq(old->shuffle, 1);
  ck_assert_int_eq(old->reference_draws, 0);
  /* Such a sampler holds out what 0.1 did. */
  s3rec_context *context = test_context(1);
  s3rec_dataset *dataset = test_dataset(context, &shape, 20, 72);
  size_t counts[2];
  for (int i = 0; i < 2; i++) {
    s3rec_sampler *sampler;
    const void *options = i == 0 ? (const void *)old : (const void *)&now;
    test_ok(s3rec_sampler_create(dataset, options, &sampler));
    test_ok(s3rec_sampler_epoch_size(sampler, &counts[i], NULL));
    s3rec_sampler_destroy(sampler);
  }
  ck_assert_uint_eq(counts[0], counts[1]);
  s3rec_dataset_destroy(dataset);
  s3rec_context_destroy(context);
  free(old);
}
END_TEST

/* A binding may declare a struct that is shorter or longer than ours. */
START_TEST(any_size) {
  s3rec_trainer_options now;
  s3rec_trainer_options_init(&now);
  const size_t most = sizeof now + 24;
  for (size_t size = sizeof(trainer_options_0_1); size <= most; size += 8) {
    unsigned char *theirs = guarded(size);
    s3rec_trainer_options_init_sized((s3rec_trainer_options *)(void *)theirs, size);
    check_canaries(theirs + size);
    now.struct_size = size;
    check_fields(theirs, &now, size);
    for (size_t i = sizeof now; i < size; i++) ck_assert_uint_eq(theirs[i], 0);
    free(theirs);
  }
}
END_TEST

TEST_SUITE(struct_growth) {
  TCase *growth = tcase_create("growth");
  tcase_add_test(growth, old_trainer_options);
  tcase_add_loop_test(growth, old_sampler_options, 0, 2);
  tcase_add_test(growth, any_size);
  test_add_cases(suite, growth, NULL);
}
