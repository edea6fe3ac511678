/* SPDX-License-Identifier: Apache-2.0 */
/* Linear layers of inference: compares the kernel over weights in panels with oneDNN's sgemm over
 * the plain weights, for the rows of one user and of several users. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "kernels/kernels.h"
#include "model/panels.h"

enum { MOST_ROWS = 50, WIDEST = 256, FLOATS = WIDEST * WIDEST };

typedef struct linear_case {
  const s3_kernels *kernels;
  size_t rows, in, out;
  float *src, *weights, *panels, *dst; /* [FLOATS] each */
} linear_case;

static void run_sgemm(const linear_case *c) {
  bench_sgemm(false, true, c->rows, c->out, c->in, c->src, c->in, c->weights, c->in, false, c->dst,
              c->out);
}

static void run_panels(const linear_case *c) {
  c->kernels->linear_panels(c->rows, c->in, c->out, c->src, c->panels, NULL, c->dst, c->out);
}

/* Microseconds per call. */
static double time_calls(const linear_case *c, void (*run)(const linear_case *), double seconds) {
  size_t runs = 0;
  double spent;
  run(c);
  const double begin = bench_thread_clock();
  do {
    for (size_t i = 0; i < 8; i++) run(c);
    runs += 8;
    spent = bench_thread_clock() - begin;
  } while (spent < seconds);
  return spent * 1e6 / (double)runs;
}

static void report_case(const bench_settings *settings, const linear_case *c, double seconds) {
  double times[BENCH_WINDOWS], ratios[BENCH_WINDOWS];
  char key[64];
  for (size_t w = 0; w < BENCH_WINDOWS; w++) {
    const double sgemm = time_calls(c, run_sgemm, seconds);
    times[w] = time_calls(c, run_panels, seconds);
    ratios[w] = sgemm / times[w];
  }
  snprintf(key, sizeof key, "linear_panels_%zux%zux%zu_us", c->rows, c->in, c->out);
  report_number(settings, key, bench_median(times, BENCH_WINDOWS));
  snprintf(key, sizeof key, "linear_panels_%zux%zux%zu_over_sgemm", c->rows, c->in, c->out);
  report_number(settings, key, bench_median(ratios, BENCH_WINDOWS));
}

int bench_linear(const bench_settings *settings) {
  static const size_t rows[] = {1, 7, 16, MOST_ROWS};
  static const size_t shapes[][2] = {{64, 192}, {64, 256}, {256, 64}}; /* in, out */
  linear_case c = {.kernels = s3_kernels_get(settings->kernel_level)};
  float **const all[] = {&c.src, &c.weights, &c.panels, &c.dst};
  int status = 0;
  for (size_t i = 0; i < 4; i++) {
    *all[i] = aligned_alloc(64, FLOATS * sizeof(float));
    if (*all[i] == NULL) status = 1;
    for (size_t j = 0; status == 0 && j < FLOATS; j++)
      (*all[i])[j] = (float)((j * 37 + i) % 1001) * 1e-3f - 0.5f;
  }
  if (status != 0) fprintf(stderr, "s3rec-bench: no memory\n");
  const double seconds = fmin(1e-3, settings->seconds / (4 * 12 * BENCH_WINDOWS));
  for (size_t s = 0; status == 0 && s < 3; s++) {
    c.in = shapes[s][0];
    c.out = shapes[s][1];
    s3_panels_fill(c.in, c.out, c.weights, c.panels);
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
      c.rows = rows[r];
      report_case(settings, &c, seconds);
    }
  }
  for (size_t i = 0; i < 4; i++) free(*all[i]);
  return status;
}
