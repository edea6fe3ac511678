/* SPDX-License-Identifier: Apache-2.0 */
/* Linear layers, biases and activations of every backend, against the references in
 * double. */
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend_fixture.h"
#include "dnnl/door.h"
#include "dnnl/engine.h"
#include "reference_ops.h"

static const size_t row_counts[] = {0, 1, 2, 31, 32, 33, 100, 1100};
static const size_t widths[] = {1, 7, 16, 24, 64, 100, 256};
enum {
  ROW_COUNTS = sizeof row_counts / sizeof row_counts[0],
  WIDTHS = sizeof widths / sizeof widths[0]
};

/* Sums of k products in float: the error grows with sqrt(k) in practice and k at
 * most; this allows 8 roundings of the sum of absolute terms. */
static const double sum_tolerance = 8 * FLT_EPSILON / 2;

static double *absolute(array a) {
  array copy = array_copy(a);
  for (size_t i = 0; i < a.count; i++) copy.expected[i] = fabs(a.expected[i]);
  return copy.expected;
}

static void check_linear(s3_backend *backend, size_t rows, size_t in, size_t out) {
  const s3_backend_operations *op = backend->operations;
  const array src = array_random(rows * in, 1.0), weights = array_random(out * in, 0.1);
  const array diff_dst = array_random(rows * out, 10.0);
  double *abs_src = absolute(src), *abs_weights = absolute(weights);
  double *abs_diff = absolute(diff_dst);
  test_at("rows %zu, in %zu, out %zu", rows, in, out);

  const array dst = array_constant(rows * out, NAN);
  double *bound = array_copy(dst).expected;
  CHECK_OK(op->linear_forward(backend, rows, in, out, src.actual, weights.actual, dst.actual));
  reference_linear_forward(rows, in, out, src.expected, weights.expected, dst.expected);
  reference_linear_forward(rows, in, out, abs_src, abs_weights, bound);
  array_check_bound("dst", dst, bound, sum_tolerance);

  for (int accumulate = 0; accumulate <= 1; accumulate++) {
    const array diff_src =
        accumulate ? array_random(rows * in, 5.0) : array_constant(rows * in, NAN);
    bound = absolute(diff_src);
    CHECK_OK(op->linear_backward_data(backend, rows, in, out, diff_dst.actual, weights.actual,
                                      accumulate, diff_src.actual));
    reference_linear_backward_data(rows, in, out, diff_dst.expected, weights.expected,
                                   accumulate, diff_src.expected);
    reference_linear_backward_data(rows, in, out, abs_diff, abs_weights, accumulate, bound);
    array_check_bound(accumulate ? "accumulated diff_src" : "diff_src", diff_src, bound,
                      sum_tolerance);
  }

  const array diff_weights = array_random(out * in, 1.0);
  bound = absolute(diff_weights);
  CHECK_OK(op->linear_backward_weights(backend, rows, in, out, src.actual, diff_dst.actual,
                                       diff_weights.actual));
  reference_linear_backward_weights(rows, in, out, src.expected, diff_dst.expected,
                                    diff_weights.expected);
  reference_linear_backward_weights(rows, in, out, abs_src, abs_diff, bound);
  array_check_bound("diff_weights", diff_weights, bound, sum_tolerance);
  arrays_free();
}

static void check_linear_shapes(s3_backend *backend) {
  for (size_t r = 0; r < ROW_COUNTS; r++) {
    for (size_t i = 0; i < WIDTHS; i++) {
      for (size_t o = 0; o < WIDTHS; o++) {
        if (row_counts[r] > 100 && (i + o) % 6 != 0) continue; /* they take long */
        check_linear(backend, row_counts[r], widths[i], widths[o]);
      }
    }
  }
  for (size_t rows = 3; rows < 31; rows++) check_linear(backend, rows, 24, 7);
}

START_TEST(linear) { for_each_backend(check_linear_shapes); }
END_TEST

static void check_bias(s3_backend *backend) {
  const s3_backend_operations *op = backend->operations;
  for (size_t r = 0; r < ROW_COUNTS; r++) {
    for (size_t w = 0; w < WIDTHS; w++) {
      const size_t rows = row_counts[r], width = widths[w];
      test_at("rows %zu, width %zu", rows, width);
      const array bias = array_random(width, 1.0), dst = array_random(rows * width, 2.0);
      CHECK_OK(op->bias_forward(backend, rows, width, bias.actual, dst.actual));
      reference_bias_forward(rows, width, bias.expected, dst.expected);
      array_check("dst", dst, width, FLT_EPSILON, 0.0);

      const array diff_dst = array_random(rows * width, 1.0);
      const array diff_bias = array_random(width, 1.0);
      double *bound = absolute(diff_bias);
      CHECK_OK(op->bias_backward(backend, rows, width, diff_dst.actual, diff_bias.actual));
      reference_bias_backward(rows, width, diff_dst.expected, diff_bias.expected);
      reference_bias_backward(rows, width, absolute(diff_dst), bound);
      array_check_bound("diff_bias", diff_bias, bound, sum_tolerance);
      arrays_free();
    }
  }
}

START_TEST(bias) { for_each_backend(check_bias); }
END_TEST

/* gelu's Phi may be a rational approximation with an absolute error of 1.5e-7
 * (Abramowitz and Stegun 7.1.26), which x then multiplies; far out both are
 * exactly 0 or x. */
static const double activation_tolerance = 4e-7;

static void check_activation(s3_backend *backend, s3rec_activation activation, size_t rows,
                             size_t width, double magnitude) {
  const s3_backend_operations *op = backend->operations;
  test_at("activation %d, rows %zu, width %zu, magnitude %g", (int)activation, rows, width,
          magnitude);
  const array src = array_random(rows * width, magnitude), bias = array_random(width, 1.0);
  array argument = array_copy(src);
  reference_bias_forward(rows, width, bias.expected, argument.expected);
  double *bound = absolute(argument); /* rounding of src + bias moves dst by as much */
  for (size_t i = 0; i < rows * width; i++) bound[i] += 1.0;

  const array kept = array_copy(src), dst = array_constant(rows * width, NAN);
  CHECK_OK(op->activation_forward(backend, activation, true, rows, width, kept.actual,
                                  bias.actual, dst.actual));
  reference_activation_forward(activation, rows, width, src.expected, bias.expected,
                               dst.expected);
  array_check_bound("dst", dst, bound, activation_tolerance);

  const array in_place = array_copy(src);
  CHECK_OK(op->activation_forward(backend, activation, false, rows, width, in_place.actual,
                                  bias.actual, in_place.actual));
  reference_activation_forward(activation, rows, width, src.expected, bias.expected,
                               in_place.expected);
  array_check_bound("dst in place", in_place, bound, activation_tolerance);

  /* Slopes are at most 1.13; where relu's jumps, src + bias rounds to the same
   * side. A slope moves by its derivative, at most 0.8, times the rounding. */
  const array diff_dst = array_random(rows * width, 1.0), diff_src = array_copy(diff_dst);
  const array diff_bias = array_random(width, 1.0);
  const array in_place_bias = array_copy(diff_bias);
  const array diff_in_place = array_copy(diff_dst);
  double *diff_bound = absolute(diff_dst), *bias_bound = absolute(diff_bias);
  for (size_t i = 0; i < rows * width; i++) {
    diff_bound[i] *= 1.0 + fmin(bound[i], 8.0);
    bias_bound[i % width] += diff_bound[i];
  }
  CHECK_OK(op->activation_backward(backend, activation, rows, width, kept.actual,
                                   diff_dst.actual, diff_src.actual, diff_bias.actual));
  reference_activation_backward(activation, rows, width, src.expected, bias.expected,
                                diff_dst.expected, diff_src.expected, diff_bias.expected);
  array_check_bound("diff_src", diff_src, diff_bound, activation_tolerance);
  array_check_bound("diff_bias", diff_bias, bias_bound, activation_tolerance);

  CHECK_OK(op->activation_backward(backend, activation, rows, width, kept.actual,
                                   diff_in_place.actual, diff_in_place.actual,
                                   in_place_bias.actual));
  for (size_t i = 0; i < rows * width; i++) {
    CHECK(diff_in_place.actual[i] == diff_src.actual[i], "in place differs");
  }
  arrays_free();
}

static void check_activations(s3_backend *backend) {
  static const double magnitudes[] = {1.0, 5.0, 80.0};
  for (int activation = S3REC_GELU; activation <= S3REC_SWISH; activation++) {
    for (size_t r = 0; r < ROW_COUNTS; r++) {
      for (size_t w = 0; w < WIDTHS; w++) {
        check_activation(backend, (s3rec_activation)activation, row_counts[r], widths[w],
                         magnitudes[(r + w) % 3]);
      }
    }
  }
}

START_TEST(activations) { for_each_backend(check_activations); }
END_TEST

START_TEST(openmp_setting_is_put_back) {
  const s3_dnnl_host outer = s3_dnnl_enter();
  const s3_dnnl_host inner = s3_dnnl_enter();
  ck_assert_int_le(inner.openmp_threads, 1); /* 1, or 0 without OpenMP */
  s3_dnnl_leave(inner);
  s3_dnnl_leave(outer);
  const s3_dnnl_host again = s3_dnnl_enter();
  ck_assert_int_eq(again.openmp_threads, outer.openmp_threads);
  s3_dnnl_leave(again);
}
END_TEST

START_TEST(description_names_the_library) {
  char text[128], cut[8];
  CHECK_OK(s3_dnnl_check());
  s3_dnnl_describe(text, sizeof text);
  ck_assert_msg(strncmp(text, "oneDNN ", 7) == 0, "%s", text);
  printf("%s\n", text);
  s3_dnnl_describe(cut, sizeof cut);
  ck_assert_str_eq(cut, "oneDNN ");
}
END_TEST

/* A backend made by one thread may work on another (a pool makes them up front). */
static void *run_linear(void *argument) {
  for (size_t i = 0; i < 20; i++) check_linear(argument, 1 + i, 24, 16);
  return NULL;
}

static void check_other_thread(s3_backend *backend) {
  run_linear(backend);
  pthread_t thread;
  ck_assert_int_eq(pthread_create(&thread, NULL, run_linear, backend), 0);
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
  run_linear(backend);
}

START_TEST(backend_moves_to_another_thread) { for_each_backend(check_other_thread); }
END_TEST

/* More shapes than the primitive cache holds. */
START_TEST(primitive_cache_is_bounded) {
  enum { SHAPES = 5000 };
  s3rec_context *context = NULL;
  s3_backend *backend = NULL;
  CHECK_OK(open_counted_context(S3REC_BACKEND_ONEDNN, &context));
  CHECK_OK(s3_backend_create(context, &backend));
  size_t most = 0;
  float *bias = calloc(SHAPES, sizeof *bias), *dst = calloc(SHAPES, sizeof *dst);
  for (size_t width = 1; width <= SHAPES; width++) {
    bias[width - 1] = 1.0f;
    CHECK_OK(backend->operations->bias_forward(backend, 1, width, bias, dst));
    if (allocations.live > most) most = allocations.live;
  }
  for (size_t i = 0; i < SHAPES; i++) {
    CHECK(dst[i] == (float)(SHAPES - i), "element %zu is %g", i, dst[i]);
  }
  ck_assert_uint_lt(most, 4096 + 10);
  ck_assert_uint_lt(allocations.live, 1000); /* it was emptied on the way */
  free(bias);
  free(dst);
  s3_backend_destroy(backend);
  s3rec_context_destroy(context);
  ck_assert_uint_eq(allocations.live, 0);
}
END_TEST

TEST_SUITE(backend_linear) {
  TCase *cases = tcase_create("linear");
  tcase_add_test(cases, openmp_setting_is_put_back);
  tcase_add_test(cases, description_names_the_library);
  tcase_add_test(cases, linear);
  tcase_add_test(cases, bias);
  tcase_add_test(cases, activations);
  tcase_add_test(cases, backend_moves_to_another_thread);
  tcase_add_test(cases, primitive_cache_is_bounded);
  test_add_cases(suite, cases, NULL);
}
