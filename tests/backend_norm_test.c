/* SPDX-License-Identifier: Apache-2.0 */
/* Embedding and add + norm of every backend against the references in double. */
#include <math.h>

#include "backend_fixture.h"
#include "reference_ops.h"

static const size_t row_counts[] = {0, 1, 2, 31, 32, 33, 100, 1100};
static const size_t widths[] = {1, 7, 16, 24, 64, 100, 256};
enum {
  ROW_COUNTS = sizeof row_counts / sizeof row_counts[0],
  WIDTHS = sizeof widths / sizeof widths[0]
};

/* A dozen roundings on the way, measured against the largest of the row. */
static const double tolerance = 2e-6;

typedef struct norm_arrays {
  array scale, shift, diff_scale, diff_shift, values, statistics;
} norm_arrays;

static norm_arrays make_norm(size_t rows, size_t width) {
  return (norm_arrays){array_random(width, 1.0),         array_random(width, 1.0),
                       array_random(width, 1.0),         array_random(width, 1.0),
                       array_constant(rows * width, NAN), array_constant(rows * 2, NAN)};
}
static s3_norm_weights weights_of(const norm_arrays *n) {
  return (s3_norm_weights){n->scale.actual, n->shift.actual};
}
static s3_norm_kept kept_of(const norm_arrays *n) {
  return (s3_norm_kept){n->values.actual, n->statistics.actual};
}
static s3_norm_gradients gradients_of(const norm_arrays *n) {
  return (s3_norm_gradients){n->diff_scale.actual, n->diff_shift.actual};
}
static reference_norm expected_of(const norm_arrays *n) {
  return (reference_norm){n->scale.expected, n->shift.expected};
}
static reference_norm_diff expected_diff_of(const norm_arrays *n) {
  return (reference_norm_diff){n->diff_scale.expected, n->diff_shift.expected};
}

static void set_row(array a, size_t row, size_t width, float value) {
  for (size_t c = 0; c < width; c++) {
    a.expected[row * width + c] = a.actual[row * width + c] = value;
  }
}

/* Gradients of parameters are sums over the rows. */
static void check_norm_gradients(const norm_arrays *n, size_t rows, size_t width) {
  const double floor = sqrt((double)rows) + 1.0;
  array_check("diff_scale", n->diff_scale, width, tolerance, floor);
  array_check("diff_shift", n->diff_shift, width, tolerance, floor);
}

/* Gradients of what is normalized: rounding of scale * diff_dst, which the inverse
 * deviation (1e6 in a row without variance) multiplies. */
static double *diff_bound(const norm_arrays *n, size_t rows, size_t width, const double *sum,
                          const double *diff_dst) {
  double *bound = array_constant(rows * width, 0.0f).expected;
  for (size_t r = 0; r < rows; r++) {
    double mean = 0.0, variance = 1e-12, largest = 0.0;
    for (size_t c = 0; c < width; c++) mean += sum[r * width + c] / (double)width;
    for (size_t c = 0; c < width; c++) {
      const double centred = sum[r * width + c] - mean;
      variance += centred * centred / (double)width;
      largest = fmax(largest, fabs(n->scale.expected[c] * diff_dst[r * width + c]));
    }
    for (size_t c = 0; c < width; c++) bound[r * width + c] = largest / sqrt(variance);
  }
  return bound;
}

static void check_embedding(s3_backend *backend, size_t rows, size_t width, double p,
                            double magnitude) {
  enum { ITEMS = 50, SLOTS = 20 };
  test_at("embedding, rows %zu, width %zu, dropout %g, magnitude %g", rows, width, p, magnitude);
  const array items = array_random(ITEMS * width, magnitude);
  const array positions = array_random(SLOTS * width, magnitude);
  /* Item 0 in slot 0 is a row without variance, exact in float too. */
  set_row(items, 0, width, -3.0f);
  set_row(positions, 0, width, 0.5f);
  int32_t ids[1100], slots[1100];
  for (size_t r = 0; r < rows; r++) {
    ids[r] = (int32_t)(1 + random_below(ITEMS - 1));
    slots[r] = (int32_t)(1 + random_below(SLOTS - 1));
    if (r % 10 == 3) ids[r] = slots[r] = 0;
  }
  const s3_row_dropout dropout = row_dropout(p, rows);
  const norm_arrays n = make_norm(rows, width);
  const array dst = array_constant(rows * width, NAN), sum = array_constant(rows * width, NAN);
  CHECK_OK(backend->operations->embedding_forward(backend, rows, width, items.actual, ids,
                                                  positions.actual, slots, weights_of(&n),
                                                  &dropout, kept_of(&n), dst.actual));
  reference_embedding_forward(rows, width, items.expected, ids, positions.expected, slots,
                              expected_of(&n), &dropout, sum.expected, dst.expected);
  array_check("dst", dst, width, tolerance, 1.0);

  const array diff_dst = array_random(rows * width, 1.0);
  const array diff_sum = array_constant(rows * width, NAN);
  CHECK_OK(backend->operations->embedding_backward(backend, rows, width, weights_of(&n),
                                                   &dropout, kept_of(&n), diff_dst.actual,
                                                   gradients_of(&n), diff_sum.actual));
  reference_embedding_backward(rows, width, sum.expected, expected_of(&n), &dropout,
                               diff_dst.expected, expected_diff_of(&n), diff_sum.expected);
  reference_dropout(rows, width, &dropout, diff_dst.expected, diff_dst.expected);
  array_check_bound("diff_sum", diff_sum,
                    diff_bound(&n, rows, width, sum.expected, diff_dst.expected), tolerance);
  check_norm_gradients(&n, rows, width);
  arrays_free();
}

static void check_add_norm(s3_backend *backend, size_t rows, size_t width, double p,
                           double magnitude) {
  test_at("add_norm, rows %zu, width %zu, dropout %g, magnitude %g", rows, width, p, magnitude);
  const array src = array_random(rows * width, magnitude), bias = array_random(width, 1.0);
  const array residual = array_random(rows * width, magnitude);
  const s3_row_dropout dropout = row_dropout(p, rows);
  const norm_arrays n = make_norm(rows, width);
  const array dst = array_constant(rows * width, NAN), sum = array_constant(rows * width, NAN);
  CHECK_OK(backend->operations->add_norm_forward(backend, rows, width, src.actual, bias.actual,
                                                 residual.actual, weights_of(&n), &dropout,
                                                 kept_of(&n), dst.actual));
  reference_add_norm_forward(rows, width, src.expected, bias.expected, residual.expected,
                             expected_of(&n), &dropout, sum.expected, dst.expected);
  array_check("dst", dst, width, tolerance, 1.0);

  const array diff_dst = array_random(rows * width, 1.0), diff_bias = array_random(width, 1.0);
  const array diff_src = array_constant(rows * width, NAN);
  const array diff_residual = array_constant(rows * width, NAN);
  CHECK_OK(backend->operations->add_norm_backward(
      backend, rows, width, weights_of(&n), &dropout, kept_of(&n), diff_dst.actual,
      gradients_of(&n), diff_bias.actual, diff_src.actual, diff_residual.actual));
  reference_add_norm_backward(rows, width, sum.expected, expected_of(&n), &dropout,
                              diff_dst.expected, expected_diff_of(&n), diff_bias.expected,
                              diff_src.expected, diff_residual.expected);
  double *bound = diff_bound(&n, rows, width, sum.expected, diff_dst.expected);
  double *bias_bound = array_constant(width, 1.0f).expected;
  array_check_bound("diff_residual", diff_residual, bound, tolerance);
  for (size_t i = 0; i < rows * width; i++) bound[i] *= dropout.dropout.scale;
  for (size_t i = 0; i < rows * width; i++) bias_bound[i % width] += bound[i];
  array_check_bound("diff_src", diff_src, bound, tolerance);
  array_check_bound("diff_bias", diff_bias, bias_bound, tolerance);
  check_norm_gradients(&n, rows, width);
  arrays_free();
}

static void check_shapes(s3_backend *backend) {
  static const double magnitudes[] = {1.0, 0.02, 1000.0};
  for (size_t r = 0; r < ROW_COUNTS; r++) {
    for (size_t w = 0; w < WIDTHS; w++) {
      const double magnitude = magnitudes[(r + w) % 3];
      for (int half = 0; half <= 1; half++) {
        check_embedding(backend, row_counts[r], widths[w], 0.5 * half, magnitude);
        check_add_norm(backend, row_counts[r], widths[w], 0.5 * half, magnitude);
      }
    }
  }
}

START_TEST(embedding_and_add_norm) { for_each_backend(check_shapes); }
END_TEST

/* Inference has neither a dropout key nor token numbers. */
static void check_without_tokens(s3_backend *backend) {
  enum { ROWS = 5, WIDTH = 24 };
  test_at("no tokens");
  const s3_row_dropout none = {{{0, 0}, 0, 1.0f}, NULL};
  const array src = array_random(ROWS * WIDTH, 1.0), bias = array_random(WIDTH, 1.0);
  const array residual = array_random(ROWS * WIDTH, 1.0);
  const array dst = array_constant(ROWS * WIDTH, NAN), sum = array_copy(dst);
  const norm_arrays n = make_norm(ROWS, WIDTH);
  CHECK_OK(backend->operations->add_norm_forward(backend, ROWS, WIDTH, src.actual, bias.actual,
                                                 residual.actual, weights_of(&n), &none,
                                                 kept_of(&n), dst.actual));
  reference_add_norm_forward(ROWS, WIDTH, src.expected, bias.expected, residual.expected,
                             expected_of(&n), &none, sum.expected, dst.expected);
  array_check("dst", dst, WIDTH, tolerance, 1.0);
  arrays_free();
}

START_TEST(no_dropout_needs_no_tokens) { for_each_backend(check_without_tokens); }
END_TEST

TEST_SUITE(backend_norm) {
  TCase *cases = tcase_create("norm");
  tcase_add_test(cases, embedding_and_add_norm);
  tcase_add_test(cases, no_dropout_needs_no_tokens);
  test_add_cases(suite, cases, NULL);
}
