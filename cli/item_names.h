/* SPDX-License-Identifier: Apache-2.0 */
/* Names of items and users, as a model or a dataset of events has them. */
#ifndef CLI_ITEM_NAMES_H
#define CLI_ITEM_NAMES_H

#include <jansson.h>

#include "cli.h"

/* Name of an id, borrowed; NULL without names, or where there is none. */
const char *cli_name_of(const s3rec_vocabulary *names, int32_t id);

/* Id of a name that option `option` asked for. Where there is none says so, with up to three
 * that are similar, and returns CLI_USAGE; `what` is "item" or "user", `where` who has names. */
int cli_find_name(const cli_options *options, const char *option, const char *what,
                  const char *where, const s3rec_vocabulary *names, const char *name, int32_t *id);

/* Adds {key: name} of the id, where it has one. */
void cli_json_set_name(json_t *object, const char *key, const s3rec_vocabulary *names, int32_t id);

#endif
