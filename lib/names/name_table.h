/* SPDX-License-Identifier: Apache-2.0 */
/* A growing table of names, numbered from 0 in the order in which they are first seen. A
 * vocabulary is made of it when no more names come. */
#ifndef S3_NAMES_NAME_TABLE_H
#define S3_NAMES_NAME_TABLE_H

#include "base/context.h"
#include "base/keyed_hash.h"

/* Starts all zero. */
typedef struct s3_name_table {
  char *text;
  size_t text_capacity;
  int64_t *offsets; /* [count + 1]; name i is text[offsets[i]] .. text[offsets[i + 1] - 1] */
  size_t offsets_capacity;
  uint32_t *hashes; /* [count], to tell most names apart and to grow without the text */
  size_t hashes_capacity;
  size_t count;
  uint32_t *slots;   /* open addressing, at most half full: index + 1, or 0 */
  size_t slot_count; /* a power of two */
  s3_hash_key key;
} s3_name_table;

/* Gives the number of a name and adds the name when it is new. */
s3rec_status s3_name_table_add(const s3rec_context *context, s3_name_table *table, const char *name,
                               size_t length, int32_t *index);
/* Removes all names from number `count` on; cannot fail. */
void s3_name_table_truncate(s3_name_table *table, size_t count);
void s3_name_table_free(const s3rec_context *context, s3_name_table *table);

/* Why a text cannot be a name, such as "empty"; NULL when it can. */
const char *s3_name_fault(const char *text, size_t length);

static inline const char *s3_name_table_get(const s3_name_table *table, size_t index,
                                            size_t *length) {
  *length = (size_t)(table->offsets[index + 1] - table->offsets[index]);
  return table->text + table->offsets[index];
}

#endif
