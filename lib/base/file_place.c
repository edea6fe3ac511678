/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/random.h"

enum { LINK_LIMIT = 40 };

/* Puts what the last part of a path leads to into `target`. A link to a file that is not there
 * is followed as well. */
static s3rec_status follow_links(const char *path, char target[PATH_MAX]) {
  char link[PATH_MAX];
  snprintf(target, PATH_MAX, "%s", path);
  for (int followed = 0; followed < LINK_LIMIT; followed++) {
    const ssize_t length = readlink(target, link, sizeof link);
    if (length < 0) return S3REC_OK; /* no link, or nothing there */
    char *const slash = strrchr(target, '/');
    const size_t folder = link[0] == '/' || slash == NULL ? 0 : (size_t)(slash + 1 - target);
    if (folder + (size_t)length >= PATH_MAX) break;
    memcpy(target + folder, link, (size_t)length);
    target[folder + (size_t)length] = '\0';
  }
  return s3_fail(S3REC_ERROR_IO, "%s: its symbolic links lead nowhere", path);
}

/* Opens the folder that a path lies in; *name is its last part. -1 with errno on failure. */
static int open_folder_of(char *target, const char **name) {
  char *const slash = strrchr(target, '/');
  const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  *name = slash == NULL ? target : slash + 1;
  if (slash == NULL) return open(".", flags);
  if (slash == target) return open("/", flags);
  *slash = '\0';
  const int folder = open(target, flags);
  *slash = '/';
  return folder;
}

s3rec_status s3_file_place_open(const char *path, s3_file_place *place) {
  place->folder = -1;
  if (strlen(path) >= sizeof place->target)
    return s3_fail(S3REC_ERROR_IO, "%.100s...: the path is too long", path);
  S3_TRY(follow_links(path, place->target));
  do {
    place->folder = open_folder_of(place->target, &place->name);
  } while (place->folder < 0 && errno == EINTR);
  if (place->folder < 0) return s3_fail_errno(path, "open its folder");
  if (*place->name != '\0') return S3REC_OK;
  s3_file_place_close(place);
  return s3_fail(S3REC_ERROR_IO, "%s: a file name is missing", path);
}

void s3_file_place_close(s3_file_place *place) {
  if (place->folder >= 0) close(place->folder);
  place->folder = -1;
}

uint64_t s3_file_name_key(const char *name) {
  uint64_t key = strlen(name);
  for (; *name != '\0'; name++) key = s3_key(key, (unsigned char)*name);
  return key;
}

bool s3_same_node(const struct stat *left, const struct stat *right) {
  return left->st_dev == right->st_dev && left->st_ino == right->st_ino;
}

bool s3_same_file(const char *left, const char *right) {
  struct stat a, b;
  s3_file_place at, other;
  if (stat(left, &a) == 0 && stat(right, &b) == 0) return s3_same_node(&a, &b);
  if (s3_file_place_open(left, &at) != S3REC_OK) return false;
  bool same = s3_file_place_open(right, &other) == S3REC_OK;
  if (same)
    same = fstat(at.folder, &a) == 0 && fstat(other.folder, &b) == 0 && s3_same_node(&a, &b) &&
           strcmp(at.name, other.name) == 0;
  s3_file_place_close(&other);
  s3_file_place_close(&at);
  return same;
}
