/* SPDX-License-Identifier: Apache-2.0 */
/* A library for LD_PRELOAD that makes requests for memory and calls of the system fail, or ends the
 * process at them. It needs glibc, whose own names of malloc it calls.
 *
 * S3_FAULTS="WELL KINDS ACTION ERROR MODE AT SEED REPORT" arms it before main. WELL is `memory` or
 * `calls`, the numbers are those of control.h, and the counts are written to the file REPORT at
 * the end of the process. */
#undef _FILE_OFFSET_BITS /* both names of each function are defined here */
#undef _FORTIFY_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control.h"

#define EXPORT __attribute__((visibility("default")))

static fault_control control;
static char report[4096];

EXPORT fault_control *s3_fault_control(void);
EXPORT void s3_fault_memory(int mode, long at, unsigned long seed);
EXPORT void s3_fault_arm(int armed);
EXPORT void s3_fault_counts(long *requests, long *hits, long *live);
fault_control *s3_fault_control(void) { return &control; }

void s3_fault_memory(int mode, long at, unsigned long seed) {
  control.memory.mode = mode;
  control.memory.at = at;
  control.memory.seed = seed;
  atomic_store(&control.memory.count, 0);
  atomic_store(&control.memory.hits, 0);
}

void s3_fault_arm(int armed) { atomic_store(&control.armed, armed); }

void s3_fault_counts(long *requests, long *hits, long *live) {
  *requests = atomic_load(&control.memory.count);
  *hits = atomic_load(&control.memory.hits);
  *live = atomic_load(&control.live);
}

static bool well_hits(fault_well *well) {
  if (atomic_load(&control.armed) == 0) return false;
  const long number = atomic_fetch_add(&well->count, 1) + 1;
  bool hit = false;
  if (well->mode == FAULT_ONCE) hit = number == well->at;
  if (well->mode == FAULT_FROM) hit = number >= well->at;
  if (well->mode == FAULT_CHANCE) {
    uint64_t z = (uint64_t)number * UINT64_C(0x9e3779b97f4a7c15) + well->seed;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    hit = (z ^ (z >> 31)) % (uint64_t)well->at == 0;
  }
  if (hit) atomic_fetch_add(&well->hits, 1);
  return hit;
}

/* ---- memory ---- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *memory);

static bool refuses(void) {
  if (!well_hits(&control.memory)) return false;
  errno = ENOMEM;
  return true;
}

static void *given(void *memory) {
  if (memory != NULL) atomic_fetch_add(&control.live, 1);
  return memory;
}

EXPORT void *malloc(size_t size) { return refuses() ? NULL : given(__libc_malloc(size)); }

EXPORT void *calloc(size_t count, size_t size) {
  return refuses() ? NULL : given(__libc_calloc(count, size));
}

EXPORT void *realloc(void *memory, size_t size) {
  if (memory == NULL) return malloc(size);
  if (size == 0) {
    free(memory);
    return NULL;
  }
  return refuses() ? NULL : __libc_realloc(memory, size);
}

EXPORT void *reallocarray(void *memory, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) {
    errno = ENOMEM;
    return NULL;
  }
  return realloc(memory, bytes);
}

EXPORT void *memalign(size_t alignment, size_t size);
EXPORT void *memalign(size_t alignment, size_t size) {
  return refuses() ? NULL : given(__libc_memalign(alignment, size));
}

EXPORT void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

EXPORT int posix_memalign(void **memory, size_t alignment, size_t size) {
  const int before = errno;
  void *const block = memalign(alignment, size);
  errno = before;
  if (block == NULL) return ENOMEM;
  *memory = block;
  return 0;
}

EXPORT void free(void *memory) {
  if (memory != NULL) atomic_fetch_sub(&control.live, 1);
  __libc_free(memory);
}

/* ---- calls of the system ---- */

/* What is to be done with a call: 0, or an action that is not over before the call. */
static int judge(int kind) {
  if ((control.kinds & kind) == 0 || !well_hits(&control.calls)) return 0;
  const bool whole = (kind & (FAULT_READ | FAULT_WRITE)) == 0;
  if (control.action == FAULT_KILL_BEFORE || (control.action == FAULT_KILL_HALF && whole))
    raise(SIGKILL);
  return control.action == FAULT_SHORT && whole ? 0 : control.action;
}

static bool fails(int action) {
  if (action != FAULT_ERROR) return false;
  errno = control.error;
  return true;
}

static size_t share(int action, size_t count) {
  return action == FAULT_SHORT || action == FAULT_KILL_HALF ? count - count / 2 : count;
}

static void leave(int action) {
  if (action == FAULT_KILL_HALF || action == FAULT_KILL_AFTER) raise(SIGKILL);
}

/* Finds the function that this one stands before. */
#define REAL(name)                                 \
  static __typeof__(name) *real;                   \
  if (real == NULL) {                              \
    void *const found = dlsym(RTLD_NEXT, #name);   \
    memcpy(&real, &found, sizeof real);            \
  }

#define WRAP(type, name, kind, failure, parameters, arguments) \
  EXPORT type name parameters {                                \
    REAL(name)                                                 \
    const int action = judge(kind);                            \
    if (fails(action)) return failure;                         \
    type const result = real arguments;                        \
    leave(action);                                             \
    return result;                                             \
  }

#define WRAP_OPEN(name)                                              \
  EXPORT int name(const char *path, int flags, ...) {                \
    REAL(name)                                                       \
    va_list list;                                                    \
    va_start(list, flags);                                           \
    const mode_t mode = (flags & O_CREAT) ? va_arg(list, mode_t) : 0; \
    va_end(list);                                                    \
    const int action = judge(FAULT_OPEN);                            \
    if (fails(action)) return -1;                                    \
    const int result = real(path, flags, mode);                      \
    leave(action);                                                   \
    return result;                                                   \
  }

#define WRAP_OPENAT(name)                                            \
  EXPORT int name(int folder, const char *path, int flags, ...) {    \
    REAL(name)                                                       \
    va_list list;                                                    \
    va_start(list, flags);                                           \
    const mode_t mode = (flags & O_CREAT) ? va_arg(list, mode_t) : 0; \
    va_end(list);                                                    \
    const int action = judge(FAULT_OPEN);                            \
    if (fails(action)) return -1;                                    \
    const int result = real(folder, path, flags, mode);              \
    leave(action);                                                   \
    return result;                                                   \
  }

/* `size` is the parameter that a short call halves. */
#define WRAP_BYTES(name, kind, parameters, arguments) \
  EXPORT ssize_t name parameters {                    \
    REAL(name)                                        \
    const int action = judge(kind);                   \
    if (fails(action)) return -1;                     \
    size = share(action, size);                       \
    const ssize_t result = real arguments;            \
    leave(action);                                    \
    return result;                                    \
  }

WRAP_OPEN(open)
WRAP_OPEN(open64)
WRAP_OPENAT(openat)
WRAP_OPENAT(openat64)
WRAP(FILE *, fopen, FAULT_OPEN, NULL, (const char *path, const char *mode), (path, mode))
WRAP(FILE *, fopen64, FAULT_OPEN, NULL, (const char *path, const char *mode), (path, mode))

WRAP_BYTES(read, FAULT_READ, (int file, void *bytes, size_t size), (file, bytes, size))
WRAP_BYTES(pread, FAULT_READ, (int file, void *bytes, size_t size, off_t at),
           (file, bytes, size, at))
WRAP_BYTES(pread64, FAULT_READ, (int file, void *bytes, size_t size, off64_t at),
           (file, bytes, size, at))
WRAP_BYTES(write, FAULT_WRITE, (int file, const void *bytes, size_t size), (file, bytes, size))
WRAP_BYTES(pwrite, FAULT_WRITE, (int file, const void *bytes, size_t size, off_t at),
           (file, bytes, size, at))
WRAP_BYTES(pwrite64, FAULT_WRITE, (int file, const void *bytes, size_t size, off64_t at),
           (file, bytes, size, at))

/* What the same calls are called where the compiler checks sizes (_FORTIFY_SOURCE). */
EXPORT ssize_t __read_chk(int file, void *bytes, size_t size, size_t room);
EXPORT ssize_t __read_chk(int file, void *bytes, size_t size, size_t room) {
  if (size > room) abort();
  return read(file, bytes, size);
}
EXPORT ssize_t __pread64_chk(int file, void *bytes, size_t size, off64_t at, size_t room);
EXPORT ssize_t __pread64_chk(int file, void *bytes, size_t size, off64_t at, size_t room) {
  if (size > room) abort();
  return pread64(file, bytes, size, at);
}
EXPORT int __open64_2(const char *path, int flags);
EXPORT int __open64_2(const char *path, int flags) { return open64(path, flags); }
EXPORT int __openat64_2(int folder, const char *path, int flags);
EXPORT int __openat64_2(int folder, const char *path, int flags) {
  return openat64(folder, path, flags);
}

WRAP(int, fsync, FAULT_SYNC, -1, (int file), (file))
WRAP(int, fdatasync, FAULT_SYNC, -1, (int file), (file))
WRAP(int, rename, FAULT_RENAME, -1, (const char *from, const char *to), (from, to))
WRAP(int, renameat, FAULT_RENAME, -1, (int old, const char *from, int new, const char *to),
     (old, from, new, to))
WRAP(int, unlink, FAULT_UNLINK, -1, (const char *path), (path))
WRAP(int, unlinkat, FAULT_UNLINK, -1, (int folder, const char *path, int flags),
     (folder, path, flags))
WRAP(int, fstat, FAULT_STAT, -1, (int file, struct stat *found), (file, found))
WRAP(int, fstat64, FAULT_STAT, -1, (int file, struct stat64 *found), (file, found))
WRAP(int, stat, FAULT_STAT, -1, (const char *path, struct stat *found), (path, found))
WRAP(int, stat64, FAULT_STAT, -1, (const char *path, struct stat64 *found), (path, found))
WRAP(int, fstatat, FAULT_STAT, -1, (int folder, const char *path, struct stat *found, int flags),
     (folder, path, found, flags))
WRAP(int, fstatat64, FAULT_STAT, -1,
     (int folder, const char *path, struct stat64 *found, int flags),
     (folder, path, found, flags))
WRAP(int, fchmod, FAULT_MODE, -1, (int file, mode_t mode), (file, mode))
WRAP(int, fchown, FAULT_MODE, -1, (int file, uid_t user, gid_t group), (file, user, group))
WRAP(int, ftruncate, FAULT_TRUNCATE, -1, (int file, off_t size), (file, size))
WRAP(int, ftruncate64, FAULT_TRUNCATE, -1, (int file, off64_t size), (file, size))
WRAP(int, flock, FAULT_LOCK, -1, (int file, int operation), (file, operation))
WRAP(int, fflush, FAULT_FLUSH, EOF, (FILE *stream), (stream))
WRAP(ssize_t, getrandom, FAULT_RANDOM, -1, (void *bytes, size_t size, unsigned flags),
     (bytes, size, flags))
WRAP(void *, mmap, FAULT_MAP, MAP_FAILED,
     (void *place, size_t size, int protection, int flags, int file, off_t at),
     (place, size, protection, flags, file, at))
WRAP(void *, mmap64, FAULT_MAP, MAP_FAILED,
     (void *place, size_t size, int protection, int flags, int file, off64_t at),
     (place, size, protection, flags, file, at))

EXPORT int close(int file) {
  REAL(close)
  const int action = judge(FAULT_CLOSE);
  const int result = real(file);
  leave(action);
  return fails(action) ? -1 : result;
}

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument) {
  REAL(pthread_create)
  const int action = judge(FAULT_THREAD);
  if (action == FAULT_ERROR) return control.error;
  const int result = real(thread, attributes, start, argument);
  leave(action);
  return result;
}

/* ---- programs that know nothing of it ---- */

__attribute__((constructor)) static void read_environment(void) {
  const char *const text = getenv("S3_FAULTS");
  char which[16];
  int mode;
  long at;
  unsigned long seed;
  if (text == NULL ||
      sscanf(text, "%15s %d %d %d %d %ld %lu %4095s", which, &control.kinds, &control.action,
             &control.error, &mode, &at, &seed, report) != 8)
    return;
  fault_well *const well = strcmp(which, "memory") == 0 ? &control.memory : &control.calls;
  well->mode = mode;
  well->at = at;
  well->seed = seed;
  atomic_store(&control.armed, 1);
}

__attribute__((destructor)) static void write_report(void) {
  const int was_armed = atomic_exchange(&control.armed, 0);
  FILE *const stream = was_armed != 0 && report[0] != '\0' ? fopen(report, "w") : NULL;
  if (stream == NULL) return;
  fprintf(stream, "%ld %ld %ld %ld\n", atomic_load(&control.memory.count),
          atomic_load(&control.memory.hits), atomic_load(&control.calls.count),
          atomic_load(&control.calls.hits));
  fclose(stream);
}
