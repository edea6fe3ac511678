/* SPDX-License-Identifier: Apache-2.0 */
/* JSON (RFC 8259), read where it lies: no tree, no recursion, no memory of its own.
 *
 *   text --s3_json_check--> s3_json: a value as a piece of the checked text
 *                             |-- s3_json_enter, s3_json_next: what is in an object or array
 *                             '-- s3_json_integer, _real, _text_copy: what a value is
 *
 * s3_json_check looks at every byte once: grammar, UTF-8, depth, numbers that fit. After it a
 * value is known to be right, so walking cannot fail and needs no checks. Nesting is kept in one
 * bit a level, so that the stack that is used does not depend on the text. Nothing here depends
 * on the locale. */
#ifndef S3_BASE_JSON_READER_H
#define S3_BASE_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/context.h"
#include "base/error.h"

enum { S3_JSON_DEEPEST = 512 }; /* the most that limits may allow */

typedef enum s3_json_kind {
  S3_JSON_NULL,
  S3_JSON_TRUTH,
  S3_JSON_INTEGER, /* digits without fraction or exponent, fits int64_t */
  S3_JSON_REAL,    /* finite as a double */
  S3_JSON_TEXT,
  S3_JSON_ARRAY,
  S3_JSON_OBJECT
} s3_json_kind;

/* A value: its bytes in a checked text, without blanks around them; those of a text include its
 * quotation marks. begin NULL: there is no such value. Valid as long as the text. */
typedef struct s3_json {
  const char *begin;
  size_t length;
} s3_json;

/* Checks a whole text, whose first value is *root. What is wrong is FORMAT with
 * "path:line:column: part: reason", and LIMIT for a text that nests deeper than `depth`.
 * `part` is "" for a whole file, else a name such as "header: ". */
s3rec_status s3_json_check(const char *path, const char *part, const char *text, size_t count,
                           size_t depth, s3_json *root);

/* The same for one row of a file whose place the caller tells: *fault becomes what is wrong, or
 * NULL. False for a text that is wrong. */
bool s3_json_is_valid(const char *text, size_t count, size_t depth, s3_json *root,
                      const char **fault, const char **fault_at);

s3_json_kind s3_json_kind_of(s3_json value);
/* "an object", "a number with a fraction", "null": for error texts. */
const char *s3_json_kind_name(s3_json_kind kind);

/* Line and column, both from 1, of a place in a text; columns count characters. */
typedef struct s3_json_place {
  size_t line, column;
} s3_json_place;
s3_json_place s3_json_place_of(const char *text, const char *at);

/* Walks the members of an object or the elements of an array, in the order of the text:
 *
 *   s3_json_walk walk = s3_json_enter(object);
 *   s3_json key, value;
 *   while (s3_json_next(&walk, &key, &value)) ...
 *
 * `key` may be NULL, and is no value in an array. */
typedef struct s3_json_walk {
  const char *at, *end;
  bool in_object;
} s3_json_walk;
s3_json_walk s3_json_enter(s3_json container);
bool s3_json_next(s3_json_walk *walk, s3_json *key, s3_json *value);

/* The first member of this name; no value when there is none, or when `object` is no object. For
 * objects of a few members; s3_json_index is for more. */
s3_json s3_json_member(s3_json object, const char *name);

/* What a value is; false when it is of another kind. A real may be written as an integer. */
bool s3_json_truth(s3_json value, bool *truth);
bool s3_json_integer(s3_json value, int64_t *integer);
bool s3_json_real(s3_json value, double *real);

/* Writes the text that a TEXT stands for, without its quotation marks and escapes, and a NUL after
 * it; gives its length. It is never longer than the value's bytes, so `bytes` may be where the
 * value begins: a reader that owns the text can unpack it in place. A text may have NULs in it. */
size_t s3_json_text_copy(s3_json text, char *bytes);
/* Whether a TEXT stands for exactly this. */
bool s3_json_text_is(s3_json text, const char *wanted);

/* A member of an object: where its key and value begin, counted from the object's first byte, and
 * their lengths. Offsets of 32 bits, so that a text of tiny members needs little more memory than
 * its own size. */
typedef struct s3_json_entry {
  uint32_t key, key_length, value, value_length;
} s3_json_entry;

/* The members of an object by name; starts all zero, and may be made again for another object. */
typedef struct s3_json_index {
  s3_json object;
  size_t count;           /* of members */
  s3_json_entry *members; /* [count], in the order of the text */
  uint32_t *slots;        /* [slot_count] open addressing: member + 1, 0 for none */
  size_t member_capacity, slot_capacity, slot_count;
} s3_json_index;

/* MEMORY; FORMAT for two equal keys, *repeated is then the second one and the error text is the
 * caller's to set. The object has at most UINT32_MAX bytes. */
s3rec_status s3_json_index_make(const s3rec_context *context, s3_json object, s3_json_index *index,
                                s3_json *repeated);
s3_json s3_json_index_find(const s3_json_index *index, const char *name, size_t length);
s3_json s3_json_index_key(const s3_json_index *index, size_t member);
s3_json s3_json_index_value(const s3_json_index *index, size_t member);
void s3_json_index_free(const s3rec_context *context, s3_json_index *index);

#endif
