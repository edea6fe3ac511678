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

enum { TEMPORARY_NAME_SIZE = 32, NAME_ATTEMPTS = 100 };

/* Everything is done relative to the open folder, so that neither a renamed
 * folder nor a changed working directory separates the two files. */
struct s3_atomic_file {
  const s3rec_context *context;
  char *path;       /* for error texts */
  const char *name; /* last part of path */
  char temporary[TEMPORARY_NAME_SIZE];
  int folder, file; /* descriptors, -1 when closed */
};

static s3rec_status open_folder(s3_atomic_file *file) {
  char *const slash = strrchr(file->path, '/');
  file->name = slash == NULL ? file->path : slash + 1;
  const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  if (slash == NULL) {
    file->folder = open(".", flags);
  } else if (slash == file->path) {
    file->folder = open("/", flags);
  } else {
    *slash = '\0';
    file->folder = open(file->path, flags);
    *slash = '/';
  }
  if (file->folder < 0) return s3_fail_errno(file->path, "open the folder of");
  if (*file->name == '\0') {
    return s3_fail(S3REC_ERROR_IO, "%s: a file name is missing", file->path);
  }
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
  return s3_fail_errno(file->path, "create a temporary file beside");
}

/* A file that is there hands its mode on. Whatever else is there (a folder, a
 * device) must not be renamed over. */
static s3rec_status match_target(s3_atomic_file *file) {
  struct stat target;
  if (fstatat(file->folder, file->name, &target, 0) != 0) {
    if (errno == ENOENT) return S3REC_OK;
    return s3_fail_errno(file->path, "examine");
  }
  if (!S_ISREG(target.st_mode)) {
    return s3_fail(S3REC_ERROR_IO, "%s: is there and not a regular file", file->path);
  }
  if (fchmod(file->file, target.st_mode & 07777) != 0) {
    return s3_fail_errno(file->path, "keep the mode of");
  }
  return S3REC_OK;
}

s3rec_status s3_atomic_file_open(const s3rec_context *context, const char *path,
                                 s3_atomic_file **file) {
  s3_atomic_file *opened = s3_allocate(context, 1, sizeof *opened);
  if (opened == NULL) return S3REC_ERROR_MEMORY;
  opened->context = context;
  opened->folder = opened->file = -1;
  opened->path = s3_allocate(context, strlen(path) + 1, 1);
  s3rec_status status = S3REC_ERROR_MEMORY;
  if (opened->path != NULL) {
    memcpy(opened->path, path, strlen(path) + 1);
    status = open_folder(opened);
  }
  if (status == S3REC_OK) status = open_temporary(opened);
  if (status == S3REC_OK) status = match_target(opened);
  if (status != S3REC_OK) {
    s3_atomic_file_discard(opened);
    return status;
  }
  *file = opened;
  return S3REC_OK;
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

static s3rec_status finish(s3_atomic_file *file) {
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
    return s3_fail_errno(file->path, "sync the folder of");
  }
  return S3REC_OK;
}

s3rec_status s3_atomic_file_commit(s3_atomic_file *file) {
  const s3rec_status status = finish(file);
  s3_atomic_file_discard(file);
  return status;
}

void s3_atomic_file_discard(s3_atomic_file *file) {
  if (file == NULL) return;
  if (file->file >= 0) close(file->file);
  if (file->temporary[0] != '\0') unlinkat(file->folder, file->temporary, 0);
  if (file->folder >= 0) close(file->folder);
  s3_free(file->context, file->path);
  s3_free(file->context, file);
}

/* Reads to the end whatever the announced size is: files under /proc announce
 * 0, pipes nothing. */
static s3rec_status read_all(const s3rec_context *context, const char *path, int descriptor,
                             char **bytes, size_t *count) {
  struct stat info;
  if (fstat(descriptor, &info) != 0) return s3_fail_errno(path, "examine");
  const uintmax_t announced = S_ISREG(info.st_mode) ? (uintmax_t)info.st_size : 0;
  if (announced >= SIZE_MAX - 2) {
    return s3_fail(S3REC_ERROR_MEMORY, "%s: exceeds the address space", path);
  }
  void *buffer = NULL;
  size_t capacity = 0, length = 0;
  /* one byte for the NUL, one to see the end without growing */
  s3rec_status status = s3_grow(context, &buffer, &capacity, (size_t)announced + 2, 1);
  while (status == S3REC_OK) {
    if (length + 1 >= capacity) status = s3_grow(context, &buffer, &capacity, length + 4096, 1);
    if (status != S3REC_OK) break;
    const ssize_t got = read(descriptor, (char *)buffer + length, capacity - 1 - length);
    if (got > 0) length += (size_t)got;
    if (got == 0) break;
    if (got < 0 && errno != EINTR) status = s3_fail_errno(path, "read");
  }
  if (status == S3REC_OK && length < announced) {
    status = s3_fail(S3REC_ERROR_IO, "%s: became shorter while it was read", path);
  }
  if (status != S3REC_OK) {
    s3_free(context, buffer);
    return status;
  }
  ((char *)buffer)[length] = '\0';
  *bytes = buffer;
  *count = length;
  return S3REC_OK;
}

s3rec_status s3_file_read(const s3rec_context *context, const char *path, char **bytes,
                          size_t *count) {
  int descriptor;
  do {
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) return s3_fail_errno(path, "open");
  const s3rec_status status = read_all(context, path, descriptor, bytes, count);
  close(descriptor);
  return status;
}
