/* SPDX-License-Identifier: Apache-2.0 */
/* The optional file NAME_names.tsv: the items' titles. */
#ifndef CLI_NAMES_H
#define CLI_NAMES_H

#include <stddef.h>
#include <stdint.h>

typedef struct cli_title {
  int32_t id;
  char *text;
} cli_title;

typedef struct cli_names {
  cli_title *titles; /* by id */
  size_t count;
} cli_names;

/* A missing file gives no titles and is fine; a wrong one is an error that names
 * file and line. */
int cli_names_load(const char *path, cli_names *names);
void cli_names_free(cli_names *names);

/* NULL when the item has no title. */
const char *cli_names_title(const cli_names *names, int32_t id);

#endif
