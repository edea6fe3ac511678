/* SPDX-License-Identifier: Apache-2.0 */
#ifndef S3_BASE_FILE_READ_H
#define S3_BASE_FILE_READ_H

#include "base/context.h"

/* Reads a whole text that may have no NUL in it; *bytes is s3_free'd by the caller and has a NUL
 * after its last byte. A folder or a file that shrinks meanwhile is an IO error; LIMIT for more
 * than file_bytes of the context's limits. A file that announces no size, such as /dev/zero, is
 * not read on after a NUL, for it may have no end. The NUL is among the bytes, and the caller
 * refuses it. */
s3rec_status s3_text_file_read(const s3rec_context *context, const char *path, char **bytes,
                               size_t *count);

#endif
