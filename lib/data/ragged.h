/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of different lengths in two arrays, and a builder that collects them. */
#ifndef S3_DATA_RAGGED_H
#define S3_DATA_RAGGED_H

#include "base/context.h"

/* Row r is values[offsets[r]] .. values[offsets[r+1]-1]. */
typedef struct s3_ragged {
  size_t row_count;
  int64_t *offsets; /* [row_count + 1] */
  int32_t *values;
} s3_ragged;

static inline const int32_t *s3_ragged_row(const s3_ragged *ragged, size_t row, size_t *count) {
  *count = (size_t)(ragged->offsets[row + 1] - ragged->offsets[row]);
  return ragged->values + ragged->offsets[row];
}

void s3_ragged_free(const s3rec_context *context, s3_ragged *ragged);

/* Grows row by row; starts all zero and is freed by finish or discard. */
typedef struct s3_ragged_builder {
  s3_ragged ragged;
  size_t value_count;
  size_t offsets_capacity, values_capacity;
} s3_ragged_builder;

/* Appends to the open row. */
s3rec_status s3_ragged_push(const s3rec_context *context, s3_ragged_builder *builder,
                            int32_t value);
/* Closes the open row. */
s3rec_status s3_ragged_end_row(const s3rec_context *context, s3_ragged_builder *builder);
/* Moves the closed rows into arrays that fit exactly. */
s3rec_status s3_ragged_finish(const s3rec_context *context, s3_ragged_builder *builder,
                              s3_ragged *ragged);
void s3_ragged_discard(const s3rec_context *context, s3_ragged_builder *builder);

/* Copies `row_count` rows. */
s3rec_status s3_ragged_copy(const s3rec_context *context, size_t row_count, const int64_t *offsets,
                            const int32_t *values, s3_ragged *ragged);

#endif
