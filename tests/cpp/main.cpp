/* SPDX-License-Identifier: Apache-2.0 */
/* Without exceptions the files that need them are not part of the program. */
#include "check.hpp"

int main() {
  test::failures();
  test::ownership();
#if S3REC_CPP_EXCEPTIONS
  try {
    test::training();
    test::scoring();
    test::serving();
    test::naming();
    test::runs();
    test::memory();
  } catch (const s3rec::error &why) {
    test::check(false, why.what(), why.status_name(), 0);
  }
#endif
  std::printf("Checks: %d passed, %d failed, 0 skipped\n", test::counted.passed,
              test::counted.failed);
  return test::counted.failed == 0 ? 0 : 1;
}
