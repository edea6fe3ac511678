/* SPDX-License-Identifier: Apache-2.0 */
/* s3rec report, and the page of a fine-tuning run. */
#include "report.h"

#include "cli.h"
#include "html/chart.h"
#include "html/page.h"
#include "output.h"
#include "sections.h"

static void write_title(const log_runs *runs, char *title, size_t capacity) {
  const log_run *const run = &runs->runs[0];
  if (runs->count == 1)
    snprintf(title, capacity, "%s on %s",
             log_run_is(run, "pretrain") ? "Pretraining" : "Fine-tuning",
             log_text(run->begin, "data", "name"));
  else
    snprintf(title, capacity, "%zu training runs", runs->count);
}

static int write_page(const log_runs *runs, const char *path) {
  char title[256];
  cli_output output;
  if (runs->count > HTML_SERIES_LIMIT)
    return cli_fail(CLI_USAGE, "%zu runs; a page compares up to %d", runs->count,
                    HTML_SERIES_LIMIT);
  CLI_TRY(cli_output_open(path, &output));
  write_title(runs, title, sizeof title);
  html_page_begin(output.stream, title);
  report_summary(output.stream, runs);
  report_curves(output.stream, runs);
  report_groups(output.stream, runs);
  report_examples(output.stream, runs);
  report_configuration(output.stream, runs);
  html_page_end(output.stream);
  return cli_output_commit(&output);
}

int cli_report_last_run(const char *log_path, const char *page_path) {
  log_runs runs = {0};
  int code = log_runs_read(log_path, &runs);
  if (code == CLI_OK) {
    const log_runs last = {&runs.runs[runs.count - 1], 1};
    code = write_page(&last, page_path);
  }
  log_runs_free(&runs);
  return code;
}

/* The page must not take the place of a log. */
static int check_files(const cli_options *options) {
  const cli_place page = {"out", options->out, CLI_PAGE};
  for (size_t i = 0; i < options->log_count; i++)
    if (s3_same_file(options->out, options->logs[i]))
      return cli_usage(options, "--out: %s is the log %s; they must be different files",
                       options->out, options->logs[i]);
  return cli_check_places(options, &page, 1);
}

int cli_report(cli_options *options) {
  log_runs runs = {0};
  int code = check_files(options);
  for (size_t i = 0; i < options->log_count && code == CLI_OK; i++)
    code = log_runs_read(options->logs[i], &runs);
  if (code == CLI_OK) code = write_page(&runs, options->out);
  log_runs_free(&runs);
  return code;
}
