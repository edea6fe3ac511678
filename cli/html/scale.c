/* SPDX-License-Identifier: Apache-2.0 */
#include "scale.h"

#include <math.h>
#include <stdio.h>

/* The smallest of 1, 2, 5 times a power of ten that is not below `rough`. */
static double round_step(double rough) {
  const double power = pow(10, floor(log10(rough)));
  const double ratio = rough / power;
  /* A hair of tolerance: log10 and the division round. */
  return power * (ratio <= 1 + 1e-9 ? 1 : ratio <= 2 + 1e-9 ? 2 : ratio <= 5 + 1e-9 ? 5 : 10);
}

html_scale html_scale_fit(double low, double high, int wanted, bool whole) {
  const double size = fmax(fabs(low), fabs(high));
  /* Equal values, or nearly: there has to be something between two ticks. */
  const double range = fmax(high - low, fmax(size * 1e-9, 1e-9));
  double step = round_step(range / wanted);
  if (whole) step = fmax(step, 1);
  html_scale scale = {.step = step};
  scale.first = floor(low / step + 1e-9) * step;
  scale.ticks = (int)ceil((high - scale.first) / step - 1e-9) + 1;
  if (scale.ticks < 2) scale.ticks = 2;
  const double digits = floor(log10(step) + 1e-9);
  scale.decimals = digits < 0 ? (int)-digits : 0;
  return scale;
}

double html_scale_last(const html_scale *scale) {
  return scale->first + (scale->ticks - 1) * scale->step;
}

double html_scale_place(const html_scale *scale, double value) {
  return (value - scale->first) / ((scale->ticks - 1) * scale->step);
}

void html_scale_label(const html_scale *scale, int tick, char *text, size_t capacity) {
  const double value = scale->first + tick * scale->step;
  const double shown = fabs(value) < scale->step / 2 ? 0 : value; /* no "-0" */
  if (fabs(shown) >= 1e6 || scale->decimals > 6)
    snprintf(text, capacity, "%.3g", shown);
  else
    snprintf(text, capacity, "%.*f", scale->decimals, shown);
}
