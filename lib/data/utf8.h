/* SPDX-License-Identifier: Apache-2.0 */
#ifndef S3_DATA_UTF8_H
#define S3_DATA_UTF8_H

#include <stdint.h>

typedef enum s3_utf8 {
  S3_UTF8_VALID,
  S3_UTF8_CUT,    /* fewer continuation bytes than the first byte announces */
  S3_UTF8_INVALID /* not a first byte, overlong, a surrogate, above U+10FFFF */
} s3_utf8;

/* Decodes the character at `at`, which lies before `end`. */
s3_utf8 s3_utf8_decode(const char *at, const char *end, uint32_t *code_point);

#endif
