/* SPDX-License-Identifier: Apache-2.0 */
/* Datasets of event files (--events, --attributes and what goes with them), and data that can be
 * read and still are not what was meant. */
#ifndef CLI_DATA_H
#define CLI_DATA_H

#include <jansson.h>

#include "cli.h"

/* Reads the files and prints a line for each: what it held and what was left out. `model`
 * (may be NULL) has the ids. `description` (may be NULL) gets the same as an object, to be
 * released: docs/file-format.md. On failure prints why and changes nothing. */
int cli_open_events(const cli_options *options, s3rec_context *context, const s3rec_model *model,
                    json_t **description, s3rec_dataset **dataset);

/* What to call the data: the file of the sequences or the first one of the events. */
void cli_data_file(const cli_options *options, char *text, size_t capacity);
/* The same without its folder, for logs and results; borrowed. */
const char *cli_data_name(const cli_options *options);

/* Before training: warns where most ids belong to no item. Before pretraining with an
 * attribute file: refuses one of other items, warns where it covers few. */
int cli_check_items(const s3rec_dataset *dataset, const cli_options *options, bool has_attributes);

/* Refuses data of which no user can be measured; warns where the seen policy makes
 * answers unreachable. */
int cli_check_measurable(const s3rec_dataset *dataset, const cli_options *options);

#endif
