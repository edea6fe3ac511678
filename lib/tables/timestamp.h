/* SPDX-License-Identifier: Apache-2.0 */
#ifndef S3_TABLES_TIMESTAMP_H
#define S3_TABLES_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* whole + billionths / 1e9, in whatever unit the file has; dates in seconds since 1970. */
typedef struct s3_timestamp {
  int64_t whole;
  int32_t billionths; /* 0..999999999 */
  bool is_date;
} s3_timestamp;

/* Reads an integer, a decimal number (digits of the fraction after the ninth are cut off)
 * or an ISO 8601 date with or without a time, all of `text`, which NUL ends. On failure
 * returns why, in words that follow the quoted text; NULL on success. */
const char *s3_timestamp_parse(const char *text, s3_timestamp *timestamp);

#endif
