/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a context: its hooks and compute choices, log lines and memory. */
#ifndef S3_BASE_CONTEXT_H
#define S3_BASE_CONTEXT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "s3rec/context.h"

struct s3_kernels; /* kernels/kernels.h */

struct s3rec_context {
  atomic_size_t references;
  s3rec_context_options options; /* allocator always set, nothing left at AUTO */
  s3rec_limits limits;           /* what options.limits pointed to, or the defaults */
  const struct s3_kernels *kernels;
};

s3rec_context *s3_context_retain(s3rec_context *context);
void s3_context_release(s3rec_context *context);

/* Sends one formatted line to the log hook, if there is one. Control characters become
 * '?', because a path may hold any. To be called on the thread of the API call only. */
__attribute__((format(printf, 3, 4))) void s3_log(const s3rec_context *context,
                                                  s3rec_log_level level, const char *format, ...);

/* Allocates `count` * `size` zeroed bytes, aligned to 64. NULL with the error text set
 * when memory is missing or the product overflows. Zero bytes give a valid pointer. */
void *s3_allocate(const s3rec_context *context, size_t count, size_t size);

/* The same without the zeros, for a large block that the caller fills. */
void *s3_allocate_unset(const s3rec_context *context, size_t count, size_t size);

/* Frees what s3_allocate gave; `memory` may be NULL. */
void s3_free(const s3rec_context *context, void *memory);

/* Grows *memory to hold at least `count` elements of `size` bytes and keeps its content.
 * The capacity, in elements, at least doubles each time. */
s3rec_status s3_grow(const s3rec_context *context, void **memory, size_t *capacity, size_t count,
                     size_t size);

/* Pages that the process mapped itself, such as those of a model file. */
typedef struct s3_mapping {
  void *address; /* NULL: nothing is mapped */
  size_t byte_count;
} s3_mapping;

/* Unmaps the pages; fine when nothing is mapped. */
void s3_mapping_release(s3_mapping *mapping);

/* Time by a clock that only rises. */
uint64_t s3_nanoseconds(void);
double s3_seconds_since(uint64_t begin);

#endif
