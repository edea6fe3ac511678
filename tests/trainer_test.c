/* SPDX-License-Identifier: Apache-2.0 */
/* What a trainer refuses, and that it is as before when it does. */
#include <dirent.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/suite.h"
#include "support/training.h"

static const test_shape shape = {.items = 20, .attributes = 5, .length = 6, .hidden = 16,
                                 .layers = 2, .heads = 4, .activation = S3REC_GELU,
                                 .dropout = 0.2, .batch = 9};

/* What a test works on, with this suite's shape. */
static test_training set_up(int32_t threads, const s3rec_trainer_options *options) {
  return test_training_start(&shape, threads, 51, options);
}

static s3rec_status step(test_training *s, int pretrain, s3rec_losses *losses) {
  return pretrain ? s3rec_pretrain_step(s->trainer, s->pretrain, losses)
                  : s3rec_finetune_step(s->trainer, s->finetune, losses);
}

/* The step fails like this and leaves weights, count and losses alone. */
static void step_fails(test_training *s, int pretrain, const s3rec_batch *batch,
                       s3rec_status status) {
  size_t count;
  float *weights = test_weights(s->model, &count);
  const uint64_t steps = s3rec_trainer_step_count(s->trainer);
  s3rec_losses losses;
  s3rec_losses_init(&losses);
  losses.total = 123;
  test_fails(pretrain ? s3rec_pretrain_step(s->trainer, batch, &losses)
                      : s3rec_finetune_step(s->trainer, batch, &losses),
             status);
  ck_assert(losses.total == 123);
  test_fails(s3rec_trainer_compute_gradients(s->trainer, batch, &losses), status);
  ck_assert(losses.total == 123);
  ck_assert(test_same_weights(s->model, weights));
  ck_assert_uint_eq(s3rec_trainer_step_count(s->trainer), steps);
  free(weights);
}

/* Loop: stage x threads. After the refusal the trainer goes on as if nothing had
 * happened: same bits as a twin that was never troubled. */
START_TEST(infinite_loss_changes_nothing) {
  static const char name[] = "item_encoder.layer.0.intermediate.dense_2.weight";
  const size_t count = (size_t)shape.hidden * 4 * (size_t)shape.hidden;
  const int pretrain = _i % 2 == 0;
  const int32_t threads = _i < 2 ? 1 : 2;
  test_training s = set_up(threads, NULL), twin = set_up(threads, NULL);
  float *good = malloc(count * sizeof *good), *huge = malloc(count * sizeof *huge);
  size_t all;
  ck_assert(good != NULL && huge != NULL);
  test_ok(step(&s, pretrain, NULL));
  test_ok(step(&twin, pretrain, NULL));
  test_ok(s3rec_model_parameter_read(s.model, name, good, count));
  for (size_t i = 0; i < count; i++) huge[i] = i % 2 == 0 ? FLT_MAX : -FLT_MAX;
  test_ok(s3rec_model_parameter_write(s.model, name, huge, count));
  step_fails(&s, pretrain, pretrain ? s.pretrain : s.finetune, S3REC_ERROR_NUMERIC);
  test_ok(s3rec_model_parameter_write(s.model, name, good, count));
  for (int i = 0; i < 2; i++) {
    test_ok(step(&s, pretrain, NULL));
    test_ok(step(&twin, pretrain, NULL));
  }
  float *weights = test_weights(twin.model, &all);
  ck_assert(test_same_weights(s.model, weights));
  free(weights);
  free(good);
  free(huge);
  test_training_end(&s);
  test_training_end(&twin);
}
END_TEST

/* Item weights as large as float allows: no loss can be computed from them. */
START_TEST(exploded_weights_stop) {
  s3rec_trainer_options options;
  s3rec_trainer_options_init(&options);
  options.finetune_loss = _i == 0 ? S3REC_LOSS_CE : (s3rec_finetune_loss)_i;
  test_training s = set_up(1, &options);
  const s3rec_parameter_info items = test_parameter(s.model, 0);
  float *huge = malloc(items.element_count * sizeof *huge);
  ck_assert_ptr_nonnull(huge);
  for (size_t i = 0; i < items.element_count; i++) huge[i] = i % 3 == 0 ? -FLT_MAX : FLT_MAX;
  test_ok(s3rec_model_parameter_write(s.model, items.name, huge, items.element_count));
  step_fails(&s, _i == 0, _i == 0 ? s.pretrain : s.finetune, S3REC_ERROR_NUMERIC);
  free(huge);
  test_training_end(&s);
}
END_TEST

START_TEST(gradients_need_to_be_there_and_finite) {
  test_training s = set_up(1, NULL);
  const size_t count = (size_t)shape.hidden;
  float *values = malloc(count * sizeof *values), *then = malloc(count * sizeof *then);
  ck_assert(values != NULL && then != NULL);
  test_fails(s3rec_trainer_gradient_read(s.trainer, "LayerNorm.bias", values, count),
             S3REC_ERROR_STATE);
  test_fails(s3rec_trainer_gradient_write(s.trainer, "LayerNorm.bias", values, count),
             S3REC_ERROR_STATE);
  test_fails(s3rec_trainer_apply_gradients(s.trainer), S3REC_ERROR_STATE);
  test_ok(s3rec_trainer_compute_gradients(s.trainer, s.pretrain, NULL));
  test_ok(s3rec_trainer_gradient_read(s.trainer, "LayerNorm.bias", then, count));
  test_fails(s3rec_trainer_gradient_read(s.trainer, "LayerNorm.bais", values, count),
             S3REC_ERROR_NOT_FOUND);
  test_fails(s3rec_trainer_gradient_read(s.trainer, "LayerNorm.bias", values, count + 1),
             S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_trainer_gradient_write(s.trainer, "LayerNorm.bias", values, count - 1),
             S3REC_ERROR_ARGUMENT);
  memcpy(values, then, count * sizeof *values);
  values[0] += 1;
  values[count - 1] = (float)strtod("nan", NULL);
  test_fails(s3rec_trainer_gradient_write(s.trainer, "LayerNorm.bias", values, count),
             S3REC_ERROR_NUMERIC);
  test_ok(s3rec_trainer_gradient_read(s.trainer, "LayerNorm.bias", values, count));
  ck_assert_mem_eq(values, then, count * sizeof *values);
  test_ok(s3rec_trainer_apply_gradients(s.trainer));
  test_fails(s3rec_trainer_apply_gradients(s.trainer), S3REC_ERROR_STATE);
  test_fails(s3rec_trainer_gradient_read(s.trainer, "LayerNorm.bias", values, count),
             S3REC_ERROR_STATE);
  ck_assert_uint_eq(s3rec_trainer_step_count(s.trainer), 1);
  free(values);
  free(then);
  test_training_end(&s);
}
END_TEST

START_TEST(batches_that_do_not_fit) {
  test_training s = set_up(1, NULL);
  test_shape other[3] = {shape, shape, shape};
  s3rec_batch *empty;
  other[0].items += 5;
  other[1].attributes += 9;
  other[2].length += 3;
  other[2].batch += 3;
  test_ok(s3rec_batch_create(s.context, &empty));
  step_fails(&s, 1, empty, S3REC_ERROR_ARGUMENT);
  step_fails(&s, 0, empty, S3REC_ERROR_ARGUMENT);
  s3rec_batch_destroy(empty);
  for (int i = 0; i < 3; i++) {
    s3rec_batch *pretrain = test_pretrain_batch(s.context, &other[i], 52);
    s3rec_batch *finetune = test_finetune_batch(s.context, &other[i], 53);
    step_fails(&s, 1, pretrain, S3REC_ERROR_MISMATCH);
    if (i != 1) step_fails(&s, 0, finetune, S3REC_ERROR_MISMATCH);
    s3rec_batch_destroy(pretrain);
    s3rec_batch_destroy(finetune);
  }
  test_ok(step(&s, 1, NULL));
  test_ok(step(&s, 0, NULL));
  test_training_end(&s);
}
END_TEST

START_TEST(the_stage_must_be_the_steps) {
  test_training s = set_up(1, NULL);
  size_t count;
  float *weights = test_weights(s.model, &count);
  test_fails(s3rec_pretrain_step(s.trainer, s.finetune, NULL), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_finetune_step(s.trainer, s.pretrain, NULL), S3REC_ERROR_ARGUMENT);
  ck_assert(test_same_weights(s.model, weights));
  free(weights);
  test_training_end(&s);
}
END_TEST

START_TEST(bce_needs_negatives) {
  static const int32_t ids[2] = {3, 4}, targets[2] = {4, 5};
  s3rec_trainer_options options;
  s3rec_trainer_options_init(&options);
  options.finetune_loss = S3REC_LOSS_BCE;
  test_training s = set_up(1, &options);
  test_ok(s3rec_batch_set_finetune(s.finetune, 1, 2, ids, targets, NULL));
  step_fails(&s, 0, s.finetune, S3REC_ERROR_ARGUMENT);
  test_training_end(&s);
}
END_TEST

/* A mean over no target is no loss. */
START_TEST(a_batch_needs_a_target) {
  static const int32_t ids[2] = {3, 4}, none[2] = {0, 0};
  test_training s = set_up(1, NULL);
  test_ok(s3rec_batch_set_finetune(s.finetune, 1, 2, ids, none, none));
  step_fails(&s, 0, s.finetune, S3REC_ERROR_ARGUMENT);
  test_training_end(&s);
}
END_TEST

START_TEST(options_out_of_range) {
  const double nan_value = strtod("nan", NULL);
  s3rec_trainer_options bad[27];
  enum { COUNT = sizeof bad / sizeof *bad };
  s3rec_context *context = test_context(1);
  s3rec_model *model = test_model(context, &shape, 1);
  s3rec_trainer *trainer = NULL;
  for (int i = 0; i < COUNT; i++) s3rec_trainer_options_init(&bad[i]);
  bad[0].learning_rate = 0;
  bad[1].learning_rate = nan_value;
  bad[2].adam_beta1 = 1;
  bad[3].adam_beta2 = -0.1;
  bad[4].adam_epsilon = 0;
  bad[5].weight_decay = -1;
  bad[6].max_gradient_norm = -1;
  bad[7].aap_weight = -1;
  bad[8].mip_weight = nan_value;
  bad[9].map_weight = HUGE_VAL;
  bad[10].sp_weight = -0.5;
  bad[11].finetune_loss = (s3rec_finetune_loss)4;
  bad[12].shard_count = 0;
  bad[13].shard_count = 257;
  bad[14].learning_rate = HUGE_VAL;
  bad[15].struct_size = 3;
  bad[16].adam_epsilon = 1e-17;
  bad[17].learning_rate = 1001;
  bad[18].weight_decay = 1001;
  bad[19].negative_count = 0;
  bad[20].label_smoothing = 1;
  bad[21].label_smoothing = -0.1;
  bad[22].decoupled_weight_decay = -0.1;
  bad[23].learning_rate = 0.5;
  bad[23].decoupled_weight_decay = 3; /* above 1 / learning_rate */
  bad[24].decoupled_weight_decay = nan_value;
  bad[25].shard_count = 6; /* no power of two */
  bad[26].shard_count = -8;
  for (int i = 0; i < COUNT; i++) {
    test_fails(s3rec_trainer_create(model, &bad[i], &trainer), S3REC_ERROR_ARGUMENT);
    ck_assert_ptr_null(trainer);
  }
  test_fails(s3rec_trainer_create(NULL, NULL, &trainer), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_trainer_create(model, NULL, NULL), S3REC_ERROR_ARGUMENT);
  /* A refused trainer leaves the model free. */
  test_ok(s3rec_trainer_create(model, NULL, &trainer));
  s3rec_trainer_destroy(trainer);
  s3rec_trainer_destroy(NULL);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

START_TEST(null_arguments) {
  test_training s = set_up(1, NULL);
  float value;
  test_fails(s3rec_pretrain_step(NULL, s.pretrain, NULL), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_pretrain_step(s.trainer, NULL, NULL), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_finetune_step(NULL, s.finetune, NULL), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_finetune_step(s.trainer, NULL, NULL), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_trainer_compute_gradients(NULL, s.pretrain, NULL), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_trainer_compute_gradients(s.trainer, NULL, NULL), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_trainer_gradient_read(NULL, "x", &value, 1), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_trainer_gradient_read(s.trainer, NULL, &value, 1), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_trainer_gradient_read(s.trainer, "x", NULL, 1), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_trainer_gradient_write(s.trainer, "x", NULL, 1), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_trainer_apply_gradients(NULL), S3REC_ERROR_ARGUMENT);
  ck_assert_uint_eq(s3rec_trainer_step_count(NULL), 0);
  ck_assert_uint_eq(s3rec_trainer_memory(NULL), 0);
  ck_assert_str_eq(s3rec_trainer_note(NULL), "");
  ck_assert_str_eq(s3rec_trainer_note(s.trainer), "");
  ck_assert_uint_gt(s3rec_trainer_memory(s.trainer), 0);
  test_training_end(&s);
}
END_TEST

/* A model is trained or scored, not both; the order of destruction is free. */
START_TEST(trainer_and_scorer_exclude_each_other) {
  s3rec_context *context = test_context(1);
  s3rec_model *model = test_model(context, &shape, 1), *clone;
  s3rec_trainer *trainer, *second;
  s3rec_scorer *scorer, *another;
  test_ok(s3rec_trainer_create(model, NULL, &trainer));
  test_fails(s3rec_trainer_create(model, NULL, &second), S3REC_ERROR_STATE);
  test_fails(s3rec_scorer_create(model, &scorer), S3REC_ERROR_STATE);
  test_ok(s3rec_model_clone(model, &clone));
  test_ok(s3rec_scorer_create(clone, &scorer));
  test_ok(s3rec_scorer_create(clone, &another));
  test_fails(s3rec_trainer_create(clone, NULL, &second), S3REC_ERROR_STATE);
  test_fails(s3rec_model_copy_weights(clone, model), S3REC_ERROR_STATE);
  test_ok(s3rec_model_copy_weights(model, clone));
  s3rec_scorer_destroy(scorer);
  test_fails(s3rec_trainer_create(clone, NULL, &second), S3REC_ERROR_STATE);
  s3rec_scorer_destroy(another);
  test_ok(s3rec_trainer_create(clone, NULL, &second));
  s3rec_context_destroy(context);
  s3rec_model_destroy(clone);
  s3rec_model_destroy(model);
  s3rec_trainer_destroy(second);
  s3rec_trainer_destroy(trainer);
}
END_TEST

static int count_threads(void) {
  DIR *directory = opendir("/proc/self/task");
  int count = 0;
  if (directory == NULL) return -1;
  while (readdir(directory) != NULL) count++;
  closedir(directory);
  return count - 2; /* . and .. */
}

/* Threads start with the first step that uses them and end with the trainer. */
START_TEST(threads_come_late_and_go) {
  const int before = count_threads();
  if (before < 0) {
    test_skip("no /proc to count threads in");
    return;
  }
  test_training s = set_up(4, NULL);
  ck_assert_int_eq(count_threads(), before);
  test_ok(step(&s, 1, NULL));
  ck_assert_int_eq(count_threads(), before + 3);
  test_ok(step(&s, 0, NULL));
  ck_assert_int_eq(count_threads(), before + 3);
  s3rec_trainer_destroy(s.trainer);
  s.trainer = NULL;
  ck_assert_int_eq(count_threads(), before);
  test_training_end(&s);
  test_training one = set_up(1, NULL);
  test_ok(step(&one, 1, NULL));
  ck_assert_int_eq(count_threads(), before);
  test_training_end(&one);
}
END_TEST

TEST_SUITE(trainer) {
  TCase *numeric = tcase_create("numeric"), *refusals = tcase_create("refusals");
  TCase *rules = tcase_create("rules");
  tcase_add_loop_test(numeric, infinite_loss_changes_nothing, 0, 4);
  tcase_add_loop_test(numeric, exploded_weights_stop, 0, 4);
  tcase_add_test(numeric, gradients_need_to_be_there_and_finite);
  tcase_add_test(refusals, batches_that_do_not_fit);
  tcase_add_test(refusals, the_stage_must_be_the_steps);
  tcase_add_test(refusals, bce_needs_negatives);
  tcase_add_test(refusals, a_batch_needs_a_target);
  tcase_add_test(refusals, options_out_of_range);
  tcase_add_test(refusals, null_arguments);
  tcase_add_test(rules, trainer_and_scorer_exclude_each_other);
  tcase_add_test(rules, threads_come_late_and_go);
  test_add_cases(suite, numeric, refusals, rules, NULL);
}
