/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of API calls: NULL checks, and structs that grow from release to
 * release. A public struct starts with a size_t struct_size. New fields are
 * added at its end and never inside its tail padding, so that the size tells
 * which fields a caller knows.
 *
 * An init function cannot ask the caller's struct for its size, and a program that was
 * compiled earlier has no more room. So NAME_init fills in the fields that the struct had
 * when NAME_init was released, for ever; a release that adds fields adds NAME_init2, which
 * fills in those too (docs/stability.md). */
#ifndef S3_BASE_OPTIONS_H
#define S3_BASE_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Leaves an API function whose argument `pointer` is NULL. */
#define S3_REQUIRE(pointer)                                                               \
  do {                                                                                    \
    if ((pointer) == NULL)                                                                \
      return s3_fail(S3REC_ERROR_ARGUMENT, "%s: %s must not be NULL", __func__, #pointer); \
  } while (0)

/* Size of a struct when `last` was its last field, which stays when it grows. */
#define S3_SIZE_UNTIL(type, last)                                              \
  ((offsetof(type, last) + sizeof((type *)0)->last + _Alignof(type) - 1) / \
   _Alignof(type) * _Alignof(type))

/* Copies what the caller's struct has over the defaults in `options`, a struct
 * of `size` bytes. A struct_size below `minimum_size`, the size in the struct's
 * first release (S3_SIZE_UNTIL), is refused; fields that only the caller knows
 * are ignored.
 * `name` is the struct's, for the error text. */
s3rec_status s3_options_copy(void *options, size_t size, const void *source,
                             size_t minimum_size, const char *name);

/* The same check for a struct that a call fills in; made before the call acts. */
s3rec_status s3_output_check(const void *output, size_t minimum_size, const char *name);

/* Fills in the fields that the caller's struct_size covers out of `source`, a
 * struct of `size` bytes; struct_size stays the caller's. */
void s3_output_write(void *output, const void *source, size_t size);

/* ARGUMENT unless offsets [row_count + 1] start at 0 and never fall. */
s3rec_status s3_offsets_check(const int64_t *offsets, size_t row_count);

#endif
