/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in the cells of a table, and what is logged about a file that was read. */
#ifndef S3_TABLES_TABLE_VALUE_H
#define S3_TABLES_TABLE_VALUE_H

#include "tables/table_columns.h"
#include "tables/timestamp.h"

/* FORMAT about the row when the cell is none; blanks around it do not matter. */
s3rec_status s3_read_timestamp(const s3_table_file *file, const s3_column *column,
                               s3_timestamp *timestamp);
s3rec_status s3_read_value(const s3_table_file *file, const s3_column *column, double *value);

/* Logs how many rows were read, by which columns. */
void s3_table_file_log(const s3_table_file *file, const s3_column *columns, size_t count);

#endif
