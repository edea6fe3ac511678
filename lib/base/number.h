/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text in files: always with a decimal point, whatever the host's locale writes,
 * and exact both ways. Also the search for NaN and infinity in arrays. */
#ifndef S3_BASE_NUMBER_H
#define S3_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { S3_NUMBER_SIZE = 32 }; /* room for the text of any number */

/* The shortest of 15 to 17 digits that reads back as the same value. */
void s3_format_double(double value, char text[S3_NUMBER_SIZE]);

/* True when all of `text` is one finite decimal number, such as "-1.5e-3". */
bool s3_parse_double(const char *text, double *value);

/* The value of bytes [-+] digits [. digits] [e [-+] digits], of which there may be any number, to
 * the nearest double; infinite when it is too large. The bytes must be of this form. */
double s3_decimal_value(const char *bytes, size_t count);
/* Whether that is finite; mostly without working it out. */
bool s3_decimal_is_finite(const char *bytes, size_t count);

/* True when all of `text` is one decimal integer in minimum..maximum. */
bool s3_parse_int64(const char *text, int64_t minimum, int64_t maximum, int64_t *value);

/* Index of the first value that is NaN or infinite; `count` when none is. */
size_t s3_first_not_finite(const float *values, size_t count);

#endif
