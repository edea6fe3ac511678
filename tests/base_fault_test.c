/* SPDX-License-Identifier: Apache-2.0 */
/* base/atomic_file.h: calls of the system that fail. write, fsync and flock of the whole program
 * go through this file, and fail only where a test asks for it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "support/files.h"
#include "support/suite.h"

typedef struct fault {
  int after; /* so many calls are as usual */
  int times; /* then so many fail; -1: all */
  int error; /* 0: the call gives 0 */
  size_t part; /* other than 0: a write takes at most so many bytes */
} fault;

static struct {
  fault write, sync_file, sync_folder, lock;
} faults;

static bool fails(fault *next) {
  if (next->times == 0) return false;
  if (next->after > 0) {
    next->after--;
    return false;
  }
  if (next->times > 0) next->times--;
  errno = next->error;
  return true;
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
  if (fails(&faults.write)) return faults.write.error == 0 ? 0 : -1;
  if (faults.write.part > 0 && count > faults.write.part) count = faults.write.part;
  return syscall(SYS_write, descriptor, bytes, count);
}

int fsync(int descriptor) {
  struct stat info;
  const bool folder = fstat(descriptor, &info) == 0 && S_ISDIR(info.st_mode);
  if (fails(folder ? &faults.sync_folder : &faults.sync_file)) return -1;
  return (int)syscall(SYS_fsync, descriptor);
}

int flock(int descriptor, int operation) {
  return fails(&faults.lock) ? -1 : (int)syscall(SYS_flock, descriptor, operation);
}

static void set_up(void) { memset(&faults, 0, sizeof faults); }

static const char old[] = "the old text", new[] = "what is written instead of it";

static s3rec_status write_new(const char *path) {
  s3_atomic_file file;
  S3_TRY(s3_atomic_file_open(path, &file));
  s3rec_status status = s3_atomic_file_write(&file, new, 4);
  if (status == S3REC_OK) status = s3_atomic_file_write(&file, new + 4, sizeof new - 5);
  if (status == S3REC_OK) return s3_atomic_file_commit(&file);
  s3_atomic_file_discard(&file);
  return status;
}

static void assert_text(const char *path, const char *text) {
  size_t count;
  char *const bytes = test_read(path, &count);
  ck_assert_str_eq(bytes, text);
  ck_assert_uint_eq(count, strlen(text));
  free(bytes);
  ck_assert_uint_eq(test_file_count(), 1); /* and nothing beside it */
}

/* Fails with a text that has the path and both parts; then a save without faults succeeds. */
static void assert_fails(const char *path, const char *action, const char *reason,
                         const char *content) {
  ck_assert_int_eq(write_new(path), S3REC_ERROR_IO);
  ck_assert_msg(strstr(s3_error_text(), path) != NULL && strstr(s3_error_text(), action) != NULL &&
                    strstr(s3_error_text(), reason) != NULL,
                "%s", s3_error_text());
  memset(&faults, 0, sizeof faults);
  assert_text(path, content);
  ck_assert_int_eq(write_new(path), S3REC_OK);
  assert_text(path, new);
}

static void start_again(const char *path) {
  memset(&faults, 0, sizeof faults);
  test_write(path, old, sizeof old - 1);
}

START_TEST(a_write_that_fails) {
  const test_path path = test_file("written");
  const int errors[] = {ENOSPC, EDQUOT, EFBIG, EIO};
  for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
    for (int after = 0; after < 8; after++) {
      start_again(path.text);
      faults.write = (fault){.after = after, .times = -1, .error = errors[i], .part = 4};
      assert_fails(path.text, "cannot write", strerror(errors[i]), old);
    }
  start_again(path.text);
  faults.write.times = 1; /* gives 0 */
  assert_fails(path.text, "cannot write", strerror(ENOSPC), old);
  ck_assert_int_eq(unlink(path.text), 0);
}
END_TEST

START_TEST(calls_that_are_interrupted_go_on) {
  const test_path path = test_file("interrupted");
  for (size_t part = 1; part < sizeof new; part++) {
    start_again(path.text);
    faults.write = (fault){.after = (int)part % 4, .times = 5, .error = EINTR, .part = part};
    faults.lock = faults.sync_file = faults.sync_folder = (fault){.times = 5, .error = EINTR};
    ck_assert_msg(write_new(path.text) == S3REC_OK, "%s", s3_error_text());
    ck_assert_int_eq(faults.lock.times + faults.sync_file.times + faults.sync_folder.times, 0);
    assert_text(path.text, new);
  }
  ck_assert_int_eq(unlink(path.text), 0);
}
END_TEST

START_TEST(a_file_that_cannot_be_synced) {
  const test_path path = test_file("synced");
  const int errors[] = {EIO, ENOSPC, EDQUOT, EINVAL};
  for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
    start_again(path.text);
    faults.sync_file = (fault){.times = 1, .error = errors[i]};
    assert_fails(path.text, "cannot sync", strerror(errors[i]), old);
  }
  ck_assert_int_eq(unlink(path.text), 0);
}
END_TEST

/* The new file is in its place, and that it may not last is an error. Where folders cannot be
 * synced at all, there is none. */
START_TEST(a_folder_that_cannot_be_synced) {
  const test_path path = test_file("placed");
  const int errors[] = {EIO, ENOSPC, EDQUOT}, without[] = {EINVAL, ENOSYS, ENOTSUP};
  for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
    start_again(path.text);
    faults.sync_folder = (fault){.times = 1, .error = errors[i]};
    assert_fails(path.text, "the new file is there, but a crash", strerror(errors[i]), new);
    start_again(path.text);
    faults.sync_folder = (fault){.times = 1, .error = without[i]};
    ck_assert_int_eq(write_new(path.text), S3REC_OK);
    assert_text(path.text, new);
  }
  ck_assert_int_eq(unlink(path.text), 0);
}
END_TEST

START_TEST(without_locks_names_are_random) {
  const test_path path = test_file("unlocked");
  const int errors[] = {ENOLCK, ENOTSUP, ENOSYS, EBADF};
  for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
    start_again(path.text);
    faults.lock = (fault){.times = -1, .error = errors[i]};
    s3_atomic_file first, second;
    ck_assert_int_eq(s3_atomic_file_open(path.text, &first), S3REC_OK);
    ck_assert_int_eq(s3_atomic_file_open(path.text, &second), S3REC_OK);
    ck_assert_uint_eq(test_file_count(), 3);
    ck_assert_str_ne(first.temporary, second.temporary);
    ck_assert_uint_eq(strlen(first.temporary), strlen(".s3rec-0123456789abcdef.tmp"));
    ck_assert_int_eq(s3_atomic_file_commit(&first), S3REC_OK);
    s3_atomic_file_discard(&second);
    assert_text(path.text, "");
    ck_assert_int_eq(write_new(path.text), S3REC_OK);
    assert_text(path.text, new);
    faults.write = (fault){.times = 1, .error = ENOSPC};
    assert_fails(path.text, "cannot write", strerror(ENOSPC), new);
  }
  ck_assert_int_eq(unlink(path.text), 0);
}
END_TEST

/* Another writer looks at a new temporary file before its own writer has locked it. */
START_TEST(a_lock_that_comes_late) {
  const test_path path = test_file("late");
  for (int late = 1; late < 40; late += 13) {
    start_again(path.text);
    faults.lock = (fault){.times = late, .error = EWOULDBLOCK};
    ck_assert_msg(write_new(path.text) == S3REC_OK, "%s", s3_error_text());
    memset(&faults, 0, sizeof faults);
    ck_assert_int_eq(write_new(path.text), S3REC_OK); /* and removes what was left */
    assert_text(path.text, new);
  }
  ck_assert_int_eq(unlink(path.text), 0);
}
END_TEST

TEST_SUITE(base_fault) {
  TCase *cases = tcase_create("faults");
  tcase_add_checked_fixture(cases, set_up, set_up);
  tcase_add_test(cases, a_write_that_fails);
  tcase_add_test(cases, calls_that_are_interrupted_go_on);
  tcase_add_test(cases, a_file_that_cannot_be_synced);
  tcase_add_test(cases, a_folder_that_cannot_be_synced);
  tcase_add_test(cases, without_locks_names_are_random);
  tcase_add_test(cases, a_lock_that_comes_late);
  test_add_cases(suite, cases, NULL);
}
