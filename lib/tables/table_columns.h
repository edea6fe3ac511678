/* SPDX-License-Identifier: Apache-2.0 */
/* Which columns of a table have which role, and the cells and numbers of a row. */
#ifndef S3_TABLES_TABLE_COLUMNS_H
#define S3_TABLES_TABLE_COLUMNS_H

#include "base/number.h"
#include "tables/table_file.h"
#include "tables/timestamp.h"

enum { S3_KEY_SIZE = 64 }; /* of a usual name as a file spells it */

typedef struct s3_column {
  const char *part; /* what error texts call it */
  bool there;
  size_t index;            /* delimited */
  const char *key;         /* JSONL */
  char usual[S3_KEY_SIZE]; /* what `key` points to when the caller named none */
} s3_column;

/* Finds a column of a delimited file by its name or number. */
s3rec_status s3_find_column(const s3_table_file *file, const char *part, const char *asked,
                            size_t *index);

/* FORMAT about a delimited file that has one column, but needs two. */
s3rec_status s3_fail_one_column(const s3_table_file *file, const char *part);

/* Finds the columns of events. In JSONL the keys of the current row decide; FORMAT about that
 * row when it lacks one. In a file without rows no column is found, which is no failure. */
s3rec_status s3_find_columns(const s3_table_file *file, s3_column columns[S3_ROLE_COUNT]);
/* JSONL: FORMAT about a row that has a timestamp or a value when the first row had none.
 * Ignoring a timestamp would put the events in another order than the file says. */
s3rec_status s3_check_absent_keys(const s3_table_file *file,
                                  const s3_column columns[S3_ROLE_COUNT]);
/* Finds the column of items in an attribute table, in the same way. */
s3rec_status s3_find_item_column(const s3_table_file *file, s3_column *column);

typedef enum s3_cell_kind {
  S3_CELL_TEXT,
  S3_CELL_INTEGER,
  S3_CELL_REAL,
  S3_CELL_TRUTH,
  S3_CELL_NULL, /* or no such key */
  S3_CELL_ARRAY,
  S3_CELL_OBJECT
} s3_cell_kind;

/* A cell as text; arrays and objects have none. `text` is valid as long as cell and row; no NUL
 * need end it. */
typedef struct s3_cell {
  s3_cell_kind kind;
  const char *text;
  size_t length;
  s3_json json; /* JSONL; no value: no such key */
  char number[S3_NUMBER_SIZE];
} s3_cell;

void s3_json_cell_get(const s3_table_file *file, const s3_column *column, s3_cell *cell);

static inline void s3_cell_get(const s3_table_file *file, const s3_column *column, s3_cell *cell) {
  if (file->is_json) {
    s3_json_cell_get(file, column, cell);
    return;
  }
  const s3_field field = file->row.fields[column->index];
  cell->kind = S3_CELL_TEXT;
  cell->text = field.text;
  cell->length = field.length;
}
/* A value of the current JSONL row, such as one of several genres in an array. */
void s3_cell_of_json(const s3_table_file *file, s3_json value, s3_cell *cell);
/* "an array": what a JSON cell is, for error texts. */
const char *s3_cell_kind_name(const s3_cell *cell);

/* FORMAT about the row unless the cell can be an id: text that can be a name, or an integer. */
s3rec_status s3_check_id(const s3_table_file *file, const char *part, const s3_cell *cell);

/* FORMAT about the row when the cell is no timestamp; blanks around it do not matter. */
s3rec_status s3_read_timestamp(const s3_table_file *file, const s3_column *column,
                               s3_timestamp *timestamp);
/* The same for a finite number. */
s3rec_status s3_read_value(const s3_table_file *file, const s3_column *column, double *value);

/* Logs how many rows were read and which columns. */
void s3_table_file_log(const s3_table_file *file, const s3_column *columns, size_t count);

#endif
