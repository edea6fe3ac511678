/* SPDX-License-Identifier: Apache-2.0 */
/* Durable files: written beside, synced, renamed over the old one, and the
 * folder synced, so that a crash at any moment leaves the old or the new file. */
#ifndef S3_BASE_ATOMIC_FILE_H
#define S3_BASE_ATOMIC_FILE_H

#include "base/context.h"

typedef struct s3_atomic_file s3_atomic_file;

s3rec_status s3_atomic_file_open(const s3rec_context *context, const char *path,
                                 s3_atomic_file **file);
s3rec_status s3_atomic_file_write(s3_atomic_file *file, const void *bytes, size_t count);
/* Syncs, renames and frees; on failure the temporary file is gone. */
s3rec_status s3_atomic_file_commit(s3_atomic_file *file);
/* Removes the temporary file and frees; NULL is fine. */
void s3_atomic_file_discard(s3_atomic_file *file);

/* Reads a whole file; *bytes is s3_free'd by the caller and has a NUL behind
 * its last byte. A folder or a file that shrinks meanwhile is an IO error. */
s3rec_status s3_file_read(const s3rec_context *context, const char *path, char **bytes,
                          size_t *count);

#endif
