/* SPDX-License-Identifier: Apache-2.0 */
/* The learning rate's warm-up and decay, read off the weights. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "support/suite.h"
#include "support/training.h"

enum { HIDDEN = 8 };
static const test_shape shape = {.items = 9, .attributes = 3, .length = 4, .hidden = HIDDEN,
                                 .layers = 1, .heads = 2, .activation = S3REC_GELU,
                                 .dropout = 0.2, .batch = 5};
static const double full_rate = 0.0625;

static s3rec_trainer_options schedule(uint64_t warmup, uint64_t decay) {
  s3rec_trainer_options options;
  s3rec_trainer_options_init(&options);
  options.learning_rate = full_rate;
  options.warmup_steps = warmup;
  options.decay_steps = decay;
  return options;
}

/* Without memory (both betas 0) Adam moves a weight of 0 with gradient 1 to -rate. */
static double measured_rate(test_training *t, const s3rec_batch *batch) {
  const float zeros[HIDDEN] = {0};
  float values[HIDDEN];
  for (int i = 0; i < HIDDEN; i++) values[i] = 1;
  test_ok(s3rec_model_parameter_write(t->model, "LayerNorm.bias", zeros, HIDDEN));
  test_ok(s3rec_trainer_compute_gradients(t->trainer, batch, NULL));
  test_ok(s3rec_trainer_gradient_write(t->trainer, "LayerNorm.bias", values, HIDDEN));
  test_ok(s3rec_trainer_apply_gradients(t->trainer));
  test_ok(s3rec_model_parameter_read(t->model, "LayerNorm.bias", values, HIDDEN));
  for (int i = 1; i < HIDDEN; i++) ck_assert(values[i] == values[0]);
  return -values[0];
}

/* By angles of half the size: (1 + cos a) / 2 = cos(a / 2)^2. */
static double expected_rate(int update, int warmup, int decay) {
  if (update + 1 < warmup) return full_rate / warmup * (update + 1);
  if (decay == 0 || update <= warmup) return full_rate;
  if (update >= decay) return 0;
  const double half = cos(acos(-1.0) / 2 * (update - warmup) / (decay - warmup));
  return full_rate * half * half;
}

/* Loop: stage, then schedules that have every edge. */
START_TEST(rates_are_those_of_the_formula) {
  static const int schedules[][2] = {{0, 0}, {1, 0}, {4, 0}, {0, 1}, {0, 6},
                                     {1, 2}, {3, 4}, {3, 9}, {5, 6}};
  for (size_t i = 0; i < sizeof schedules / sizeof *schedules; i++) {
    const int warmup = schedules[i][0], decay = schedules[i][1];
    s3rec_trainer_options options = schedule((uint64_t)warmup, (uint64_t)decay);
    options.adam_beta1 = options.adam_beta2 = 0;
    options.adam_epsilon = 1e-16;
    test_training t = test_training_start(&shape, 1, 61, &options);
    for (int update = 0; update < 11; update++) {
      const double rate = measured_rate(&t, _i == 0 ? t.pretrain : t.finetune);
      const double expected = expected_rate(update, warmup, decay);
      const bool edge = expected == 0 || expected == full_rate;
      ck_assert_msg(fabs(rate - expected) <= (edge ? 0 : 1e-7 * expected),
                    "warm-up %d, decay %d, update %d: rate %.9g instead of %.9g", warmup, decay,
                    update, rate, expected);
    }
    test_training_end(&t);
  }
}
END_TEST

/* Nor does weight decay move a weight then; a step is counted all the same. */
START_TEST(weights_stay_at_a_rate_of_0) {
  s3rec_trainer_options options = schedule(1, 3);
  options.weight_decay = 0.1;
  options.decoupled_weight_decay = 0.1;
  test_training t = test_training_start(&shape, 2, 62, &options);
  float *weights = NULL;
  size_t count;
  for (int update = 0; update < 6; update++) {
    test_ok(_i == 0 ? s3rec_pretrain_step(t.trainer, t.pretrain, NULL)
                    : s3rec_finetune_step(t.trainer, t.finetune, NULL));
    if (update == 1) weights = test_weights(t.model, &count);
    if (update == 2) { /* the last with a rate above 0 */
      ck_assert(!test_same_weights(t.model, weights));
      free(weights);
      weights = test_weights(t.model, &count);
    }
    if (update > 2) ck_assert(test_same_weights(t.model, weights));
  }
  ck_assert_uint_eq(s3rec_trainer_step_count(t.trainer), 6);
  free(weights);
  test_training_end(&t);
}
END_TEST

START_TEST(decay_ends_after_the_warm_up) {
  s3rec_trainer_options options = schedule(UINT64_MAX, 0);
  test_training t = test_training_start(&shape, 1, 63, &options);
  s3rec_trainer *trainer = NULL;
  s3rec_trainer_destroy(t.trainer);
  options = schedule(7, 7);
  test_fails(s3rec_trainer_create(t.model, &options, &trainer), S3REC_ERROR_ARGUMENT);
  ck_assert_str_eq(s3rec_last_error(), "s3rec_trainer_options.decay_steps is 7, must be 0 or "
                                       "above warmup_steps, 7");
  options = schedule(7, 1);
  test_fails(s3rec_trainer_create(t.model, &options, &trainer), S3REC_ERROR_ARGUMENT);
  ck_assert_ptr_null(trainer);
  options = schedule(7, 8);
  test_ok(s3rec_trainer_create(t.model, &options, &t.trainer));
  test_training_end(&t);
}
END_TEST

TEST_SUITE(schedule) {
  TCase *rates = tcase_create("rates");
  tcase_add_loop_test(rates, rates_are_those_of_the_formula, 0, 2);
  tcase_add_loop_test(rates, weights_stay_at_a_rate_of_0, 0, 2);
  tcase_add_test(rates, decay_ends_after_the_warm_up);
  test_add_cases(suite, rates, NULL);
}
