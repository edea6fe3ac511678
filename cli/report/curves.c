/* SPDX-License-Identifier: Apache-2.0 */
/* Losses and validation metrics by epoch. */
#include <ctype.h>
#include <string.h>

#include "chart.h"
#include "page.h"
#include "report.h"

/* One number of each epoch. */
typedef struct curve {
  const json_t *epochs;
  const char *group, *key;
} curve;

static bool curve_point(const void *data, size_t index, double *x, double *y) {
  const curve *const c = data;
  const json_t *const epoch = json_array_get(c->epochs, index);
  *x = log_number(epoch, NULL, "epoch");
  *y = log_number(epoch, c->group, c->key);
  return true;
}

static size_t best_index(const log_run *run) {
  const double best = log_number(run->done, NULL, "best_epoch");
  size_t index;
  json_t *epoch;
  json_array_foreach(run->epochs, index, epoch) {
    if (log_number(epoch, NULL, "epoch") == best) return index;
  }
  return HTML_NO_MARK;
}

/* Whether a chart shows the run: it must be of this command and, unless `loss` is NULL, of this
 * fine-tuning loss, because different losses cannot be compared. */
static bool chart_shows_run(const log_run *run, const char *command, const char *loss) {
  return log_run_is(run, command) &&
         (loss == NULL || strcmp(log_text(run->begin, "options", "loss"), loss) == 0);
}

/* One line per run; on a page of one run the refit has a line too. `ids` numbers the charts. */
static void chart_runs(FILE *stream, const log_runs *runs, const char *command, const char *loss,
                       const char *title, const char *group, const char *key, int *ids) {
  curve curves[HTML_SERIES_LIMIT];
  html_series series[HTML_SERIES_LIMIT];
  char id[32];
  size_t count = 0;
  bool marked = false;
  for (size_t i = 0; i < runs->count; i++) {
    const log_run *const run = &runs->runs[i];
    if (!chart_shows_run(run, command, loss)) continue;
    const bool with_refit = runs->count == 1 && group == NULL && json_array_size(run->refits) > 0;
    /* A log that begins within the refit has no epochs before it. */
    if (!with_refit || json_array_size(run->epochs) > 0) {
      curves[count] = (curve){run->epochs, group, key};
      series[count] = (html_series){.name = runs->count > 1 ? run->name
                                            : with_refit    ? "choosing the epoch"
                                                            : title,
                                    .data = &curves[count],
                                    .count = json_array_size(run->epochs),
                                    .mark = best_index(run),
                                    .style = i};
      marked = marked || series[count].mark != HTML_NO_MARK;
      count++;
    }
    if (!with_refit) continue;
    curves[count] = (curve){run->refits, group, key};
    series[count] = (html_series){.name = "refit",
                                  .data = &curves[count],
                                  .count = json_array_size(run->refits),
                                  .mark = HTML_NO_MARK,
                                  .style = 1};
    count++;
  }
  snprintf(id, sizeof id, "curve%d", (*ids)++);
  const html_chart chart = {.id = id,
                            .title = title,
                            .x_title = "epoch",
                            .mark_title = marked ? "best epoch" : NULL,
                            .from_zero = group != NULL,
                            .name_lines = runs->count > 1,
                            .series = series,
                            .series_count = count,
                            .point = curve_point};
  html_chart_write(stream, &chart);
}

/* Metrics of one run, among them the metric that chooses the best epoch. */
static void chart_metrics(FILE *stream, const log_run *run) {
  const char *keys[4] = {"hr@10", "ndcg@10", "mrr", log_text(run->begin, "options", "stop-metric")};
  char decides[32];
  size_t length = 0;
  for (; keys[3][length] != '\0' && length + 1 < sizeof decides; length++)
    decides[length] = (char)toupper((unsigned char)keys[3][length]);
  decides[length] = '\0';
  const char *const names[4] = {"HR@10", "NDCG@10", "MRR", decides};
  curve curves[4];
  html_series series[4];
  size_t count = 3;
  if (length > 0 && strcmp(keys[3], keys[0]) != 0 && strcmp(keys[3], keys[1]) != 0 &&
      strcmp(keys[3], keys[2]) != 0)
    count = 4;
  for (size_t i = 0; i < count; i++) {
    curves[i] = (curve){run->epochs, "valid", keys[i]};
    series[i] = (html_series){.name = names[i],
                              .data = &curves[i],
                              .count = json_array_size(run->epochs),
                              .mark = best_index(run),
                              .style = i};
  }
  const html_chart chart = {.id = "metrics",
                            .title = "Metrics of the validation split",
                            .x_title = "epoch",
                            .mark_title = run->done != NULL ? "best epoch" : NULL,
                            .from_zero = true,
                            .series = series,
                            .series_count = count,
                            .point = curve_point};
  html_chart_write(stream, &chart);
}

/* One loss chart for each fine-tuning loss there is. */
static void chart_losses(FILE *stream, const log_runs *runs, int *ids) {
  for (size_t i = 0; i < runs->count; i++) {
    const char *const loss = log_text(runs->runs[i].begin, "options", "loss");
    char title[96];
    bool seen = !log_run_is(&runs->runs[i], "finetune");
    for (size_t j = 0; j < i; j++) seen = seen || chart_shows_run(&runs->runs[j], "finetune", loss);
    if (seen) continue;
    snprintf(title, sizeof title, "Training loss (%.60s)", loss);
    chart_runs(stream, runs, "finetune", loss, title, NULL, "loss", ids);
  }
}

static bool any_run_has_epochs(const log_runs *runs, const char *command) {
  for (size_t i = 0; i < runs->count; i++)
    if (log_run_is(&runs->runs[i], command) &&
        json_array_size(runs->runs[i].epochs) + json_array_size(runs->runs[i].refits) > 0)
      return true;
  return false;
}

/* The numbers of one run, hidden until opened, because the charts come first. */
static void write_epochs(FILE *stream, const log_run *run) {
  static const struct {
    const char *group, *key, *title;
  } tuned[] = {{NULL, "loss", "Loss"},
               {"valid", "hr@10", "HR@10"},
               {"valid", "ndcg@10", "NDCG@10"},
               {"valid", "mrr", "MRR"},
               {NULL, "seconds", "Seconds"}},
    pretrained[] = {{NULL, "loss", "Loss"}, {NULL, "aap", "AAP"}, {NULL, "mip", "MIP"},
                    {NULL, "map", "MAP"},   {NULL, "sp", "SP"},   {NULL, "seconds", "Seconds"}};
  const bool tuning = log_run_is(run, "finetune");
  const size_t columns =
      tuning ? sizeof tuned / sizeof tuned[0] : sizeof pretrained / sizeof pretrained[0];
  size_t index;
  json_t *epoch;
  fputs("<details>\n<summary>Each epoch in numbers</summary>\n", stream);
  html_table_begin(stream, tuning ? "Training loss and metrics of the validation split"
                                  : "Losses, means per sequence");
  html_head_begin(stream);
  html_head_cell(stream, HTML_NUMBER, "Epoch");
  for (size_t i = 0; i < columns; i++)
    html_head_cell(stream, HTML_NUMBER, tuning ? tuned[i].title : pretrained[i].title);
  html_head_end(stream);
  json_array_foreach(run->epochs, index, epoch) {
    html_row_begin(stream, NULL);
    html_row_head(stream, HTML_NUMBER, "%.0f", log_number(epoch, NULL, "epoch"));
    for (size_t i = 0; i < columns; i++)
      html_row_cell(stream, HTML_NUMBER, i + 1 == columns ? "%.1f" : "%.4f",
                    tuning ? log_number(epoch, tuned[i].group, tuned[i].key)
                           : log_number(epoch, pretrained[i].group, pretrained[i].key));
    html_row_end(stream);
  }
  json_array_foreach(run->refits, index, epoch) {
    html_row_begin(stream, NULL);
    html_row_head(stream, HTML_WORD, "refit %.0f", log_number(epoch, NULL, "epoch"));
    for (size_t i = 0; i < columns; i++)
      if (tuned[i].group != NULL)
        html_row_cell(stream, HTML_NUMBER, "%s", "");
      else
        html_row_cell(stream, HTML_NUMBER, i + 1 == columns ? "%.1f" : "%.4f",
                      log_number(epoch, NULL, tuned[i].key));
    html_row_end(stream);
  }
  html_table_end(stream);
  fputs("</details>\n", stream);
}

void report_curves(FILE *stream, const log_runs *runs) {
  static const char *const objectives[][2] = {{"aap", "Associated attributes (AAP)"},
                                              {"mip", "Masked items (MIP)"},
                                              {"map", "Masked attributes (MAP)"},
                                              {"sp", "Segments (SP)"}};
  int ids = 0;
  if (any_run_has_epochs(runs, "finetune")) {
    html_section_begin(stream, "training", "Training");
    fputs("<div class=\"charts\">\n", stream);
    chart_losses(stream, runs, &ids);
    if (runs->count == 1) {
      chart_metrics(stream, &runs->runs[0]);
    } else {
      chart_runs(stream, runs, "finetune", NULL, "HR@10, validation split", "valid", "hr@10", &ids);
      chart_runs(stream, runs, "finetune", NULL, "NDCG@10, validation split", "valid", "ndcg@10",
                 &ids);
    }
    fputs("</div>\n", stream);
    if (runs->count == 1) write_epochs(stream, &runs->runs[0]);
    html_section_end(stream);
  }
  if (any_run_has_epochs(runs, "pretrain")) {
    html_section_begin(stream, "pretraining", "Pretraining");
    fputs("<p class=\"soft\">Means per sequence, without their weights.</p>\n", stream);
    fputs("<div class=\"charts\">\n", stream);
    chart_runs(stream, runs, "pretrain", NULL, "Joint loss, weighted", NULL, "loss", &ids);
    for (size_t i = 0; i < sizeof objectives / sizeof objectives[0]; i++)
      chart_runs(stream, runs, "pretrain", NULL, objectives[i][1], NULL, objectives[i][0], &ids);
    fputs("</div>\n", stream);
    if (runs->count == 1) write_epochs(stream, &runs->runs[0]);
    html_section_end(stream);
  }
}
