/* SPDX-License-Identifier: Apache-2.0 */
#include "data/json_place.h"

#include <stdbool.h>
#include <string.h>

/* Where a scan over the document is. */
typedef struct cursor {
  size_t depth, entry, element; /* element counts at depth 2 */
  bool behind_colon;            /* at depth 1: in the value */
} cursor;

static bool is_part(const cursor *at, s3_json_part part, size_t entry, size_t element) {
  if (part == S3_JSON_ROOT) return at->depth == 0;
  if (at->entry != entry) return false;
  if (part == S3_JSON_ELEMENT) return at->depth == 2 && at->element == element;
  return at->depth == 1 && at->behind_colon == (part == S3_JSON_VALUE);
}

static void step(cursor *at, char byte) {
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
static const char *find(const char *at, const char *end, s3_json_part part, size_t entry,
                        size_t element) {
  cursor here = {0};
  for (; at < end; at++) {
    if (strchr(" \t\r\n,:", *at) == NULL && is_part(&here, part, entry, element)) return at;
    step(&here, *at);
  }
  return end;
}

s3_json_place s3_json_find(const char *bytes, size_t count, s3_json_part part, size_t entry,
                           size_t element) {
  const char *found = find(bytes, bytes + count, part, entry, element);
  s3_json_place place = {1, 1};
  for (const char *at = bytes; at < found; at++) {
    if (*at == '\n') place = (s3_json_place){place.line + 1, 1};
    else if (((unsigned char)*at & 0xC0) != 0x80) ++place.column;
  }
  return place;
}
