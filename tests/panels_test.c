/* SPDX-License-Identifier: Apache-2.0 */
/* Linear layers over weights in panels: the kernel at every level against the
 * reference in double, and a model's shared copy. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "backend_fixture.h"
#include "model/panels.h"
#include "reference_ops.h"
#include "support/hooks.h"
#include "support/model.h"

/* Sums of float products, as in backend_linear_test.c: 8 roundings of the sum of
 * absolute terms. */
static const double sum_tolerance = 8 * FLT_EPSILON / 2;

static array absolute(array a) {
  array copy = array_copy(a);
  for (size_t i = 0; i < a.count; i++) copy.expected[i] = fabs(a.expected[i]);
  return copy;
}

static array in_panels(size_t in, size_t out, array weights) {
  const array panels = array_constant(s3_panel_floats(in, out), NAN);
  s3_panels_fill(in, out, weights.actual, panels.actual);
  return panels;
}

static void check_shape(const s3_kernels *kernels, size_t rows, size_t in, size_t out,
                        bool with_bias) {
  test_at("rows %zu, in %zu, out %zu, bias %d", rows, in, out, (int)with_bias);
  const array src = array_random(rows * in, 1.0), weights = array_random(out * in, 0.1);
  const array bias = with_bias ? array_random(out, 1.0) : array_constant(out, 0.0f);
  const array panels = in_panels(in, out, weights), dst = array_constant(rows * out, NAN);
  const array bound = array_constant(rows * out, NAN);
  kernels->linear_panels(rows, in, out, src.actual, panels.actual,
                         with_bias ? bias.actual : NULL, dst.actual, out);
  reference_linear_forward(rows, in, out, src.expected, weights.expected, dst.expected);
  reference_bias_forward(rows, out, bias.expected, dst.expected);
  reference_linear_forward(rows, in, out, absolute(src).expected, absolute(weights).expected,
                           bound.expected);
  reference_bias_forward(rows, out, absolute(bias).expected, bound.expected);
  array_check_bound("dst", dst, bound.expected, sum_tolerance);

  /* Again with each row alone and rows of dst apart: the same bits, and what lies
   * between the rows stays. */
  const size_t stride = out + 3;
  const array apart = array_constant(rows * stride, 123.0f);
  for (size_t r = 0; r < rows; r++) {
    float *row = apart.actual + r * stride;
    kernels->linear_panels(1, in, out, src.actual + r * in, panels.actual,
                           with_bias ? bias.actual : NULL, row, stride);
    CHECK(memcmp(row, dst.actual + r * out, out * sizeof *row) == 0,
          "row %zu has other bits alone", r);
    for (size_t i = out; i < stride; i++) CHECK(row[i] == 123.0f, "row %zu: gap written", r);
  }
  kernels->linear_panels(rows, in, out, src.actual, panels.actual,
                         with_bias ? bias.actual : NULL, apart.actual, stride);
  for (size_t r = 0; r < rows; r++) {
    const float *row = apart.actual + r * stride;
    CHECK(memcmp(row, dst.actual + r * out, out * sizeof *row) == 0,
          "row %zu has other bits with a stride", r);
    for (size_t i = out; i < stride; i++) CHECK(row[i] == 123.0f, "row %zu: gap written", r);
  }
  arrays_free();
}

static void check_linear(const s3_kernels *kernels) {
  static const size_t widths[] = {1, 7, 16, 24, 33, 64, 100};
  enum { WIDTHS = sizeof widths / sizeof *widths };
  for (size_t rows = 0; rows <= 20; rows++) {
    for (size_t i = 0; i < WIDTHS; i++) {
      for (size_t o = 0; o < WIDTHS; o++)
        check_shape(kernels, rows, widths[i], widths[o], (rows + i + o) % 3 != 0);
    }
  }
  /* More rows than a chunk, more inputs than a part. */
  static const size_t many[] = {127, 128, 129, 300}, long_rows[] = {255, 256, 257, 530};
  for (size_t n = 0; n < 4; n++) {
    check_shape(kernels, many[n], 24, 40, true);
    check_shape(kernels, 1 + 3 * n, long_rows[n], 85, n % 2 == 0);
    check_shape(kernels, many[n], long_rows[n], 17, n % 2 != 0);
  }
}

START_TEST(linear) { for_each_level(check_linear); }
END_TEST

/* A NaN or an infinity concerns its own row or output only. */
static void check_spread(const s3_kernels *kernels) {
  enum { ROWS = 9, IN = 20, OUT = 37 };
  for (size_t place = 0; place < ROWS * IN; place += 7) {
    const array src = array_random(ROWS * IN, 1.0), weights = array_random(OUT * IN, 1.0);
    const array dst = array_constant(ROWS * OUT, 0.0f);
    src.actual[place] = place % 2 == 0 ? NAN : INFINITY;
    weights.actual[OUT * IN - 1] = INFINITY;
    kernels->linear_panels(ROWS, IN, OUT, src.actual, in_panels(IN, OUT, weights).actual, NULL,
                           dst.actual, OUT);
    for (size_t i = 0; i < ROWS * OUT; i++) {
      const bool touched = i / OUT == place / IN || i % OUT == OUT - 1;
      CHECK(isfinite(dst.actual[i]) == !touched, "place %zu: element %zu is %g", place, i,
            dst.actual[i]);
    }
    arrays_free();
  }
}

START_TEST(nothing_spreads) { for_each_level(check_spread); }
END_TEST

static s3rec_model_config small_config(void) {
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  config.item_size = 12;
  config.max_seq_length = 5;
  config.hidden_size = 20;
  return config;
}

/* One copy for all, of the weights as they are at the time. */
START_TEST(shared_by_a_model) {
  const s3rec_model_config config = small_config();
  const size_t hidden = 20;
  test_hooks hooks = {0};
  s3rec_context *context = test_hooks_context(&hooks);
  s3rec_model *model = test_model_of(context, &config, 3);
  const s3_layer_panels at = s3_layer_panels_of(hidden);
  float weights[20 * 20] = {0};
  const size_t bytes = s3rec_model_memory(model);
  for (int round = 0; round < 2; round++) {
    const float *first = NULL, *second = NULL;
    const long long blocks = hooks.live_blocks;
    atomic_store(&hooks.countdown, 1);
    ck_assert_int_eq(s3_model_panels(model, &first), S3REC_ERROR_MEMORY);
    ck_assert_ptr_null(first);
    CHECK_OK(s3_model_panels(model, &first));
    CHECK_OK(s3_model_panels(model, &second));
    ck_assert_ptr_eq(first, second);
    ck_assert_int_eq(hooks.live_blocks, blocks + 1);
    ck_assert_uint_eq(s3rec_model_memory(model), bytes + 2 * at.count * sizeof *first);
    /* Weight (output 18, input 4): in the second panel, input 4, place 2; the place
     * of output 21, which does not exist, is 0. */
    const float *element = first + at.count + at.query + 16 * hidden + 4 * 16;
    ck_assert_float_eq(
        element[2], model->weights[model->table.layers[1].qkv_weight + 18 * hidden + 4]);
    ck_assert_float_eq(element[5], 0);
    weights[18 * hidden + 4] = 7.0f;
    CHECK_OK(s3rec_model_parameter_write(model, "item_encoder.layer.1.attention.query.weight",
                                         weights, hidden * hidden));
    ck_assert_uint_eq(s3rec_model_memory(model), bytes);
  }
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}
END_TEST

TEST_SUITE(panels) {
  TCase *kernel = tcase_create("kernel");
  tcase_add_test(kernel, linear);
  tcase_add_test(kernel, nothing_spreads);
  TCase *sharing = tcase_create("sharing");
  tcase_add_test(sharing, shared_by_a_model);
  test_add_cases(suite, kernel, sharing, NULL);
}
