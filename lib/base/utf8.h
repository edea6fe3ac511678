/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8: what is valid, and texts that may be shown or cut. */
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

/* Whether all of a text is UTF-8. */
bool s3_utf8_valid(const char *text);
/* The same for bytes, which may include NUL; fast where they are ASCII. */
bool s3_utf8_valid_bytes(const char *bytes, size_t count);

/* Length for "%.*s": how much of a valid text of `count` bytes fits into `limit` bytes
 * without half a character at the end. */
int s3_utf8_fit(const char *bytes, size_t count, int limit);

/* Makes a text one line of valid UTF-8: control characters and bytes that are no UTF-8
 * become '?', a character that is cut off at the end is removed. Names and paths in the
 * text may hold anything, and the text may be cut off. */
void s3_make_line(char *text);

/* Bytes of a byte order mark at the start of a file, 0 or 3. */
size_t s3_utf8_mark_length(const char *bytes, size_t count);

#endif
