/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of items on the command line: ids as "12 7 93" or "12,7,93", or names, those with
 * separators in double quotes. */
#ifndef CLI_ID_LIST_H
#define CLI_ID_LIST_H

#include "cli.h"

typedef struct cli_ids {
  int32_t *ids;
  size_t count;
} cli_ids;

/* Reads the value of option `name`; NULL text gives an empty list. `names` are those of the
 * model's items, or NULL. On failure prints a message. The list is to be freed
 * (free(list->ids)). */
int cli_ids_read(const cli_options *options, const char *name, const char *text,
                 const s3rec_vocabulary *names, cli_ids *list);

#endif
