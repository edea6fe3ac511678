/* SPDX-License-Identifier: Apache-2.0 */
/* Names and their numbers. All names are in one text, each ended by NUL, and a permutation
 * sorts them by their bytes. Finding a name therefore needs no hash table, and a vocabulary
 * in a mapped model file can be used as it is (docs/design.md). */
#ifndef S3_NAMES_VOCABULARY_H
#define S3_NAMES_VOCABULARY_H

#include "base/context.h"
#include "names/names.h"

struct s3rec_vocabulary {
  atomic_size_t references;
  s3rec_context *context;
  int32_t first_id;
  s3_names names; /* its arrays belong to the vocabulary: allocated, or in a mapping */
  s3_mapping text_mapping, offsets_mapping, order_mapping;
};

/* A vocabulary whose arrays are NULL and for the caller to set. It may be released before
 * that. */
s3rec_status s3_vocabulary_allocate(s3rec_context *context, s3rec_name_kind kind, int32_t first_id,
                                    size_t count, s3rec_vocabulary **vocabulary);

/* s3rec_vocabulary_create; no pointer is NULL. */
s3rec_status s3_vocabulary_create(s3rec_context *context, s3rec_name_kind kind, int32_t first_id,
                                  const char *text, const int64_t *offsets, size_t count,
                                  s3rec_vocabulary **vocabulary);

/* One more reference; NULL is fine for both. */
s3rec_vocabulary *s3_vocabulary_retain(s3rec_vocabulary *vocabulary);
void s3_vocabulary_release(s3rec_vocabulary *vocabulary);

#endif
