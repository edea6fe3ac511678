/* SPDX-License-Identifier: Apache-2.0 */
/* Compares each hand-written kernel at the chosen level with the same C compiled for the baseline.
 * A ratio near 1 shows that a kernel is no longer vectorised. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "kernels/kernels.h"

/* A training step of the default model: 4 encodes of about 715 tokens in 8
 * shards, or one matrix of it. */
enum { ROWS = 400, WIDTH = 64, WIDE = 256, COLUMNS = 638, LENGTH = 8, HEADS = 2 };
enum { FLOATS = ROWS * COLUMNS };

typedef struct kernel_case {
  const s3_kernels *k;
  float *a, *b, *c, *d, *e, *f, *g; /* [FLOATS] each */
  int32_t ids[ROWS], targets[ROWS * 4];
  uint32_t tokens[ROWS], indices[FLOATS];
  size_t offsets[ROWS / LENGTH + 1], kept[ROWS / LENGTH + 1], begin[ROWS], end[ROWS];
  s3_row_dropout dropout;
  s3_attention_shape shape;
} kernel_case;

static s3_norm_weights norm_weights(kernel_case *k) { return (s3_norm_weights){k->d, k->e}; }
static s3_norm_kept norm_kept(kernel_case *k) { return (s3_norm_kept){k->f, k->g}; }
static s3_norm_gradients norm_gradients(kernel_case *k) {
  return (s3_norm_gradients){k->g + 2 * ROWS, k->g + 2 * ROWS + WIDTH};
}

static void bias_forward(kernel_case *k) { k->k->bias_forward(ROWS, WIDE, k->d, k->a); }
static void bias_backward(kernel_case *k) { k->k->bias_backward(ROWS, WIDE, k->a, k->d); }
static void gelu(kernel_case *k) {
  k->k->activation_forward(S3REC_GELU, true, ROWS, WIDE, k->a, k->d, k->b);
}
static void relu(kernel_case *k) {
  k->k->activation_forward(S3REC_RELU, true, ROWS, WIDE, k->a, k->d, k->b);
}
static void swish(kernel_case *k) {
  k->k->activation_forward(S3REC_SWISH, true, ROWS, WIDE, k->a, k->d, k->b);
}
static void activation_backward(kernel_case *k) {
  k->k->activation_backward(ROWS, WIDE, k->a, k->b, k->c, k->d);
}
static void embedding_forward(kernel_case *k) {
  k->k->embedding_forward(ROWS, WIDTH, k->a, k->ids, k->b, k->ids, norm_weights(k), &k->dropout,
                          norm_kept(k), k->c);
}
static void embedding_backward(kernel_case *k) {
  k->k->embedding_backward(ROWS, WIDTH, norm_weights(k), &k->dropout, norm_kept(k), k->a,
                           norm_gradients(k), k->c);
}
static void add_norm_forward(kernel_case *k) {
  k->k->add_norm_forward(ROWS, WIDTH, k->a, k->d, k->b, norm_weights(k), &k->dropout,
                         norm_kept(k), k->c);
}
static void add_norm_backward(kernel_case *k) {
  k->k->add_norm_backward(ROWS, WIDTH, norm_weights(k), &k->dropout, norm_kept(k), k->a,
                          norm_gradients(k), k->g + 2 * ROWS + 2 * WIDTH, k->b, k->c);
}
static s3_attention_input projections(kernel_case *k) {
  return (s3_attention_input){k->a, k->a + WIDTH, k->a + 2 * WIDTH, 3 * WIDTH, 3 * WIDTH};
}
static void attention_forward(kernel_case *k) {
  k->k->attention_forward(&k->shape, projections(k), k->g, k->f, k->b);
}
static void attention_backward(kernel_case *k) {
  const s3_attention_diff diff = {k->c, k->c + WIDTH, k->c + 2 * WIDTH};
  k->k->attention_backward(&k->shape, projections(k), k->g, k->f, k->b, diff);
}
static void sigmoid_cross_entropy(kernel_case *k) {
  k->k->sigmoid_cross_entropy(ROWS, COLUMNS, k->a, k->begin, k->end, k->targets, 1);
}
static void softmax_accumulate(kernel_case *k) {
  k->k->softmax_accumulate(ROWS, COLUMNS, k->a, k->b, k->c);
}
static void softmax_gradient(kernel_case *k) {
  k->k->softmax_gradient(ROWS, COLUMNS, k->a, k->d, k->c);
}
static void scale_rows(kernel_case *k) { k->k->scale_rows(ROWS, COLUMNS, k->a, k->c); }
static void matrix_vector(kernel_case *k) {
  k->k->matrix_vector(FLOATS / WIDTH, WIDTH, k->a, k->b, k->c);
}
static void select_above(kernel_case *k) { k->k->select_above(FLOATS, k->a, 0.999f, k->indices); }
static void gathered_products(kernel_case *k) {
  k->k->gathered_products(ROWS, WIDTH, k->a, k->ids, k->b, k->c);
}
static void select_rows(kernel_case *k) {
  k->k->select_rows(FLOATS / WIDTH, WIDTH, k->a, k->e, k->indices);
}
static void group_maxima(kernel_case *k) {
  k->k->group_maxima(FLOATS / S3_GROUP_VALUES, k->a, k->b);
}
static void index_of_largest(kernel_case *k) {
  k->indices[0] = (uint32_t)k->k->index_of_largest(FLOATS / 16 * 16, k->a);
}
/* Compact tables of FLOATS weights; any bits will do. */
enum { BLOCKS = FLOATS / WIDTH / S3_BLOCK_ITEMS, COMPACT = BLOCKS * S3_BLOCK_ITEMS };
static void int8_quantize(kernel_case *k) {
  float magnitude = 0, residual = 0;
  k->k->int8_quantize(COMPACT, WIDTH, k->a, (uint8_t *)k->b, k->c, &magnitude, &residual);
}
static void bf16_quantize(kernel_case *k) {
  k->k->bf16_quantize(COMPACT, WIDTH, k->a, (uint32_t *)k->b);
}
static void int8_bounds(kernel_case *k) {
  const s3_bound_user user = {.bytes = (const int8_t *)k->a, .scale = 1, .slack = 1};
  k->k->int8_bounds(BLOCKS, WIDTH / 4, (const uint8_t *)k->b, k->c, 1, &user, COMPACT, k->d);
}
static void bf16_bounds(kernel_case *k) {
  const s3_bound_user user = {.vector = k->a, .slack = 1};
  k->k->bf16_bounds(BLOCKS, WIDTH / 2, (const uint32_t *)k->b, 1, &user, COMPACT, k->d);
}
static void add(kernel_case *k) { k->k->add(FLOATS, k->e, k->b); }
static void normal(kernel_case *k) { k->k->normal(FLOATS, 0.02, 1, k->g); }
static void square_sum(kernel_case *k) { k->k->square_sum(FLOATS, k->a); }
static void adam(kernel_case *k) {
  const s3_adam_step step = {1e-3f, 0.999f, 1e-8f, 0, 0.1f, 0.001f, 1, 1, 1, 1};
  k->k->adam(FLOATS, &step, k->a, k->b, k->c, k->d);
}

static const struct {
  const char *name;
  void (*run)(kernel_case *);
  size_t elements;
} cases[] = {
    {"bias_forward", bias_forward, ROWS * WIDE},
    {"bias_backward", bias_backward, ROWS * WIDE},
    {"gelu_forward", gelu, ROWS * WIDE},
    {"relu_forward", relu, ROWS * WIDE},
    {"swish_forward", swish, ROWS * WIDE},
    {"activation_backward", activation_backward, ROWS * WIDE},
    {"embedding_forward", embedding_forward, ROWS * WIDTH},
    {"embedding_backward", embedding_backward, ROWS * WIDTH},
    {"add_norm_forward", add_norm_forward, ROWS * WIDTH},
    {"add_norm_backward", add_norm_backward, ROWS * WIDTH},
    {"attention_forward", attention_forward, ROWS * WIDTH},
    {"attention_backward", attention_backward, ROWS * WIDTH},
    {"sigmoid_cross_entropy", sigmoid_cross_entropy, FLOATS},
    {"softmax_accumulate", softmax_accumulate, FLOATS},
    {"softmax_gradient", softmax_gradient, FLOATS},
    {"scale_rows", scale_rows, FLOATS},
    {"matrix_vector", matrix_vector, FLOATS},
    {"select_above", select_above, FLOATS},
    {"gathered_products", gathered_products, ROWS * WIDTH},
    {"select_rows", select_rows, FLOATS},
    {"group_maxima", group_maxima, FLOATS},
    {"index_of_largest", index_of_largest, FLOATS},
    {"int8_quantize", int8_quantize, COMPACT * WIDTH},
    {"bf16_quantize", bf16_quantize, COMPACT * WIDTH},
    {"int8_bounds", int8_bounds, COMPACT * WIDTH},
    {"bf16_bounds", bf16_bounds, COMPACT * WIDTH},
    {"add", add, FLOATS},
    {"square_sum", square_sum, FLOATS},
    {"adam", adam, FLOATS},
    {"normal", normal, FLOATS},
};
enum { CASES = sizeof cases / sizeof *cases };

static void reset(kernel_case *k) {
  float *const all[] = {k->a, k->b, k->c, k->d, k->e, k->f, k->g};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    for (size_t j = 0; j < FLOATS; j++) all[i][j] = (float)((j * 37 + i) % 1001) * 1e-3f;
  }
}

static kernel_case *kernel_case_create(void) {
  kernel_case *k = calloc(1, sizeof *k);
  float **const all[] = {&k->a, &k->b, &k->c, &k->d, &k->e, &k->f, &k->g};
  if (k == NULL) return NULL;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    *all[i] = aligned_alloc(64, FLOATS * sizeof(float));
    if (*all[i] == NULL) return NULL;
  }
  for (size_t r = 0; r < ROWS; r++) {
    k->ids[r] = (int32_t)(r * 31 % ROWS);
    k->tokens[r] = (uint32_t)r;
    k->begin[r] = 4 * r;
    k->end[r] = 4 * r + 4;
    for (size_t i = 0; i < 4; i++) k->targets[4 * r + i] = (int32_t)(150 * i + r % 150);
  }
  for (size_t s = 0; s <= ROWS / LENGTH; s++) {
    k->offsets[s] = LENGTH * s;
    k->kept[s] = HEADS * LENGTH * S3_KEPT_STRIDE(LENGTH) * s;
  }
  k->dropout = (s3_row_dropout){s3_dropout_make(0.5, 1, 2, 3), k->tokens};
  k->shape = (s3_attention_shape){.sequence_count = ROWS / LENGTH,
                                  .key_offsets = k->offsets,
                                  .query_offsets = k->offsets,
                                  .probability_offsets = k->kept,
                                  .max_length = LENGTH,
                                  .heads = HEADS,
                                  .head_size = WIDTH / HEADS,
                                  .dropout = k->dropout,
                                  .max_seq_length = 50};
  return k;
}

static void kernel_case_destroy(kernel_case *k) {
  float *const all[] = {k->a, k->b, k->c, k->d, k->e, k->f, k->g};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
  free(k);
}

/* Nanoseconds per element. The values are set again, so that no kernel works on its own results for
 * long. */
static double time_case(kernel_case *k, size_t index, const s3_kernels *kernels, double seconds) {
  size_t runs = 0;
  double spent, begin;
  k->k = kernels;
  reset(k);
  cases[index].run(k);
  begin = bench_thread_clock();
  do {
    cases[index].run(k);
    runs++;
    spent = bench_thread_clock() - begin;
  } while (spent < seconds);
  return spent * 1e9 / ((double)runs * (double)cases[index].elements);
}

int bench_kernels(const bench_settings *settings) {
  const s3_kernels *level = s3_kernels_get(settings->kernel_level);
  const s3_kernels *baseline = s3_kernels_get(S3REC_KERNELS_BASELINE);
  kernel_case *k = kernel_case_create();
  if (level == NULL || baseline == NULL || k == NULL) {
    fprintf(stderr, "s3rec-bench: no kernels of that level here\n");
    if (k != NULL) kernel_case_destroy(k);
    return 1;
  }
  static const char *const names[] = {"auto", "baseline", "avx2", "avx512"};
  const double seconds = fmin(2e-3, settings->seconds / (2 * CASES * BENCH_WINDOWS));
  report_begin(settings, "kernels");
  report_text(settings, "kernels", names[level->level]);
  for (size_t i = 0; i < CASES; i++) {
    double times[BENCH_WINDOWS], ratios[BENCH_WINDOWS];
    char key[64];
    for (size_t w = 0; w < BENCH_WINDOWS; w++) {
      const double slow = time_case(k, i, baseline, seconds);
      times[w] = time_case(k, i, level, seconds);
      ratios[w] = slow / times[w];
    }
    snprintf(key, sizeof key, "%s_ns", cases[i].name);
    report_number(settings, key, bench_median(times, BENCH_WINDOWS));
    snprintf(key, sizeof key, "%s_speedup", cases[i].name);
    report_number(settings, key, bench_median(ratios, BENCH_WINDOWS));
  }
  const int status = bench_linear(settings) != 0 || bench_product(settings) != 0;
  report_end(settings);
  kernel_case_destroy(k);
  return status;
}
