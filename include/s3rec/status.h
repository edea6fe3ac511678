/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Result codes and the text of the last failure. */
#ifndef S3REC_STATUS_H
#define S3REC_STATUS_H

#include "s3rec/version.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Result of every call that can fail. The numbers are part of the ABI: tens are
 * groups, gaps are room to grow. Since 0.1. */
typedef enum s3rec_status {
  S3REC_OK = 0,
  S3REC_ERROR_ARGUMENT = 10,    /**< NULL, out of range, contradicting options */
  S3REC_ERROR_NOT_FOUND = 11,   /**< no parameter, user or field of that name */
  S3REC_ERROR_MEMORY = 20,      /**< the allocator returned NULL */
  S3REC_ERROR_IO = 30,          /**< the operating system refused a file */
  S3REC_ERROR_FORMAT = 31,      /**< a file or array holds what it may not hold */
  S3REC_ERROR_MISMATCH = 32,    /**< valid, but made for another model or data */
  S3REC_ERROR_LIMIT = 33,       /**< a file exceeds a limit of the context */
  S3REC_ERROR_STATE = 40,       /**< not now: the model is in use elsewhere, ... */
  S3REC_ERROR_NUMERIC = 41,     /**< a loss, gradient or weight is NaN or infinite */
  S3REC_ERROR_ENGINE = 50,      /**< oneDNN reported a failure */
  S3REC_ERROR_UNSUPPORTED = 60, /**< this build or machine cannot do it */
  S3REC_ERROR_THREAD = 61       /**< a thread could not be started */
} s3rec_status;

/** Stable word for a code, such as "S3REC_ERROR_FORMAT"; "unknown status" for
 * any other number. Static storage; any thread. Since 0.1. */
S3REC_API const char *s3rec_status_name(s3rec_status status);

/** Detail of the last failure on the calling thread, one line of UTF-8 without
 * a line end; "" when none happened. For file errors it reads
 * "file:line:column: reason". Valid until the next failing call on this thread;
 * never NULL. Successful calls do not change it. Any thread. Since 0.1. */
S3REC_API const char *s3rec_last_error(void);

#ifdef __cplusplus
}
#endif
#endif
