/* SPDX-License-Identifier: Apache-2.0 */
/* What jansson says about a text that it did not take. */
#ifndef S3_BASE_JSON_H
#define S3_BASE_JSON_H

#include <jansson.h>

#include "base/error.h"

/* MEMORY, or FORMAT with "path:line:column: part: reason". `text` is what was
 * read; `part` is "" for a whole file, else a name such as "header: ". */
s3rec_status s3_fail_json(const char *path, const char *part, const char *text,
                          const json_error_t *error);

#endif
