/* SPDX-License-Identifier: Apache-2.0 */
/* How times grow with the size of the work: one table for each size that grows; everything else is
 * as in the other benchmarks. The data are synthetic. Each line takes a twentieth of --seconds. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

enum { COLUMNS = 6, TOP = 20, LEAST_CALLS = 50, MOST_CALLS = 1 << 16 };

/* Prints a line of a table, or an object for programs. The first line of a table prints its head.
 * */
static void report_row(const bench_settings *settings, const char *table, bool first,
                       const char *const *keys, const double *values) {
  if (settings->json) {
    report_begin(settings, table);
    for (size_t i = 0; i < COLUMNS && keys[i] != NULL; i++) {
      report_number(settings, keys[i], values[i]);
    }
    report_end(settings);
    return;
  }
  if (first) {
    printf("\n%s\n", table);
    for (size_t i = 0; i < COLUMNS && keys[i] != NULL; i++) printf("%18s", keys[i]);
    printf("\n");
  }
  for (size_t i = 0; i < COLUMNS && keys[i] != NULL; i++) {
    printf(values[i] == floor(values[i]) ? "%18.0f" : "%18.5g", values[i]);
  }
  printf("\n");
  fflush(stdout);
}

/* One line: `grown` is the name and the value of the size that grows. */
static int training_row(const bench_settings *settings, s3rec_stage stage, const char *table,
                        bool first, const char *grown, double size) {
  const char *const keys[COLUMNS] = {grown,      "tokens_per_step", "step_ms",
                                     "floor_ms", "ratio",           "us_per_token"};
  step_figures f;
  if (bench_steps(settings, stage, &f) != 0) return 1;
  report_row(settings, table, first, keys,
             (double[]){size, f.tokens, f.step_ms, f.floor_ms, f.ratio,
                        f.step_ms * 1e3 / f.tokens});
  return 0;
}

static int grow_batch(bench_settings settings) {
  for (int32_t batch = 25; batch <= 1600; batch *= 4) {
    settings.batch_size = batch;
    if (training_row(&settings, S3REC_STAGE_PRETRAIN, "growth_batch", batch == 25, "batch",
                     batch) != 0) {
      return 1;
    }
  }
  return 0;
}

/* Pretraining takes every prefix of a sequence, so its sequences have half this length. */
static int grow_length(bench_settings settings) {
  static const int32_t lengths[] = {3, 12, 25, 50};
  for (size_t i = 0; i < 4; i++) {
    settings.shortest = lengths[i];
    if (training_row(&settings, S3REC_STAGE_PRETRAIN, "growth_length", i == 0, "shortest_user",
                     lengths[i]) != 0) {
      return 1;
    }
  }
  return 0;
}

static int grow_items(bench_settings settings) {
  for (int32_t items = 10000; items <= 1000000; items *= 10) {
    settings.items = items;
    if (training_row(&settings, S3REC_STAGE_PRETRAIN, "growth_items", items == 10000, "items",
                     items) != 0) {
      return 1;
    }
  }
  return 0;
}

/* The full softmax; a million items would take seconds a step. */
static int grow_softmax(bench_settings settings) {
  for (int32_t items = 10000; items <= 100000; items *= 10) {
    settings.items = items;
    if (training_row(&settings, S3REC_STAGE_FINETUNE, "growth_softmax_items", items == 10000,
                     "items", items) != 0) {
      return 1;
    }
  }
  return 0;
}

static int grow_threads(bench_settings settings) {
  const int32_t most = settings.thread_count;
  for (int32_t threads = 1; threads <= most; threads++) {
    settings.thread_count = threads;
    if (training_row(&settings, S3REC_STAGE_PRETRAIN, "growth_threads", threads == 1, "threads",
                     threads) != 0) {
      return 1;
    }
  }
  return 0;
}

/* Median processor time of a call in microseconds; 0 on failure. */
static double score_us(const bench_settings *settings, s3rec_scorer *scorer, int32_t items,
                       size_t length) {
  int32_t history[50], ids[TOP];
  float scores[TOP];
  size_t found, count = 0, call = 0;
  double *times = malloc(sizeof *times * MOST_CALLS);
  if (times == NULL) return 0;
  for (double spent = 0; count < MOST_CALLS && (count < LEAST_CALLS || spent < settings->seconds);
       call++) {
    for (size_t i = 0; i < length; i++) {
      history[i] = (int32_t)(1 + (call * 7919 + i * 104729) % (size_t)items);
    }
    const double begin = bench_thread_clock();
    if (s3rec_score_next(scorer, history, length, NULL, TOP, ids, scores, &found) != S3REC_OK) {
      free(times);
      bench_fail("score");
      return 0;
    }
    const double seconds = bench_thread_clock() - begin;
    spent += seconds;
    if (call >= LEAST_CALLS / 5) times[count++] = seconds * 1e6; /* the first ones warm up */
  }
  const double median = bench_median(times, count);
  free(times);
  return median;
}

/* Also prints the time to read the table of item weights once, as float. */
static int score_rows(const bench_settings *settings, s3rec_scorer *scorer, bool first) {
  static const char *const keys[COLUMNS] = {"items",   "history", "score_us_p50",
                                            "read_us", "ratio",   "read_gb_per_s"};
  static const size_t lengths[] = {1, 7, 20, 50};
  const double bytes = settings->items * 64.0 * sizeof(float);
  for (size_t i = 0; i < 4; i++) {
    const double read_us = bench_read_seconds((size_t)bytes) * 1e6;
    const double took = score_us(settings, scorer, settings->items, lengths[i]);
    if (took == 0 || read_us == 0) return 1;
    report_row(settings, "growth_score", first && i == 0, keys,
               (double[]){settings->items, (double)lengths[i], took, read_us, took / read_us,
                          bytes * 1e-3 / read_us});
  }
  return 0;
}

static int grow_score(bench_settings settings) {
  int result = 0;
  for (settings.items = 10000; result == 0 && settings.items <= 1000000; settings.items *= 10) {
    bench_workload work;
    s3rec_scorer *scorer = NULL;
    if (workload_create(&settings, &work) != 0) return 1;
    result = s3rec_scorer_create(work.model, &scorer) == S3REC_OK
                 ? score_rows(&settings, scorer, settings.items == 10000)
                 : bench_fail("scorer");
    s3rec_scorer_destroy(scorer);
    workload_destroy(&work);
  }
  return result;
}

int bench_growth(const bench_settings *settings) {
  bench_settings s = *settings;
  s.seconds /= 20;
  s.data = s.name = NULL;
  return grow_batch(s) || grow_length(s) || grow_items(s) || grow_softmax(s) || grow_threads(s) ||
         grow_score(s);
}
