/* SPDX-License-Identifier: Apache-2.0 */
/* What the suites of lib/data share: contexts that count and refuse memory,
 * small files, small datasets. */
#ifndef S3_TESTS_DATA_FIXTURE_H
#define S3_TESTS_DATA_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "s3rec/s3rec.h"

typedef struct fixture_memory {
  size_t live;    /* blocks not given back */
  size_t calls;   /* allocations asked for */
  size_t fail_at; /* the call, from 1, that gets NULL; 0 = none */
} fixture_memory;

/* A context on these hooks; fails the running check when there is none. */
s3rec_context *fixture_context(fixture_memory *memory);

/* Writes a file into a folder of its own and returns its path, valid until the
 * name is written again; fixture_clean removes all. */
const char *fixture_file(const char *name, const void *bytes, size_t count);
const char *fixture_text(const char *name, const char *text);
void fixture_clean(void);

/* Fails the running check unless the call failed with this status and the text
 * after `path` (NULL: the whole text) is `expected`. */
void fixture_expect(s3rec_status status, s3rec_status expected_status, const char *path,
                    const char *expected);

/* Users of lengths[0..count-1]; user u's items are unique to it: 1 + the number
 * of items before. Item i has attributes i % 7 and 7 + i % 5; every 4th none. */
s3rec_dataset *fixture_unique_dataset(s3rec_context *context, const int32_t *lengths,
                                      size_t count);

/* Runs `scenario` again and again, letting the 1st, 2nd, ... allocation fail,
 * until it goes through. It returns the first status that was not OK and frees
 * all that it made; the result is the number of failures seen. */
size_t fixture_fail_each(s3rec_status (*scenario)(s3rec_context *context));

#endif
