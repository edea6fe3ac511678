/* SPDX-License-Identifier: Apache-2.0 */
/* Failure texts. Every failing path calls s3_fail once, at the place that knows most about the
 * failure. */
#ifndef S3_BASE_ERROR_H
#define S3_BASE_ERROR_H

#include "s3rec/status.h"

/* Stores the error text of this thread and gives `status`. It is a macro so that the compiler
 * sees that the caller returns a failure, and does not warn about outputs that are not set. */
#define s3_fail(status, ...) (s3_set_error_text(__VA_ARGS__), s3_failed(status))

__attribute__((format(printf, 1, 2))) void s3_set_error_text(const char *format, ...);

static inline s3rec_status s3_failed(s3rec_status status) { return status; }

/* The error text of this thread, for s3rec_last_error and to bring the failure of a worker to
 * the calling thread. */
const char *s3_error_text(void);

/* IO with "path: cannot ACTION: reason"; the reason comes from errno. */
s3rec_status s3_fail_errno(const char *path, const char *action);

/* Leaves the function with the status of `call` unless it is S3REC_OK. */
#define S3_TRY(call)                             \
  do {                                           \
    const s3rec_status s3_status = (call);       \
    if (s3_status != S3REC_OK) return s3_status; \
  } while (0)

#endif
