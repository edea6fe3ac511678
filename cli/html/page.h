/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of a page that stands alone: no script, nothing loaded. */
#ifndef CLI_HTML_PAGE_H
#define CLI_HTML_PAGE_H

#include <stdio.h>

#include "text.h"

/* Everything before the content, the title as its first heading. */
void html_page_begin(FILE *stream, const char *title);
void html_page_end(FILE *stream);

/* A section with its heading. `id` is a plain word. */
void html_section_begin(FILE *stream, const char *id, const char *heading);
void html_section_end(FILE *stream);

/* style.c: the style sheet. */
extern const char *const html_style[];
extern const size_t html_style_count;

#endif
