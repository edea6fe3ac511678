/* SPDX-License-Identifier: Apache-2.0 */
/* Datasets of event files: --events, --attributes and what goes with them. */
#ifndef CLI_EVENT_DATA_H
#define CLI_EVENT_DATA_H

#include <jansson.h>

#include "cli.h"

/* Reads the files and says in a line each what they held and what was left out. `model`
 * (may be NULL) has the ids. `description` (may be NULL) gets the same as an object, to be
 * released: docs/file-format.md. On failure prints why and changes nothing. */
int cli_open_events(const cli_options *options, s3rec_context *context, const s3rec_model *model,
                    json_t **description, s3rec_dataset **dataset);

/* What to call the data: the file of the sequences or the first one of the events. */
void cli_data_file(const cli_options *options, char *text, size_t capacity);
/* The same without its folder, for logs and results; borrowed. */
const char *cli_data_name(const cli_options *options);

#endif
