/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "bench.h"

/* The rates from which the floors are computed, shape by shape. */
int bench_matmul(const bench_settings *settings) {
  s3rec_model_config config;
  double rates[BENCH_WINDOWS];
  double shape_rates[8][BENCH_WINDOWS];
  s3rec_model_config_init(&config);
  config.item_size = workload_items(settings) + 2;
  config.attribute_size = 638;
  matmul_floor *floor = floor_create(settings, &config, 715, 0);
  if (floor == NULL) return bench_fail("floor");
  for (size_t w = 0; w < BENCH_WINDOWS; w++) {
    rates[w] = floor_measure(floor) * 1e-9;
    if (rates[w] == 0) {
      floor_destroy(floor);
      return bench_fail("matmul");
    }
    for (size_t i = 0; i < floor_shape_count(floor); i++) {
      shape_rates[i][w] = floor_shape(floor, i)->rate * 1e-9;
    }
  }
  report_begin(settings, "matmul");
  report_number(settings, "threads", settings->thread_count);
  report_number(settings, "rows", 715);
  for (size_t i = 0; i < floor_shape_count(floor); i++) {
    char key[64];
    snprintf(key, sizeof key, "%s_gflops", floor_shape(floor, i)->name);
    report_number(settings, key, bench_median(shape_rates[i], BENCH_WINDOWS));
  }
  report_spread(settings, "pretrain_mix_gflops", rates, BENCH_WINDOWS);
  report_end(settings);
  floor_destroy(floor);
  return 0;
}
