/* SPDX-License-Identifier: Apache-2.0 */
/* Which columns of a table are what, and the cells of a row. */
#ifndef S3_TABLES_TABLE_COLUMNS_H
#define S3_TABLES_TABLE_COLUMNS_H

#include "base/number.h"
#include "tables/table_file.h"

typedef enum s3_role { S3_USER, S3_ITEM, S3_TIMESTAMP, S3_VALUE, S3_ROLE_COUNT } s3_role;

enum { S3_KEY_SIZE = 64 }; /* of a usual name as a file spells it */

typedef struct s3_column {
  const char *part; /* what error texts call it */
  bool there;
  size_t index;            /* delimited */
  const char *key;         /* JSONL */
  char usual[S3_KEY_SIZE]; /* what `key` points to where the caller named none */
} s3_column;

/* "user", "item", "timestamp", "value". */
const char *s3_role_name(s3_role role);

/* Whether a name is one of the usual ones for the role, whatever its case, "_", "-" and
 * blanks aside; *rank tells which. */
bool s3_is_usual_name(s3_role role, const char *name, size_t length, size_t *rank);

/* What the caller named for the role: NULL, "" or a name. */
const char *s3_asked_column(const s3rec_table_options *options, s3_role role);

/* Finds a column of a delimited file by its name or number. */
s3rec_status s3_find_column(const s3_table_file *file, const char *part, const char *asked,
                            size_t *index);

/* FORMAT about a delimited file that has one column, where it takes two. */
s3rec_status s3_fail_one_column(const s3_table_file *file, const char *part);

/* The columns of events. In JSONL the keys of the current row decide; FORMAT about the row
 * when it does not have them. In a file without rows nothing is found and nothing wrong. */
s3rec_status s3_find_columns(const s3_table_file *file, s3_column columns[S3_ROLE_COUNT]);
/* JSONL: FORMAT about a row with a time or a value where the first row had none. Without
 * a word the events would be in another order than the file says. */
s3rec_status s3_check_absent_keys(const s3_table_file *file,
                                  const s3_column columns[S3_ROLE_COUNT]);
/* The items of an attribute table, likewise. */
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

/* A cell as text; arrays and objects have none. `text` lasts as long as cell and row. */
typedef struct s3_cell {
  s3_cell_kind kind;
  const char *text;
  size_t length;
  const json_t *json;
  char number[S3_NUMBER_SIZE];
} s3_cell;

void s3_cell_get(const s3_table_file *file, const s3_column *column, s3_cell *cell);
/* A value of an array, such as one of several genres. */
void s3_cell_of_json(const json_t *value, s3_cell *cell);
/* "null", "an object", ... */
const char *s3_cell_kind_name(s3_cell_kind kind);

/* FORMAT about the row unless the cell can be an id: text or an integer, and all that
 * s3_check_name asks for. */
s3rec_status s3_check_id(const s3_table_file *file, const char *part, const s3_cell *cell);

/* The text without the blanks around it. */
s3_field s3_trimmed(const char *text, size_t length);

/* Why a text cannot be a name, or NULL. */
const char *s3_check_name(const char *text, size_t length);

#endif
