/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char error_text[1024];

/* Cut off within a character, the text would not be UTF-8 any more. */
static void drop_last_character(char *text) {
  size_t length = strlen(text);
  while (length > 0 && ((unsigned char)text[length - 1] & 0xC0) == 0x80) length--;
  if (length > 0) length--;
  text[length] = '\0';
}

void s3_set_error_text(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(error_text, sizeof error_text, format, arguments);
  va_end(arguments);
  if (length >= (int)sizeof error_text) drop_last_character(error_text);
  /* Names out of files may hold anything; the text promises to be one line. */
  for (char *next = error_text; *next != '\0'; next++) {
    if ((unsigned char)*next < ' ' || *next == 0x7F) *next = '?';
  }
}

const char *s3_error_text(void) { return error_text; }
