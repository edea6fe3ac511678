/* SPDX-License-Identifier: Apache-2.0 */
#include "support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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
