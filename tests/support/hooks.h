/* SPDX-License-Identifier: Apache-2.0 */
/* An allocator hook that counts, can fail, and knows what is still alive. */
#ifndef S3_TESTS_SUPPORT_HOOKS_H
#define S3_TESTS_SUPPORT_HOOKS_H

#include <stdatomic.h>

#include "s3rec/context.h"

typedef struct test_hooks {
  atomic_llong allocations; /* calls so far */
  atomic_llong live_blocks, live_bytes;
  atomic_llong peak_bytes; /* the most that was alive */
  atomic_llong countdown; /* 1: the next call fails, ...; 0 or less: none does */
} test_hooks;

/* Sets the allocator of `options` to count in `hooks` (all zeros at first). */
void test_hooks_install(test_hooks *hooks, s3rec_context_options *options);

/* A context of default options that allocates by zeroed `hooks`; fails the
 * running check when it cannot. */
s3rec_context *test_hooks_context(test_hooks *hooks);

/* The same with limits. */
s3rec_context *test_hooks_limited(test_hooks *hooks, const s3rec_limits *limits);

/* Fails the running check unless everything allocated was given back. */
void test_hooks_assert_empty(test_hooks *hooks);

/* Runs `action` again and again with its first, second, ... allocation failing,
 * until it gets through, and returns how often it failed. Checks that each time
 * it reports S3REC_ERROR_MEMORY and leaves no block allocated, so the action has to
 * destroy what it makes. */
size_t test_every_allocation_fails(test_hooks *hooks, s3rec_status (*action)(void *argument),
                                   void *argument);

#endif
