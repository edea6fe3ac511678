/* SPDX-License-Identifier: Apache-2.0 */
#include "base/options.h"

#include <string.h>

static size_t struct_size_of(const void *structure) {
  size_t size;
  memcpy(&size, structure, sizeof size);
  return size;
}

s3rec_status s3_output_check(const void *output, size_t minimum_size, const char *name) {
  const size_t size = struct_size_of(output);
  if (size >= minimum_size) return S3REC_OK;
  return s3_fail(S3REC_ERROR_ARGUMENT,
                 "%s.struct_size is %zu, must be at least %zu; %s_init sets it", name, size,
                 minimum_size, name);
}

/* Copies all fields after struct_size that both sides have. */
static void copy_fields(void *destination, const void *source, size_t size) {
  memcpy((char *)destination + sizeof size, (const char *)source + sizeof size, size - sizeof size);
}

s3rec_status s3_options_copy(void *options, size_t size, const void *source, size_t minimum_size,
                             const char *name) {
  S3_TRY(s3_output_check(source, minimum_size, name));
  const size_t source_size = struct_size_of(source);
  copy_fields(options, source, source_size < size ? source_size : size);
  return S3REC_OK;
}

void s3_output_write(void *output, const void *source, size_t size) {
  const size_t output_size = struct_size_of(output);
  copy_fields(output, source, output_size < size ? output_size : size);
}

s3rec_status s3_offsets_check(const int64_t *offsets, size_t row_count) {
  if (offsets[0] != 0) {
    return s3_fail(S3REC_ERROR_ARGUMENT, "offsets[0] is %lld, must be 0", (long long)offsets[0]);
  }
  for (size_t row = 0; row < row_count; row++) {
    if (offsets[row + 1] < offsets[row]) {
      return s3_fail(S3REC_ERROR_ARGUMENT,
                     "offsets[%zu] is %lld, less than offsets[%zu], which is %lld", row + 1,
                     (long long)offsets[row + 1], row, (long long)offsets[row]);
    }
  }
  return S3REC_OK;
}
