/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes: what they decide, what they leave, and that their settings train. */
#include <stdlib.h>
#include <string.h>

#include "support/suite.h"
#include "support/training.h"

static const s3rec_recipe recipes[] = {S3REC_RECIPE_BEST, S3REC_RECIPE_PAPER};
static const s3rec_stage stages[] = {S3REC_STAGE_PRETRAIN, S3REC_STAGE_FINETUNE};
enum { STEPS = 7 };

static s3rec_recipe_plan plan_of(s3rec_recipe recipe, s3rec_stage stage) {
  s3rec_recipe_plan plan;
  s3rec_recipe_plan_init(&plan);
  test_ok(s3rec_recipe_plan_get(recipe, stage, &plan));
  return plan;
}

static s3rec_trainer_options defaults(void) {
  s3rec_trainer_options options;
  s3rec_trainer_options_init(&options);
  return options;
}

static s3rec_trainer_options trainer_of(s3rec_recipe recipe, s3rec_stage stage) {
  s3rec_trainer_options options = defaults();
  test_ok(s3rec_recipe_trainer(recipe, stage, STEPS, &options));
  return options;
}

/* The authors' numbers, from their paper and repository. */
START_TEST(the_papers_numbers) {
  const s3rec_recipe_plan pretrain = plan_of(S3REC_RECIPE_PAPER, S3REC_STAGE_PRETRAIN);
  const s3rec_recipe_plan finetune = plan_of(S3REC_RECIPE_PAPER, S3REC_STAGE_FINETUNE);
  ck_assert_int_eq(pretrain.epochs, 150);
  ck_assert_int_eq(finetune.epochs, 200);
  ck_assert_int_eq(finetune.patience, 10);
  ck_assert_int_eq(finetune.refit, 0);
  for (int i = 0; i < 2; i++) {
    const s3rec_recipe_plan plan = i == 0 ? pretrain : finetune;
    s3rec_sampler_options sampler;
    s3rec_sampler_options_init(&sampler, stages[i]);
    sampler.batch_size = 1;
    test_ok(s3rec_recipe_sampler(S3REC_RECIPE_PAPER, &sampler));
    ck_assert_int_eq(sampler.batch_size, i == 0 ? 100 : 256);
    ck_assert_double_eq(plan.hidden_dropout_prob, 0.5);
    ck_assert_double_eq(plan.attention_probs_dropout_prob, 0.5);
    ck_assert_uint_eq(plan.struct_size, sizeof plan);
    const s3rec_trainer_options trainer = trainer_of(S3REC_RECIPE_PAPER, stages[i]);
    ck_assert_double_eq(trainer.learning_rate, 1e-3);
    ck_assert_double_eq(trainer.weight_decay, 0);
    ck_assert_double_eq(trainer.decoupled_weight_decay, 0);
    ck_assert_double_eq(trainer.label_smoothing, 0);
    ck_assert_uint_eq(trainer.warmup_steps, 0);
    ck_assert_uint_eq(trainer.decay_steps, 0);
    ck_assert_double_eq(trainer.aap_weight, 0.2);
    ck_assert_double_eq(trainer.mip_weight, 1);
    ck_assert_double_eq(trainer.map_weight, 1);
    ck_assert_double_eq(trainer.sp_weight, 0.5);
    ck_assert_int_eq(trainer.finetune_loss, i == 0 ? S3REC_LOSS_CE : S3REC_LOSS_BCE);
  }
}
END_TEST

/* Loop: the stage. Whatever its numbers are, the best recipe's agree with each other. */
START_TEST(the_best_recipe_is_consistent) {
  const s3rec_recipe_plan plan = plan_of(S3REC_RECIPE_BEST, stages[_i]);
  const s3rec_trainer_options once = trainer_of(S3REC_RECIPE_BEST, stages[_i]);
  s3rec_trainer_options twice = defaults();
  test_ok(s3rec_recipe_trainer(S3REC_RECIPE_BEST, stages[_i], 2 * STEPS, &twice));
  ck_assert_int_gt(plan.epochs, 0);
  ck_assert_int_ge(plan.patience, _i);
  ck_assert_uint_le(once.decay_steps, (uint64_t)plan.epochs * STEPS); /* 0: no decay */
  ck_assert_uint_eq(twice.warmup_steps, 2 * once.warmup_steps);
  ck_assert_uint_eq(twice.decay_steps, 2 * once.decay_steps);
}
END_TEST

/* As many bytes of two structs that began as copies of one. */
static void check_same(const void *a, const void *b, size_t size) {
  ck_assert_int_eq(memcmp(a, b, size), 0);
}

/* Whatever was set before, and by whichever recipe; other options stay. */
START_TEST(the_last_recipe_counts) {
  for (int r = 0; r < 2; r++) {
    for (int stage = 0; stage < 2; stage++) {
      s3rec_trainer_options one = defaults();
      one.seed = 5;
      one.adam_beta2 = 0.9;
      one.shard_count = 4;
      one.max_gradient_norm = 2;
      s3rec_trainer_options other;
      memcpy(&other, &one, sizeof other);
      other.learning_rate = 0.7;
      other.weight_decay = other.decoupled_weight_decay = 0.7;
      other.warmup_steps = 70;
      other.decay_steps = 77;
      if (stage == 0) {
        other.aap_weight = other.mip_weight = other.map_weight = other.sp_weight = 7;
      } else {
        other.finetune_loss = S3REC_LOSS_CE;
        other.label_smoothing = 0.7;
        other.negative_count = 7;
      }
      test_ok(s3rec_recipe_trainer(recipes[1 - r], stages[stage], 3, &other));
      test_ok(s3rec_recipe_trainer(recipes[r], stages[stage], STEPS, &other));
      test_ok(s3rec_recipe_trainer(recipes[r], stages[stage], STEPS, &one));
      check_same(&one, &other, sizeof one);
      ck_assert_uint_eq(one.seed, 5);
      ck_assert_double_eq(one.adam_beta2, 0.9);
      ck_assert_int_eq(one.shard_count, 4);
      ck_assert_double_eq(one.max_gradient_norm, 2);

      s3rec_sampler_options sampler, before;
      s3rec_sampler_options_init(&sampler, stages[stage]);
      sampler.held_out_count = 1;
      sampler.seed = 5;
      test_ok(s3rec_recipe_sampler(recipes[1 - r], &sampler));
      test_ok(s3rec_recipe_sampler(recipes[r], &sampler));
      memcpy(&before, &sampler, sizeof before);
      sampler.batch_size = 1;
      test_ok(s3rec_recipe_sampler(recipes[r], &sampler));
      check_same(&sampler, &before, sizeof sampler);
      ck_assert_int_eq(sampler.held_out_count, 1);
      ck_assert_uint_eq(sampler.seed, 5);
    }
  }
}
END_TEST

/* Loop: recipe, stage. Everything a recipe sets is accepted where it goes. */
START_TEST(recipes_train) {
  static const test_shape shape = {.items = 30, .attributes = 4, .length = 6, .hidden = 8,
                                   .layers = 1, .heads = 2, .activation = S3REC_GELU,
                                   .dropout = 0.1, .batch = 5};
  const s3rec_recipe recipe = recipes[_i / 2];
  const s3rec_stage stage = stages[_i % 2];
  const s3rec_recipe_plan plan = plan_of(recipe, stage);
  s3rec_context *context = test_context(1);
  s3rec_dataset *dataset = test_dataset(context, &shape, 20, 91);
  s3rec_model *model = test_model(context, &shape, 92);
  s3rec_sampler_options sampling;
  s3rec_sampler *sampler;
  s3rec_trainer *trainer;
  s3rec_batch *batch;
  size_t steps;
  s3rec_sampler_options_init(&sampling, stage);
  sampling.max_seq_length = shape.length;
  test_ok(s3rec_recipe_sampler(recipe, &sampling));
  test_ok(s3rec_sampler_create(dataset, &sampling, &sampler));
  test_ok(s3rec_sampler_epoch_size(sampler, NULL, &steps));
  s3rec_trainer_options options = defaults();
  test_ok(s3rec_recipe_trainer(recipe, stage, steps, &options));
  test_ok(s3rec_model_set_dropouts(model, plan.hidden_dropout_prob,
                                   plan.attention_probs_dropout_prob));
  test_ok(s3rec_trainer_create(model, &options, &trainer));
  test_ok(s3rec_batch_create(context, &batch));
  test_ok(s3rec_sampler_next(sampler, batch));
  test_ok(stage == S3REC_STAGE_PRETRAIN ? s3rec_pretrain_step(trainer, batch, NULL)
                                        : s3rec_finetune_step(trainer, batch, NULL));
  s3rec_batch_destroy(batch);
  s3rec_trainer_destroy(trainer);
  s3rec_sampler_destroy(sampler);
  s3rec_model_destroy(model);
  s3rec_dataset_destroy(dataset);
  s3rec_context_destroy(context);
}
END_TEST

#define REFUSED(call, text)                                                     \
  do {                                                                          \
    test_fails(call, S3REC_ERROR_ARGUMENT);                                     \
    ck_assert_msg(strstr(s3rec_last_error(), text) != NULL, "%s", s3rec_last_error()); \
  } while (0)

START_TEST(refuses_arguments) {
  const s3rec_recipe best = S3REC_RECIPE_BEST, none = (s3rec_recipe)3;
  const s3rec_stage stage = S3REC_STAGE_FINETUNE;
  s3rec_recipe_plan plan;
  s3rec_trainer_options trainer = defaults(), before;
  s3rec_sampler_options sampler;
  memcpy(&before, &trainer, sizeof before);
  s3rec_recipe_plan_init(&plan);
  s3rec_sampler_options_init(&sampler, stage);
  REFUSED(s3rec_recipe_plan_get(none, stage, &plan), "recipe is 3, must be 1 (BEST) or 2 (PAPER)");
  REFUSED(s3rec_recipe_plan_get(best, (s3rec_stage)0, &plan),
          "stage is 0, must be 1 (PRETRAIN) or 2 (FINETUNE)");
  REFUSED(s3rec_recipe_plan_get(best, stage, NULL), "plan must not be NULL");
  ck_assert_int_eq(plan.epochs, 0);
  plan.struct_size--;
  REFUSED(s3rec_recipe_plan_get(best, stage, &plan), "s3rec_recipe_plan.struct_size is");
  REFUSED(s3rec_recipe_sampler(none, &sampler), "recipe is 3");
  REFUSED(s3rec_recipe_sampler(best, NULL), "options must not be NULL");
  sampler.stage = (s3rec_stage)3;
  REFUSED(s3rec_recipe_sampler(best, &sampler), "stage is 3");
  sampler.struct_size = 8;
  REFUSED(s3rec_recipe_sampler(best, &sampler), "s3rec_sampler_options.struct_size is 8");
  REFUSED(s3rec_recipe_trainer(best, stage, 0, &trainer),
          "steps_per_epoch is 0, must be 1..4294967295");
  if (SIZE_MAX > UINT32_MAX)
    REFUSED(s3rec_recipe_trainer(best, stage, SIZE_MAX, &trainer), "steps_per_epoch is ");
  REFUSED(s3rec_recipe_trainer(none, stage, 1, &trainer), "recipe is 3");
  REFUSED(s3rec_recipe_trainer(best, (s3rec_stage)3, 1, &trainer), "stage is 3");
  REFUSED(s3rec_recipe_trainer(best, stage, 1, NULL), "options must not be NULL");
  check_same(&trainer, &before, sizeof trainer);
  trainer.struct_size--;
  REFUSED(s3rec_recipe_trainer(best, stage, 1, &trainer), "s3rec_trainer_options.struct_size is");
}
END_TEST

TEST_SUITE(recipe) {
  TCase *cases = tcase_create("recipes");
  tcase_add_test(cases, the_papers_numbers);
  tcase_add_loop_test(cases, the_best_recipe_is_consistent, 0, 2);
  tcase_add_test(cases, the_last_recipe_counts);
  tcase_add_loop_test(cases, recipes_train, 0, 4);
  tcase_add_test(cases, refuses_arguments);
  test_add_cases(suite, cases, NULL);
}
