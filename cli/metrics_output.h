/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics as a table, and one of them by name. */
#ifndef CLI_METRICS_OUTPUT_H
#define CLI_METRICS_OUTPUT_H

#include "options.h"

double cli_metric(const s3rec_metrics *metrics, int32_t metric);

/* A table with its stamp on stdout. */
void cli_print_metrics(const s3rec_metrics *metrics, const char *title);

#endif
