/* SPDX-License-Identifier: Apache-2.0 */
#include "base/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/random.h"

enum { NAME_ATTEMPTS = 100, LINK_LIMIT = 40 };

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

/* Everything is done relative to the open folder, so that neither a renamed
 * folder nor a changed working directory separates the two files. */
static s3rec_status open_folder(s3_atomic_file *file) {
  S3_TRY(follow_links(file->path, file->target));
  file->folder = open_folder_of(file->target, &file->name);
  if (file->folder < 0) return s3_fail_errno(file->path, "open its folder");
  if (*file->name == '\0') return s3_fail(S3REC_ERROR_IO, "%s: a file name is missing", file->path);
  return S3REC_OK;
}

/* The name is new by O_EXCL; time and process only make a collision rare. The
 * mode is what creating the file directly would give, under any umask. */
static s3rec_status open_temporary(s3_atomic_file *file) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  s3_random random = s3_random_make(s3_key(s3_key((uint64_t)now.tv_sec, (uint64_t)now.tv_nsec),
                                           s3_key((uint64_t)getpid(), (uintptr_t)file)));
  for (int attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
    snprintf(file->temporary, sizeof file->temporary, ".s3rec-%016llx.tmp",
             (unsigned long long)s3_random_bits(&random));
    file->file = openat(file->folder, file->temporary,
                        O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file->file >= 0) return S3REC_OK;
    if (errno != EEXIST && errno != EINTR) break;
  }
  file->temporary[0] = '\0'; /* not ours to remove */
  return s3_fail_errno(file->path, "create a temporary file beside it");
}

/* The new file gets the mode of the existing one, without the right to run as its owner, and its
 * owner and group if the process may give files away. Anything that is not a regular file (a
 * folder, a device) must not be replaced. */
static s3rec_status match_target(s3_atomic_file *file) {
  struct stat target;
  if (fstatat(file->folder, file->name, &target, 0) != 0) {
    if (errno == ENOENT) return S3REC_OK;
    return s3_fail_errno(file->path, "examine");
  }
  if (!S_ISREG(target.st_mode))
    return s3_fail(S3REC_ERROR_IO, "%s: %s is there, not a regular file, and is not replaced",
                   file->path,
                   S_ISDIR(target.st_mode)    ? "a folder"
                   : S_ISFIFO(target.st_mode) ? "a pipe"
                                              : "a device or socket");
  const int given = fchown(file->file, target.st_uid, target.st_gid);
  (void)given; /* only root may give to another owner; the file is the process's then */
  if (fchmod(file->file, target.st_mode & 0777) != 0)
    return s3_fail_errno(file->path, "keep its mode");
  return S3REC_OK;
}

s3rec_status s3_atomic_file_open(const char *path, s3_atomic_file *file) {
  *file = (s3_atomic_file){.folder = -1, .file = -1};
  snprintf(file->path, sizeof file->path, "%s", path);
  s3rec_status status = strlen(path) < sizeof file->path
                            ? open_folder(file)
                            : s3_fail(S3REC_ERROR_IO, "%.100s...: the path is too long", path);
  if (status == S3REC_OK) status = open_temporary(file);
  if (status == S3REC_OK) status = match_target(file);
  if (status != S3REC_OK) s3_atomic_file_discard(file);
  return status;
}

s3rec_status s3_atomic_file_write(s3_atomic_file *file, const void *bytes, size_t count) {
  const char *next = bytes;
  while (count > 0) {
    const ssize_t written = write(file->file, next, count);
    if (written < 0 && errno != EINTR) return s3_fail_errno(file->path, "write");
    if (written > 0) {
      next += written;
      count -= (size_t)written;
    }
  }
  return S3REC_OK;
}

static s3rec_status sync_and_rename(s3_atomic_file *file) {
  if (fsync(file->file) != 0) return s3_fail_errno(file->path, "sync");
  const int descriptor = file->file;
  file->file = -1;
  if (close(descriptor) != 0) return s3_fail_errno(file->path, "close");
  if (renameat(file->folder, file->temporary, file->folder, file->name) != 0) {
    return s3_fail_errno(file->path, "rename the new file to");
  }
  file->temporary[0] = '\0';
  /* EINVAL: a file system that has nothing to sync for a folder */
  if (fsync(file->folder) != 0 && errno != EINVAL) {
    return s3_fail_errno(file->path, "sync its folder");
  }
  return S3REC_OK;
}

s3rec_status s3_atomic_file_commit(s3_atomic_file *file) {
  const s3rec_status status = sync_and_rename(file);
  s3_atomic_file_discard(file);
  return status;
}

void s3_atomic_file_discard(s3_atomic_file *file) {
  if (file->file >= 0) close(file->file);
  if (file->temporary[0] != '\0') unlinkat(file->folder, file->temporary, 0);
  if (file->folder >= 0) close(file->folder);
  file->file = file->folder = -1;
  file->temporary[0] = '\0';
}

/* Where a file is, or would be. */
typedef struct file_place {
  bool known, there;
  struct stat file, folder;
  char target[PATH_MAX];
  const char *name;
} file_place;

static void find_place(const char *path, file_place *place) {
  place->there = stat(path, &place->file) == 0;
  place->known = strlen(path) < PATH_MAX && follow_links(path, place->target) == S3REC_OK;
  if (!place->known) return;
  const int folder = open_folder_of(place->target, &place->name);
  place->known = folder >= 0 && fstat(folder, &place->folder) == 0;
  if (folder >= 0) close(folder);
}

static bool same_node(const struct stat *left, const struct stat *right) {
  return left->st_dev == right->st_dev && left->st_ino == right->st_ino;
}

bool s3_same_file(const char *left, const char *right) {
  file_place a, b;
  find_place(left, &a);
  find_place(right, &b);
  if (a.there && b.there) return same_node(&a.file, &b.file);
  return a.known && b.known && same_node(&a.folder, &b.folder) && strcmp(a.name, b.name) == 0;
}
