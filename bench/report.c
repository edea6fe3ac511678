/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "bench.h"

int bench_fail(const char *what) {
  fprintf(stderr, "s3rec-bench: %s: %s\n", what, s3rec_last_error());
  return 1;
}

double bench_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double bench_thread_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double bench_peak_rss(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)usage.ru_maxrss * 1024 * 1e-6;
}

void report_begin(const bench_settings *settings, const char *benchmark) {
  printf(settings->json ? "{\"benchmark\": \"%s\"" : "%s\n", benchmark);
}

void report_text(const bench_settings *settings, const char *key, const char *value) {
  printf(settings->json ? ", \"%s\": \"%s\"" : "  %-34s %s\n", key, value);
}

void report_number(const bench_settings *settings, const char *key, double value) {
  printf(settings->json ? ", \"%s\": %.6g" : "  %-34s %.5g\n", key, value);
}

static int rising(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double bench_median(double *values, size_t count) {
  qsort(values, count, sizeof *values, rising);
  return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

void report_spread(const bench_settings *settings, const char *key, double *values,
                   size_t count) {
  char name[64];
  const double median = bench_median(values, count);
  snprintf(name, sizeof name, "%s_median", key);
  report_number(settings, name, median);
  snprintf(name, sizeof name, "%s_min", key);
  report_number(settings, name, values[0]);
  snprintf(name, sizeof name, "%s_max", key);
  report_number(settings, name, values[count - 1]);
}

void report_set_up(const bench_settings *settings, const s3rec_context *context) {
  static const char *const backends[] = {"auto", "fused", "onednn"};
  static const char *const levels[] = {"auto", "baseline", "avx2", "avx512"};
  report_text(settings, "data", settings->name != NULL ? settings->name : "synthetic");
  report_text(settings, "backend", backends[s3rec_context_backend(context)]);
  report_text(settings, "kernels", levels[s3rec_context_kernel_level(context)]);
  report_number(settings, "threads", settings->thread_count);
}

void report_end(const bench_settings *settings) {
  printf(settings->json ? "}\n" : "\n");
  fflush(stdout);
}
