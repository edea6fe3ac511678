/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of items as lists, from arrays or from a file {"item": [attribute, ...], ...}. */
#ifndef S3_DATA_ATTRIBUTE_FILE_H
#define S3_DATA_ATTRIBUTE_FILE_H

#include "data/ragged.h"

enum { S3_MAX_ATTRIBUTE_ID = 2147483646 };

typedef struct s3_attribute_lists {
  int32_t *items;  /* [lists.row_count], rising */
  s3_ragged lists; /* each sorted, distinct */
  size_t ignored;  /* number of lists of items above max_item, which are left out */
} s3_attribute_lists;

/* Keeps the lists of items up to `max_item`. *attribute_size is one more than the largest
 * attribute of the whole file, or 1 when there is none. */
s3rec_status s3_attribute_file_read(const s3rec_context *context, const char *path,
                                    int32_t max_item, s3_attribute_lists *attributes,
                                    int32_t *attribute_size);

/* Sorts the lists by item and each list by attribute. Repeats and the lists of items above
 * `max_item` are left out. FORMAT when an item has two lists; `repeated`, which may be NULL, is
 * then the number of the second one. */
s3rec_status s3_attribute_lists_make(const s3rec_context *context, size_t count,
                                     const int32_t *items, const int64_t *offsets,
                                     const int32_t *values, int32_t max_item,
                                     s3_attribute_lists *attributes, size_t *repeated);

#endif
