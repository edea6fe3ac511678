/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products as training, evaluation and many users' scores need them: the library's own
 * kernel beside oneDNN's sgemm on the same memory. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "kernels/kernels.h"

typedef struct product_case {
  const char *name;
  s3_product_form form;
  size_t m, n, k;
  bool add;
} product_case;

/* A linear layer [rows, in] x [out, in]: forward, gradient of its input, of its weights. */
#define LAYER(rows, in, out)                                                               \
  {"forward_" #rows "x" #in "x" #out, S3_PRODUCT_NT, rows, out, in, false},                \
      {"backward_data_" #rows "x" #in "x" #out, S3_PRODUCT_NN, rows, in, out, false},      \
      {"backward_weights_" #rows "x" #in "x" #out, S3_PRODUCT_TN, out, in, rows, true}
#define LAYERS(rows) \
  LAYER(rows, 64, 192), LAYER(rows, 64, 64), LAYER(rows, 64, 256), LAYER(rows, 256, 64)

/* A shard's tokens, and those of the last layer; the tokens of a batch; many. */
static const product_case cases[] = {
    LAYERS(12),
    LAYERS(90),
    LAYERS(715),
    LAYERS(3000),
    LAYER(715, 64, 638),
    /* tiles of the full softmax, of evaluation and of recommendations to many users */
    {"logits_256x256", S3_PRODUCT_NT, 256, 256, 64, false},
    {"logits_diff_x", S3_PRODUCT_NN, 256, 64, 256, true},
    {"logits_diff_items", S3_PRODUCT_TN, 256, 64, 256, true},
    {"evaluation_1024x64", S3_PRODUCT_NT, 1024, 64, 64, false},
    {"scores_2048x64", S3_PRODUCT_NT, 2048, 64, 64, false},
};
enum { CASES = sizeof cases / sizeof *cases, FLOATS = 3000 * 638 };

typedef struct product_memory {
  const s3_kernels *kernels;
  float *a, *b, *c, *scratch; /* [FLOATS] each */
} product_memory;

static size_t lda_of(const product_case *p) { return p->form == S3_PRODUCT_TN ? p->m : p->k; }
static size_t ldb_of(const product_case *p) { return p->form == S3_PRODUCT_NT ? p->k : p->n; }

static void run_sgemm(const product_case *p, const product_memory *m) {
  bench_sgemm(p->form == S3_PRODUCT_TN, p->form == S3_PRODUCT_NT, p->m, p->n, p->k, m->a,
              lda_of(p), m->b, ldb_of(p), p->add, m->c, p->n);
}

static void run_kernel(const product_case *p, const product_memory *m) {
  m->kernels->product(p->form, p->m, p->n, p->k, m->a, lda_of(p), m->b, ldb_of(p), p->add, m->c,
                      p->n, m->scratch);
}

/* Microseconds per call. */
static double time_calls(const product_case *p, const product_memory *m,
                         void (*run)(const product_case *, const product_memory *),
                         double seconds) {
  size_t runs = 0;
  double spent;
  run(p, m);
  const double begin = bench_thread_clock();
  do {
    run(p, m);
    runs++;
    spent = bench_thread_clock() - begin;
  } while (spent < seconds);
  return spent * 1e6 / (double)runs;
}

static void report_case(const bench_settings *settings, const product_case *p,
                        const product_memory *m, double seconds) {
  double times[BENCH_WINDOWS], ratios[BENCH_WINDOWS];
  char key[64];
  for (size_t w = 0; w < BENCH_WINDOWS; w++) {
    const double sgemm = time_calls(p, m, run_sgemm, seconds);
    times[w] = time_calls(p, m, run_kernel, seconds);
    ratios[w] = sgemm / times[w];
  }
  snprintf(key, sizeof key, "product_%s_us", p->name);
  report_number(settings, key, bench_median(times, BENCH_WINDOWS));
  snprintf(key, sizeof key, "product_%s_over_sgemm", p->name);
  report_number(settings, key, bench_median(ratios, BENCH_WINDOWS));
}

int bench_product(const bench_settings *settings) {
  product_memory m = {.kernels = s3_kernels_get(settings->kernel_level)};
  float **const all[] = {&m.a, &m.b, &m.c, &m.scratch};
  int status = 0;
  for (size_t i = 0; i < 4; i++) {
    *all[i] = aligned_alloc(64, FLOATS * sizeof(float));
    if (*all[i] == NULL) status = 1;
    for (size_t j = 0; status == 0 && j < FLOATS; j++)
      (*all[i])[j] = (float)((j * 37 + i) % 1001) * 1e-3f - 0.5f;
  }
  if (status != 0) fprintf(stderr, "s3rec-bench: no memory\n");
  const double seconds = fmin(2e-3, settings->seconds / (2 * CASES * BENCH_WINDOWS));
  for (size_t i = 0; status == 0 && i < CASES; i++) report_case(settings, &cases[i], &m, seconds);
  for (size_t i = 0; i < 4; i++) free(*all[i]);
  return status;
}
