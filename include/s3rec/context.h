/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Hooks, thread count and compute choices: the root of every handle. */
#ifndef S3REC_CONTEXT_H
#define S3REC_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#include "s3rec/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What every other handle is made with: hooks, thread count, compute choices. A process may have
 * several. A context never changes, so any number of threads may use one. Handles made from it
 * keep it alive, so they may be destroyed in any order. */
typedef struct s3rec_context s3rec_context;

/** How much a log line matters. */
typedef enum s3rec_log_level {
  S3REC_LOG_INFO = 1,   /**< progress and choices made */
  S3REC_LOG_WARNING = 2 /**< something the caller may want to change */
} s3rec_log_level;

/** Gets one whole line without a line end. Called on the thread of the API call
 * that caused it, never from a thread of the library. */
typedef void (*s3rec_log_function)(s3rec_log_level level, const char *message, void *user_data);

/** Must return `size` bytes aligned to `alignment` (a power of two, at least
 * sizeof(void *)), or NULL. May be called from the library's own threads. */
typedef void *(*s3rec_allocate_function)(size_t size, size_t alignment, void *user_data);
/** Takes back what the allocate function gave, with the size it was asked for. */
typedef void (*s3rec_deallocate_function)(void *memory, size_t size, void *user_data);

/** Instruction set of the library's own kernels. */
typedef enum s3rec_kernel_level {
  S3REC_KERNELS_AUTO = 0,     /**< the best this machine can run */
  S3REC_KERNELS_BASELINE = 1, /**< plain C of the target's baseline, everywhere */
  S3REC_KERNELS_AVX2 = 2,     /**< x86-64 with AVX2 and FMA */
  S3REC_KERNELS_AVX512 = 3    /**< x86-64 with AVX-512 F, BW, DQ, VL, CD, VNNI */
} s3rec_kernel_level;

/** What computes the encoder. Both give the same numbers within rounding. */
typedef enum s3rec_backend {
  S3REC_BACKEND_AUTO = 0,  /**< the faster one: fused */
  S3REC_BACKEND_FUSED = 1, /**< the library's own kernels */
  S3REC_BACKEND_ONEDNN = 2 /**< oneDNN primitives for every operation they offer */
} s3rec_backend;

/** How much a file may make the library read and allocate. What a file holds is refused with
 * S3REC_ERROR_LIMIT, and a text that names the limit, before the memory for it is taken. The
 * defaults are far above what real data needs; they refuse only files that claim much and hold
 * little. A context for files of unknown origin takes the strict ones. Arrays that the caller
 * passes are not limited. Since 0.3. */
typedef struct s3rec_limits {
  size_t struct_size;    /**< set by the init functions */
  uint64_t file_bytes;   /**< of one file, after decompression; default 2^40, strict 2^30 */
  uint64_t row_bytes;    /**< of one row of a table; default 2^24, strict 2^16 */
  uint64_t rows;         /**< of one table, or lines of one text; default 2^40, strict 2^22 */
  uint64_t items;        /**< highest item id, and different items of a table; default
                          * 2^31 - 3, strict 2^20 */
  uint64_t tensors;      /**< of one model file; default 2^20, strict 2^12 */
  uint64_t header_bytes; /**< of one model file; default and most 100,000,000; strict 2^22 */
  int32_t json_depth;    /**< nesting of JSON, 1..512; default 64, strict 16 */
  int32_t expansion;     /**< bytes that one byte of a compressed file may become, after the
                          * first MiB; default 1100 (more than gzip can), strict 100 */
  int32_t id_spread;     /**< highest id of a text file for each different id, after the
                          * first 100,000; default 1000, strict 10 */
} s3rec_limits;

/** Fills in the defaults. Since 0.3. */
S3REC_API void s3rec_limits_init(s3rec_limits *limits);
/** Fills in limits for files of unknown origin. Since 0.3. */
S3REC_API void s3rec_limits_init_strict(s3rec_limits *limits);

/** Options of a context. */
typedef struct s3rec_context_options {
  size_t struct_size;                   /**< set by s3rec_context_options_init */
  s3rec_log_function log;               /**< NULL (default): silent */
  void *log_user_data;                  /**< given to `log` */
  s3rec_allocate_function allocate;     /**< both NULL (default): aligned malloc */
  s3rec_deallocate_function deallocate; /**< set together with `allocate` */
  void *allocator_user_data;            /**< given to both */
  int32_t thread_count;                 /**< 1..256 threads of training and evaluation, the
                         * caller's included; default 1. The threads start with
                         * the first step or evaluation that uses them. */
  s3rec_kernel_level kernel_level;      /**< default AUTO */
  s3rec_backend backend;                /**< default AUTO */
  const s3rec_limits *limits;           /**< NULL: the defaults; copied */
} s3rec_context_options;

/** Fills in the defaults. Since 0.1. */
S3REC_API void s3rec_context_options_init(s3rec_context_options *options);

/** Makes a context. `options` may be NULL for the defaults and is copied.
 * On success *context belongs to the caller.
 * Statuses: ARGUMENT, MEMORY; UNSUPPORTED (kernel level not in this build or
 * not on this machine); ENGINE (the oneDNN at run time is of another major
 * version than the one compiled against). Any thread. Since 0.1. */
S3REC_API s3rec_status s3rec_context_create(const s3rec_context_options *options,
                                            s3rec_context **context);

/** Gives the caller's reference back; NULL is fine. Any thread. Since 0.1. */
S3REC_API void s3rec_context_destroy(s3rec_context *context);

/** The level that AUTO was resolved to; AUTO for NULL. Any thread. Since 0.1. */
S3REC_API s3rec_kernel_level s3rec_context_kernel_level(const s3rec_context *context);
/** The backend that AUTO was resolved to; AUTO for NULL. Any thread. Since 0.1. */
S3REC_API s3rec_backend s3rec_context_backend(const s3rec_context *context);

#ifdef __cplusplus
}
#endif
#endif
