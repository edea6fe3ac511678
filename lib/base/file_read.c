/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file_read.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

static s3rec_status fail_file_size(const s3rec_context *context, const char *path) {
  return s3_fail(S3REC_ERROR_LIMIT,
                 "%s: the file has more than %" PRIu64 " bytes, the limit (s3rec_limits.file_bytes)",
                 path, context->limits.file_bytes);
}

/* Makes room for one more byte than the file may have, so that a longer one is seen, and for a
 * NUL. What a file announces is taken at once, and its pages are not touched before they are read
 * to; a file that announces nothing gets as much again as it has given so far. */
static s3rec_status make_room(const s3rec_context *context, size_t announced, char **buffer,
                              size_t *capacity, size_t length) {
  enum { FIRST = 65536 };
  if (*capacity - length > 1) return S3REC_OK;
  const uint64_t most = context->limits.file_bytes + 2;
  size_t wanted = announced + 2;
  if (length + 1 >= wanted) wanted = length < FIRST ? FIRST : 2 * length;
  if (wanted > most) wanted = (size_t)most;
  char *const grown = s3_allocate_unset(context, wanted, 1);
  if (grown == NULL) return S3REC_ERROR_MEMORY;
  if (length > 0) memcpy(grown, *buffer, length);
  s3_free(context, *buffer);
  *buffer = grown;
  *capacity = wanted;
  return S3REC_OK;
}

static s3rec_status read_some(const char *path, int descriptor, char *bytes, size_t capacity,
                              size_t *count) {
  ssize_t got;
  do {
    got = read(descriptor, bytes, capacity);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return s3_fail_errno(path, "read");
  *count = (size_t)got;
  return S3REC_OK;
}

/* Reads to the end whatever the announced size is: files under /proc announce 0, pipes nothing. */
static s3rec_status read_all(const s3rec_context *context, const char *path, int descriptor,
                             char **bytes, size_t *length) {
  struct stat info;
  if (fstat(descriptor, &info) != 0) return s3_fail_errno(path, "examine");
  const bool regular = S_ISREG(info.st_mode);
  const uint64_t announced = regular ? (uint64_t)info.st_size : 0;
  if (announced > context->limits.file_bytes) return fail_file_size(context, path);
  if (announced >= SIZE_MAX - 2)
    return s3_fail(S3REC_ERROR_MEMORY, "%s: the file exceeds the address space", path);
  size_t capacity = 0, got = 0;
  do {
    S3_TRY(make_room(context, (size_t)announced, bytes, &capacity, *length));
    S3_TRY(read_some(path, descriptor, *bytes + *length, capacity - 1 - *length, &got));
    const char *const begin = *bytes + *length;
    *length += got;
    if (*length > context->limits.file_bytes) return fail_file_size(context, path);
    if (!regular && memchr(begin, '\0', got) != NULL) break;
  } while (got > 0);
  if (*length < announced)
    return s3_fail(S3REC_ERROR_IO, "%s: became shorter while it was read", path);
  (*bytes)[*length] = '\0';
  return S3REC_OK;
}

s3rec_status s3_text_file_read(const s3rec_context *context, const char *path, char **bytes,
                               size_t *count) {
  int descriptor;
  do {
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) return s3_fail_errno(path, "open");
  char *read = NULL;
  size_t length = 0;
  const s3rec_status status = read_all(context, path, descriptor, &read, &length);
  close(descriptor);
  if (status != S3REC_OK) {
    s3_free(context, read);
    return status;
  }
  *bytes = read;
  *count = length;
  return S3REC_OK;
}
