/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <stdarg.h>
#include <stddef.h>

/* Bytes of the UTF-8 character at `text`; 0 where there is none, or one that no
 * page may hold (control characters). */
static size_t character(const unsigned char *text) {
  if (text[0] < 0x80) return text[0] >= 0x20 && text[0] != 0x7f;
  const size_t length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
  if (text[0] < 0xc2 || text[0] > 0xf4) return 0;
  for (size_t i = 1; i < length; i++)
    if ((text[i] & 0xc0) != 0x80) return 0;
  const unsigned second = text[1];
  if (text[0] == 0xc2 && second < 0xa0) return 0; /* control characters again */
  if ((text[0] == 0xe0 && second < 0xa0) || (text[0] == 0xed && second > 0x9f)) return 0;
  if ((text[0] == 0xf0 && second < 0x90) || (text[0] == 0xf4 && second > 0x8f)) return 0;
  return length;
}

static const char *entity(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return NULL;
  }
}

void html_text(FILE *stream, const char *text) {
  while (*text != '\0') {
    const size_t length = character((const unsigned char *)text);
    const char *const replacement = length == 0 ? "\xef\xbf\xbd" : entity(*text);
    if (replacement != NULL)
      fputs(replacement, stream);
    else
      fwrite(text, 1, length, stream);
    text += length == 0 ? 1 : length;
  }
}

void html_format(FILE *stream, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  html_text(stream, text);
}
