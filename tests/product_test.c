/* SPDX-License-Identifier: Apache-2.0 */
/* The product of matrices at every level, against sums in double; which bits it has; and that
 * the backend made of it needs no executable memory. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend_fixture.h"

/* As in backend_linear_test.c: 8 roundings of the sum of absolute terms. */
static const double sum_tolerance = 8 * FLT_EPSILON / 2;

static const s3_product_form forms[] = {S3_PRODUCT_NN, S3_PRODUCT_NT, S3_PRODUCT_TN};
enum { FORMS = 3 };

/* A product with rows of A, B and C `gap` floats apart. */
typedef struct factors {
  s3_product_form form;
  size_t m, n, k, lda, ldb, ldc;
  bool add;
  array a, b, c;
} factors;

static factors make_factors(s3_product_form form, size_t m, size_t n, size_t k, bool add,
                            size_t gap) {
  const bool ta = form == S3_PRODUCT_TN, tb = form == S3_PRODUCT_NT;
  const size_t lda = (ta ? m : k) + gap, ldb = (tb ? k : n) + gap, ldc = n + gap;
  test_at("form %d, m %zu, n %zu, k %zu, add %d, gap %zu", (int)form, m, n, k, (int)add, gap);
  return (factors){.form = form,
                   .m = m,
                   .n = n,
                   .k = k,
                   .lda = lda,
                   .ldb = ldb,
                   .ldc = ldc,
                   .add = add,
                   .a = array_random((ta ? k : m) * lda, 1.0),
                   .b = array_random((tb ? n : k) * ldb, 1.0),
                   .c = add ? array_random(m * ldc, 1.0) : array_constant(m * ldc, NAN)};
}

static size_t place_in_a(const factors *f, size_t row, size_t p) {
  return f->form == S3_PRODUCT_TN ? p * f->lda + row : row * f->lda + p;
}

static size_t place_in_b(const factors *f, size_t column, size_t p) {
  return f->form == S3_PRODUCT_NT ? column * f->ldb + p : p * f->ldb + column;
}

/* C of the product, in memory of its own. */
static array run_product(const s3_kernels *kernels, const factors *f) {
  const array c = array_copy(f->c), scratch = array_constant(S3_PRODUCT_SCRATCH, NAN);
  kernels->product(f->form, f->m, f->n, f->k, f->a.actual, f->lda, f->b.actual, f->ldb, f->add,
                   c.actual, f->ldc, scratch.actual);
  return c;
}

static void check_sums(const factors *f, array c) {
  for (size_t i = 0; i < f->m * f->ldc; i++) {
    const size_t row = i / f->ldc, column = i % f->ldc;
    if (column >= f->n) {
      CHECK(memcmp(&c.actual[i], &f->c.actual[i], sizeof(float)) == 0, "gap written");
      continue;
    }
    double sum = f->add ? f->c.expected[i] : 0.0, bound = fabs(sum);
    for (size_t p = 0; p < f->k; p++) {
      const double term = f->a.expected[place_in_a(f, row, p)] *
                          f->b.expected[place_in_b(f, column, p)];
      sum += term;
      bound += fabs(term);
    }
    CHECK(fabs(c.actual[i] - sum) <= sum_tolerance * bound, "C[%zu, %zu] is %.9g, expected %.9g",
          row, column, c.actual[i], sum);
  }
}

/* Each of these rows alone, and these columns alone, have the bits they have among the rest. */
static void check_alone(const s3_kernels *kernels, const factors *f, array c) {
  for (size_t row = 0; row < f->m; row += 1 + f->m / 5) {
    factors alone = *f;
    alone.m = 1;
    alone.a.actual += place_in_a(f, row, 0);
    alone.c.actual += row * f->ldc;
    alone.c.count = f->n;
    const array dst = run_product(kernels, &alone);
    CHECK(memcmp(dst.actual, c.actual + row * f->ldc, f->n * sizeof(float)) == 0,
          "row %zu has other bits alone", row);
  }
  for (size_t column = 0; f->m > 0 && column < f->n; column += 1 + f->n / 5) {
    factors alone = *f;
    alone.n = 1 + (f->n - column) / 2;
    alone.b.actual += place_in_b(f, column, 0);
    alone.c.actual += column;
    alone.c.count -= column;
    const array dst = run_product(kernels, &alone);
    for (size_t row = 0; row < f->m; row++) {
      CHECK(memcmp(dst.actual + row * f->ldc, c.actual + row * f->ldc + column,
                   alone.n * sizeof(float)) == 0,
            "row %zu has other bits in columns %zu .. %zu", row, column, column + alone.n - 1);
    }
  }
}

static void check_product(const s3_kernels *kernels, s3_product_form form, size_t m, size_t n,
                          size_t k, bool add, size_t gap) {
  const factors f = make_factors(form, m, n, k, add, gap);
  const array c = run_product(kernels, &f);
  check_sums(&f, c);
  check_alone(kernels, &f, c);
  arrays_free();
}

static void check_small(const s3_kernels *kernels) {
  for (size_t form = 0; form < FORMS; form++) {
    for (size_t m = 0; m <= 40; m += 1 + m / 7)
      for (size_t n = 0; n <= 40; n += 1 + n / 7)
        for (size_t k = 0; k <= 40; k += 1 + k / 7)
          check_product(kernels, forms[form], m, n, k, (m + n + k) % 2 != 0, (m + n) % 3);
  }
}

START_TEST(small) { for_each_level(check_small); }
END_TEST

/* More rows than a chunk, more columns than a group of tiles, more inputs than a part, and rows
 * of B that are laid out because they are long. */
static void check_large(const s3_kernels *kernels) {
  static const size_t sizes[][3] = {{257, 33, 20}, {300, 64, 97},  {7, 300, 30}, {6, 272, 200},
                                    {90, 272, 33}, {13, 130, 300}, {1, 80, 600}, {520, 17, 195}};
  for (size_t form = 0; form < FORMS; form++) {
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
      check_product(kernels, forms[form], sizes[i][0], sizes[i][1], sizes[i][2], i % 2 != 0,
                    i % 4);
  }
}

START_TEST(large) { for_each_level(check_large); }
END_TEST

/* Levels that fuse have the bits of fma, product after product, from C or 0 on. */
static void check_fused_bits(const s3_kernels *kernels) {
  if (kernels->level == S3REC_KERNELS_BASELINE) return; /* rounds each product, too */
  for (size_t form = 0; form < FORMS; form++) {
    for (int add = 0; add <= 1; add++) {
      const factors f = make_factors(forms[form], 31, 83, 205, add, 1);
      const array c = run_product(kernels, &f);
      for (size_t row = 0; row < f.m; row++) {
        for (size_t column = 0; column < f.n; column++) {
          float sum = add ? f.c.actual[row * f.ldc + column] : 0.0f;
          for (size_t p = 0; p < f.k; p++)
            sum = fmaf(f.a.actual[place_in_a(&f, row, p)], f.b.actual[place_in_b(&f, column, p)],
                       sum);
          CHECK(memcmp(&sum, &c.actual[row * f.ldc + column], sizeof sum) == 0,
                "C[%zu, %zu] is %a, not %a", row, column, (double)c.actual[row * f.ldc + column],
                (double)sum);
        }
      }
      arrays_free();
    }
  }
}

START_TEST(fused_bits) {
#ifdef __OPTIMIZE__
  for_each_level(check_fused_bits);
#else
  (void)check_fused_bits;
  test_skip("a compiler that does not optimise fuses nothing");
#endif
}
END_TEST

/* A NaN or an infinity concerns its own row or column only. */
static void check_spread(const s3_kernels *kernels) {
  enum { M = 9, N = 37, K = 20 };
  for (size_t i = 0; i < FORMS * M; i++) {
    const factors f = make_factors(forms[i % FORMS], M, N, K, i % 2 != 0, 2);
    const size_t row = i / FORMS, column = (i * 5) % N;
    f.a.actual[place_in_a(&f, row, i % K)] = i % 2 == 0 ? NAN : INFINITY;
    f.b.actual[place_in_b(&f, column, K - 1 - i % K)] = i % 2 == 0 ? -INFINITY : NAN;
    const array c = run_product(kernels, &f);
    for (size_t e = 0; e < M * f.ldc; e++) {
      const bool touched = e / f.ldc == row || e % f.ldc == column || e % f.ldc >= N;
      CHECK(touched || isfinite(c.actual[e]), "element %zu is %g", e, (double)c.actual[e]);
      if (e % f.ldc < N && touched)
        CHECK(!isfinite(c.actual[e]), "element %zu is %g", e, (double)c.actual[e]);
    }
    arrays_free();
  }
}

START_TEST(nothing_spreads) { for_each_level(check_spread); }
END_TEST

/* A zero in A does not hide a NaN in B, and -0 in C stays when nothing is added. */
static void check_special(const s3_kernels *kernels) {
  for (size_t form = 0; form < FORMS; form++) {
    const factors f = make_factors(forms[form], 7, 18, 3, false, 0);
    for (size_t i = 0; i < f.a.count; i++) f.a.actual[i] = 0.0f;
    for (size_t i = 0; i < f.b.count; i++) f.b.actual[i] = NAN;
    const array c = run_product(kernels, &f);
    for (size_t i = 0; i < c.count; i++) CHECK(isnan(c.actual[i]), "0 * NaN is %g", c.actual[i]);
    factors empty = make_factors(forms[form], 7, 18, 0, true, 0);
    for (size_t i = 0; i < empty.c.count; i++) empty.c.actual[i] = -0.0f;
    const array kept = run_product(kernels, &empty);
    for (size_t i = 0; i < kept.count; i++) CHECK(signbit(kept.actual[i]), "-0 did not stay");
    arrays_free();
  }
}

START_TEST(special_values) { for_each_level(check_special); }
END_TEST

#ifndef PR_SET_MDWE /* Linux 6.3; not in older headers */
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

enum { REFUSED_AS_SAID, CANNOT_REFUSE, WRONG };

/* In a process of its own, which gives up executable memory for good. */
static int run_without_executable_memory(void) {
  s3rec_context *context[2] = {NULL, NULL};
  s3_backend *backend = NULL;
  float src[6] = {1, 2, 3, 4, 5, 6}, weights[3] = {1, 10, 100}, dst[2] = {0};
  if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) != 0) return CANNOT_REFUSE;
  if (open_counted_context(S3REC_BACKEND_ONEDNN, &context[0]) != S3REC_OK) return WRONG;
  if (s3_backend_create(context[0], &backend) != S3REC_ERROR_ENGINE) return WRONG;
  if (strstr(s3rec_last_error(), "executable memory") == NULL) return WRONG;
  if (open_counted_context(S3REC_BACKEND_FUSED, &context[1]) != S3REC_OK) return WRONG;
  if (s3_backend_create(context[1], &backend) != S3REC_OK) return WRONG;
  if (backend->operations->linear_forward(backend, 2, 3, 1, src, weights, dst) != S3REC_OK)
    return WRONG;
  return dst[0] == 321.0f && dst[1] == 654.0f ? REFUSED_AS_SAID : WRONG;
}

START_TEST(executable_memory) {
  int status = 0;
  const pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) _exit(run_without_executable_memory());
  while (waitpid(child, &status, 0) < 0) continue;
  ck_assert(WIFEXITED(status));
  if (WEXITSTATUS(status) == CANNOT_REFUSE) {
    test_skip_case("this system cannot refuse executable memory");
    return;
  }
  ck_assert_int_eq(WEXITSTATUS(status), REFUSED_AS_SAID);
}
END_TEST

TEST_SUITE(product) {
  TCase *kernel = tcase_create("kernel");
  tcase_add_test(kernel, small);
  tcase_add_test(kernel, large);
  tcase_add_test(kernel, fused_bits);
  tcase_add_test(kernel, nothing_spreads);
  tcase_add_test(kernel, special_values);
  TCase *memory = tcase_create("memory");
  tcase_add_test(memory, executable_memory);
  test_add_cases(suite, kernel, memory, NULL);
}
