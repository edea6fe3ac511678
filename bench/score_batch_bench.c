/* SPDX-License-Identifier: Apache-2.0 */
/* Recommendations for many users in one call, with one thread: users per second, compared with the
 * rate of the product of all items and users alone. */
#include <stdlib.h>

#include "scoring.h"

enum { USERS = SCORING_USERS, TOP = SCORING_TOP };

/* The scores alone, [items, H] x [H, users]: seconds, or 0 on failure. */
static double product_seconds(const scoring *s, const float *items, const float *users,
                              float *scores) {
  enum { ROWS = 2048 }; /* so that scores stay in the cache, as in a scorer */
  const size_t h = (size_t)s->config.hidden_size, count = (size_t)s->config.item_size;
  const double begin = bench_clock();
  bool good = true;
  for (size_t row = 0; row < count; row += ROWS) {
    const size_t rows = count - row < ROWS ? count - row : ROWS;
    good = bench_sgemm(false, true, rows, USERS, h, items + row * h, h, users, h, false, scores,
                       USERS) &&
           good;
  }
  const double seconds = bench_clock() - begin;
  return good ? seconds : 0;
}

/* Seconds of one call, or 0 on failure. */
static double score_users(const scoring *s) {
  static int32_t ids[USERS * TOP];
  static float scores[USERS * TOP];
  static size_t counts[USERS];
  const double begin = bench_clock();
  const s3rec_status status = s3rec_score_next_batch(s->scorer, s->histories, s->offsets, USERS,
                                                     NULL, TOP, ids, scores, counts);
  return status == S3REC_OK ? bench_clock() - begin : 0;
}

static int measure_batches(const bench_settings *settings, scoring *s, float *items, float *users,
                           float *tile) {
  double rates[BENCH_WINDOWS], floors[BENCH_WINDOWS], shares[BENCH_WINDOWS];
  const size_t values = (size_t)s->config.item_size * (size_t)s->config.hidden_size;
  if (s3rec_model_parameter_read(s->work.model, "item_embeddings.weight", items, values) !=
      S3REC_OK) {
    return bench_fail("score-batch");
  }
  if (score_users(s) == 0) return bench_fail("score-batch"); /* warms up */
  for (size_t w = 0; w < BENCH_WINDOWS; w++) {
    double spent = 0, floor = 0;
    size_t calls = 0;
    while (calls == 0 || spent < settings->seconds / (2 * BENCH_WINDOWS)) {
      const double seconds = score_users(s);
      if (seconds == 0) return bench_fail("score-batch");
      spent += seconds;
      calls++;
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
