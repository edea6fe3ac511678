/* SPDX-License-Identifier: Apache-2.0 */
#include "page.h"

#include <stddef.h>

#include "s3rec/s3rec.h"

void html_page_begin(FILE *stream, const char *title) {
  fputs(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      /* The browser itself makes sure that nothing is loaded or run. */
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'\">\n<title>",
      stream);
  html_text(stream, title);
  fputs("</title>\n<style>\n", stream);
  for (size_t i = 0; i < html_style_count; i++) fprintf(stream, "%s\n", html_style[i]);
  fputs("</style>\n</head>\n<body>\n<main>\n<h1>", stream);
  html_text(stream, title);
  fputs("</h1>\n", stream);
}

void html_page_end(FILE *stream) {
  fprintf(stream, "</main>\n<footer>Written by s3rec %s.</footer>\n</body>\n</html>\n",
          s3rec_version());
}

void html_section_begin(FILE *stream, const char *id, const char *heading) {
  fprintf(stream, "<section id=\"%s\" aria-labelledby=\"%s-heading\">\n<h2 id=\"%s-heading\">", id,
          id, id);
  html_text(stream, heading);
  fputs("</h2>\n", stream);
}

void html_section_end(FILE *stream) { fputs("</section>\n", stream); }
