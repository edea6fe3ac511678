/* SPDX-License-Identifier: Apache-2.0 */
#include "backend_fixture.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnnl/engine.h"

static s3_random test_random = {20200707, 0};
static char where_backend[64], where_case[256];
static void *blocks[4096];
static size_t block_count;

static const char *const level_names[] = {"auto", "baseline", "avx2", "avx512"};

static void *keep_block(size_t bytes) {
  CHECK(block_count < sizeof blocks / sizeof blocks[0], "arrays_free is missing");
  void *block = malloc(bytes == 0 ? 1 : bytes);
  CHECK(block != NULL, "no memory");
  blocks[block_count++] = block;
  return block;
}

void arrays_free(void) {
  while (block_count > 0) free(blocks[--block_count]);
}

uint32_t random_below(uint32_t bound) { return s3_random_below(&test_random, bound); }

array array_constant(size_t count, float value) {
  array a = {count, keep_block(count * sizeof(float)), keep_block(count * sizeof(double))};
  for (size_t i = 0; i < count; i++) a.expected[i] = a.actual[i] = value;
  return a;
}

array array_random(size_t count, double magnitude) {
  array a = array_constant(count, 0.0f);
  for (size_t i = 0; i < count; i++) {
    a.actual[i] = (float)(magnitude * s3_random_normal(&test_random));
    a.expected[i] = a.actual[i];
  }
  return a;
}

array array_copy(array source) {
  array a = array_constant(source.count, 0.0f);
  memcpy(a.actual, source.actual, source.count * sizeof(float));
  memcpy(a.expected, source.expected, source.count * sizeof(double));
  return a;
}

s3_row_dropout row_dropout(double p, size_t rows) {
  uint32_t *tokens = keep_block(rows * sizeof *tokens);
  for (size_t r = 0; r < rows; r++) {
    tokens[r] = r % 3 == 0 ? (uint32_t)r : r % 3 == 1 ? random_below(100000) : ~(uint32_t)r;
  }
  return (s3_row_dropout){s3_dropout_make(p, 7, 11, S3_SITE_EMBEDDING), tokens};
}

void test_at(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(where_case, sizeof where_case, format, arguments);
  va_end(arguments);
}

static void check_one(const char *what, array a, size_t i, double limit) {
  const double difference = fabs(a.actual[i] - a.expected[i]);
  CHECK(difference <= limit, "%s, %s: %s[%zu] is %.9g, expected %.9g, off by %.3g, limit %.3g",
        where_backend, where_case, what, i, a.actual[i], a.expected[i], difference, limit);
}

void array_check(const char *what, array a, size_t width, double tolerance, double floor) {
  double largest = 0.0;
  for (size_t i = 0; i < a.count; i++) {
    if (i % width == 0) {
      largest = 0.0;
      for (size_t c = 0; c < width; c++) largest = fmax(largest, fabs(a.expected[i + c]));
    }
    check_one(what, a, i, tolerance * (largest + floor));
  }
}

void array_check_bound(const char *what, array a, const double *bound, double tolerance) {
  for (size_t i = 0; i < a.count; i++) check_one(what, a, i, tolerance * bound[i]);
}

/* NULL and a line on the terminal when this machine or build lacks the level. */
static s3rec_context *open_context(s3rec_backend backend, s3rec_kernel_level level) {
  s3rec_context_options options;
  s3rec_context_options_init(&options);
  options.backend = backend;
  options.kernel_level = level;
  s3rec_context *context = NULL;
  const s3rec_status status = s3rec_context_create(&options, &context);
  snprintf(where_backend, sizeof where_backend, "%s %s",
           backend == S3REC_BACKEND_ONEDNN ? "onednn" : "fused", level_names[level]);
  if (status == S3REC_ERROR_UNSUPPORTED) {
    char reason[128];
    snprintf(reason, sizeof reason, "kernel level %s is not available", level_names[level]);
    test_skip_case(reason);
    return NULL;
  }
  CHECK_OK(status);
  return context;
}

static void check_backend(s3rec_backend kind, s3rec_kernel_level level,
                          void (*check)(s3_backend *backend)) {
  s3rec_context *context = open_context(kind, level);
  if (context == NULL) return;
  s3_backend *backend = NULL;
  CHECK_OK(s3_backend_create(context, &backend));
  check(backend);
  s3_backend_destroy(backend);
  s3rec_context_destroy(context);
}

void for_each_backend(void (*check)(s3_backend *backend)) {
  for (int level = S3REC_KERNELS_BASELINE; level <= S3REC_KERNELS_AVX512; level++) {
    check_backend(S3REC_BACKEND_FUSED, (s3rec_kernel_level)level, check);
  }
  check_backend(S3REC_BACKEND_ONEDNN, S3REC_KERNELS_AUTO, check);
}

void for_each_level(void (*check)(const s3_kernels *kernels)) {
  for (int level = S3REC_KERNELS_BASELINE; level <= S3REC_KERNELS_AVX512; level++) {
    s3rec_context *context = open_context(S3REC_BACKEND_FUSED, (s3rec_kernel_level)level);
    if (context == NULL) continue;
    check(context->kernels);
    s3rec_context_destroy(context);
  }
}

struct allocations allocations;

static void *allocate_counted(size_t size, size_t alignment, void *user_data) {
  (void)user_data;
  if (++allocations.calls == allocations.fail_at) return NULL;
  void *memory = NULL;
  if (posix_memalign(&memory, alignment, size) != 0) return NULL;
  allocations.live++;
  return memory;
}

static void deallocate_counted(void *memory, size_t size, void *user_data) {
  (void)size;
  (void)user_data;
  free(memory);
  allocations.live--;
}

s3rec_status open_counted_context(s3rec_backend kind, s3rec_context **context) {
  s3rec_context_options options;
  s3rec_context_options_init(&options);
  options.allocate = allocate_counted;
  options.deallocate = deallocate_counted;
  options.backend = kind;
  return s3rec_context_create(&options, context);
}
