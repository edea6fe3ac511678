/* SPDX-License-Identifier: Apache-2.0 */
/* Tables that scroll within the page when they are wider than it. */
#ifndef CLI_HTML_TABLE_H
#define CLI_HTML_TABLE_H

#include "text.h"

/* How a cell looks. */
typedef enum html_cell {
  HTML_WORD,   /* left, on one line */
  HTML_NUMBER, /* right */
  HTML_BEST,   /* a number that stands out */
  HTML_WRAP    /* left, long text that wraps */
} html_cell;

/* `caption` is seen above the table and names the region that scrolls. */
void html_table_begin(FILE *stream, const char *caption);
void html_table_end(FILE *stream);

/* The head: one row of column titles; then the body begins. */
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
