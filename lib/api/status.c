/* SPDX-License-Identifier: Apache-2.0 */
#include "s3rec/status.h"

#include "base/error.h"

const char *s3rec_status_name(s3rec_status status) {
  switch (status) {
    case S3REC_OK: return "S3REC_OK";
    case S3REC_ERROR_ARGUMENT: return "S3REC_ERROR_ARGUMENT";
    case S3REC_ERROR_NOT_FOUND: return "S3REC_ERROR_NOT_FOUND";
    case S3REC_ERROR_MEMORY: return "S3REC_ERROR_MEMORY";
    case S3REC_ERROR_IO: return "S3REC_ERROR_IO";
    case S3REC_ERROR_FORMAT: return "S3REC_ERROR_FORMAT";
    case S3REC_ERROR_MISMATCH: return "S3REC_ERROR_MISMATCH";
    case S3REC_ERROR_LIMIT: return "S3REC_ERROR_LIMIT";
    case S3REC_ERROR_STATE: return "S3REC_ERROR_STATE";
    case S3REC_ERROR_NUMERIC: return "S3REC_ERROR_NUMERIC";
    case S3REC_ERROR_ENGINE: return "S3REC_ERROR_ENGINE";
    case S3REC_ERROR_UNSUPPORTED: return "S3REC_ERROR_UNSUPPORTED";
    case S3REC_ERROR_THREAD: return "S3REC_ERROR_THREAD";
  }
  return "unknown status";
}

const char *s3rec_last_error(void) { return s3_error_text(); }
