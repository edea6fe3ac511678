/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/utf8.h"
#include "model/safetensors.h"

enum { LENGTH_SIZE = 8, DATA_ALIGNMENT = 64 };

static json_t *metadata_object(const s3_metadata *metadata, size_t count) {
  json_t *const object = json_object();
  for (size_t i = 0; i < count; i++) {
    if (json_object_set_new(object, metadata[i].key, json_string(metadata[i].value)) != 0) {
      json_decref(object);
      return NULL;
    }
  }
  return object;
}

static json_t *tensor_object(const s3_tensor *tensor, size_t begin) {
  json_t *const shape = json_array();
  for (int32_t d = 0; d < tensor->rank; d++) {
    if (json_array_append_new(shape, json_integer(tensor->shape[d])) != 0) {
      json_decref(shape);
      return NULL;
    }
  }
  return json_pack("{s:s, s:o, s:[I, I]}", "dtype", tensor->dtype, "shape", shape, "data_offsets",
                   (json_int_t)begin, (json_int_t)(begin + tensor->byte_count));
}

/* NULL without memory. */
static json_t *header_object(const s3_tensor *tensors, size_t tensor_count,
                             const s3_metadata *metadata, size_t metadata_count) {
  json_t *const header = json_object();
  int failed =
      json_object_set_new(header, "__metadata__", metadata_object(metadata, metadata_count));
  size_t begin = 0;
  for (size_t i = 0; i < tensor_count; i++) {
    failed |= json_object_set_new(header, tensors[i].name, tensor_object(&tensors[i], begin));
    begin += tensors[i].byte_count;
  }
  if (failed == 0) return header;
  json_decref(header);
  return NULL;
}

/* Length, JSON and the spaces that align the data; *bytes is s3_free'd by the
 * caller. json_dumpb leaves the memory to us: a host may have given jansson an
 * allocator of its own. */
static s3rec_status header_bytes(const s3rec_context *context, const json_t *header, char **bytes,
                                 size_t *byte_count) {
  const size_t length = json_dumpb(header, NULL, 0, JSON_COMPACT);
  const size_t total =
      (LENGTH_SIZE + length + DATA_ALIGNMENT - 1) / DATA_ALIGNMENT * DATA_ALIGNMENT;
  if (total - LENGTH_SIZE > S3_SAFETENSORS_MAXIMUM_HEADER) {
    return s3_fail(S3REC_ERROR_ARGUMENT, "not saved: a header of %zu bytes, at most %d are allowed",
                   total - LENGTH_SIZE, S3_SAFETENSORS_MAXIMUM_HEADER);
  }
  char *const buffer = s3_allocate(context, total, 1);
  if (buffer == NULL) return S3REC_ERROR_MEMORY;
  for (int i = 0; i < LENGTH_SIZE; i++) {
    buffer[i] = (char)((uint64_t)(total - LENGTH_SIZE) >> (8 * i));
  }
  memset(buffer + LENGTH_SIZE, ' ', total - LENGTH_SIZE);
  if (length == 0 || json_dumpb(header, buffer + LENGTH_SIZE, length, JSON_COMPACT) != length) {
    s3_free(context, buffer);
    return s3_fail(S3REC_ERROR_MEMORY, "no memory for the header of a file");
  }
  *bytes = buffer;
  *byte_count = total;
  return S3REC_OK;
}

static s3rec_status write_file(const char *path, const char *header, size_t header_size,
                               const s3_tensor *tensors, size_t tensor_count) {
  s3_atomic_file file;
  S3_TRY(s3_atomic_file_open(path, &file));
  s3rec_status status = s3_atomic_file_write(&file, header, header_size);
  for (size_t i = 0; i < tensor_count && status == S3REC_OK; i++) {
    status = s3_atomic_file_write(&file, tensors[i].data, tensors[i].byte_count);
  }
  if (status == S3REC_OK) return s3_atomic_file_commit(&file);
  s3_atomic_file_discard(&file);
  return status;
}

static s3rec_status check_metadata(const s3_metadata *metadata, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!s3_utf8_valid(metadata[i].value)) {
      return s3_fail(S3REC_ERROR_ARGUMENT, "metadata '%s' is not valid UTF-8", metadata[i].key);
    }
  }
  return S3REC_OK;
}

s3rec_status s3_safetensors_write(const s3rec_context *context, const char *path,
                                  const s3_tensor *tensors, size_t tensor_count,
                                  const s3_metadata *metadata, size_t metadata_count) {
  S3_TRY(check_metadata(metadata, metadata_count));
  json_t *const header = header_object(tensors, tensor_count, metadata, metadata_count);
  if (header == NULL) {
    return s3_fail(S3REC_ERROR_MEMORY, "%s: no memory for the header", path);
  }
  char *bytes = NULL;
  size_t byte_count = 0;
  s3rec_status status = header_bytes(context, header, &bytes, &byte_count);
  json_decref(header);
  if (status != S3REC_OK) return status;
  status = write_file(path, bytes, byte_count, tensors, tensor_count);
  s3_free(context, bytes);
  return status;
}
