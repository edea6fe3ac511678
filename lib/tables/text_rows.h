/* SPDX-License-Identifier: Apache-2.0 */
/* Text files, plain or gzip, as lines and as rows of fields with a delimiter between them:
 * CSV as RFC 4180 has it, or without quotation marks. */
#ifndef S3_TABLES_TEXT_ROWS_H
#define S3_TABLES_TEXT_ROWS_H

#include "base/context.h"

typedef struct s3_byte_source s3_byte_source; /* bytes of a file, decompressed */

/* The part of a text file that is in memory. A row stays in one piece, however long it is; LIMIT
 * when it is longer than row_bytes of the context's limits. */
typedef struct s3_text_window {
  const s3rec_context *context;
  const char *path;
  s3_byte_source *source;
  char *bytes;
  size_t capacity, begin, end; /* text is at begin..end-1; bytes[end] may be written to */
  bool ended;                  /* the file has nothing more */
  uint64_t line;               /* number of the line at `begin`, from 1 */
} s3_text_window;

/* A line, as offsets from `begin`. */
typedef struct s3_text_line {
  size_t stop;     /* the end of its text, before LF or CR LF */
  size_t next;     /* where the next line begins */
  bool terminated; /* has a line end; false: the file ends here */
} s3_text_line;

/* Opens the file, plain or gzip, and skips a byte order mark. `path` must stay as long as the
 * window. Here and later LIMIT for more than file_bytes and expansion allow. */
s3rec_status s3_text_window_open(const s3rec_context *context, const char *path,
                                 s3_text_window *window);
/* Fine for a window of zeros. */
void s3_text_window_close(s3_text_window *window);

/* Finds the line at offset `from`; at the end of the file it is empty. Invalidates pointers
 * into the window, because the text may move. */
s3rec_status s3_text_window_line(s3_text_window *window, size_t from, s3_text_line *line);

/* Moves `begin` to the end of a line. */
static inline void s3_text_window_pass(s3_text_window *window, s3_text_line line) {
  window->begin += line.next;
  window->line += line.terminated;
}

/* Goes to the next line that is not empty; false at the end. */
s3rec_status s3_text_window_next(s3_text_window *window, s3_text_line *line, bool *found);

enum { S3_MAX_DELIMITER_LENGTH = 8, S3_MAX_FIELD_COUNT = 65536 };

/* A piece of text. A NUL ends it, and it may have other NULs in it. */
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

/* Reads the next row and skips empty lines. Its fields are valid until the window is used
 * again. FORMAT, and no more can be read, when a quoted field has no end. */
s3rec_status s3_delimited_next(s3_text_window *window, const s3_delimiter *delimiter, s3_row *row,
                               bool *found);

#endif
