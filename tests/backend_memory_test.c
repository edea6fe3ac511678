/* SPDX-License-Identifier: Apache-2.0 */
/* What backends take from the allocator: failures come through as such and leak
 * nothing, and sizes seen before cost nothing. */
#include "backend_fixture.h"
#include "base/error.h"
#include "dnnl/engine.h"

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
  S3_TRY(open_counted_context(kind, &context));
  s3_backend *backend = NULL;
  s3rec_status status = s3_backend_create(context, &backend);
  if (status == S3REC_OK) status = run_operations(backend);
  s3_backend_destroy(backend);
  s3rec_context_destroy(context);
  return status;
}

START_TEST(every_failing_allocation) {
  for (int kind = S3REC_BACKEND_FUSED; kind <= S3REC_BACKEND_ONEDNN; kind++) {
    s3rec_status status = S3REC_ERROR_MEMORY;
    for (allocations.fail_at = 1; status != S3REC_OK; allocations.fail_at++) {
      allocations.calls = 0;
      status = run_everything((s3rec_backend)kind);
      const bool failed = allocations.calls >= allocations.fail_at;
      ck_assert_msg(allocations.live == 0, "backend %d, call %zu failed: %zu blocks leak", kind,
                    allocations.fail_at, allocations.live);
      ck_assert_msg(status == (failed ? S3REC_ERROR_MEMORY : S3REC_OK),
                    "backend %d, call %zu failed: %s", kind, allocations.fail_at,
                    s3rec_last_error());
    }
    allocations.fail_at = 0;
  }
}
END_TEST

START_TEST(seen_shapes_allocate_nothing) {
  for (int kind = S3REC_BACKEND_FUSED; kind <= S3REC_BACKEND_ONEDNN; kind++) {
    s3rec_context *context = NULL;
    s3_backend *backend = NULL;
    CHECK_OK(open_counted_context((s3rec_backend)kind, &context));
    CHECK_OK(s3_backend_create(context, &backend));
    CHECK_OK(run_operations(backend));
    allocations.calls = 0;
    CHECK_OK(run_operations(backend));
    ck_assert_uint_eq(allocations.calls, 0);
    s3_backend_destroy(backend);
    s3rec_context_destroy(context);
  }
}
END_TEST

/* Attention of one long sequence, which needs more room than a product. */
static s3rec_status run_long_attention(s3_backend *b, bool backward) {
  enum { LENGTH = 150, FLOATS = LENGTH * WIDTH };
  static float packed[3 * FLOATS], diff_packed[3 * FLOATS], dst[FLOATS];
  static float kept[HEADS * LENGTH * S3_KEPT_STRIDE(LENGTH)];
  static const size_t offsets[2] = {0, LENGTH}, kept_offsets[2] = {0};
  const s3_attention_shape shape = {.sequence_count = 1,
                                    .key_offsets = offsets,
                                    .query_offsets = offsets,
                                    .probability_offsets = kept_offsets,
                                    .max_length = LENGTH,
                                    .heads = HEADS,
                                    .head_size = WIDTH / HEADS,
                                    .causal = true,
                                    .max_seq_length = LENGTH};
  const s3_attention_input input = {packed, packed + WIDTH, packed + 2 * WIDTH, 3 * WIDTH,
                                    3 * WIDTH};
  const s3_attention_diff diff = {diff_packed, diff_packed + WIDTH, diff_packed + 2 * WIDTH};
  return backward ? b->operations->attention_backward(b, &shape, input, kept, dst, diff)
                  : b->operations->attention_forward(b, &shape, input, kept, dst);
}

/* Either direction may be the first to need the room. */
START_TEST(no_room_for_long_attention) {
  for (int kind = S3REC_BACKEND_FUSED; kind <= S3REC_BACKEND_ONEDNN; kind++) {
    for (int backward = 0; backward <= 1; backward++) {
      s3rec_context *context = NULL;
      s3_backend *backend = NULL;
      CHECK_OK(open_counted_context((s3rec_backend)kind, &context));
      CHECK_OK(s3_backend_create(context, &backend));
      allocations.calls = 0;
      allocations.fail_at = 1;
      ck_assert_int_eq(run_long_attention(backend, backward != 0), S3REC_ERROR_MEMORY);
      allocations.fail_at = 0;
      CHECK_OK(run_long_attention(backend, backward != 0));
      s3_backend_destroy(backend);
      s3rec_context_destroy(context);
    }
  }
}
END_TEST

TEST_SUITE(backend_memory) {
  TCase *cases = tcase_create("memory");
  tcase_add_test(cases, every_failing_allocation);
  tcase_add_test(cases, no_room_for_long_attention);
  tcase_add_test(cases, seen_shapes_allocate_nothing);
  test_add_cases(suite, cases, NULL);
}
