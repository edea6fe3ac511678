/* SPDX-License-Identifier: Apache-2.0 */
#include "support/hooks.h"

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>

static void *hooked_allocate(size_t size, size_t alignment, void *user_data) {
  test_hooks *hooks = user_data;
  atomic_fetch_add(&hooks->allocations, 1);
  if (atomic_load(&hooks->countdown) > 0 && atomic_fetch_sub(&hooks->countdown, 1) == 1) {
    return NULL;
  }
  void *memory = NULL;
  if (posix_memalign(&memory, alignment, size) != 0) return NULL;
  atomic_fetch_add(&hooks->live_blocks, 1);
  const long long live = atomic_fetch_add(&hooks->live_bytes, (long long)size) + (long long)size;
  long long peak = atomic_load(&hooks->peak_bytes);
  while (live > peak && !atomic_compare_exchange_weak(&hooks->peak_bytes, &peak, live)) continue;
  return memory;
}

static void hooked_deallocate(void *memory, size_t size, void *user_data) {
  test_hooks *hooks = user_data;
  atomic_fetch_sub(&hooks->live_blocks, 1);
  atomic_fetch_sub(&hooks->live_bytes, (long long)size);
  free(memory);
}

void test_hooks_install(test_hooks *hooks, s3rec_context_options *options) {
  options->allocate = hooked_allocate;
  options->deallocate = hooked_deallocate;
  options->allocator_user_data = hooks;
}

s3rec_context *test_hooks_context(test_hooks *hooks) { return test_hooks_limited(hooks, NULL); }

s3rec_context *test_hooks_limited(test_hooks *hooks, const s3rec_limits *limits) {
  s3rec_context_options options;
  s3rec_context_options_init(&options);
  options.limits = limits;
  *hooks = (test_hooks){0};
  test_hooks_install(hooks, &options);
  s3rec_context *context = NULL;
  ck_assert_msg(s3rec_context_create(&options, &context) == S3REC_OK, "%s", s3rec_last_error());
  return context;
}

void test_hooks_assert_empty(test_hooks *hooks) {
  ck_assert_int_eq(atomic_load(&hooks->live_blocks), 0);
  ck_assert_int_eq(atomic_load(&hooks->live_bytes), 0);
}

size_t test_every_allocation_fails(test_hooks *hooks, s3rec_status (*action)(void *argument),
                                   void *argument) {
  const long long blocks = atomic_load(&hooks->live_blocks);
  const long long bytes = atomic_load(&hooks->live_bytes);
  for (size_t failures = 0;; failures++) {
    atomic_store(&hooks->countdown, (long long)failures + 1);
    const s3rec_status status = action(argument);
    const bool failed = atomic_load(&hooks->countdown) <= 0;
    atomic_store(&hooks->countdown, 0);
    ck_assert_int_eq(atomic_load(&hooks->live_blocks), blocks);
    ck_assert_int_eq(atomic_load(&hooks->live_bytes), bytes);
    const s3rec_status expected = failed ? S3REC_ERROR_MEMORY : S3REC_OK;
    ck_assert_msg(status == expected, "after %zu failures: %s: %s", failures,
                  s3rec_status_name(status), s3rec_last_error());
    if (!failed) return failures;
  }
}
