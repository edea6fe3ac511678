/* SPDX-License-Identifier: Apache-2.0 */
/* The context's inside: hooks, compute choices, allocation. */
#ifndef S3_BASE_CONTEXT_H
#define S3_BASE_CONTEXT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "s3rec/context.h"

struct s3_kernels; /* kernels/kernels.h */

struct s3rec_context {
  atomic_size_t references;
  s3rec_context_options options; /* allocator always set, nothing left at AUTO */
  const struct s3_kernels *kernels;
};

s3rec_context *s3_context_retain(s3rec_context *context);
void s3_context_release(s3rec_context *context);

/* Sends one formatted line to the log hook, if there is one; control characters
 * (a path may hold any) become '?'. Only on the thread of the API call. */
__attribute__((format(printf, 3, 4))) void s3_log(const s3rec_context *context,
                                                  s3rec_log_level level,
                                                  const char *format, ...);

/* `count` * `size` zeroed bytes aligned to 64, with an overflow check; NULL with
 * the error text set. Zero bytes give a valid pointer. */
void *s3_allocate(const s3rec_context *context, size_t count, size_t size);

/* The same without the zeros, for a large block that the caller fills. */
void *s3_allocate_unset(const s3rec_context *context, size_t count, size_t size);

/* Frees what s3_allocate gave; `memory` may be NULL. */
void s3_free(const s3rec_context *context, void *memory);

/* Grows *memory to hold at least `count` elements of `size`, content kept, in
 * steps that double; *capacity counts elements. */
s3rec_status s3_grow(const s3rec_context *context, void **memory, size_t *capacity,
                     size_t count, size_t size);

#endif
