/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

static _Thread_local char error_text[1024];

void s3_set_error_text(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error_text, sizeof error_text, format, arguments);
  va_end(arguments);
  s3_make_line(error_text);
}

const char *s3_error_text(void) { return error_text; }

/* The strerror_r of GNU returns the text, which need not be in the buffer. That of POSIX fills
 * the buffer and returns 0. */
static inline const char *gnu_reason(const char *result, const char *buffer) {
  (void)buffer;
  return result;
}
static inline const char *posix_reason(int result, const char *buffer) {
  return result == 0 ? buffer : "unknown error";
}

s3rec_status s3_fail_errno(const char *path, const char *action) {
  char buffer[128];
#define RESULT strerror_r(errno, buffer, sizeof buffer)
  const char *const reason =
      _Generic(RESULT, char *: gnu_reason, int: posix_reason)(RESULT, buffer);
#undef RESULT
  return s3_fail(S3REC_ERROR_IO, "%s: cannot %s: %s", path, action, reason);
}
