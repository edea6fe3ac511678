/* SPDX-License-Identifier: Apache-2.0 */
/* A file of rows, delimited or JSONL, and the rule about rows that cannot be used. */
#ifndef S3_TABLES_TABLE_FILE_H
#define S3_TABLES_TABLE_FILE_H

#include <jansson.h>

#include "tables/delimited_rows.h"
#include "s3rec/events.h"

typedef struct s3_table_file {
  const s3rec_context *context;
  const char *path;
  s3rec_table_options options;
  bool is_json;
  s3_delimiter delimiter;
  s3_text_window window;
  s3_row row;          /* delimited; line and fault in JSONL too */
  json_t *object;      /* JSONL: the row */
  bool has_header;     /* names are those of the columns, else their numbers */
  bool row_waits;      /* the first row was looked at and is data */
  size_t column_count; /* delimited: fields of the first row; 0 when there is none */
  char *name_text;
  s3_field *names; /* [column_count], without blanks around them */
  s3rec_table_report report;
} s3_table_file;

/* Opens the file, finds out what it is and reads the names of its columns. `path` and
 * what `options` points to must stay until it is closed. */
s3rec_status s3_table_file_open(const s3rec_context *context, const char *path,
                                const s3rec_table_options *options, s3_table_file *file);
/* Fine for zeros. */
void s3_table_file_close(s3_table_file *file);

/* Reads the next row that can be used; false at the end. */
s3rec_status s3_table_file_next(s3_table_file *file, bool *found);

/* To be called where a row of the file turned out to be bad, with the status of that:
 * OK when it is FORMAT and the row may be left out, else the status to return. */
s3rec_status s3_table_file_leave_out(s3_table_file *file, s3rec_status status);

/* FORMAT with "path:line: part: reason" about the current row. */
#define s3_fail_row(file, part, ...) \
  (s3_set_row_error(file, part, __VA_ARGS__), s3_failed(S3REC_ERROR_FORMAT))
__attribute__((format(printf, 3, 4))) void s3_set_row_error(const s3_table_file *file,
                                                            const char *part, const char *format,
                                                            ...);

/* For table_file.c: decides on is_json, the delimiter and, where options.header says AUTO
 * and the kind decides, on options.header. */
s3rec_status s3_table_file_find_format(s3_table_file *file);

#endif
