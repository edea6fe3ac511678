/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as text in memory of the context, without blanks. The same in every locale. */
#ifndef S3_BASE_JSON_WRITER_H
#define S3_BASE_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/context.h"
#include "base/error.h"

/* Starts with the context set and all else zero. The first failure stays in `status`, and calls
 * after it do nothing, so that only s3_json_finish is to be checked. */
typedef struct s3_json_writer {
  const s3rec_context *context;
  s3rec_status status;
  void *bytes;
  size_t count, capacity;
  bool follows; /* the next value needs a comma before it */
} s3_json_writer;

void s3_json_open(s3_json_writer *writer, char bracket);  /* '{' or '[' */
void s3_json_close(s3_json_writer *writer, char bracket); /* '}' or ']' */
void s3_json_put_key(s3_json_writer *writer, const char *key);
void s3_json_put_text(s3_json_writer *writer, const char *text); /* valid UTF-8 */
void s3_json_put_truth(s3_json_writer *writer, bool truth);
void s3_json_put_integer(s3_json_writer *writer, int64_t integer);
void s3_json_put_real(s3_json_writer *writer, double real); /* finite; reads back as the same */
/* A value that is JSON already. */
void s3_json_put_json(s3_json_writer *writer, const char *json);
/* The text, with a NUL after it, is the caller's to s3_free. Frees what there is on failure. */
s3rec_status s3_json_finish(s3_json_writer *writer, char **text, size_t *count);

#endif
