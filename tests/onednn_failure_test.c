/* SPDX-License-Identifier: Apache-2.0 */
/* The backend onednn when oneDNN, or the system under it, fails (failing_onednn.h). */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/error.h"
#include "dnnl/engine.h"
#include "encoder/encoder.h"
#include "failing_onednn.h"
#include "support/hooks.h"
#include "support/suite.h"
#include "support/training.h"

static s3rec_context *onednn_context(test_hooks *hooks) {
  s3rec_context_options options;
  s3rec_context *context = NULL;
  s3rec_context_options_init(&options);
  test_hooks_install(hooks, &options);
  options.backend = S3REC_BACKEND_ONEDNN;
  options.thread_count = 1;
  test_ok(s3rec_context_create(&options, &context));
  return context;
}

typedef struct world {
  s3rec_context *context;
  s3rec_batch *batch;
  test_shape shape;
  s3rec_trainer_options options;
  bool pretrain;
} world;

/* The first step of a new trainer on a new model. The n-th call of oneDNN fails; then the same
 * trainer steps again. Returns false when no call failed. */
static bool fails_at(const world *w, long n, const float *expected) {
  s3rec_model *model = test_model(w->context, &w->shape, 1);
  s3rec_trainer *trainer;
  size_t count;
  test_ok(s3rec_trainer_create(model, &w->options, &trainer));
  float *before = test_weights(model, &count);
  s3rec_status (*const step)(s3rec_trainer *, const s3rec_batch *, s3rec_losses *) =
      w->pretrain ? s3rec_pretrain_step : s3rec_finetune_step;
  const int kind = (int)(n % FAILING_KINDS);
  failing_onednn_set(n, kind);
  const s3rec_status status = step(trainer, w->batch, NULL);
  const bool failed = failing_onednn_failed();
  failing_onednn_set(0, 0);
  ck_assert_msg(status == (failed ? S3REC_ERROR_ENGINE : S3REC_OK), "call %ld: %s: %s", n,
                s3rec_status_name(status), s3rec_last_error());
  if (failed) {
    ck_assert_msg(strncmp(s3rec_last_error(), "oneDNN ", 7) == 0 &&
                      strstr(s3rec_last_error(), failing_texts[kind]) != NULL,
                  "call %ld: %s", n, s3rec_last_error());
    ck_assert(test_same_weights(model, before));
    ck_assert_uint_eq(s3rec_trainer_step_count(trainer), 0);
    test_ok(step(trainer, w->batch, NULL));
  }
  ck_assert(test_same_weights(model, expected));
  free(before);
  s3rec_trainer_destroy(trainer);
  s3rec_model_destroy(model);
  return failed;
}

/* Loop: pretraining, then fine-tuning with each of the losses. A failed call is an ENGINE that
 * changes nothing and leaks nothing, and the next step is as if nothing had been. */
START_TEST(every_call_may_fail) {
  static const s3rec_activation activations[] = {S3REC_GELU, S3REC_RELU, S3REC_SWISH, S3REC_GELU};
  test_hooks hooks = {0};
  world w = {.context = onednn_context(&hooks),
             .shape = {.items = 12, .attributes = 3, .length = 3, .hidden = 6, .layers = 1,
                       .heads = 2, .activation = activations[_i], .dropout = 0.2, .batch = 2},
             .pretrain = _i == 0};
  size_t count;
  s3rec_trainer_options_init(&w.options);
  w.options.shard_count = 1;
  w.options.negative_count = 3;
  if (_i > 0) w.options.finetune_loss = (s3rec_finetune_loss)_i;
  w.batch = w.pretrain ? test_pretrain_batch(w.context, &w.shape, 2)
                       : test_finetune_batch(w.context, &w.shape, 2);
  s3rec_model *model = test_model(w.context, &w.shape, 1);
  s3rec_trainer *trainer;
  test_ok(s3rec_trainer_create(model, &w.options, &trainer));
  test_ok(w.pretrain ? s3rec_pretrain_step(trainer, w.batch, NULL)
                     : s3rec_finetune_step(trainer, w.batch, NULL));
  float *expected = test_weights(model, &count);
  s3rec_trainer_destroy(trainer);
  s3rec_model_destroy(model);
  long n = 1;
  while (fails_at(&w, n, expected)) n++;
  ck_assert_int_gt(n, 100);
  free(expected);
  s3rec_batch_destroy(w.batch);
  s3rec_context_destroy(w.context);
  test_hooks_assert_empty(&hooks);
}
END_TEST

/* Scoring likewise. */
START_TEST(every_call_of_scoring_may_fail) {
  enum { HIDDEN = 6, LENGTH = 3 };
  static const test_shape shape = {.items = 12, .attributes = 3, .length = LENGTH,
                                   .hidden = HIDDEN, .layers = 2, .heads = 2,
                                   .activation = S3REC_SWISH, .batch = 2};
  static const int32_t history[LENGTH] = {3, 1, 2};
  test_hooks hooks = {0};
  float expected[HIDDEN], vector[HIDDEN];
  bool failed = true;
  long n = 0;
  s3rec_context *context = onednn_context(&hooks);
  s3rec_model *model = test_model(context, &shape, 1);
  s3rec_scorer *scorer;
  test_ok(s3rec_scorer_create(model, &scorer));
  test_ok(s3rec_user_vector(scorer, history, LENGTH, expected, HIDDEN));
  s3rec_scorer_destroy(scorer);
  while (failed) {
    const int kind = (int)(++n % FAILING_KINDS);
    failing_onednn_set(n, kind);
    s3rec_status status = s3rec_scorer_create(model, &scorer);
    const bool made = status == S3REC_OK;
    if (made) status = s3rec_user_vector(scorer, history, LENGTH, vector, HIDDEN);
    failed = failing_onednn_failed();
    failing_onednn_set(0, 0);
    ck_assert_msg(status == (failed ? S3REC_ERROR_ENGINE : S3REC_OK), "call %ld: %s: %s", n,
                  s3rec_status_name(status), s3rec_last_error());
    if (failed) ck_assert(strstr(s3rec_last_error(), failing_texts[kind]) != NULL);
    if (made) {
      test_ok(s3rec_user_vector(scorer, history, LENGTH, vector, HIDDEN));
      ck_assert_mem_eq(vector, expected, sizeof vector);
      s3rec_scorer_destroy(scorer);
    }
  }
  ck_assert_int_gt(n, 50);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}
END_TEST

/* Primitives of more sizes than are kept: the memory stays bounded and the sums right. */
START_TEST(many_sizes) {
  enum { SIDE = 66, KEPT = 4096 };
  static float bias[SIDE], sums[SIDE * SIDE];
  test_hooks hooks = {0};
  s3rec_context *context = onednn_context(&hooks);
  s3_backend *backend;
  test_ok(s3_backend_create(context, &backend));
  const long long blocks = atomic_load(&hooks.live_blocks);
  for (size_t i = 0; i < SIDE; i++) bias[i] = (float)i;
  for (size_t rows = 1; rows < SIDE; rows++) {
    for (size_t width = 1; width < SIDE; width++) {
      memset(sums, 0, sizeof sums);
      test_ok(backend->operations->bias_forward(backend, rows, width, bias, sums));
      for (size_t i = 0; i < rows * width; i++) ck_assert(sums[i] == bias[i % width]);
      ck_assert_int_le(atomic_load(&hooks.live_blocks), blocks + KEPT + 1);
    }
  }
  s3_backend_destroy(backend);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}
END_TEST

START_TEST(other_versions_are_refused) {
  char text[128];
  const int major = failing_onednn_major();
  failing_onednn_pretend(major + 1, failing_threadings[0]);
  test_fails(s3_dnnl_check(), S3REC_ERROR_ENGINE);
  ck_assert_msg(strstr(s3rec_last_error(), "was loaded, but this library was compiled") != NULL,
                "%s", s3rec_last_error());
  for (int i = 0; i < FAILING_THREADINGS; i++) {
    failing_onednn_pretend(major, failing_threadings[i]);
    test_ok(s3_dnnl_check());
    s3_dnnl_describe(text, sizeof text);
    ck_assert_msg(strstr(text, failing_threading_names[i]) != NULL, "%s", text);
  }
  failing_onednn_pretend(0, -1);
}
END_TEST

/* The system has no memory, none for executable pages, or allows none. */
START_TEST(no_executable_pages) {
  struct rlimit before, none;
  ck_assert_int_eq(getrlimit(RLIMIT_AS, &before), 0);
  none = before;
  none.rlim_cur = 0;
  ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
  const s3rec_status status = s3_dnnl_may_generate();
  ck_assert_int_eq(setrlimit(RLIMIT_AS, &before), 0);
  test_status(status, S3REC_ERROR_MEMORY, "no memory");
  failing_mprotect_set(ENOMEM);
  test_fails(s3_dnnl_may_generate(), S3REC_ERROR_MEMORY);
  failing_mprotect_set(EACCES);
  test_fails(s3_dnnl_may_generate(), S3REC_ERROR_ENGINE);
  ck_assert(strstr(s3rec_last_error(), "executable memory") != NULL);
  test_hooks hooks = {0};
  s3rec_context *context = onednn_context(&hooks);
  s3_backend *backend;
  test_fails(s3_backend_create(context, &backend), S3REC_ERROR_ENGINE);
  s3rec_context_destroy(context);
  failing_mprotect_set(0);
  test_ok(s3_dnnl_may_generate());
}
END_TEST

/* A host's number of OpenMP threads is as it was after the library computed, whether 1 or 3. */
START_TEST(the_hosts_threads_stay) {
  int (*get)(void) = NULL;
  void (*set)(int) = NULL;
  void *found = dlsym(RTLD_DEFAULT, "omp_get_max_threads");
  if (found == NULL) {
    test_skip("this oneDNN does not thread by OpenMP");
    return;
  }
  memcpy(&get, &found, sizeof get);
  found = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
  memcpy(&set, &found, sizeof set);
  test_hooks hooks = {0};
  s3rec_context *context = onednn_context(&hooks);
  s3_backend *backend;
  const float bias[2] = {1, 2};
  float sums[2] = {0};
  test_ok(s3_backend_create(context, &backend));
  for (int threads = 1; threads <= 3; threads += 2) {
    set(threads);
    test_ok(backend->operations->bias_forward(backend, 1, 2, bias, sums));
    ck_assert_int_eq(get(), threads);
  }
  ck_assert(sums[0] == 2 && sums[1] == 4);
  s3_backend_destroy(backend);
  s3rec_context_destroy(context);
}
END_TEST

TEST_SUITE(onednn_failure) {
  TCase *cases = tcase_create("failure");
  tcase_add_loop_test(cases, every_call_may_fail, 0, 4);
  tcase_add_test(cases, every_call_of_scoring_may_fail);
  tcase_add_test(cases, many_sizes);
  tcase_add_test(cases, other_versions_are_refused);
  tcase_add_test(cases, no_executable_pages);
  tcase_add_test(cases, the_hosts_threads_stay);
  test_add_cases(suite, cases, NULL);
}
