/* SPDX-License-Identifier: Apache-2.0 */
/* Training with an allocator that fails at its n-th call, for every n, and one
 * that counts: failures change nothing and leak nothing, and once warm a step
 * asks for no memory. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/suite.h"
#include "support/training.h"

static const test_shape shape = {.items = 90, .attributes = 4, .length = 5, .hidden = 8,
                                 .layers = 1, .heads = 2, .activation = S3REC_RELU,
                                 .dropout = 0.1, .batch = 6};

/* Calls until one fails (negative: none does), calls made, blocks alive. */
typedef struct allocator {
  atomic_long until_failure, calls, alive;
} allocator;

static void *allocate(size_t size, size_t alignment, void *user_data) {
  allocator *a = user_data;
  void *memory = NULL;
  atomic_fetch_add(&a->calls, 1);
  if (atomic_load(&a->until_failure) >= 0 && atomic_fetch_sub(&a->until_failure, 1) <= 0) {
    atomic_store(&a->until_failure, 0); /* and every later call fails too */
    return NULL;
  }
  if (posix_memalign(&memory, alignment, size > 0 ? size : 1) != 0) return NULL;
  atomic_fetch_add(&a->alive, 1);
  return memory;
}

static void deallocate(void *memory, size_t size, void *user_data) {
  allocator *a = user_data;
  (void)size;
  atomic_fetch_sub(&a->alive, 1);
  free(memory);
}

static s3rec_context *context_with(allocator *a, int32_t threads, s3rec_backend backend) {
  s3rec_context_options options;
  s3rec_context *context;
  atomic_store(&a->until_failure, -1);
  atomic_store(&a->calls, 0);
  atomic_store(&a->alive, 0);
  s3rec_context_options_init(&options);
  options.allocate = allocate;
  options.deallocate = deallocate;
  options.allocator_user_data = a;
  options.thread_count = threads;
  options.backend = backend;
  test_ok(s3rec_context_create(&options, &context));
  return context;
}

typedef struct setup {
  allocator allocator;
  s3rec_context *context;
  s3rec_dataset *dataset;
  s3rec_sampler *sampler;
  s3rec_model *model;
  s3rec_batch *pretrain, *finetune;
} setup;

static void set_up(setup *s, int32_t threads, s3rec_backend backend) {
  s3rec_sampler_options options;
  s->context = context_with(&s->allocator, threads, backend);
  s->dataset = test_dataset(s->context, &shape, 6, 3);
  s3rec_sampler_options_init(&options, S3REC_STAGE_PRETRAIN);
  options.max_seq_length = shape.length;
  test_ok(s3rec_sampler_create(s->dataset, &options, &s->sampler));
  s->model = test_model(s->context, &shape, 1);
  s->pretrain = test_pretrain_batch(s->context, &shape, 2);
  s->finetune = test_finetune_batch(s->context, &shape, 2);
}

/* Everything given back, or something leaked. */
static void tear_down(setup *s) {
  s3rec_batch_destroy(s->pretrain);
  s3rec_batch_destroy(s->finetune);
  s3rec_sampler_destroy(s->sampler);
  s3rec_dataset_destroy(s->dataset);
  s3rec_model_destroy(s->model);
  s3rec_context_destroy(s->context);
  ck_assert_int_eq(atomic_load(&s->allocator.alive), 0);
}

typedef struct call {
  setup *setup;
  s3rec_trainer **trainer;
  const char *path;
  s3rec_finetune_loss loss;
} call;
typedef s3rec_status (*call_function)(const call *call);

static s3rec_status call_create(const call *c) {
  s3rec_trainer_options options;
  s3rec_trainer_options_init(&options);
  options.finetune_loss = c->loss;
  options.negative_count = 3;
  return s3rec_trainer_create(c->setup->model, &options, c->trainer);
}
static s3rec_status call_pretrain(const call *c) {
  return s3rec_pretrain_step(*c->trainer, c->setup->pretrain, NULL);
}
static s3rec_status call_finetune(const call *c) {
  return s3rec_finetune_step(*c->trainer, c->setup->finetune, NULL);
}
static s3rec_status call_write(const call *c) {
  float values[8] = {0};
  return s3rec_trainer_gradient_write(*c->trainer, "LayerNorm.bias", values, 8);
}
static s3rec_status call_save(const call *c) {
  return s3rec_trainer_save(*c->trainer, c->setup->sampler, "note", c->path);
}
static s3rec_status call_load(const call *c) {
  return s3rec_trainer_load(*c->trainer, c->setup->sampler, c->path);
}

/* Fails the call at its first, second, ... allocation until it succeeds; returns
 * how many failures that took. */
static int fail_everywhere(call_function function, const call *c) {
  allocator *a = &c->setup->allocator;
  size_t count;
  for (int n = 0;; n++) {
    ck_assert_int_lt(n, 10000);
    float *weights = test_weights(c->setup->model, &count);
    const uint64_t steps = s3rec_trainer_step_count(*c->trainer);
    const long alive = atomic_load(&a->alive);
    atomic_store(&a->until_failure, n);
    const s3rec_status status = function(c);
    atomic_store(&a->until_failure, -1);
    if (status == S3REC_OK) {
      free(weights);
      return n;
    }
    ck_assert_msg(status == S3REC_ERROR_MEMORY, "allocation %d: %s: %s", n,
                  s3rec_status_name(status), s3rec_last_error());
    ck_assert(test_same_weights(c->setup->model, weights));
    ck_assert_uint_eq(s3rec_trainer_step_count(*c->trainer), steps);
    ck_assert((*c->trainer != NULL) == (s3rec_trainer_memory(*c->trainer) > 0));
    /* Buffers may have grown, but only a trainer keeps them. */
    if (*c->trainer == NULL) ck_assert_int_eq(atomic_load(&a->alive), alive);
    free(weights);
  }
}

/* Loop: backend x threads x loss. The troubled trainer ends where a twin with memory
 * enough ends. */
START_TEST(every_allocation_may_fail) {
  static const s3rec_backend backends[] = {S3REC_BACKEND_FUSED, S3REC_BACKEND_ONEDNN};
  char path[64];
  s3rec_trainer *trainer = NULL, *twin_trainer = NULL;
  setup s, twin;
  size_t count;
  snprintf(path, sizeof path, "training_allocation_test.%ld.state", (long)getpid());
  const s3rec_finetune_loss loss = _i < 4 ? S3REC_LOSS_CE : S3REC_LOSS_SAMPLED_CE;
  set_up(&s, 1 + _i / 2 % 2, backends[_i % 2]);
  set_up(&twin, 1 + _i / 2 % 2, backends[_i % 2]);
  const call c = {&s, &trainer, path, loss}, t = {&twin, &twin_trainer, path, loss};
  ck_assert_int_gt(fail_everywhere(call_create, &c), 0);
  ck_assert_int_gt(fail_everywhere(call_pretrain, &c), 0);
  fail_everywhere(call_finetune, &c);
  ck_assert_int_gt(fail_everywhere(call_save, &c), 0);
  test_ok(call_pretrain(&c));
  ck_assert_int_gt(fail_everywhere(call_load, &c), 0);
  ck_assert_uint_eq(s3rec_trainer_step_count(trainer), 2);
  test_ok(s3rec_trainer_compute_gradients(trainer, s.pretrain, NULL));
  fail_everywhere(call_write, &c);
  test_ok(call_finetune(&c));
  test_ok(call_create(&t));
  test_ok(call_pretrain(&t));
  test_ok(call_finetune(&t));
  test_ok(call_finetune(&t));
  float *weights = test_weights(twin.model, &count);
  ck_assert(test_same_weights(s.model, weights));
  free(weights);
  s3rec_trainer_destroy(trainer);
  s3rec_trainer_destroy(twin_trainer);
  tear_down(&s);
  tear_down(&twin);
  remove(path);
}
END_TEST

/* The same batches again: no call for memory, on one thread or several. The sampled
 * softmax has other candidates at every step, some more, some fewer. */
START_TEST(a_warm_step_allocates_nothing) {
  s3rec_trainer_options options;
  s3rec_trainer *trainer;
  setup s;
  s3rec_trainer_options_init(&options);
  options.finetune_loss = (s3rec_finetune_loss)(1 + _i % 3);
  options.negative_count = 46;
  options.max_gradient_norm = 1;
  set_up(&s, _i < 3 ? 1 : 2, S3REC_BACKEND_AUTO);
  test_ok(s3rec_trainer_create(s.model, &options, &trainer));
  test_ok(s3rec_pretrain_step(trainer, s.pretrain, NULL));
  test_ok(s3rec_finetune_step(trainer, s.finetune, NULL));
  const long calls = atomic_load(&s.allocator.calls);
  const size_t memory = s3rec_trainer_memory(trainer);
  for (int i = 0; i < 50; i++) {
    test_ok(s3rec_pretrain_step(trainer, s.pretrain, NULL));
    test_ok(s3rec_finetune_step(trainer, s.finetune, NULL));
  }
  ck_assert_int_eq(atomic_load(&s.allocator.calls), calls);
  ck_assert_uint_eq(s3rec_trainer_memory(trainer), memory);
  s3rec_trainer_destroy(trainer);
  tear_down(&s);
}
END_TEST

TEST_SUITE(training_allocation) {
  TCase *cases = tcase_create("allocation");
  tcase_add_loop_test(cases, every_allocation_may_fail, 0, 8);
  tcase_add_loop_test(cases, a_warm_step_allocates_nothing, 0, 6);
  test_add_cases(suite, cases, NULL);
}
