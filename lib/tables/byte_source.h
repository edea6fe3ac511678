/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a file in order, decompressed where they are gzip's. */
#ifndef S3_TABLES_BYTE_SOURCE_H
#define S3_TABLES_BYTE_SOURCE_H

#include "base/context.h"

typedef struct s3_byte_source s3_byte_source;

/* Looks at the first bytes, not at the name, to see whether the file is compressed.
 * `path` must stay as long as the source. */
s3rec_status s3_byte_source_open(const s3rec_context *context, const char *path,
                                 s3_byte_source **source);
/* Reads 1..capacity bytes; *count is 0 at the end only. IO for compressed data that are
 * broken or cut short. */
s3rec_status s3_byte_source_read(s3_byte_source *source, char *bytes, size_t capacity,
                                 size_t *count);
/* NULL is fine. */
void s3_byte_source_close(s3_byte_source *source);

#endif
