/* SPDX-License-Identifier: Apache-2.0 */
/* Vocabularies for the suites about names. */
#ifndef S3_TESTS_VOCABULARY_FIXTURE_H
#define S3_TESTS_VOCABULARY_FIXTURE_H

#include "s3rec/vocabulary.h"

/* Names in one text, as s3rec_vocabulary_create takes them. */
typedef struct fixture_names {
  char *text;
  int64_t *offsets;
  size_t count;
} fixture_names;

/* `count` names by `format` ("item-%zu") with 0, 1, ... times `factor` modulo 2^64 in it. */
fixture_names fixture_numbered(size_t count, const char *format, uint64_t factor);
/* Names of a list; those that begin with NUL are "". */
fixture_names fixture_listed(const char *const *names, size_t count);
void fixture_names_free(fixture_names *names);

/* Fails the running check when the names are refused. */
s3rec_vocabulary *fixture_vocabulary(s3rec_context *context, s3rec_name_kind kind, int32_t first_id,
                                     const fixture_names *names);

/* Every name comes back by its id and is found by its bytes, one by one and all at once. */
void fixture_assert_names(const s3rec_vocabulary *vocabulary, const fixture_names *names);

#endif
