/* SPDX-License-Identifier: Apache-2.0 */
/* A host whose timer interrupts training all the time: the same bits, the heap intact and
 * the host's signal mask as it was. Before lib/dnnl/door.h this crashed within a second. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "support/suite.h"
#include "support/training.h"

/* More tokens a batch than oneDNN's product keeps on the stack. */
static const test_shape shape = {.items = 300, .attributes = 11, .length = 20, .hidden = 64,
                                 .layers = 2, .heads = 2, .activation = S3REC_GELU,
                                 .dropout = 0.5, .batch = 64};
static const s3rec_backend backends[] = {S3REC_BACKEND_FUSED, S3REC_BACKEND_ONEDNN};
enum { STEPS = 16, INTERVAL_US = 500 };

static volatile sig_atomic_t interruptions;
static void count_signal(int number) {
  (void)number;
  interruptions++;
}

static void set_timer(suseconds_t microseconds) {
  const struct itimerval timer = {{0, microseconds}, {0, microseconds}};
  ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static float *train(s3rec_backend backend, suseconds_t interval, size_t *count) {
  s3rec_context_options options;
  s3rec_trainer_options trainer_options;
  s3rec_context *context;
  s3rec_trainer *trainer;
  s3rec_context_options_init(&options);
  options.thread_count = 1; /* workers block every signal anyway */
  options.backend = backend;
  test_ok(s3rec_context_create(&options, &context));
  s3rec_model *model = test_model(context, &shape, 1);
  s3rec_batch *pretrain = test_pretrain_batch(context, &shape, 2);
  s3rec_batch *finetune = test_finetune_batch(context, &shape, 3);
  s3rec_trainer_options_init(&trainer_options);
  trainer_options.finetune_loss = S3REC_LOSS_CE;
  test_ok(s3rec_trainer_create(model, &trainer_options, &trainer));
  set_timer(interval);
  for (int step = 0; step < STEPS; step++) {
    test_ok(s3rec_pretrain_step(trainer, pretrain, NULL));
    test_ok(s3rec_finetune_step(trainer, finetune, NULL));
  }
  set_timer(0);
  float *weights = test_weights(model, count);
  s3rec_trainer_destroy(trainer);
  s3rec_batch_destroy(finetune);
  s3rec_batch_destroy(pretrain);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
  return weights;
}

START_TEST(handlers_may_interrupt_training) {
  struct sigaction action, previous;
  memset(&action, 0, sizeof action);
  action.sa_handler = count_signal;
  sigaction(SIGALRM, &action, &previous);
  size_t count, interrupted_count;
  float *quiet = train(backends[_i], 0, &count);
  interruptions = 0;
  float *interrupted = train(backends[_i], INTERVAL_US, &interrupted_count);
  sigaction(SIGALRM, &previous, NULL);
  ck_assert_int_gt(interruptions, 10);
  ck_assert_uint_eq(count, interrupted_count);
  ck_assert_int_eq(memcmp(quiet, interrupted, count * sizeof *quiet), 0);
  free(quiet);
  free(interrupted);
}
END_TEST

START_TEST(signal_mask_is_given_back) {
  sigset_t before, after, own;
  size_t count;
  sigemptyset(&own);
  sigaddset(&own, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &own, NULL);
  pthread_sigmask(SIG_SETMASK, NULL, &before);
  free(train(backends[_i], 0, &count));
  pthread_sigmask(SIG_SETMASK, NULL, &after);
  pthread_sigmask(SIG_UNBLOCK, &own, NULL);
  for (int number = 1; number < NSIG; number++)
    ck_assert_int_eq(sigismember(&before, number), sigismember(&after, number));
}
END_TEST

TEST_SUITE(signals) {
  TCase *cases = tcase_create("signals");
  const int count = (int)(sizeof backends / sizeof *backends);
  tcase_add_loop_test(cases, handlers_may_interrupt_training, 0, count);
  tcase_add_loop_test(cases, signal_mask_is_given_back, 0, count);
  test_add_cases(suite, cases, NULL);
}
