/* SPDX-License-Identifier: Apache-2.0 */
/* Names that come from files, for a terminal: they can be long and hold anything. */
#ifndef CLI_PLAIN_TEXT_H
#define CLI_PLAIN_TEXT_H

#include <stddef.h>
#include <stdio.h>

/* Copies a text of UTF-8; control characters become '?', so that a name cannot steer the
 * terminal, and what does not fit is cut between two characters, with "..." at the end.
 * Both may be the same. */
void cli_plain_text(const char *text, char *plain, size_t capacity);

/* Writes a text as a field of a TSV file: backslash, tab, line feed and carriage return become
 * \\, \t, \n and \r. */
void cli_write_field(FILE *stream, const char *text);

#endif
