/* SPDX-License-Identifier: Apache-2.0 */
/* What every test program shares. A program is one suite:
 *
 *   START_TEST(adds) { ck_assert_int_eq(1 + 1, 2); }
 *   END_TEST
 *
 *   int main(void) {
 *     TCase *cases = tcase_create("sums");
 *     tcase_add_test(cases, adds);
 *     return test_run("sums", cases, NULL);
 *   }
 */
#ifndef S3_TESTS_SUPPORT_SUITE_H
#define S3_TESTS_SUPPORT_SUITE_H

#include <check.h>

/* Runs the cases (the list ends with NULL) in this process, because oneDNN and
 * fork do not mix, prints libcheck's summary and returns the exit code of main.
 * TEST_FILTER in the environment, if set, picks the cases of that name. */
int test_run(const char *suite_name, TCase *first, ...);

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
