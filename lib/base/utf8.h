/* SPDX-License-Identifier: Apache-2.0 */
#ifndef S3_BASE_UTF8_H
#define S3_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum s3_utf8 {
  S3_UTF8_VALID,
  S3_UTF8_CUT,    /* fewer continuation bytes than the first byte announces */
  S3_UTF8_INVALID /* not a first byte, overlong, a surrogate, above U+10FFFF */
} s3_utf8;

/* Decodes the character at `at`, which lies before `end`. */
s3_utf8 s3_utf8_decode(const char *at, const char *end, uint32_t *code_point);

/* Whether all of a text is UTF-8: jansson refuses other text, but in the same
 * way as it reports that memory is missing. */
bool s3_utf8_valid(const char *text);
/* The same for bytes, NUL among them or not; fast where they are ASCII. */
bool s3_utf8_valid_bytes(const char *bytes, size_t count);

/* Length of the start of valid text of `count` bytes that has at most `limit` bytes and no
 * half character at its end: for "%.*s". */
int s3_utf8_fit(const char *bytes, size_t count, int limit);

/* Makes one line of UTF-8 of a text out of names and paths, which may hold anything, and
 * may be cut off: other bytes and control characters become '?', a character without its
 * end goes. */
void s3_make_line(char *text);

#endif
