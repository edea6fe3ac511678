/* SPDX-License-Identifier: Apache-2.0 */
/* unit SUITE: runs one suite of this folder in this process, because oneDNN and fork do not
 * mix, and prints libcheck's summary. TEST_FILTER in the environment, if set, picks the cases
 * of that name. The status is 0 when at least one check ran and none failed. Without a suite
 * the program lists those it has. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/suite.h"

static test_suite *registered_suites;

void test_register_suite(test_suite *suite) {
  test_suite **end = &registered_suites;
  while (*end != NULL) end = &(*end)->next;
  *end = suite;
}

void test_add_cases(Suite *suite, TCase *first, ...) {
  va_list cases;
  va_start(cases, first);
  for (TCase *next = first; next != NULL; next = va_arg(cases, TCase *)) {
    suite_add_tcase(suite, next);
  }
  va_end(cases);
}

static int run_suite(const test_suite *chosen) {
  Suite *suite = suite_create(chosen->name);
  chosen->fill(suite);
  SRunner *runner = srunner_create(suite);
  srunner_set_fork_status(runner, CK_NOFORK);
  srunner_run(runner, NULL, getenv("TEST_FILTER"), CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  const int run = srunner_ntests_run(runner);
  srunner_free(runner);
  return failed == 0 && run > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int count, char **arguments) {
  for (const test_suite *suite = registered_suites; count == 2 && suite; suite = suite->next) {
    if (strcmp(suite->name, arguments[1]) == 0) return run_suite(suite);
  }
  fprintf(stderr, "usage: unit SUITE, which is one of\n");
  for (const test_suite *suite = registered_suites; suite; suite = suite->next) {
    fprintf(stderr, "  %s\n", suite->name);
  }
  return 2;
}
