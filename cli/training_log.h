/* SPDX-License-Identifier: Apache-2.0 */
/* The log of training: JSON lines, docs/file-format.md. */
#ifndef CLI_TRAINING_LOG_H
#define CLI_TRAINING_LOG_H

#include <jansson.h>

#include "training.h"

/* Opens the log, if there is one, and begins the run in it. A resumed run continues after its own
 * entries: entries after the state's epoch are cut off, because the run will write them again. */
int cli_log_begin(cli_training *training);

/* Appends one object, durably. Does nothing without a log. */
int cli_log_append(const cli_training *training, const json_t *object);

#endif
