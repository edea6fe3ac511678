/* SPDX-License-Identifier: Apache-2.0 */
/* Largest resident sets. Each is that of a new process that does one thing. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

enum { TOP = 20, HISTORY = 7, USERS = 256, QUERIES = 20 };
enum { ITEMS, TABLE, PEAK, ANONYMOUS, HANDLE, BATCH_PEAK, BATCH_ANONYMOUS, VALUES };

/* Current bytes of the process that are not backed by a file. */
static double anonymous_bytes(void) {
  char line[256];
  double kilobytes = 0;
  FILE *const file = fopen("/proc/self/smaps_rollup", "r");
  if (file == NULL) return 0;
  while (fgets(line, sizeof line, file) != NULL) {
    if (sscanf(line, "Anonymous: %lf kB", &kilobytes) == 1) break;
  }
  fclose(file);
  return kilobytes * 1024;
}

static void note_model(const s3rec_model *model, double *values) {
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  if (s3rec_model_config_get(model, &config) != S3REC_OK) return;
  values[ITEMS] = config.item_size - 2;
  values[TABLE] = sizeof(float) * (double)config.item_size * config.hidden_size;
}

static s3rec_status run_steps(const bench_settings *settings, const bench_workload *work,
                              s3rec_stage stage, double *values) {
  s3rec_sampler_options sampling;
  s3rec_sampler *sampler = NULL;
  s3rec_batch *batch = NULL;
  s3rec_trainer *trainer = NULL;
  s3rec_trainer_options options;
  s3rec_losses losses;
  const size_t steps = settings->steps > 0 ? settings->steps : 100;
  s3rec_sampler_options_init(&sampling, stage);
  s3rec_trainer_options_init(&options);
  s3rec_losses_init(&losses);
  if (settings->batch_size > 0) sampling.batch_size = settings->batch_size;
  options.shard_count = settings->shard_count;
  s3rec_status status = s3rec_sampler_create(work->dataset, &sampling, &sampler);
  if (status == S3REC_OK) status = s3rec_batch_create(work->context, &batch);
  if (status == S3REC_OK) status = s3rec_trainer_create(work->model, &options, &trainer);
  for (size_t i = 0; i < steps && status == S3REC_OK; i++) {
    status = s3rec_sampler_next(sampler, batch);
    if (status != S3REC_OK) break;
    status = stage == S3REC_STAGE_PRETRAIN ? s3rec_pretrain_step(trainer, batch, &losses)
                                           : s3rec_finetune_step(trainer, batch, &losses);
  }
  values[HANDLE] = (double)s3rec_trainer_memory(trainer);
  values[PEAK] = bench_peak_rss() * 1e6;
  values[ANONYMOUS] = anonymous_bytes();
  s3rec_trainer_destroy(trainer);
  s3rec_batch_destroy(batch);
  s3rec_sampler_destroy(sampler);
  return status;
}

static int train(const bench_settings *settings, s3rec_stage stage, double *values) {
  bench_workload work;
  if (workload_create(settings, &work) != 0) return 1;
  note_model(work.model, values);
  const s3rec_status status = run_steps(settings, &work, stage, values);
  workload_destroy(&work);
  return status == S3REC_OK ? 0 : bench_fail("memory");
}

static int pretrain(const bench_settings *settings, const char *path, double *values) {
  (void)path;
  return train(settings, S3REC_STAGE_PRETRAIN, values);
}

static int finetune(const bench_settings *settings, const char *path, double *values) {
  (void)path;
  return train(settings, S3REC_STAGE_FINETUNE, values);
}

static int score(const bench_settings *settings, const char *path, bool map, double *values) {
  static int32_t histories[USERS * HISTORY], ids[USERS * TOP];
  static float scores[USERS * TOP];
  static int64_t offsets[USERS + 1];
  static size_t counts[USERS];
  s3rec_context *context = NULL;
  s3rec_model *model = NULL;
  s3rec_scorer *scorer = NULL;
  s3rec_status status = bench_open_model(settings, path, map, &context, &model);
  if (status == S3REC_OK) status = s3rec_scorer_create(model, &scorer);
  if (status != S3REC_OK) return bench_fail(path);
  note_model(model, values);
  for (size_t i = 0; i < USERS * HISTORY; i++) {
    histories[i] = 1 + (int32_t)(values[ITEMS] * (double)i / (USERS * HISTORY));
  }
  for (int64_t user = 0; user <= USERS; user++) offsets[user] = user * HISTORY;
  for (size_t i = 0; i < QUERIES && status == S3REC_OK; i++) {
    status = s3rec_score_next(scorer, histories + i * HISTORY, HISTORY, NULL, TOP, ids, scores,
                              counts);
  }
  values[PEAK] = bench_peak_rss() * 1e6;
  values[ANONYMOUS] = anonymous_bytes();
  if (status == S3REC_OK) {
    status = s3rec_score_next_batch(scorer, histories, offsets, USERS, NULL, TOP, ids, scores,
                                    counts);
  }
  values[BATCH_PEAK] = bench_peak_rss() * 1e6;
  values[BATCH_ANONYMOUS] = anonymous_bytes();
  values[HANDLE] = (double)s3rec_scorer_memory(scorer);
  return status == S3REC_OK ? 0 : bench_fail(path);
}

static int score_loaded(const bench_settings *settings, const char *path, double *values) {
  return score(settings, path, false, values);
}

static int score_mapped(const bench_settings *settings, const char *path, double *values) {
  return score(settings, path, true, values);
}

static int measure(const bench_settings *settings, const char *path, const char *name,
                   child_function function) {
  double values[CHILD_VALUES];
  if (bench_child(settings, path, function, values) != 0) return 1;
  const bool scoring = path != NULL;
  report_begin(settings, name);
  report_text(settings, "data", settings->name != NULL && !scoring ? settings->name : "synthetic");
  report_number(settings, "threads", settings->thread_count);
  report_number(settings, "items", values[ITEMS]);
  report_number(settings, "table_mb", values[TABLE] * 1e-6);
  report_number(settings, "peak_rss_mb", values[PEAK] * 1e-6);
  report_number(settings, "rss_minus_table_mb", (values[PEAK] - values[TABLE]) * 1e-6);
  report_number(settings, "anonymous_mb", values[ANONYMOUS] * 1e-6);
  if (scoring) {
    report_number(settings, "batch_peak_rss_mb", values[BATCH_PEAK] * 1e-6);
    report_number(settings, "batch_rss_minus_table_mb",
                  (values[BATCH_PEAK] - values[TABLE]) * 1e-6);
    report_number(settings, "batch_anonymous_mb", values[BATCH_ANONYMOUS] * 1e-6);
  }
  report_number(settings, scoring ? "scorer_mb" : "trainer_mb", values[HANDLE] * 1e-6);
  report_end(settings);
  return 0;
}

int bench_memory(const bench_settings *settings) {
  _Static_assert((int)VALUES <= (int)CHILD_VALUES, "a child sends so many");
  char folder[PATH_MAX], path[PATH_MAX];
  double made[CHILD_VALUES];
  if (measure(settings, NULL, "memory_pretrain", pretrain) != 0 ||
      measure(settings, NULL, "memory_finetune_ce", finetune) != 0 ||
      bench_model_file(settings, folder, path, made) != 0) {
    return 1;
  }
  int code = measure(settings, path, "memory_score_load", score_loaded);
  if (code == 0) code = measure(settings, path, "memory_score_map", score_mapped);
  bench_model_file_remove(folder, path);
  return code;
}
