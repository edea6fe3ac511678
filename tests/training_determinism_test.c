/* SPDX-License-Identifier: Apache-2.0 */
/* The same bits at any number of threads, close numbers at any number of shards. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/suite.h"
#include "support/training.h"

static const test_shape shape = {.items = 60, .attributes = 11, .length = 9, .hidden = 16,
                                 .layers = 2, .heads = 2, .activation = S3REC_GELU,
                                 .dropout = 0.5, .batch = 13};
enum { STEPS = 5 };

typedef struct outcome {
  float *weights;
  size_t count;
  double losses[STEPS];
} outcome;

/* A few steps of one stage, sampling included. */
static outcome train(int32_t threads, int32_t shards, s3rec_stage stage,
                     s3rec_finetune_loss loss) {
  s3rec_context *context = test_context(threads);
  s3rec_dataset *dataset = test_dataset(context, &shape, 40, 31);
  s3rec_model *model = test_model(context, &shape, 32);
  s3rec_sampler_options sampler_options;
  s3rec_trainer_options options;
  s3rec_sampler *sampler;
  s3rec_trainer *trainer;
  s3rec_batch *batch;
  outcome result;
  s3rec_sampler_options_init(&sampler_options, stage);
  sampler_options.batch_size = shape.batch;
  sampler_options.max_seq_length = shape.length;
  s3rec_trainer_options_init(&options);
  options.shard_count = shards;
  options.finetune_loss = loss;
  options.negative_count = 9;
  options.max_gradient_norm = 5;
  test_ok(s3rec_sampler_create(dataset, &sampler_options, &sampler));
  test_ok(s3rec_batch_create(context, &batch));
  test_ok(s3rec_trainer_create(model, &options, &trainer));
  for (int step = 0; step < STEPS; step++) {
    s3rec_losses losses;
    s3rec_losses_init(&losses);
    test_ok(s3rec_sampler_next(sampler, batch));
    test_ok(stage == S3REC_STAGE_PRETRAIN ? s3rec_pretrain_step(trainer, batch, &losses)
                                          : s3rec_finetune_step(trainer, batch, &losses));
    result.losses[step] = losses.total;
  }
  result.weights = test_weights(model, &result.count);
  s3rec_trainer_destroy(trainer);
  s3rec_batch_destroy(batch);
  s3rec_sampler_destroy(sampler);
  s3rec_model_destroy(model);
  s3rec_dataset_destroy(dataset);
  s3rec_context_destroy(context);
  return result;
}

static const struct {
  s3rec_stage stage;
  s3rec_finetune_loss loss;
} kinds[] = {{S3REC_STAGE_PRETRAIN, S3REC_LOSS_CE},
             {S3REC_STAGE_FINETUNE, S3REC_LOSS_CE},
             {S3REC_STAGE_FINETUNE, S3REC_LOSS_BCE},
             {S3REC_STAGE_FINETUNE, S3REC_LOSS_SAMPLED_CE}};
enum { KINDS = sizeof kinds / sizeof *kinds };

START_TEST(same_bits_at_any_thread_count) {
  static const int32_t threads[] = {2, 3, 8};
  const outcome one = train(1, 8, kinds[_i].stage, kinds[_i].loss);
  for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
    const outcome many = train(threads[i], 8, kinds[_i].stage, kinds[_i].loss);
    ck_assert_uint_eq(many.count, one.count);
    ck_assert_mem_eq(many.losses, one.losses, sizeof one.losses);
    ck_assert_mem_eq(many.weights, one.weights, one.count * sizeof *one.weights);
    free(many.weights);
  }
  free(one.weights);
}
END_TEST

START_TEST(same_bits_when_repeated) {
  const outcome one = train(2, 4, kinds[_i].stage, kinds[_i].loss);
  const outcome two = train(2, 4, kinds[_i].stage, kinds[_i].loss);
  ck_assert_mem_eq(one.losses, two.losses, sizeof one.losses);
  ck_assert_mem_eq(one.weights, two.weights, one.count * sizeof *one.weights);
  free(one.weights);
  free(two.weights);
}
END_TEST

/* Shards are a matter of rounding only, dropout masks included: the loss of the
 * first step agrees to 1e-6, that of the fifth, after four updates, to 1e-3. */
START_TEST(shards_change_rounding_only) {
  static const int32_t shards[] = {2, 8, 64};
  const outcome one = train(1, 1, kinds[_i].stage, kinds[_i].loss);
  for (size_t i = 0; i < sizeof shards / sizeof *shards; i++) {
    const outcome many = train(2, shards[i], kinds[_i].stage, kinds[_i].loss);
    ck_assert_double_eq_tol(many.losses[0], one.losses[0], 1e-6 * one.losses[0]);
    ck_assert_double_eq_tol(many.losses[STEPS - 1], one.losses[STEPS - 1],
                            1e-3 * one.losses[STEPS - 1]);
    free(many.weights);
  }
  free(one.weights);
}
END_TEST

TEST_SUITE(training_determinism) {
  TCase *cases = tcase_create("determinism");
  tcase_add_loop_test(cases, same_bits_at_any_thread_count, 0, KINDS);
  tcase_add_loop_test(cases, same_bits_when_repeated, 0, KINDS);
  tcase_add_loop_test(cases, shards_change_rounding_only, 0, KINDS);
  test_add_cases(suite, cases, NULL);
}
