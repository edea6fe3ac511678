/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/atomic_file.h"
#include "base/json_writer.h"
#include "base/utf8.h"
#include "model/safetensors.h"

enum { LENGTH_SIZE = 8, DATA_ALIGNMENT = 64 };

static void put_metadata(s3_json_writer *writer, const s3_metadata *metadata, size_t count) {
  s3_json_put_key(writer, "__metadata__");
  s3_json_open(writer, '{');
  for (size_t i = 0; i < count; i++) {
    s3_json_put_key(writer, metadata[i].key);
    s3_json_put_text(writer, metadata[i].value);
  }
  s3_json_close(writer, '}');
}

static void put_tensor(s3_json_writer *writer, const s3_tensor *tensor, size_t begin) {
  s3_json_put_key(writer, tensor->name);
  s3_json_open(writer, '{');
  s3_json_put_key(writer, "dtype");
  s3_json_put_text(writer, tensor->dtype);
  s3_json_put_key(writer, "shape");
  s3_json_open(writer, '[');
  for (int32_t d = 0; d < tensor->rank; d++) s3_json_put_integer(writer, tensor->shape[d]);
  s3_json_close(writer, ']');
  s3_json_put_key(writer, "data_offsets");
  s3_json_open(writer, '[');
  s3_json_put_integer(writer, (int64_t)begin);
  s3_json_put_integer(writer, (int64_t)(begin + tensor->byte_count));
  s3_json_close(writer, ']');
  s3_json_close(writer, '}');
}

/* The text is the caller's to s3_free. */
static s3rec_status header_text(const s3rec_context *context, const s3_tensor *tensors,
                                size_t tensor_count, const s3_metadata *metadata,
                                size_t metadata_count, char **text, size_t *length) {
  s3_json_writer writer = {.context = context};
  size_t begin = 0;
  s3_json_open(&writer, '{');
  put_metadata(&writer, metadata, metadata_count);
  for (size_t i = 0; i < tensor_count; i++) {
    put_tensor(&writer, &tensors[i], begin);
    begin += tensors[i].byte_count;
  }
  s3_json_close(&writer, '}');
  return s3_json_finish(&writer, text, length);
}

/* Length, JSON and the spaces that align the data. */
static s3rec_status write_header(s3_atomic_file *file, const char *text, size_t length,
                                 size_t padded) {
  char bytes[DATA_ALIGNMENT];
  for (int i = 0; i < LENGTH_SIZE; i++) bytes[i] = (char)((uint64_t)padded >> (8 * i));
  S3_TRY(s3_atomic_file_write(file, bytes, LENGTH_SIZE));
  S3_TRY(s3_atomic_file_write(file, text, length));
  memset(bytes, ' ', sizeof bytes);
  return s3_atomic_file_write(file, bytes, padded - length);
}

static s3rec_status write_file(const char *path, const char *text, size_t length, size_t padded,
                               const s3_tensor *tensors, size_t tensor_count) {
  s3_atomic_file file;
  S3_TRY(s3_atomic_file_open(path, &file));
  s3rec_status status = write_header(&file, text, length, padded);
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
  char *text;
  size_t length;
  S3_TRY(check_metadata(metadata, metadata_count));
  S3_TRY(header_text(context, tensors, tensor_count, metadata, metadata_count, &text, &length));
  const size_t begin =
      (LENGTH_SIZE + length + DATA_ALIGNMENT - 1) / DATA_ALIGNMENT * DATA_ALIGNMENT;
  const size_t padded = begin - LENGTH_SIZE;
  s3rec_status status;
  if (padded > S3_SAFETENSORS_MAXIMUM_HEADER)
    status = s3_fail(S3REC_ERROR_ARGUMENT,
                     "not saved: a header of %zu bytes, at most %d are allowed", padded,
                     S3_SAFETENSORS_MAXIMUM_HEADER);
  else
    status = write_file(path, text, length, padded, tensors, tensor_count);
  s3_free(context, text);
  return status;
}
