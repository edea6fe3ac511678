/* SPDX-License-Identifier: Apache-2.0 */
/* The sections of a page, in its order. Each leaves itself out when no run has
 * anything to say in it. */
#ifndef CLI_REPORT_SECTIONS_H
#define CLI_REPORT_SECTIONS_H

#include <stdio.h>

#include "log_file.h"

void report_summary(FILE *stream, const log_runs *runs);
void report_curves(FILE *stream, const log_runs *runs);
void report_groups(FILE *stream, const log_runs *runs);
void report_examples(FILE *stream, const log_runs *runs);
void report_configuration(FILE *stream, const log_runs *runs);

#endif
