/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted names in arrays, as a vocabulary and a model file hold them. */
#ifndef S3_NAMES_NAMES_H
#define S3_NAMES_NAMES_H

#include "base/context.h"
#include "s3rec/vocabulary.h"

/* The largest number of names: as many as a model may have items. */
#define S3_MAX_NAME_COUNT ((size_t)INT32_MAX - 2)

/*   text     f o o 0 b a r 0     every name ended by NUL
 *   offsets  0 4 8               [count + 1]
 *   order    1 0                 [count] which name comes first, second, ... by its bytes */
typedef struct s3_names {
  s3rec_name_kind kind;
  size_t count;
  const char *text;
  const int64_t *offsets;
  const int32_t *order;
} s3_names;

static inline const char *s3_name(const s3_names *names, size_t index) {
  return names->text + names->offsets[index];
}
static inline size_t s3_name_length(const s3_names *names, size_t index) {
  return (size_t)(names->offsets[index + 1] - names->offsets[index]) - 1;
}

/* Checks of arrays that came from a file, to be made in this order: each relies on the one
 * before it. They fail with FORMAT and a text that begins with `where`. */

/* Offsets rise from 0 to text_size by lengths of names. */
s3rec_status s3_names_check_offsets(const s3_names *names, size_t text_size, const char *where);
/* Each name ends with its only NUL, is UTF-8 and, if the kind says so, an integer. */
s3rec_status s3_names_check_text(const s3_names *names, const char *where);
/* The order has each name once. That is enough to read safely, but where the names do not
 * rise some are not found. One pass through the order, 2 ms for a million names. */
s3rec_status s3_names_check_permutation(const s3rec_context *context, const s3_names *names,
                                        const char *where);
/* Each name of the order is above the one before it, so no two are the same. The names are
 * read in this order, which takes up to 30 ms for a million. */
s3rec_status s3_names_check_order(const s3_names *names, const char *where);

/* Computes the order of names that have text and offsets. FORMAT when two names are the
 * same; the error text has the numbers of both. */
s3rec_status s3_names_sort(const s3rec_context *context, const s3_names *names, int32_t *order);

/* Number of the first name that is another one in both, the smaller count where there is none. */
size_t s3_names_first_difference(const s3_names *left, const s3_names *right);

/* Finds `count` names: name i is text[offsets[i]] .. text[offsets[i + 1] - 1]. ids[i] is its
 * index plus `base`, or -1 when it is not there. */
void s3_names_find(const s3_names *names, const char *text, const int64_t *offsets, size_t count,
                   int32_t base, int32_t *ids);

#endif
