/* SPDX-License-Identifier: Apache-2.0 */
/* Names in arrays: what a vocabulary and a model file hold. */
#ifndef S3_BASE_NAMES_H
#define S3_BASE_NAMES_H

#include "base/context.h"
#include "s3rec/vocabulary.h"

/* Most names, as many as a model may have items. */
#define S3_MAX_NAME_COUNT ((size_t)INT32_MAX - 2)

/*   text     f o o 0 b a r 0     every name ended by NUL
 *   offsets  0 4 8               [count + 1]
 *   order    1 0                 [count] which name comes first, second, ... by its bytes */
typedef struct s3_names {
  s3rec_name_kind kind;
  size_t count;
  char *text;
  int64_t *offsets;
  int32_t *order;
} s3_names;

static inline const char *s3_name(const s3_names *names, size_t index) {
  return names->text + names->offsets[index];
}
static inline size_t s3_name_length(const s3_names *names, size_t index) {
  return (size_t)(names->offsets[index + 1] - names->offsets[index]) - 1;
}

/* FORMAT unless every name may be one of this kind; the failure's text begins with `where`.
 * Needs offsets that fit the text, each name ended by NUL. */
s3rec_status s3_names_check_text(const s3_names *names, const char *where);

/* Fills in names->order. FORMAT, naming both, when two names are the same. */
s3rec_status s3_names_sort(const s3rec_context *context, const s3_names *names);

/* Which names these are, -1 for those that are not there: query i is text[offsets[i]] ..
 * text[offsets[i + 1] - 1]. `base` is added to an index that is found. */
void s3_names_find(const s3_names *names, const char *text, const int64_t *offsets, size_t count,
                   int32_t base, int32_t *ids);

#endif
