/* SPDX-License-Identifier: Apache-2.0 */
#include "support/files.h"

#include <check.h>
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256];

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place) {
  (void)info;
  (void)kind;
  (void)place;
  return remove(path);
}

static void remove_folder(void) { nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS); }

test_path test_file(const char *name) {
  if (folder[0] == '\0') {
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/s3rec-test-XXXXXX", parent != NULL ? parent : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    atexit(remove_folder);
  }
  test_path path;
  snprintf(path.text, sizeof path.text, "%s/%s", folder, name);
  return path;
}

void test_write(const char *path, const void *bytes, size_t count) {
  unlink(path); /* some file systems sync a file that is truncated and written anew */
  FILE *const file = fopen(path, "wb");
  ck_assert_msg(file != NULL, "cannot write %s", path);
  ck_assert_uint_eq(fwrite(bytes, 1, count, file), count);
  ck_assert_int_eq(fclose(file), 0);
}

char *test_read(const char *path, size_t *count) {
  FILE *const file = fopen(path, "rb");
  ck_assert_msg(file != NULL, "cannot read %s", path);
  ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
  *count = (size_t)ftell(file);
  rewind(file);
  char *const bytes = malloc(*count + 1);
  ck_assert_ptr_nonnull(bytes);
  ck_assert_uint_eq(fread(bytes, 1, *count, file), *count);
  bytes[*count] = '\0';
  fclose(file);
  return bytes;
}

size_t test_file_count(void) {
  size_t count = 0;
  DIR *const stream = opendir(folder);
  ck_assert_ptr_nonnull(stream);
  while (readdir(stream) != NULL) count++;
  closedir(stream);
  return count - 2; /* "." and ".." */
}
