/* SPDX-License-Identifier: Apache-2.0 */
/* Durable files: written beside, synced, renamed over the old one, and the
 * folder synced, so that a crash at any moment leaves the old or the new file. Of a symbolic
 * link it is the file that it leads to. A file that is there keeps its mode and, as far as the
 * process may, its owner; what is there and not a regular file (a folder, a device, a pipe) is
 * refused. No context, no memory: the tool
 * uses it, too. */
#ifndef S3_BASE_ATOMIC_FILE_H
#define S3_BASE_ATOMIC_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "s3rec/status.h"

/* Not to be copied while it is open. */
typedef struct s3_atomic_file {
  char path[PATH_MAX];   /* for error texts */
  char target[PATH_MAX]; /* where symbolic links lead */
  const char *name;      /* the last part of target */
  char temporary[32];
  int folder, file; /* descriptors, -1 when closed */
} s3_atomic_file;

/* On failure there is nothing to discard. */
s3rec_status s3_atomic_file_open(const char *path, s3_atomic_file *file);
s3rec_status s3_atomic_file_write(s3_atomic_file *file, const void *bytes, size_t count);
/* Syncs, renames and closes; on failure the temporary file is gone. */
s3rec_status s3_atomic_file_commit(s3_atomic_file *file);
/* Removes the temporary file and closes; nothing after a commit or a discard. */
void s3_atomic_file_discard(s3_atomic_file *file);

/* Whether writing to one path writes to the other: both lead to one file, or to one name in one
 * folder where there is none yet. False for a path that leads nowhere. */
bool s3_same_file(const char *left, const char *right);

#endif
