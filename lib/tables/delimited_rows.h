/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of fields with a delimiter between them: CSV as RFC 4180 has it, or without quotes. */
#ifndef S3_TABLES_DELIMITED_ROWS_H
#define S3_TABLES_DELIMITED_ROWS_H

#include "tables/text_window.h"

enum { S3_MAX_DELIMITER_LENGTH = 8, S3_MAX_FIELD_COUNT = 65536 };

/* Ended by NUL, though it may hold others. */
typedef struct s3_field {
  const char *text;
  size_t length;
} s3_field;

typedef struct s3_delimiter {
  char bytes[S3_MAX_DELIMITER_LENGTH + 1];
  size_t length;
  bool quoted; /* fields may be in quotation marks */
} s3_delimiter;

/* A row; starts all zero. */
typedef struct s3_row {
  uint64_t line; /* where it begins */
  size_t field_count, begin_capacity, field_capacity;
  size_t *begin; /* [field_count], offsets while the window may still move */
  s3_field *fields;
  const char *fault; /* what is wrong with the row, else NULL */
} s3_row;

void s3_row_free(const s3rec_context *context, s3_row *row);

/* Reads the next row that is not an empty line; its fields last until the window is used
 * again. FORMAT (the file cannot be read on) when a quoted field has no end. */
s3rec_status s3_delimited_next(s3_text_window *window, const s3_delimiter *delimiter, s3_row *row,
                               bool *found);

#endif
