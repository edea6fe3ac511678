/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors out of a file: found and checked, then copied to memory or left in the file
 * and mapped. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/number.h"
#include "model/safetensors.h"

/* "[3648, 64]" */
typedef struct shape_text {
  char text[96];
} shape_text;

static shape_text describe_shape(int32_t rank, const int64_t *shape) {
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
                   describe_shape(found->rank, found->shape).text,
                   describe_shape(rank, shape).text);
  }
  *tensor = found;
  return S3REC_OK;
}

/* FORMAT for a NaN or infinity among `values`, the elements of a tensor from `first` on. */
static s3rec_status check_finite(const s3_safetensors *file, const char *name, const float *values,
                                 size_t count, size_t first) {
  const size_t bad = s3_first_not_finite(values, count);
  if (bad == count) return S3REC_OK;
  return s3_fail(S3REC_ERROR_FORMAT, "%s: tensor '%s': element %zu is NaN or infinite",
                 s3_safetensors_path(file), name, first + bad);
}

s3rec_status s3_safetensors_read_f32(const s3_safetensors *file, const char *name, int32_t rank,
                                     const int64_t *shape, float *values) {
  const s3_tensor *tensor;
  S3_TRY(s3_safetensors_check(file, name, "F32", rank, shape, &tensor));
  const size_t count = tensor->byte_count / sizeof(float);
  /* Piece by piece, so that the check finds the values in the cache. */
  enum { PIECE = 1 << 16 };
  for (size_t begin = 0; begin < count; begin += PIECE) {
    const size_t end = count - begin < PIECE ? count : begin + PIECE;
    S3_TRY(s3_safetensors_copy(file, tensor, begin * sizeof(float), (end - begin) * sizeof(float),
                               values + begin));
    S3_TRY(check_finite(file, name, values + begin, end - begin, begin));
  }
  return S3REC_OK;
}

/* Below this, copying takes no longer than mapping. Fuzzers have small files. */
enum { MAP_ALIGNMENT = 64 };
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
enum { SMALLEST_MAPPED = 16 };
#else
enum { SMALLEST_MAPPED = 1 << 20 };
#endif

static size_t round_up(size_t bytes, size_t page) { return (bytes + page - 1) / page * page; }

/* The file's pages for the whole region, then fresh ones over what lies after the
 * tensor's. This way round the system chooses an address that suits the file: where
 * its page cache has large pages, these are mapped whole. NULL when it refuses. */
static char *map_pages(int descriptor, size_t offset, size_t lead, size_t tensor_bytes, size_t page,
                       size_t byte_count) {
  const int access = PROT_READ | PROT_WRITE;
  const size_t file_bytes = round_up(lead + tensor_bytes, page);
  char *const region =
      mmap(NULL, byte_count, access, MAP_PRIVATE, descriptor, (off_t)(offset - lead));
  if (region == MAP_FAILED) return NULL;
  if (byte_count > file_bytes &&
      mmap(region + file_bytes, byte_count - file_bytes, access,
           MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED) {
    munmap(region, byte_count);
    return NULL;
  }
  /* The last page also holds what follows in the file. */
  memset(region + lead + tensor_bytes, 0, file_bytes - lead - tensor_bytes);
  return region;
}

static const char *why_not_mapped(const s3_safetensors *file, const s3_tensor *tensor,
                                  size_t float_count, size_t page) {
  if (s3_safetensors_descriptor(file) < 0) return "the file cannot be mapped";
  if (tensor->offset % MAP_ALIGNMENT != 0) {
    return "it does not begin at a multiple of 64 bytes";
  }
  if (tensor->byte_count < SMALLEST_MAPPED) return "it is smaller than 1 MiB";
  if (float_count > (SIZE_MAX - 2 * page) / sizeof(float)) return "the block is too large";
  return NULL;
}

s3rec_status s3_safetensors_map_f32(const s3_safetensors *file, const char *name, int32_t rank,
                                    const int64_t *shape, size_t float_count, s3_mapping *mapping,
                                    float **block, const char **reason) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  const s3_tensor *tensor = NULL;
  S3_TRY(s3_safetensors_check(file, name, "F32", rank, shape, &tensor));
  *block = NULL;
  *reason = why_not_mapped(file, tensor, float_count, page);
  if (*reason != NULL) return S3REC_OK;

  const size_t offset = tensor->offset, lead = offset % page;
  s3_mapping made = {.byte_count = round_up(lead + float_count * sizeof(float), page)};
  char *const region = map_pages(s3_safetensors_descriptor(file), offset, lead, tensor->byte_count,
                                 page, made.byte_count);
  if (region == NULL) {
    *reason = "the system refused to map it";
    return S3REC_OK;
  }
  made.address = region;
  float *const values = (float *)(void *)(region + lead);
  const s3rec_status status =
      check_finite(file, name, values, tensor->byte_count / sizeof(float), 0);
  if (status != S3REC_OK) {
    s3_mapping_release(&made);
    return status;
  }
  *mapping = made;
  *block = values;
  return S3REC_OK;
}

bool s3_safetensors_map_bytes(const s3_safetensors *file, const s3_tensor *tensor, size_t alignment,
                              s3_mapping *mapping, const void **bytes) {
  const int descriptor = s3_safetensors_descriptor(file);
  const size_t offset = tensor->offset;
  if (descriptor < 0 || offset % alignment != 0 || tensor->byte_count < SMALLEST_MAPPED)
    return false;
  const size_t lead = offset % (size_t)sysconf(_SC_PAGESIZE);
  const size_t byte_count = lead + tensor->byte_count;
  char *const region =
      mmap(NULL, byte_count, PROT_READ, MAP_PRIVATE, descriptor, (off_t)(offset - lead));
  if (region == MAP_FAILED) return false;
  *mapping = (s3_mapping){region, byte_count};
  *bytes = region + lead;
  return true;
}
