/* SPDX-License-Identifier: Apache-2.0 */
/* Compact item tables: every scan gives the bits of the scan of the weights, whatever
 * the weights are, and the tables follow the weights. */
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernels.h"
#include "model/panels.h"
#include "score_support.h"
#include "scoring/item_scores.h"
#include "scoring/rank_items.h"

enum { LENGTH = 6, USERS = 70, K = 20 };
static const char items_name[] = "item_embeddings.weight";

static s3rec_scorer *scorer_of(s3rec_model *model, s3rec_scan scan) {
  s3rec_scorer_options options;
  s3rec_scorer_options_init(&options);
  options.scan = scan;
  s3rec_scorer *scorer = NULL;
  ASSERT_OK(s3rec_scorer_create_with(model, &options, &scorer));
  return scorer;
}

typedef struct results {
  int32_t ids[USERS * K];
  float scores[USERS * K];
  size_t counts[USERS];
} results;

static void score_users(s3rec_scorer *scorer, int32_t last_item, size_t users, results *r) {
  int32_t histories[USERS * LENGTH];
  int64_t offsets[USERS + 1];
  s3_random random = s3_random_make(11);
  score_draw_history(&random, 1, last_item, histories, USERS * LENGTH);
  for (size_t u = 0; u <= USERS; u++) offsets[u] = (int64_t)(u * LENGTH);
  memset(r, 0, sizeof *r);
  ASSERT_OK(s3rec_score_next_batch(scorer, histories, offsets, users, NULL, K, r->ids, r->scores,
                                   r->counts));
}

/* Whether the model's table can be used. */
static bool is_usable(s3rec_model *model, s3rec_scan scan) {
  const s3_quantized_items *items = NULL;
  ASSERT_OK(s3_quantized_items_get(model, scan, &items));
  return items->usable;
}

/* All scans agree bit by bit; `usable` says whether the tables are to be used at all. */
static void check_scans(s3rec_model *model, int32_t item_size, bool usable) {
  static const size_t user_counts[] = {1, 3, 4, 7, 9, USERS};
  static results expected, actual;
  for (int scan = S3REC_SCAN_BF16; scan <= S3REC_SCAN_INT8; scan++) {
    s3rec_scorer *plain = scorer_of(model, S3REC_SCAN_F32);
    s3rec_scorer *compact = scorer_of(model, (s3rec_scan)scan);
    ck_assert(is_usable(model, (s3rec_scan)scan) == usable);
    ck_assert(s3_rank_quantized_suits(compact, K) == usable);
    for (size_t i = 0; i < sizeof user_counts / sizeof *user_counts; i++) {
      score_users(plain, item_size - 2, user_counts[i], &expected);
      score_users(compact, item_size - 2, user_counts[i], &actual);
      ck_assert_mem_eq(actual.ids, expected.ids, sizeof actual.ids);
      ck_assert_mem_eq(actual.scores, expected.scores, sizeof actual.scores);
      ck_assert_mem_eq(actual.counts, expected.counts, sizeof actual.counts);
    }
    s3rec_scorer_destroy(plain);
    s3rec_scorer_destroy(compact);
  }
}

/* Item counts around a block and a tile; widths around groups of four and vectors. */
static void scans_agree_in(s3rec_context *context) {
  static const int32_t sizes[][2] = {{400, 2},  {401, 6},   {418, 18},    {2600, 20},
                                     {700, 64}, {1000, 66}, {8194, 34}, {17000, 16}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    s3rec_model *model = score_model(context, sizes[i][0], LENGTH, sizes[i][1]);
    check_scans(model, sizes[i][0], true);
    s3rec_model_destroy(model);
  }
}
START_TEST(scans_agree) { score_every_context(scans_agree_in); }
END_TEST

enum { SIZE = 1200, WIDTH = 24 };

/* Replaces the item table by what `value` makes of its entries. */
static void change_items(s3rec_model *model, float (*value)(float old, size_t row, size_t i)) {
  static float rows[SIZE * WIDTH];
  ASSERT_OK(s3rec_model_parameter_read(model, items_name, rows, SIZE * WIDTH));
  for (size_t i = 0; i < SIZE * WIDTH; i++) rows[i] = value(rows[i], i / WIDTH, i);
  ASSERT_OK(s3rec_model_parameter_write(model, items_name, rows, SIZE * WIDTH));
}

static float zero(float old, size_t row, size_t i) {
  return (void)old, (void)row, (void)i, 0.0f;
}
static float tiny(float old, size_t row, size_t i) {
  return (void)row, (void)i, old * 0x1p-100f;
}
static float huge(float old, size_t row, size_t i) {
  return (void)row, (void)i, old * 0x1p62f;
}
static float near_overflow(float old, size_t row, size_t i) {
  return (void)row, (void)i, old > 0 ? FLT_MAX : -FLT_MAX;
}
/* Norms of 2^-80 .. 2^20, so that some rows underflow beside others. */
static float spread(float old, size_t row, size_t i) {
  return (void)i, ldexpf(old, (int)(row % 101) - 80);
}
/* Few different rows: ties everywhere, also at the k-th place. */
static float tied(float old, size_t row, size_t i) {
  return (void)old, (float)((row % 7 * 5 + i % WIDTH) % 11) - 5.0f;
}
/* Close to one another: their order hangs on the last bits. */
static float close(float old, size_t row, size_t i) {
  return (void)row, 1.0f + (float)(i % WIDTH) + old * 1e-6f;
}
/* One column alone decides, and halves of a step are everywhere. */
static float lopsided(float old, size_t row, size_t i) {
  return i % WIDTH == 3 ? 127.0f : (float)(row % 9) - 4.5f + (old > 0 ? 0.5f : 0.0f);
}

static void weights_of_every_kind_in(s3rec_context *context) {
  static const struct {
    float (*value)(float old, size_t row, size_t i);
    bool usable;
  } kinds[] = {{zero, false}, {tiny, false}, {huge, false},     {near_overflow, false},
               {spread, true}, {tied, true}, {close, true}, {lopsided, true}};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    s3rec_model *model = score_model(context, SIZE, LENGTH, WIDTH);
    change_items(model, kinds[i].value);
    check_scans(model, SIZE, kinds[i].usable);
    s3rec_model_destroy(model);
  }
}
START_TEST(weights_of_every_kind) { score_every_context(weights_of_every_kind_in); }
END_TEST

/* Training may leave weights that no file would hold. */
START_TEST(weights_that_are_not_finite) {
  s3rec_context *context = score_context(S3REC_BACKEND_FUSED, S3REC_KERNELS_AUTO, 1, NULL);
  for (int kind = 0; kind < 2; kind++) {
    s3rec_model *model = score_model(context, SIZE, LENGTH, WIDTH);
    model->weights[model->table.item_embeddings + 700 * WIDTH + 5] = kind == 0 ? NAN : INFINITY;
    check_scans(model, SIZE, false);
    s3rec_model_destroy(model);
  }
  s3rec_context_destroy(context);
}
END_TEST

/* A norm whose scale is 0 makes every user vector the shift, here too small or too large
 * to bound. */
START_TEST(user_vectors_out_of_range) {
  s3rec_context *context = score_context(S3REC_BACKEND_FUSED, S3REC_KERNELS_AUTO, 1, NULL);
  static const float shifts[] = {0.0f, 1e-30f, 1e20f};
  for (size_t i = 0; i < 3; i++) {
    s3rec_model *model = score_model(context, SIZE, LENGTH, WIDTH);
    float scale[WIDTH] = {0}, shift[WIDTH];
    for (size_t c = 0; c < WIDTH; c++) shift[c] = shifts[i];
    ASSERT_OK(s3rec_model_parameter_write(
        model, "item_encoder.layer.1.intermediate.LayerNorm.weight", scale, WIDTH));
    ASSERT_OK(s3rec_model_parameter_write(
        model, "item_encoder.layer.1.intermediate.LayerNorm.bias", shift, WIDTH));
    check_scans(model, SIZE, true);
    s3rec_model_destroy(model);
  }
  s3rec_context_destroy(context);
}
END_TEST

/* The bounds are bounds, and close: no score lies above its bound, and few items have
 * to be scored again. */
static void bounds_hold_in(s3rec_context *context) {
  enum { ITEM_SIZE = 3000, HIDDEN = 64, BLOCKS = (ITEM_SIZE - 2 + 63) / 64 };
  s3rec_model *model = score_model(context, ITEM_SIZE, LENGTH, HIDDEN);
  static float scores[ITEM_SIZE], bounds[64 * BLOCKS];
  s3rec_scorer *scorer = scorer_of(model, S3REC_SCAN_F32);
  s3_random random = s3_random_make(3);
  for (int scan = S3REC_SCAN_BF16; scan <= S3REC_SCAN_INT8; scan++) {
    const s3_quantized_items *items = NULL;
    ASSERT_OK(s3_quantized_items_get(model, (s3rec_scan)scan, &items));
    for (size_t round = 0; round < 20; round++) {
      int32_t history[LENGTH];
      float vector[HIDDEN];
      float columns[HIDDEN];
      s3_bound_user user;
      score_draw_history(&random, 1, ITEM_SIZE - 2, history, LENGTH);
      ASSERT_OK(s3rec_user_vector(scorer, history, LENGTH, vector, HIDDEN));
      /* Half of the users are exact in bytes: what is left is the items' own error. */
      for (size_t c = 0; c < HIDDEN && round % 2 == 1; c++) vector[c] = copysignf(1, vector[c]);
      context->kernels->matrix_vector(ITEM_SIZE, HIDDEN, model->weights, vector, scores);
      ck_assert(s3_quantize_user(items, HIDDEN, vector, columns, &user));
      s3_quantized_bounds(items, model, 0, BLOCKS, 1, &user, sizeof bounds / sizeof *bounds,
                          bounds);
      double gap = 0, spread_of_scores = 0;
      for (size_t i = 0; i + 2 < ITEM_SIZE; i++) {
        ck_assert_msg(scores[1 + i] <= bounds[i], "item %zu: score %.9g, bound %.9g", 1 + i,
                      scores[1 + i], bounds[i]);
        gap += (double)bounds[i] - (double)scores[1 + i];
        spread_of_scores += (double)scores[1 + i] * (double)scores[1 + i];
      }
      gap /= ITEM_SIZE;
      spread_of_scores = sqrt(spread_of_scores / ITEM_SIZE);
      ck_assert_msg(gap < (scan == S3REC_SCAN_BF16 ? 0.06 : 0.3) * spread_of_scores,
                    "scan %d: bounds stand %g above scores of %g", scan, gap, spread_of_scores);
    }
  }
  s3rec_scorer_destroy(scorer);
  s3rec_model_destroy(model);
}
START_TEST(bounds_hold) { score_every_context(bounds_hold_in); }
END_TEST

/* Bytes of the layers' weights in panels, which the first scorer makes too. */
static size_t panel_bytes(const s3rec_model *model) {
  return (size_t)model->config.num_hidden_layers * s3_layer_panels_of(WIDTH).count *
         sizeof(float);
}

/* The first scorer makes the table, others share it, writing drops it. */
START_TEST(tables_follow_the_weights) {
  test_hooks hooks = {0};
  s3rec_context *context = score_context(S3REC_BACKEND_FUSED, S3REC_KERNELS_AUTO, 1, &hooks);
  s3rec_model *model = score_model(context, SIZE, LENGTH, WIDTH);
  const size_t bare = s3rec_model_memory(model);
  ck_assert_uint_ge(bare, SIZE * WIDTH * sizeof(float));
  s3rec_scorer *first = scorer_of(model, S3REC_SCAN_INT8);
  const size_t with_bytes = s3rec_model_memory(model);
  const size_t table_bytes = with_bytes - bare - panel_bytes(model);
  ck_assert_uint_ge(table_bytes, (SIZE - 2) * (WIDTH + sizeof(float)));
  ck_assert_uint_le(table_bytes, (SIZE + 64) * (WIDTH + sizeof(float)) + 256);
  s3rec_scorer *second = scorer_of(model, S3REC_SCAN_INT8);
  ck_assert_uint_eq(s3rec_model_memory(model), with_bytes);
  s3rec_scorer *third = scorer_of(model, S3REC_SCAN_BF16);
  ck_assert_uint_ge(s3rec_model_memory(model), with_bytes + (SIZE - 2) * WIDTH * 2);
  s3rec_scorer_destroy(first);
  s3rec_scorer_destroy(second);
  s3rec_scorer_destroy(third);
  ck_assert_uint_gt(s3rec_model_memory(model), with_bytes); /* kept for the next scorer */
  change_items(model, lopsided);
  ck_assert_uint_eq(s3rec_model_memory(model), bare);
  check_scans(model, SIZE, true);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
  ck_assert_int_eq(hooks.live_blocks, 0);
  ck_assert_uint_eq(s3rec_model_memory(NULL), 0);
}
END_TEST

static void *make_and_score(void *argument) {
  results *r = malloc(sizeof *r);
  s3rec_scorer *scorer = scorer_of(argument, S3REC_SCAN_INT8);
  score_users(scorer, SIZE - 2, 5, r);
  s3rec_scorer_destroy(scorer);
  return r;
}

START_TEST(threads_share_one_table) {
  enum { THREADS = 8 };
  s3rec_context *context = score_context(S3REC_BACKEND_FUSED, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = score_model(context, SIZE, LENGTH, WIDTH);
  const size_t bare = s3rec_model_memory(model);
  pthread_t threads[THREADS];
  for (int t = 0; t < THREADS; t++) {
    ck_assert_int_eq(pthread_create(&threads[t], NULL, make_and_score, model), 0);
  }
  results *first = NULL;
  for (int t = 0; t < THREADS; t++) {
    void *r;
    pthread_join(threads[t], &r);
    if (t > 0) ck_assert_mem_eq(r, first, sizeof *first);
    if (t > 0) free(r);
    if (t == 0) first = r;
  }
  free(first);
  ck_assert_uint_le(s3rec_model_memory(model),
                    bare + panel_bytes(model) + (SIZE + 64) * (WIDTH + 4) + 256);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

START_TEST(options_are_checked) {
  s3rec_context *context = score_context(S3REC_BACKEND_FUSED, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = score_model(context, SIZE, LENGTH, WIDTH);
  s3rec_scorer *scorer = NULL;
  s3rec_scorer_options options;
  s3rec_scorer_options_init(&options);
  ck_assert_int_eq(options.scan, S3REC_SCAN_AUTO);
  options.scan = (s3rec_scan)4;
  ASSERT_FAILS(s3rec_scorer_create_with(model, &options, &scorer), S3REC_ERROR_ARGUMENT, "0..3");
  options.scan = (s3rec_scan)-1;
  ASSERT_FAILS(s3rec_scorer_create_with(model, &options, &scorer), S3REC_ERROR_ARGUMENT,
               "scan is -1");
  options.struct_size = 3;
  ASSERT_FAILS(s3rec_scorer_create_with(model, &options, &scorer), S3REC_ERROR_ARGUMENT,
               "s3rec_scorer_options");
  ASSERT_FAILS(s3rec_scorer_create_with(NULL, NULL, &scorer), S3REC_ERROR_ARGUMENT, "model");
  ASSERT_FAILS(s3rec_scorer_create_with(model, NULL, NULL), S3REC_ERROR_ARGUMENT, "scorer");
  ck_assert_ptr_null(scorer);
  /* None of the failures left the model locked. */
  ASSERT_OK(s3_model_begin_training(model));
  s3_model_end_training(model);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

TEST_SUITE(score_quantized) {
  TCase *cases = tcase_create("rules");
  tcase_add_test(cases, scans_agree);
  tcase_add_test(cases, weights_of_every_kind);
  tcase_add_test(cases, weights_that_are_not_finite);
  tcase_add_test(cases, user_vectors_out_of_range);
  tcase_add_test(cases, bounds_hold);
  tcase_add_test(cases, tables_follow_the_weights);
  tcase_add_test(cases, threads_share_one_table);
  tcase_add_test(cases, options_are_checked);
  test_add_cases(suite, cases, NULL);
}
