/* SPDX-License-Identifier: Apache-2.0 */
/* Is the reference itself right? Every backward against central differences of
 * its forward, all in double. */
#include <math.h>

#include "backend_fixture.h"
#include "reference_ops.h"

/* The case that runs: forward() fills dst from the inputs, the loss is <dst, w>. */
static void (*forward)(void);
static array dst, w;

static double loss(void) {
  forward();
  double sum = 0.0;
  for (size_t i = 0; i < dst.count; i++) sum += dst.expected[i] * w.expected[i];
  return sum;
}

/* The error of central differences is of order h^2 = 1e-10, their rounding of
 * order 1e-16 / h * loss = 1e-10. */
static void check_gradient(const char *what, array x, array gradient) {
  const double h = 1e-5;
  ck_assert_uint_eq(x.count, gradient.count);
  for (size_t i = 0; i < x.count; i++) {
    const double saved = x.expected[i];
    x.expected[i] = saved + h;
    const double above = loss();
    x.expected[i] = saved - h;
    const double below = loss();
    x.expected[i] = saved;
    const double difference = (above - below) / (2.0 * h);
    CHECK(fabs(difference - gradient.expected[i]) <= 2e-8 * (1.0 + fabs(difference)),
          "%s[%zu]: gradient %.10g, central difference %.10g", what, i, gradient.expected[i],
          difference);
  }
}

enum { ROWS = 6, WIDTH = 7, OUT = 5 };
static array src, weights, bias, residual, scale, shift, sum;
static s3_row_dropout dropout;

static void open_case(void (*run)(void), size_t dst_count) {
  forward = run;
  dst = array_constant(dst_count, 0.0f);
  w = array_random(dst_count, 1.0);
  src = array_random(ROWS * WIDTH, 1.0);
  weights = array_random(OUT * WIDTH, 1.0);
  bias = array_random(WIDTH, 1.0);
  residual = array_random(ROWS * WIDTH, 1.0);
  scale = array_random(WIDTH, 1.0);
  shift = array_random(WIDTH, 1.0);
  sum = array_constant(ROWS * WIDTH, 0.0f);
  dropout = row_dropout(0.5, ROWS);
}

/* Gradients that are added to start at 0, others at NAN. */
static array added(size_t count) { return array_constant(count, 0.0f); }
static array overwritten(size_t count) { return array_constant(count, NAN); }

static void run_linear(void) {
  reference_linear_forward(ROWS, WIDTH, OUT, src.expected, weights.expected, dst.expected);
}

START_TEST(linear) {
  open_case(run_linear, ROWS * OUT);
  const array diff_src = overwritten(ROWS * WIDTH), diff_weights = added(OUT * WIDTH);
  reference_linear_backward_data(ROWS, WIDTH, OUT, w.expected, weights.expected, false,
                                 diff_src.expected);
  reference_linear_backward_weights(ROWS, WIDTH, OUT, src.expected, w.expected,
                                    diff_weights.expected);
  check_gradient("src", src, diff_src);
  check_gradient("weights", weights, diff_weights);
  const array twice = array_copy(diff_src);
  reference_linear_backward_data(ROWS, WIDTH, OUT, w.expected, weights.expected, true,
                                 twice.expected);
  for (size_t i = 0; i < twice.count; i++) {
    ck_assert_double_eq_tol(twice.expected[i], 2.0 * diff_src.expected[i], 1e-13);
  }
  arrays_free();
}
END_TEST

static s3rec_activation activation;

static void run_activation(void) {
  reference_activation_forward(activation, ROWS, WIDTH, src.expected, bias.expected,
                               dst.expected);
}

START_TEST(activations) {
  for (int a = S3REC_GELU; a <= S3REC_SWISH; a++) {
    open_case(run_activation, ROWS * WIDTH);
    activation = (s3rec_activation)a;
    const array diff_src = overwritten(ROWS * WIDTH), diff_bias = added(WIDTH);
    reference_activation_backward(activation, ROWS, WIDTH, src.expected, bias.expected,
                                  w.expected, diff_src.expected, diff_bias.expected);
    check_gradient("src", src, diff_src);
    check_gradient("bias", bias, diff_bias);
    arrays_free();
  }
}
END_TEST

static int32_t ids[ROWS] = {0, 3, 3, 5, 1, 0}, slots[ROWS] = {5, 4, 3, 2, 1, 0};

static void run_embedding(void) {
  reference_embedding_forward(ROWS, WIDTH, src.expected, ids, residual.expected, slots,
                              (reference_norm){scale.expected, shift.expected}, &dropout,
                              sum.expected, dst.expected);
}

START_TEST(embedding) {
  open_case(run_embedding, ROWS * WIDTH);
  const array diff_scale = added(WIDTH), diff_shift = added(WIDTH);
  const array diff_sum = overwritten(ROWS * WIDTH);
  const array diff_items = added(ROWS * WIDTH), diff_positions = added(ROWS * WIDTH);
  run_embedding();
  reference_embedding_backward(ROWS, WIDTH, sum.expected,
                               (reference_norm){scale.expected, shift.expected}, &dropout,
                               w.expected,
                               (reference_norm_diff){diff_scale.expected, diff_shift.expected},
                               diff_sum.expected);
  for (size_t r = 0; r < ROWS; r++) {
    for (size_t c = 0; c < WIDTH; c++) {
      diff_items.expected[(size_t)ids[r] * WIDTH + c] += diff_sum.expected[r * WIDTH + c];
      diff_positions.expected[(size_t)slots[r] * WIDTH + c] += diff_sum.expected[r * WIDTH + c];
    }
  }
  check_gradient("scale", scale, diff_scale);
  check_gradient("shift", shift, diff_shift);
  check_gradient("items", src, diff_items);
  check_gradient("positions", residual, diff_positions);
  arrays_free();
}
END_TEST

static void run_add_norm(void) {
  reference_add_norm_forward(ROWS, WIDTH, src.expected, bias.expected, residual.expected,
                             (reference_norm){scale.expected, shift.expected}, &dropout,
                             sum.expected, dst.expected);
}

START_TEST(add_norm) {
  open_case(run_add_norm, ROWS * WIDTH);
  const array diff_scale = added(WIDTH), diff_shift = added(WIDTH), diff_bias = added(WIDTH);
  const array diff_src = overwritten(ROWS * WIDTH), diff_residual = overwritten(ROWS * WIDTH);
  run_add_norm();
  reference_add_norm_backward(ROWS, WIDTH, sum.expected,
                              (reference_norm){scale.expected, shift.expected}, &dropout,
                              w.expected,
                              (reference_norm_diff){diff_scale.expected, diff_shift.expected},
                              diff_bias.expected, diff_src.expected, diff_residual.expected);
  check_gradient("scale", scale, diff_scale);
  check_gradient("shift", shift, diff_shift);
  check_gradient("bias", bias, diff_bias);
  check_gradient("src", src, diff_src);
  check_gradient("residual", residual, diff_residual);
  arrays_free();
}
END_TEST

enum { HEADS = 2, HEAD_SIZE = 3, HIDDEN = HEADS * HEAD_SIZE };
static const size_t key_offsets[] = {0, 5, 6, 10}, query_offsets[] = {0, 5, 6, 7};
static s3_attention_shape shape = {.sequence_count = 3,
                                   .key_offsets = key_offsets,
                                   .query_offsets = query_offsets,
                                   .max_length = 5,
                                   .heads = HEADS,
                                   .head_size = HEAD_SIZE,
                                   .max_seq_length = 9};
static array query, key, value;

static void run_attention(void) {
  reference_attention_forward(
      &shape, (reference_attention){query.expected, key.expected, value.expected},
      dst.expected);
}

START_TEST(attention) {
  for (int i = 0; i < 4; i++) {
    open_case(run_attention, 7 * HIDDEN);
    query = array_random(7 * HIDDEN, 1.0);
    key = array_random(10 * HIDDEN, 1.0);
    value = array_random(10 * HIDDEN, 1.0);
    shape.causal = i % 2;
    shape.dropout = row_dropout(i / 2 * 0.5, 7);
    const array diff_query = overwritten(7 * HIDDEN), diff_key = overwritten(10 * HIDDEN);
    const array diff_value = overwritten(10 * HIDDEN);
    reference_attention_backward(
        &shape, (reference_attention){query.expected, key.expected, value.expected},
        w.expected,
        (reference_attention_diff){diff_query.expected, diff_key.expected, diff_value.expected});
    check_gradient("query", query, diff_query);
    check_gradient("key", key, diff_key);
    check_gradient("value", value, diff_value);
    arrays_free();
  }
}
END_TEST

/* Values worked out by hand, so that forward is no oracle of itself only. */
START_TEST(known_values) {
  ck_assert_double_eq_tol(reference_activation(S3REC_GELU, 1.0), 0.84134474606854293, 1e-15);
  ck_assert_double_eq_tol(reference_activation(S3REC_GELU, -2.0), -0.045500263896358417, 1e-15);
  ck_assert_double_eq_tol(reference_activation(S3REC_SWISH, 1.0), 0.73105857863000490, 1e-15);
  ck_assert_double_eq(reference_activation(S3REC_RELU, -1.0), 0.0);
  ck_assert_double_eq(reference_activation(S3REC_RELU, 1.5), 1.5);

  /* Mean 2, variance 2/3. */
  const double x[3] = {1.0, 2.0, 3.0}, ones[3] = {1.0, 1.0, 1.0}, zeros[3] = {0.0, 0.0, 0.0};
  double out[3];
  reference_norm_forward(1, 3, x, (reference_norm){ones, zeros}, out);
  ck_assert_double_eq_tol(out[0], -1.2247448713915890, 1e-11);
  ck_assert_double_eq_tol(out[1], 0.0, 1e-15);

  /* Scores 0 and ln 3: probabilities 1/4 and 3/4. Causal, the first sees itself. */
  const size_t offsets[2] = {0, 2};
  const double q[2] = {1.0, 1.0}, k[2] = {0.0, log(3.0)}, v[2] = {4.0, 8.0};
  s3_attention_shape tiny = {.sequence_count = 1,
                             .key_offsets = offsets,
                             .query_offsets = offsets,
                             .max_length = 2,
                             .heads = 1,
                             .head_size = 1,
                             .causal = true,
                             .max_seq_length = 2};
  reference_attention_forward(&tiny, (reference_attention){q, k, v}, out);
  ck_assert_double_eq_tol(out[0], 4.0, 1e-14);
  ck_assert_double_eq_tol(out[1], 7.0, 1e-14);
}
END_TEST

/* Half of the elements fall, the others double; the same ones every time. */
START_TEST(dropout_halves) {
  const s3_row_dropout half = row_dropout(0.5, 1000);
  const array ones = array_constant(1000 * 16, 1.0f);
  reference_dropout(1000, 16, &half, ones.expected, ones.expected);
  size_t kept = 0;
  for (size_t i = 0; i < ones.count; i++) {
    ck_assert(ones.expected[i] == 0.0 || ones.expected[i] == 2.0);
    kept += ones.expected[i] != 0.0;
  }
  /* 16,000 draws: 8,000 +- 63; six deviations. */
  ck_assert_uint_gt(kept, 7620);
  ck_assert_uint_lt(kept, 8380);
  arrays_free();
}
END_TEST

TEST_SUITE(reference) {
  TCase *cases = tcase_create("reference");
  tcase_add_test(cases, known_values);
  tcase_add_test(cases, dropout_halves);
  tcase_add_test(cases, linear);
  tcase_add_test(cases, activations);
  tcase_add_test(cases, embedding);
  tcase_add_test(cases, add_norm);
  tcase_add_test(cases, attention);
  test_add_cases(suite, cases, NULL);
}
