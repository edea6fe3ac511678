/* SPDX-License-Identifier: Apache-2.0 */
/* The results: main figures of one run, or a table of several runs. */
#include <string.h>

#include "page.h"
#include "report.h"

static const struct {
  const char *key, *title;
} metrics[] = {{"hr@1", "HR@1"},       {"hr@5", "HR@5"},     {"hr@10", "HR@10"},
               {"hr@20", "HR@20"},     {"ndcg@5", "NDCG@5"}, {"ndcg@10", "NDCG@10"},
               {"ndcg@20", "NDCG@20"}, {"mrr", "MRR"}};
enum { METRIC_COUNT = sizeof metrics / sizeof metrics[0] };

static double seconds_of(const log_run *run) {
  double seconds = 0;
  size_t index;
  json_t *epoch;
  json_array_foreach(run->epochs, index, epoch) seconds += log_number(epoch, NULL, "seconds");
  json_array_foreach(run->refits, index, epoch) seconds += log_number(epoch, NULL, "seconds");
  return seconds;
}

/* Whether the log begins with a resumed run, so that earlier epochs are not in it. */
static bool run_is_resumed(const log_run *run) {
  return json_object_get(run->begin, "epochs_before") != NULL;
}

/* Number of epochs of the selection. */
static double epochs_of(const log_run *run) {
  const json_t *const last = json_array_get(run->epochs, json_array_size(run->epochs) - 1);
  if (run->done != NULL) return log_number(run->done, NULL, "epochs");
  return last != NULL ? log_number(last, NULL, "epoch")
                      : log_number(run->begin, NULL, "epochs_before");
}

/* Whether the run has test metrics. */
static bool is_tested(const log_run *run) {
  return run->done != NULL && log_run_is(run, "finetune");
}

static bool refitted_on(const log_run *run, const char *items) {
  return strcmp(log_text(run->begin, "options", "refit"), items) == 0;
}

static void print_run_duration(double seconds, char *text, size_t capacity) {
  if (seconds < 60)
    snprintf(text, capacity, "%.1f s", seconds);
  else if (seconds < 3600)
    snprintf(text, capacity, "%.0f min", seconds / 60);
  else
    snprintf(text, capacity, "%.1f h", seconds / 3600);
}

static void write_tile(FILE *stream, const char *name, const char *value) {
  fputs("<div><dt>", stream);
  html_text(stream, name);
  fputs("</dt><dd>", stream);
  html_text(stream, value);
  fputs("</dd></div>\n", stream);
}

static void write_tiles(FILE *stream, const log_run *run) {
  char text[64];
  fputs("<dl class=\"tiles\">\n", stream);
  for (size_t i = 0; is_tested(run) && i < METRIC_COUNT; i++) {
    if (strcmp(metrics[i].key, "hr@10") != 0 && strcmp(metrics[i].key, "ndcg@10") != 0 &&
        strcmp(metrics[i].key, "mrr") != 0)
      continue;
    char name[32];
    snprintf(name, sizeof name, "Test %s", metrics[i].title);
    snprintf(text, sizeof text, "%.4f", log_number(run->done, "test", metrics[i].key));
    write_tile(stream, name, text);
  }
  snprintf(text, sizeof text, "%.0f", epochs_of(run));
  write_tile(stream, "Epochs", text);
  if (is_tested(run)) {
    snprintf(text, sizeof text, "%.0f", log_number(run->done, NULL, "best_epoch"));
    write_tile(stream, "Best epoch", text);
  }
  print_run_duration(seconds_of(run), text, sizeof text);
  write_tile(stream, run_is_resumed(run) ? "Time since resumed" : "Training time", text);
  fputs("</dl>\n", stream);
}

/* How many events of the files are not in the data, and why. */
static void write_left_out(FILE *stream, const json_t *begin) {
  static const struct {
    const char *key, *what;
  } reasons[] = {{"bad_rows", "bad rows"},     {"low_value", "of a low value"},
                 {"repeats", "repeats"},       {"unknown", "of items unknown to the model"},
                 {"core", "outside the core"}, {"cut", "older than the newest of a user"},
                 {"short", "of short users"}};
  bool any = false;
  for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
    const double count = log_number(begin, "events", reasons[i].key);
    if (!(count > 0)) continue;
    html_format(stream, "%s%.0f %s", any ? ", " : " Events left out: ", count, reasons[i].what);
    any = true;
  }
  if (any) fputc('.', stream);
}

static void write_data_summary(FILE *stream, const log_run *run) {
  const json_t *const begin = run->begin;
  fputs("<p>Data set <bdi>", stream);
  html_text(stream, log_text(begin, "data", "name"));
  fputs("</bdi>", stream);
  const bool events = json_is_object(json_object_get(begin, "events"));
  html_format(stream, ": %.0f users, %.0f interactions, %s%.0f%s.",
              log_number(begin, "data", "users"), log_number(begin, "data", "interactions"),
              events ? "" : "items 1 to ", log_number(begin, "data", "items"),
              events ? " items" : "");
  if (events) write_left_out(stream, begin);
  fputs("</p>\n", stream);
}

static void write_run_start(FILE *stream, const log_run *run) {
  if (!log_run_is(run, "finetune")) return;
  fputs("<p>", stream);
  if (run_is_resumed(run))
    html_format(stream, "The log begins with a resumed run, after %.0f epochs%s.",
                log_number(run->begin, NULL, "epochs_before"),
                json_object_get(run->begin, "refit_epochs_before") != NULL ? ", in the refit" : "");
  else if (log_text(run->begin, NULL, "model")[0] != '\0')
    fputs("Starts from a pretrained model.", stream);
  else
    fputs("Starts from fresh weights.", stream);
  fputs("</p>\n", stream);
}

/* Says which weights were tested, if there was a refit. */
static void write_refit_note(FILE *stream, const log_run *run) {
  if (!is_tested(run)) return;
  if (refitted_on(run, "valid"))
    fputs(
        "<p>After that the model was trained again from the same start up to the best epoch, also "
        "on "
        "the validation items (refit). The test metrics are those of the refit.</p>\n",
        stream);
  if (refitted_on(run, "all"))
    fputs(
        "<p>After that the model was trained again from the same start up to the best epoch, on "
        "all "
        "items (refit). The refit cannot be tested, because it was trained on the test items. The "
        "test metrics are those of the best epoch before the refit.</p>\n",
        stream);
}

static void write_protocol(FILE *stream, const json_t *test) {
  const char *const seen = log_text(test, NULL, "seen");
  fputs("<p class=\"soft\">", stream);
  if (strcmp(log_text(test, NULL, "protocol"), "sampled") == 0)
    fputs("The last item of each user is ranked among the negatives listed for the user.", stream);
  else
    html_format(stream,
                "The last item of each user is ranked among all items. Items of the history %s.",
                strcmp(seen, "exclude") == 0 ? "are not ranked; if the last item is one of them, "
                                               "it counts as missed"
                : strcmp(seen, "zero") == 0  ? "have score 0"
                                             : "are ranked too");
  html_format(
      stream,
      " Ties: %s. %.0f users; %.0f skipped, because they have fewer than 3 items. HR@k: share "
      "of the users whose last item is among the first k. NDCG@k: mean of 1/log2(place + 1), "
      "or of 0 after place k. MRR: mean of 1/place.",
      log_text(test, NULL, "ties"), log_number(test, NULL, "users"),
      log_number(test, NULL, "skipped"));
  fputs("</p>\n", stream);
}

static const log_run *first_tested(const log_runs *runs) {
  for (size_t i = 0; i < runs->count; i++)
    if (is_tested(&runs->runs[i])) return &runs->runs[i];
  return NULL;
}

/* Whether some runs were tested after a refit on the valid items, and some without. */
static bool some_refitted(const log_runs *runs) {
  const log_run *const first = first_tested(runs);
  for (size_t i = 0; i < runs->count; i++)
    if (is_tested(&runs->runs[i]) &&
        refitted_on(&runs->runs[i], "valid") != refitted_on(first, "valid"))
      return true;
  return false;
}

/* Whether all test metrics were measured in the same way on the same data, with weights that were
 * trained on the same part of it. */
static bool runs_are_comparable(const log_runs *runs) {
  const log_run *const first = first_tested(runs);
  if (some_refitted(runs)) return false;
  for (size_t i = 0; i < runs->count; i++) {
    const log_run *const run = &runs->runs[i];
    if (!is_tested(run)) continue;
    if (strcmp(log_text(run->begin, "data", "fingerprint"),
               log_text(first->begin, "data", "fingerprint")) != 0 ||
        strcmp(log_text(run->done, "test", "protocol"),
               log_text(first->done, "test", "protocol")) != 0 ||
        strcmp(log_text(run->done, "test", "seen"), log_text(first->done, "test", "seen")) != 0)
      return false;
  }
  return true;
}

static double best_of(const log_runs *runs, const char *key) {
  double best = -1;
  for (size_t i = 0; i < runs->count; i++) {
    const log_run *const run = &runs->runs[i];
    if (!is_tested(run)) continue;
    const double value = log_number(run->done, "test", key);
    if (value > best) best = value;
  }
  return best;
}

static bool same_data(const log_runs *runs) {
  for (size_t i = 1; i < runs->count; i++)
    if (strcmp(log_text(runs->runs[i].begin, "data", "fingerprint"),
               log_text(runs->runs[0].begin, "data", "fingerprint")) != 0)
      return false;
  return true;
}

static void write_summary_row(FILE *stream, const log_runs *runs, const log_run *run, bool mark) {
  const bool tested = is_tested(run);
  char time[32];
  html_row_begin(stream, NULL);
  html_row_head(stream, HTML_WRAP, "%s", run->name);
  if (!same_data(runs))
    html_row_cell(stream, HTML_WORD, "%s", log_text(run->begin, "data", "name"));
  html_row_cell(stream, HTML_WORD, "%s", log_text(run->begin, NULL, "command"));
  if (some_refitted(runs))
    html_row_cell(stream, HTML_WORD, "%s", tested ? log_text(run->done, NULL, "tested") : "");
  html_row_cell(stream, HTML_NUMBER, "%.0f%s", epochs_of(run),
                run->done == NULL ? ", not ended" : "");
  if (tested)
    html_row_cell(stream, HTML_NUMBER, "%.0f", log_number(run->done, NULL, "best_epoch"));
  else
    html_row_cell(stream, HTML_NUMBER, "%s", "");
  for (size_t i = 0; i < METRIC_COUNT; i++) {
    const double value = log_number(run->done, "test", metrics[i].key);
    const bool best = tested && mark && value == best_of(runs, metrics[i].key);
    if (tested)
      html_row_cell(stream, best ? HTML_BEST : HTML_NUMBER, "%.4f", value);
    else
      html_row_cell(stream, HTML_NUMBER, "%s", "");
  }
  print_run_duration(seconds_of(run), time, sizeof time);
  html_row_cell(stream, HTML_NUMBER, "%s", time);
  html_row_end(stream);
}

static void write_runs_table(FILE *stream, const log_runs *runs) {
  const bool mark = first_tested(runs) != NULL && runs_are_comparable(runs);
  html_table_begin(stream, mark ? "Test metrics; the best of each is bold" : "Test metrics");
  html_head_begin(stream);
  html_head_cell(stream, HTML_WORD, "Run");
  if (!same_data(runs)) html_head_cell(stream, HTML_WORD, "Data");
  html_head_cell(stream, HTML_WORD, "Stage");
  if (some_refitted(runs)) html_head_cell(stream, HTML_WORD, "Tested");
  html_head_cell(stream, HTML_NUMBER, "Epochs");
  html_head_cell(stream, HTML_NUMBER, "Best");
  for (size_t i = 0; i < METRIC_COUNT; i++) html_head_cell(stream, HTML_NUMBER, metrics[i].title);
  html_head_cell(stream, HTML_NUMBER, "Time");
  html_head_end(stream);
  for (size_t i = 0; i < runs->count; i++) write_summary_row(stream, runs, &runs->runs[i], mark);
  html_table_end(stream);
  if (first_tested(runs) != NULL && !mark)
    fputs(
        "<p>These metrics cannot be compared: the runs differ in the data, in the protocol, in the "
        "treatment of seen items, or in the training on valid items (refit).</p>\n",
        stream);
}

static void write_run_metrics(FILE *stream, const log_run *run) {
  const bool refit = refitted_on(run, "valid");
  html_table_begin(stream, refit ? "Metrics of the refit and of the best epoch before it"
                                 : "Metrics of the best epoch");
  html_head_begin(stream);
  html_head_cell(stream, HTML_WORD, "Split");
  for (size_t i = 0; i < METRIC_COUNT; i++) html_head_cell(stream, HTML_NUMBER, metrics[i].title);
  html_head_end(stream);
  html_row_begin(stream, NULL);
  html_row_head(stream, HTML_WORD, refit ? "test, refit" : "test");
  for (size_t i = 0; i < METRIC_COUNT; i++)
    html_row_cell(stream, HTML_NUMBER, "%.4f", log_number(run->done, "test", metrics[i].key));
  html_row_end(stream);
  size_t index;
  json_t *epoch;
  json_array_foreach(run->epochs, index, epoch) {
    if (log_number(epoch, NULL, "epoch") != log_number(run->done, NULL, "best_epoch")) continue;
    html_row_begin(stream, NULL);
    html_row_head(stream, HTML_WORD, refit ? "valid, best epoch" : "valid");
    for (size_t i = 0; i < METRIC_COUNT; i++)
      html_row_cell(stream, HTML_NUMBER, "%.4f", log_number(epoch, "valid", metrics[i].key));
    html_row_end(stream);
  }
  html_table_end(stream);
}

void report_summary(FILE *stream, const log_runs *runs) {
  const log_run *const tested = first_tested(runs);
  html_section_begin(stream, "result", "Result");
  if (runs->count == 1) {
    write_data_summary(stream, &runs->runs[0]);
    write_run_start(stream, &runs->runs[0]);
    write_refit_note(stream, &runs->runs[0]);
    if (runs->runs[0].done == NULL) fputs("<p>The run has not ended.</p>\n", stream);
    write_tiles(stream, &runs->runs[0]);
    if (tested != NULL) write_run_metrics(stream, tested);
  } else {
    if (same_data(runs)) write_data_summary(stream, &runs->runs[0]);
    write_runs_table(stream, runs);
  }
  if (tested != NULL && runs_are_comparable(runs))
    write_protocol(stream, json_object_get(tested->done, "test"));
  html_section_end(stream);
}
