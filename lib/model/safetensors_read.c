/* SPDX-License-Identifier: Apache-2.0 */
#include "model/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_read.h"
#include "base/json.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tensors are copied as they lie in the file, which is little-endian"
#endif

enum { LENGTH_SIZE = 8, MAXIMUM_RANK = 4 };

struct s3_safetensors {
  const s3rec_context *context;
  char *path;
  int descriptor; /* of the mapping, else -1 */
  void *mapping;  /* the file, NULL when it was read instead */
  char *bytes;    /* the file, NULL when it is mapped */
  size_t byte_count;
  json_t *header; /* owns the names and the metadata */
  json_t *metadata;
  const char *data; /* after the header */
  size_t data_size;
  s3_tensor *tensors;
  size_t tensor_count;
};

/* Maps a regular file; anything else, or a file system that cannot, leaves
 * `mapping` NULL. */
static void map_file(s3_safetensors *file) {
  struct stat info;
  if (stat(file->path, &info) != 0 || !S_ISREG(info.st_mode)) return;
  const int descriptor = open(file->path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  if (fstat(descriptor, &info) == 0 && info.st_size > 0 && (uintmax_t)info.st_size <= SIZE_MAX) {
    void *mapping = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (mapping != MAP_FAILED) {
      file->descriptor = descriptor;
      file->mapping = mapping;
      file->byte_count = (size_t)info.st_size;
      return;
    }
  }
  close(descriptor);
}

static s3rec_status fail_header(const s3_safetensors *file, const char *reason) {
  return s3_fail(S3REC_ERROR_FORMAT, "%s: not a safetensors file: %s", file->path, reason);
}

static s3rec_status read_header(s3_safetensors *file) {
  const unsigned char *const bytes = file->mapping != NULL ? file->mapping : (void *)file->bytes;
  if (file->byte_count < LENGTH_SIZE) {
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s: not a safetensors file: %zu bytes, but the length of the header takes %d",
                   file->path, file->byte_count, LENGTH_SIZE);
  }
  uint64_t length = 0;
  for (int i = 0; i < LENGTH_SIZE; i++) length |= (uint64_t)bytes[i] << (8 * i);
  const size_t rest = file->byte_count - LENGTH_SIZE;
  if (length > S3_SAFETENSORS_MAXIMUM_HEADER || length > rest) {
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s: not a safetensors file: header of %" PRIu64
                   " bytes, but the file has %zu more and at most %d are allowed",
                   file->path, length, rest, S3_SAFETENSORS_MAXIMUM_HEADER);
  }
  const char *const text = (const char *)bytes + LENGTH_SIZE;
  if (length == 0 || text[0] != '{') return fail_header(file, "the header does not begin with {");
  json_error_t error;
  file->header = json_loadb(text, (size_t)length, JSON_REJECT_DUPLICATES, &error);
  if (file->header == NULL) return s3_fail_json(file->path, "header: ", text, &error);
  file->data = text + length;
  file->data_size = rest - (size_t)length;
  return S3REC_OK;
}

static s3rec_status read_metadata(s3_safetensors *file, json_t *metadata) {
  if (!json_is_object(metadata)) return fail_header(file, "__metadata__ is not an object");
  const char *key;
  json_t *value;
  json_object_foreach(metadata, key, value) {
    if (!json_is_string(value)) {
      return s3_fail(S3REC_ERROR_FORMAT, "%s: metadata '%.100s' is not text", file->path, key);
    }
  }
  file->metadata = metadata;
  return S3REC_OK;
}

static size_t dtype_size(const char *dtype) {
  static const struct {
    char name[5];
    unsigned char size;
  } dtypes[] = {{"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8}, {"I32", 4}, {"I16", 2},
                {"I8", 1},  {"U64", 8}, {"U32", 4}, {"U16", 2},  {"U8", 1},  {"BOOL", 1}};
  for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
    if (strcmp(dtypes[i].name, dtype) == 0) return dtypes[i].size;
  }
  return 0;
}

static s3rec_status fail_tensor(const s3_safetensors *file, const char *name, const char *reason) {
  return s3_fail(S3REC_ERROR_FORMAT, "%s: tensor '%.100s': %s", file->path, name, reason);
}

/* *byte_count becomes that of the whole tensor. */
static s3rec_status read_shape(const s3_safetensors *file, const json_t *shape, s3_tensor *tensor,
                               uint64_t *byte_count) {
  if (!json_is_array(shape)) return fail_tensor(file, tensor->name, "shape is not an array");
  if (json_array_size(shape) > MAXIMUM_RANK) {
    return fail_tensor(file, tensor->name, "shape has more than 4 dimensions");
  }
  tensor->rank = (int32_t)json_array_size(shape);
  for (int32_t d = 0; d < tensor->rank; d++) {
    const json_t *const size = json_array_get(shape, (size_t)d);
    if (!json_is_integer(size) || json_integer_value(size) < 0) {
      return fail_tensor(file, tensor->name, "shape must hold only integers of 0 or more");
    }
    tensor->shape[d] = json_integer_value(size);
    if (tensor->shape[d] != 0 && *byte_count > UINT64_MAX / (uint64_t)tensor->shape[d]) {
      return fail_tensor(file, tensor->name, "shape exceeds 2^64 bytes");
    }
    *byte_count *= (uint64_t)tensor->shape[d];
  }
  return S3REC_OK;
}

static s3rec_status read_tensor_entry(const s3_safetensors *file, const char *name,
                                      const json_t *entry, s3_tensor *tensor) {
  tensor->name = name;
  if (!json_is_object(entry)) return fail_tensor(file, name, "its entry is not an object");
  tensor->dtype = json_string_value(json_object_get(entry, "dtype"));
  if (tensor->dtype == NULL) return fail_tensor(file, name, "dtype is not text");
  uint64_t wanted = dtype_size(tensor->dtype);
  if (wanted == 0) {
    return s3_fail(S3REC_ERROR_FORMAT, "%s: tensor '%.100s': unknown dtype '%.20s'", file->path,
                   name, tensor->dtype);
  }
  S3_TRY(read_shape(file, json_object_get(entry, "shape"), tensor, &wanted));

  const json_t *const offsets = json_object_get(entry, "data_offsets");
  const json_t *const first = json_array_get(offsets, 0), *const last = json_array_get(offsets, 1);
  if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last)) {
    return fail_tensor(file, name, "data_offsets is not an array of two integers");
  }
  const json_int_t begin = json_integer_value(first), end = json_integer_value(last);
  if (begin < 0 || begin > end || (uint64_t)end > file->data_size) {
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s: tensor '%.100s': data_offsets are %lld..%lld, the data 0..%zu", file->path,
                   name, (long long)begin, (long long)end, file->data_size);
  }
  tensor->byte_count = (size_t)(end - begin);
  if (tensor->byte_count != wanted) {
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s: tensor '%.100s': data_offsets have %zu bytes, dtype and shape %" PRIu64,
                   file->path, name, tensor->byte_count, wanted);
  }
  tensor->data = file->data + begin;
  return S3REC_OK;
}

static int compare_place(const void *a, const void *b) {
  const s3_tensor *const x = *(s3_tensor *const *)a, *const y = *(s3_tensor *const *)b;
  if (x->data != y->data) return (const char *)x->data < (const char *)y->data ? -1 : 1;
  return (x->byte_count > y->byte_count) - (x->byte_count < y->byte_count);
}

/* Sorted by place, each tensor must begin where the one before it ends. */
static s3rec_status check_cover(const s3_safetensors *file) {
  const s3_tensor **sorted = s3_allocate(file->context, file->tensor_count, sizeof *sorted);
  if (sorted == NULL) return S3REC_ERROR_MEMORY;
  for (size_t i = 0; i < file->tensor_count; i++) sorted[i] = &file->tensors[i];
  qsort(sorted, file->tensor_count, sizeof *sorted, compare_place);
  const char *end = file->data;
  s3rec_status status = S3REC_OK;
  for (size_t i = 0; i < file->tensor_count && status == S3REC_OK; i++) {
    const char *const begin = sorted[i]->data;
    if (begin < end) status = fail_tensor(file, sorted[i]->name, "overlaps another tensor");
    if (begin > end)
      status = fail_tensor(file, sorted[i]->name, "there are unused bytes before it");
    end = begin + sorted[i]->byte_count;
  }
  s3_free(file->context, sorted);
  if (status == S3REC_OK && end != file->data + file->data_size) {
    return fail_header(file, "there are unused bytes after the last tensor");
  }
  return status;
}

static s3rec_status read_entries(s3_safetensors *file) {
  file->tensors = s3_allocate(file->context, json_object_size(file->header), sizeof *file->tensors);
  if (file->tensors == NULL) return S3REC_ERROR_MEMORY;
  const char *name;
  json_t *entry;
  json_object_foreach(file->header, name, entry) {
    if (strcmp(name, "__metadata__") == 0) {
      S3_TRY(read_metadata(file, entry));
    } else {
      S3_TRY(read_tensor_entry(file, name, entry, &file->tensors[file->tensor_count]));
      file->tensor_count++;
    }
  }
  return check_cover(file);
}

static s3rec_status open_safetensors(s3_safetensors *file, const char *path) {
  file->path = s3_allocate(file->context, strlen(path) + 1, 1);
  if (file->path == NULL) return S3REC_ERROR_MEMORY;
  memcpy(file->path, path, strlen(path) + 1);
  map_file(file);
  if (file->mapping == NULL) {
    S3_TRY(s3_file_read(file->context, path, &file->bytes, &file->byte_count));
  }
  S3_TRY(read_header(file));
  return read_entries(file);
}

s3rec_status s3_safetensors_open(const s3rec_context *context, const char *path,
                                 s3_safetensors **file) {
  s3_safetensors *opened = s3_allocate(context, 1, sizeof *opened);
  if (opened == NULL) return S3REC_ERROR_MEMORY;
  opened->context = context;
  opened->descriptor = -1;
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
  json_decref(file->header);
  if (file->mapping != NULL) munmap(file->mapping, file->byte_count);
  if (file->descriptor >= 0) close(file->descriptor);
  s3_free(file->context, file->bytes);
  s3_free(file->context, file->tensors);
  s3_free(file->context, file->path);
  s3_free(file->context, file);
}

size_t s3_safetensors_count(const s3_safetensors *file) { return file->tensor_count; }

const s3_tensor *s3_safetensors_at(const s3_safetensors *file, size_t index) {
  return &file->tensors[index];
}

const s3_tensor *s3_safetensors_find(const s3_safetensors *file, const char *name) {
  for (size_t i = 0; i < file->tensor_count; i++) {
    if (strcmp(file->tensors[i].name, name) == 0) return &file->tensors[i];
  }
  return NULL;
}

const char *s3_safetensors_metadata(const s3_safetensors *file, const char *key) {
  return json_string_value(json_object_get(file->metadata, key));
}

void s3_safetensors_visit_metadata(const s3_safetensors *file, s3rec_metadata_function visit,
                                   void *user_data) {
  const char *key;
  json_t *value;
  json_object_foreach(file->metadata, key, value) {
    visit(key, json_string_value(value), user_data);
  }
}

const char *s3_safetensors_path(const s3_safetensors *file) { return file->path; }

int s3_safetensors_descriptor(const s3_safetensors *file) { return file->descriptor; }

size_t s3_safetensors_offset(const s3_safetensors *file, const s3_tensor *tensor) {
  const char *const begin = file->mapping != NULL ? file->mapping : file->bytes;
  return (size_t)((const char *)tensor->data - begin);
}

s3rec_status s3_safetensors_copy(const s3_safetensors *file, const s3_tensor *tensor, size_t begin,
                                 size_t count, void *bytes) {
  if (file->descriptor < 0) {
    memcpy(bytes, (const char *)tensor->data + begin, count);
    return S3REC_OK;
  }
  char *next = bytes;
  off_t place = (off_t)(s3_safetensors_offset(file, tensor) + begin);
  while (count > 0) {
    const ssize_t got = pread(file->descriptor, next, count, place);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      return s3_fail(S3REC_ERROR_IO, "%s: tensor '%.100s': %s", file->path, tensor->name,
                     got == 0 ? "the file became shorter while it was read" : "cannot be read");
    }
    next += got;
    place += got;
    count -= (size_t)got;
  }
  return S3REC_OK;
}
