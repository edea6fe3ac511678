/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels that no backend test reaches, at every level, against the same in
 * double: losses, scans, sums and Adam. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "backend_fixture.h"
#include "base/random.h"

static const size_t counts[] = {0, 1, 3, 4, 7, 8, 15, 16, 17, 31, 33, 64, 100, 1000};
enum { COUNTS = sizeof counts / sizeof counts[0] };

static double softplus(double x) { return fmax(x, 0.0) + log1p(exp(-fabs(x))); }
static double sigmoid(double x) { return 1.0 / (1.0 + exp(-x)); }

/* Every third column or so is a target, rising, none twice; the last row has none. */
static void check_cross_entropy(const s3_kernels *kernels) {
  static const double magnitudes[] = {1.0, 10.0, 80.0};
  enum { ROWS = 5 };
  for (size_t i = 0; i < COUNTS * 3; i++) {
    const size_t columns = counts[i / 3];
    const double magnitude = magnitudes[i % 3];
    const float scale = 0.25f;
    test_at("cross-entropy, columns %zu, magnitude %g", columns, magnitude);
    const array logits = array_random(ROWS * columns, magnitude);
    int32_t targets[ROWS * 1000];
    size_t begin[ROWS], end[ROWS], count = 0;
    for (size_t r = 0; r < ROWS; r++) {
      begin[r] = count;
      for (size_t c = 0; c < columns && r + 1 < ROWS; c++) {
        if (random_below(3) == 0) targets[count++] = (int32_t)c;
      }
      end[r] = count;
    }
    double expected = 0.0, terms = 0.0;
    for (size_t r = 0; r < ROWS; r++) {
      size_t next = begin[r];
      for (size_t c = 0; c < columns; c++) {
        double *x = &logits.expected[r * columns + c];
        const bool label = next < end[r] && targets[next] == (int32_t)c;
        if (label) next++;
        expected += softplus(*x) - (label ? *x : 0.0);
        terms += softplus(*x) + (label ? fabs(*x) : 0.0);
        *x = scale * (sigmoid(*x) - (label ? 1.0 : 0.0));
      }
    }
    const double actual =
        kernels->sigmoid_cross_entropy(ROWS, columns, logits.actual, begin, end, targets, scale);
    /* Terms are exact to 1e-7 at worst; sums in float of up to 1000 of them. */
    CHECK(fabs(actual - expected) <= 1e-6 * terms, "columns %zu: loss %.9g, expected %.9g",
          columns, actual, expected);
    array_check("gradient", logits, 1, 2e-7, scale);
    arrays_free();
  }
}

START_TEST(sigmoid_cross_entropy) { for_each_level(check_cross_entropy); }
END_TEST

/* Softmax cross-entropy over a table in tiles: the sums over all columns, then the
 * gradient of each tile. */
static void check_softmax(const s3_kernels *kernels) {
  static const double magnitudes[] = {1.0, 10.0, 80.0};
  enum { ROWS = 3 };
  for (size_t i = 0; i < COUNTS * 3; i++) {
    const size_t columns = counts[i / 3];
    const double magnitude = magnitudes[i % 3];
    test_at("softmax, columns %zu, magnitude %g", columns, magnitude);
    float maximum[ROWS], sum[ROWS];
    double largest[ROWS], total[ROWS];
    float subtracted[3][ROWS];
    array tiles[3], kept[3];
    for (size_t r = 0; r < ROWS; r++) {
      maximum[r] = -INFINITY;
      largest[r] = -INFINITY;
      sum[r] = 0.0f;
      total[r] = 0.0;
    }
    for (size_t t = 0; t < 3; t++) {
      tiles[t] = array_random(ROWS * columns, magnitude);
      kept[t] = array_copy(tiles[t]);
      kernels->softmax_accumulate(ROWS, columns, kept[t].actual, maximum, sum);
      memcpy(subtracted[t], maximum, sizeof maximum);
      for (size_t j = 0; j < tiles[t].count; j++) {
        largest[j / columns] = fmax(largest[j / columns], tiles[t].expected[j]);
      }
    }
    if (columns == 0) {
      arrays_free();
      continue;
    }
    float factor[ROWS];
    for (size_t r = 0; r < ROWS; r++) {
      for (size_t t = 0; t < 3; t++) {
        for (size_t c = 0; c < columns; c++) {
          total[r] += exp(tiles[t].expected[r * columns + c] - largest[r]);
        }
      }
      CHECK(maximum[r] == (float)largest[r], "maximum %g, expected %g", maximum[r], largest[r]);
      CHECK(fabs(sum[r] - total[r]) <= 2e-6 * total[r], "columns %zu: sum %.9g, expected %.9g",
            columns, sum[r], total[r]);
      factor[r] = (float)(0.5 / total[r]);
    }
    for (size_t t = 0; t < 3; t++) {
      /* Directly, and from what was kept. */
      float later[ROWS];
      for (size_t r = 0; r < ROWS; r++)
        later[r] = factor[r] * expf(subtracted[t][r] - maximum[r]);
      kernels->softmax_gradient(ROWS, columns, tiles[t].actual, maximum, factor);
      kernels->scale_rows(ROWS, columns, kept[t].actual, later);
      double *bound = array_constant(tiles[t].count, 0.0f).expected;
      double *kept_bound = array_constant(tiles[t].count, 0.0f).expected;
      for (size_t j = 0; j < tiles[t].count; j++) {
        const double below = largest[j / columns] - tiles[t].expected[j];
        const double expected = 0.5 * exp(-below) / total[j / columns];
        tiles[t].expected[j] = kept[t].expected[j] = expected;
        /* The exponential's error, the roundings of its argument and of the factor, and
         * where it stops; what was kept has a second exponential in its factor. */
        bound[j] = expected * (2e-7 + FLT_EPSILON / 2 * (1.0 + below)) + 0.5000001 * exp(-87.0);
        kept_bound[j] = bound[j] + expected * 2e-7;
      }
      array_check_bound("gradient", tiles[t], bound, 1.0);
      array_check_bound("gradient from kept", kept[t], kept_bound, 1.0);
    }
    arrays_free();
  }
}

START_TEST(softmax) { for_each_level(check_softmax); }
END_TEST

static void check_matrix_vector(const s3_kernels *kernels) {
  for (size_t r = 0; r < 12; r++) {
    for (size_t i = 0; i < COUNTS; i++) {
      const size_t width = counts[i];
      test_at("matrix_vector, rows %zu, width %zu", r, width);
      const array matrix = array_random(r * width, 1.0), vector = array_random(width, 1.0);
      const array dst = array_constant(r, NAN), bound = array_constant(r, 0.0f);
      kernels->matrix_vector(r, width, matrix.actual, vector.actual, dst.actual);
      for (size_t j = 0; j < r; j++) {
        dst.expected[j] = 0.0;
        for (size_t c = 0; c < width; c++) {
          const double product = matrix.expected[j * width + c] * vector.expected[c];
          dst.expected[j] += product;
          bound.expected[j] += fabs(product);
        }
      }
      array_check_bound("dst", dst, bound.expected, 4 * FLT_EPSILON);
      arrays_free();
    }
  }
}

/* Ties between items rest on this: a row's product has the same bits wherever the
 * row stands and whatever stands beside it. */
static void check_row_bits(const s3_kernels *kernels) {
  enum { LAST_WIDTH = 70, LAST_ROWS = 12 };
  for (size_t width = 1; width <= LAST_WIDTH; width++) {
    const array matrix = array_random(LAST_ROWS * width, 1.0);
    const array vector = array_random(width, 1.0);
    float alone[LAST_ROWS], together[LAST_ROWS];
    for (size_t j = 0; j < LAST_ROWS; j++)
      kernels->matrix_vector(1, width, matrix.actual + j * width, vector.actual, alone + j);
    for (size_t r = 1; r <= LAST_ROWS; r++) {
      kernels->matrix_vector(r, width, matrix.actual, vector.actual, together);
      CHECK(memcmp(alone, together, r * sizeof *alone) == 0, "width %zu, rows %zu", width, r);
    }
    arrays_free();
  }
}

START_TEST(matrix_vector) { for_each_level(check_matrix_vector); }
END_TEST

START_TEST(matrix_vector_row_bits) { for_each_level(check_row_bits); }
END_TEST

static void check_select(const s3_kernels *kernels) {
  static const float thresholds[] = {-INFINITY, -1.0f, 0.0f, 2.0f, 100.0f};
  for (size_t i = 0; i < COUNTS; i++) {
    for (size_t t = 0; t < 5; t++) {
      const size_t count = counts[i];
      const array values = array_random(count, 1.0);
      /* Equal is not above; nor is NaN, nor -inf above -inf. */
      for (size_t j = 0; j < count; j += 5) values.actual[j] = thresholds[t];
      if (count > 2) values.actual[2] = NAN;
      uint32_t *indices = (uint32_t *)array_constant(count, 0.0f).actual;
      const size_t selected = kernels->select_above(count, values.actual, thresholds[t], indices);
      size_t expected = 0;
      for (size_t j = 0; j < count; j++) {
        if (!(values.actual[j] > thresholds[t])) continue;
        CHECK(expected < selected && indices[expected] == j, "count %zu: %zu is missing", count,
              j);
        expected++;
      }
      CHECK(selected == expected, "count %zu: %zu selected, expected %zu", count, selected,
            expected);
      arrays_free();
    }
  }
}

START_TEST(select_above) { for_each_level(check_select); }
END_TEST

static void check_sums(const s3_kernels *kernels) {
  for (size_t i = 0; i < COUNTS; i++) {
    const size_t count = counts[i];
    test_at("sums, count %zu", count);
    const array src = array_random(count, 3.0), dst = array_random(count, 1.0);
    kernels->add(count, src.actual, dst.actual);
    double squares = 0.0;
    for (size_t j = 0; j < count; j++) {
      dst.expected[j] = (float)dst.expected[j] + (float)src.expected[j];
      squares += src.expected[j] * src.expected[j];
    }
    array_check("dst", dst, 1, 0.0, 0.0); /* one addition rounds one way */
    const double actual = kernels->square_sum(count, src.actual);
    CHECK(fabs(actual - squares) <= 1e-14 * squares, "square sum %.17g, expected %.17g", actual,
          squares);
    arrays_free();
  }
}

START_TEST(sums) { for_each_level(check_sums); }
END_TEST

/* torch.optim.Adam with its L2 weight decay, ten steps. Each step's operands come
 * from float, so that errors do not pile up. */
static void check_adam_steps(const s3_kernels *kernels, size_t count, double decay, double kept,
                             float gradient_scale, bool has_gradient) {
  const double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  const array weights = array_random(count, 1.0);
  const array moment1 = array_constant(count, 0.0f), moment2 = array_constant(count, 0.0f);
  test_at("adam, count %zu, decay %g, kept %g, gradient scale %g, gradient %d", count, decay, kept,
          gradient_scale, has_gradient);
  for (int t = 1; t <= 10; t++) {
    const array gradient = array_random(count, t == 3 ? 1e-6 : 1.0);
    const double correction1 = 1.0 / (1.0 - pow(beta1, t));
    const double correction2 = 1.0 / sqrt(1.0 - pow(beta2, t));
    const s3_adam_step step = {.learning_rate = (float)lr,
                               .beta2 = (float)beta2,
                               .epsilon = (float)epsilon,
                               .weight_decay = (float)decay,
                               .complement1 = (float)(1.0 - beta1),
                               .complement2 = (float)(1.0 - beta2),
                               .correction1 = (float)correction1,
                               .correction2 = (float)correction2,
                               .gradient_scale = gradient_scale,
                               .kept = (float)kept};
    double *weight_bound = array_constant(count, 0.0f).expected;
    double *moment1_bound = array_constant(count, 0.0f).expected;
    double *moment2_bound = array_constant(count, 0.0f).expected;
    for (size_t j = 0; j < count; j++) {
      const double before = weights.actual[j];
      const double clipped = has_gradient ? gradient_scale * gradient.expected[j] : 0.0;
      const double g = clipped + decay * before, terms = fabs(clipped) + fabs(decay * before);
      const double m = beta1 * moment1.actual[j] + (1.0 - beta1) * g;
      const double v = beta2 * moment2.actual[j] + (1.0 - beta2) * g * g;
      const double change = lr * correction1 * m / (sqrt(v) * correction2 + epsilon);
      /* g and m may cancel; their errors follow their terms. */
      moment1_bound[j] = fabs(beta1 * moment1.actual[j]) + (1.0 - beta1) * terms;
      moment2_bound[j] = beta2 * moment2.actual[j] + 2 * (1.0 - beta2) * fabs(g) * terms;
      weight_bound[j] = FLT_EPSILON * fabs(before) + 2e-5 * lr * correction1 * moment1_bound[j] /
                                                         (sqrt(v) * correction2 + epsilon);
      moment1.expected[j] = m;
      moment2.expected[j] = v;
      weights.expected[j] = kept * before - change;
    }
    kernels->adam(count, &step, has_gradient ? gradient.actual : NULL, weights.actual,
                  moment1.actual, moment2.actual);
    array_check_bound("moment1", moment1, moment1_bound, 5e-7);
    array_check_bound("moment2", moment2, moment2_bound, 5e-7);
    array_check_bound("weights", weights, weight_bound, 1.0);
  }
  arrays_free();
}

static void check_adam(const s3_kernels *kernels) {
  for (size_t i = 1; i < COUNTS; i++) {
    check_adam_steps(kernels, counts[i], 0.0, 1.0, 1.0f, true);
    check_adam_steps(kernels, counts[i], 0.01, 1.0, 0.5f, true);
    check_adam_steps(kernels, counts[i], 0.01, 1.0, 1.0f, false);
    check_adam_steps(kernels, counts[i], 0.0, 0.875, 1.0f, true);
    check_adam_steps(kernels, counts[i], 0.0, 0.875, 1.0f, false);
  }
  kernels->adam(0, &(s3_adam_step){0}, NULL, NULL, NULL, NULL);
}

START_TEST(adam) { for_each_level(check_adam); }
END_TEST

/* The same bits as number by number; 0 and numbers too small for a float, whose
 * signs count too, are all decided by the exact way. */
static void check_normal(const s3_kernels *kernels) {
  static const double deviations[] = {0.02, 1.0, 10.0, 3e-45, 1e-60, 0.0};
  enum { DEVIATIONS = 6, MANY = 1 << 16 };
  static float expected[MANY], actual[MANY];
  for (size_t i = 0; i < (COUNTS + 1) * DEVIATIONS; i++) {
    const size_t count = i / DEVIATIONS < COUNTS ? counts[i / DEVIATIONS] : MANY - 1;
    const double deviation = deviations[i % DEVIATIONS];
    test_at("normal, count %zu, deviation %g", count, deviation);
    s3_random random = s3_random_make(s3_key(21, i));
    for (size_t j = 0; j < count; j++) {
      expected[j] = (float)(deviation * s3_random_normal(&random));
    }
    expected[count] = actual[count] = 77.0f; /* not to be touched */
    kernels->normal(count, deviation, s3_key(21, i), actual);
    ck_assert_int_eq(memcmp(expected, actual, (count + 1) * sizeof *actual), 0);
  }
}

START_TEST(normal) { for_each_level(check_normal); }
END_TEST

START_TEST(levels) {
  static const char *const names[] = {"auto", "baseline", "avx2", "avx512", "unknown"};
  for (int level = 0; level < 5; level++)
    ck_assert_str_eq(s3_kernel_level_name((s3rec_kernel_level)level), names[level]);
  ck_assert_ptr_null(s3_kernels_get((s3rec_kernel_level)4));
  ck_assert_ptr_eq(s3_kernels_get(S3REC_KERNELS_AUTO), s3_kernels_get(s3_kernels_best()));
}
END_TEST

TEST_SUITE(kernels) {
  TCase *cases = tcase_create("kernels");
  tcase_add_test(cases, sigmoid_cross_entropy);
  tcase_add_test(cases, softmax);
  tcase_add_test(cases, matrix_vector);
  tcase_add_test(cases, matrix_vector_row_bits);
  tcase_add_test(cases, select_above);
  tcase_add_test(cases, sums);
  tcase_add_test(cases, adam);
  tcase_add_test(cases, normal);
  tcase_add_test(cases, levels);
  test_add_cases(suite, cases, NULL);
}
