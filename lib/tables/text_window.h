/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a text file that a reader works on: lines are found behind `begin` and
 * stay in one piece, however long a row gets. */
#ifndef S3_TABLES_TEXT_WINDOW_H
#define S3_TABLES_TEXT_WINDOW_H

#include "tables/byte_source.h"

/* A row that is longer than this is no row but a file of another kind. */
enum { S3_MAX_ROW_SIZE = 1 << 24 };

typedef struct s3_text_window {
  const s3rec_context *context;
  const char *path;
  s3_byte_source *source;
  char *bytes;
  size_t capacity, begin, end; /* bytes[end] may be written to */
  bool ended;                  /* the file has nothing behind `end` */
  uint64_t line;               /* number of the line at `begin`, from 1 */
} s3_text_window;

/* A line, as offsets behind `begin`. */
typedef struct s3_text_line {
  size_t stop;     /* behind its text, before LF or CR LF */
  size_t next;     /* where the next line begins */
  bool terminated; /* a line end is there: else the file ends here */
} s3_text_line;

/* Opens the file and skips a byte order mark. */
s3rec_status s3_text_window_open(const s3rec_context *context, const char *path,
                                 s3_text_window *window);
/* Fine for a window of zeros. */
void s3_text_window_close(s3_text_window *window);

/* The line at offset `from`, which is behind all that the file has when it has ended;
 * pointers into the window are then no longer valid. */
s3rec_status s3_text_window_line(s3_text_window *window, size_t from, s3_text_line *line);

/* Moves `begin` behind a line. */
static inline void s3_text_window_pass(s3_text_window *window, s3_text_line line) {
  window->begin += line.next;
  window->line += line.terminated;
}

/* Goes to the next line that is not empty; false at the end. */
s3rec_status s3_text_window_next(s3_text_window *window, s3_text_line *line, bool *found);

#endif
