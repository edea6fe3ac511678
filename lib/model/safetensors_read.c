/* SPDX-License-Identifier: Apache-2.0 */
#include "model/safetensors.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/file_read.h"
#include "model/safetensors_header.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tensors are copied as they lie in the file, which is little-endian"
#endif

enum { LENGTH_SIZE = 8 };

struct s3_safetensors {
  const s3rec_context *context;
  char *path;
  int descriptor;   /* of a regular file, else -1 */
  void *text;       /* of the header, unpacked */
  s3_header header; /* what is in it */
  void *data;       /* all tensors, NULL where they stay in the file */
  size_t data_begin;
};

/* A header that was announced must be in the file, as far as that tells its size. */
static s3rec_status check_header_length(const s3_safetensors *file, const s3_open_file *open_file,
                                        uint64_t length) {
  const uint64_t limit = file->context->limits.header_bytes;
  const uint64_t rest = open_file->byte_count - LENGTH_SIZE;
  if (open_file->regular && length > rest)
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s: not a safetensors file: header of %" PRIu64
                   " bytes, but the file has %" PRIu64 " more",
                   file->path, length, rest);
  if (length > S3_SAFETENSORS_MAXIMUM_HEADER)
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s: not a safetensors file: header of %" PRIu64
                   " bytes, but at most %d are allowed",
                   file->path, length, S3_SAFETENSORS_MAXIMUM_HEADER);
  if (length > limit)
    return s3_fail(S3REC_ERROR_LIMIT,
                   "%s: header of %" PRIu64
                   " bytes, but s3rec_limits.header_bytes is %" PRIu64,
                   file->path, length, limit);
  return S3REC_OK;
}

static s3rec_status read_header_length(const s3_safetensors *file, const s3_open_file *open_file,
                                       size_t *length) {
  unsigned char bytes[LENGTH_SIZE];
  size_t got;
  uint64_t announced = 0;
  S3_TRY(s3_file_next(file->path, open_file->descriptor, bytes, LENGTH_SIZE, &got));
  if (got < LENGTH_SIZE)
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s: not a safetensors file: %zu bytes, but the length of the header takes %d",
                   file->path, got, LENGTH_SIZE);
  for (int i = 0; i < LENGTH_SIZE; i++) announced |= (uint64_t)bytes[i] << (8 * i);
  S3_TRY(check_header_length(file, open_file, announced));
  *length = (size_t)announced;
  return S3REC_OK;
}

/* With a NUL after it. A pipe's takes memory only as it comes. */
static s3rec_status read_header_text(s3_safetensors *file, const s3_open_file *open_file,
                                     size_t length) {
  const s3rec_context *const context = file->context;
  size_t capacity = 0, got = 0;
  if (open_file->regular)
    S3_TRY(s3_file_reserve(context, length + 1, &file->text, &capacity, 0));
  S3_TRY(s3_file_append(context, file->path, open_file->descriptor, length, &file->text, &capacity,
                        &got));
  if (got < length)
    return s3_fail(open_file->regular ? S3REC_ERROR_IO : S3REC_ERROR_FORMAT,
                   "%s: header of %zu bytes, but the file ended after %zu", file->path, length,
                   got);
  S3_TRY(s3_file_reserve(context, length + 1, &file->text, &capacity, length));
  ((char *)file->text)[length] = '\0';
  return S3REC_OK;
}

/* The tensors of a pipe, which tells only now how many bytes it has. What its header claims is not
 * read beyond limits.file_bytes. */
static s3rec_status read_pipe_data(s3_safetensors *file, const s3_open_file *open_file,
                                   size_t *data_size) {
  const s3_tensor *const tensors = file->header.tensors.entries, *last = NULL;
  size_t end = file->data_begin, capacity = 0;
  for (size_t i = 0; i < file->header.tensors.count; i++) {
    if (tensors[i].offset + tensors[i].byte_count <= end) continue;
    last = &tensors[i];
    end = last->offset + last->byte_count;
  }
  if (end > file->context->limits.file_bytes) return s3_file_fail_size(file->context, file->path);
  /* one byte more tells whether the file goes on */
  S3_TRY(s3_file_append(file->context, file->path, open_file->descriptor,
                        end - file->data_begin + 1, &file->data, &capacity, data_size));
  if (file->data_begin + *data_size >= end) return S3REC_OK;
  return s3_header_fail_offsets(&file->header, last->name,
                                (int64_t)(last->offset - file->data_begin),
                                (int64_t)(end - file->data_begin), *data_size);
}

static s3rec_status read_whole_file(s3_safetensors *file, const s3_open_file *open_file) {
  size_t length, data_size = 0;
  S3_TRY(read_header_length(file, open_file, &length));
  file->data_begin = LENGTH_SIZE + length;
  if (file->data_begin > file->context->limits.file_bytes)
    return s3_file_fail_size(file->context, file->path);
  S3_TRY(read_header_text(file, open_file, length));
  if (open_file->regular) data_size = (size_t)(open_file->byte_count - file->data_begin);
  S3_TRY(s3_header_read(&file->header, file->text, length, file->data_begin,
                        open_file->regular ? data_size : SIZE_MAX / 2 - file->data_begin));
  if (!open_file->regular) S3_TRY(read_pipe_data(file, open_file, &data_size));
  return s3_header_check_cover(&file->header, file->data_begin, data_size);
}

static s3rec_status open_safetensors(s3_safetensors *file, const char *path) {
  s3_open_file open_file;
  file->path = s3_allocate(file->context, strlen(path) + 1, 1);
  if (file->path == NULL) return S3REC_ERROR_MEMORY;
  memcpy(file->path, path, strlen(path) + 1);
  file->header = (s3_header){.context = file->context, .path = file->path};
  S3_TRY(s3_file_open(path, &open_file));
  s3rec_status status;
  if (open_file.byte_count > file->context->limits.file_bytes)
    status = s3_file_fail_size(file->context, file->path);
  else if (open_file.byte_count > SIZE_MAX / 2)
    status = s3_fail(S3REC_ERROR_MEMORY, "%s: the file exceeds the address space", path);
  else
    status = read_whole_file(file, &open_file);
  if (open_file.regular)
    file->descriptor = open_file.descriptor;
  else
    close(open_file.descriptor);
  return status;
}

s3rec_status s3_safetensors_open(const s3rec_context *context, const char *path,
                                 s3_safetensors **file) {
  s3_safetensors *opened = s3_allocate(context, 1, sizeof *opened);
  if (opened == NULL) return S3REC_ERROR_MEMORY;
  opened->context = context;
  opened->descriptor = -1;
  opened->header.context = context;
  const s3rec_status status = open_safetensors(opened, path);
  if (status != S3REC_OK) {
    s3_safetensors_close(opened);
    return status;
  }
  *file = opened;
  return S3REC_OK;
}

void s3_safetensors_close(s3_safetensors *file) {
  if (file == NULL) return;
  if (file->descriptor >= 0) close(file->descriptor);
  s3_header_free(&file->header);
  s3_free(file->context, file->text);
  s3_free(file->context, file->data);
  s3_free(file->context, file->path);
  s3_free(file->context, file);
}

size_t s3_safetensors_count(const s3_safetensors *file) { return file->header.tensors.count; }

const s3_tensor *s3_safetensors_at(const s3_safetensors *file, size_t index) {
  return (const s3_tensor *)file->header.tensors.entries + index;
}

const s3_tensor *s3_safetensors_find(const s3_safetensors *file, const char *name) {
  return s3_header_find(&file->header, &file->header.tensors, name);
}

const char *s3_safetensors_metadata(const s3_safetensors *file, const char *key) {
  const s3_metadata *const pair = s3_header_find(&file->header, &file->header.metadata, key);
  return pair == NULL ? NULL : pair->value;
}

void s3_safetensors_visit_metadata(const s3_safetensors *file, s3rec_metadata_function visit,
                                   void *user_data) {
  const s3_metadata *const pairs = file->header.metadata.entries;
  for (size_t i = 0; i < file->header.metadata.count; i++)
    visit(pairs[i].key, pairs[i].value, user_data);
}

const char *s3_safetensors_path(const s3_safetensors *file) { return file->path; }

int s3_safetensors_descriptor(const s3_safetensors *file) { return file->descriptor; }

static s3rec_status read_place(const s3_safetensors *file, const s3_tensor *tensor, size_t place,
                               size_t count, void *bytes) {
  char *next = bytes;
  while (count > 0) {
    const ssize_t got = pread(file->descriptor, next, count, (off_t)place);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      return s3_fail(S3REC_ERROR_IO, "%s: tensor '%.100s': %s", file->path, tensor->name,
                     got == 0 ? "the file became shorter while it was read" : "cannot be read");
    }
    next += got;
    place += (size_t)got;
    count -= (size_t)got;
  }
  return S3REC_OK;
}

s3rec_status s3_safetensors_copy(const s3_safetensors *file, const s3_tensor *tensor, size_t begin,
                                 size_t count, void *bytes) {
  const size_t place = tensor->offset + begin;
  if (file->descriptor >= 0) return read_place(file, tensor, place, count, bytes);
  if (count > 0) memcpy(bytes, (const char *)file->data + (place - file->data_begin), count);
  return S3REC_OK;
}
