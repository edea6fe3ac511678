/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors out of a file, checked; those of floats also read. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/number.h"
#include "model/safetensors.h"

/* "[3648, 64]" */
typedef struct shape_text {
  char text[96];
} shape_text;

static shape_text describe(int32_t rank, const int64_t *shape) {
  shape_text result = {"["};
  size_t length = 1;
  for (int32_t d = 0; d < rank; d++) {
    length += (size_t)snprintf(result.text + length, sizeof result.text - length,
                               d == 0 ? "%" PRId64 : ", %" PRId64, shape[d]);
  }
  snprintf(result.text + length, sizeof result.text - length, "]");
  return result;
}

s3rec_status s3_safetensors_check(const s3_safetensors *file, const char *name, const char *dtype,
                                  int32_t rank, const int64_t *shape, const s3_tensor **tensor) {
  const char *const path = s3_safetensors_path(file);
  const s3_tensor *const found = s3_safetensors_find(file, name);
  if (found == NULL) return s3_fail(S3REC_ERROR_FORMAT, "%s: tensor '%s' is missing", path, name);
  if (strcmp(found->dtype, dtype) != 0) {
    return s3_fail(S3REC_ERROR_UNSUPPORTED, "%s: tensor '%s': dtype is %s, must be %s", path, name,
                   found->dtype, dtype);
  }
  if (found->rank != rank || memcmp(found->shape, shape, (size_t)rank * sizeof *shape) != 0) {
    return s3_fail(S3REC_ERROR_FORMAT, "%s: tensor '%s': shape is %s, must be %s", path, name,
                   describe(found->rank, found->shape).text, describe(rank, shape).text);
  }
  *tensor = found;
  return S3REC_OK;
}

s3rec_status s3_safetensors_check_f32(const s3_safetensors *file, const char *name,
                                      int32_t rank, const int64_t *shape,
                                      const s3_tensor **tensor) {
  return s3_safetensors_check(file, name, "F32", rank, shape, tensor);
}

s3rec_status s3_safetensors_check_finite(const s3_safetensors *file, const char *name,
                                         const float *values, size_t count, size_t first) {
  const size_t bad = s3_first_not_finite(values, count);
  if (bad == count) return S3REC_OK;
  return s3_fail(S3REC_ERROR_FORMAT, "%s: tensor '%s': element %zu is NaN or infinite",
                 s3_safetensors_path(file), name, first + bad);
}

s3rec_status s3_safetensors_read_f32(const s3_safetensors *file, const char *name,
                                     int32_t rank, const int64_t *shape, float *values) {
  const s3_tensor *tensor;
  S3_TRY(s3_safetensors_check_f32(file, name, rank, shape, &tensor));
  const size_t count = tensor->byte_count / sizeof(float);
  /* Piece by piece, so that the check finds the values in the cache. */
  enum { PIECE = 1 << 16 };
  for (size_t begin = 0; begin < count; begin += PIECE) {
    const size_t end = count - begin < PIECE ? count : begin + PIECE;
    S3_TRY(s3_safetensors_copy(file, tensor, begin * sizeof(float),
                               (end - begin) * sizeof(float), values + begin));
    S3_TRY(s3_safetensors_check_finite(file, name, values + begin, end - begin, begin));
  }
  return S3REC_OK;
}
