/* SPDX-License-Identifier: Apache-2.0 */
/* Durable files: written beside, synced, renamed over the old one, and the folder synced, so that
 * a crash at any moment leaves the old or the new file. Of a symbolic link it is the file that it
 * leads to. A file that is there keeps its mode and, as far as the process may, its owner; what is
 * there and not a regular file (a folder, a device, a pipe) is refused. No context, no memory: the
 * tool uses it, too.
 *
 * The temporary file of NAME is .NAME.s3rec-tmp in the folder of NAME, locked (flock) while it is
 * written. The lock ends with the process, so one that is there without a lock is what a kill has
 * left: the next writer of NAME removes it. While one is locked, another writer of NAME takes
 * .NAME.s3rec-tmp-2 and so on; the last one to rename wins. A name of more than 100 bytes is
 * replaced by 16 digits made from it. Where there are no locks, the temporary file has a random
 * name, and a kill leaves it. A file without a name (O_TMPFILE) would vanish by itself, but
 * linkat cannot put it in the place of a file that is there. */
#ifndef S3_BASE_ATOMIC_FILE_H
#define S3_BASE_ATOMIC_FILE_H

#include <stddef.h>

#include "base/file_place.h"
#include "s3rec/status.h"

/* Not to be copied while it is open. */
typedef struct s3_atomic_file {
  char path[PATH_MAX]; /* for error texts */
  s3_file_place place; /* the target */
  char temporary[128]; /* "" when there is none */
  bool locked;
  int file; /* a descriptor, -1 when closed */
} s3_atomic_file;

/* On failure there is nothing to discard. */
s3rec_status s3_atomic_file_open(const char *path, s3_atomic_file *file);
s3rec_status s3_atomic_file_write(s3_atomic_file *file, const void *bytes, size_t count);
/* Syncs, renames and closes; on failure the temporary file is gone. The old file is there after
 * every failure but one: the sync of the folder, whose text says so. */
s3rec_status s3_atomic_file_commit(s3_atomic_file *file);
/* Removes the temporary file and closes; nothing after a commit or a discard. */
void s3_atomic_file_discard(s3_atomic_file *file);

#endif
