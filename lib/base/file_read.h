/* SPDX-License-Identifier: Apache-2.0 */
#ifndef S3_BASE_FILE_READ_H
#define S3_BASE_FILE_READ_H

#include "base/context.h"

/* Reads a whole file; *bytes is s3_free'd by the caller and has a NUL after
 * its last byte. A folder or a file that shrinks meanwhile is an IO error. */
s3rec_status s3_file_read(const s3rec_context *context, const char *path, char **bytes,
                          size_t *count);

#endif
