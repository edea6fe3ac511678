/* SPDX-License-Identifier: Apache-2.0 */
/* Names and their numbers. Each name is ended by NUL in one text, and a permutation sorts
 * them by their bytes, so that finding one needs no table of hashes: a vocabulary in a
 * model file is ready as it lies there (docs/design.md). */
#ifndef S3_NAMES_VOCABULARY_H
#define S3_NAMES_VOCABULARY_H

#include "base/context.h"
#include "base/mapping.h"
#include "names/names.h"

struct s3rec_vocabulary {
  atomic_size_t references;
  s3rec_context *context;
  int32_t first_id;
  s3_names names; /* its arrays belong to the vocabulary: allocated, or here */
  s3_mapping text_mapping, offsets_mapping, order_mapping;
};

/* A vocabulary whose arrays are NULL, for the caller to set; it may be released so. */
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
