/* SPDX-License-Identifier: Apache-2.0 */
/* Recommendations: the latency of one user, the rate of many. One thread. */
#include <stdlib.h>

#include "base/openmp.h"
#include "bench.h"
#include "dnnl/engine.h"

enum { TOP = 20, HISTORY = 7, USERS = 256 };

typedef struct scoring {
  bench_workload work;
  s3rec_model_config config;
  s3rec_scorer *scorer;
  int32_t *histories; /* [USERS, HISTORY] the first items of so many users */
  int64_t offsets[USERS + 1];
} scoring;

static void scoring_destroy(scoring *s) {
  free(s->histories);
  s3rec_scorer_destroy(s->scorer);
  workload_destroy(&s->work);
}

static int fill_histories(scoring *s) {
  size_t users = 0;
  s->histories = malloc(sizeof(int32_t) * USERS * HISTORY);
  if (s->histories == NULL) return 1;
  for (size_t user = 0; users < USERS; user++) {
    const int32_t *items;
    size_t count;
    if (s3rec_dataset_user_items(s->work.dataset, user, &items, &count) != S3REC_OK) {
      return bench_fail("too few users of 7 items");
    }
    if (count < HISTORY) continue;
    for (size_t i = 0; i < HISTORY; i++) s->histories[users * HISTORY + i] = items[i];
    users++;
    s->offsets[users] = (int64_t)users * HISTORY;
  }
  return 0;
}

static int scoring_create(const bench_settings *settings, scoring *s) {
  *s = (scoring){.scorer = NULL};
  if (workload_create(settings, &s->work) != 0) return 1;
  s3rec_model_config_init(&s->config);
  if (s3rec_model_config_get(s->work.model, &s->config) == S3REC_OK &&
      s3rec_scorer_create(s->work.model, &s->scorer) == S3REC_OK && fill_histories(s) == 0) {
    return 0;
  }
  scoring_destroy(s);
  return bench_fail("scorer");
}

int bench_score(const bench_settings *settings) {
  enum { LARGEST = 1 << 20, WARM = 2000 };
  scoring s;
  int32_t ids[TOP];
  float scores[TOP];
  size_t found, count = 0;
  double spent = 0;
  double *times = malloc(sizeof *times * LARGEST);
  if (times == NULL || scoring_create(settings, &s) != 0) {
    free(times);
    return 1;
  }
  for (size_t i = 0; i < LARGEST + WARM && (spent < settings->seconds || count < 1000); i++) {
    const int32_t *history = s.histories + i % USERS * HISTORY;
    const double begin = bench_clock();
    if (s3rec_score_next(s.scorer, history, HISTORY, NULL, TOP, ids, scores, &found) != S3REC_OK) {
      free(times);
      scoring_destroy(&s);
      return bench_fail("score");
    }
    const double seconds = bench_clock() - begin;
    spent += seconds;
    if (i >= WARM) times[count++] = seconds * 1e6;
  }
  const double median = bench_median(times, count); /* sorts */
  report_begin(settings, "score");
  report_set_up(settings, s.work.context);
  report_number(settings, "items", s.config.item_size - 2);
  report_number(settings, "history", HISTORY);
  report_number(settings, "top", TOP);
  report_number(settings, "calls", (double)count);
  report_number(settings, "score_us_p50", median);
  report_number(settings, "score_us_p99", times[count * 99 / 100]);
  report_number(settings, "score_us_min", times[0]);
  report_number(settings, "scorer_mb", (double)s3rec_scorer_memory(s.scorer) * 1e-6);
  report_number(settings, "peak_rss_mb", bench_peak_rss());
  report_end(settings);
  free(times);
  scoring_destroy(&s);
  return 0;
}

/* The scores alone, [items, H] x [H, users]: seconds, or 0 on failure. */
static double product_seconds(const scoring *s, const float *items, const float *users,
                              float *scores) {
  enum { ROWS = 2048 }; /* so that scores stay in cache, as a scorer would keep them */
  const size_t h = (size_t)s->config.hidden_size, count = (size_t)s->config.item_size;
  const s3_openmp_state openmp = s3_openmp_enter();
  const double begin = bench_clock();
  bool good = true;
  for (size_t row = 0; row < count; row += ROWS) {
    const size_t rows = count - row < ROWS ? count - row : ROWS;
    good = s3_gemm(false, true, rows, USERS, h, 1, items + row * h, h, users, h, 0, scores,
                   USERS) == S3REC_OK &&
           good;
  }
  const double seconds = bench_clock() - begin;
  s3_openmp_leave(openmp);
  return good ? seconds : 0;
}

static int measure_batches(const bench_settings *settings, scoring *s, float *items, float *users,
                           float *tile) {
  static int32_t ids[USERS * TOP];
  static float scores[USERS * TOP];
  static size_t counts[USERS];
  double rates[BENCH_WINDOWS], floors[BENCH_WINDOWS], shares[BENCH_WINDOWS];
  const size_t values = (size_t)s->config.item_size * (size_t)s->config.hidden_size;
  if (s3rec_model_parameter_read(s->work.model, "item_embeddings.weight", items, values) !=
      S3REC_OK) {
    return bench_fail("score-batch");
  }
  for (size_t w = 0; w < BENCH_WINDOWS; w++) {
    double spent = 0, floor = 0;
    size_t calls = 0;
    while (calls == 0 || spent < settings->seconds / (2 * BENCH_WINDOWS)) {
      const double begin = bench_clock();
      if (s3rec_score_next_batch(s->scorer, s->histories, s->offsets, USERS, NULL, TOP, ids,
                                 scores, counts) != S3REC_OK) {
        return bench_fail("score-batch");
      }
      if (w > 0 || calls > 0) spent += bench_clock() - begin; /* the first call warms up */
      calls += w > 0 || calls > 0 || spent == 0;
    }
    for (size_t i = 0; i < calls; i++) {
      const double seconds = product_seconds(s, items, users, tile);
      if (seconds == 0) return bench_fail("score-batch");
      floor += seconds;
    }
    rates[w] = USERS * (double)calls / spent;
    floors[w] = USERS * (double)calls / floor;
    shares[w] = rates[w] / floors[w];
  }
  report_begin(settings, "score_batch");
  report_set_up(settings, s->work.context);
  report_number(settings, "items", s->config.item_size - 2);
  report_number(settings, "users_per_call", USERS);
  report_number(settings, "top", TOP);
  report_spread(settings, "users_per_s", rates, BENCH_WINDOWS);
  report_spread(settings, "product_users_per_s", floors, BENCH_WINDOWS);
  report_spread(settings, "share_of_product_rate", shares, BENCH_WINDOWS);
  report_number(settings, "scorer_mb", (double)s3rec_scorer_memory(s->scorer) * 1e-6);
  report_end(settings);
  return 0;
}

int bench_score_batch(const bench_settings *settings) {
  scoring s;
  if (scoring_create(settings, &s) != 0) return 1;
  const size_t h = (size_t)s.config.hidden_size;
  float *items = malloc((size_t)s.config.item_size * h * sizeof *items);
  float *users = calloc(USERS * h, sizeof *users), *tile = calloc(2048 * USERS, sizeof *tile);
  int result = 1;
  if (items != NULL && users != NULL && tile != NULL) {
    for (size_t i = 0; i < USERS * h; i++) users[i] = (float)(i % 7) - 3;
    result = measure_batches(settings, &s, items, users, tile);
  }
  free(items);
  free(users);
  free(tile);
  scoring_destroy(&s);
  return result;
}
