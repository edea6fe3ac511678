/* SPDX-License-Identifier: Apache-2.0 */
/* From gradients to weights: which parameters a loss reaches, what the optimizer
 * does with them, and gradients that go through the caller's hands. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/suite.h"
#include "support/training.h"

static const test_shape shape = {.items = 17, .attributes = 6, .length = 7, .hidden = 16,
                                 .layers = 2, .heads = 2, .activation = S3REC_GELU,
                                 .dropout = 0.4, .batch = 11};

/* What a test works on, with this suite's shape. */
static test_training set_up(const s3rec_trainer_options *options) {
  return test_training_start(&shape, 1, 21, options);
}

static s3rec_trainer_options default_options(void) {
  s3rec_trainer_options options;
  s3rec_trainer_options_init(&options);
  return options;
}

static s3rec_losses compute(test_training *s, const s3rec_batch *batch) {
  s3rec_losses losses;
  s3rec_losses_init(&losses);
  test_ok(s3rec_trainer_compute_gradients(s->trainer, batch, &losses));
  return losses;
}

static float *gradient_of(test_training *s, const char *name, size_t count) {
  float *values = malloc(count * sizeof *values);
  ck_assert_ptr_nonnull(values);
  test_ok(s3rec_trainer_gradient_read(s->trainer, name, values, count));
  return values;
}

static double size_of(test_training *s, const char *name, size_t count) {
  float *values = gradient_of(s, name, count);
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += (double)values[i] * values[i];
  free(values);
  return sqrt(sum);
}

START_TEST(padding_row_has_no_gradient) {
  test_training s = set_up(NULL);
  const size_t count = (size_t)(shape.items + 2) * (size_t)shape.hidden;
  const s3rec_batch *batches[2] = {s.pretrain, s.finetune};
  for (int i = 0; i < 2; i++) {
    compute(&s, batches[i]);
    float *gradient = gradient_of(&s, "item_embeddings.weight", count);
    for (int32_t j = 0; j < shape.hidden; j++) ck_assert(gradient[j] == 0);
    free(gradient);
  }
  test_training_end(&s);
}
END_TEST

/* Weights of 0 leave the loss field 0 and the head untouched, and what remains
 * has the bits it has alone. */
START_TEST(zero_weight_skips) {
  static const char *const heads[4] = {"aap_norm.weight", "mip_norm.weight", "map_norm.weight",
                                       "sp_norm.weight"};
  const size_t head_size = (size_t)shape.hidden * (size_t)shape.hidden;
  for (int only = 0; only < 4; only++) {
    s3rec_trainer_options options = default_options();
    options.aap_weight = only == 0;
    options.mip_weight = only == 1;
    options.map_weight = only == 2;
    options.sp_weight = only == 3;
    test_training s = set_up(&options);
    const s3rec_losses losses = compute(&s, s.pretrain);
    const double values[4] = {losses.aap, losses.mip, losses.map, losses.sp};
    for (int i = 0; i < 4; i++) {
      ck_assert_msg((values[i] > 0) == (i == only), "objective %d of %d: loss %g", i, only,
                    values[i]);
      ck_assert_msg((size_of(&s, heads[i], head_size) > 0) == (i == only), "%s", heads[i]);
    }
    ck_assert_double_eq(losses.total, values[only]);
    ck_assert_uint_eq(losses.sequence_count, (size_t)shape.batch);
    test_training_end(&s);
  }
}
END_TEST

START_TEST(joint_loss_is_the_weighted_sum) {
  s3rec_trainer_options options = default_options();
  options.aap_weight = 0.3;
  options.mip_weight = 1.7;
  options.map_weight = 0.9;
  options.sp_weight = 0.6;
  test_training s = set_up(&options);
  const s3rec_losses l = compute(&s, s.pretrain);
  const double sum = 0.3 * l.aap + 1.7 * l.mip + 0.9 * l.map + 0.6 * l.sp;
  ck_assert_double_eq_tol(l.total, sum, 1e-12 * sum);
  ck_assert(l.next_item == 0);
  test_training_end(&s);
}
END_TEST

/* Gradients add up over objectives: joint = sum of weight x gradient alone, to
 * float rounding (1e-5 of the largest). */
START_TEST(joint_gradient_is_the_weighted_sum) {
  float *parts[5];
  size_t count = 0;
  double largest = 0;
  for (int only = 0; only < 5; only++) {
    s3rec_trainer_options options = default_options();
    options.aap_weight = only == 0 || only == 4 ? 0.2 : 0;
    options.mip_weight = only == 1 || only == 4 ? 1.0 : 0;
    options.map_weight = only == 2 || only == 4 ? 1.0 : 0;
    options.sp_weight = only == 3 || only == 4 ? 0.5 : 0;
    test_training s = set_up(&options);
    compute(&s, s.pretrain);
    parts[only] = test_gradients(s.model, s.trainer, &count);
    test_training_end(&s);
  }
  for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs(parts[4][i]));
  for (size_t i = 0; i < count; i++) {
    const double sum = (double)parts[0][i] + parts[1][i] + parts[2][i] + parts[3][i];
    ck_assert_double_le(fabs(sum - parts[4][i]), 1e-5 * largest);
  }
  for (int i = 0; i < 5; i++) free(parts[i]);
}
END_TEST

START_TEST(compute_and_apply_is_a_step) {
  s3rec_trainer_options options = default_options();
  options.weight_decay = 0.01;
  options.max_gradient_norm = 3;
  options.finetune_loss = _i == 2 ? S3REC_LOSS_BCE : S3REC_LOSS_CE;
  test_training a = set_up(&options), b = set_up(&options);
  const s3rec_batch *batch_a = _i == 0 ? a.pretrain : a.finetune;
  const s3rec_batch *batch_b = _i == 0 ? b.pretrain : b.finetune;
  size_t count;
  for (int step = 0; step < 3; step++) {
    s3rec_losses losses;
    s3rec_losses_init(&losses);
    test_ok(_i == 0 ? s3rec_pretrain_step(a.trainer, batch_a, &losses)
                    : s3rec_finetune_step(a.trainer, batch_a, &losses));
    const s3rec_losses computed = compute(&b, batch_b);
    ck_assert_double_eq(computed.total, losses.total);
    test_ok(s3rec_trainer_apply_gradients(b.trainer));
    ck_assert_uint_eq(s3rec_trainer_step_count(b.trainer), (uint64_t)step + 1);
    ck_assert_uint_eq(s3rec_trainer_step_count(a.trainer), (uint64_t)step + 1);
    float *weights = test_weights(a.model, &count);
    ck_assert(test_same_weights(b.model, weights));
    free(weights);
  }
  test_training_end(&a);
  test_training_end(&b);
}
END_TEST

/* Every gradient read and written back changes nothing; computing twice neither. */
START_TEST(gradients_through_the_callers_hands) {
  test_training a = set_up(NULL), b = set_up(NULL);
  const s3rec_batch *batch_a = _i == 0 ? a.pretrain : a.finetune;
  const s3rec_batch *batch_b = _i == 0 ? b.pretrain : b.finetune;
  size_t count;
  compute(&a, batch_a);
  test_ok(s3rec_trainer_apply_gradients(a.trainer));
  compute(&b, batch_b);
  compute(&b, batch_b);
  for (size_t i = 0; i < s3rec_model_parameter_count(b.model); i++) {
    const s3rec_parameter_info info = test_parameter(b.model, i);
    float *values = gradient_of(&b, info.name, info.element_count);
    test_ok(s3rec_trainer_gradient_write(b.trainer, info.name, values, info.element_count));
    float *again = gradient_of(&b, info.name, info.element_count);
    ck_assert_mem_eq(values, again, info.element_count * sizeof *values);
    free(values);
    free(again);
  }
  test_ok(s3rec_trainer_apply_gradients(b.trainer));
  float *weights = test_weights(a.model, &count);
  ck_assert(test_same_weights(b.model, weights));
  free(weights);
  test_training_end(&a);
  test_training_end(&b);
}
END_TEST

/* torch.optim.Adam, and AdamW for the second turn, in double precision, three steps on
 * gradients of our own choice, weights to 1e-6 (a step is about 1e-3). */
START_TEST(adam_by_hand) {
  s3rec_trainer_options options = default_options();
  options.learning_rate = 2e-3;
  options.adam_beta1 = 0.8;
  options.adam_beta2 = 0.95;
  options.adam_epsilon = 1e-6;
  const double decay = _i == 0 ? 0.05 : 0.0, decoupled = _i == 0 ? 0.0 : 3.0;
  options.weight_decay = decay;
  options.decoupled_weight_decay = decoupled;
  test_training s = set_up(&options);
  enum { NAMES = 3 };
  static const char *const names[NAMES] = {"item_embeddings.weight",
                                           "item_encoder.layer.1.intermediate.dense_1.weight",
                                           "LayerNorm.bias"};
  for (int n = 0; n < NAMES; n++) {
    size_t count = 0;
    for (size_t i = 0; i < s3rec_model_parameter_count(s.model); i++) {
      const s3rec_parameter_info info = test_parameter(s.model, i);
      if (strcmp(info.name, names[n]) == 0) count = info.element_count;
    }
    ck_assert_uint_gt(count, 0);
    float *weights = malloc(count * sizeof *weights), *gradient = malloc(count * sizeof *gradient);
    double *w = malloc(count * sizeof *w), *m = calloc(count, sizeof *m),
           *v = calloc(count, sizeof *v);
    ck_assert(weights != NULL && gradient != NULL && w != NULL && m != NULL && v != NULL);
    /* A trainer of its own, so that moments start at 0. */
    s3rec_trainer_destroy(s.trainer);
    test_ok(s3rec_trainer_create(s.model, &options, &s.trainer));
    test_ok(s3rec_model_parameter_read(s.model, names[n], weights, count));
    for (size_t i = 0; i < count; i++) w[i] = weights[i];
    for (int step = 1; step <= 3; step++) {
      compute(&s, s.pretrain);
      for (size_t i = 0; i < count; i++) {
        /* the padding row, the item table's first, has no gradient */
        const int padding = n == 0 && i < (size_t)shape.hidden;
        gradient[i] = padding ? 0 : (float)sin((double)(i + 1) * step);
        const double g = gradient[i] + decay * w[i];
        m[i] = 0.8 * m[i] + 0.2 * g;
        v[i] = 0.95 * v[i] + 0.05 * g * g;
        w[i] -= 2e-3 * decoupled * w[i];
        w[i] -= 2e-3 * (m[i] / (1 - pow(0.8, step))) / (sqrt(v[i] / (1 - pow(0.95, step))) + 1e-6);
      }
      test_ok(s3rec_trainer_gradient_write(s.trainer, names[n], gradient, count));
      test_ok(s3rec_trainer_apply_gradients(s.trainer));
    }
    test_ok(s3rec_model_parameter_read(s.model, names[n], weights, count));
    for (size_t i = 0; i < count; i++) ck_assert_double_le(fabs(weights[i] - w[i]), 1e-6);
    free(weights);
    free(gradient);
    free(w);
    free(m);
    free(v);
  }
  test_training_end(&s);
}
END_TEST

/* The norm over all parameters, and a step as if gradients were scaled to it. */
START_TEST(clipping) {
  s3rec_trainer_options options = default_options();
  options.adam_epsilon = 1; /* else Adam's first step forgets the scale */
  options.max_gradient_norm = 1e30;
  test_training a = set_up(&options);
  size_t count;
  double sum = 0, deviation = 0;
  s3rec_losses losses = compute(&a, a.pretrain);
  float *gradients = test_gradients(a.model, a.trainer, &count);
  for (size_t i = 0; i < count; i++) sum += (double)gradients[i] * gradients[i];
  ck_assert_double_eq_tol(losses.gradient_norm, sqrt(sum), 1e-6 * sqrt(sum));
  free(gradients);
  const double scale = 0.25;
  for (size_t i = 0; i < s3rec_model_parameter_count(a.model); i++) {
    const s3rec_parameter_info info = test_parameter(a.model, i);
    float *values = gradient_of(&a, info.name, info.element_count);
    for (size_t j = 0; j < info.element_count; j++) values[j] *= (float)scale;
    test_ok(s3rec_trainer_gradient_write(a.trainer, info.name, values, info.element_count));
    free(values);
  }
  test_ok(s3rec_trainer_apply_gradients(a.trainer));
  options.max_gradient_norm = scale * sqrt(sum);
  test_training b = set_up(&options);
  test_ok(s3rec_pretrain_step(b.trainer, b.pretrain, &losses));
  ck_assert_double_eq_tol(losses.gradient_norm, sqrt(sum), 1e-6 * sqrt(sum));
  float *scaled = test_weights(a.model, &count), *clipped = test_weights(b.model, &count);
  for (size_t i = 0; i < count; i++) deviation = fmax(deviation, fabs(scaled[i] - clipped[i]));
  ck_assert_double_le(deviation, 1e-7);
  free(scaled);
  free(clipped);
  test_training_end(&a);
  test_training_end(&b);
  options.max_gradient_norm = 0;
  test_training c = set_up(&options);
  losses = compute(&c, c.pretrain);
  ck_assert(losses.gradient_norm == 0);
  test_training_end(&c);
}
END_TEST

/* As in the reference, where heads that a loss does not use have no gradient at
 * all and are not even decayed: fine-tuning leaves them alone. */
START_TEST(finetuning_leaves_heads_alone) {
  static const char *const untouched[] = {"aap_norm.weight", "mip_norm.bias", "map_norm.weight",
                                          "sp_norm.weight", "attribute_embeddings.weight"};
  s3rec_trainer_options options = default_options();
  options.weight_decay = 0.1;
  test_training s = set_up(&options);
  s3rec_model *before;
  test_ok(s3rec_model_clone(s.model, &before));
  test_ok(s3rec_finetune_step(s.trainer, s.finetune, NULL));
  for (size_t i = 0; i < s3rec_model_parameter_count(s.model); i++) {
    const s3rec_parameter_info info = test_parameter(s.model, i);
    float *then = malloc(info.element_count * sizeof *then);
    float *now = malloc(info.element_count * sizeof *now);
    int expected_same = 0;
    ck_assert(then != NULL && now != NULL);
    for (size_t j = 0; j < sizeof untouched / sizeof *untouched; j++) {
      expected_same |= strcmp(info.name, untouched[j]) == 0;
    }
    test_ok(s3rec_model_parameter_read(before, info.name, then, info.element_count));
    test_ok(s3rec_model_parameter_read(s.model, info.name, now, info.element_count));
    const int same = memcmp(then, now, info.element_count * sizeof *now) == 0;
    if (expected_same) ck_assert_msg(same, "%s changed", info.name);
    if (strstr(info.name, "_norm.") == NULL && !expected_same) {
      ck_assert_msg(!same, "%s did not change", info.name);
    }
    free(then);
    free(now);
  }
  s3rec_model_destroy(before);
  test_training_end(&s);
}
END_TEST

/* The most extreme options that are accepted never make a weight infinite. */
START_TEST(extreme_options_stay_finite) {
  s3rec_trainer_options options = default_options();
  options.learning_rate = 1e3;
  options.adam_epsilon = _i == 0 ? 1e-16 : 1e3;
  options.adam_beta1 = _i == 0 ? 0 : 1 - 1e-12;
  options.adam_beta2 = _i == 0 ? 0 : 1 - 1e-12;
  test_training s = set_up(&options);
  for (int step = 0; step < 20; step++) {
    const s3rec_status status = s3rec_pretrain_step(s.trainer, s.pretrain, NULL);
    ck_assert(status == S3REC_OK || status == S3REC_ERROR_NUMERIC);
    size_t count;
    float *weights = test_weights(s.model, &count);
    for (size_t i = 0; i < count; i++) ck_assert(isfinite(weights[i]));
    free(weights);
  }
  test_training_end(&s);
}
END_TEST

/* A gradient whose square does not fit is refused before it touches a weight. */
START_TEST(huge_gradients_are_refused) {
  test_training s = set_up(NULL);
  size_t count;
  float *weights = test_weights(s.model, &count);
  test_ok(s3rec_trainer_compute_gradients(s.trainer, s.pretrain, NULL));
  const size_t hidden = (size_t)shape.hidden;
  float *huge = calloc(hidden, sizeof *huge);
  ck_assert_ptr_nonnull(huge);
  huge[0] = 1e25f;
  test_ok(s3rec_trainer_gradient_write(s.trainer, "LayerNorm.weight", huge, hidden));
  test_fails(s3rec_trainer_apply_gradients(s.trainer), S3REC_ERROR_NUMERIC);
  ck_assert(test_same_weights(s.model, weights));
  ck_assert_uint_eq(s3rec_trainer_step_count(s.trainer), 0);
  free(huge);
  free(weights);
  test_training_end(&s);
}
END_TEST

/* Whatever a host writes for it, the padding row has no gradient. */
START_TEST(written_padding_row_is_zero) {
  test_training s = set_up(NULL);
  test_ok(s3rec_trainer_compute_gradients(s.trainer, s.pretrain, NULL));
  const s3rec_parameter_info info = test_parameter(s.model, 0);
  float *values = malloc(info.element_count * sizeof *values);
  ck_assert_ptr_nonnull(values);
  for (size_t i = 0; i < info.element_count; i++) values[i] = 1;
  test_ok(s3rec_trainer_gradient_write(s.trainer, info.name, values, info.element_count));
  test_ok(s3rec_trainer_gradient_read(s.trainer, info.name, values, info.element_count));
  for (int32_t j = 0; j < shape.hidden; j++) ck_assert(values[j] == 0);
  ck_assert(values[shape.hidden] == 1);
  free(values);
  test_training_end(&s);
}
END_TEST

TEST_SUITE(update) {
  TCase *gradients = tcase_create("gradients"), *updates = tcase_create("updates");
  tcase_add_test(gradients, padding_row_has_no_gradient);
  tcase_add_test(gradients, zero_weight_skips);
  tcase_add_test(gradients, joint_loss_is_the_weighted_sum);
  tcase_add_test(gradients, joint_gradient_is_the_weighted_sum);
  tcase_add_test(gradients, huge_gradients_are_refused);
  tcase_add_test(gradients, written_padding_row_is_zero);
  tcase_add_loop_test(updates, extreme_options_stay_finite, 0, 2);
  tcase_add_loop_test(updates, compute_and_apply_is_a_step, 0, 3);
  tcase_add_loop_test(updates, gradients_through_the_callers_hands, 0, 2);
  tcase_add_loop_test(updates, adam_by_hand, 0, 2);
  tcase_add_test(updates, clipping);
  tcase_add_test(updates, finetuning_leaves_heads_alone);
  test_add_cases(suite, gradients, updates, NULL);
}
