/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of the scorer's calls: arguments, states, memory, threads, encoding. */
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/context.h"
#include "model/model.h"
#include "score_support.h"

enum { ITEM_SIZE = 300, LENGTH = 6, WIDTH = 16, K = 10 };

static s3rec_scorer *make_scorer(s3rec_model *model) {
  s3rec_scorer *scorer = NULL;
  ASSERT_OK(s3rec_scorer_create(model, &scorer));
  return scorer;
}

START_TEST(arguments_are_checked) {
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = score_model(context, ITEM_SIZE, LENGTH, WIDTH);
  s3rec_scorer *scorer = make_scorer(model), *none = NULL;
  const int32_t history[] = {1, 2};
  const int64_t offsets[] = {0, 1, 2}, first_not_0[] = {1, 1, 2}, falling[] = {0, 2, 1};
  int32_t ids[2 * K];
  float values[ITEM_SIZE];
  size_t counts[2];
  s3rec_score_options options;
  s3rec_score_options_init(&options);
  const s3rec_status argument = S3REC_ERROR_ARGUMENT;

  ASSERT_FAILS(s3rec_scorer_create(NULL, &none), argument, "model");
  ASSERT_FAILS(s3rec_scorer_create(model, NULL), argument, "scorer");
  s3rec_scorer_destroy(NULL);
  ck_assert_uint_eq(s3rec_scorer_memory(NULL), 0);

  ASSERT_FAILS(s3rec_score_next(NULL, history, 2, NULL, K, ids, NULL, counts), argument, "scorer");
  ASSERT_FAILS(s3rec_score_next(scorer, NULL, 2, NULL, K, ids, NULL, counts), argument, "history");
  ASSERT_FAILS(s3rec_score_next(scorer, history, 2, NULL, K, NULL, NULL, counts), argument, "ids");
  ASSERT_FAILS(s3rec_score_next(scorer, history, 2, NULL, K, ids, NULL, NULL), argument, "count");
  ASSERT_OK(s3rec_score_next(scorer, history, 2, NULL, 0, NULL, NULL, counts));
  ck_assert_uint_eq(counts[0], 0);

  options.struct_size = sizeof options - 1;
  ASSERT_FAILS(s3rec_score_next(scorer, history, 2, &options, K, ids, NULL, counts), argument,
               "s3rec_score_options.struct_size");
  s3rec_score_options_init(&options);
  options.include_history = 2;
  ASSERT_FAILS(s3rec_score_next(scorer, history, 2, &options, K, ids, NULL, counts), argument,
               "include_history is 2");
  s3rec_score_options_init(&options);
  options.excluded_count = 3;
  ASSERT_FAILS(s3rec_score_next(scorer, history, 2, &options, K, ids, NULL, counts), argument,
               "excluded is NULL, but excluded_count is 3");
  s3rec_score_options_init(&options);
  options.candidate_count = 4;
  ASSERT_FAILS(s3rec_score_next_batch(scorer, history, offsets, 2, &options, K, ids, NULL, counts),
               argument, "candidates is NULL, but candidate_count is 4");

  ASSERT_FAILS(s3rec_score_next_batch(NULL, history, offsets, 2, NULL, K, ids, NULL, counts),
               argument, "scorer");
  ASSERT_FAILS(s3rec_score_next_batch(scorer, NULL, offsets, 2, NULL, K, ids, NULL, counts),
               argument, "histories");
  ASSERT_FAILS(s3rec_score_next_batch(scorer, history, NULL, 2, NULL, K, ids, NULL, counts),
               argument, "offsets");
  ASSERT_FAILS(s3rec_score_next_batch(scorer, history, offsets, 2, NULL, K, NULL, NULL, counts),
               argument, "ids");
  ASSERT_FAILS(s3rec_score_next_batch(scorer, history, offsets, 2, NULL, K, ids, NULL, NULL),
               argument, "counts");
  ASSERT_FAILS(s3rec_score_next_batch(scorer, history, first_not_0, 2, NULL, K, ids, NULL, counts),
               argument, "offsets[0] is 1");
  ASSERT_FAILS(s3rec_score_next_batch(scorer, history, falling, 2, NULL, K, ids, NULL, counts),
               argument, "offsets[2] is 1");
  ASSERT_OK(s3rec_score_next_batch(scorer, NULL, NULL, 0, NULL, K, NULL, NULL, NULL));
  ASSERT_OK(s3rec_score_next_batch(scorer, history, offsets, 2, NULL, 0, NULL, NULL, counts));
  ck_assert_uint_eq(counts[1], 0);

  ASSERT_FAILS(s3rec_score_all(NULL, history, 2, values, ITEM_SIZE), argument, "scorer");
  ASSERT_FAILS(s3rec_score_all(scorer, NULL, 2, values, ITEM_SIZE), argument, "history");
  ASSERT_FAILS(s3rec_score_all(scorer, history, 2, NULL, ITEM_SIZE), argument, "scores");
  ASSERT_FAILS(s3rec_score_all(scorer, history, 2, values, ITEM_SIZE - 1), argument,
               "capacity is 299, must be at least item_size, 300");
  ASSERT_FAILS(s3rec_user_vector(NULL, history, 2, values, WIDTH), argument, "scorer");
  ASSERT_FAILS(s3rec_user_vector(scorer, NULL, 2, values, WIDTH), argument, "history");
  ASSERT_FAILS(s3rec_user_vector(scorer, history, 2, NULL, WIDTH), argument, "vector");
  ASSERT_FAILS(s3rec_user_vector(scorer, history, 2, values, WIDTH - 1), argument,
               "capacity is 15, must be at least hidden_size, 16");

  const s3rec_attention causal = S3REC_ATTENTION_CAUSAL;
  ASSERT_FAILS(s3rec_encode(NULL, causal, history, 1, 2, values), argument, "scorer");
  ASSERT_FAILS(s3rec_encode(scorer, causal, NULL, 1, 2, values), argument, "ids");
  ASSERT_FAILS(s3rec_encode(scorer, causal, history, 1, 2, NULL), argument, "hidden");
  ASSERT_FAILS(s3rec_encode(scorer, causal, history, 1, 0, values), argument, "must be 1..6");
  ASSERT_FAILS(s3rec_encode(scorer, causal, history, 1, 7, values), argument, "length is 7");
  ASSERT_FAILS(s3rec_encode(scorer, (s3rec_attention)3, history, 1, 2, values), argument,
               "attention is 3");
  ASSERT_OK(s3rec_encode(scorer, causal, NULL, 0, 2, NULL));

  s3rec_scorer_destroy(scorer);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

START_TEST(scorers_and_trainers_exclude_each_other) {
  test_hooks hooks = {0};
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, &hooks);
  s3rec_model *model = score_model(context, ITEM_SIZE, LENGTH, WIDTH);
  s3rec_scorer *none = NULL;
  float bias[WIDTH] = {0};
  ASSERT_OK(s3_model_begin_training(model));
  ASSERT_FAILS(s3rec_scorer_create(model, &none), S3REC_ERROR_STATE, "train");
  ck_assert_ptr_null(none);
  s3_model_end_training(model);

  s3rec_scorer *first = make_scorer(model), *second = make_scorer(model);
  ck_assert_int_eq(s3_model_begin_training(model), S3REC_ERROR_STATE);
  ck_assert_int_eq(s3rec_model_parameter_write(model, "LayerNorm.bias", bias, WIDTH),
                   S3REC_ERROR_STATE);
  s3rec_scorer_destroy(first);
  ck_assert_int_eq(s3_model_begin_training(model), S3REC_ERROR_STATE);
  s3rec_scorer_destroy(second);
  ASSERT_OK(s3rec_model_parameter_write(model, "LayerNorm.bias", bias, WIDTH));
  ASSERT_OK(s3_model_begin_training(model));
  s3_model_end_training(model);

  /* The scorer keeps model and context alive. */
  s3rec_scorer *last = make_scorer(model);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
  const int32_t history[] = {4, 8};
  int32_t ids[K];
  size_t count;
  ASSERT_OK(s3rec_score_next(last, history, 2, NULL, K, ids, NULL, &count));
  ck_assert_uint_eq(count, K);
  s3rec_scorer_destroy(last);
  ck_assert_int_eq(hooks.live_blocks, 0);
}
END_TEST

/* One round of every call, with results of all. */
enum { ROUND_USERS = 70, ROUND_ROWS = 3 };
typedef struct round_results {
  int32_t ids[K], batch_ids[ROUND_USERS * K];
  float scores[K], batch_scores[ROUND_USERS * K], all[ITEM_SIZE], vector[WIDTH];
  float hidden[ROUND_ROWS * LENGTH * WIDTH];
  size_t count, counts[ROUND_USERS];
} round_results;

static s3rec_status first_failure(s3rec_status status, s3rec_status next) {
  return status != S3REC_OK ? status : next;
}

/* Goes on after a failure, so that every call is tried in every state. */
static s3rec_status run_round(s3rec_scorer *scorer, round_results *results) {
  static const int32_t history[] = {3, 250, 3, 77, 1, 298, 12, 5};
  static const int32_t rows[ROUND_ROWS * LENGTH] = {0, 0, 0, 5, 299, 7, 0, 0, 0,
                                                    0, 0, 0, 1, 2,   3, 4, 5, 6};
  int32_t histories[ROUND_USERS * 2];
  int64_t offsets[ROUND_USERS + 1] = {0};
  for (int32_t user = 0; user < ROUND_USERS; user++) {
    histories[2 * user] = 1 + user;
    histories[2 * user + 1] = 200 - user;
    offsets[user + 1] = 2 * (user + 1);
  }
  s3rec_score_options options;
  s3rec_score_options_init(&options);
  options.candidates = history;
  options.candidate_count = 8;
  options.excluded = rows + 12;
  options.excluded_count = 6;
  int32_t candidate_ids[K];
  size_t candidate_count;
  s3rec_status status = s3rec_score_next(scorer, history, 2, &options, K, candidate_ids, NULL,
                                         &candidate_count);
  status = first_failure(status, s3rec_score_next(scorer, history, 8, NULL, K, results->ids,
                                                  results->scores, &results->count));
  status = first_failure(
      status, s3rec_score_next_batch(scorer, histories, offsets, ROUND_USERS, NULL, K,
                                     results->batch_ids, results->batch_scores, results->counts));
  status = first_failure(status, s3rec_score_all(scorer, history, 8, results->all, ITEM_SIZE));
  status = first_failure(status, s3rec_user_vector(scorer, history, 8, results->vector, WIDTH));
  return first_failure(status, s3rec_encode(scorer, S3REC_ATTENTION_BIDIRECTIONAL, rows,
                                            ROUND_ROWS, LENGTH, results->hidden));
}

static void no_allocation_in(s3rec_backend backend) {
  test_hooks hooks = {0};
  s3rec_context *context = score_context(backend, S3REC_KERNELS_AUTO, 1, &hooks);
  s3rec_model *model = score_model(context, ITEM_SIZE, LENGTH, WIDTH);
  s3rec_scorer *scorer = make_scorer(model);
  static round_results first, second;
  const size_t fresh = s3rec_scorer_memory(scorer);
  ASSERT_OK(run_round(scorer, &first));
  const long long allocations = hooks.allocations;
  const size_t warm = s3rec_scorer_memory(scorer);
  ASSERT_OK(run_round(scorer, &second));
  ck_assert_int_eq(hooks.allocations, allocations);
  ck_assert_mem_eq(&first, &second, sizeof first);
  ck_assert_uint_gt(warm, fresh);
  ck_assert_uint_eq(s3rec_scorer_memory(scorer), warm);
  s3rec_scorer_destroy(scorer);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}

START_TEST(no_allocation_the_second_time) {
  no_allocation_in(S3REC_BACKEND_FUSED);
  no_allocation_in(S3REC_BACKEND_ONEDNN);
}
END_TEST

/* What a call wrote is either untouched or right. */
static void check_partly_written(const round_results *got, const round_results *right) {
  round_results untouched;
  memset(&untouched, 0x5a, sizeof untouched);
#define CHECK_FIELD(field)                                                          \
  ck_assert(memcmp(&got->field, &untouched.field, sizeof got->field) == 0 ||        \
            memcmp(&got->field, &right->field, sizeof got->field) == 0)
  CHECK_FIELD(ids);
  CHECK_FIELD(scores);
  CHECK_FIELD(count);
  CHECK_FIELD(batch_ids);
  CHECK_FIELD(batch_scores);
  CHECK_FIELD(counts);
  CHECK_FIELD(all);
  CHECK_FIELD(vector);
  CHECK_FIELD(hidden);
#undef CHECK_FIELD
}

/* The n-th allocation fails, for all n until none does. */
static void every_allocation_fails_in(s3rec_backend backend) {
  test_hooks hooks = {0};
  s3rec_context *context = score_context(backend, S3REC_KERNELS_AUTO, 1, &hooks);
  s3rec_model *model = score_model(context, ITEM_SIZE, LENGTH, WIDTH);
  static round_results right, got;
  s3rec_scorer *reference = make_scorer(model);
  ASSERT_OK(run_round(reference, &right));
  s3rec_scorer_destroy(reference);
  /* A model that is trained drops what scorers had made of its items. */
  ASSERT_OK(s3_model_begin_training(model));
  s3_model_end_training(model);
  const long long live = hooks.live_blocks;
  long long failures = 0;
  for (bool failed = true; failed;) {
    s3rec_scorer *scorer = NULL;
    memset(&got, 0x5a, sizeof got);
    hooks.countdown = ++failures;
    s3rec_status status = s3rec_scorer_create(model, &scorer);
    ck_assert((status == S3REC_OK) == (scorer != NULL));
    if (status == S3REC_OK) status = run_round(scorer, &got);
    failed = status != S3REC_OK;
    hooks.countdown = 0;
    if (failed) ck_assert_int_eq(status, S3REC_ERROR_MEMORY);
    check_partly_written(&got, &right);
    if (scorer != NULL) {
      /* The scorer works as if nothing had happened. */
      ASSERT_OK(run_round(scorer, &got));
      ck_assert_mem_eq(&got, &right, sizeof got);
    }
    s3rec_scorer_destroy(scorer);
    ASSERT_OK(s3_model_begin_training(model));
    s3_model_end_training(model);
    ck_assert_int_eq(hooks.live_blocks, live);
  }
  ck_assert_int_gt(failures, 12);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}

START_TEST(every_allocation_fails) {
  every_allocation_fails_in(S3REC_BACKEND_FUSED);
  every_allocation_fails_in(S3REC_BACKEND_ONEDNN);
}
END_TEST

enum { THREADS = 8, ROUNDS = 20 };
typedef struct thread_work {
  s3rec_model *model;
  round_results results;
  s3rec_status status;
} thread_work;

static void *score_in_thread(void *argument) {
  thread_work *work = argument;
  s3rec_scorer *scorer = NULL;
  work->status = s3rec_scorer_create(work->model, &scorer);
  for (int i = 0; i < ROUNDS && work->status == S3REC_OK; i++) {
    work->status = run_round(scorer, &work->results);
  }
  s3rec_scorer_destroy(scorer);
  return NULL;
}

static void threads_share_a_model_in(s3rec_backend backend) {
  s3rec_context *context = score_context(backend, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = score_model(context, ITEM_SIZE, LENGTH, WIDTH);
  static round_results alone;
  s3rec_scorer *scorer = make_scorer(model);
  ASSERT_OK(run_round(scorer, &alone));
  s3rec_scorer_destroy(scorer);
  static thread_work works[THREADS];
  pthread_t threads[THREADS];
  for (int t = 0; t < THREADS; t++) {
    works[t].model = model;
    ck_assert_int_eq(pthread_create(&threads[t], NULL, score_in_thread, &works[t]), 0);
  }
  for (int t = 0; t < THREADS; t++) pthread_join(threads[t], NULL);
  for (int t = 0; t < THREADS; t++) {
    ASSERT_OK(works[t].status);
    ck_assert_mem_eq(&works[t].results, &alone, sizeof alone);
  }
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}

START_TEST(threads_share_a_model) {
  threads_share_a_model_in(S3REC_BACKEND_FUSED);
  threads_share_a_model_in(S3REC_BACKEND_ONEDNN);
}
END_TEST

static void expect_close(const float *a, const float *b, size_t count, double tolerance) {
  for (size_t i = 0; i < count; i++) ck_assert_double_eq_tol(a[i], b[i], tolerance);
}

enum { ROWS = 150, ROW_FLOATS = LENGTH * WIDTH };

static void encode_rows_in(s3rec_context *context) {
  s3rec_model *model = score_model(context, ITEM_SIZE, LENGTH, WIDTH);
  s3rec_scorer *scorer = make_scorer(model);
  static int32_t ids[ROWS * LENGTH];
  static float together[ROWS * ROW_FLOATS];
  float alone[ROW_FLOATS];
  s3_random random = s3_random_make(4);
  for (size_t row = 0; row < ROWS; row++) {
    const size_t padding = s3_random_below(&random, LENGTH + 1);
    memset(ids + row * LENGTH, 0, padding * sizeof *ids);
    score_draw_history(&random, 1, ITEM_SIZE - 1, ids + row * LENGTH + padding, LENGTH - padding);
  }
  for (int attention = S3REC_ATTENTION_CAUSAL; attention <= S3REC_ATTENTION_BIDIRECTIONAL;
       ++attention) {
    memset(together, 0xff, sizeof together);
    ASSERT_OK(s3rec_encode(scorer, (s3rec_attention)attention, ids, ROWS, LENGTH, together));
    for (size_t row = 0; row < ROWS; row++) {
      const int32_t *row_ids = ids + row * LENGTH;
      const float *row_hidden = together + row * ROW_FLOATS;
      ASSERT_OK(s3rec_encode(scorer, (s3rec_attention)attention, row_ids, 1, LENGTH, alone));
      expect_close(row_hidden, alone, ROW_FLOATS, 1e-5);
      for (size_t c = 0; c < LENGTH; c++) {
        float largest = 0;
        for (size_t i = 0; i < WIDTH; i++) largest = fmaxf(largest, row_hidden[c * WIDTH + i]);
        ck_assert_int_eq(largest == 0.0f, row_ids[c] == 0);
      }
    }
  }
  /* Shorter arrays are aligned to the end: the same as padding on the left. */
  const int32_t short_row[] = {7, 8, 9}, padded_row[] = {0, 0, 0, 7, 8, 9};
  float short_hidden[3 * WIDTH], causal[ROW_FLOATS], full[ROW_FLOATS];
  ASSERT_OK(s3rec_encode(scorer, S3REC_ATTENTION_CAUSAL, short_row, 1, 3, short_hidden));
  ASSERT_OK(s3rec_encode(scorer, S3REC_ATTENTION_CAUSAL, padded_row, 1, LENGTH, causal));
  ck_assert_mem_eq(short_hidden, causal + 3 * WIDTH, sizeof short_hidden);
  /* A causal row does not see what comes later, a bidirectional one does. */
  const int32_t other_end[] = {0, 0, 0, 7, 8, 10};
  ASSERT_OK(s3rec_encode(scorer, S3REC_ATTENTION_CAUSAL, other_end, 1, LENGTH, full));
  expect_close(full, causal, 5 * WIDTH, 1e-6);
  ck_assert(memcmp(full + 5 * WIDTH, causal + 5 * WIDTH, WIDTH * sizeof *full) != 0);
  ASSERT_OK(s3rec_encode(scorer, S3REC_ATTENTION_BIDIRECTIONAL, padded_row, 1, LENGTH, full));
  ck_assert_float_gt((full[3 * WIDTH] - causal[3 * WIDTH]) * (full[3 * WIDTH] - causal[3 * WIDTH]),
                     1e-8f);
  s3rec_scorer_destroy(scorer);
  s3rec_model_destroy(model);
}

START_TEST(encode_rows) { score_every_context(encode_rows_in); }
END_TEST

/* Three tokens use the last three positions and no other. */
START_TEST(positions_are_aligned_to_the_end) {
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = score_model(context, ITEM_SIZE, LENGTH, WIDTH);
  static const char name[] = "position_embeddings.weight";
  const int32_t ids[] = {7, 8, 9};
  float positions[LENGTH * WIDTH], before[3 * WIDTH], after[3 * WIDTH];
  float vector_before[WIDTH], vector_after[WIDTH];
  ASSERT_OK(s3rec_model_parameter_read(model, name, positions, LENGTH * WIDTH));
  s3rec_scorer *scorer = make_scorer(model);
  ASSERT_OK(s3rec_encode(scorer, S3REC_ATTENTION_CAUSAL, ids, 1, 3, before));
  ASSERT_OK(s3rec_user_vector(scorer, ids, 3, vector_before, WIDTH));
  for (size_t slot = 0; slot < LENGTH; slot++) {
    s3rec_scorer_destroy(scorer);
    positions[slot * WIDTH] += 1;
    ASSERT_OK(s3rec_model_parameter_write(model, name, positions, LENGTH * WIDTH));
    positions[slot * WIDTH] -= 1;
    scorer = make_scorer(model);
    ASSERT_OK(s3rec_encode(scorer, S3REC_ATTENTION_CAUSAL, ids, 1, 3, after));
    ASSERT_OK(s3rec_user_vector(scorer, ids, 3, vector_after, WIDTH));
    ck_assert_int_eq(memcmp(before, after, sizeof before) == 0, slot < LENGTH - 3);
    ck_assert_int_eq(memcmp(vector_before, vector_after, sizeof vector_before) == 0,
                     slot < LENGTH - 3);
  }
  s3rec_scorer_destroy(scorer);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

/* More tokens than one pass holds, and a sequence longer than a whole pass. */
START_TEST(encode_in_several_passes) {
  enum { LONG = 4096, COUNT = 3, NARROW = 4 };
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = score_model(context, ITEM_SIZE, LONG, NARROW);
  s3rec_scorer *scorer = make_scorer(model);
  static int32_t ids[COUNT * LONG];
  static float hidden[COUNT * LONG * NARROW], alone[LONG * NARROW];
  for (size_t t = 0; t < LONG; t++) {
    ids[t] = t < LONG - 10 ? 0 : 5 + (int32_t)t % 7;
    ids[LONG + t] = t < LONG - 1500 ? 0 : 1 + (int32_t)t % 31;
    ids[2 * LONG + t] = t < LONG - 3000 ? 0 : 1 + (int32_t)t % 297;
  }
  ASSERT_OK(s3rec_encode(scorer, S3REC_ATTENTION_CAUSAL, ids, COUNT, LONG, hidden));
  for (size_t row = 0; row < COUNT; row++) {
    ASSERT_OK(s3rec_encode(scorer, S3REC_ATTENTION_CAUSAL, ids + row * LONG, 1, LONG, alone));
    expect_close(hidden + row * LONG * NARROW, alone, LONG * NARROW, 1e-5);
  }
  s3rec_scorer_destroy(scorer);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

START_TEST(encode_refuses_bad_rows) {
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = score_model(context, ITEM_SIZE, LENGTH, WIDTH);
  s3rec_scorer *scorer = make_scorer(model);
  float hidden[2 * 3 * WIDTH] = {5};
  const int32_t beyond[] = {0, 1, 2, 0, 3, ITEM_SIZE}, negative[] = {0, 1, 2, -1, 3, 4};
  const int32_t hole[] = {0, 1, 2, 3, 0, 4};
  ASSERT_FAILS(s3rec_encode(scorer, S3REC_ATTENTION_CAUSAL, beyond, 2, 3, hidden),
               S3REC_ERROR_FORMAT, "row 1, column 2: id 300 is not in 0..299");
  ASSERT_FAILS(s3rec_encode(scorer, S3REC_ATTENTION_CAUSAL, negative, 2, 3, hidden),
               S3REC_ERROR_FORMAT, "row 1, column 0: id -1");
  ASSERT_FAILS(s3rec_encode(scorer, S3REC_ATTENTION_CAUSAL, hole, 2, 3, hidden),
               S3REC_ERROR_FORMAT, "row 1, column 1: padding");
  ck_assert_float_eq(hidden[0], 5);
  s3rec_scorer_destroy(scorer);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

TEST_SUITE(score_api) {
  TCase *rules = tcase_create("rules");
  tcase_add_test(rules, arguments_are_checked);
  tcase_add_test(rules, scorers_and_trainers_exclude_each_other);
  tcase_add_test(rules, no_allocation_the_second_time);
  tcase_add_test(rules, every_allocation_fails);
  tcase_add_test(rules, threads_share_a_model);
  TCase *encode = tcase_create("encode");
  tcase_add_test(encode, encode_rows);
  tcase_add_test(encode, positions_are_aligned_to_the_end);
  tcase_add_test(encode, encode_in_several_passes);
  tcase_add_test(encode, encode_refuses_bad_rows);
  test_add_cases(suite, rules, encode, NULL);
}
