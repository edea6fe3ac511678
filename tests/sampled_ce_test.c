/* SPDX-License-Identifier: Apache-2.0 */
/* The sampled softmax: which items are drawn how often and with what correction, and that it is
 * the full softmax where all items are drawn. Its arithmetic with a bias is in
 * cross_entropy_test.c, its gradients are in gradient_test.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "support/suite.h"
#include "support/training.h"
#include "training/trainer.h"

enum { WIDTH = 3 };

/* A catalogue to draw from, and N targets. */
typedef struct drawing {
  s3rec_context *context;
  s3_candidates candidates;
  s3_cross_entropy ce;
  size_t item_count;
  float *items; /* [item_count, WIDTH], item i + 1 has the number i in it */
  uint32_t *row_of;
} drawing;

static void open_drawing(drawing *d, size_t item_count, size_t target_count) {
  *d = (drawing){.context = test_context(1), .item_count = item_count};
  d->items = malloc(item_count * WIDTH * sizeof *d->items);
  d->row_of = calloc(item_count + 1, sizeof *d->row_of);
  ck_assert(d->items != NULL && d->row_of != NULL);
  for (size_t i = 0; i < item_count * WIDTH; i++) d->items[i] = (float)i;
  d->candidates = (s3_candidates){.context = d->context,
                                  .gradient = {.context = d->context, .width = WIDTH}};
  d->ce = (s3_cross_entropy){.context = d->context, .groups = 1, .hidden_size = WIDTH};
  test_ok(s3_cross_entropy_reserve(&d->ce, target_count, 1));
}

static void close_drawing(drawing *d) {
  s3_candidates_free(&d->candidates);
  s3_cross_entropy_free(&d->ce);
  s3rec_context_destroy(d->context);
  free(d->items);
  free(d->row_of);
}

static size_t draw(drawing *d, const int32_t *targets, uint64_t key, size_t negative_count) {
  test_ok(s3_candidates_reserve(&d->candidates, d->ce.target_count, d->item_count,
                                negative_count));
  for (size_t n = 0; n < d->ce.target_count; n++) d->ce.targets[n] = targets[n] - 1;
  d->ce.item_count = d->item_count;
  d->ce.items = d->items;
  s3_candidates_draw(&d->candidates, key, negative_count, d->row_of, &d->ce);
  return d->ce.item_count;
}

/* |mean - expected| within five standard errors. */
static void check_mean(const char *what, double sum, double expected, double variance,
                       double draws) {
  ck_assert_msg(fabs(sum / draws - expected) <= 5 * sqrt(variance / draws),
                "%s: %.6g, expected %.6g", what, sum / draws, expected);
}

/* Two of the targets are the same item; first and last of the items are none. */
static const int32_t targets[] = {17, 5, 17, 40, 39};
enum { TARGETS = 5, DISTINCT = 4, ITEMS = 64, NEGATIVES = 12, DRAWS = 6000 };

START_TEST(a_draw_is_what_the_softmax_needs) {
  drawing d;
  open_drawing(&d, ITEMS, TARGETS);
  for (uint64_t key = 0; key < 40; key++) {
    bool seen[ITEMS + 1] = {false};
    const size_t count = draw(&d, targets, s3_mix64(key), NEGATIVES);
    ck_assert_uint_ge(count, DISTINCT);
    ck_assert_uint_le(count, d.candidates.most);
    ck_assert(d.ce.diff_items == d.candidates.gradient.rows);
    for (size_t n = 0; n < TARGETS; n++)
      ck_assert_int_eq(d.candidates.gradient.ids[d.ce.targets[n]], targets[n]);
    for (size_t i = 0; i < count; i++) {
      const int32_t id = d.candidates.gradient.ids[i];
      const double bias = i < DISTINCT ? 0 : log((double)(ITEMS - DISTINCT) / NEGATIVES);
      ck_assert(id >= 1 && id <= ITEMS && !seen[id]);
      seen[id] = true;
      ck_assert_double_eq_tol(d.ce.bias[i], bias, 1e-6);
      ck_assert_mem_eq(d.ce.items + i * WIDTH, d.items + (id - 1) * WIDTH, WIDTH * sizeof(float));
    }
    for (size_t id = 0; id <= ITEMS; id++) ck_assert_uint_eq(d.row_of[id], 0);
  }
  close_drawing(&d);
}
END_TEST

/* Counts, single items, neighbours (independence) and the sum of exponentials. */
START_TEST(draws_have_their_expectations) {
  const double p = (double)NEGATIVES / (ITEMS - DISTINCT);
  double counts = 0, sums = 0, full = 0, variance = 0;
  double times[ITEMS + 1] = {0}, pairs[ITEMS + 1] = {0};
  drawing d;
  open_drawing(&d, ITEMS, TARGETS);
  for (uint64_t key = 0; key < DRAWS; key++) {
    bool seen[ITEMS + 1] = {false};
    const size_t count = draw(&d, targets, s3_mix64(key), NEGATIVES);
    counts += (double)count;
    for (size_t i = 0; i < count; i++) {
      const int32_t id = d.candidates.gradient.ids[i];
      times[id]++;
      seen[id] = true;
      sums += exp(sin(id) + (double)d.ce.bias[i]);
    }
    for (size_t id = 2; id <= ITEMS; id++) pairs[id] += seen[id - 1] && seen[id];
  }
  for (int id = 1; id <= ITEMS; id++) {
    const bool is_target = id == 17 || id == 5 || id == 40 || id == 39;
    const bool was_target = id == 18 || id == 6 || id == 41 || id == 40;
    const double chance = is_target ? 1 : p, both = chance * (was_target ? 1 : p);
    check_mean("an item", times[id], chance, chance * (1 - chance), DRAWS);
    if (id > 1) check_mean("a pair", pairs[id], both, both * (1 - both), DRAWS);
    full += exp(sin(id));
    variance += is_target ? 0 : exp(2 * sin(id)) * (1 - p) / p;
  }
  check_mean("candidates", counts, DISTINCT + NEGATIVES, NEGATIVES * (1 - p), DRAWS);
  check_mean("sum of exponentials", sums, full, variance, DRAWS);
  close_drawing(&d);
}
END_TEST

/* Long gaps: few out of many, all over the catalogue. */
START_TEST(a_large_catalogue_is_drawn_from_evenly) {
  enum { MANY = 300000, FEW = 10, TIMES = 1000 };
  double counts = 0, places = 0;
  drawing d;
  open_drawing(&d, MANY, TARGETS);
  for (uint64_t key = 0; key < TIMES; key++) {
    const size_t count = draw(&d, targets, s3_mix64(key), FEW);
    ck_assert_uint_le(d.candidates.most, TARGETS + 100);
    counts += (double)(count - DISTINCT);
    for (size_t i = DISTINCT; i < count; i++) places += d.candidates.gradient.ids[i];
  }
  check_mean("drawn", counts, FEW, FEW, TIMES);
  check_mean("place", places / MANY, 0.5, 1 / 12.0, counts);
  close_drawing(&d);
}
END_TEST

static const test_shape shape = {.items = 70, .attributes = 3, .length = 7, .hidden = 16,
                                 .layers = 1, .heads = 2, .activation = S3REC_GELU,
                                 .dropout = 0.2, .batch = 9};

static test_training train_with(s3rec_finetune_loss loss, int32_t negative_count) {
  s3rec_trainer_options options;
  s3rec_trainer_options_init(&options);
  options.finetune_loss = loss;
  options.negative_count = negative_count;
  return test_training_start(&shape, 2, 61, &options);
}

/* Loop: just enough negatives for all, and as many as there can be. */
START_TEST(all_items_are_the_full_softmax) {
  test_training full = train_with(S3REC_LOSS_CE, 1);
  test_training sampled =
      train_with(S3REC_LOSS_SAMPLED_CE, _i == 0 ? shape.items : INT32_MAX);
  s3rec_losses a, b;
  size_t count;
  s3rec_losses_init(&a);
  s3rec_losses_init(&b);
  for (int step = 0; step < 2; step++) {
    test_ok(s3rec_trainer_compute_gradients(full.trainer, full.finetune, &a));
    test_ok(s3rec_trainer_compute_gradients(sampled.trainer, sampled.finetune, &b));
    ck_assert_double_eq_tol(a.total, b.total, 1e-6 * a.total);
    float *expected = test_gradients(full.model, full.trainer, &count);
    float *actual = test_gradients(sampled.model, sampled.trainer, &count);
    double square = 0, difference = 0;
    for (size_t i = 0; i < count; i++) {
      square += (double)expected[i] * expected[i];
      difference += pow((double)actual[i] - expected[i], 2);
    }
    ck_assert_msg(sqrt(difference) <= 1e-5 * sqrt(square), "gradients differ by %.3g of %.3g",
                  sqrt(difference), sqrt(square));
    free(expected);
    free(actual);
  }
  test_training_end(&full);
  test_training_end(&sampled);
}
END_TEST

/* Gradients computed again are of the same loss; a step draws anew. No whole gradient of
 * the item table comes up, and only candidates and inputs have one. */
START_TEST(every_step_draws_anew) {
  test_training s = train_with(S3REC_LOSS_SAMPLED_CE, 10);
  const s3_item_rows *drawn = &s.trainer->candidates.gradient;
  int32_t ids[72];
  s3rec_losses first, again;
  s3rec_losses_init(&first);
  s3rec_losses_init(&again);
  test_ok(s3rec_trainer_compute_gradients(s.trainer, s.finetune, &first));
  const size_t count = drawn->count;
  ck_assert_uint_lt(count, (size_t)shape.items);
  memcpy(ids, drawn->ids, count * sizeof *ids);
  test_ok(s3rec_trainer_compute_gradients(s.trainer, s.finetune, &again));
  ck_assert_mem_eq(&first, &again, sizeof first);
  ck_assert_uint_eq(drawn->count, count);
  ck_assert_mem_eq(drawn->ids, ids, count * sizeof *ids);
  ck_assert_uint_lt(s.trainer->gradients.items.count, (size_t)shape.items);
  test_ok(s3rec_trainer_apply_gradients(s.trainer));
  test_ok(s3rec_finetune_step(s.trainer, s.finetune, NULL));
  ck_assert(drawn->count != count || memcmp(drawn->ids, ids, count * sizeof *ids) != 0);
  ck_assert_ptr_null(s.trainer->item_table);
  test_training_end(&s);
}
END_TEST

TEST_SUITE(sampled_ce) {
  TCase *cases = tcase_create("draws"), *losses = tcase_create("losses");
  tcase_add_test(cases, a_draw_is_what_the_softmax_needs);
  tcase_add_test(cases, draws_have_their_expectations);
  tcase_add_test(cases, a_large_catalogue_is_drawn_from_evenly);
  tcase_add_loop_test(losses, all_items_are_the_full_softmax, 0, 2);
  tcase_add_test(losses, every_step_draws_anew);
  test_add_cases(suite, cases, losses, NULL);
}
