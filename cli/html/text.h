/* SPDX-License-Identifier: Apache-2.0 */
/* Text into HTML. */
#ifndef CLI_HTML_TEXT_H
#define CLI_HTML_TEXT_H

#include <stdio.h>

/* Writes text from anywhere, so that a browser shows just that text, in element
 * content and in quoted attributes: the five special characters become entities,
 * control characters and bytes that are not UTF-8 become U+FFFD. */
void html_text(FILE *stream, const char *text);

/* The same for a formatted text of at most 511 bytes. */
__attribute__((format(printf, 2, 3))) void html_format(FILE *stream, const char *format, ...);

#endif
