/* SPDX-License-Identifier: Apache-2.0 */
/* Finite differences of every objective through the public API.
 *
 * For each parameter tensor w with gradient g and for several directions d,
 *   D(h) = (L(w + h d) - L(w - h d)) / 2h,   D = (4 D(h) - D(2h)) / 3
 * must equal <g, d>. One direction is g itself (normed to the length of a random
 * one): it sees a gradient of the wrong length at full strength. The others are
 * random: they see parts that g lacks. Dropout is on: its masks depend on the
 * step alone, and computing gradients is no step.
 *
 * A loss of size L comes from float kernels and is exact to about 1e-7 L, so a
 * difference quotient carries noise of that over h. The tolerance is
 *   r G + 2e-7 max(1, L) / h
 * where G is what <g, d> is about: |g| for a random d, |g| |d| along g; r = 0.01,
 * or 0.03 with relu, whose kinks lie everywhere. Layer norm of nearly equal values
 * bends sharply, hence h is halved a few times until one step size satisfies all
 * directions. It is tested too that a gradient which is 5 % too long in any tensor
 * (10 % with relu) satisfies none: e = 0.05 or 0.1. Neither test halves h to where
 * the noise exceeds (e - 2 r) G, for there the tolerance is as large as the error. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "support/suite.h"
#include "support/training.h"

enum {
  AAP, MIP, MAP, SP, JOINT, BCE, CE, SAMPLED_CE, SMOOTHED_CE, SMOOTHED_SAMPLED_CE, OBJECTIVES
};
static const char *const objective_names[] = {"aap",   "mip", "map", "sp",
                                              "joint", "bce", "ce", "sampled ce", "smoothed ce",
                                              "smoothed sampled ce"};

static const test_shape shapes[] = {
    {.items = 9, .attributes = 5, .length = 5, .hidden = 8, .layers = 1, .heads = 1,
     .activation = S3REC_GELU, .dropout = 0.3, .batch = 7},
    {.items = 13, .attributes = 7, .length = 6, .hidden = 12, .layers = 2, .heads = 3,
     .activation = S3REC_SWISH, .dropout = 0.5, .batch = 9},
    {.items = 7, .attributes = 1, .length = 4, .hidden = 16, .layers = 3, .heads = 4,
     .activation = S3REC_GELU, .dropout = 0.2, .batch = 6},
    {.items = 11, .attributes = 4, .length = 5, .hidden = 10, .layers = 2, .heads = 2,
     .activation = S3REC_RELU, .dropout = 0.4, .batch = 6},
};
static const double LONGEST_STEP = 2e-3, SHORTEST_STEP = 2.4e-4;
enum { SHAPES = sizeof shapes / sizeof *shapes, DIRECTIONS = 3 };

static int is_sampled(int objective) {
  return objective == SAMPLED_CE || objective == SMOOTHED_SAMPLED_CE;
}

static s3rec_trainer_options options_for(int objective) {
  s3rec_trainer_options options;
  s3rec_trainer_options_init(&options);
  if (objective != JOINT) {
    options.aap_weight = objective == AAP;
    options.mip_weight = objective == MIP;
    options.map_weight = objective == MAP;
    options.sp_weight = objective == SP;
  }
  options.finetune_loss = objective == BCE        ? S3REC_LOSS_BCE
                          : is_sampled(objective) ? S3REC_LOSS_SAMPLED_CE
                                                  : S3REC_LOSS_CE;
  if (objective >= SMOOTHED_CE) options.label_smoothing = 0.2;
  options.negative_count = 5;
  options.shard_count = 4;
  return options;
}

static double loss_of(s3rec_trainer *trainer, const s3rec_batch *batch) {
  s3rec_losses losses;
  s3rec_losses_init(&losses);
  test_ok(s3rec_trainer_compute_gradients(trainer, batch, &losses));
  return losses.total;
}

static void fill_direction(double *direction, const float *gradient, size_t count, double norm,
                           uint64_t key, int aligned) {
  s3_random random = s3_random_make(key);
  for (size_t i = 0; i < count; i++) {
    direction[i] = s3_random_normal(&random);
    if (aligned) direction[i] = norm > 0 ? gradient[i] / norm * sqrt((double)count) : 0;
  }
}

/* What a case works on. */
typedef struct setup {
  s3rec_context *context;
  s3rec_model *model;
  s3rec_batch *batch;
  s3rec_trainer *trainer;
  double relative; /* r: tolerance as a share of |g| */
  double error;    /* e: share of |g| that must be noticed */
} setup;

/* L(w + h d), the weights put back afterwards. */
static double loss_at(setup *s, const s3rec_parameter_info *info, const float *weights,
                      const double *direction, double h) {
  float *moved = malloc(info->element_count * sizeof *moved);
  ck_assert_ptr_nonnull(moved);
  for (size_t i = 0; i < info->element_count; i++) {
    moved[i] = (float)(weights[i] + h * direction[i]);
  }
  test_ok(s3rec_model_parameter_write(s->model, info->name, moved, info->element_count));
  free(moved);
  const double loss = loss_of(s->trainer, s->batch);
  test_ok(s3rec_model_parameter_write(s->model, info->name, weights, info->element_count));
  return loss;
}

/* Largest |quotient - <scale g, d>| over the directions, as a share of the
 * tolerance; *norm is |g|, *noise the tolerance's second term. */
static double deviation_share(setup *s, const s3rec_parameter_info *info, double scale, double h,
                              double *norm, double *noise) {
  const size_t count = info->element_count;
  float *weights = malloc(count * sizeof *weights), *gradient = malloc(count * sizeof *gradient);
  double *direction = malloc(count * sizeof *direction);
  double worst = 0;
  ck_assert(weights != NULL && gradient != NULL && direction != NULL);
  const double loss = loss_of(s->trainer, s->batch);
  test_ok(s3rec_model_parameter_read(s->model, info->name, weights, count));
  test_ok(s3rec_trainer_gradient_read(s->trainer, info->name, gradient, count));
  *norm = 0;
  for (size_t i = 0; i < count; i++) *norm += (double)gradient[i] * gradient[i];
  *norm = sqrt(*norm);
  *noise = 2e-7 * fmax(1, loss) / h;
  for (int k = 0; k < DIRECTIONS; k++) {
    double expected = 0, quotient[2];
    fill_direction(direction, gradient, count, *norm, s3_key(s3_key(count, (uint64_t)k), 7),
                   k == 0);
    for (size_t i = 0; i < count; i++) expected += scale * gradient[i] * direction[i];
    for (int i = 0; i < 2; i++) {
      const double step = h * (i + 1);
      quotient[i] = (loss_at(s, info, weights, direction, step) -
                     loss_at(s, info, weights, direction, -step)) /
                    (2 * step);
    }
    const double numeric = (4 * quotient[0] - quotient[1]) / 3;
    const double length = k == 0 ? sqrt((double)count) : 1;
    const double tolerance = s->relative * *norm * length + *noise;
    worst = fmax(worst, fabs(numeric - expected) / tolerance);
  }
  free(weights);
  free(gradient);
  free(direction);
  return worst;
}

/* The step size to try after h, or 0. norm and noise are those at h. */
static double next_step(const setup *s, const s3rec_parameter_info *info, double h, double norm,
                        double noise) {
  const double length = norm * sqrt((double)info->element_count);
  const int hides = 2 * noise > (s->error - 2 * s->relative) * length;
  return hides || h / 2 < SHORTEST_STEP ? 0 : h / 2;
}

static setup set_up(int shape_index, int objective) {
  const s3rec_trainer_options options = options_for(objective);
  test_shape shape = shapes[shape_index];
  if (is_sampled(objective)) shape.items *= 5; /* or nearly every item is a target */
  setup s;
  s.context = test_context(1);
  s.model = test_model(s.context, &shape, 11);
  s.batch = objective < BCE ? test_pretrain_batch(s.context, &shape, 12)
                            : test_finetune_batch(s.context, &shape, 12);
  s.relative = shape.activation == S3REC_RELU ? 0.03 : 0.01;
  s.error = shape.activation == S3REC_RELU ? 0.1 : 0.05;
  test_ok(s3rec_trainer_create(s.model, &options, &s.trainer));
  return s;
}

static void tear_down(setup *s) {
  s3rec_trainer_destroy(s->trainer);
  s3rec_batch_destroy(s->batch);
  s3rec_model_destroy(s->model);
  s3rec_context_destroy(s->context);
}

START_TEST(equals_difference_quotients) {
  const int shape = _i / OBJECTIVES, objective = _i % OBJECTIVES;
  setup s = set_up(shape, objective);
  for (size_t i = 0; i < s3rec_model_parameter_count(s.model); i++) {
    const s3rec_parameter_info info = test_parameter(s.model, i);
    double best = HUGE_VAL, norm, noise;
    for (double h = LONGEST_STEP; best > 1 && h > 0; h = next_step(&s, &info, h, norm, noise)) {
      best = fmin(best, deviation_share(&s, &info, 1, h, &norm, &noise));
    }
    ck_assert_msg(best <= 1, "%s, shape %d, %s: off by %.3g tolerances, |g| %.3g, noise %.3g",
                  objective_names[objective], shape, info.name, best, norm, noise);
  }
  tear_down(&s);
}
END_TEST

/* Proof that the tolerance means something. The joint loss is left out: beside
 * the noise of the large objectives the small ones' heads do not show. */
START_TEST(a_wrong_length_is_noticed) {
  const int shape = _i / OBJECTIVES, objective = _i % OBJECTIVES;
  if (objective == JOINT) return;
  setup s = set_up(shape, objective);
  const double factor = 1 + s.error;
  size_t judged = 0;
  for (size_t i = 0; i < s3rec_model_parameter_count(s.model); i++) {
    const s3rec_parameter_info info = test_parameter(s.model, i);
    double norm = 1, noise;
    for (double h = LONGEST_STEP; norm > 0 && h > 0; h = next_step(&s, &info, h, norm, noise)) {
      const double share = deviation_share(&s, &info, factor, h, &norm, &noise);
      ck_assert_msg(norm == 0 || share > 1, "%s, shape %d, %s: %g g passes with h %g, |g| %.3g",
                    objective_names[objective], shape, info.name, factor, h, norm);
    }
    judged += norm > 0; /* 0: a parameter of other objectives, or a key bias */
  }
  ck_assert_uint_gt(judged, 10);
  tear_down(&s);
}
END_TEST

TEST_SUITE(gradient) {
  TCase *cases = tcase_create("gradient");
  tcase_add_loop_test(cases, equals_difference_quotients, 0, SHAPES * OBJECTIVES);
  tcase_add_loop_test(cases, a_wrong_length_is_noticed, 0, SHAPES * OBJECTIVES);
  test_add_cases(suite, cases, NULL);
}
