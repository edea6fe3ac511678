/* SPDX-License-Identifier: Apache-2.0 */
/* Axes with ticks at round numbers. */
#ifndef CLI_HTML_SCALE_H
#define CLI_HTML_SCALE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct html_scale {
  double first, step; /* ticks: first + i * step */
  int ticks;          /* at least 2 */
  int decimals;       /* that tell the ticks apart */
} html_scale;

/* Ticks that enclose [low, high], about `wanted` intervals, 1, 2 or 5 times a power
 * of ten apart; whole numbers for `whole`. low <= high, both at most 1e15. */
html_scale html_scale_fit(double low, double high, int wanted, bool whole);

double html_scale_last(const html_scale *scale);
/* Where a value lies: 0 at the first tick, 1 at the last. */
double html_scale_place(const html_scale *scale, double value);
void html_scale_label(const html_scale *scale, int tick, char *text, size_t capacity);

#endif
