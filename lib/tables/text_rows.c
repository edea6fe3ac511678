/* SPDX-License-Identifier: Apache-2.0 */
/* From top to bottom: bytes of a file, decompressed if need be; lines in a window over these
 * bytes; rows of fields in these lines. */
#include "tables/text_rows.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/error.h"
#include "base/file_read.h"
#include "base/utf8.h"

enum {
  INPUT_SIZE = 65536,    /* compressed bytes in one read */
  READ_SIZE = 1 << 18,   /* bytes of text, at least */
  FREE_BYTES = 1 << 20,  /* of text, before the ratio of a compressed file counts */
  GZIP_WINDOW = 15 + 16, /* zlib's code: the largest window, in gzip's frame */
};

struct s3_byte_source {
  const s3rec_context *context;
  const char *path;
  int descriptor;
  bool compressed;
  bool in_member; /* a gzip member has begun and not ended */
  z_stream stream;
  uint64_t taken, given; /* bytes of the file; bytes of text */
  unsigned char *next;   /* bytes of `input` that are not used yet */
  size_t left;
  unsigned char input[INPUT_SIZE];
};

/* Compressed bytes count too, with one read more than text: parts of a gzip file may be empty. */
static s3rec_status check_source_limits(const s3_byte_source *source) {
  const s3rec_limits *const limits = &source->context->limits;
  if (source->given > limits->file_bytes || source->taken > limits->file_bytes + INPUT_SIZE)
    return s3_file_fail_size(source->context, source->path);
  if (!source->compressed || source->given <= FREE_BYTES) return S3REC_OK;
  const uint64_t ratio = (uint64_t)limits->expansion, used = source->taken - source->left;
  if ((source->given - FREE_BYTES + ratio - 1) / ratio <= used) return S3REC_OK;
  return s3_fail(S3REC_ERROR_LIMIT,
                 "%s: %" PRIu64 " compressed bytes become %" PRIu64
                 ", more than %d for each after the first MiB, the limit (s3rec_limits.expansion)",
                 source->path, used, source->given, limits->expansion);
}

/* One read of the file itself; 0 bytes at its end. */
static s3rec_status read_from_file(s3_byte_source *source, void *bytes, size_t capacity,
                                   size_t *count) {
  ssize_t got;
  do {
    got = read(source->descriptor, bytes, capacity);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return s3_fail_errno(source->path, "read");
  *count = (size_t)got;
  source->taken += (uint64_t)got;
  return check_source_limits(source);
}

static s3rec_status fill_source_input(s3_byte_source *source) {
  source->next = source->input;
  return read_from_file(source, source->input, sizeof source->input, &source->left);
}

static void *zlib_allocate(void *context, unsigned count, unsigned size) {
  return s3_allocate_unset(context, count, size);
}

static void zlib_free(void *context, void *memory) { s3_free(context, memory); }

/* Looks at the first two bytes, not at the name. A pipe may give one byte at first. */
static s3rec_status detect_compression(s3_byte_source *source) {
  S3_TRY(fill_source_input(source));
  while (source->left == 1) {
    size_t more = 0;
    S3_TRY(read_from_file(source, source->input + 1, sizeof source->input - 1, &more));
    if (more == 0) break;
    source->left += more;
  }
  if (source->left < 2 || source->next[0] != 0x1f || source->next[1] != 0x8b) return S3REC_OK;
  source->stream = (z_stream){
      .zalloc = zlib_allocate, .zfree = zlib_free, .opaque = (void *)(uintptr_t)source->context};
  if (inflateInit2(&source->stream, GZIP_WINDOW) != Z_OK)
    return s3_fail(S3REC_ERROR_MEMORY, "%s: no memory to decompress it", source->path);
  source->compressed = source->in_member = true;
  return S3REC_OK;
}

/* Fine for NULL. */
static void close_source(s3_byte_source *source) {
  if (source == NULL) return;
  if (source->compressed) inflateEnd(&source->stream);
  if (source->descriptor >= 0) close(source->descriptor);
  s3_free(source->context, source);
}

/* `path` must stay as long as the source. */
static s3rec_status open_source(const s3rec_context *context, const char *path,
                                s3_byte_source **source) {
  s3_byte_source *const opened = s3_allocate(context, 1, sizeof *opened);
  if (opened == NULL) return S3REC_ERROR_MEMORY;
  opened->context = context;
  opened->path = path;
  opened->descriptor = -1;
  s3_open_file file;
  s3rec_status status = s3_file_open(path, &file);
  if (status == S3REC_OK) {
    opened->descriptor = file.descriptor;
    status = detect_compression(opened);
  }
  if (status == S3REC_OK)
    *source = opened;
  else
    close_source(opened);
  return status;
}

static s3rec_status fail_decompression(const s3_byte_source *source, int result) {
  if (result == Z_MEM_ERROR)
    return s3_fail(S3REC_ERROR_MEMORY, "%s: no memory to decompress it", source->path);
  return s3_fail(S3REC_ERROR_IO, "%s: the gzip data are damaged: %s", source->path,
                 source->stream.msg != NULL ? source->stream.msg : "unexpected end of a part");
}

/* Reads more when all input is used, and skips zeros between and after members: archives
 * pad their blocks with zeros, and gzip skips them too. */
static s3rec_status next_compressed_input(s3_byte_source *source) {
  do {
    if (source->left == 0) S3_TRY(fill_source_input(source));
    for (; !source->in_member && source->left > 0 && *source->next == 0; source->left--)
      source->next++;
  } while (source->left == 0 && source->next != source->input);
  return S3REC_OK;
}

/* A file may have several members, one after the other, as `cat a.gz b.gz` makes them. */
static s3rec_status read_compressed(s3_byte_source *source, char *bytes, size_t capacity,
                                    size_t *count) {
  z_stream *const stream = &source->stream;
  stream->next_out = (unsigned char *)bytes;
  stream->avail_out = (unsigned)capacity;
  while (stream->avail_out == capacity) {
    S3_TRY(next_compressed_input(source));
    if (source->left == 0) {
      if (source->in_member)
        return s3_fail(S3REC_ERROR_IO, "%s: the gzip data end too early", source->path);
      break;
    }
    source->in_member = true;
    stream->next_in = source->next;
    stream->avail_in = (unsigned)source->left;
    const int result = inflate(stream, Z_NO_FLUSH);
    source->next = stream->next_in;
    source->left = stream->avail_in;
    if (result == Z_STREAM_END) {
      source->in_member = false;
      inflateReset(stream);
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return fail_decompression(source, result);
    }
  }
  *count = capacity - stream->avail_out;
  return S3REC_OK;
}

static s3rec_status read_plain_or_compressed(s3_byte_source *source, char *bytes, size_t capacity,
                                             size_t *count) {
  if (source->compressed) {
    const size_t largest = 1u << 30; /* zlib counts in 32 bits */
    return read_compressed(source, bytes, capacity < largest ? capacity : largest, count);
  }
  if (source->left == 0) return read_from_file(source, bytes, capacity, count);
  *count = source->left < capacity ? source->left : capacity;
  memcpy(bytes, source->next, *count);
  source->next += *count;
  source->left -= *count;
  return S3REC_OK;
}

/* Reads 1..capacity bytes; *count is 0 at the end only. IO when compressed data are broken or
 * cut short. */
static s3rec_status read_source(s3_byte_source *source, char *bytes, size_t capacity,
                                size_t *count) {
  S3_TRY(read_plain_or_compressed(source, bytes, capacity, count));
  source->given += *count;
  return check_source_limits(source);
}

static s3rec_status fail_row_size(const s3_text_window *window) {
  return s3_fail(S3REC_ERROR_LIMIT,
                 "%s:%" PRIu64 ": the row has more than %" PRIu64
                 " bytes, the limit (s3rec_limits.row_bytes)",
                 window->path, window->line, window->context->limits.row_bytes);
}

/* Reads more after `end`. Makes room first by moving what is left to the front. */
static s3rec_status fill_window(s3_text_window *window) {
  const size_t kept = window->end - window->begin;
  if (kept > window->context->limits.row_bytes + 1) /* one more for a CR */
    return fail_row_size(window);
  if (window->begin > 0) {
    memmove(window->bytes, window->bytes + window->begin, kept);
    window->begin = 0;
    window->end = kept;
  }
  if (window->capacity - kept < READ_SIZE)
    S3_TRY(s3_grow(window->context, (void **)&window->bytes, &window->capacity,
                   kept + 2 * (size_t)READ_SIZE, 1));
  size_t count = 0;
  S3_TRY(read_source(window->source, window->bytes + kept, window->capacity - kept - 1, &count));
  window->end += count;
  window->ended = count == 0;
  return S3REC_OK;
}

static s3rec_status start_window(s3_text_window *window) {
  while (window->end < 3 && !window->ended) S3_TRY(fill_window(window));
  window->begin = s3_utf8_mark_length(window->bytes, window->end);
  return S3REC_OK;
}

s3rec_status s3_text_window_open(const s3rec_context *context, const char *path,
                                 s3_text_window *window) {
  *window = (s3_text_window){.context = context, .path = path, .line = 1};
  s3rec_status status = open_source(context, path, &window->source);
  if (status == S3REC_OK) status = start_window(window);
  if (status != S3REC_OK) s3_text_window_close(window);
  return status;
}

void s3_text_window_close(s3_text_window *window) {
  close_source(window->source);
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
    S3_TRY(fill_window(window));
  }
  const char *const begin = window->bytes + window->begin;
  size_t stop = found != NULL ? (size_t)(found - begin) : window->end - window->begin;
  line->terminated = found != NULL;
  line->next = stop + line->terminated;
  if (stop > from && begin[stop - 1] == '\r') stop--;
  if (stop > window->context->limits.row_bytes) return fail_row_size(window);
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

/* A row that is being split into fields. */
typedef struct splitter {
  s3_text_window *window;
  const s3_delimiter *delimiter;
  s3_row *row;
  s3_text_line line;  /* the row's last line so far */
  uint64_t line_ends; /* within quoted fields */
} splitter;

void s3_row_free(const s3rec_context *context, s3_row *row) {
  s3_free(context, row->begin);
  s3_free(context, row->fields);
  *row = (s3_row){0};
}

static char *row_bytes(const splitter *s) { return s->window->bytes + s->window->begin; }

static s3rec_status add_row_field(splitter *s, size_t begin, size_t length) {
  s3_row *const row = s->row;
  if (row->field_count == S3_MAX_FIELD_COUNT) {
    row->fault = "more than 65536 fields";
    return S3REC_OK;
  }
  const s3rec_context *const context = s->window->context;
  S3_TRY(s3_grow(context, (void **)&row->begin, &row->begin_capacity, row->field_count + 1,
                 sizeof *row->begin));
  S3_TRY(s3_grow(context, (void **)&row->fields, &row->field_capacity, row->field_count + 1,
                 sizeof *row->fields));
  row->begin[row->field_count] = begin;
  row->fields[row->field_count].length = length;
  row->field_count++;
  return S3REC_OK;
}

/* Where the next delimiter is, or where the line's text stops. */
static size_t find_delimiter(const splitter *s, size_t from) {
  const char *const bytes = row_bytes(s), *const at = bytes + from;
  const size_t left = s->line.stop - from;
  const s3_delimiter *const d = s->delimiter;
  const char *const found =
      d->length == 1 ? memchr(at, d->bytes[0], left) : memmem(at, left, d->bytes, d->length);
  return found == NULL ? s->line.stop : (size_t)(found - bytes);
}

static bool is_delimiter(const splitter *s, size_t at) {
  const s3_delimiter *const d = s->delimiter;
  return s->line.stop - at >= d->length && memcmp(row_bytes(s) + at, d->bytes, d->length) == 0;
}

/* Takes the next line into the row, because a quoted field continues there. */
static s3rec_status take_next_line(splitter *s) {
  if (!s->line.terminated)
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s:%" PRIu64 ": a quoted field of this row has no closing quotation mark",
                   s->window->path, s->row->line);
  s->line_ends++;
  return s3_text_window_line(s->window, s->line.next, &s->line);
}

/* Reads the field whose opening quotation mark is at `at` and moves its text there, without
 * the marks. *after is the place after the closing one. */
static s3rec_status read_quoted_field(splitter *s, size_t at, size_t *after) {
  size_t in = at + 1, out = at;
  for (;;) {
    char *const bytes = row_bytes(s);
    const char *const mark = memchr(bytes + in, '"', s->line.next - in);
    const size_t stop = mark == NULL ? s->line.next : (size_t)(mark - bytes);
    memmove(bytes + out, bytes + in, stop - in);
    out += stop - in;
    in = stop;
    if (mark == NULL) {
      S3_TRY(take_next_line(s));
    } else if (stop + 1 < s->line.stop && bytes[stop + 1] == '"') {
      bytes[out++] = '"';
      in = stop + 2;
    } else {
      break;
    }
  }
  *after = in + 1;
  return add_row_field(s, at, out - at);
}

static s3rec_status read_one_field(splitter *s, size_t at, size_t *after) {
  if (!s->delimiter->quoted || at == s->line.stop || row_bytes(s)[at] != '"') {
    *after = find_delimiter(s, at);
    return add_row_field(s, at, *after - at);
  }
  S3_TRY(read_quoted_field(s, at, after));
  if (*after < s->line.stop && !is_delimiter(s, *after)) {
    s->row->fault = "text after a closing quotation mark";
    *after = find_delimiter(s, *after);
  }
  return S3REC_OK;
}

static s3rec_status split_row(splitter *s) {
  for (size_t at = 0;;) {
    size_t after;
    S3_TRY(read_one_field(s, at, &after));
    if (after >= s->line.stop) return S3REC_OK;
    at = after + s->delimiter->length;
  }
}

s3rec_status s3_delimited_next(s3_text_window *window, const s3_delimiter *delimiter, s3_row *row,
                               bool *found) {
  splitter s = {.window = window, .delimiter = delimiter, .row = row};
  S3_TRY(s3_text_window_next(window, &s.line, found));
  if (!*found) return S3REC_OK;
  row->line = window->line;
  row->field_count = 0;
  row->fault = NULL;
  S3_TRY(split_row(&s));
  char *const bytes = row_bytes(&s);
  for (size_t i = 0; i < row->field_count; i++) {
    char *const text = bytes + row->begin[i];
    text[row->fields[i].length] = '\0'; /* over a delimiter, quotation mark or line end */
    row->fields[i].text = text;
  }
  s3_text_window_pass(window, s.line);
  window->line += s.line_ends;
  return S3REC_OK;
}
