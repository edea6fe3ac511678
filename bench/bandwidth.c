/* SPDX-License-Identifier: Apache-2.0 */
/* Only reads memory: the least time of anything that reads a table once. */
#include <stdlib.h>

#include "bench.h"

enum { LANES = 16, STREAMS = 8, PASSES = 501 };
typedef float vector __attribute__((vector_size(LANES * sizeof(float))));

/* Eight sums, so that additions do not wait for each other. */
static inline __attribute__((always_inline)) void sum(const vector *values, size_t count,
                                                      vector *result) {
  vector sums[STREAMS] = {{0}};
  for (size_t i = 0; i < count; i += STREAMS) {
    for (size_t s = 0; s < STREAMS; s++) sums[s] += values[i + s];
  }
  for (size_t s = 1; s < STREAMS; s++) sums[0] += sums[s];
  *result = sums[0];
}

static void sum_plain(const vector *values, size_t count, vector *result) {
  sum(values, count, result);
}

/* In the cache, the narrow vectors of the baseline reach less than half of the rate. */
#if defined(__x86_64__)
__attribute__((target("avx2"))) static void sum_avx2(const vector *values, size_t count,
                                                     vector *result) {
  sum(values, count, result);
}

__attribute__((target("avx512f"))) static void sum_avx512(const vector *values, size_t count,
                                                          vector *result) {
  sum(values, count, result);
}
#endif

typedef void (*sum_function)(const vector *values, size_t count, vector *result);

static sum_function widest_sum(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return sum_avx512;
  if (__builtin_cpu_supports("avx2")) return sum_avx2;
#endif
  return sum_plain;
}

double bench_read_seconds(size_t bytes) {
  const size_t block = STREAMS * sizeof(vector), blocks = (bytes + block - 1) / block;
  static volatile float sink; /* without it the compiler removes the sums */
  double seconds[PASSES], spent = 0;
  const sum_function run = widest_sum();
  size_t passes = 0;
  vector result, *values = aligned_alloc(block, blocks * block);
  if (values == NULL) return 0;
  for (size_t i = 0; i < blocks * STREAMS; i++) values[i] = (vector){(float)(i % 7)};
  run(values, blocks * STREAMS, &result);
  while (passes < PASSES && (passes < 5 || spent < 0.2)) {
    const double begin = bench_thread_clock();
    run(values, blocks * STREAMS, &result);
    seconds[passes] = bench_thread_clock() - begin;
    spent += seconds[passes++];
    sink = result[0];
  }
  (void)sink;
  free(values);
  return bench_median(seconds, passes);
}
