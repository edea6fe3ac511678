/* SPDX-License-Identifier: Apache-2.0 */
/* base/atomic_file.h: durable writing, whole reading. */
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/file_read.h"
#include "support/files.h"
#include "support/hooks.h"
#include "support/suite.h"

static test_hooks hooks;
static s3rec_context *context;

static void set_up(void) { context = test_hooks_context(&hooks); }

static void tear_down(void) {
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

static s3rec_status write_text(const char *path, const char *text) {
  s3_atomic_file file;
  S3_TRY(s3_atomic_file_open(path, &file));
  const s3rec_status status = s3_atomic_file_write(&file, text, strlen(text));
  if (status == S3REC_OK) return s3_atomic_file_commit(&file);
  s3_atomic_file_discard(&file);
  return status;
}

static void assert_content(const char *path, const char *text) {
  size_t count;
  char *const bytes = test_read(path, &count);
  ck_assert_str_eq(bytes, text);
  ck_assert_uint_eq(count, strlen(text));
  free(bytes);
}

static mode_t mode_of(const char *path) {
  struct stat info;
  ck_assert_int_eq(stat(path, &info), 0);
  return info.st_mode & 07777;
}

START_TEST(writes_and_replaces) {
  const test_path path = test_file("replaced");
  ck_assert_int_eq(write_text(path.text, "first"), S3REC_OK);
  assert_content(path.text, "first");
  ck_assert_int_eq(write_text(path.text, "second, longer"), S3REC_OK);
  assert_content(path.text, "second, longer");
  ck_assert_int_eq(write_text(path.text, ""), S3REC_OK);
  assert_content(path.text, "");
  ck_assert_int_eq(unlink(path.text), 0);
  ck_assert_uint_eq(test_file_count(), 0);
}
END_TEST

START_TEST(nothing_is_seen_before_commit) {
  const test_path path = test_file("kept");
  test_write(path.text, "old", 3);
  s3_atomic_file file;
  ck_assert_int_eq(s3_atomic_file_open(path.text, &file), S3REC_OK);
  ck_assert_int_eq(s3_atomic_file_write(&file, "new", 3), S3REC_OK);
  assert_content(path.text, "old");
  ck_assert_uint_eq(test_file_count(), 2);
  s3_atomic_file_discard(&file);
  assert_content(path.text, "old");
  ck_assert_uint_eq(test_file_count(), 1);
  ck_assert_int_eq(unlink(path.text), 0);
  s3_atomic_file_discard(&file); /* nothing is left to do */
}
END_TEST

START_TEST(mode_follows_umask_or_the_old_file) {
  const test_path path = test_file("mode");
  const mode_t before = umask(027);
  ck_assert_int_eq(write_text(path.text, "a"), S3REC_OK);
  ck_assert_int_eq(mode_of(path.text), 0640);
  ck_assert_int_eq(umask(027), 027);
  ck_assert_int_eq(chmod(path.text, 0604), 0);
  ck_assert_int_eq(write_text(path.text, "b"), S3REC_OK);
  ck_assert_int_eq(mode_of(path.text), 0604);
  umask(before);
  ck_assert_int_eq(unlink(path.text), 0);
}
END_TEST

START_TEST(owner_stays_but_no_right_to_run_as_it) {
  const test_path path = test_file("owned");
  struct stat info;
  test_write(path.text, "a", 1);
  ck_assert_int_eq(chmod(path.text, 06755), 0);
  ck_assert_int_eq(write_text(path.text, "b"), S3REC_OK);
  ck_assert_int_eq(mode_of(path.text), 0755);
  if (geteuid() == 0) { /* another process may not give files away */
    ck_assert_int_eq(chown(path.text, 12345, 23456), 0);
    ck_assert_int_eq(chmod(path.text, 0640), 0);
    ck_assert_int_eq(write_text(path.text, "c"), S3REC_OK);
    ck_assert_int_eq(stat(path.text, &info), 0);
    ck_assert_uint_eq(info.st_uid, 12345);
    ck_assert_uint_eq(info.st_gid, 23456);
    ck_assert_int_eq(mode_of(path.text), 0640);
  }
  assert_content(path.text, geteuid() == 0 ? "c" : "b");
  ck_assert_int_eq(unlink(path.text), 0);
}
END_TEST

static void become(uid_t user, gid_t group, size_t count, const gid_t *others) {
  if (user == 0) ck_assert_int_eq(seteuid(0), 0);
  ck_assert_int_eq(setgroups(count, others), 0);
  ck_assert_int_eq(setegid(group), 0);
  if (user != 0) ck_assert_int_eq(seteuid(user), 0);
}

/* In a folder that a group shares: the old file is of one member, another one saves it. */
START_TEST(group_stays_where_the_owner_cannot) {
  if (geteuid() != 0) {
    test_skip("only root can be two users");
    return;
  }
  enum { OWNER = 12345, MEMBER = 12346, SHARED = 23456, OWN = 23457 };
  const test_path folder = test_file("all"), path = test_file("all/shared");
  const gid_t shared = SHARED, group = getegid();
  ck_assert_int_eq(mkdir(folder.text, 0777), 0);
  ck_assert_int_eq(chmod(folder.text, 0777), 0);
  ck_assert_int_eq(chmod(test_file("").text, 0711), 0);
  for (int member = 0; member <= 1; member++) {
    test_write(path.text, "a", 1);
    ck_assert_int_eq(chown(path.text, OWNER, SHARED), 0);
    ck_assert_int_eq(chmod(path.text, 0660), 0);
    become(MEMBER, OWN, (size_t)member, &shared);
    const s3rec_status status = write_text(path.text, "b");
    become(0, group, 0, NULL);
    ck_assert_msg(status == S3REC_OK, "%s", s3_error_text());
    struct stat info;
    ck_assert_int_eq(stat(path.text, &info), 0);
    ck_assert_uint_eq(info.st_uid, MEMBER);
    ck_assert_uint_eq(info.st_gid, member ? SHARED : OWN);
    ck_assert_int_eq(mode_of(path.text), 0660);
    ck_assert_int_eq(unlink(path.text), 0);
  }
  ck_assert_int_eq(rmdir(folder.text), 0);
}
END_TEST

START_TEST(long_name_and_relative_path) {
  char name[256];
  memset(name, 'n', 255);
  name[255] = '\0';
  const test_path path = test_file(name);
  ck_assert_int_eq(write_text(path.text, "long"), S3REC_OK);
  assert_content(path.text, "long");
  ck_assert_int_eq(unlink(path.text), 0);

  char *const before = realpath(".", NULL);
  const test_path folder = test_file("");
  ck_assert_int_eq(chdir(folder.text), 0);
  s3_atomic_file file;
  ck_assert_int_eq(s3_atomic_file_open("relative", &file), S3REC_OK);
  ck_assert_int_eq(chdir(before), 0); /* must not matter any more */
  free(before);
  ck_assert_int_eq(s3_atomic_file_write(&file, "here", 4), S3REC_OK);
  ck_assert_int_eq(s3_atomic_file_commit(&file), S3REC_OK);
  const test_path relative = test_file("relative");
  assert_content(relative.text, "here");
  ck_assert_int_eq(unlink(relative.text), 0);
}
END_TEST

static void assert_link(const char *path, const char *target) {
  char found[512];
  const ssize_t length = readlink(path, found, sizeof found - 1);
  ck_assert_int_gt(length, 0);
  found[length] = '\0';
  ck_assert_str_eq(found, target);
}

/* Links stay, and what they lead to is written, with its mode; also where nothing is yet. */
START_TEST(links_are_followed) {
  const test_path folder = test_file("folder"), file = test_file("folder/file");
  const test_path direct = test_file("direct"), chain = test_file("chain");
  const test_path round = test_file("round");
  ck_assert_int_eq(mkdir(folder.text, 0755), 0);
  ck_assert_int_eq(symlink("folder/file", direct.text), 0);
  ck_assert_int_eq(symlink(direct.text, chain.text), 0);
  ck_assert_int_eq(symlink("round", round.text), 0);
  ck_assert_int_eq(write_text(chain.text, "first"), S3REC_OK);
  assert_content(file.text, "first");
  ck_assert_int_eq(chmod(file.text, 0600), 0);
  ck_assert_int_eq(write_text(direct.text, "second"), S3REC_OK);
  assert_content(file.text, "second");
  ck_assert_int_eq(mode_of(file.text), 0600);
  assert_link(direct.text, "folder/file");
  assert_link(chain.text, direct.text);
  ck_assert_int_eq(write_text(round.text, "x"), S3REC_ERROR_IO);
  ck_assert_ptr_nonnull(strstr(s3_error_text(), "links lead nowhere"));
  ck_assert(s3_same_file(chain.text, file.text));
  ck_assert_int_eq(unlink(file.text), 0);
  ck_assert(s3_same_file(chain.text, file.text));
  ck_assert(!s3_same_file(round.text, round.text));
  ck_assert_int_eq(unlink(round.text), 0);
  ck_assert_int_eq(unlink(chain.text), 0);
  ck_assert_int_eq(unlink(direct.text), 0);
  ck_assert_int_eq(rmdir(folder.text), 0);
}
END_TEST

/* By what is there, and by where it would be. */
START_TEST(one_file_has_many_paths) {
  const test_path file = test_file("file"), dotted = test_file("./file");
  const test_path other = test_file("other"), none = test_file("none/file");
  ck_assert(s3_same_file(file.text, dotted.text));
  ck_assert(!s3_same_file(file.text, other.text));
  ck_assert(!s3_same_file(none.text, none.text));
  test_write(file.text, "x", 1);
  ck_assert(s3_same_file(file.text, dotted.text));
  ck_assert(!s3_same_file(file.text, other.text));
  ck_assert_int_eq(link(file.text, other.text), 0);
  ck_assert(s3_same_file(file.text, other.text));
  ck_assert(s3_same_file("a", "./a"));
  ck_assert(!s3_same_file("a", "/a"));
  ck_assert(!s3_same_file("a", "./b"));
  ck_assert(!s3_same_file("a", none.text)); /* there is no such folder */
  ck_assert(!s3_same_file(file.text, "/proc/version")); /* on another file system */
  char far[PATH_MAX + 1];
  memset(far, 'x', PATH_MAX);
  far[PATH_MAX] = '\0';
  ck_assert(!s3_same_file(far, "a"));
  ck_assert(!s3_same_file("a", far));
  ck_assert_int_eq(unlink(other.text), 0);
  ck_assert_int_eq(unlink(file.text), 0);
}
END_TEST

static void assert_refused(const char *path, const char *reason) {
  const size_t entries = test_file_count();
  ck_assert_int_eq(write_text(path, "x"), S3REC_ERROR_IO);
  ck_assert_msg(strstr(s3_error_text(), path) != NULL, "%s", s3_error_text());
  ck_assert_msg(strstr(s3_error_text(), reason) != NULL, "%s", s3_error_text());
  ck_assert_uint_eq(test_file_count(), entries);
}

/* As they are given, or once a link has made them longer. */
START_TEST(long_paths_are_refused) {
  char path[PATH_MAX + 1], link[200];
  memset(path, 'x', PATH_MAX);
  path[PATH_MAX] = '\0';
  ck_assert_int_eq(write_text(path, "x"), S3REC_ERROR_IO);
  ck_assert_ptr_nonnull(strstr(s3_error_text(), "xxx...: the path is too long"));
  memset(link, 'y', sizeof link);
  link[199] = '\0';
  const test_path folder = test_file(""), name = test_file("link");
  size_t at = strlen(folder.text);
  for (memcpy(path, folder.text, at); at < PATH_MAX - 100; at += 2) memcpy(path + at, "./", 2);
  strcpy(path + at, "link"); /* FOLDER/././././link */
  ck_assert_int_eq(symlink(link, name.text), 0);
  ck_assert_int_eq(write_text(path, "x"), S3REC_ERROR_IO);
  ck_assert_uint_eq(test_file_count(), 1); /* the link; its error text has no room for the reason */
  ck_assert_int_eq(unlink(name.text), 0);
}
END_TEST

/* A link that is named without a folder. */
START_TEST(links_of_this_folder) {
  char before[PATH_MAX];
  const test_path folder = test_file(""), file = test_file("file");
  ck_assert_ptr_nonnull(getcwd(before, sizeof before));
  ck_assert_int_eq(chdir(folder.text), 0);
  ck_assert_int_eq(symlink("file", "link"), 0);
  ck_assert_int_eq(write_text("link", "through it"), S3REC_OK);
  assert_content(file.text, "through it");
  ck_assert_int_eq(unlink("file"), 0);
  ck_assert_int_eq(unlink("link"), 0);
  ck_assert_int_eq(chdir(before), 0);
}
END_TEST

START_TEST(bad_targets_are_refused) {
  const test_path folder = test_file("folder"), none = test_file("none/file");
  const test_path slash = test_file("folder/"), pipe_path = test_file("pipe");
  ck_assert_int_eq(mkdir(folder.text, 0755), 0);
  ck_assert_int_eq(mkfifo(pipe_path.text, 0644), 0);
  assert_refused(folder.text, "not a regular file");
  assert_refused(pipe_path.text, "not a regular file");
  assert_refused(none.text, "No such file or directory");
  assert_refused(slash.text, "file name is missing");
  assert_refused("", "file name is missing");
  char long_name[300];
  memset(long_name, 'n', sizeof long_name);
  long_name[299] = '\0'; /* that of the temporary file is not as long */
  assert_refused(test_file(long_name).text, "cannot examine: File name too long");
  assert_refused("/dev/null", "not a regular file"); /* as root this would be a disaster */
  ck_assert_int_eq(unlink(pipe_path.text), 0);
  ck_assert_int_eq(rmdir(folder.text), 0);
}
END_TEST

/* A limit on the file size is a full disk that works for root too. */
START_TEST(failed_write_keeps_the_old_file) {
  const test_path path = test_file("limited");
  test_write(path.text, "old", 3);
  struct rlimit before;
  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
  const struct rlimit small = {.rlim_cur = 10, .rlim_max = before.rlim_max};
  void (*const handler)(int) = signal(SIGXFSZ, SIG_IGN);
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
  const s3rec_status status = write_text(path.text, "a text of more than ten bytes");
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, handler);
  ck_assert_int_eq(status, S3REC_ERROR_IO);
  ck_assert_msg(strstr(s3_error_text(), "File too large") != NULL, "%s", s3_error_text());
  assert_content(path.text, "old");
  ck_assert_uint_eq(test_file_count(), 1);
  ck_assert_int_eq(unlink(path.text), 0);
}
END_TEST

START_TEST(failed_rename_leaves_nothing) {
  const test_path path = test_file("target");
  s3_atomic_file file;
  ck_assert_int_eq(s3_atomic_file_open(path.text, &file), S3REC_OK);
  ck_assert_int_eq(mkdir(path.text, 0755), 0);
  ck_assert_int_eq(s3_atomic_file_commit(&file), S3REC_ERROR_IO);
  ck_assert_ptr_nonnull(strstr(s3_error_text(), "Is a directory"));
  ck_assert_uint_eq(test_file_count(), 1);
  ck_assert_int_eq(rmdir(path.text), 0);
}
END_TEST

static s3rec_status read_back(const char *path, const char *expected) {
  char *bytes;
  size_t count;
  S3_TRY(s3_file_read(context, path, &bytes, &count));
  ck_assert_uint_eq(count, strlen(expected));
  ck_assert_str_eq(bytes, expected);
  s3_free(context, bytes);
  return S3REC_OK;
}

START_TEST(reads_whole_files) {
  const test_path path = test_file("read");
  test_write(path.text, "", 0);
  ck_assert_int_eq(read_back(path.text, ""), S3REC_OK);
  test_write(path.text, "some\r\ntext", 10);
  ck_assert_int_eq(read_back(path.text, "some\r\ntext"), S3REC_OK);
  ck_assert_int_eq(unlink(path.text), 0);
  char *bytes;
  size_t count; /* announces 0 bytes and has more */
  ck_assert_int_eq(s3_file_read(context, "/proc/self/status", &bytes, &count), S3REC_OK);
  ck_assert_uint_gt(count, 0);
  ck_assert_uint_eq(strlen(bytes), count);
  s3_free(context, bytes);
}
END_TEST

START_TEST(reads_pipes) {
  enum { COUNT = 30000 }; /* several steps of growth, below a pipe's capacity */
  static char text[COUNT + 1];
  memset(text, 'p', COUNT);
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  ck_assert_int_eq(write(ends[1], text, COUNT), COUNT);
  ck_assert_int_eq(close(ends[1]), 0);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
  ck_assert_int_eq(read_back(path, text), S3REC_OK);
  close(ends[0]);
}
END_TEST

START_TEST(read_errors_name_path_and_reason) {
  char *bytes = (char *)"untouched";
  size_t count = 7;
  const test_path folder = test_file(""), none = test_file("none");
  ck_assert_int_eq(s3_file_read(context, none.text, &bytes, &count), S3REC_ERROR_IO);
  ck_assert_ptr_nonnull(strstr(s3_error_text(), none.text));
  ck_assert_ptr_nonnull(strstr(s3_error_text(), "No such file or directory"));
  ck_assert_int_eq(s3_file_read(context, folder.text, &bytes, &count), S3REC_ERROR_IO);
  ck_assert_ptr_nonnull(strstr(s3_error_text(), "Is a directory"));
  ck_assert_str_eq(bytes, "untouched");
  ck_assert_uint_eq(count, 7);
}
END_TEST

static s3rec_status write_and_read(void *argument) {
  const char *const path = argument;
  S3_TRY(write_text(path, "content"));
  return read_back(path, "content");
}

/* A pipe that holds more than the first memory that is taken for one. */
static s3rec_status read_long_pipe(void *argument) {
  const char *const text = argument;
  const size_t count = strlen(text);
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  ck_assert_int_ge(fcntl(ends[1], F_SETPIPE_SZ, 1 << 18), 1 << 18);
  ck_assert_int_eq(write(ends[1], text, count), (ssize_t)count);
  ck_assert_int_eq(close(ends[1]), 0);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
  const s3rec_status status = read_back(path, text);
  close(ends[0]);
  return status;
}

START_TEST(long_pipes_without_memory) {
  enum { COUNT = 200000 };
  char *const text = malloc(COUNT + 1);
  memset(text, 'p', COUNT);
  text[COUNT] = '\0';
  ck_assert_uint_ge(test_every_allocation_fails(&hooks, read_long_pipe, text), 3);
  for (size_t count = 65540; count >= 65536; count--) { /* where memory for the NUL may lack */
    text[count] = '\0';
    ck_assert_uint_ge(test_every_allocation_fails(&hooks, read_long_pipe, text), 2);
  }
  free(text);
}
END_TEST

START_TEST(survives_missing_memory) {
  test_path path = test_file("memory");
  ck_assert_uint_ge(test_every_allocation_fails(&hooks, write_and_read, path.text), 1);
  ck_assert_uint_eq(test_file_count(), 1);
  ck_assert_int_eq(unlink(path.text), 0);
}
END_TEST

TEST_SUITE(base_file) {
  TCase *writing = tcase_create("writing"), *reading = tcase_create("reading");
  tcase_add_checked_fixture(writing, set_up, tear_down);
  tcase_add_checked_fixture(reading, set_up, tear_down);
  tcase_add_test(writing, writes_and_replaces);
  tcase_add_test(writing, nothing_is_seen_before_commit);
  tcase_add_test(writing, mode_follows_umask_or_the_old_file);
  tcase_add_test(writing, owner_stays_but_no_right_to_run_as_it);
  tcase_add_test(writing, group_stays_where_the_owner_cannot);
  tcase_add_test(writing, long_name_and_relative_path);
  tcase_add_test(writing, bad_targets_are_refused);
  tcase_add_test(writing, long_paths_are_refused);
  tcase_add_test(writing, links_of_this_folder);
  tcase_add_test(writing, links_are_followed);
  tcase_add_test(writing, one_file_has_many_paths);
  tcase_add_test(writing, failed_write_keeps_the_old_file);
  tcase_add_test(writing, failed_rename_leaves_nothing);
  tcase_add_test(reading, reads_whole_files);
  tcase_add_test(reading, reads_pipes);
  tcase_add_test(reading, read_errors_name_path_and_reason);
  tcase_add_test(reading, long_pipes_without_memory);
  tcase_add_test(reading, survives_missing_memory);
  test_add_cases(suite, writing, reading, NULL);
}
