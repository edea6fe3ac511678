/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

/* Reads to the end whatever the announced size is: files under /proc announce
 * 0, pipes nothing. */
static s3rec_status read_all(const s3rec_context *context, const char *path, int descriptor,
                             char **bytes, size_t *count) {
  struct stat info;
  if (fstat(descriptor, &info) != 0) return s3_fail_errno(path, "examine");
  const uintmax_t announced = S_ISREG(info.st_mode) ? (uintmax_t)info.st_size : 0;
  if (announced >= SIZE_MAX - 2) {
    return s3_fail(S3REC_ERROR_MEMORY, "%s: the file exceeds the address space", path);
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
