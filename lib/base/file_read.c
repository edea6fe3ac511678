/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file_read.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

/* Memory for a pipe starts with this and doubles. */
enum { FIRST_CAPACITY = 1 << 16 };

static s3rec_status refuse_device(const char *path, const struct stat *info) {
  if (!S_ISCHR(info->st_mode) && !S_ISBLK(info->st_mode)) return S3REC_OK;
  return s3_fail(S3REC_ERROR_IO, "%s: cannot read: a device, must be a file or a pipe", path);
}

/* The path may mean another file when it is opened, so both are looked at. */
s3rec_status s3_file_open(const char *path, s3_open_file *file) {
  struct stat info;
  if (stat(path, &info) == 0) S3_TRY(refuse_device(path, &info));
  int descriptor;
  do {
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) return s3_fail_errno(path, "open");
  s3rec_status status = S3REC_OK;
  if (fstat(descriptor, &info) != 0)
    status = s3_fail_errno(path, "examine");
  else
    status = refuse_device(path, &info);
  if (status != S3REC_OK) {
    close(descriptor);
    return status;
  }
  const bool regular = S_ISREG(info.st_mode) && info.st_size > 0;
  *file = (s3_open_file){descriptor, regular, regular ? (uint64_t)info.st_size : 0};
  return S3REC_OK;
}

s3rec_status s3_file_next(const char *path, int descriptor, void *bytes, size_t count,
                          size_t *got) {
  for (*got = 0; *got < count;) {
    const ssize_t more = read(descriptor, (char *)bytes + *got, count - *got);
    if (more == 0) break;
    if (more > 0)
      *got += (size_t)more;
    else if (errno != EINTR)
      return s3_fail_errno(path, "read");
  }
  return S3REC_OK;
}

s3rec_status s3_file_reserve(const s3rec_context *context, size_t count, void **bytes,
                             size_t *capacity, size_t length) {
  if (count <= *capacity) return S3REC_OK;
  void *const grown = s3_allocate_unset(context, count, 1);
  if (grown == NULL) return S3REC_ERROR_MEMORY;
  if (length > 0) memcpy(grown, *bytes, length);
  s3_free(context, *bytes);
  *bytes = grown;
  *capacity = count;
  return S3REC_OK;
}

s3rec_status s3_file_append(const s3rec_context *context, const char *path, int descriptor,
                            size_t count, void **bytes, size_t *capacity, size_t *length) {
  while (count > 0) {
    const size_t more = *length > FIRST_CAPACITY ? *length : FIRST_CAPACITY;
    if (*length == *capacity)
      S3_TRY(s3_file_reserve(context, *length + more, bytes, capacity, *length));
    const size_t room = *capacity - *length, wanted = count < room ? count : room;
    size_t got;
    S3_TRY(s3_file_next(path, descriptor, (char *)*bytes + *length, wanted, &got));
    *length += got;
    count -= got;
    if (got < wanted) break;
  }
  return S3REC_OK;
}

s3rec_status s3_file_fail_size(const s3rec_context *context, const char *path) {
  return s3_fail(S3REC_ERROR_LIMIT,
                 "%s: the file has more than %" PRIu64
                 " bytes, the limit (s3rec_limits.file_bytes)",
                 path, context->limits.file_bytes);
}

/* Reads to the end whatever the announced size is. */
static s3rec_status read_all(const s3rec_context *context, const char *path,
                             const s3_open_file *file, void **buffer, size_t *length) {
  const uint64_t limit = context->limits.file_bytes;
  if (file->byte_count > limit) return s3_file_fail_size(context, path);
  if (file->byte_count >= SIZE_MAX - 2)
    return s3_fail(S3REC_ERROR_MEMORY, "%s: the file exceeds the address space", path);
  /* one byte for the NUL, one to see the end without growing */
  size_t capacity = 0;
  S3_TRY(s3_file_reserve(context, (size_t)file->byte_count + 2, buffer, &capacity, 0));
  const size_t most = limit < SIZE_MAX - 2 ? (size_t)limit + 1 : SIZE_MAX - 1;
  S3_TRY(s3_file_append(context, path, file->descriptor, most, buffer, &capacity, length));
  if (*length > limit) return s3_file_fail_size(context, path);
  if (*length < file->byte_count)
    return s3_fail(S3REC_ERROR_IO, "%s: became shorter while it was read", path);
  S3_TRY(s3_file_reserve(context, *length + 1, buffer, &capacity, *length));
  ((char *)*buffer)[*length] = '\0';
  return S3REC_OK;
}

s3rec_status s3_file_read(const s3rec_context *context, const char *path, char **bytes,
                          size_t *count) {
  s3_open_file file;
  void *buffer = NULL;
  size_t length = 0;
  S3_TRY(s3_file_open(path, &file));
  const s3rec_status status = read_all(context, path, &file, &buffer, &length);
  close(file.descriptor);
  if (status != S3REC_OK) {
    s3_free(context, buffer);
    return status;
  }
  *bytes = buffer;
  *count = length;
  return S3REC_OK;
}
