/* SPDX-License-Identifier: Apache-2.0 */
/* Counts checks; a failed one is printed and the program goes on. */
#ifndef S3_TESTS_CPP_CHECK_HPP
#define S3_TESTS_CPP_CHECK_HPP

#include <cstdio>
#include <cstring>

#include "s3rec/s3rec.hpp"

namespace test {

struct counts {
  int passed = 0, failed = 0;
};
inline counts counted;

inline void check(bool good, const char *what, const char *file, int line) {
  if (good) {
    counted.passed++;
    return;
  }
  counted.failed++;
  std::printf("FAIL: %s:%d: %s\n", file, line, what);
}

/* A failure of this status whose detail has this text in it. */
inline void check_failure(const s3rec::failure &why, s3rec_status status, const char *text,
                          const char *file, int line) {
  const bool good = why.status() == status && std::strstr(why.detail(), text) != nullptr;
  check(good, good ? "" : why.detail(), file, line);
}

#define CHECK(...) ::test::check(static_cast<bool>(__VA_ARGS__), #__VA_ARGS__, __FILE__, __LINE__)
#define CHECK_FAILURE(result, status, text) \
  ::test::check_failure((result).error(), status, text, __FILE__, __LINE__)

#if S3REC_CPP_EXCEPTIONS
template <class F>
void check_throws(F &&call, s3rec_status status, const char *text, const char *file, int line) {
  try {
    call();
  } catch (const s3rec::error &why) {
    check_failure(s3rec::failure(why.status(), why.what()), status, text, file, line);
    return;
  }
  check(false, "nothing was thrown", file, line);
}
#define CHECK_THROWS(call, status, text) \
  ::test::check_throws([&] { static_cast<void>(call); }, status, text, __FILE__, __LINE__)
#endif

/* Each file of the test. */
void ownership();
void failures();
void training();
void scoring();
void serving();
void naming();
void runs();
void memory();

}  // namespace test
#endif
