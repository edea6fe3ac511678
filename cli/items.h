/* SPDX-License-Identifier: Apache-2.0 */
/* Names and titles of items, and attributes that items share. */
#ifndef CLI_ITEMS_H
#define CLI_ITEMS_H

#include <jansson.h>

#include "cli.h"

/* -- names, which models and datasets of events have */

/* The name of an id, borrowed; NULL if there are no names, or no such id. */
const char *cli_name_of(const s3rec_vocabulary *names, int32_t id);

/* Finds the id of a name that was given to option `option`. An unknown name is refused with
 * CLI_USAGE and up to three similar names. `what` is "item" or "user"; `where` says what has the
 * names, such as "the model". */
int cli_find_name(const cli_options *options, const char *option, const char *what,
                  const char *where, const s3rec_vocabulary *names, const char *name, int32_t *id);

/* Adds {key: name} if the id has a name. */
void cli_json_set_name(json_t *object, const char *key, const s3rec_vocabulary *names, int32_t id);

/* -- titles: the optional file NAME_names.tsv */

typedef struct cli_title {
  int32_t id;
  char *text;
} cli_title;

typedef struct cli_titles {
  cli_title *rows; /* by id */
  size_t count;
} cli_titles;

/* A file that does not exist gives no titles and is no error. An error in the file is printed with
 * file and line. */
int cli_titles_load(const char *path, cli_titles *titles);
void cli_titles_free(cli_titles *titles);

/* NULL when the item has no title. */
const char *cli_title_of(const cli_titles *titles, int32_t id);

/* -- reasons for a recommendation: attributes that it shares with the history. The model does not
 * use them: they are looked up in the data afterwards. */

enum { CLI_REASON_SIZE = 256 };

/* What is known about the items. */
typedef struct cli_reason_source {
  const cli_titles *titles;
  const s3rec_vocabulary *item_names;      /* NULL: items are numbers */
  const s3rec_vocabulary *attribute_names; /* NULL: attributes are numbers */
  const s3rec_dataset *dataset;            /* NULL: no attributes */
} cli_reason_source;

/* Finds the one of the history's latest items that shares most attributes with `item`, and writes
 * "shares genre=Drama with The Glass Migration"; "" if none shares any. */
void cli_reason(const cli_reason_source *source, const int32_t *history, size_t count, int32_t item,
                char text[CLI_REASON_SIZE]);

#endif
