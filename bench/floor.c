/* SPDX-License-Identifier: Apache-2.0 */
/* The isolated matmul rate: the time of a step if it consisted only of its matrix products, each at
 * the speed that it has in its own loop. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

enum { MAX_SHAPES = 8, MAX_THREADS = 256 };
/* Target time of one shape in one measurement. */
static const double shape_seconds = 4e-3;

typedef struct floor_worker {
  struct matmul_floor *floor;
  /* Reused for all shapes. Every thread has its own. */
  float *src, *weights, *dst, *diff_src, *diff_weights;
  double seconds[MAX_SHAPES]; /* of one forward + diff_src + diff_weights */
  bool good;
} floor_worker;

struct matmul_floor {
  size_t shape_count, thread_count;
  matmul_shape shapes[MAX_SHAPES];
  floor_worker workers[MAX_THREADS];
  pthread_barrier_t barrier;
};

static double products(const matmul_shape *shape) {
  return 3 * 2.0 * (double)shape->rows * (double)shape->in * (double)shape->out;
}

/* The three products of a linear layer; weight [out, in]. The result of forward is also used as the
 * gradient for backward. Weight gradients are added up, as in training. */
static bool run_shape(const matmul_shape *s, floor_worker *w) {
  return bench_sgemm(false, true, s->rows, s->out, s->in, w->src, s->in, w->weights, s->in, false,
                     w->dst, s->out) &&
         bench_sgemm(false, false, s->rows, s->in, s->out, w->dst, s->out, w->weights, s->in,
                     false, w->diff_src, s->in) &&
         bench_sgemm(true, false, s->out, s->in, s->rows, w->dst, s->out, w->src, s->in, true,
                     w->diff_weights, s->in);
}

static void *run_worker(void *argument) {
  floor_worker *worker = argument;
  matmul_floor *floor = worker->floor;
  worker->good = true;
  for (size_t i = 0; i < floor->shape_count; i++) {
    const matmul_shape *shape = &floor->shapes[i];
    double begin, spent;
    size_t runs = 0;
    pthread_barrier_wait(&floor->barrier);
    worker->good = run_shape(shape, worker) && worker->good;
    begin = bench_clock();
    do {
      worker->good = run_shape(shape, worker) && worker->good;
      runs++;
      spent = bench_clock() - begin;
    } while (spent < shape_seconds);
    worker->seconds[i] = spent / (double)runs;
  }
  return NULL;
}

static void add_shape(matmul_floor *floor, const char *name, size_t rows, size_t in, size_t out,
                      double weight) {
  matmul_shape *shape = &floor->shapes[floor->shape_count++];
  *shape = (matmul_shape){"", rows, in, out, weight, 0};
  snprintf(shape->name, sizeof shape->name, "%s", name);
}

static bool fill(float **values, size_t count, float value) {
  *values = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
  if (*values == NULL) return false;
  for (size_t i = 0; i < count; i++) (*values)[i] = value;
  return true;
}

matmul_floor *floor_create(const bench_settings *settings, const s3rec_model_config *config,
                           size_t rows, double softmax_items) {
  const size_t h = (size_t)config->hidden_size;
  const double layers = config->num_hidden_layers * (softmax_items > 0 ? 1 : 4);
  matmul_floor *floor = calloc(1, sizeof *floor);
  size_t src = 0, weights = 0, dst = 0;
  if (floor == NULL) return NULL;
  floor->thread_count = (size_t)settings->thread_count;
  add_shape(floor, "query_key_value", rows, h, 3 * h, layers);
  add_shape(floor, "dense", rows, h, h, layers);
  add_shape(floor, "dense_1", rows, h, 4 * h, layers);
  add_shape(floor, "dense_2", rows, 4 * h, h, layers);
  if (softmax_items > 0) {
    /* The rows of a tile of logits, as cross-entropy computes them. */
    add_shape(floor, "logits", rows, h, 2048, softmax_items / 2048);
  } else {
    add_shape(floor, "attributes", rows, h, (size_t)config->attribute_size, 1);
  }
  for (size_t i = 0; i < floor->shape_count; i++) {
    const matmul_shape *s = &floor->shapes[i];
    if (s->rows * s->in > src) src = s->rows * s->in;
    if (s->in * s->out > weights) weights = s->in * s->out;
    if (s->rows * s->out > dst) dst = s->rows * s->out;
  }
  bool good = pthread_barrier_init(&floor->barrier, NULL, (unsigned)floor->thread_count) == 0;
  for (size_t t = 0; good && t < floor->thread_count; t++) {
    floor_worker *w = &floor->workers[t];
    w->floor = floor;
    good = fill(&w->src, src, 0.5f) && fill(&w->weights, weights, 0.01f) &&
           fill(&w->dst, dst, 0) && fill(&w->diff_src, src, 0) &&
           fill(&w->diff_weights, weights, 0);
  }
  if (good) return floor;
  floor_destroy(floor);
  return NULL;
}

void floor_destroy(matmul_floor *floor) {
  if (floor == NULL) return;
  for (size_t t = 0; t < floor->thread_count; t++) {
    free(floor->workers[t].src);
    free(floor->workers[t].weights);
    free(floor->workers[t].dst);
    free(floor->workers[t].diff_src);
    free(floor->workers[t].diff_weights);
  }
  pthread_barrier_destroy(&floor->barrier);
  free(floor);
}

double floor_measure(matmul_floor *floor) {
  pthread_t threads[MAX_THREADS];
  double flops = 0, seconds = 0;
  for (size_t t = 1; t < floor->thread_count; t++) {
    if (pthread_create(&threads[t], NULL, run_worker, &floor->workers[t]) != 0) {
      fprintf(stderr, "s3rec-bench: no thread %zu of %zu\n", t, floor->thread_count);
      exit(1); /* the started threads wait at the barrier forever */
    }
  }
  run_worker(&floor->workers[0]);
  for (size_t t = 1; t < floor->thread_count; t++) pthread_join(threads[t], NULL);
  for (size_t i = 0; i < floor->shape_count; i++) {
    matmul_shape *shape = &floor->shapes[i];
    shape->rate = 0;
    for (size_t t = 0; t < floor->thread_count; t++) {
      if (!floor->workers[t].good) return 0;
      shape->rate += products(shape) / floor->workers[t].seconds[i];
    }
    flops += shape->weight * products(shape);
    seconds += shape->weight * products(shape) / shape->rate;
  }
  return flops / seconds;
}

size_t floor_shape_count(const matmul_floor *floor) { return floor->shape_count; }

const matmul_shape *floor_shape(const matmul_floor *floor, size_t index) {
  return &floor->shapes[index];
}
