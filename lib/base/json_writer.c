/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

enum { FIRST_CAPACITY = 512 };

/* Room for `count` more bytes; NULL without it, or after a failure. */
static char *reserve(s3_json_writer *writer, size_t count) {
  if (writer->status == S3REC_OK && count > SIZE_MAX - writer->count)
    writer->status = s3_fail(S3REC_ERROR_MEMORY, "a JSON text exceeds the address space");
  if (writer->status == S3REC_OK)
    writer->status = s3_grow(writer->context, &writer->bytes, &writer->capacity,
                             writer->count + (writer->count == 0 ? FIRST_CAPACITY : 0) + count, 1);
  return writer->status == S3REC_OK ? (char *)writer->bytes + writer->count : NULL;
}

static void put_bytes(s3_json_writer *writer, const char *bytes, size_t count) {
  char *const room = reserve(writer, count);
  if (room == NULL) return;
  memcpy(room, bytes, count);
  writer->count += count;
}

static void begin_value(s3_json_writer *writer) {
  if (writer->follows) put_bytes(writer, ",", 1);
  writer->follows = true;
}

void s3_json_put_json(s3_json_writer *writer, const char *json) {
  begin_value(writer);
  put_bytes(writer, json, strlen(json));
}

void s3_json_open(s3_json_writer *writer, char bracket) {
  begin_value(writer);
  put_bytes(writer, &bracket, 1);
  writer->follows = false;
}

void s3_json_close(s3_json_writer *writer, char bracket) {
  put_bytes(writer, &bracket, 1);
  writer->follows = true;
}

static bool is_plain(char byte) {
  return (unsigned char)byte >= ' ' && byte != '"' && byte != '\\';
}

static void put_escape(s3_json_writer *writer, char byte) {
  static const char letters[] = "\"\\bfnrt", bytes[] = "\"\\\b\f\n\r\t";
  char text[8];
  const char *const found = strchr(bytes, byte);
  if (found != NULL)
    snprintf(text, sizeof text, "\\%c", letters[found - bytes]);
  else
    snprintf(text, sizeof text, "\\u%04x", (unsigned)(unsigned char)byte);
  put_bytes(writer, text, strlen(text));
}

static void put_quoted(s3_json_writer *writer, const char *text) {
  put_bytes(writer, "\"", 1);
  while (*text != '\0') {
    const char *end = text;
    while (is_plain(*end)) end++;
    put_bytes(writer, text, (size_t)(end - text));
    if (*end != '\0') put_escape(writer, *end++);
    text = end;
  }
  put_bytes(writer, "\"", 1);
}

void s3_json_put_key(s3_json_writer *writer, const char *key) {
  begin_value(writer);
  put_quoted(writer, key);
  put_bytes(writer, ":", 1);
  writer->follows = false;
}

void s3_json_put_text(s3_json_writer *writer, const char *text) {
  begin_value(writer);
  put_quoted(writer, text);
}

void s3_json_put_truth(s3_json_writer *writer, bool truth) {
  s3_json_put_json(writer, truth ? "true" : "false");
}

void s3_json_put_integer(s3_json_writer *writer, int64_t integer) {
  char text[S3_NUMBER_SIZE];
  snprintf(text, sizeof text, "%" PRId64, integer);
  s3_json_put_json(writer, text);
}

/* Without a point or an exponent it would read back as an integer, and -0 lose its sign. */
void s3_json_put_real(s3_json_writer *writer, double real) {
  char text[S3_NUMBER_SIZE + 2];
  s3_format_double(real, text);
  if (strpbrk(text, ".e") == NULL) strcat(text, ".0");
  s3_json_put_json(writer, text);
}

s3rec_status s3_json_finish(s3_json_writer *writer, char **text, size_t *count) {
  put_bytes(writer, "", 1);
  if (writer->status != S3REC_OK) {
    s3_free(writer->context, writer->bytes);
    return writer->status;
  }
  *text = writer->bytes;
  *count = writer->count - 1;
  return S3REC_OK;
}
