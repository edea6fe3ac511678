/* SPDX-License-Identifier: Apache-2.0 */
/* Text files of the tool, written beside and renamed into place. */
#ifndef CLI_OUTPUT_FILE_H
#define CLI_OUTPUT_FILE_H

#include <stdio.h>

typedef struct cli_output {
  FILE *stream;
  char *path, *temporary;
} cli_output;

/* On failure prints a message and returns an exit code. */
int cli_output_open(const char *path, cli_output *output);
/* Checks all writes, syncs and renames; on failure nothing is left behind. */
int cli_output_commit(cli_output *output);
/* Throws the temporary file away; safe after a commit. */
void cli_output_discard(cli_output *output);

/* DIR/NAME + suffix, to be freed; NULL when memory runs out. */
char *cli_path(const char *folder, const char *name, const char *suffix);

#endif
