/* SPDX-License-Identifier: Apache-2.0 */
/* A file of rows, delimited or JSONL, its header, and the rule for rows that cannot be used:
 * as many as bad_row_limit allows are left out, each with a warning. */
#ifndef S3_TABLES_TABLE_FILE_H
#define S3_TABLES_TABLE_FILE_H

#include "base/json_reader.h"
#include "s3rec/events.h"
#include "tables/text_rows.h"

typedef struct s3_table_file {
  const s3rec_context *context;
  const char *path;
  s3rec_table_options options;
  bool is_json;
  s3_delimiter delimiter;
  s3_text_window window;
  s3_row row;          /* delimited; line and fault in JSONL too */
  s3_json_index members; /* JSONL: the row */
  void *unpacked;        /* texts of the row without their escapes, each where it is in the row */
  size_t unpacked_capacity;
  bool has_header;     /* columns are called by their names, else by their numbers */
  bool row_waits;      /* the first row is read already and is data */
  uint64_t row_total;  /* rows so far, without a header */
  size_t column_count; /* delimited: fields of the first row; 0 when there is none */
  char *name_text;
  s3_field *names; /* [column_count], without blanks around them */
  s3rec_table_report report;
} s3_table_file;

/* Opens the file, finds its format and reads the names of its columns. `path` and what
 * `options` points to must stay until it is closed. */
s3rec_status s3_table_file_open(const s3rec_context *context, const char *path,
                                const s3rec_table_options *options, s3_table_file *file);
/* Fine for a file of zeros. */
void s3_table_file_close(s3_table_file *file);

/* Reads the next row that can be used; *found is false at the end. */
s3rec_status s3_table_file_next(s3_table_file *file, bool *found);

/* What a text of the current JSONL row stands for. */
s3_field s3_json_row_text(const s3_table_file *file, s3_json text);

/* To be called with the failure of a bad row. Returns OK when the status is FORMAT and the
 * row may be left out, else the status to return. */
s3rec_status s3_table_file_leave_out(s3_table_file *file, s3rec_status status);

/* FORMAT with "path:line: part: reason" about the current row. */
#define s3_fail_row(file, part, ...) \
  (s3_set_row_error(file, part, __VA_ARGS__), s3_failed(S3REC_ERROR_FORMAT))
__attribute__((format(printf, 3, 4))) void s3_set_row_error(const s3_table_file *file,
                                                            const char *part, const char *format,
                                                            ...);

/* What a column of events may be. */
typedef enum s3_role { S3_USER, S3_ITEM, S3_TIMESTAMP, S3_VALUE, S3_ROLE_COUNT } s3_role;

/* "user", "item", "timestamp", "value". */
const char *s3_role_name(s3_role role);

/* Whether a name is one of the usual ones for the role; case, "_", "-" and blanks do not
 * matter. *rank is its place among the usual names. */
bool s3_is_usual_name(s3_role role, const char *name, size_t length, size_t *rank);

/* The column that the caller named for the role: NULL, "" or a name. */
const char *s3_asked_column(const s3rec_table_options *options, s3_role role);

/* The text without the blanks around it. */
s3_field s3_trimmed(const char *text, size_t length);

#endif
