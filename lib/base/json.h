/* SPDX-License-Identifier: Apache-2.0 */
/* Error texts about JSON: what jansson says about a text that it refuses, and the place of
 * a value in a text that it took. jansson tells the place of malformed text only. */
#ifndef S3_BASE_JSON_H
#define S3_BASE_JSON_H

#include <jansson.h>

#include "base/error.h"

/* MEMORY, or FORMAT with "path:line:column: part: reason". `text` is what was
 * read; `part` is "" for a whole file, else a name such as "header: ". */
s3rec_status s3_fail_json(const char *path, const char *part, const char *text,
                          const json_error_t *error);

/* "an object", "a string", "null" ...: what a value is, for error texts. */
const char *s3_json_type_name(const json_t *value);

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

/* Finds a part of a valid document {"1": [2, 3], ...} in its text. All entries before the
 * one that is sought must be right: keys are integers, values are arrays of integers. */
s3_json_place s3_json_find(const char *bytes, size_t count, s3_json_part part, size_t entry,
                           size_t element);

#endif
