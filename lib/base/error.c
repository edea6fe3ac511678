/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* The texts of threads. glibc makes the thread-local variables of a library that was loaded by
 * dlopen when a thread first uses one, and ends the process when there is no memory for them. So
 * only a pointer is thread-local, in the room that a thread has from its beginning (initial-exec).
 * What it points to is asked for at a thread's first failure, and given back at the thread's end
 * through a key. */
enum { TEXT_SIZE = 1024 };

#ifdef __GLIBC__
#define FROM_THE_BEGINNING __attribute__((tls_model("initial-exec")))
#else
#define FROM_THE_BEGINNING
#endif

static _Thread_local char *own_text FROM_THE_BEGINNING;
static _Thread_local bool text_missing FROM_THE_BEGINNING;

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t text_key;
static bool has_key;

static void free_own_text(void *text) {
  free(text);
  own_text = NULL;
}

static void make_text_key(void) { has_key = pthread_key_create(&text_key, free_own_text) == 0; }

/* The library may be unloaded before its threads end. */
__attribute__((destructor)) static void delete_text_key(void) {
  if (!has_key) return;
  pthread_key_delete(text_key);
  has_key = false;
  free_own_text(own_text);
}

static bool has_own_text(void) {
  if (own_text != NULL) return true;
  pthread_once(&key_once, make_text_key);
  char *const text = has_key ? malloc(TEXT_SIZE) : NULL;
  if (text == NULL) return false;
  if (pthread_setspecific(text_key, text) != 0) {
    free(text);
    return false;
  }
  own_text = text;
  return true;
}

void s3_set_error_text(const char *format, ...) {
  const int before = errno;
  text_missing = !has_own_text();
  errno = before;
  if (text_missing) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(own_text, TEXT_SIZE, format, arguments);
  va_end(arguments);
  s3_make_line(own_text);
}

const char *s3_error_text(void) {
  if (text_missing) return "the text of this failure is missing: no memory for it";
  return own_text == NULL ? "" : own_text;
}

/* The strerror_r of GNU returns the text, which need not be in the buffer. That of POSIX fills
 * the buffer and returns 0. */
static inline const char *gnu_reason(const char *result, const char *buffer) {
  (void)buffer;
  return result;
}
static inline const char *posix_reason(int result, const char *buffer) {
  return result == 0 ? buffer : "unknown error";
}

s3rec_status s3_fail_errno(const char *path, const char *action) {
  char buffer[128];
#define RESULT strerror_r(errno, buffer, sizeof buffer)
  const char *const reason =
      _Generic(RESULT, char *: gnu_reason, int: posix_reason)(RESULT, buffer);
#undef RESULT
  return s3_fail(S3REC_ERROR_IO, "%s: cannot %s: %s", path, action, reason);
}
