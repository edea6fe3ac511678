/* SPDX-License-Identifier: Apache-2.0 */
/* Pages about training runs. */
#ifndef CLI_REPORT_REPORT_H
#define CLI_REPORT_REPORT_H

/* Writes the page of a log's last run; returns an exit code. */
int cli_report_last_run(const char *log_path, const char *page_path);

#endif
