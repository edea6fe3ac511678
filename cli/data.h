/* SPDX-License-Identifier: Apache-2.0 */
/* Datasets of event files (--events, --attributes and their options), and checks of data that can
 * be read but are probably not what the user meant. */
#ifndef CLI_DATA_H
#define CLI_DATA_H

#include <jansson.h>

#include "cli.h"

/* Reads the files and prints a line for each: what it held and what was left out. With `model`
 * (may be NULL), items and attributes get the ids of that model. `description` (may be NULL) gets
 * the same facts as an object (docs/file-format.md); the caller releases it. On failure prints why
 * and changes nothing. */
int cli_open_events(const cli_options *options, s3rec_context *context, const s3rec_model *model,
                    json_t **description, s3rec_dataset **dataset);

/* The name of the data in messages: the file of the sequences or the first file of events. */
void cli_data_file(const cli_options *options, char *text, size_t capacity);
/* The same without its folder, for logs and results. It is borrowed from the options. */
const char *cli_data_name(const cli_options *options);

/* Before training: warns if most ids belong to no item. Before pretraining with an attribute
 * file: refuses a file for other items, warns if it covers few items. */
int cli_check_items(const s3rec_dataset *dataset, const cli_options *options, bool has_attributes);

/* Refuses data without a user that can be measured. Warns if the seen policy makes some held-out
 * items impossible to recommend. */
int cli_check_measurable(const s3rec_dataset *dataset, const cli_options *options);

#endif
