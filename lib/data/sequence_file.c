/* SPDX-License-Identifier: Apache-2.0 */
#include "data/sequence_file.h"

#include <inttypes.h>

#include "base/file_read.h"
#include "base/error.h"
#include "tables/text_reader.h"
#include "s3rec/dataset.h"

typedef struct sequence_rows {
  s3_ragged_builder items;
  int64_t *names;
  size_t names_capacity;
} sequence_rows;

static s3rec_status read_user(const s3rec_context *context, s3_text_reader *reader,
                              sequence_rows *rows) {
  const size_t user = rows->items.ragged.row_count;
  S3_TRY(s3_grow(context, (void **)&rows->names, &rows->names_capacity, user + 1,
                 sizeof *rows->names));
  S3_TRY(s3_text_number(reader, "user name", 0, INT64_MAX, &rows->names[user]));
  if (s3_text_line_ended(reader))
    return s3_fail(S3REC_ERROR_FORMAT, "%s:%zu:%zu: user %" PRId64 " has no items", reader->path,
                   reader->line, s3_text_column(reader, reader->at), rows->names[user]);
  while (!s3_text_line_ended(reader)) {
    int64_t item;
    S3_TRY(s3_text_number(reader, "item id", 1, S3REC_MAX_ITEM_ID, &item));
    S3_TRY(s3_ragged_push(context, &rows->items, (int32_t)item));
  }
  return s3_ragged_end_row(context, &rows->items);
}

static s3rec_status read_rows(const s3rec_context *context, s3_text_reader *reader,
                              sequence_rows *rows, s3_ragged *sequences) {
  while (s3_text_next_line(reader)) S3_TRY(read_user(context, reader, rows));
  if (rows->items.ragged.row_count == 0)
    return s3_fail(S3REC_ERROR_FORMAT, "%s:1:1: no users in the file", reader->path);
  return s3_ragged_finish(context, &rows->items, sequences);
}

s3rec_status s3_sequence_file_read(const s3rec_context *context, const char *path,
                                   s3_ragged *sequences, int64_t **names) {
  char *bytes;
  size_t count;
  S3_TRY(s3_file_read(context, path, &bytes, &count));
  s3_text_reader reader = s3_text_begin(path, bytes, count);
  sequence_rows rows = {0};
  const s3rec_status status = read_rows(context, &reader, &rows, sequences);
  if (status == S3REC_OK) {
    *names = rows.names;
  } else {
    s3_ragged_discard(context, &rows.items);
    s3_free(context, rows.names);
  }
  s3_free(context, bytes);
  return status;
}
