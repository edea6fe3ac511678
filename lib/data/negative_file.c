/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/file_read.h"
#include "base/error.h"
#include "data/sequence_file.h"
#include "tables/text_reader.h"

enum { MINIMUM_NEGATIVES = 99 };

static s3rec_status read_user(const s3rec_context *context, s3_text_reader *reader,
                              int64_t expected_name, int32_t max_item,
                              s3_ragged_builder *negatives) {
  const size_t name_column = s3_text_column(reader, reader->at);
  int64_t name;
  S3_TRY(s3_text_number(reader, "user name", 0, INT64_MAX, &name));
  if (name != expected_name)
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s:%zu:%zu: user %" PRId64 " where the sequence file has user %" PRId64,
                   reader->path, reader->line, name_column, name, expected_name);
  size_t count = 0;
  for (; !s3_text_line_ended(reader); count++) {
    int64_t item;
    S3_TRY(s3_text_number(reader, "negative item id", 1, max_item, &item));
    S3_TRY(s3_ragged_push(context, negatives, (int32_t)item));
  }
  if (count < MINIMUM_NEGATIVES)
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s:%zu:%zu: user %" PRId64 " has %zu negatives, at least %d are needed",
                   reader->path, reader->line, s3_text_column(reader, reader->at), name, count,
                   MINIMUM_NEGATIVES);
  return s3_ragged_end_row(context, negatives);
}

static s3rec_status read_rows(const s3rec_context *context, s3_text_reader *reader,
                              const int64_t *names, size_t user_count, int32_t max_item,
                              s3_ragged_builder *rows, s3_ragged *negatives) {
  while (s3_text_next_line(reader)) {
    const size_t user = rows->ragged.row_count;
    if (user == user_count)
      return s3_fail(S3REC_ERROR_FORMAT,
                     "%s:%zu:%zu: more lines than the %zu users of the sequence file",
                     reader->path, reader->line, s3_text_column(reader, reader->at), user_count);
    S3_TRY(read_user(context, reader, names[user], max_item, rows));
  }
  if (rows->ragged.row_count < user_count)
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s:%zu:%zu: the file ends after %zu of the %zu users of the sequence file",
                   reader->path, reader->line, s3_text_column(reader, reader->at),
                   rows->ragged.row_count, user_count);
  return s3_ragged_finish(context, rows, negatives);
}

s3rec_status s3_negative_file_read(const s3rec_context *context, const char *path,
                                   const int64_t *names, size_t user_count, int32_t max_item,
                                   s3_ragged *negatives) {
  char *bytes;
  size_t count;
  S3_TRY(s3_file_read(context, path, &bytes, &count));
  s3_text_reader reader = s3_text_begin(path, bytes, count);
  s3_ragged_builder rows = {0};
  const s3rec_status status =
      read_rows(context, &reader, names, user_count, max_item, &rows, negatives);
  s3_ragged_discard(context, &rows);
  s3_free(context, bytes);
  return status;
}
