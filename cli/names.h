/* SPDX-License-Identifier: Apache-2.0 */
/* The optional file NAME_names.tsv: what items are called. */
#ifndef CLI_NAMES_H
#define CLI_NAMES_H

#include <stddef.h>
#include <stdint.h>

/* Texts are "" where the file has none. */
typedef struct cli_name {
  int32_t id;
  const char *title, *year, *kind, *genres, *director, *series;
  int32_t part; /* 0: none */
} cli_name;

typedef struct cli_names {
  char *text;     /* the file, cut into fields */
  cli_name *rows; /* by id */
  size_t count;
} cli_names;

/* A missing file gives no names and is fine; a wrong one is an error that names
 * file and line. */
int cli_names_load(const char *path, cli_names *names);
void cli_names_free(cli_names *names);

/* NULL when the item has no name. */
const cli_name *cli_names_find(const cli_names *names, int32_t id);

#endif
