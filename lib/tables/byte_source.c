/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/byte_source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/error.h"

enum { INPUT_SIZE = 65536, GZIP_WINDOW = 15 + 16 /* the largest window, gzip's frame */ };

struct s3_byte_source {
  const s3rec_context *context;
  const char *path;
  int descriptor;
  bool compressed;
  bool in_member; /* a gzip member has begun and not ended */
  z_stream stream;
  unsigned char *next; /* bytes of `input` that are not used yet */
  size_t left;
  unsigned char input[INPUT_SIZE];
};

/* One read of the file itself; 0 bytes at its end. */
static s3rec_status read_file(const s3_byte_source *source, void *bytes, size_t capacity,
                              size_t *count) {
  ssize_t got;
  do {
    got = read(source->descriptor, bytes, capacity);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return s3_fail_errno(source->path, "read");
  *count = (size_t)got;
  return S3REC_OK;
}

static s3rec_status fill_input(s3_byte_source *source) {
  source->next = source->input;
  return read_file(source, source->input, sizeof source->input, &source->left);
}

static void *zlib_allocate(void *context, unsigned count, unsigned size) {
  return s3_allocate_unset(context, count, size);
}

static void zlib_free(void *context, void *memory) { s3_free(context, memory); }

/* A pipe may give one byte at first. */
static s3rec_status see_whether_compressed(s3_byte_source *source) {
  S3_TRY(fill_input(source));
  while (source->left == 1) {
    size_t more = 0;
    S3_TRY(read_file(source, source->input + 1, sizeof source->input - 1, &more));
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

s3rec_status s3_byte_source_open(const s3rec_context *context, const char *path,
                                 s3_byte_source **source) {
  s3_byte_source *const opened = s3_allocate(context, 1, sizeof *opened);
  if (opened == NULL) return S3REC_ERROR_MEMORY;
  opened->context = context;
  opened->path = path;
  do {
    opened->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  } while (opened->descriptor < 0 && errno == EINTR);
  s3rec_status status = S3REC_OK;
  if (opened->descriptor < 0) status = s3_fail_errno(path, "open");
  if (status == S3REC_OK) status = see_whether_compressed(opened);
  if (status == S3REC_OK)
    *source = opened;
  else
    s3_byte_source_close(opened);
  return status;
}

void s3_byte_source_close(s3_byte_source *source) {
  if (source == NULL) return;
  if (source->compressed) inflateEnd(&source->stream);
  if (source->descriptor >= 0) close(source->descriptor);
  s3_free(source->context, source);
}

static s3rec_status fail_inflate(const s3_byte_source *source, int result) {
  if (result == Z_MEM_ERROR)
    return s3_fail(S3REC_ERROR_MEMORY, "%s: no memory to decompress it", source->path);
  return s3_fail(S3REC_ERROR_IO, "%s: the gzip data are broken: %s", source->path,
                 source->stream.msg != NULL ? source->stream.msg : "unexpected end of a part");
}

/* Zeros behind a member fill up a block of some archive, as gzip itself has it. */
static s3rec_status next_input(s3_byte_source *source) {
  do {
    if (source->left == 0) S3_TRY(fill_input(source));
    for (; !source->in_member && source->left > 0 && *source->next == 0; source->left--)
      source->next++;
  } while (source->left == 0 && source->next != source->input);
  return S3REC_OK;
}

/* Members stand behind one another, as `cat a.gz b.gz` makes them. */
static s3rec_status read_compressed(s3_byte_source *source, char *bytes, size_t capacity,
                                    size_t *count) {
  z_stream *const stream = &source->stream;
  stream->next_out = (unsigned char *)bytes;
  stream->avail_out = (unsigned)capacity;
  while (stream->avail_out == capacity) {
    S3_TRY(next_input(source));
    if (source->left == 0) {
      if (source->in_member)
        return s3_fail(S3REC_ERROR_IO, "%s: the gzip data are cut short", source->path);
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
      return fail_inflate(source, result);
    }
  }
  *count = capacity - stream->avail_out;
  return S3REC_OK;
}

s3rec_status s3_byte_source_read(s3_byte_source *source, char *bytes, size_t capacity,
                                 size_t *count) {
  if (source->compressed) {
    const size_t largest = 1u << 30; /* zlib counts in 32 bits */
    return read_compressed(source, bytes, capacity < largest ? capacity : largest, count);
  }
  if (source->left == 0) return read_file(source, bytes, capacity, count);
  *count = source->left < capacity ? source->left : capacity;
  memcpy(bytes, source->next, *count);
  source->next += *count;
  source->left -= *count;
  return S3REC_OK;
}
