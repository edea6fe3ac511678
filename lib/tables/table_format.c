/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of file a table is. */
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "tables/table_file.h"

/* Kinds as in s3rec_table_format, and MovieLens's "::" files. */
typedef enum kind { AUTO = 0, CSV = 1, TSV = 2, JSONL = 3, DOUBLE_COLON = 4 } kind;

static kind kind_of_name(const char *path) {
  static const struct {
    const char *extension;
    kind kind;
  } known[] = {
      {".csv", CSV}, {".tsv", TSV}, {".jsonl", JSONL}, {".ndjson", JSONL}, {".dat", DOUBLE_COLON}};
  size_t length = strlen(path);
  if (length > 3 && strcasecmp(path + length - 3, ".gz") == 0) length -= 3;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    const size_t size = strlen(known[i].extension);
    if (length > size && strncasecmp(path + length - size, known[i].extension, size) == 0)
      return known[i].kind;
  }
  return AUTO;
}

static s3rec_status kind_of_text(s3_text_window *window, kind *found) {
  s3_text_line line;
  bool there;
  S3_TRY(s3_text_window_next(window, &line, &there));
  const char *const text = window->bytes + window->begin;
  size_t blanks = 0;
  while (blanks < line.stop && (text[blanks] == ' ' || text[blanks] == '\t')) blanks++;
  if (blanks < line.stop && text[blanks] == '{')
    *found = JSONL;
  else if (memchr(text, '\t', line.stop) != NULL)
    *found = TSV;
  else if (memmem(text, line.stop, "::", 2) != NULL)
    *found = DOUBLE_COLON;
  else
    *found = CSV;
  return S3REC_OK;
}

static s3rec_status check_delimiter(const char *delimiter) {
  const size_t length = strlen(delimiter);
  if (length < 1 || length > S3_MAX_DELIMITER_LENGTH)
    return s3_fail(S3REC_ERROR_ARGUMENT, "delimiter has %zu bytes, accepted is 1..%d", length,
                   S3_MAX_DELIMITER_LENGTH);
  if (strpbrk(delimiter, "\"\r\n") != NULL)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "delimiter \"%s\" has a quotation mark or a line end in it", delimiter);
  return S3REC_OK;
}

s3rec_status s3_table_file_find_format(s3_table_file *file) {
  s3rec_table_options *const options = &file->options;
  kind found = (kind)options->format;
  if (options->delimiter != NULL) S3_TRY(check_delimiter(options->delimiter));
  if (found == AUTO) found = kind_of_name(file->path);
  if (found == AUTO) {
    S3_TRY(kind_of_text(&file->window, &found));
    if (options->delimiter != NULL && found != JSONL) found = CSV;
  }
  file->is_json = found == JSONL;
  if (found == JSONL && options->delimiter != NULL)
    return s3_fail(S3REC_ERROR_ARGUMENT, "%s: delimiter is \"%s\", but JSONL has none", file->path,
                   options->delimiter);
  if (found == DOUBLE_COLON && options->delimiter == NULL && options->header == S3REC_HEADER_AUTO)
    options->header = S3REC_HEADER_NO;
  const char *const usual = found == TSV ? "\t" : found == DOUBLE_COLON ? "::" : ",";
  const char *const delimiter = options->delimiter != NULL ? options->delimiter : usual;
  file->delimiter.length = strlen(delimiter);
  memcpy(file->delimiter.bytes, delimiter, file->delimiter.length);
  file->delimiter.quoted = found == CSV;
  return S3REC_OK;
}
