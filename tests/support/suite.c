/* SPDX-License-Identifier: Apache-2.0 */
#include "support/suite.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int test_run(const char *suite_name, TCase *first, ...) {
  Suite *suite = suite_create(suite_name);
  va_list cases;
  va_start(cases, first);
  for (TCase *next = first; next != NULL; next = va_arg(cases, TCase *)) {
    suite_add_tcase(suite, next);
  }
  va_end(cases);
  SRunner *runner = srunner_create(suite);
  srunner_set_fork_status(runner, CK_NOFORK);
  srunner_run(runner, NULL, getenv("TEST_FILTER"), CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  const int run = srunner_ntests_run(runner);
  srunner_free(runner);
  return failed == 0 && run > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

const char *test_shared_folder(void) {
  const char *folder = getenv("S3REC_SHARED");
  if (folder == NULL) folder = S3_TEST_SHARED;
  return access(folder, R_OK | X_OK) == 0 ? folder : NULL;
}

void test_skip(const char *reason) {
  printf("SKIP: %s\n", reason);
  fflush(stdout);
}

void test_skip_case(const char *reason) {
  printf("SKIP CASE: %s\n", reason);
  fflush(stdout);
}
