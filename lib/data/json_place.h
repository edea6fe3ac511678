/* SPDX-License-Identifier: Apache-2.0 */
/* jansson tells the place of malformed text but not that of a value; this finds
 * it again in the text of a valid document. What comes before it must be right:
 * keys that are integers, values that are arrays of integers. */
#ifndef S3_DATA_JSON_PLACE_H
#define S3_DATA_JSON_PLACE_H

#include <stddef.h>

typedef enum s3_json_part {
  S3_JSON_ROOT,
  S3_JSON_KEY,    /* of entry e of the root object */
  S3_JSON_VALUE,  /* of that entry */
  S3_JSON_ELEMENT /* element k of that value, an array */
} s3_json_part;

/* Both from 1; columns count characters, as jansson's do. */
typedef struct s3_json_place {
  size_t line, column;
} s3_json_place;

s3_json_place s3_json_find(const char *bytes, size_t count, s3_json_part part, size_t entry,
                           size_t element);

#endif
