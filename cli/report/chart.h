/* SPDX-License-Identifier: Apache-2.0 */
/* Line charts as inline SVG. */
#ifndef CLI_REPORT_CHART_H
#define CLI_REPORT_CHART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { HTML_SERIES_LIMIT = 24 }; /* 8 colours, 3 kinds of line */
#define HTML_NO_MARK SIZE_MAX

typedef struct html_series {
  const char *name;
  const void *data; /* handed to `point` */
  size_t count;     /* points */
  size_t mark;      /* the point with a ring around it, or HTML_NO_MARK */
  size_t style;     /* below HTML_SERIES_LIMIT; a run has the same style in all charts */
} html_series;

typedef struct html_chart {
  const char *id; /* a plain word, different for each chart of the page */
  const char *title, *x_title;
  const char *mark_title;        /* what rings mean; NULL: no rings */
  const char *const *categories; /* labels at x = 0, 1, ...; NULL: x is a whole number */
  size_t category_count;
  bool from_zero;  /* the y axis begins at 0 */
  bool name_lines; /* also a single line has a legend */
  const html_series *series;
  size_t series_count; /* at most HTML_SERIES_LIMIT */
  /* Point `index` of a series; x rises with the index. false: there is no such point. Numbers are
   * within +-1e15. */
  bool (*point)(const void *data, size_t index, double *x, double *y);
} html_chart;

/* Writes a <figure>: title, chart with a description in words, legend. Writes nothing if no series
 * has a point. */
void html_chart_write(FILE *stream, const html_chart *chart);

#endif
