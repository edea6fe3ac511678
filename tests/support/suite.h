/* SPDX-License-Identifier: Apache-2.0 */
/* What every test file shares. NAME_test.c is the suite NAME of the program `unit` (main.c):
 *
 *   START_TEST(adds) { ck_assert_int_eq(1 + 1, 2); }
 *   END_TEST
 *
 *   TEST_SUITE(NAME) {
 *     TCase *cases = tcase_create("sums");
 *     tcase_add_test(cases, adds);
 *     test_add_cases(suite, cases, NULL);
 *   }
 *
 * The same NAME is in the list of tests/meson.build, which gives it a process of its own.
 */
#ifndef S3_TESTS_SUPPORT_SUITE_H
#define S3_TESTS_SUPPORT_SUITE_H

#include <check.h>

typedef struct test_suite {
  const char *name;
  void (*fill)(Suite *suite);
  struct test_suite *next;
} test_suite;

/* Adds a suite to those that the program knows; TEST_SUITE does it before main. */
void test_register_suite(test_suite *suite);

/* Begins the function that puts a suite's cases into `suite`. */
#define TEST_SUITE(suite_name)                                           \
  static void suite_name##_suite(Suite *suite);                          \
  __attribute__((constructor)) static void register_##suite_name(void) { \
    static test_suite entry = {#suite_name, suite_name##_suite, NULL};   \
    test_register_suite(&entry);                                         \
  }                                                                      \
  static void suite_name##_suite(Suite *suite)

/* Adds test cases to a suite; the list ends with NULL. */
void test_add_cases(Suite *suite, TCase *first, ...);

/* Folder of the reference's recorded values: S3REC_SHARED, else `shared` beside
 * the source tree; NULL when there is none: then call test_skip. */
const char *test_shared_folder(void);

/* Marks the running check as one that could not run here, so that it is counted
 * as skipped and not as passed: { test_skip("no shared folder"); return; } */
void test_skip(const char *reason);

/* The same for one of several cases of a check whose other cases do run: counted
 * as one more that was skipped. */
void test_skip_case(const char *reason);

#endif
