/* SPDX-License-Identifier: Apache-2.0 */
/* base/atomic_file.h: the temporary file. What a kill leaves goes at the next save; several
 * processes save one file at once; what somebody else has put at its name does no harm. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "support/files.h"
#include "support/suite.h"

enum { NAMES = 16, BLOCK = 70000 };

static s3rec_status write_block(const char *path, char letter) {
  static char block[BLOCK];
  s3_atomic_file file;
  memset(block, letter, sizeof block);
  S3_TRY(s3_atomic_file_open(path, &file));
  s3rec_status status = s3_atomic_file_write(&file, block, sizeof block / 2);
  if (status == S3REC_OK)
    status = s3_atomic_file_write(&file, block + sizeof block / 2, sizeof block / 2);
  if (status == S3REC_OK) return s3_atomic_file_commit(&file);
  s3_atomic_file_discard(&file);
  return status;
}

/* The letter of a whole file. */
static char letter_of(const char *path) {
  size_t count;
  char *const bytes = test_read(path, &count);
  ck_assert_uint_eq(count, BLOCK);
  const char letter = bytes[0];
  for (size_t i = 0; i < count; i++) ck_assert_int_eq(bytes[i], letter);
  free(bytes);
  return letter;
}

static void assert_saves(const char *path, char letter) {
  ck_assert_msg(write_block(path, letter) == S3REC_OK, "%s", s3_error_text());
  ck_assert_int_eq(letter_of(path), letter);
}

/* The n-th temporary file of `target`. */
static test_path temporary_of(const char *target, int number) {
  char name[128], count[16] = "";
  if (number > 1) snprintf(count, sizeof count, "-%d", number);
  snprintf(name, sizeof name, ".%s.s3rec-tmp%s", target, count);
  return test_file(name);
}

static bool is_there(const char *path) {
  struct stat info;
  return lstat(path, &info) == 0;
}

START_TEST(left_over_files_go) {
  const test_path path = test_file("saved");
  const mode_t modes[] = {0644, 0000, 0400, 0777};
  for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
    const int numbers[] = {1, 2, 9, NAMES};
    for (size_t j = 0; j < sizeof numbers / sizeof numbers[0]; j++) {
      const test_path left = temporary_of("saved", numbers[j]);
      test_write(left.text, "half of a fi", 12);
      ck_assert_int_eq(chmod(left.text, modes[i]), 0);
    }
    assert_saves(path.text, (char)('a' + i));
    struct stat info;
    ck_assert_int_eq(stat(path.text, &info), 0);
    ck_assert_int_eq(info.st_mode & 0777, 0644); /* not that of what was left over */
    ck_assert_uint_eq(test_file_count(), 1);
  }
  ck_assert_int_eq(unlink(path.text), 0);
}
END_TEST

/* Begins to save and stops in the middle; the pipe is closed when it has begun. */
static pid_t start_slow_writer(const char *path) {
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  const pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    s3_atomic_file file;
    if (s3_atomic_file_open(path, &file) == S3REC_OK &&
        s3_atomic_file_write(&file, "half", 4) == S3REC_OK && write(ends[1], "x", 1) == 1)
      pause();
    _exit(1);
  }
  char byte;
  close(ends[1]);
  ck_assert_int_eq(read(ends[0], &byte, 1), 1);
  close(ends[0]);
  return child;
}

static void kill_writer(pid_t child) {
  int status;
  ck_assert_int_eq(kill(child, SIGKILL), 0);
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

START_TEST(another_writer_has_its_own_name) {
  const test_path path = test_file("shared");
  const pid_t first = start_slow_writer(path.text), second = start_slow_writer(path.text);
  for (int number = 1; number <= 2; number++)
    ck_assert(is_there(temporary_of("shared", number).text));
  assert_saves(path.text, 'a');
  ck_assert_uint_eq(test_file_count(), 3);
  kill_writer(first);
  assert_saves(path.text, 'b');
  ck_assert_uint_eq(test_file_count(), 2);
  ck_assert(is_there(temporary_of("shared", 2).text)); /* locked still */
  kill_writer(second);
  ck_assert_uint_eq(test_file_count(), 2);
  assert_saves(path.text, 'c');
  ck_assert_uint_eq(test_file_count(), 1);
  ck_assert_int_eq(unlink(path.text), 0);
}
END_TEST

START_TEST(a_process_may_save_twice_at_once) {
  const test_path path = test_file("twice");
  s3_atomic_file files[NAMES + 2]; /* the last two have random names */
  for (int i = 0; i < NAMES + 2; i++) {
    ck_assert_int_eq(s3_atomic_file_open(path.text, &files[i]), S3REC_OK);
    ck_assert_int_eq(s3_atomic_file_write(&files[i], &(char){(char)('a' + i)}, 1), S3REC_OK);
    ck_assert_uint_eq(test_file_count(), (unsigned)i + 1);
  }
  ck_assert_int_eq(strncmp(files[NAMES].temporary, ".s3rec-", 7), 0);
  for (int i = NAMES + 1; i >= 0; i--) {
    ck_assert_int_eq(s3_atomic_file_commit(&files[i]), S3REC_OK);
    size_t count;
    char *const bytes = test_read(path.text, &count);
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(bytes[0], 'a' + i);
    free(bytes);
  }
  ck_assert_uint_eq(test_file_count(), 1);
  ck_assert_int_eq(unlink(path.text), 0);
}
END_TEST

static void plant_socket(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  ck_assert_uint_lt(strlen(path), sizeof address.sun_path);
  strcpy(address.sun_path, path);
  const int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
  ck_assert_int_eq(bind(descriptor, (struct sockaddr *)&address, sizeof address), 0);
  close(descriptor);
}

/* Whatever is at the name of the temporary file: the save succeeds, and nothing else is written.
 * What is no regular file stays; it was not made here. */
START_TEST(planted_names_do_no_harm) {
  const test_path path = test_file("aim"), victim = test_file("victim"), none = test_file("none");
  const test_path name = temporary_of("aim", 1);
  test_write(victim.text, "precious", 8);
  assert_saves(path.text, 'a');
  for (int kind = 0; kind < 7; kind++) {
    const bool stays = kind < 5;
    switch (kind) {
      case 0: ck_assert_int_eq(symlink(victim.text, name.text), 0); break;
      case 1: ck_assert_int_eq(symlink(none.text, name.text), 0); break;
      case 2: ck_assert_int_eq(mkfifo(name.text, 0666), 0); break;
      case 3: ck_assert_int_eq(mkdir(name.text, 0777), 0); break;
      case 4: plant_socket(name.text); break;
      case 5: ck_assert_int_eq(link(victim.text, name.text), 0); break;
      default: ck_assert_int_eq(link(path.text, name.text), 0); /* the target itself */
    }
    assert_saves(path.text, (char)('b' + kind));
    ck_assert_int_eq(is_there(name.text), stays);
    ck_assert_uint_eq(test_file_count(), stays ? 3 : 2);
    ck_assert(!is_there(none.text));
    if (stays) ck_assert_int_eq(remove(name.text), 0);
    size_t count;
    char *const bytes = test_read(victim.text, &count);
    ck_assert_str_eq(bytes, "precious");
    free(bytes);
  }
  ck_assert_int_eq(unlink(victim.text), 0);
  ck_assert_int_eq(unlink(path.text), 0);
}
END_TEST

/* Where every name is taken, a random one serves. */
START_TEST(all_names_may_be_taken) {
  const test_path path = test_file("full");
  for (int number = 1; number <= NAMES; number++)
    ck_assert_int_eq(mkdir(temporary_of("full", number).text, 0777), 0);
  assert_saves(path.text, 'a');
  ck_assert_uint_eq(test_file_count(), NAMES + 1);
  for (int number = 1; number <= NAMES; number++)
    ck_assert_int_eq(rmdir(temporary_of("full", number).text), 0);
  ck_assert_int_eq(unlink(path.text), 0);
}
END_TEST

/* In a folder of all users, files of another user can be locked or not, and not removed. */
START_TEST(files_of_another_user_stay) {
  const test_path root = test_file(""), folder = test_file("all"), path = test_file("all/mine");
  const test_path first = test_file("all/.mine.s3rec-tmp");
  const test_path next = test_file("all/.mine.s3rec-tmp-2");
  if (geteuid() != 0) {
    test_skip("only root can be two users");
    return;
  }
  ck_assert_int_eq(mkdir(folder.text, 0777), 0);
  ck_assert_int_eq(chmod(folder.text, 01777), 0);
  ck_assert_int_eq(chmod(root.text, 0711), 0);
  test_write(first.text, "private", 7);
  ck_assert_int_eq(chmod(first.text, 0600), 0);
  test_write(next.text, "open to all", 11);
  ck_assert_int_eq(chmod(next.text, 0666), 0);
  const pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) _exit(setuid(65534) == 0 && write_block(path.text, 'a') == S3REC_OK ? 0 : 1);
  int status;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  ck_assert_int_eq(letter_of(path.text), 'a');
  ck_assert(is_there(first.text) && is_there(next.text));
  /* The folder's owner may remove them. The file keeps its owner. */
  assert_saves(path.text, 'b');
  struct stat info;
  ck_assert_int_eq(stat(path.text, &info), 0);
  ck_assert_uint_eq(info.st_uid, 65534);
  ck_assert(!is_there(first.text) && !is_there(next.text));
  ck_assert_int_eq(unlink(path.text), 0);
  ck_assert_int_eq(rmdir(folder.text), 0); /* nothing else was in it */
  ck_assert_int_eq(chmod(root.text, 0700), 0);
}
END_TEST

/* Names of every length, with what a kill has left; long ones that differ only at the end. */
START_TEST(long_names_have_one_temporary_too) {
  const size_t lengths[] = {1, 99, 100, 101, 240, 241, 242, 254, 255};
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    char name[256];
    memset(name, 'n', lengths[i]);
    name[lengths[i]] = '\0';
    const test_path path = test_file(name);
    name[lengths[i] - 1] = 'm';
    const test_path other = test_file(name);
    kill_writer(start_slow_writer(path.text));
    kill_writer(start_slow_writer(other.text));
    ck_assert_uint_eq(test_file_count(), 2);
    assert_saves(path.text, 'a');
    ck_assert_uint_eq(test_file_count(), 2); /* that of the other name is not touched */
    assert_saves(other.text, 'b');
    ck_assert_uint_eq(test_file_count(), 2);
    ck_assert_int_eq(unlink(path.text), 0);
    ck_assert_int_eq(unlink(other.text), 0);
  }
}
END_TEST

/* Somebody cleans up while a file is written; another one makes a file of that name. */
START_TEST(a_temporary_that_was_removed) {
  const test_path path = test_file("cleaned"), name = temporary_of("cleaned", 1);
  assert_saves(path.text, 'a');
  for (int again = 0; again < 2; again++) {
    s3_atomic_file file;
    ck_assert_int_eq(s3_atomic_file_open(path.text, &file), S3REC_OK);
    ck_assert_int_eq(s3_atomic_file_write(&file, "new", 3), S3REC_OK);
    ck_assert_int_eq(unlink(name.text), 0);
    if (again == 1) test_write(name.text, "of another writer", 17);
    ck_assert_int_eq(s3_atomic_file_commit(&file), S3REC_ERROR_IO);
    ck_assert_msg(strstr(s3_error_text(), "was removed meanwhile") != NULL, "%s", s3_error_text());
    ck_assert_int_eq(letter_of(path.text), 'a');
    ck_assert_uint_eq(test_file_count(), again == 1 ? 2 : 1);
  }
  assert_saves(path.text, 'b');
  ck_assert_uint_eq(test_file_count(), 1);
  ck_assert_int_eq(unlink(path.text), 0);
}
END_TEST

START_TEST(names_of_temporaries_are_refused) {
  const char *const refused[] = {".a.s3rec-tmp", ".a.s3rec-tmp-2", ".s3rec-tmp",
                                 ".a.s3rec-tmpx.s3rec-tmp"};
  const char *const fine[] = {"a.s3rec-tmp", ".a.s3rec-tmpx", ".a.s3rec", "a.s3rec-tmpx"};
  for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
    ck_assert_int_eq(write_block(test_file(refused[i]).text, 'a'), S3REC_ERROR_IO);
    ck_assert_ptr_nonnull(strstr(s3_error_text(), "temporary files"));
    ck_assert_uint_eq(test_file_count(), 0);
    assert_saves(test_file(fine[i]).text, 'a');
    ck_assert_int_eq(unlink(test_file(fine[i]).text), 0);
  }
}
END_TEST

enum { WRITERS = 8, SAVES = 200, ROUNDS = 40 };

static pid_t start_writer(const char *path, char letter, int saves) {
  const pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child > 0) return child;
  for (int i = 0; i < saves; i++)
    if (write_block(path, letter) != S3REC_OK) {
      fprintf(stderr, "%s\n", s3_error_text());
      _exit(1);
    }
  _exit(0);
}

START_TEST(many_processes_save_one_file) {
  const test_path path = test_file("crowd");
  assert_saves(path.text, 'z');
  for (int i = 0; i < WRITERS; i++) start_writer(path.text, (char)('a' + i), SAVES);
  for (int running = WRITERS; running > 0;) {
    int status;
    letter_of(path.text); /* whole at any moment */
    const pid_t ended = waitpid(-1, &status, WNOHANG);
    ck_assert_int_ge(ended, 0);
    if (ended == 0) continue;
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    running--;
  }
  ck_assert_uint_eq(test_file_count(), 1);
  ck_assert_int_eq(unlink(path.text), 0);
}
END_TEST

/* As above, but the writers are killed while they write. */
START_TEST(killed_writers_leave_nothing_for_long) {
  const test_path path = test_file("killed");
  assert_saves(path.text, 'z');
  for (int round = 0; round < ROUNDS; round++) {
    pid_t children[4];
    for (int i = 0; i < 4; i++) children[i] = start_writer(path.text, (char)('a' + i), 1000000);
    for (int i = 0; i < 4; i++) {
      usleep((useconds_t)(1 + round * 37 % 11) * 300);
      kill_writer(children[i]);
      letter_of(path.text);
    }
    ck_assert_uint_le(test_file_count(), 5); /* never more than there were writers */
  }
  assert_saves(path.text, 'y');
  ck_assert_uint_eq(test_file_count(), 1);
  ck_assert_int_eq(unlink(path.text), 0);
}
END_TEST

TEST_SUITE(base_temporary) {
  TCase *cases = tcase_create("names"), *crowds = tcase_create("crowds");
  tcase_add_test(cases, left_over_files_go);
  tcase_add_test(cases, another_writer_has_its_own_name);
  tcase_add_test(cases, a_process_may_save_twice_at_once);
  tcase_add_test(cases, planted_names_do_no_harm);
  tcase_add_test(cases, all_names_may_be_taken);
  tcase_add_test(cases, files_of_another_user_stay);
  tcase_add_test(cases, long_names_have_one_temporary_too);
  tcase_add_test(cases, a_temporary_that_was_removed);
  tcase_add_test(cases, names_of_temporaries_are_refused);
  tcase_add_test(crowds, many_processes_save_one_file);
  tcase_add_test(crowds, killed_writers_leave_nothing_for_long);
  test_add_cases(suite, cases, crowds, NULL);
}
