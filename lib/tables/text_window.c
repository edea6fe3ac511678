/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/text_window.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "tables/text_reader.h"

enum { READ_SIZE = 1 << 18 };

/* Reads more behind `end`; at first makes room by moving what is left to the front. */
static s3rec_status fill(s3_text_window *window) {
  const size_t kept = window->end - window->begin;
  if (kept > S3_MAX_ROW_SIZE)
    return s3_fail(S3REC_ERROR_FORMAT, "%s:%" PRIu64 ": the row has more than %d bytes",
                   window->path, window->line, S3_MAX_ROW_SIZE);
  if (window->begin > 0) {
    memmove(window->bytes, window->bytes + window->begin, kept);
    window->begin = 0;
    window->end = kept;
  }
  if (window->capacity - kept < READ_SIZE)
    S3_TRY(s3_grow(window->context, (void **)&window->bytes, &window->capacity,
                   kept + 2 * (size_t)READ_SIZE, 1));
  size_t count = 0;
  S3_TRY(s3_byte_source_read(window->source, window->bytes + kept, window->capacity - kept - 1,
                             &count));
  window->end += count;
  window->ended = count == 0;
  return S3REC_OK;
}

static s3rec_status start(s3_text_window *window) {
  while (window->end < 3 && !window->ended) S3_TRY(fill(window));
  window->begin = s3_text_mark_length(window->bytes, window->end);
  return S3REC_OK;
}

s3rec_status s3_text_window_open(const s3rec_context *context, const char *path,
                                 s3_text_window *window) {
  *window = (s3_text_window){.context = context, .path = path, .line = 1};
  s3rec_status status = s3_byte_source_open(context, path, &window->source);
  if (status == S3REC_OK) status = start(window);
  if (status != S3REC_OK) s3_text_window_close(window);
  return status;
}

void s3_text_window_close(s3_text_window *window) {
  s3_byte_source_close(window->source);
  if (window->context != NULL) s3_free(window->context, window->bytes);
  *window = (s3_text_window){0};
}

s3rec_status s3_text_window_line(s3_text_window *window, size_t from, s3_text_line *line) {
  const char *found = NULL;
  for (size_t at = from;;) {
    const size_t there = window->end - window->begin;
    const char *const bytes = window->bytes + window->begin;
    if (at < there) found = memchr(bytes + at, '\n', there - at);
    if (found != NULL || window->ended) break;
    at = there > from ? there : from;
    S3_TRY(fill(window));
  }
  const char *const begin = window->bytes + window->begin;
  size_t stop = found != NULL ? (size_t)(found - begin) : window->end - window->begin;
  line->terminated = found != NULL;
  line->next = stop + line->terminated;
  if (stop > from && begin[stop - 1] == '\r') stop--;
  line->stop = stop;
  return S3REC_OK;
}

s3rec_status s3_text_window_next(s3_text_window *window, s3_text_line *line, bool *found) {
  for (;;) {
    S3_TRY(s3_text_window_line(window, 0, line));
    *found = line->stop > 0;
    if (*found || !line->terminated) return S3REC_OK;
    s3_text_window_pass(window, *line);
  }
}
