/* SPDX-License-Identifier: Apache-2.0 */
#include "base/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/random.h"

enum { TEMPORARY_COUNT = 16, ATTEMPTS = 100, PLAIN_NAME_LIMIT = 100 };

static const char suffix[] = ".s3rec-tmp";

static void name_temporary(const char *name, int number, char *text, size_t capacity) {
  char key[17], count[16] = "";
  if (strlen(name) > PLAIN_NAME_LIMIT) {
    snprintf(key, sizeof key, "%016llx", (unsigned long long)s3_file_name_key(name));
    name = key;
  }
  if (number > 1) snprintf(count, sizeof count, "-%d", number);
  snprintf(text, capacity, ".%s%s%s", name, suffix, count);
}

/* A target of such a name would be removed as what a kill has left. */
static bool is_name_of_temporary(const char *name) {
  if (name[0] != '.') return false;
  for (const char *at = name; (at = strstr(at, suffix)) != NULL; at++) {
    const char after = at[sizeof suffix - 1];
    if (after == '\0' || after == '-') return true;
  }
  return false;
}

static int lock_at_once(int descriptor) {
  int result;
  do {
    result = flock(descriptor, LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  return result;
}

/* Whether a name in the folder is that of an open file. */
static bool is_name_of(int folder, const char *name, int descriptor) {
  struct stat named, opened;
  return fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         fstat(descriptor, &opened) == 0 && s3_same_node(&named, &opened);
}

/* Opens what a kill may have left. NFS locks only what is open for writing; a copy of a protected
 * file cannot be opened so. */
static int open_left_over(int folder, const char *name) {
  const int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  const int descriptor = openat(folder, name, O_RDWR | flags);
  return descriptor < 0 && errno == EACCES ? openat(folder, name, O_RDONLY | flags) : descriptor;
}

/* Whether there is nothing of this name any more. A regular file without a lock is removed, and
 * not written: it may be a second name of another file, or have another owner or mode. Without
 * the lock it could become a target, or be removed and made anew, between the look and the
 * removal. Anything else was not made here, and stays. */
static bool remove_left_over(int folder, const char *name) {
  struct stat info;
  if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT;
  if (!S_ISREG(info.st_mode)) return false;
  const int descriptor = open_left_over(folder, name);
  if (descriptor < 0) return errno == ENOENT;
  bool removed = false;
  if (lock_at_once(descriptor) == 0) {
    removed = !is_name_of(folder, name, descriptor); /* its writer was faster */
    if (!removed) removed = unlinkat(folder, name, 0) == 0;
  }
  close(descriptor);
  return removed;
}

/* Where there is a target, nobody else may open the file before it has the target's mode: who has
 * opened it goes on reading. Else the mode is what creating the file directly would give, under any
 * umask. */
static int create_file(const s3_atomic_file *file) {
  const int folder = file->place.folder;
  struct stat target;
  const bool is_new = fstatat(folder, file->place.name, &target, 0) != 0;
  return openat(folder, file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                is_new ? 0666 : 0600);
}

/* Makes the file and locks it. Between the two, another writer may take it for left over: then
 * that one has the lock, or the name is gone, and it is tried again. */
static bool take_temporary(s3_atomic_file *file) {
  const int folder = file->place.folder;
  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    file->file = create_file(file);
    if (file->file < 0 && errno == EINTR) continue;
    if (file->file < 0 && (errno != EEXIST || !remove_left_over(folder, file->temporary)))
      return false;
    if (file->file < 0) continue;
    const bool locked = lock_at_once(file->file) == 0;
    if (locked && is_name_of(folder, file->temporary, file->file)) return true;
    const bool none = !locked && errno != EWOULDBLOCK;
    if (none) unlinkat(folder, file->temporary, 0);
    close(file->file);
    file->file = -1;
    if (none) return false; /* the file system has no locks */
  }
  return false;
}

/* What killed writers have left under the other names goes, too. */
static bool open_locked_temporary(s3_atomic_file *file) {
  char other[sizeof file->temporary];
  for (int number = 1; number <= TEMPORARY_COUNT && !file->locked; number++) {
    name_temporary(file->place.name, number, file->temporary, sizeof file->temporary);
    file->locked = take_temporary(file);
  }
  for (int number = 1; number <= TEMPORARY_COUNT && file->locked; number++) {
    name_temporary(file->place.name, number, other, sizeof other);
    if (strcmp(other, file->temporary) != 0) remove_left_over(file->place.folder, other);
  }
  return file->locked;
}

/* Without locks, or when none of the names can be had. The name is new by O_EXCL; time and process
 * only make a collision rare. */
static s3rec_status open_random_temporary(s3_atomic_file *file) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  s3_random random = s3_random_make(s3_key(s3_key((uint64_t)now.tv_sec, (uint64_t)now.tv_nsec),
                                           s3_key((uint64_t)getpid(), (uintptr_t)file)));
  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    snprintf(file->temporary, sizeof file->temporary, ".s3rec-%016llx.tmp",
             (unsigned long long)s3_random_bits(&random));
    file->file = create_file(file);
    if (file->file >= 0) return S3REC_OK;
    if (errno != EEXIST && errno != EINTR) break;
  }
  file->temporary[0] = '\0'; /* not ours to remove */
  return s3_fail_errno(file->path, "create a temporary file beside it");
}

/* The new file gets the mode of the existing one, without the right to run as its owner, and its
 * owner and group as far as the process may give files away: only root may give to another owner,
 * but a member of a group may give to that group. Without its group, the mode would let the wrong
 * people in and keep the right ones out. Anything that is not a regular file (a
 * folder, a device) must not be replaced. */
static s3rec_status match_target(s3_atomic_file *file) {
  struct stat target;
  if (fstatat(file->place.folder, file->place.name, &target, 0) != 0) {
    if (errno == ENOENT) return S3REC_OK;
    return s3_fail_errno(file->path, "examine");
  }
  if (!S_ISREG(target.st_mode))
    return s3_fail(S3REC_ERROR_IO, "%s: %s is there, not a regular file, and is not replaced",
                   file->path,
                   S_ISDIR(target.st_mode)    ? "a folder"
                   : S_ISFIFO(target.st_mode) ? "a pipe"
                                              : "a device or socket");
  if (fchown(file->file, target.st_uid, target.st_gid) != 0) {
    const int given = fchown(file->file, (uid_t)-1, target.st_gid);
    (void)given; /* the file is the process's then */
  }
  if (fchmod(file->file, target.st_mode & 0777) != 0)
    return s3_fail_errno(file->path, "keep its mode");
  return S3REC_OK;
}

static s3rec_status open_temporary(s3_atomic_file *file) {
  S3_TRY(s3_file_place_open(file->path, &file->place));
  if (is_name_of_temporary(file->place.name))
    return s3_fail(S3REC_ERROR_IO, "%s: names of this form are those of temporary files",
                   file->path);
  if (!open_locked_temporary(file)) S3_TRY(open_random_temporary(file));
  return match_target(file);
}

s3rec_status s3_atomic_file_open(const char *path, s3_atomic_file *file) {
  *file = (s3_atomic_file){.place.folder = -1, .file = -1};
  if (strlen(path) >= sizeof file->path)
    return s3_fail(S3REC_ERROR_IO, "%.100s...: the path is too long", path);
  snprintf(file->path, sizeof file->path, "%s", path);
  const s3rec_status status = open_temporary(file);
  if (status != S3REC_OK) s3_atomic_file_discard(file);
  return status;
}

s3rec_status s3_atomic_file_write(s3_atomic_file *file, const void *bytes, size_t count) {
  const char *next = bytes;
  while (count > 0) {
    const ssize_t written = write(file->file, next, count);
    if (written == 0) errno = ENOSPC; /* else this would never end */
    if (written == 0 || (written < 0 && errno != EINTR)) return s3_fail_errno(file->path, "write");
    if (written > 0) {
      next += written;
      count -= (size_t)written;
    }
  }
  return S3REC_OK;
}

static int sync_descriptor(int descriptor) {
  int result;
  do {
    result = fsync(descriptor);
  } while (result != 0 && errno == EINTR);
  return result;
}

/* Renames before it closes: without its lock the file would be left over to other writers. */
static s3rec_status sync_and_rename(s3_atomic_file *file) {
  const int folder = file->place.folder;
  if (sync_descriptor(file->file) != 0) return s3_fail_errno(file->path, "sync");
  if (file->locked && !is_name_of(folder, file->temporary, file->file))
    return s3_fail(S3REC_ERROR_IO, "%s: not saved: its temporary file %s was removed meanwhile",
                   file->path, file->temporary);
  if (renameat(folder, file->temporary, folder, file->place.name) != 0)
    return s3_fail_errno(file->path, "rename the new file to");
  file->temporary[0] = '\0';
  /* A folder of some file systems has nothing to sync. */
  if (sync_descriptor(folder) == 0 || errno == EINVAL || errno == ENOSYS || errno == ENOTSUP)
    return S3REC_OK;
  return s3_fail_errno(file->path, "sync its folder; the new file is there, but a crash of the "
                                   "machine may bring the old one back");
}

s3rec_status s3_atomic_file_commit(s3_atomic_file *file) {
  const s3rec_status status = sync_and_rename(file);
  s3_atomic_file_discard(file);
  return status;
}

void s3_atomic_file_discard(s3_atomic_file *file) {
  const int folder = file->place.folder;
  const char *const name = file->temporary;
  /* A name that was taken away may be that of another writer. */
  if (*name != '\0' && (!file->locked || is_name_of(folder, name, file->file)))
    unlinkat(folder, name, 0);
  if (file->file >= 0) close(file->file);
  s3_file_place_close(&file->place);
  file->file = -1;
  file->temporary[0] = '\0';
}
