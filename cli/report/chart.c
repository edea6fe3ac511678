/* SPDX-License-Identifier: Apache-2.0 */
/* The view box is as wide as a phone: there, text is not made smaller. */
#include "chart.h"

#include <math.h>

#include "page.h"

/* An axis with ticks at round numbers. */
typedef struct chart_scale {
  double first, step; /* ticks: first + i * step */
  int ticks;          /* at least 2 */
  int decimals;       /* enough to tell the ticks apart */
} chart_scale;

/* The smallest number that is 1, 2 or 5 times a power of ten and not below `rough`. */
static double round_step(double rough) {
  const double power = pow(10, floor(log10(rough)));
  const double ratio = rough / power;
  /* A small tolerance, because log10 and the division round. */
  return power * (ratio <= 1 + 1e-9 ? 1 : ratio <= 2 + 1e-9 ? 2 : ratio <= 5 + 1e-9 ? 5 : 10);
}

/* Ticks that enclose [low, high] in about `wanted` intervals. The distance of ticks is 1, 2 or 5
 * times a power of ten; with `whole` it is a whole number. low <= high, both at most 1e15. */
static chart_scale scale_fit(double low, double high, int wanted, bool whole) {
  const double size = fmax(fabs(low), fabs(high));
  /* With equal or nearly equal values there must still be a distance between two ticks. */
  const double range = fmax(high - low, fmax(size * 1e-9, 1e-9));
  double step = round_step(range / wanted);
  if (whole) step = fmax(step, 1);
  chart_scale scale = {.step = step};
  scale.first = floor(low / step + 1e-9) * step;
  scale.ticks = (int)ceil((high - scale.first) / step - 1e-9) + 1;
  if (scale.ticks < 2) scale.ticks = 2;
  const double digits = floor(log10(step) + 1e-9);
  scale.decimals = digits < 0 ? (int)-digits : 0;
  return scale;
}

static double scale_last(const chart_scale *scale) {
  return scale->first + (scale->ticks - 1) * scale->step;
}

/* Where a value lies: 0 at the first tick, 1 at the last. */
static double scale_place(const chart_scale *scale, double value) {
  return (value - scale->first) / ((scale->ticks - 1) * scale->step);
}

static void scale_label(const chart_scale *scale, int tick, char *text, size_t capacity) {
  const double value = scale->first + tick * scale->step;
  const double shown = fabs(value) < scale->step / 2 ? 0 : value; /* no "-0" */
  if (fabs(shown) >= 1e6 || scale->decimals > 6)
    snprintf(text, capacity, "%.3g", shown);
  else
    snprintf(text, capacity, "%.*f", scale->decimals, shown);
}

enum { WIDTH = 420, HEIGHT = 250, LEFT = 50, RIGHT = 14, TOP = 10, BOTTOM = 42 };
enum { POINT_LIMIT = 600 }; /* points of a line; more would not be visible */
enum { DOT_LIMIT = 15 };    /* a line of at most this many points has a dot for each */

typedef struct frame {
  chart_scale x, y;
} frame;

static double place_x(const frame *f, double x) {
  return LEFT + (WIDTH - LEFT - RIGHT) * scale_place(&f->x, x);
}

static double place_y(const frame *f, double y) {
  return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * scale_place(&f->y, y);
}

/* Fits the axes to all points; false when there is none. */
static bool fit_axes(const html_chart *chart, frame *f) {
  double left = INFINITY, right = -INFINITY, low = INFINITY, high = -INFINITY, x, y;
  for (size_t s = 0; s < chart->series_count; s++)
    for (size_t i = 0; i < chart->series[s].count; i++) {
      if (!chart->point(chart->series[s].data, i, &x, &y)) continue;
      left = fmin(left, x), right = fmax(right, x);
      low = fmin(low, y), high = fmax(high, y);
    }
  if (!(left <= right)) return false;
  if (chart->from_zero) low = fmin(low, 0);
  f->y = scale_fit(low, high, 5, false);
  if (chart->categories != NULL) /* half a category of space at both ends */
    f->x = (chart_scale){.first = -0.5, .step = (double)chart->category_count, .ticks = 2};
  else
    f->x = scale_fit(left, right, 6, true);
  return true;
}

static void write_y_axis(FILE *stream, const frame *f) {
  char label[32];
  for (int i = 0; i < f->y.ticks; i++) {
    const double y = place_y(f, f->y.first + i * f->y.step);
    scale_label(&f->y, i, label, sizeof label);
    fprintf(stream,
            "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
            "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
            LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y + 4, label);
  }
}

static void write_x_label(FILE *stream, const frame *f, double x, const char *label) {
  fprintf(stream, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", place_x(f, x),
          HEIGHT - BOTTOM + 16);
  html_text(stream, label);
  fputs("</text>\n", stream);
}

static void write_x_axis(FILE *stream, const html_chart *chart, const frame *f) {
  char label[32];
  if (chart->categories != NULL)
    for (size_t i = 0; i < chart->category_count; i++)
      write_x_label(stream, f, (double)i, chart->categories[i]);
  else
    for (int i = 0; i < f->x.ticks; i++) {
      scale_label(&f->x, i, label, sizeof label);
      write_x_label(stream, f, f->x.first + i * f->x.step, label);
    }
  fprintf(stream, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">",
          LEFT + (WIDTH - LEFT - RIGHT) / 2, HEIGHT - 6);
  html_text(stream, chart->x_title);
  fputs("</text>\n", stream);
}

/* Colour and dashes of a series. */
static void write_class(FILE *stream, const char *kind, size_t style) {
  fprintf(stream, " class=\"%s s%zu", kind, style % 8);
  if (style >= 8) fprintf(stream, " d%zu", style / 8 % 3);
  fputc('"', stream);
}

static void write_dot(FILE *stream, const frame *f, const char *kind, size_t style, int radius,
                      double x, double y) {
  fputs("<circle", stream);
  write_class(stream, kind, style % 8);
  fprintf(stream, " cx=\"%.1f\" cy=\"%.1f\" r=\"%d\"/>\n", place_x(f, x), place_y(f, y), radius);
}

static void write_series(FILE *stream, const html_chart *chart, const frame *f,
                         const html_series *series) {
  const size_t stride = series->count / POINT_LIMIT + 1;
  double x, y;
  fputs("<polyline", stream);
  write_class(stream, "line", series->style);
  fputs(" points=\"", stream);
  for (size_t i = 0; i < series->count; i++)
    if ((i % stride == 0 || i + 1 == series->count) && chart->point(series->data, i, &x, &y))
      fprintf(stream, "%s%.1f,%.1f", i == 0 ? "" : " ", place_x(f, x), place_y(f, y));
  fputs("\"/>\n", stream);
  if (series->count <= DOT_LIMIT)
    for (size_t i = 0; i < series->count; i++)
      if (chart->point(series->data, i, &x, &y))
        write_dot(stream, f, "dot", series->style, 3, x, y);
  if (series->mark < series->count && chart->point(series->data, series->mark, &x, &y))
    write_dot(stream, f, "ring", series->style, 5, x, y);
}

/* The chart in words, for readers that cannot see it. */
static void write_description(FILE *stream, const html_chart *chart, const frame *f) {
  html_format(stream, "Horizontal: %s. Vertical: ", chart->x_title);
  html_format(stream, "%.6g to %.6g.", f->y.first, scale_last(&f->y));
  for (size_t s = 0; s < chart->series_count; s++) {
    const html_series *const series = &chart->series[s];
    double x, y, first = 0, last = 0, low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < series->count; i++) {
      if (!chart->point(series->data, i, &x, &y)) continue;
      if (low > high) first = y;
      last = y;
      low = fmin(low, y), high = fmax(high, y);
    }
    if (low > high) continue;
    fputc(' ', stream);
    html_text(stream, series->name);
    html_format(stream, ": from %.4f to %.4f, lowest %.4f, highest %.4f.", first, last, low, high);
  }
}

static void write_legend(FILE *stream, const html_chart *chart) {
  const bool named = chart->series_count > 1 || chart->name_lines;
  if (!named && chart->mark_title == NULL) return;
  fputs("<ul class=\"legend\">\n", stream);
  for (size_t s = 0; named && s < chart->series_count; s++) {
    fputs("<li><svg viewBox=\"0 0 40 16\" aria-hidden=\"true\"><line", stream);
    write_class(stream, "line", chart->series[s].style);
    fputs(" x1=\"2\" x2=\"38\" y1=\"8\" y2=\"8\"/></svg><bdi>", stream);
    html_text(stream, chart->series[s].name);
    fputs("</bdi></li>\n", stream);
  }
  if (chart->mark_title != NULL) {
    fputs(
        "<li><svg viewBox=\"0 0 40 16\" aria-hidden=\"true\">"
        "<circle class=\"ring s7\" cx=\"20\" cy=\"8\" r=\"5\"/></svg>",
        stream);
    html_text(stream, chart->mark_title);
    fputs("</li>\n", stream);
  }
  fputs("</ul>\n", stream);
}

void html_chart_write(FILE *stream, const html_chart *chart) {
  frame f;
  if (!fit_axes(chart, &f)) return;
  fputs("<figure>\n<figcaption>", stream);
  html_text(stream, chart->title);
  fprintf(stream,
          "</figcaption>\n<svg role=\"img\" viewBox=\"0 0 %d %d\" "
          "aria-labelledby=\"%s-title %s-words\">\n<title id=\"%s-title\">",
          WIDTH, HEIGHT, chart->id, chart->id, chart->id);
  html_text(stream, chart->title);
  fprintf(stream, "</title>\n<desc id=\"%s-words\">", chart->id);
  write_description(stream, chart, &f);
  fputs("</desc>\n", stream);
  write_y_axis(stream, &f);
  write_x_axis(stream, chart, &f);
  for (size_t s = 0; s < chart->series_count; s++)
    write_series(stream, chart, &f, &chart->series[s]);
  fputs("</svg>\n", stream);
  write_legend(stream, chart);
  fputs("</figure>\n", stream);
}
