/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <stdbool.h>
#include <string.h>

/* When jansson runs out of memory it often sets neither a reason nor a code. When it
 * cannot keep a string it reports a wrong token, though a token that ends with its
 * quotation mark is never wrong. */
static bool is_out_of_memory(const char *text, const json_error_t *error) {
  static const char *const wrong_token[] = {"invalid token", "string or '}' expected"};
  if (error->text[0] == '\0' || json_error_code(error) == json_error_out_of_memory) return true;
  if (error->position < 1 || text[error->position - 1] != '"') return false;
  for (int i = 0; i < 2; i++)
    if (strncmp(error->text, wrong_token[i], strlen(wrong_token[i])) == 0) return true;
  return false;
}

s3rec_status s3_fail_json(const char *path, const char *part, const char *text,
                          const json_error_t *error) {
  if (is_out_of_memory(text, error))
    return s3_fail(S3REC_ERROR_MEMORY, "%s: %sno memory to read the JSON text", path, part);
  return s3_fail(S3REC_ERROR_FORMAT, "%s:%d:%d: %s%s", path, error->line > 0 ? error->line : 1,
                 error->column > 0 ? error->column : 1, part, error->text);
}

const char *s3_json_type_name(const json_t *value) {
  switch (json_typeof(value)) {
    case JSON_OBJECT:
      return "an object";
    case JSON_ARRAY:
      return "an array";
    case JSON_STRING:
      return "a string";
    case JSON_INTEGER:
      return "an integer";
    case JSON_REAL:
      return "a number with a fraction";
    case JSON_NULL:
      return "null";
    default:
      return "a truth value";
  }
}

/* Where a scan over a document is. */
typedef struct json_cursor {
  size_t depth, entry, element; /* element counts at depth 2 */
  bool behind_colon;            /* at depth 1: in the value */
} json_cursor;

static bool is_at_part(const json_cursor *at, s3_json_part part, size_t entry, size_t element) {
  if (part == S3_JSON_ROOT) return at->depth == 0;
  if (at->entry != entry) return false;
  if (part == S3_JSON_ELEMENT) return at->depth == 2 && at->element == element;
  return at->depth == 1 && at->behind_colon == (part == S3_JSON_VALUE);
}

static void advance_cursor(json_cursor *at, char byte) {
  switch (byte) {
    case '{':
    case '[':
      ++at->depth;
      at->element = 0;
      break;
    case '}':
    case ']':
      --at->depth;
      break;
    case ':':
      if (at->depth == 1) at->behind_colon = true;
      break;
    case ',':
      if (at->depth == 2) ++at->element;
      if (at->depth == 1) {
        ++at->entry;
        at->behind_colon = false;
      }
      break;
    default:
      break;
  }
}

/* Strings need no care: only keys that are integers come before `entry`. */
static const char *find_json_part(const char *at, const char *end, s3_json_part part, size_t entry,
                                  size_t element) {
  json_cursor here = {0};
  for (; at < end; at++) {
    if (strchr(" \t\r\n,:", *at) == NULL && is_at_part(&here, part, entry, element)) return at;
    advance_cursor(&here, *at);
  }
  return end;
}

s3_json_place s3_json_find(const char *bytes, size_t count, s3_json_part part, size_t entry,
                           size_t element) {
  const char *found = find_json_part(bytes, bytes + count, part, entry, element);
  s3_json_place place = {1, 1};
  for (const char *at = bytes; at < found; at++) {
    if (*at == '\n')
      place = (s3_json_place){place.line + 1, 1};
    else if (((unsigned char)*at & 0xC0) != 0x80)
      ++place.column;
  }
  return place;
}
