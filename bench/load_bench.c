/* SPDX-License-Identifier: Apache-2.0 */
/* Time from a model file to the first answer, each time in a new process, with the file in the page
 * cache; for comparison, the time to read the mapped file once. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

enum { TOP = 20, HISTORY = 7 };
enum { OPEN, SCORER, QUERY, TOTAL, TOTAL_CPU, SECOND, STAGES };

static int answer(const bench_settings *settings, const char *path, bool map, double *values) {
  s3rec_context *context = NULL;
  s3rec_model *model = NULL;
  s3rec_scorer *scorer = NULL;
  s3rec_model_config config;
  int32_t history[HISTORY], ids[TOP];
  float scores[TOP];
  size_t count;
  double at[STAGES], computed = 0;
  s3rec_model_config_init(&config);
  const double begin = bench_clock(), computing = bench_thread_clock();
  s3rec_status status = bench_open_model(settings, path, map, &context, &model);
  at[OPEN] = bench_clock();
  if (status == S3REC_OK) status = s3rec_scorer_create(model, &scorer);
  at[SCORER] = bench_clock();
  if (status == S3REC_OK) status = s3rec_model_config_get(model, &config);
  for (int32_t i = 0; i < HISTORY; i++) {
    history[i] = 1 + (int32_t)((int64_t)(config.item_size - 3) * i / HISTORY);
  }
  for (int call = QUERY; call <= SECOND && status == S3REC_OK; call += SECOND - QUERY) {
    status = s3rec_score_next(scorer, history, HISTORY, NULL, TOP, ids, scores, &count);
    at[call] = bench_clock();
    if (call == QUERY) computed = bench_thread_clock() - computing;
  }
  if (status != S3REC_OK) return bench_fail(path);
  values[OPEN] = at[OPEN] - begin;
  values[SCORER] = at[SCORER] - at[OPEN];
  values[QUERY] = at[QUERY] - at[SCORER];
  values[TOTAL] = at[QUERY] - begin;
  values[TOTAL_CPU] = computed;
  values[SECOND] = at[SECOND] - at[QUERY];
  return 0;
}

static int answer_loaded(const bench_settings *settings, const char *path, double *values) {
  return answer(settings, path, false, values);
}

static int answer_mapped(const bench_settings *settings, const char *path, double *values) {
  return answer(settings, path, true, values);
}

/* Sixteen sums, so that additions do not wait for each other. */
static float sum(const float *values, size_t count) {
  float sums[16] = {0}, total = 0;
  for (size_t i = 0; i + 16 <= count; i += 16) {
    for (size_t lane = 0; lane < 16; lane++) sums[lane] += values[i + lane];
  }
  for (size_t lane = 0; lane < 16; lane++) total += sums[lane];
  return total;
}

static int read_once(const bench_settings *settings, const char *path, double *values) {
  (void)settings;
  struct stat info;
  const double begin = bench_clock();
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0 || fstat(file, &info) != 0) {
    perror(path);
    return 1;
  }
  const float *const bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, file, 0);
  if (bytes == MAP_FAILED) {
    perror(path);
    return 1;
  }
  volatile float kept = sum(bytes, (size_t)info.st_size / sizeof *bytes);
  (void)kept;
  values[0] = bench_clock() - begin;
  return 0;
}

typedef struct series {
  const char *keys[STAGES];
  double ms[STAGES][BENCH_WINDOWS];
} series;

static void add(series *s, size_t window, const double *values) {
  for (int stage = 0; stage < STAGES; stage++) s->ms[stage][window] = values[stage] * 1e3;
}

static void report(const bench_settings *settings, series *s) {
  for (int stage = 0; stage < STAGES; stage++) {
    report_spread(settings, s->keys[stage], s->ms[stage], BENCH_WINDOWS);
  }
}

static int measure(const bench_settings *settings, const char *path, const double *made) {
  series loaded = {.keys = {"load_ms", "load_scorer_ms", "load_first_query_ms", "load_total_ms",
                            "load_total_cpu_ms", "load_second_query_ms"}};
  series mapped = {.keys = {"map_ms", "map_scorer_ms", "map_first_query_ms", "map_total_ms",
                            "map_total_cpu_ms", "map_second_query_ms"}};
  double floor_ms[BENCH_WINDOWS], ratios[BENCH_WINDOWS], values[CHILD_VALUES];
  if (bench_child(settings, path, read_once, values) != 0) return 1; /* into the page cache */
  for (size_t w = 0; w < BENCH_WINDOWS; w++) {
    if (bench_child(settings, path, answer_loaded, values) != 0) return 1;
    add(&loaded, w, values);
    if (bench_child(settings, path, answer_mapped, values) != 0) return 1;
    add(&mapped, w, values);
    if (bench_child(settings, path, read_once, values) != 0) return 1;
    floor_ms[w] = values[0] * 1e3;
    ratios[w] = mapped.ms[TOTAL][w] / floor_ms[w];
  }
  report_begin(settings, "load");
  report_text(settings, "data", "synthetic");
  report_number(settings, "items", made[CHILD_ITEM_SIZE] - 2);
  report_number(settings, "table_mb", made[CHILD_TABLE_BYTES] * 1e-6);
  report_number(settings, "create_ms", made[CHILD_CREATE] * 1e3);
  report_number(settings, "create_cpu_ms", made[CHILD_CREATE_CPU] * 1e3);
  report_number(settings, "save_ms", made[CHILD_SAVE] * 1e3);
  report(settings, &loaded);
  report(settings, &mapped);
  report_spread(settings, "floor_ms", floor_ms, BENCH_WINDOWS);
  report_spread(settings, "map_ratio", ratios, BENCH_WINDOWS);
  report_end(settings);
  return 0;
}

int bench_load(const bench_settings *settings) {
  char folder[PATH_MAX], path[PATH_MAX];
  double made[CHILD_VALUES];
  if (bench_model_file(settings, folder, path, made) != 0) return 1;
  const int code = measure(settings, path, made);
  bench_model_file_remove(folder, path);
  return code;
}
