/* SPDX-License-Identifier: Apache-2.0 */
/* base/thread_pool.h: every job once, failures moved, any number of workers. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/thread_pool.h"
#include "support/hooks.h"
#include "support/suite.h"

static test_hooks hooks;
static s3rec_context *context;
static const size_t team_sizes[] = {1, 2, 3, 8};
enum { TEAM_COUNT = sizeof team_sizes / sizeof team_sizes[0], MAXIMUM_JOBS = 300 };

static void set_up(void) { context = test_hooks_context(&hooks); }

static void tear_down(void) {
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

static s3_thread_pool *new_pool(size_t thread_count) {
  s3_thread_pool *pool = NULL;
  ck_assert_msg(s3_thread_pool_create(context, thread_count, &pool) == S3REC_OK, "%s",
                s3_error_text());
  return pool;
}

typedef struct tally {
  size_t thread_count, fail_from, fail_step;
  int runs[MAXIMUM_JOBS];    /* written by the thread that runs the job, no atomics: the */
  size_t input[MAXIMUM_JOBS]; /* pool has to order this with the caller */
  uint64_t sums[MAXIMUM_JOBS];
  atomic_bool bad_worker;
} tally;

static s3rec_status count_job(void *argument, size_t index, size_t worker) {
  tally *const shared = argument;
  if (worker >= shared->thread_count) atomic_store(&shared->bad_worker, true);
  shared->runs[index]++;
  uint64_t sum = 0; /* unequal work */
  for (size_t i = 0; i < shared->input[index] * 50; i++) sum += i * index;
  shared->sums[index] = sum;
  if (shared->fail_step != 0 && index >= shared->fail_from &&
      (index - shared->fail_from) % shared->fail_step == 0) {
    return s3_fail(S3REC_ERROR_NUMERIC, "job %zu of worker %zu", index, worker);
  }
  return S3REC_OK;
}

START_TEST(every_job_runs_once) {
  static tally shared;
  for (size_t t = 0; t < TEAM_COUNT; t++) {
    s3_thread_pool *pool = new_pool(team_sizes[t]);
    for (size_t run = 0; run < 600; run++) {
      const size_t job_count = run % 7 == 0 ? run % MAXIMUM_JOBS : run % 9;
      shared = (tally){.thread_count = team_sizes[t]};
      for (size_t i = 0; i < job_count; i++) shared.input[i] = (i * 7 + run) % 11;
      ck_assert_int_eq(s3_thread_pool_run(pool, job_count, count_job, &shared), S3REC_OK);
      for (size_t i = 0; i < MAXIMUM_JOBS; i++) ck_assert_int_eq(shared.runs[i], i < job_count);
      ck_assert(!atomic_load(&shared.bad_worker));
    }
    s3_thread_pool_destroy(pool);
  }
}
END_TEST

START_TEST(runs_after_workers_fell_asleep) {
  static tally shared;
  s3_thread_pool *pool = new_pool(2);
  for (int run = 0; run < 20; run++) {
    const struct timespec pause = {.tv_nsec = 2000000}; /* far beyond any spinning */
    nanosleep(&pause, NULL);
    shared = (tally){.thread_count = 2};
    ck_assert_int_eq(s3_thread_pool_run(pool, 8, count_job, &shared), S3REC_OK);
    for (size_t i = 0; i < 8; i++) ck_assert_int_eq(shared.runs[i], 1);
  }
  s3_thread_pool_destroy(pool);
}
END_TEST

START_TEST(lowest_failure_wins) {
  static tally shared;
  for (size_t t = 0; t < TEAM_COUNT; t++) {
    s3_thread_pool *pool = new_pool(team_sizes[t]);
    for (size_t run = 0; run < 200; run++) {
      shared = (tally){.thread_count = team_sizes[t]};
      shared.fail_from = run % 60;
      shared.fail_step = 1 + run % 3;
      for (size_t i = 0; i < 64; i++) shared.input[i] = (i * 13 + run) % 17;
      ck_assert_int_eq(s3_thread_pool_run(pool, 64, count_job, &shared), S3REC_ERROR_NUMERIC);
      char expected[32];
      snprintf(expected, sizeof expected, "job %zu of worker ", run % 60);
      ck_assert_msg(strncmp(s3_error_text(), expected, strlen(expected)) == 0, "'%s', not '%s'",
                    s3_error_text(), expected);
      for (size_t i = 0; i <= shared.fail_from; i++) ck_assert_int_eq(shared.runs[i], 1);
      for (size_t i = 0; i < 64; i++) ck_assert_int_le(shared.runs[i], 1);
      /* and the next run is a fresh one */
      shared = (tally){.thread_count = team_sizes[t]};
      ck_assert_int_eq(s3_thread_pool_run(pool, 5, count_job, &shared), S3REC_OK);
    }
    s3_thread_pool_destroy(pool);
  }
}
END_TEST

START_TEST(no_pool_runs_on_the_caller) {
  static tally shared;
  shared = (tally){.thread_count = 1};
  ck_assert_int_eq(s3_thread_pool_run(NULL, 9, count_job, &shared), S3REC_OK);
  for (size_t i = 0; i < 9; i++) ck_assert_int_eq(shared.runs[i], 1);
  shared.fail_from = 4;
  shared.fail_step = 1;
  ck_assert_int_eq(s3_thread_pool_run(NULL, 9, count_job, &shared), S3REC_ERROR_NUMERIC);
  ck_assert_int_eq(shared.runs[5], 1); /* not a second time */
  s3_thread_pool_destroy(NULL);
}
END_TEST

typedef struct team {
  atomic_size_t present;
  size_t wanted;
  atomic_size_t blocked; /* workers with all signals blocked */
} team;

/* Waits for all: passes only when every worker really runs beside the others. */
static s3rec_status meet(void *argument, size_t index, size_t worker) {
  team *const shared = argument;
  (void)index;
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, NULL, &mask);
  if (worker > 0 && sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGTERM) == 1) {
    atomic_fetch_add(&shared->blocked, 1);
  }
  atomic_fetch_add(&shared->present, 1);
  while (atomic_load(&shared->present) < shared->wanted) {
    const struct timespec pause = {.tv_nsec = 100000};
    nanosleep(&pause, NULL);
  }
  return S3REC_OK;
}

START_TEST(workers_run_side_by_side_without_signals) {
  sigset_t before, after;
  sigemptyset(&before);
  sigemptyset(&after);
  pthread_sigmask(SIG_SETMASK, NULL, &before);
  for (size_t t = 0; t < TEAM_COUNT; t++) {
    team shared = {.wanted = team_sizes[t]};
    s3_thread_pool *pool = new_pool(team_sizes[t]);
    ck_assert_int_eq(s3_thread_pool_run(pool, team_sizes[t], meet, &shared), S3REC_OK);
    ck_assert_uint_eq(atomic_load(&shared.blocked), team_sizes[t] - 1);
    s3_thread_pool_destroy(pool);
  }
  pthread_sigmask(SIG_SETMASK, NULL, &after);
  for (int signal_number = 1; signal_number < 32; signal_number++) {
    ck_assert_int_eq(sigismember(&before, signal_number), sigismember(&after, signal_number));
  }
}
END_TEST

START_TEST(thread_that_cannot_start) {
  pthread_attr_t normal, huge;
  ck_assert_int_eq(pthread_getattr_default_np(&normal), 0);
  ck_assert_int_eq(pthread_attr_init(&huge), 0);
  ck_assert_int_eq(pthread_attr_setstacksize(&huge, (size_t)1 << 46), 0);
  ck_assert_int_eq(pthread_setattr_default_np(&huge), 0);
  s3_thread_pool *pool = NULL;
  const s3rec_status status = s3_thread_pool_create(context, 4, &pool);
  ck_assert_int_eq(pthread_setattr_default_np(&normal), 0);
  ck_assert_int_eq(status, S3REC_ERROR_THREAD);
  ck_assert_ptr_nonnull(strstr(s3_error_text(), "thread 1 of 3"));
  ck_assert_ptr_null(pool);
  ck_assert_int_eq(pthread_attr_destroy(&huge), 0);
  ck_assert_int_eq(pthread_attr_destroy(&normal), 0);
}
END_TEST

static s3rec_status use_pool(void *argument) {
  s3_thread_pool *pool;
  S3_TRY(s3_thread_pool_create(context, 3, &pool));
  const s3rec_status status = s3_thread_pool_run(pool, 5, count_job, argument);
  s3_thread_pool_destroy(pool);
  return status;
}

START_TEST(survives_missing_memory) {
  static tally shared;
  shared = (tally){.thread_count = 3};
  ck_assert_uint_eq(test_every_allocation_fails(&hooks, use_pool, &shared), 2);
}
END_TEST

TEST_SUITE(base_thread) {
  TCase *cases = tcase_create("pool");
  tcase_add_checked_fixture(cases, set_up, tear_down);
  tcase_add_test(cases, every_job_runs_once);
  tcase_add_test(cases, runs_after_workers_fell_asleep);
  tcase_add_test(cases, lowest_failure_wins);
  tcase_add_test(cases, no_pool_runs_on_the_caller);
  tcase_add_test(cases, workers_run_side_by_side_without_signals);
  tcase_add_test(cases, thread_that_cannot_start);
  tcase_add_test(cases, survives_missing_memory);
  test_add_cases(suite, cases, NULL);
}
