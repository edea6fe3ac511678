/* SPDX-License-Identifier: Apache-2.0 */
#ifndef S3_BASE_FILE_READ_H
#define S3_BASE_FILE_READ_H

#include "base/context.h"

/* A file that is open for reading. */
typedef struct s3_open_file {
  int descriptor;
  bool regular; /* else a pipe or a folder, which announce no size, or a file as under /proc,
                 * which announces 0 */
  uint64_t byte_count; /* of a regular one */
} s3_open_file;

/* IO for what cannot be opened and for devices, which may have no end and may not be opened
 * without effect. */
s3rec_status s3_file_open(const char *path, s3_open_file *file);

/* Reads at most `count` bytes from where the file is; fewer, *got, only at its end. */
s3rec_status s3_file_next(const char *path, int descriptor, void *bytes, size_t count, size_t *got);
/* Room for `count` bytes, not zeroed, with *length of them kept: the pages of a large block are not
 * touched before they are read to. */
s3rec_status s3_file_reserve(const s3rec_context *context, size_t count, void **bytes,
                             size_t *capacity, size_t length);
/* Appends up to `count` bytes to *bytes, which holds *length; fewer only at the file's end. Memory
 * grows as bytes come, because a pipe may hold fewer than are asked for. */
s3rec_status s3_file_append(const s3rec_context *context, const char *path, int descriptor,
                            size_t count, void **bytes, size_t *capacity, size_t *length);

/* LIMIT for a file of more than limits.file_bytes. */
s3rec_status s3_file_fail_size(const s3rec_context *context, const char *path);

/* Reads a whole file; *bytes is s3_free'd by the caller and has a NUL after
 * its last byte. A folder, a device or a file that shrinks meanwhile is an IO error, one of more
 * than limits.file_bytes a LIMIT error. */
s3rec_status s3_file_read(const s3rec_context *context, const char *path, char **bytes,
                          size_t *count);

#endif
