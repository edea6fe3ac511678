/* SPDX-License-Identifier: Apache-2.0 */
/* Vocabularies for the suites about names. */
#ifndef S3_TESTS_VOCABULARY_FIXTURE_H
#define S3_TESTS_VOCABULARY_FIXTURE_H

#include <stdbool.h>

#include "s3rec/model.h"

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

/* Names of all kinds of letters, for a model of six items and two attributes. */
enum { FIXTURE_FRUITS = 6, FIXTURE_COLOURS = 2 };
extern const char *const fixture_fruits[FIXTURE_FRUITS];
extern const char *const fixture_colours[FIXTURE_COLOURS];

/* A small model without names. */
s3rec_model *fixture_model(s3rec_context *context, int32_t items, int32_t attributes,
                           int32_t hidden);

/* The names of both kinds that a file gives are these; NULL: none. */
void fixture_assert_file(s3rec_context *context, const char *path, bool map,
                         const fixture_names *items, const fixture_names *attributes,
                         s3rec_name_kind kind);

#endif
