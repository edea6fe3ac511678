/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/utf8.h"

enum { MOST_BYTES = 512 << 20 };

void fuzz_fail(const char *file, int line, const char *claim, const char *format, ...) {
  va_list arguments;
  fprintf(stderr, "%s:%d: this does not hold: %s\n  ", file, line, claim);
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  abort();
}

bool fuzz_succeeds(s3rec_status status) {
  if (status == S3REC_OK) return true;
  const char *const text = s3rec_last_error(), *const name = s3rec_status_name(status);
  fuzz_claim(status != S3REC_ERROR_MEMORY && status != S3REC_ERROR_THREAD &&
                 status != S3REC_ERROR_ENGINE, "%s: %s", name, text);
  fuzz_claim(strncmp(name, "S3REC_ERROR_", 12) == 0, "status %d", (int)status);
  fuzz_claim(text[0] != '\0' && s3_utf8_valid(text), "%s has the text '%s'", name, text);
  for (const char *at = text; *at != '\0'; at++)
    fuzz_claim((unsigned char)*at >= ' ' && *at != 0x7f, "%s: byte %d in '%s'", name, *at, text);
  return false;
}

static atomic_size_t held_bytes, peak_bytes;

static void *counted_allocate(size_t size, size_t alignment, void *user_data) {
  (void)user_data;
  const size_t now = atomic_fetch_add(&held_bytes, size) + size;
  fuzz_claim(size <= MOST_BYTES && now <= MOST_BYTES, "%zu bytes asked for, %zu held", size,
             now - size);
  size_t peak = atomic_load(&peak_bytes);
  while (now > peak && !atomic_compare_exchange_weak(&peak_bytes, &peak, now)) continue;
  void *memory = NULL;
  fuzz_claim(posix_memalign(&memory, alignment, size) == 0, "no %zu bytes of memory", size);
  return memory;
}

static void counted_deallocate(void *memory, size_t size, void *user_data) {
  (void)user_data;
  fuzz_claim(atomic_fetch_sub(&held_bytes, size) >= size, "%zu bytes too many given back", size);
  free(memory);
}

s3rec_context *fuzz_context(int32_t threads, bool strict) {
  s3rec_context_options options;
  s3rec_limits limits;
  s3rec_context *context;
  s3rec_limits_init_strict(&limits);
  s3rec_context_options_init(&options);
  options.allocate = counted_allocate;
  options.deallocate = counted_deallocate;
  options.thread_count = threads;
  if (strict) options.limits = &limits;
  fuzz_ok(s3rec_context_create(&options, &context));
  return context;
}

size_t fuzz_held(void) { return atomic_load(&held_bytes); }

void fuzz_peak_reset(void) { atomic_store(&peak_bytes, atomic_load(&held_bytes)); }

size_t fuzz_peak(void) { return atomic_load(&peak_bytes); }

void fuzz_claim_bounded(size_t held, size_t constant, size_t factor, size_t size) {
  fuzz_claim(fuzz_peak() - held <= constant + factor * size,
             "%zu bytes of input made the library hold %zu bytes", size, fuzz_peak() - held);
}

uint8_t fuzz_byte(fuzz_bytes *bytes) {
  if (bytes->left == 0) return 0;
  bytes->left--;
  return *bytes->at++;
}

uint32_t fuzz_u32(fuzz_bytes *bytes) {
  uint32_t value = 0;
  for (int i = 0; i < 4; i++) value = value << 8 | fuzz_byte(bytes);
  return value;
}

uint32_t fuzz_below(fuzz_bytes *bytes, uint32_t count) {
  const uint32_t high = fuzz_byte(bytes);
  return (high << 8 | fuzz_byte(bytes)) % count;
}

uint64_t fuzz_hash(const uint8_t *data, size_t size) {
  uint64_t hash = 14695981039346656037u;
  for (size_t i = 0; i < size; i++) hash = (hash ^ data[i]) * 1099511628211u;
  return hash ^ hash >> 32;
}

static char folder[256];

static void remove_folder(void) {
  char path[600];
  DIR *const entries = opendir(folder);
  if (entries == NULL) return;
  for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    unlink(path);
  }
  closedir(entries);
  rmdir(folder);
}

/* In memory where the system has a place for it, and no other is given. */
static void make_folder(void) {
  const char *const places[] = {getenv("TMPDIR"), "/dev/shm", "/tmp"};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    if (places[i] == NULL) continue;
    snprintf(folder, sizeof folder, "%s/s3rec-fuzz-XXXXXX", places[i]);
    if (mkdtemp(folder) == NULL) continue;
    atexit(remove_folder);
    return;
  }
  fuzz_fail(__FILE__, __LINE__, "a folder for files",
            "neither in TMPDIR, nor in /dev/shm, nor in /tmp");
}

const char *fuzz_path(const char *name) {
  static char paths[8][320];
  static unsigned next;
  if (folder[0] == '\0') make_folder();
  char *const path = paths[next++ % 8];
  snprintf(path, sizeof *paths, "%s/%s", folder, name);
  return path;
}

const char *fuzz_write(const char *name, const void *data, size_t size) {
  const char *const path = fuzz_path(name);
  const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  fuzz_claim(file >= 0 && write(file, data, size) == (ssize_t)size, "%s: not written", path);
  close(file);
  return path;
}

uint8_t *fuzz_read(const char *path, size_t *size) {
  struct stat info;
  const int file = open(path, O_RDONLY);
  fuzz_claim(file >= 0 && fstat(file, &info) == 0, "%s: not opened", path);
  *size = (size_t)info.st_size;
  uint8_t *const data = malloc(*size + 1);
  fuzz_claim(data != NULL && read(file, data, *size) == (ssize_t)*size, "%s: not read", path);
  close(file);
  return data;
}

bool fuzz_same_files(const char *path, const char *other) {
  size_t size, other_size;
  uint8_t *const data = fuzz_read(path, &size), *const other_data = fuzz_read(other, &other_size);
  const bool same = size == other_size && memcmp(data, other_data, size) == 0;
  free(data);
  free(other_data);
  return same;
}

uint8_t *fuzz_gzip(const uint8_t *data, size_t size, size_t parts, size_t *gzip_size) {
  const size_t capacity = compressBound(size) + parts * 64;
  uint8_t *const gzip = malloc(capacity);
  fuzz_claim(gzip != NULL, "no %zu bytes of memory", capacity);
  *gzip_size = 0;
  for (size_t part = 0; part < parts; part++) {
    const size_t begin = size * part / parts, end = size * (part + 1) / parts;
    z_stream stream = {0};
    fuzz_claim(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK,
               "zlib has no memory");
    stream.next_in = (Bytef *)(uintptr_t)(data + begin);
    stream.avail_in = (uInt)(end - begin);
    stream.next_out = gzip + *gzip_size;
    stream.avail_out = (uInt)(capacity - *gzip_size);
    fuzz_claim(deflate(&stream, Z_FINISH) == Z_STREAM_END, "gzip needs more room");
    *gzip_size += stream.total_out;
    deflateEnd(&stream);
  }
  return gzip;
}
