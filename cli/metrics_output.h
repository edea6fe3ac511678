/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics as a table. */
#ifndef CLI_METRICS_OUTPUT_H
#define CLI_METRICS_OUTPUT_H

#include "options.h"

/* A table with its stamp on stdout. */
void cli_print_metrics(const s3rec_metrics *metrics, const char *title);

#endif
