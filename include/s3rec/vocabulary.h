/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Names of items, users and attributes: ids of any kind, beside the numbers that are
 * computed with. */
#ifndef S3REC_VOCABULARY_H
#define S3REC_VOCABULARY_H

#include "s3rec/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Names and their numbers, to be looked up in both directions; numbers count from a first id.
 * A vocabulary never changes, so any number of threads may use one. Datasets that were made from
 * events have them, and model files keep those of items and attributes. */
typedef struct s3rec_vocabulary s3rec_vocabulary;

/** What the names were before they became text, so that a binding can give them back in their
 * own type. */
typedef enum s3rec_name_kind {
  S3REC_NAMES_TEXT = 1,   /**< any text */
  S3REC_NAMES_INTEGER = 2 /**< each is an int64 in decimal without leading zeros */
} s3rec_name_kind;

/** Longest name in bytes. Since 0.2. */
#define S3REC_MAX_NAME_LENGTH 4096
/** The same, for languages that do not read headers of C. Any thread. Since 0.3. */
S3REC_API size_t s3rec_max_name_length(void);

/** Names from one text: name i is text[offsets[i]] .. text[offsets[i + 1] - 1] and gets the
 * id first_id + i; offsets [count + 1] start at 0 and never fall (Arrow's large_string).
 * All is copied. Names are distinct, 1..S3REC_MAX_NAME_LENGTH bytes of valid UTF-8
 * without NUL. first_id is 0 or 1: 1 for items, 0 for users and attributes.
 * On success *vocabulary belongs to the caller. Statuses: ARGUMENT, MEMORY; FORMAT
 * (names the index and what is wrong with it). Any thread. Since 0.2. */
S3REC_API s3rec_status s3rec_vocabulary_create(s3rec_context *context, s3rec_name_kind kind,
                                               int32_t first_id, const char *text,
                                               const int64_t *offsets, size_t count,
                                               s3rec_vocabulary **vocabulary);

/** Gives the caller's reference back; NULL is fine. Any thread. Since 0.2. */
S3REC_API void s3rec_vocabulary_destroy(s3rec_vocabulary *vocabulary);

/** How many names; 0 for NULL. Any thread. Since 0.2. */
S3REC_API size_t s3rec_vocabulary_count(const s3rec_vocabulary *vocabulary);
/** Id of the first name; 0 for NULL. Any thread. Since 0.2. */
S3REC_API int32_t s3rec_vocabulary_first_id(const s3rec_vocabulary *vocabulary);
/** Kind of all names; TEXT for NULL. Any thread. Since 0.2. */
S3REC_API s3rec_name_kind s3rec_vocabulary_kind(const s3rec_vocabulary *vocabulary);

/** Name of an id, ended by NUL and borrowed while the vocabulary lives; `length` (without
 * the NUL) may be NULL. Statuses: ARGUMENT; NOT_FOUND (no such id). Any thread. Since 0.2. */
S3REC_API s3rec_status s3rec_vocabulary_name(const s3rec_vocabulary *vocabulary, int32_t id,
                                             const char **name, size_t *length);
/** All names at once, borrowed likewise: name i begins at text[offsets[i]] and ends before
 * text[offsets[i + 1] - 1], which is NUL. Either pointer may be NULL. Status: ARGUMENT. Any
 * thread. Since 0.2. */
S3REC_API s3rec_status s3rec_vocabulary_text(const s3rec_vocabulary *vocabulary,
                                             const char **text, const int64_t **offsets);

/** Id of a name of `length` bytes. Statuses: ARGUMENT; NOT_FOUND (*id is untouched). Any
 * thread. Since 0.2. */
S3REC_API s3rec_status s3rec_vocabulary_find(const s3rec_vocabulary *vocabulary, const char *name,
                                             size_t length, int32_t *id);
/** Ids of many names, given as in s3rec_vocabulary_create: ids [count], -1 for names that
 * are not there, which a history may contain (scoring passes over them). Status: ARGUMENT.
 * Any thread. Since 0.2. */
S3REC_API s3rec_status s3rec_vocabulary_find_many(const s3rec_vocabulary *vocabulary,
                                                  const char *text, const int64_t *offsets,
                                                  size_t count, int32_t *ids);

#ifdef __cplusplus
}
#endif
#endif
