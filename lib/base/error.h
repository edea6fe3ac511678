/* SPDX-License-Identifier: Apache-2.0 */
/* Failure texts. Every failing path calls s3_fail once, where it knows most. */
#ifndef S3_BASE_ERROR_H
#define S3_BASE_ERROR_H

#include "s3rec/status.h"

/* Stores this thread's detail text and returns `status`. */
__attribute__((format(printf, 2, 3))) s3rec_status s3_fail(s3rec_status status,
                                                           const char *format, ...);

/* Detail text of this thread, for s3rec_last_error and to hand a worker's
 * failure to the calling thread. */
const char *s3_error_text(void);

/* Leaves the function with the status of `call` unless it is S3REC_OK. */
#define S3_TRY(call)                                \
  do {                                              \
    const s3rec_status s3_status = (call);          \
    if (s3_status != S3REC_OK) return s3_status;    \
  } while (0)

#endif
