/* SPDX-License-Identifier: Apache-2.0 */
/* What items are called, and what they have in common. */
#ifndef CLI_ITEMS_H
#define CLI_ITEMS_H

#include <jansson.h>

#include "cli.h"

/* -- names, as a model or a dataset of events has them */

/* Name of an id, borrowed; NULL without names, or where there is none. */
const char *cli_name_of(const s3rec_vocabulary *names, int32_t id);

/* Id of a name that option `option` asked for. Where there is none says so, with up to three
 * that are similar, and returns CLI_USAGE; `what` is "item" or "user", `where` who has names. */
int cli_find_name(const cli_options *options, const char *option, const char *what,
                  const char *where, const s3rec_vocabulary *names, const char *name, int32_t *id);

/* Adds {key: name} of the id, where it has one. */
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

/* A missing file gives no titles and is fine; a wrong one is an error that names
 * file and line. */
int cli_titles_load(const char *path, cli_titles *titles);
void cli_titles_free(cli_titles *titles);

/* NULL when the item has no title. */
const char *cli_title_of(const cli_titles *titles, int32_t id);

/* -- reasons for a recommendation, as far as the attributes give any. The model does not use
 * them: they are found in the data afterwards. */

enum { CLI_REASON_SIZE = 256 };

/* What is known about the items. */
typedef struct cli_reason_source {
  const cli_titles *titles;
  const s3rec_vocabulary *item_names;      /* NULL: items are numbers */
  const s3rec_vocabulary *attribute_names; /* NULL: attributes are */
  const s3rec_dataset *dataset;            /* NULL: no attributes */
} cli_reason_source;

/* Writes what `item` has most in common with one of the history's latest items: "shares
 * genre=Drama with The Glass Migration"; "" without anything. */
void cli_reason(const cli_reason_source *source, const int32_t *history, size_t count, int32_t item,
                char text[CLI_REASON_SIZE]);

#endif
