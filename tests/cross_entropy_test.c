/* SPDX-License-Identifier: Apache-2.0 */
/* The softmax cross-entropy against the same in double, with and without a bias, with
 * exponentials that are kept between its passes and with logits that are made twice. */
#include <math.h>

#include "backend_fixture.h"
#include "objectives/next_item_ce.h"

enum { ITEMS = 1300, WIDTH = 8 }; /* three tiles, the last one short */

/* What smoothing gives each item: as much as its bias says. */
static void smoothed_labels(const double *bias, double *q) {
  double sum = 0.0;
  for (size_t i = 0; i < ITEMS; i++) sum += exp(bias[i]);
  for (size_t i = 0; i < ITEMS; i++) q[i] = exp(bias[i]) / sum;
}

/* Probabilities [rows, ITEMS] and the mean loss. */
static double reference(size_t rows, const double *x, const double *items, const double *bias,
                        const int32_t *targets, double smoothing, const double *q, double *p) {
  double loss = 0.0;
  for (size_t n = 0; n < rows; n++) {
    double largest = -INFINITY, sum = 0.0, *row = p + n * ITEMS;
    for (size_t i = 0; i < ITEMS; i++) {
      row[i] = bias[i];
      for (size_t c = 0; c < WIDTH; c++) row[i] += x[n * WIDTH + c] * items[i * WIDTH + c];
      largest = fmax(largest, row[i]);
    }
    for (size_t i = 0; i < ITEMS; i++) sum += exp(row[i] - largest);
    loss += (largest + log(sum) - (1.0 - smoothing) * row[targets[n]]) / (double)rows;
    for (size_t i = 0; i < ITEMS; i++)
      loss -= smoothing * q[i] * (row[i] - bias[i]) / (double)rows;
    for (size_t i = 0; i < ITEMS; i++) row[i] = exp(row[i] - largest) / sum;
  }
  return loss;
}

static void check_size(s3_backend *backend, size_t rows, size_t groups, double magnitude,
                       bool keeps, bool has_bias, double smoothing) {
  test_at("rows %zu, groups %zu, magnitude %g, keeps %d, bias %d, smoothing %g", rows, groups,
          magnitude, keeps, has_bias, smoothing);
  const array items = array_random(ITEMS * WIDTH, 1.0), x = array_random(rows * WIDTH, magnitude);
  const array bias = has_bias ? array_random(ITEMS, 4.0) : array_constant(ITEMS, 0.0f);
  s3_cross_entropy ce = {.context = backend->context,
                         .groups = groups,
                         .most_kept = keeps ? S3_CROSS_ENTROPY_KEPT : 0,
                         .hidden_size = WIDTH,
                         .item_count = ITEMS,
                         .items = items.actual,
                         .bias = has_bias ? bias.actual : NULL,
                         .label_smoothing = smoothing};
  CHECK_OK(s3_cross_entropy_reserve(&ce, rows, ITEMS));
  const array diff_items = array_constant(ITEMS * WIDTH, 0.0f);
  const array diff_x = array_constant(rows * WIDTH, 0.0f);
  ce.diff_items = diff_items.actual;
  memcpy(ce.x, x.actual, rows * WIDTH * sizeof(float));
  for (size_t n = 0; n < rows; n++) ce.targets[n] = (int32_t)random_below(ITEMS);
  double *p = array_constant(rows * ITEMS, 0.0f).expected, loss = 0.0;
  double *q = array_constant(ITEMS, 0.0f).expected;
  smoothed_labels(bias.expected, q);
  const double expected = reference(rows, x.expected, items.expected, bias.expected, ce.targets,
                                    smoothing, q, p);
  for (int step = 0; step < 2; step++) { /* the second overwrites the first */
    CHECK_OK(s3_cross_entropy_run(&ce, NULL, &loss));
    CHECK(fabs(loss - expected) <= 1e-6 * (1.0 + expected), "loss %.9g, expected %.9g", loss,
          expected);
  }
  for (size_t n = 0; n < rows; n++) {
    for (size_t i = 0; i < ITEMS; i++) {
      const double label = ce.targets[n] == (int32_t)i ? 1.0 - smoothing : 0.0;
      const double d = (p[n * ITEMS + i] - label - smoothing * q[i]) / (double)rows;
      for (size_t c = 0; c < WIDTH; c++) {
        diff_x.expected[n * WIDTH + c] += d * items.expected[i * WIDTH + c];
        diff_items.expected[i * WIDTH + c] += d * x.expected[n * WIDTH + c];
      }
    }
    for (size_t g = 0; g < groups; g++)
      for (size_t c = 0; c < WIDTH; c++)
        diff_x.actual[n * WIDTH + c] += ce.diff_x[(g * rows + n) * WIDTH + c];
  }
  /* Exponentials carry the rounding errors of the logits. */
  array_check("diff_x", diff_x, 1, 5e-6 * magnitude, 1.0 / (double)rows);
  array_check("diff_items", diff_items, 1, 5e-6 * magnitude, magnitude / (double)rows);
  s3_cross_entropy_free(&ce);
  arrays_free();
}

static void check_sizes(s3_backend *backend) {
  static const size_t rows[] = {1, 256, 300}; /* one block, a full one, one more */
  for (size_t i = 0; i < 8; i++)
    for (int has_bias = 0; has_bias < 2; has_bias++)
      check_size(backend, rows[i % 3], i < 4 ? 1 : 3, i % 2 == 0 ? 1.0 : 20.0, i % 4 < 2,
                 has_bias, i % 3 == 0 ? 0.0 : 0.3);
}

START_TEST(softmax) { for_each_backend(check_sizes); }
END_TEST

TEST_SUITE(cross_entropy) {
  TCase *cases = tcase_create("cross_entropy");
  tcase_add_test(cases, softmax);
  test_add_cases(suite, cases, NULL);
}
