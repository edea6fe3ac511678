/* SPDX-License-Identifier: Apache-2.0 */
#include "model/safetensors_map.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"

/* Below this, copying takes no longer than mapping. */
enum { ALIGNMENT = 64, SMALLEST = 1 << 20 };

static size_t round_up(size_t bytes, size_t page) { return (bytes + page - 1) / page * page; }

/* The file's pages for the whole region, then fresh ones over what lies behind the
 * tensor's. This way round the system chooses an address that suits the file: where
 * its page cache has large pages, these are mapped whole. NULL when it refuses. */
static char *map_pages(int descriptor, size_t offset, size_t lead, size_t tensor_bytes,
                       size_t page, size_t byte_count) {
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

static const char *why_not(const s3_safetensors *file, const s3_tensor *tensor,
                           size_t float_count, size_t page) {
  if (s3_safetensors_descriptor(file) < 0) return "the file cannot be mapped";
  if (s3_safetensors_offset(file, tensor) % ALIGNMENT != 0) {
    return "it does not begin at a multiple of 64 bytes";
  }
  if (tensor->byte_count < SMALLEST) return "it is smaller than 1 MiB";
  if (float_count > (SIZE_MAX - 2 * page) / sizeof(float)) return "the block is too large";
  return NULL;
}

s3rec_status s3_safetensors_map_f32(const s3_safetensors *file, const char *name, int32_t rank,
                                    const int64_t *shape, size_t float_count,
                                    s3_mapping *mapping, float **block, const char **reason) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  const s3_tensor *tensor = NULL;
  S3_TRY(s3_safetensors_check_f32(file, name, rank, shape, &tensor));
  *block = NULL;
  *reason = why_not(file, tensor, float_count, page);
  if (*reason != NULL) return S3REC_OK;

  const size_t offset = s3_safetensors_offset(file, tensor), lead = offset % page;
  s3_mapping made = {.byte_count = round_up(lead + float_count * sizeof(float), page)};
  char *const region = map_pages(s3_safetensors_descriptor(file), offset, lead,
                                 tensor->byte_count, page, made.byte_count);
  if (region == NULL) {
    *reason = "the system refused to map it";
    return S3REC_OK;
  }
  made.address = region;
  float *const values = (float *)(void *)(region + lead);
  const s3rec_status status =
      s3_safetensors_check_finite(file, name, values, tensor->byte_count / sizeof(float), 0);
  if (status != S3REC_OK) {
    s3_mapping_release(&made);
    return status;
  }
  *mapping = made;
  *block = values;
  return S3REC_OK;
}

bool s3_safetensors_map_bytes(const s3_safetensors *file, const s3_tensor *tensor,
                              size_t alignment, s3_mapping *mapping, const void **bytes) {
  const int descriptor = s3_safetensors_descriptor(file);
  const size_t offset = s3_safetensors_offset(file, tensor);
  if (descriptor < 0 || offset % alignment != 0 || tensor->byte_count < SMALLEST) return false;
  const size_t lead = offset % (size_t)sysconf(_SC_PAGESIZE);
  const size_t byte_count = lead + tensor->byte_count;
  char *const region =
      mmap(NULL, byte_count, PROT_READ, MAP_PRIVATE, descriptor, (off_t)(offset - lead));
  if (region == MAP_FAILED) return false;
  *mapping = (s3_mapping){region, byte_count};
  *bytes = region + lead;
  return true;
}
