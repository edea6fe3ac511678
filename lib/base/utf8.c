/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <string.h>

s3_utf8 s3_utf8_decode(const char *at, const char *end, uint32_t *code_point) {
  static const uint32_t smallest[4] = {0, 0x80, 0x800, 0x10000};
  const uint32_t first = (unsigned char)*at++;
  const int more = first < 0x80   ? 0
                   : first < 0xC2 ? -1
                   : first < 0xE0 ? 1
                   : first < 0xF0 ? 2
                   : first < 0xF5 ? 3
                                  : -1;
  if (more < 0) return S3_UTF8_INVALID;
  uint32_t value = more == 0 ? first : first & (0x3Fu >> more);
  for (int i = 0; i < more; i++, at++) {
    if (at == end || ((unsigned char)*at & 0xC0) != 0x80) return S3_UTF8_CUT;
    value = value << 6 | ((unsigned char)*at & 0x3F);
  }
  const int surrogate = value >= 0xD800 && value < 0xE000;
  if (value < smallest[more] || value > 0x10FFFF || surrogate) return S3_UTF8_INVALID;
  *code_point = value;
  return S3_UTF8_VALID;
}

bool s3_utf8_valid_bytes(const char *bytes, size_t count) {
  const char *const end = bytes + count;
  while (bytes < end) {
    uint64_t eight;
    if ((size_t)(end - bytes) >= sizeof eight) {
      memcpy(&eight, bytes, sizeof eight);
      if ((eight & 0x8080808080808080u) == 0) {
        bytes += sizeof eight;
        continue;
      }
    }
    uint32_t code_point;
    if (s3_utf8_decode(bytes, end, &code_point) != S3_UTF8_VALID) return false;
    bytes += code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
  }
  return true;
}

bool s3_utf8_valid(const char *text) { return s3_utf8_valid_bytes(text, strlen(text)); }

void s3_make_line(char *text) {
  const char *const end = text + strlen(text);
  for (char *at = text; at < end;) {
    uint32_t code_point;
    const s3_utf8 decoded = s3_utf8_decode(at, end, &code_point);
    if (decoded == S3_UTF8_VALID && code_point >= 0x80) {
      at += code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
      continue;
    }
    char *next = at + 1;
    while (next < end && ((unsigned char)*next & 0xC0) == 0x80) next++;
    if (decoded == S3_UTF8_CUT && next == end) {
      *at = '\0';
      return;
    }
    if (decoded != S3_UTF8_VALID || code_point < ' ' || code_point == 0x7F) *at = '?';
    at++;
  }
}

int s3_utf8_fit(const char *bytes, size_t count, int limit) {
  if (count <= (size_t)limit) return (int)count;
  while (limit > 0 && ((unsigned char)bytes[limit] & 0xC0) == 0x80) limit--;
  return limit;
}

size_t s3_utf8_mark_length(const char *bytes, size_t count) {
  return count >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}
