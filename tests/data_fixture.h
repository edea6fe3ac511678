/* SPDX-License-Identifier: Apache-2.0 */
/* What the suites of lib/data share. */
#ifndef S3_TESTS_DATA_FIXTURE_H
#define S3_TESTS_DATA_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "s3rec/s3rec.h"
#include "support/files.h"
#include "support/hooks.h"

/* Writes a file of the test program's folder. */
test_path fixture_text(const char *name, const char *text);

/* Fails the running check unless the call failed with this status and the text
 * after `path` (NULL: the whole text) is `expected`. */
void fixture_expect(s3rec_status status, s3rec_status expected_status, const char *path,
                    const char *expected);

/* Users of lengths[0..count-1]; user u's items are unique to it: 1 + the number
 * of items before. Item i has attributes i % 7 and 7 + i % 5; every 4th none. */
s3rec_dataset *fixture_unique_dataset(s3rec_context *context, const int32_t *lengths,
                                      size_t count);

/* test_every_allocation_fails for an action on a context of its own, which is
 * the action's argument. */
size_t fixture_fail_each(s3rec_status (*action)(void *context));

#endif
