/* SPDX-License-Identifier: Apache-2.0 */
#include "plain_text.h"

#include <stdbool.h>
#include <string.h>

static bool begins_character(char byte) { return ((unsigned char)byte & 0xc0) != 0x80; }

void cli_plain_text(const char *text, char *plain, size_t capacity) {
  const size_t length = strlen(text);
  size_t kept = length;
  if (length >= capacity)
    for (kept = capacity - sizeof "..."; kept > 0 && !begins_character(text[kept]);) kept--;
  memmove(plain, text, kept);
  strcpy(plain + kept, kept < length ? "..." : "");
  for (unsigned char *c = (unsigned char *)plain; *c != '\0'; c++) {
    if (*c < 0x20 || *c == 0x7f) *c = '?';
    if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) c[0] = c[1] = '?'; /* of two bytes */
  }
}

void cli_write_field(FILE *stream, const char *text) {
  for (; *text != '\0'; text++) switch (*text) {
      case '\\':
        fputs("\\\\", stream);
        break;
      case '\t':
        fputs("\\t", stream);
        break;
      case '\n':
        fputs("\\n", stream);
        break;
      case '\r':
        fputs("\\r", stream);
        break;
      default:
        fputc(*text, stream);
    }
}
