/* SPDX-License-Identifier: Apache-2.0 */
/* What backends take from the allocator: failures come through as such and leak
 * nothing, sizes seen before cost nothing, and shapes without end stay bounded. */
#include <stdlib.h>

#include "backend_fixture.h"
#include "base/error.h"
#include "dnnl/engine.h"

static size_t calls, live, fail_at; /* fail_at: number of the call that fails; 0: none */

static void *allocate(size_t size, size_t alignment, void *user_data) {
  (void)user_data;
  if (++calls == fail_at) return NULL;
  void *memory = NULL;
  if (posix_memalign(&memory, alignment, size) != 0) return NULL;
  live++;
  return memory;
}

static void deallocate(void *memory, size_t size, void *user_data) {
  (void)size;
  (void)user_data;
  free(memory);
  live--;
}

static s3rec_status open_context(s3rec_backend kind, s3rec_context **context) {
  s3rec_context_options options;
  s3rec_context_options_init(&options);
  options.allocate = allocate;
  options.deallocate = deallocate;
  options.backend = kind;
  return s3rec_context_create(&options, context);
}

enum { ROWS = 5, WIDTH = 8, HEADS = 2 };

/* Every operation once. */
static s3rec_status run_operations(s3_backend *b) {
  const s3_backend_operations *op = b->operations;
  static float x[ROWS * WIDTH], y[ROWS * WIDTH], z[ROWS * WIDTH], values[ROWS * WIDTH];
  static float weights[WIDTH * WIDTH], bias[WIDTH], diff[WIDTH], diff_2[WIDTH], diff_3[WIDTH];
  static float statistics[2 * ROWS], packed[ROWS * 3 * WIDTH], diff_packed[ROWS * 3 * WIDTH];
  static float kept[HEADS * ROWS * S3_KEPT_STRIDE(ROWS)];
  static const int32_t numbers[ROWS] = {0, 1, 2, 3, 4};
  static const uint32_t tokens[ROWS] = {0, 1, 2, 3, 4};
  static const size_t offsets[3] = {0, 3, 5}, kept_offsets[3] = {0, 3 * HEADS * 16, 5 * HEADS * 16};
  const s3_row_dropout dropout = {s3_dropout_make(0.5, 1, 2, 3), tokens};
  const s3_norm_weights norm = {bias, bias};
  const s3_norm_gradients diff_norm = {diff, diff_2};
  const s3_norm_kept norm_kept = {values, statistics};
  const s3_attention_shape shape = {.sequence_count = 2,
                                    .key_offsets = offsets,
                                    .query_offsets = offsets,
                                    .probability_offsets = kept_offsets,
                                    .max_length = 3,
                                    .heads = HEADS,
                                    .head_size = WIDTH / HEADS,
                                    .causal = true,
                                    .dropout = dropout,
                                    .max_seq_length = 50};
  const s3_attention_input input = {packed, packed + WIDTH, packed + 2 * WIDTH, 3 * WIDTH,
                                    3 * WIDTH};
  const s3_attention_diff diff_input = {diff_packed, diff_packed + WIDTH,
                                        diff_packed + 2 * WIDTH};
  S3_TRY(op->linear_forward(b, ROWS, WIDTH, WIDTH, x, weights, y));
  S3_TRY(op->linear_backward_data(b, ROWS, WIDTH, WIDTH, x, weights, true, y));
  S3_TRY(op->linear_backward_weights(b, ROWS, WIDTH, WIDTH, x, y, weights));
  S3_TRY(op->bias_forward(b, ROWS, WIDTH, bias, y));
  S3_TRY(op->bias_backward(b, ROWS, WIDTH, y, diff));
  S3_TRY(op->activation_forward(b, S3REC_GELU, true, ROWS, WIDTH, x, bias, y));
  S3_TRY(op->activation_backward(b, S3REC_GELU, ROWS, WIDTH, x, y, z, diff));
  S3_TRY(op->embedding_forward(b, ROWS, WIDTH, x, numbers, y, numbers, norm, &dropout,
                               norm_kept, z));
  S3_TRY(op->embedding_backward(b, ROWS, WIDTH, norm, &dropout, norm_kept, x, diff_norm, z));
  S3_TRY(op->add_norm_forward(b, ROWS, WIDTH, x, bias, y, norm, &dropout, norm_kept, z));
  S3_TRY(op->add_norm_backward(b, ROWS, WIDTH, norm, &dropout, norm_kept, x, diff_norm, diff_3,
                               y, z));
  S3_TRY(op->attention_forward(b, &shape, input, kept, x));
  return op->attention_backward(b, &shape, input, kept, x, diff_input);
}

static s3rec_status run_everything(s3rec_backend kind) {
  s3rec_context *context = NULL;
  S3_TRY(open_context(kind, &context));
  s3_backend *backend = NULL;
  s3rec_status status = s3_backend_create(context, &backend);
  if (status == S3REC_OK) status = run_operations(backend);
  s3_backend_destroy(backend);
  s3rec_context_destroy(context);
  return status;
}

START_TEST(every_failing_allocation) {
  const s3_openmp_state openmp = s3_openmp_enter();
  for (int kind = S3REC_BACKEND_FUSED; kind <= S3REC_BACKEND_ONEDNN; kind++) {
    s3rec_status status = S3REC_ERROR_MEMORY;
    for (fail_at = 1; status != S3REC_OK; fail_at++) {
      calls = 0;
      status = run_everything((s3rec_backend)kind);
      ck_assert_msg(live == 0, "backend %d, call %zu failed: %zu blocks leak", kind, fail_at,
                    live);
      ck_assert_msg(status == (calls < fail_at ? S3REC_OK : S3REC_ERROR_MEMORY),
                    "backend %d, call %zu failed: %s", kind, fail_at, s3rec_last_error());
    }
    fail_at = 0;
  }
  s3_openmp_leave(openmp);
}
END_TEST

START_TEST(seen_shapes_allocate_nothing) {
  const s3_openmp_state openmp = s3_openmp_enter();
  for (int kind = S3REC_BACKEND_FUSED; kind <= S3REC_BACKEND_ONEDNN; kind++) {
    s3rec_context *context = NULL;
    s3_backend *backend = NULL;
    CHECK_OK(open_context((s3rec_backend)kind, &context));
    CHECK_OK(s3_backend_create(context, &backend));
    CHECK_OK(run_operations(backend));
    calls = 0;
    CHECK_OK(run_operations(backend));
    ck_assert_uint_eq(calls, 0);
    s3_backend_destroy(backend);
    s3rec_context_destroy(context);
  }
  s3_openmp_leave(openmp);
}
END_TEST

/* More shapes than the primitive cache holds. */
START_TEST(primitive_cache_is_bounded) {
  enum { SHAPES = 5000 };
  const s3_openmp_state openmp = s3_openmp_enter();
  s3rec_context *context = NULL;
  s3_backend *backend = NULL;
  CHECK_OK(open_context(S3REC_BACKEND_ONEDNN, &context));
  CHECK_OK(s3_backend_create(context, &backend));
  size_t most = 0;
  float *bias = calloc(SHAPES, sizeof *bias), *dst = calloc(SHAPES, sizeof *dst);
  for (size_t width = 1; width <= SHAPES; width++) {
    bias[width - 1] = 1.0f;
    CHECK_OK(backend->operations->bias_forward(backend, 1, width, bias, dst));
    if (live > most) most = live;
  }
  for (size_t i = 0; i < SHAPES; i++) {
    CHECK(dst[i] == (float)(SHAPES - i), "element %zu is %g", i, dst[i]);
  }
  ck_assert_uint_lt(most, 4096 + 10);
  ck_assert_uint_lt(live, 1000); /* it was emptied on the way */
  free(bias);
  free(dst);
  s3_backend_destroy(backend);
  s3rec_context_destroy(context);
  ck_assert_uint_eq(live, 0);
  s3_openmp_leave(openmp);
}
END_TEST

int main(void) {
  TCase *cases = tcase_create("memory");
  tcase_set_timeout(cases, 0);
  tcase_add_test(cases, every_failing_allocation);
  tcase_add_test(cases, seen_shapes_allocate_nothing);
  tcase_add_test(cases, primitive_cache_is_bounded);
  return test_run("backend_memory", cases, NULL);
}
