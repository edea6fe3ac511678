/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the backends and kernels share: every backend this machine
 * can run, arrays in float and double, and their comparison. */
#ifndef S3_TESTS_BACKEND_FIXTURE_H
#define S3_TESTS_BACKEND_FIXTURE_H

#include "backend/backend.h"
#include "kernels/kernels.h"
#include "support/suite.h"

/* Calls `check` with the fused backend of each kernel level and with the onednn
 * backend, each under one OpenMP thread; reports levels this machine lacks. */
void for_each_backend(void (*check)(s3_backend *backend));

/* The same with the kernel table of each level. */
void for_each_level(void (*check)(const s3_kernels *kernels));

/* A context whose allocator counts, and fails at call number `fail_at` (0: never). */
extern struct allocations {
  size_t calls, live, fail_at;
} allocations;
s3rec_status open_counted_context(s3rec_backend kind, s3rec_context **context);

/* One array for the code under test and for the reference. Both have exactly
 * `count` elements, so that the address sanitizer sees the first one too many. */
typedef struct array {
  size_t count;
  float *actual;
  double *expected;
} array;

array array_random(size_t count, double magnitude); /* normal, times magnitude */
array array_constant(size_t count, float value);    /* NAN: to be overwritten */
array array_copy(array source);
void arrays_free(void); /* all made since the last call */

/* Names what runs, for messages: printf. */
__attribute__((format(printf, 1, 2))) void test_at(const char *format, ...);

/* |actual - expected| <= tolerance * (largest |expected| of the row + floor), rows
 * of `width`; NAN never passes. */
void array_check(const char *what, array a, size_t width, double tolerance, double floor);

/* |actual - expected| <= tolerance * bound, element by element: for sums, whose
 * rounding grows with the sum of the absolute terms. */
void array_check_bound(const char *what, array a, const double *bound, double tolerance);

/* ck_assert writes to a file each time it passes; these do not. */
#define CHECK(condition, ...)                        \
  do {                                               \
    if (!(condition)) ck_abort_msg(__VA_ARGS__);     \
  } while (0)
#define CHECK_OK(call)                                                             \
  do {                                                                             \
    const s3rec_status check_status = (call);                                      \
    CHECK(check_status == S3REC_OK, "%s: %s", s3rec_status_name(check_status),     \
          s3rec_last_error());                                                     \
  } while (0)

/* Tokens of rows: scattered, some near 2^32 so that element numbers wrap. The
 * array is freed by arrays_free. */
s3_row_dropout row_dropout(double p, size_t rows);

/* Random numbers of the tests; starts anew in every program. */
uint32_t random_below(uint32_t bound);

#endif
