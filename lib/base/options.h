/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of API calls: NULL checks, and structs that grow from release to
 * release. A public struct starts with a size_t struct_size. New fields are
 * added at its end and never inside its tail padding, so that the size tells
 * which fields a caller knows.
 *
 * An init function cannot ask the caller's struct for its size. One whose struct has
 * grown, NAME_init, therefore fills in the first release's size for ever: a program
 * compiled against those headers has no more room. Beside it stands NAME_init_sized,
 * which is told the size, and in the header a macro of the old name hands it
 * sizeof *options, as large as the struct is where the program is compiled. That is
 * one symbol for all later growth. (NAME_init)(...) is the function itself. */
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

/* What an init function does with a caller's struct of `size` bytes: struct_size, what
 * there is room for of `defaults`, a struct of `defaults_size` bytes, and zeros behind
 * them in a struct that is larger. */
void s3_options_init(void *options, size_t size, const void *defaults, size_t defaults_size);

/* The same check for a struct that a call fills in; made before the call acts. */
s3rec_status s3_output_check(const void *output, size_t minimum_size, const char *name);

/* Fills in the fields that the caller's struct_size covers out of `source`, a
 * struct of `size` bytes; struct_size stays the caller's. */
void s3_output_write(void *output, const void *source, size_t size);

/* ARGUMENT unless offsets [row_count + 1] start at 0 and never fall. */
s3rec_status s3_offsets_check(const int64_t *offsets, size_t row_count);

#endif
