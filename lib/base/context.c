/* SPDX-License-Identifier: Apache-2.0 */
#include "base/context.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/error.h"
#include "base/utf8.h"

s3rec_context *s3_context_retain(s3rec_context *context) {
  atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
  return context;
}

void s3_context_release(s3rec_context *context) {
  if (atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) != 1) return;
  const s3rec_context_options hooks = context->options;
  hooks.deallocate(context, sizeof *context, hooks.allocator_user_data);
}

void s3_log(const s3rec_context *context, s3rec_log_level level, const char *format, ...) {
  if (context->options.log == NULL) return;
  char line[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  s3_make_line(line);
  context->options.log(level, line, context->options.log_user_data);
}

/* Each block starts with one cache line that holds the block's size, because the
 * deallocation hook is told it. */
enum { S3_ALIGNMENT = 64 };

void *s3_allocate_unset(const s3rec_context *context, size_t count, size_t size) {
  if (size != 0 && count > (SIZE_MAX - S3_ALIGNMENT) / size) {
    s3_fail(S3REC_ERROR_MEMORY, "%zu elements of %zu bytes exceed the address space", count, size);
    return NULL;
  }
  const size_t bytes = count * size + S3_ALIGNMENT;
  char *block =
      context->options.allocate(bytes, S3_ALIGNMENT, context->options.allocator_user_data);
  if (block == NULL) {
    s3_fail(S3REC_ERROR_MEMORY, "no memory for %zu bytes", bytes);
    return NULL;
  }
  memcpy(block, &bytes, sizeof bytes);
  return block + S3_ALIGNMENT;
}

void *s3_allocate(const s3rec_context *context, size_t count, size_t size) {
  void *const memory = s3_allocate_unset(context, count, size);
  if (memory != NULL) memset(memory, 0, count * size);
  return memory;
}

static size_t block_size_of(const void *memory) {
  size_t bytes;
  memcpy(&bytes, (const char *)memory - S3_ALIGNMENT, sizeof bytes);
  return bytes;
}

void s3_free(const s3rec_context *context, void *memory) {
  if (memory == NULL) return;
  context->options.deallocate((char *)memory - S3_ALIGNMENT, block_size_of(memory),
                              context->options.allocator_user_data);
}

s3rec_status s3_grow(const s3rec_context *context, void **memory, size_t *capacity, size_t count,
                     size_t size) {
  if (count <= *capacity) return S3REC_OK;
  const size_t doubled = *capacity > SIZE_MAX / 2 ? SIZE_MAX : *capacity * 2;
  const size_t wanted = count > doubled ? count : doubled;
  void *grown = s3_allocate(context, wanted, size);
  if (grown == NULL) return S3REC_ERROR_MEMORY;
  if (*memory != NULL) memcpy(grown, *memory, *capacity * size);
  s3_free(context, *memory);
  *memory = grown;
  *capacity = wanted;
  return S3REC_OK;
}

uint64_t s3_nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

double s3_seconds_since(uint64_t begin) { return 1e-9 * (double)(s3_nanoseconds() - begin); }

void s3_mapping_release(s3_mapping *mapping) {
  if (mapping->address != NULL) munmap(mapping->address, mapping->byte_count);
  *mapping = (s3_mapping){NULL, 0};
}
