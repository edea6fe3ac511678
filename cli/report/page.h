/* SPDX-License-Identifier: Apache-2.0 */
/* HTML: text, tables, and the frame of a page that needs no other file (no script, nothing loaded).
 * */
#ifndef CLI_REPORT_PAGE_H
#define CLI_REPORT_PAGE_H

#include <stdio.h>

/* Writes any text so that a browser shows it as it is, in element content and in quoted attributes.
 * The five special characters become entities. Control characters and bytes that are not UTF-8
 * become U+FFFD. */
void html_text(FILE *stream, const char *text);

/* The same for a formatted text of at most 511 bytes. */
__attribute__((format(printf, 2, 3))) void html_format(FILE *stream, const char *format, ...);

/* Writes everything before the content; the title is also the first heading. */
void html_page_begin(FILE *stream, const char *title);
void html_page_end(FILE *stream);

/* A section with its heading. `id` is a plain word. */
void html_section_begin(FILE *stream, const char *id, const char *heading);
void html_section_end(FILE *stream);

/* -- tables; one that is wider than the page can be scrolled */

/* How a cell looks. */
typedef enum html_cell {
  HTML_WORD,   /* left, on one line */
  HTML_NUMBER, /* right */
  HTML_BEST,   /* a number that stands out */
  HTML_WRAP    /* left, long text that wraps */
} html_cell;

/* `caption` is shown above the table and is the name of the region that scrolls. */
void html_table_begin(FILE *stream, const char *caption);
void html_table_end(FILE *stream);

/* The head is one row of column titles. After it the body begins. */
void html_head_begin(FILE *stream);
void html_head_cell(FILE *stream, html_cell kind, const char *text);
void html_head_end(FILE *stream);

/* `style` is a class of the row or NULL. */
void html_row_begin(FILE *stream, const char *style);
/* The cell that names the row. */
__attribute__((format(printf, 3, 4))) void html_row_head(FILE *stream, html_cell kind,
                                                         const char *format, ...);
__attribute__((format(printf, 3, 4))) void html_row_cell(FILE *stream, html_cell kind,
                                                         const char *format, ...);
void html_row_end(FILE *stream);

#endif
