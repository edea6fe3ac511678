/* SPDX-License-Identifier: Apache-2.0 */
/* Files that the tool writes: checks before the work, and writing. On failure each function that
 * gives a code prints why. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdio.h>

#include "base/atomic_file.h"
#include "cli.h"

/* A text file. It is written under another name and then renamed (base/atomic_file.h). */
typedef struct cli_output {
  FILE *stream; /* NULL when it is not open */
  s3_atomic_file file;
} cli_output;

int cli_output_open(const char *path, cli_output *output);
/* Checks all writes, syncs and renames. On failure no file is left. */
int cli_output_commit(cli_output *output);
/* Removes the temporary file. Does nothing after a commit, or if *output is all zeros. */
void cli_output_discard(cli_output *output);

/* What a command does with a file. */
typedef enum cli_place_use {
  CLI_READS,  /* must not be written */
  CLI_STARTS, /* is read, and may then be replaced by a result */
  CLI_RESULT, /* is replaced */
  CLI_PAGE,   /* is replaced by a result made from other files */
  CLI_APPENDS /* grows; may also be a device or a pipe */
} cli_place_use;

typedef struct cli_place {
  const char *option, *path; /* NULL path: nothing to check */
  cli_place_use use;
} cli_place;

/* Before any work: refuses one file for two purposes, even under two paths, the files of --data
 * among them, and files that cannot be written. */
int cli_check_places(const cli_options *options, const cli_place *places, size_t count);

/* Makes the folder of --data unless it exists; *made tells whether it did. Refuses files NAME +
 * suffix in it that cannot be written, or that convert reads. */
int cli_check_data_folder(const cli_options *options, const char *const *suffixes, size_t count,
                          bool *made);

/* fopen, again after a signal that interrupted it. */
FILE *cli_open_stream(const char *path, const char *mode);

/* DIR/NAME + suffix; the caller frees it. NULL when memory runs out. */
char *cli_path(const char *folder, const char *name, const char *suffix);
/* PATH + suffix, in the same way. */
char *cli_path_with(const char *path, const char *suffix);

#endif
