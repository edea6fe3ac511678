/* SPDX-License-Identifier: Apache-2.0 */
/* Where a path leads: an open folder and a name in it, which need not be there yet. Symbolic links
 * are followed, also one to a file that is not there. Everything that is done relative to the open
 * folder is done in one folder, even if it is renamed or the working directory changes. No
 * context, no memory: the tool uses it, too. */
#ifndef S3_BASE_FILE_PLACE_H
#define S3_BASE_FILE_PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "s3rec/status.h"

/* Not to be copied while it is open. */
typedef struct s3_file_place {
  char target[PATH_MAX]; /* where symbolic links lead */
  const char *name;      /* the last part of target */
  int folder;            /* a descriptor, -1 when closed */
} s3_file_place;

/* On failure there is nothing to close. */
s3rec_status s3_file_place_open(const char *path, s3_file_place *place);
/* Nothing after a first close. */
void s3_file_place_close(s3_file_place *place);

/* A number of 64 bits for a name, the same in every process. */
uint64_t s3_file_name_key(const char *name);

/* Whether two results of stat are of one file. */
bool s3_same_node(const struct stat *left, const struct stat *right);

/* Whether writing to one path writes to the other: both lead to one file, or to one name in one
 * folder where there is none yet. False for a path that leads nowhere. */
bool s3_same_file(const char *left, const char *right);

#endif
