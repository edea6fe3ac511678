/* SPDX-License-Identifier: Apache-2.0 */
#include "support/hooks.h"

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
  atomic_fetch_add(&hooks->live_bytes, (long long)size);
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
