/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of integers separated by spaces or tabs, with the exact place of
 * everything that is wrong. Lines and columns count from 1, columns in bytes
 * behind a byte order mark (before an error all is ASCII). */
#ifndef S3_TABLES_TEXT_READER_H
#define S3_TABLES_TEXT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "s3rec/status.h"

typedef struct s3_text_reader {
  const char *path;
  const char *at, *end; /* next byte; behind the last one */
  const char *line_begin;
  size_t line;
} s3_text_reader;

/* Bytes of a UTF-8 byte order mark at the start, 0 or 3. */
size_t s3_text_mark_length(const char *bytes, size_t count);

/* Starts on a whole file's bytes, behind a byte order mark. */
s3_text_reader s3_text_begin(const char *path, const char *bytes, size_t count);

/* Skips white space over line ends to the next number; false at the end. */
bool s3_text_next_line(s3_text_reader *reader);

/* Skips blanks; true when the line holds nothing more. */
bool s3_text_line_ended(s3_text_reader *reader);

/* Reads the integer that starts here; `what` names it in the error text. */
s3rec_status s3_text_number(s3_text_reader *reader, const char *what, int64_t minimum,
                            int64_t maximum, int64_t *value);

/* Column of a place on the current line. */
size_t s3_text_column(const s3_text_reader *reader, const char *place);

#endif
