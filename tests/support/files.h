/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a test: one new folder for each program, removed at its end. */
#ifndef S3_TESTS_SUPPORT_FILES_H
#define S3_TESTS_SUPPORT_FILES_H

#include <stddef.h>

typedef struct test_path {
  char text[512];
} test_path;

/* `name` in the program's folder, which the first call makes. */
test_path test_file(const char *name);

void test_write(const char *path, const void *bytes, size_t count);
/* The whole file with a NUL after it, to be freed. */
char *test_read(const char *path, size_t *count);
/* Entries of the program's folder, to see that nothing was left over. */
size_t test_file_count(void);

#endif
