/* SPDX-License-Identifier: Apache-2.0 */
/* The latency of recommendations for one user, with one thread: with the default scorer, with a
 * recommender, and with every scan, compared with the time to read the table of the scan. Then the
 * same for a large catalogue. */
#include <stdlib.h>
#include <string.h>

#include "scoring.h"

enum { TOP = SCORING_TOP, HISTORY = SCORING_HISTORY, USERS = SCORING_USERS };
enum { MOST_CALLS = 1 << 20, LEAST_CALLS = 200, LARGE_CATALOGUE = 1000000 };

static const struct {
  const char *name;
  double bytes; /* of a weight */
  double more;  /* bytes an item */
} scans[] = {[S3REC_SCAN_AUTO] = {"auto", 0, 0},
             [S3REC_SCAN_F32] = {"f32", 4, 0},
             [S3REC_SCAN_BF16] = {"bf16", 2, 0},
             [S3REC_SCAN_INT8] = {"int8", 1, 4}};

/* Microseconds of single calls. Returns their number; 0 if one failed. The first fifth of the time
 * is not counted. */
static size_t time_calls(const scoring *s, double seconds, double *times) {
  int32_t ids[TOP];
  float scores[TOP];
  size_t found, count = 0, call = 0;
  for (int round = 0; round < 2; round++) {
    double spent = 0;
    const double wanted = round == 0 ? seconds / 5 : seconds;
    for (count = 0; count < MOST_CALLS && (spent < wanted || count < LEAST_CALLS); call++) {
      const int32_t *history = s->histories + call % USERS * HISTORY;
      const double begin = bench_clock();
      if (s3rec_score_next(s->scorer, history, HISTORY, NULL, TOP, ids, scores, &found) !=
          S3REC_OK) {
        return 0;
      }
      const double took = bench_clock() - begin;
      spent += took;
      times[count++] = took * 1e6;
    }
  }
  return count;
}

/* Sorts the times. */
static void report_times(const bench_settings *settings, const scoring *s, double *times,
                         size_t count) {
  const double median = bench_median(times, count);
  report_set_up(settings, s->work.context);
  report_number(settings, "items", s->config.item_size - 2);
  report_number(settings, "history", HISTORY);
  report_number(settings, "top", TOP);
  report_number(settings, "calls", (double)count);
  report_number(settings, "score_us_p50", median);
  report_number(settings, "score_us_p99", times[count * 99 / 100]);
  report_number(settings, "score_us_min", times[0]);
}

/* Share of the items in `expected` that are in `ids`, both [USERS, TOP]. */
static double recall(const int32_t *ids, const int32_t *expected) {
  size_t found = 0;
  for (size_t i = 0; i < (size_t)USERS * TOP; i++) {
    for (size_t j = 0; j < TOP; j++) found += ids[i / TOP * TOP + j] == expected[i];
  }
  return (double)found / (USERS * TOP);
}

typedef struct ranking {
  int32_t ids[USERS * TOP];
  float scores[USERS * TOP];
} ranking;

/* One call per user, as in the timed calls. */
static int rank_users(const scoring *s, ranking *r) {
  size_t found;
  for (size_t u = 0; u < USERS; u++) {
    if (s3rec_score_next(s->scorer, s->histories + u * HISTORY, HISTORY, NULL, TOP,
                         r->ids + u * TOP, r->scores + u * TOP, &found) != S3REC_OK) {
      return bench_fail("score");
    }
  }
  return 0;
}

/* The time of a scan, compared with reading its table once. */
static int measure_scan(const bench_settings *settings, scoring *s, s3rec_scan scan,
                        const ranking *expected, double *times) {
  static ranking actual;
  const double begin = bench_clock();
  if (scoring_set_scan(s, scan) != 0) return 1;
  const double create_seconds = bench_clock() - begin;
  if (rank_users(s, &actual) != 0) return 1;
  const size_t count = time_calls(s, settings->seconds / 4, times);
  if (count == 0) return bench_fail("score");
  const double bytes = (double)(s->config.item_size - 2) *
                       (scans[scan].bytes * s->config.hidden_size + scans[scan].more);
  const double read_us = bench_read_seconds((size_t)bytes) * 1e6;
  report_begin(settings, "score_scan");
  report_text(settings, "scan", scans[scan].name);
  report_times(settings, s, times, count);
  report_number(settings, "table_mb", bytes * 1e-6);
  report_number(settings, "read_us", read_us);
  report_number(settings, "read_gb_per_s", bytes * 1e-3 / read_us);
  report_number(settings, "ratio", bench_median(times, count) / read_us);
  report_number(settings, "recall_at_20", recall(actual.ids, expected->ids));
  report_number(settings, "same_scores",
                memcmp(actual.scores, expected->scores, sizeof actual.scores) == 0);
  report_number(settings, "create_ms", create_seconds * 1e3);
  report_end(settings);
  return 0;
}

static int measure_scans(const bench_settings *settings, scoring *s, double *times) {
  static ranking expected;
  if (scoring_set_scan(s, S3REC_SCAN_F32) != 0 || rank_users(s, &expected) != 0) return 1;
  for (int scan = S3REC_SCAN_F32; scan <= S3REC_SCAN_INT8; scan++) {
    if (measure_scan(settings, s, (s3rec_scan)scan, &expected, times) != 0) return 1;
  }
  return 0;
}

static int measure_default(const bench_settings *settings, const scoring *s, double *times) {
  const size_t count = time_calls(s, settings->seconds, times);
  if (count == 0) return bench_fail("score");
  report_begin(settings, "score");
  report_times(settings, s, times, count);
  report_number(settings, "scorer_mb", (double)s3rec_scorer_memory(s->scorer) * 1e-6);
  report_number(settings, "model_mb", (double)s3rec_model_memory(s->work.model) * 1e-6);
  report_number(settings, "peak_rss_mb", bench_peak_rss());
  report_end(settings);
  return 0;
}

enum { DENIED = 1000 };

/* The same user by a scorer, by a recommender, and by both without DENIED items, in turn. */
typedef struct front_door {
  s3rec_recommender *recommender;
  s3rec_filter *filter;
  int32_t denied[DENIED];
} front_door;

static int front_door_create(const scoring *s, front_door *door) {
  s3rec_filter_options options;
  for (int32_t i = 0; i < DENIED; i++) {
    door->denied[i] = 1 + (int32_t)((int64_t)i * (s->config.item_size - 2) / DENIED);
  }
  s3rec_filter_options_init(&options);
  options.denied = door->denied;
  options.denied_count = DENIED;
  if (s3rec_recommender_create(s->work.model, NULL, &door->recommender) == S3REC_OK &&
      s3rec_filter_create(door->recommender, &options, &door->filter) == S3REC_OK)
    return 0;
  return bench_fail("recommender");
}

/* Microseconds of call `way`; below 0 when it failed. */
static double time_question(const scoring *s, const front_door *door, int way,
                            const int32_t *history) {
  int32_t ids[TOP];
  float scores[TOP];
  size_t found;
  s3rec_score_options options;
  s3rec_score_options_init(&options);
  options.excluded = door->denied;
  options.excluded_count = way == 2 ? DENIED : 0;
  const double begin = bench_clock();
  const s3rec_status status =
      way % 2 == 0 ? s3rec_score_next(s->scorer, history, HISTORY, &options, TOP, ids, scores,
                                      &found)
                   : s3rec_recommend(door->recommender, history, HISTORY,
                                     way == 3 ? door->filter : NULL, TOP, ids, scores, &found);
  return status == S3REC_OK ? (bench_clock() - begin) * 1e6 : -1;
}

static int measure_front_door(const bench_settings *settings, const scoring *s, double *times) {
  static const char *const names[] = {"score_us_p50", "recommend_us_p50", "excluded_us_p50",
                                      "filtered_us_p50"};
  enum { WAYS = 4, CALLS = MOST_CALLS / WAYS };
  front_door door = {.recommender = NULL};
  size_t count = 0;
  int result = front_door_create(s, &door);
  double spent = 0;
  for (size_t call = 0; result == 0 && count < CALLS &&
                        (spent < settings->seconds * 1e6 || count < LEAST_CALLS); call++) {
    const int32_t *history = s->histories + call % USERS * HISTORY;
    for (size_t turn = 0; turn < WAYS && result == 0; turn++) {
      const int way = (int)((call + turn) % WAYS); /* the first one meets a new history */
      const double took = time_question(s, &door, way, history);
      if (took < 0) result = bench_fail("recommend");
      spent += took;
      times[(size_t)way * CALLS + count] = took;
    }
    count += call >= LEAST_CALLS / 2; /* the first ones warm up */
  }
  if (result == 0) {
    double medians[WAYS];
    report_begin(settings, "recommend");
    report_set_up(settings, s->work.context);
    report_number(settings, "items", s->config.item_size - 2);
    report_number(settings, "denied", DENIED);
    report_number(settings, "calls", (double)count);
    for (int way = 0; way < WAYS; way++) {
      medians[way] = bench_median(times + (size_t)way * CALLS, count);
      report_number(settings, names[way], medians[way]);
    }
    report_number(settings, "overhead_ns", (medians[1] - medians[0]) * 1e3);
    report_number(settings, "filter_overhead_ns", (medians[3] - medians[2]) * 1e3);
    report_end(settings);
  }
  s3rec_filter_destroy(door.filter);
  s3rec_recommender_destroy(door.recommender);
  return result;
}

int bench_score(const bench_settings *settings) {
  scoring s;
  bench_settings large = *settings;
  double *times = malloc(sizeof *times * MOST_CALLS);
  int result = times == NULL || scoring_create(settings, &s) != 0;
  if (result == 0) {
    result = measure_default(settings, &s, times) ||
             measure_front_door(settings, &s, times) || measure_scans(settings, &s, times);
    scoring_destroy(&s);
  }
  /* With --items only this catalogue is measured. */
  if (result == 0 && settings->items == 0) {
    large.data = large.name = NULL;
    large.items = LARGE_CATALOGUE;
    result = scoring_create(&large, &s);
    if (result == 0) {
      result = measure_scans(&large, &s, times);
      scoring_destroy(&s);
    }
  }
  free(times);
  return result;
}
