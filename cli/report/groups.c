/* SPDX-License-Identifier: Apache-2.0 */
/* Test metrics by history length and by popularity of the answer. */
#include <math.h>

#include "chart.h"
#include "page.h"
#include "report.h"

enum { GROUP_LIMIT = 32 };
enum { FEW = 100 };    /* with fewer users there is a note in the table */
enum { TOO_FEW = 10 }; /* with fewer users the group is not in the chart */

/* All groups of all runs, in the order in which they begin. */
typedef struct categories {
  double from[GROUP_LIMIT];
  char names[GROUP_LIMIT][32];
  const char *labels[GROUP_LIMIT];
  size_t count;
} categories;

static size_t find_category(const categories *c, double from) {
  size_t at = 0;
  while (at < c->count && c->from[at] < from) at++;
  return at;
}

static void print_group_name(const json_t *group, char *name, size_t capacity) {
  const double from = log_number(group, NULL, "from"), to = log_number(group, NULL, "to");
  if (json_object_get(group, "to") == NULL)
    snprintf(name, capacity, "%.0f+", from);
  else if (to == from)
    snprintf(name, capacity, "%.0f", from);
  else
    snprintf(name, capacity, "%.0f\xe2\x80\x93%.0f", from, to);
}

static void collect_categories(const log_runs *runs, const char *list, categories *c) {
  c->count = 0;
  for (size_t i = 0; i < runs->count; i++) {
    size_t index;
    json_t *group;
    json_array_foreach(json_object_get(runs->runs[i].done, list), index, group) {
      const double from = log_number(group, NULL, "from");
      const size_t at = find_category(c, from);
      if (c->count == GROUP_LIMIT || (at < c->count && c->from[at] == from)) continue;
      for (size_t j = c->count; j > at; j--) {
        c->from[j] = c->from[j - 1];
        snprintf(c->names[j], sizeof c->names[j], "%s", c->names[j - 1]);
      }
      c->from[at] = from;
      print_group_name(group, c->names[at], sizeof c->names[at]);
      c->count++;
    }
  }
  for (size_t i = 0; i < c->count; i++) c->labels[i] = c->names[i];
}

/* One metric of each group of a run. */
typedef struct curve {
  const json_t *groups;
  const char *key;
  const categories *categories;
} curve;

static bool group_point(const void *data, size_t index, double *x, double *y) {
  const curve *const c = data;
  const json_t *const group = json_array_get(c->groups, index);
  const size_t at = find_category(c->categories, log_number(group, NULL, "from"));
  *x = (double)at;
  *y = log_number(group, NULL, c->key);
  return at < c->categories->count && log_number(group, NULL, "users") >= TOO_FEW;
}

static void write_group_chart(FILE *stream, const categories *c, const curve *curves,
                              const char *const *names, const size_t *styles, size_t count,
                              const char *id, const char *title, const char *x_title) {
  html_series series[HTML_SERIES_LIMIT];
  for (size_t i = 0; i < count; i++)
    series[i] = (html_series){.name = names[i],
                              .data = &curves[i],
                              .count = json_array_size(curves[i].groups),
                              .mark = HTML_NO_MARK,
                              .style = styles[i]};
  const html_chart chart = {.id = id,
                            .title = title,
                            .x_title = x_title,
                            .categories = c->labels,
                            .category_count = c->count,
                            .from_zero = true,
                            .name_lines = true,
                            .series = series,
                            .series_count = count,
                            .point = group_point};
  html_chart_write(stream, &chart);
}

static const char *const keys[2] = {"hr@10", "ndcg@10"};
static const char *const titles[2] = {"HR@10", "NDCG@10"};

/* One run: both metrics in one chart. Several runs: one chart per metric. */
static void write_group_charts(FILE *stream, const log_runs *runs, const char *list, const char *id,
                               const char *x_title, const categories *c) {
  curve curves[HTML_SERIES_LIMIT];
  const char *names[HTML_SERIES_LIMIT];
  size_t styles[HTML_SERIES_LIMIT] = {0, 1};
  char name[64];
  if (runs->count == 1) {
    for (int k = 0; k < 2; k++)
      curves[k] = (curve){json_object_get(runs->runs[0].done, list), keys[k], c};
    write_group_chart(stream, c, curves, titles, styles, 2, id, "Test metrics", x_title);
  }
  for (int k = 0; k < 2 && runs->count > 1; k++) {
    size_t count = 0;
    for (size_t i = 0; i < runs->count; i++) {
      const json_t *const groups = json_object_get(runs->runs[i].done, list);
      if (groups == NULL) continue;
      curves[count] = (curve){groups, keys[k], c};
      names[count] = runs->runs[i].name;
      styles[count] = i;
      count++;
    }
    snprintf(name, sizeof name, "%s-%d", id, k);
    write_group_chart(stream, c, curves, names, styles, count, name, titles[k], x_title);
  }
}

static void write_group_row(FILE *stream, const log_run *run, bool several, const char *name,
                            const json_t *group) {
  const double users = log_number(group, NULL, "users"), rate = log_number(group, NULL, "hr@10");
  html_row_begin(stream, NULL);
  html_row_head(stream, HTML_WORD, "%s", name);
  if (several) html_row_cell(stream, HTML_WRAP, "%s", run->name);
  html_row_cell(stream, HTML_NUMBER, "%.0f", users);
  html_row_cell(stream, HTML_NUMBER, "%.4f", rate);
  html_row_cell(stream, HTML_NUMBER, "%.4f", users > 0 ? sqrt(rate * (1 - rate) / users) : 0);
  html_row_cell(stream, HTML_NUMBER, "%.4f", log_number(group, NULL, "ndcg@10"));
  html_row_cell(stream, HTML_WORD, "%s", users < FEW ? "few users" : "");
  html_row_end(stream);
}

static void write_group_table(FILE *stream, const log_runs *runs, const char *list,
                              const char *heading, const char *column, const categories *c) {
  html_table_begin(stream, heading);
  html_head_begin(stream);
  html_head_cell(stream, HTML_WORD, column);
  if (runs->count > 1) html_head_cell(stream, HTML_WORD, "Run");
  html_head_cell(stream, HTML_NUMBER, "Users");
  html_head_cell(stream, HTML_NUMBER, "HR@10");
  html_head_cell(stream, HTML_NUMBER, "\xc2\xb1");
  html_head_cell(stream, HTML_NUMBER, "NDCG@10");
  html_head_cell(stream, HTML_WORD, "Note");
  html_head_end(stream);
  for (size_t at = 0; at < c->count; at++)
    for (size_t i = 0; i < runs->count; i++) {
      size_t index;
      json_t *group;
      json_array_foreach(json_object_get(runs->runs[i].done, list), index, group) {
        if (log_number(group, NULL, "from") == c->from[at])
          write_group_row(stream, &runs->runs[i], runs->count > 1, c->names[at], group);
      }
    }
  html_table_end(stream);
}

static void write_group_section(FILE *stream, const log_runs *runs, const char *list,
                                const char *id, const char *heading, const char *text,
                                const char *x_title, const char *column) {
  categories c;
  collect_categories(runs, list, &c);
  if (c.count == 0) return;
  html_section_begin(stream, id, heading);
  fputs("<p class=\"soft\">", stream);
  html_text(stream, text);
  html_format(stream,
              " \xc2\xb1 is one standard error of HR@10; groups of fewer than %d users are not in "
              "the chart.",
              TOO_FEW);
  fputs("</p>\n", stream);
  fputs("<div class=\"charts\">\n", stream);
  write_group_charts(stream, runs, list, id, x_title, &c);
  if (runs->count > 1) fputs("</div>\n", stream); /* of one run, the table is next to the chart */
  write_group_table(stream, runs, list, heading, column, &c);
  if (runs->count == 1) fputs("</div>\n", stream);
  html_section_end(stream);
}

void report_groups(FILE *stream, const log_runs *runs) {
  write_group_section(stream, runs, "by_history_length", "length", "By length of the history",
                      "Users by the number of items before their held-out item.", "items before",
                      "Items before");
  write_group_section(
      stream, runs, "by_popularity", "popularity", "By popularity of the held-out item",
      "Users by how often their held-out item occurs in the items that the tested weights "
      "were trained on.",
      "occurrences in training", "Occurrences");
}
