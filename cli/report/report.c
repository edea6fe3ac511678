/* SPDX-License-Identifier: Apache-2.0 */
/* s3rec report, and the page of a fine-tuning run. */
#include "report.h"

#include <string.h>

#include "chart.h"
#include "cli.h"
#include "output.h"
#include "page.h"

/* -- the last section: the options of the runs; options that differ come first */

/* A row of the table shows a text of the object that begins a run. */
typedef struct configuration_row {
  const char *group, *key, *title;
} configuration_row;

static const configuration_row fixed_rows[] = {{NULL, "command", "stage"},
                                               {"data", "name", "data"},
                                               {"data", "fingerprint", "fingerprint of the data"},
                                               {NULL, "model", "starts from"},
                                               {NULL, "version", "s3rec"}};

static bool entry_differs(const log_runs *runs, const configuration_row *e) {
  const char *const first = log_text(runs->runs[0].begin, e->group, e->key);
  for (size_t i = 1; i < runs->count; i++)
    if (strcmp(log_text(runs->runs[i].begin, e->group, e->key), first) != 0) return true;
  return false;
}

static void write_option_row(FILE *stream, const log_runs *runs, const configuration_row *e,
                             bool different) {
  if (entry_differs(runs, e) != different) return;
  html_row_begin(stream, different ? "differs" : NULL);
  html_row_head(stream, HTML_WORD, "%s", e->title);
  for (size_t i = 0; i < runs->count; i++)
    html_row_cell(stream, HTML_WORD, "%s", log_text(runs->runs[i].begin, e->group, e->key));
  html_row_end(stream);
}

/* Whether an earlier run has the option, so that its row is already written. */
static bool known_option(const log_runs *runs, size_t before, const char *key) {
  for (size_t i = 0; i < before; i++)
    if (json_object_get(json_object_get(runs->runs[i].begin, "options"), key) != NULL) return true;
  return false;
}

static void write_option_rows(FILE *stream, const log_runs *runs, bool different) {
  for (size_t i = 0; i < sizeof fixed_rows / sizeof fixed_rows[0]; i++)
    write_option_row(stream, runs, &fixed_rows[i], different);
  for (size_t i = 0; i < runs->count; i++) {
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(runs->runs[i].begin, "options"), key, value) {
      const configuration_row e = {"options", key, key};
      if (!known_option(runs, i, key)) write_option_row(stream, runs, &e, different);
    }
  }
}

static void write_configuration(FILE *stream, const log_runs *runs) {
  html_section_begin(stream, "configuration", "Configuration");
  html_table_begin(stream, runs->count > 1 ? "Options; those that differ are bold" : "Options");
  html_head_begin(stream);
  html_head_cell(stream, HTML_WORD, "Option");
  for (size_t i = 0; i < runs->count; i++)
    html_head_cell(stream, HTML_WRAP, runs->count > 1 ? runs->runs[i].name : "Value");
  html_head_end(stream);
  write_option_rows(stream, runs, true);
  write_option_rows(stream, runs, false);
  html_table_end(stream);
  html_section_end(stream);
}

/* -- the page */

static void write_page_title(const log_runs *runs, char *title, size_t capacity) {
  const log_run *const run = &runs->runs[0];
  if (runs->count == 1)
    snprintf(title, capacity, "%s on %s",
             log_run_is(run, "pretrain") ? "Pretraining" : "Fine-tuning",
             log_text(run->begin, "data", "name"));
  else
    snprintf(title, capacity, "%zu training runs", runs->count);
}

static int write_report_page(const log_runs *runs, const char *path) {
  char title[256];
  cli_output output;
  if (runs->count > HTML_SERIES_LIMIT)
    return cli_fail(CLI_USAGE, "%zu runs: one page compares at most %d", runs->count,
                    HTML_SERIES_LIMIT);
  CLI_TRY(cli_output_open(path, &output));
  write_page_title(runs, title, sizeof title);
  html_page_begin(output.stream, title);
  report_summary(output.stream, runs);
  report_curves(output.stream, runs);
  report_groups(output.stream, runs);
  report_examples(output.stream, runs);
  write_configuration(output.stream, runs);
  html_page_end(output.stream);
  return cli_output_commit(&output);
}

int cli_report_last_run(const char *log_path, const char *page_path) {
  log_runs runs = {0};
  int code = log_runs_read(log_path, &runs);
  if (code == CLI_OK) {
    const log_runs last = {&runs.runs[runs.count - 1], 1};
    code = write_report_page(&last, page_path);
  }
  log_runs_free(&runs);
  return code;
}

/* The page must not replace a log. */
static int check_report_files(const cli_options *options) {
  const cli_place page = {"out", options->out, CLI_PAGE};
  for (size_t i = 0; i < options->log_count; i++)
    if (s3_same_file(options->out, options->logs[i]))
      return cli_usage(options, "--out: %s is the log %s; they must be different files",
                       options->out, options->logs[i]);
  return cli_check_places(options, &page, 1);
}

int cli_report(cli_options *options) {
  log_runs runs = {0};
  int code = check_report_files(options);
  for (size_t i = 0; i < options->log_count && code == CLI_OK; i++)
    code = log_runs_read(options->logs[i], &runs);
  if (code == CLI_OK) code = write_report_page(&runs, options->out);
  log_runs_free(&runs);
  return code;
}
