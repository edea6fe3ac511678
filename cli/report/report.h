/* SPDX-License-Identifier: Apache-2.0 */
/* Pages about training runs. */
#ifndef CLI_REPORT_REPORT_H
#define CLI_REPORT_REPORT_H

#include <stdio.h>

#include "log_file.h"

/* Writes the page of a log's last run; returns an exit code. */
int cli_report_last_run(const char *log_path, const char *page_path);

/* The sections of a page in their order, without the last one. Each is in the file with its name,
 * and writes nothing if no run has contents for it. */
void report_summary(FILE *stream, const log_runs *runs);
void report_curves(FILE *stream, const log_runs *runs);
void report_groups(FILE *stream, const log_runs *runs);
void report_examples(FILE *stream, const log_runs *runs);

#endif
