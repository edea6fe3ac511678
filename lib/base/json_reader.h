/* SPDX-License-Identifier: Apache-2.0 */
/* JSON (RFC 8259), read where it lies: no tree, no recursion, no memory of its own.
 *
 *   text --s3_json_check--> s3_json: a value as a piece of the checked text
 *                             |-- s3_json_enter, s3_json_next: what is in an object or array
 *                             '-- s3_json_integer, _real, _text_copy: what a value is
 *
 * s3_json_check looks at every byte once: grammar, UTF-8, depth, numbers that fit. After it a
 * value is known to be right, so walking cannot fail and needs no checks. It refuses two things
 * that the grammar has: half of a surrogate pair, which is no character, and NUL, so that every
 * text can be a C string. Nesting is kept in one bit a level, so that the stack that is used does
 * not depend on the text. Nothing here depends on the locale. */
#ifndef S3_BASE_JSON_READER_H
#define S3_BASE_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/context.h"
#include "base/error.h"
#include "base/keyed_hash.h"

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

/* The same for one row of a file whose place the caller tells: false for a text that is wrong;
 * *fault, NULL if nothing is, says what is wrong and *fault_at where. */
bool s3_json_is_valid(const char *text, size_t count, size_t depth, s3_json *root,
                      const char **fault, const char **fault_at);
/* The *fault of a text that nests deeper than `depth`. */
extern const char s3_json_too_deep[];

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
 * `key` may be NULL, and is no value in an array. What is no container has nothing in it. */
typedef struct s3_json_walk {
  const char *at, *end;
  bool in_object;
} s3_json_walk;
s3_json_walk s3_json_enter(s3_json container);
bool s3_json_next(s3_json_walk *walk, s3_json *key, s3_json *value);

/* The first member of this name; no value when there is none, or when `object` is no object. It
 * looks at all members before it; s3_json_index is for many. */
s3_json s3_json_member(s3_json object, const char *name);

/* What a value is; false when it is of another kind. A real may be written as an integer. */
bool s3_json_truth(s3_json value, bool *truth);
bool s3_json_integer(s3_json value, int64_t *integer);
bool s3_json_real(s3_json value, double *real);

/* Writes the text that a TEXT stands for, without its quotation marks and escapes, and a NUL after
 * it; gives its length. With the NUL it is shorter than the value's bytes, so `bytes` may be where
 * the value begins or one byte later: a reader that owns the text can unpack it in place, and one
 * byte later a text without escapes need not even be moved. A value around it then is no JSON any
 * more; a walk that has passed it goes on. */
size_t s3_json_text_copy(s3_json text, char *bytes);
/* The same in place, from one byte later on, where the text's bytes are the caller's to change. */
char *s3_json_unpack(s3_json text);
/* Whether a TEXT stands for exactly this. */
bool s3_json_text_is(s3_json text, const char *wanted);
bool s3_json_text_equals(s3_json text, const char *wanted, size_t length);

/* A member of an object: where its key and value begin, counted from the object's first byte, and
 * their lengths. A member takes at least 5 bytes of text, and with different keys of many members
 * 8 or more; here it takes 16, and 6 to 12 more in `slots`. */
typedef struct s3_json_entry {
  uint32_t key, key_length, value, value_length;
} s3_json_entry;

/* The members of an object by name; starts all zero, and may be made again for another object,
 * whether or not that failed. The object must not change while it is used. */
typedef struct s3_json_index {
  s3_json object;
  size_t count;      /* of members */
  void *members;     /* s3_json_entry [count], in the order of the text */
  void *slots;       /* uint32_t [slot_count] open addressing: member + 1, 0 for none */
  void *key_text;    /* room for a key without its escapes */
  size_t slot_count; /* a power of two; 0: few members, looked at one by one */
  size_t member_capacity, slot_capacity, key_capacity;
  bool has_escapes; /* in keys */
  s3_hash_key hash_key;
} s3_json_index;

/* MEMORY; FORMAT for two equal keys, *repeated is then the second one and the error text is the
 * caller's to set. The object has at most UINT32_MAX bytes. */
s3rec_status s3_json_index_make(const s3rec_context *context, s3_json object, s3_json_index *index,
                                s3_json *repeated);
/* The same for an object of a file, with the text "path: part: duplicate key 'name'". */
s3rec_status s3_json_index_object(const s3rec_context *context, const char *path, const char *part,
                                  s3_json object, s3_json_index *index);
s3_json s3_json_index_find(const s3_json_index *index, const char *name, size_t length);
s3_json s3_json_index_key(const s3_json_index *index, size_t member);
s3_json s3_json_index_value(const s3_json_index *index, size_t member);
void s3_json_index_free(const s3rec_context *context, s3_json_index *index);

#endif
