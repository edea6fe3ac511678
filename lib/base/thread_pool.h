/* SPDX-License-Identifier: Apache-2.0 */
/* The library's own threads: a fixed team that runs numbered jobs. */
#ifndef S3_BASE_THREAD_POOL_H
#define S3_BASE_THREAD_POOL_H

#include "base/context.h"

typedef struct s3_thread_pool s3_thread_pool;

/* Runs job `index`; `worker` is 0 (the calling thread) .. thread_count - 1. */
typedef s3rec_status (*s3_job_function)(void *argument, size_t index, size_t worker);

/* Starts a team of `thread_count` threads, of which the caller is one. With 1 no thread is
 * started. */
s3rec_status s3_thread_pool_create(s3rec_context *context, size_t thread_count,
                                   s3_thread_pool **pool);
/* Joins the threads; NULL is fine. */
void s3_thread_pool_destroy(s3_thread_pool *pool);

/* Runs jobs 0..job_count-1, each once, on any worker that is free, and returns when all are
 * done. When jobs fail, status and error text are those of the lowest failing index, and jobs
 * after it may be left out. Without a pool (NULL) all jobs run on the calling thread. */
s3rec_status s3_thread_pool_run(s3_thread_pool *pool, size_t job_count, s3_job_function function,
                                void *argument);

#endif
