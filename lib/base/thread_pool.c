/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs are handed out by counting `remaining` down: the thread that takes it from r to r - 1
 * runs job job_count - r. A run cannot end while a job that was taken is unfinished, so the
 * plain fields that describe the run do not change under a thread that has a job. A worker
 * that comes late finds 0 and touches nothing else. */
#include "base/thread_pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"

enum { ERROR_SIZE = 1024, CACHE_LINE = 64, SPIN_NANOSECONDS = 30000 };

typedef struct worker {
  s3_thread_pool *pool;
  size_t number;
  pthread_t thread;
} worker;

struct s3_thread_pool {
  s3rec_context *context;
  size_t worker_count;  /* the caller's not included */
  size_t started_count; /* of them, running */
  worker *workers;
  bool may_spin;
  pthread_mutex_t mutex;
  pthread_cond_t work, done; /* "jobs remain or stop", "all are finished" */

  /* The run. */
  size_t job_count;
  s3_job_function function;
  void *argument;

  _Alignas(CACHE_LINE) atomic_size_t remaining; /* jobs that are not taken yet */
  _Alignas(CACHE_LINE) atomic_size_t finished;
  _Alignas(CACHE_LINE) atomic_size_t first_failed; /* lowest failed job, else SIZE_MAX */
  atomic_size_t sleeping;                          /* workers that wait for `work` */
  atomic_bool caller_sleeps, stop;
  s3rec_status status; /* of first_failed, with its text; under the mutex */
  char error[ERROR_SIZE];
};

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static bool has_jobs(s3_thread_pool *pool) {
  return atomic_load(&pool->remaining) != 0 || atomic_load(&pool->stop);
}

static bool all_jobs_finished(s3_thread_pool *pool) {
  return atomic_load(&pool->finished) == pool->job_count;
}

/* Waits a moment without sleeping. This pays when the next run comes at once, and only while
 * every worker has a processor of its own. */
static bool spin_until(s3_thread_pool *pool, bool (*condition)(s3_thread_pool *)) {
  if (condition(pool)) return true;
  if (!pool->may_spin) return false;
  const uint64_t end = s3_nanoseconds() + SPIN_NANOSECONDS;
  do {
    for (int i = 0; i < 32; i++) {
      if (condition(pool)) return true;
      pause_briefly();
    }
  } while (s3_nanoseconds() < end);
  return false;
}

static void note_failure(s3_thread_pool *pool, size_t job, s3rec_status status) {
  pthread_mutex_lock(&pool->mutex);
  if (job < atomic_load(&pool->first_failed)) {
    atomic_store(&pool->first_failed, job);
    pool->status = status;
    snprintf(pool->error, sizeof pool->error, "%s", s3_error_text());
  }
  pthread_mutex_unlock(&pool->mutex);
}

/* Takes jobs until none is left. Jobs are taken in rising order, so every job below a failed
 * one is taken and runs: the lowest failure is always found. */
static void take_jobs(s3_thread_pool *pool, size_t worker_number) {
  size_t remaining = atomic_load(&pool->remaining);
  while (remaining != 0) {
    if (!atomic_compare_exchange_weak(&pool->remaining, &remaining, remaining - 1)) continue;
    const size_t job_count = pool->job_count, job = job_count - remaining;
    if (job < atomic_load(&pool->first_failed)) {
      const s3rec_status status = pool->function(pool->argument, job, worker_number);
      if (status != S3REC_OK) note_failure(pool, job, status);
    }
    if (atomic_fetch_add(&pool->finished, 1) + 1 == job_count &&
        atomic_load(&pool->caller_sleeps)) {
      pthread_mutex_lock(&pool->mutex);
      pthread_cond_signal(&pool->done);
      pthread_mutex_unlock(&pool->mutex);
    }
    remaining = atomic_load(&pool->remaining);
  }
}

static void *run_worker(void *argument) {
  const worker *const self = argument;
  s3_thread_pool *const pool = self->pool;
  while (!atomic_load(&pool->stop)) {
    if (!spin_until(pool, has_jobs)) {
      /* Here `sleeping` rises before `remaining` is read, and in s3_thread_pool_run
       * `remaining` rises before `sleeping` is read: one of the two sees the other. */
      pthread_mutex_lock(&pool->mutex);
      atomic_fetch_add(&pool->sleeping, 1);
      while (!has_jobs(pool)) pthread_cond_wait(&pool->work, &pool->mutex);
      atomic_fetch_sub(&pool->sleeping, 1);
      pthread_mutex_unlock(&pool->mutex);
    }
    take_jobs(pool, self->number);
  }
  return NULL;
}

static void wake_workers(s3_thread_pool *pool) {
  if (atomic_load(&pool->sleeping) == 0) return;
  pthread_mutex_lock(&pool->mutex);
  pthread_cond_broadcast(&pool->work);
  pthread_mutex_unlock(&pool->mutex);
}

/* Workers take no signal, so a host's handlers never run on them. */
static s3rec_status start_workers(s3_thread_pool *pool) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = 0;
  while (error == 0 && pool->started_count < pool->worker_count) {
    worker *const next = &pool->workers[pool->started_count];
    *next = (worker){.pool = pool, .number = pool->started_count + 1};
    error = pthread_create(&next->thread, NULL, run_worker, next);
    if (error == 0) pool->started_count++;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (error == 0) return S3REC_OK;
  return s3_fail(S3REC_ERROR_THREAD, "thread %zu of %zu could not be started (error %d)",
                 pool->started_count + 1, pool->worker_count, error);
}

s3rec_status s3_thread_pool_create(s3rec_context *context, size_t thread_count,
                                   s3_thread_pool **pool) {
  s3_thread_pool *created = s3_allocate(context, 1, sizeof *created);
  if (created == NULL) return S3REC_ERROR_MEMORY;
  created->workers = s3_allocate(context, thread_count - 1, sizeof *created->workers);
  if (created->workers == NULL) {
    s3_free(context, created);
    return S3REC_ERROR_MEMORY;
  }
  created->context = s3_context_retain(context);
  created->worker_count = thread_count - 1;
  const long processors = sysconf(_SC_NPROCESSORS_ONLN);
  created->may_spin = processors > 0 && thread_count <= (size_t)processors;
  /* On Linux these cannot fail with default attributes. */
  pthread_mutex_init(&created->mutex, NULL);
  pthread_cond_init(&created->work, NULL);
  pthread_cond_init(&created->done, NULL);
  const s3rec_status status = start_workers(created);
  if (status != S3REC_OK) {
    s3_thread_pool_destroy(created);
    return status;
  }
  *pool = created;
  return S3REC_OK;
}

void s3_thread_pool_destroy(s3_thread_pool *pool) {
  if (pool == NULL) return;
  atomic_store(&pool->stop, true);
  wake_workers(pool);
  for (size_t i = 0; i < pool->started_count; i++) pthread_join(pool->workers[i].thread, NULL);
  pthread_cond_destroy(&pool->done);
  pthread_cond_destroy(&pool->work);
  pthread_mutex_destroy(&pool->mutex);
  s3rec_context *const context = pool->context;
  s3_free(context, pool->workers);
  s3_free(context, pool);
  s3_context_release(context);
}

static s3rec_status run_alone(size_t job_count, s3_job_function function, void *argument) {
  for (size_t job = 0; job < job_count; job++) S3_TRY(function(argument, job, 0));
  return S3REC_OK;
}

static void wait_for_workers(s3_thread_pool *pool) {
  if (spin_until(pool, all_jobs_finished)) return;
  pthread_mutex_lock(&pool->mutex);
  atomic_store(&pool->caller_sleeps, true);
  while (!all_jobs_finished(pool)) pthread_cond_wait(&pool->done, &pool->mutex);
  atomic_store(&pool->caller_sleeps, false);
  pthread_mutex_unlock(&pool->mutex);
}

s3rec_status s3_thread_pool_run(s3_thread_pool *pool, size_t job_count, s3_job_function function,
                                void *argument) {
  if (pool == NULL || pool->worker_count == 0 || job_count < 2) {
    return run_alone(job_count, function, argument);
  }
  pool->job_count = job_count;
  pool->function = function;
  pool->argument = argument;
  atomic_store(&pool->finished, 0);
  atomic_store(&pool->first_failed, SIZE_MAX);
  atomic_store(&pool->remaining, job_count); /* from here on workers act */
  wake_workers(pool);
  take_jobs(pool, 0);
  wait_for_workers(pool);
  if (atomic_load(&pool->first_failed) == SIZE_MAX) return S3REC_OK;
  return s3_fail(pool->status, "%s", pool->error);
}
