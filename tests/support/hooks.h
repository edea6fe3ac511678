/* SPDX-License-Identifier: Apache-2.0 */
/* An allocator hook that counts, can fail, and knows what is still alive. */
#ifndef S3_TESTS_SUPPORT_HOOKS_H
#define S3_TESTS_SUPPORT_HOOKS_H

#include <stdatomic.h>

#include "s3rec/context.h"

typedef struct test_hooks {
  atomic_llong allocations; /* calls so far */
  atomic_llong live_blocks, live_bytes;
  atomic_llong countdown; /* 1: the next call fails, ...; 0 or less: none does */
} test_hooks;

/* Sets the allocator of `options` to count in `hooks` (all zeros at first). */
void test_hooks_install(test_hooks *hooks, s3rec_context_options *options);

#endif
