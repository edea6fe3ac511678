/* SPDX-License-Identifier: Apache-2.0 */
/* Code that the benchmarks share: settings, results, clock, workload, floor. */
#ifndef S3_BENCH_BENCH_H
#define S3_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "s3rec/s3rec.h"

typedef struct bench_settings {
  int32_t thread_count, shard_count, batch_size; /* batch_size 0: the stage's default */
  s3rec_backend backend;
  s3rec_kernel_level kernel_level;
  double seconds; /* about the time of one measurement */
  size_t steps;   /* > 0: this number of timed steps instead */
  const char *data, *name; /* folder and data set; NULL: synthetic */
  int32_t items;           /* of the synthetic catalogue; 0: the benchmark's default */
  int32_t shortest;        /* smallest number of training items of a synthetic user, at most 50 */
  bool json;
} bench_settings;

typedef int (*bench_function)(const bench_settings *settings); /* 0 = done */
int bench_matmul(const bench_settings *settings);
int bench_pretrain(const bench_settings *settings);
int bench_finetune(const bench_settings *settings);
int bench_score(const bench_settings *settings);
int bench_score_batch(const bench_settings *settings);
int bench_kernels(const bench_settings *settings);
/* Parts of the result of bench_kernels. */
int bench_linear(const bench_settings *settings);
int bench_product(const bench_settings *settings);
int bench_load(const bench_settings *settings);
int bench_memory(const bench_settings *settings);
int bench_growth(const bench_settings *settings);

/* Medians of a measurement of training steps; fine-tuning uses the full softmax. */
typedef struct step_figures {
  double tokens, step_ms, floor_ms, ratio;
} step_figures;
int bench_steps(const bench_settings *settings, s3rec_stage stage, step_figures *figures);

/* Prints `what` and the library's last error, and returns 1. */
int bench_fail(const char *what);

/* Seconds of a clock that never goes back. */
double bench_clock(void);
/* Processor time of this thread in seconds, without waiting and without other processes. */
double bench_thread_clock(void);
/* Seconds of processor time in which one thread reads a buffer of this many bytes, from the cache
 * if it fits: the median of vectorised sums over it. 0 if memory is short. */
double bench_read_seconds(size_t bytes);
/* Largest resident set so far, in MB (10^6 bytes). */
double bench_peak_rss(void);

/* One result: for people one line per value, for programs one JSON object per result. Keys end in
 * their unit. */
void report_begin(const bench_settings *settings, const char *benchmark);
void report_text(const bench_settings *settings, const char *key, const char *value);
void report_number(const bench_settings *settings, const char *key, double value);
/* KEY_median, KEY_min and KEY_max; sorts the values. */
void report_spread(const bench_settings *settings, const char *key, double *values,
                   size_t count);
/* Threads, backend, kernel level, data of a result. */
void report_set_up(const bench_settings *settings, const s3rec_context *context);
void report_end(const bench_settings *settings);
double bench_median(double *values, size_t count);

enum { BENCH_WINDOWS = 11 };

/* Context, data and default model of the run; zero before and after. */
typedef struct bench_workload {
  s3rec_context *context;
  s3rec_dataset *dataset;
  s3rec_model *model;
} bench_workload;
/* Number of items of the synthetic catalogue: the one of --items, else that of Beauty. */
int32_t workload_items(const bench_settings *settings);
int workload_create(const bench_settings *settings, bench_workload *workload);
void workload_destroy(bench_workload *workload);
/* 22,363 users whose training prefixes have Beauty's lengths (mean 7.15; 75 %
 * <= 8, 89 % <= 16, 97 % <= 32, longest 50), `items` items, 638 attributes,
 * 3.7 an item. No prefix is shorter than `shortest`, at most 50. */
s3rec_status workload_synthetic(s3rec_context *context, int32_t items, int32_t shortest,
                                s3rec_dataset **dataset);

/* Runs `function` in its own process, which sends its values back. The process is a fork, so its
 * resident set begins with the memory that this process has touched. */
enum { CHILD_VALUES = 8 };
typedef int (*child_function)(const bench_settings *settings, const char *path, double *values);
int bench_child(const bench_settings *settings, const char *path, child_function function,
                double *values);
/* Saves a model of the workload (default 1,000,000 items) in a new folder below
 * $TMPDIR; both buffers take PATH_MAX. */
enum { CHILD_CREATE, CHILD_CREATE_CPU, CHILD_SAVE, CHILD_ITEM_SIZE, CHILD_TABLE_BYTES };
int bench_model_file(const bench_settings *settings, char *folder, char *path, double *values);
void bench_model_file_remove(const char *folder, const char *path);
s3rec_status bench_open_model(const bench_settings *settings, const char *path, bool map,
                              s3rec_context **context, s3rec_model **model);

/* Floating-point operations of the matrix products of a step, by kind. */
typedef struct flop_count {
  double linear, attention, heads, logits;
} flop_count;
double flop_total(const flop_count *count);
/* Nothing is pruned: every token goes through every layer of every encode. Backward counts twice as
 * much as forward. */
flop_count flop_pretrain(const s3rec_model_config *config, const s3rec_batch *batch);
flop_count flop_finetune(const s3rec_model_config *config, const s3rec_batch *batch,
                         s3rec_finetune_loss loss);

/* oneDNN's sgemm on the calling thread, the yardstick of products: C [m, n] = op(A) op(B), or with
 * `add` C += op(A) op(B). False when it fails. */
bool bench_sgemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const float *a,
                 size_t lda, const float *b, size_t ldb, bool add, float *c, size_t ldc);

/* Rate of oneDNN's sgemm alone on the products of a step: every thread runs its own single-threaded
 * copy, all at once. softmax_items: number of items in the softmax of fine-tuning; 0: the products
 * of pretraining. */
typedef struct matmul_floor matmul_floor;
typedef struct matmul_shape {
  char name[32];
  size_t rows, in, out; /* of the forward product [rows, in] x [in, out] */
  double weight;        /* how often it occurs in a step */
  double rate;          /* FLOP/s of forward, diff_src and diff_weights together */
} matmul_shape;
matmul_floor *floor_create(const bench_settings *settings, const s3rec_model_config *config,
                           size_t rows, double softmax_items);
void floor_destroy(matmul_floor *floor);
/* Runs every shape for a few milliseconds; FLOP/s of the whole mix, 0 on failure. */
double floor_measure(matmul_floor *floor);
size_t floor_shape_count(const matmul_floor *floor);
const matmul_shape *floor_shape(const matmul_floor *floor, size_t index);

#endif
