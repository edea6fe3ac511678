/* SPDX-License-Identifier: Apache-2.0 */
/* Data that can be read and still are not what was meant. Every function prints why. */
#ifndef CLI_DATA_CHECK_H
#define CLI_DATA_CHECK_H

#include "cli.h"

/* Before training: warns where most ids belong to no item. Before pretraining with an
 * attribute file: refuses one of other items, warns where it covers few. */
int cli_check_items(const s3rec_dataset *dataset, const cli_options *options, bool has_attributes);

/* Refuses data of which no user can be measured; warns where the seen policy makes
 * answers unreachable. */
int cli_check_measurable(const s3rec_dataset *dataset, const cli_options *options);

#endif
