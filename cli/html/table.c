/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdarg.h>

static const char *const classes[] = {"", " class=\"number\"", " class=\"number best\"",
                                      " class=\"wrap\""};

void html_table_begin(FILE *stream, const char *caption) {
  fputs("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"", stream);
  html_text(stream, caption);
  fputs("\">\n<table>\n<caption>", stream);
  html_text(stream, caption);
  fputs("</caption>\n", stream);
}

void html_table_end(FILE *stream) { fputs("</tbody>\n</table>\n</div>\n", stream); }

void html_head_begin(FILE *stream) { fputs("<thead>\n<tr>", stream); }

void html_head_cell(FILE *stream, html_cell kind, const char *text) {
  fprintf(stream, "<th scope=\"col\"%s>", classes[kind]);
  html_text(stream, text);
  fputs("</th>", stream);
}

void html_head_end(FILE *stream) { fputs("</tr>\n</thead>\n<tbody>\n", stream); }

void html_row_begin(FILE *stream, const char *style) {
  if (style == NULL)
    fputs("<tr>", stream);
  else
    fprintf(stream, "<tr class=\"%s\">", style);
}

/* Names from files may be written right to left; <bdi> keeps that inside. */
static void write(FILE *stream, const char *format, va_list arguments) {
  char text[512];
  vsnprintf(text, sizeof text, format, arguments);
  fputs("<bdi>", stream);
  html_text(stream, text);
  fputs("</bdi>", stream);
}

void html_row_head(FILE *stream, html_cell kind, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stream, "<th scope=\"row\"%s>", classes[kind]);
  write(stream, format, arguments);
  fputs("</th>", stream);
  va_end(arguments);
}

void html_row_cell(FILE *stream, html_cell kind, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stream, "<td%s>", classes[kind]);
  write(stream, format, arguments);
  fputs("</td>", stream);
  va_end(arguments);
}

void html_row_end(FILE *stream) { fputs("</tr>\n", stream); }
