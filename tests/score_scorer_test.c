/* SPDX-License-Identifier: Apache-2.0 */
/* Recommendations against sorting all scores, on models of several tiles. A score
 * has the same bits in every call that scores users one by one. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "score_support.h"

enum { ITEM_SIZE = 2600, LENGTH = 8, WIDTH = 20, LAST_ITEM = ITEM_SIZE - 2, K = 25 };

typedef struct ranked {
  float score;
  int32_t id;
} ranked;

static int by_rank(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (x->score != y->score) return x->score > y->score ? -1 : 1;
  return x->id < y->id ? -1 : x->id > y->id;
}

static bool contains(const int32_t *ids, size_t count, int32_t id) {
  for (size_t i = 0; i < count; i++) {
    if (ids[i] == id) return true;
  }
  return false;
}

/* All that may be recommended, by s3rec_score_all and qsort. */
static size_t rank_plainly(s3rec_scorer *scorer, const int32_t *history, size_t count,
                           const s3rec_score_options *options, ranked *items) {
  static float scores[ITEM_SIZE];
  ASSERT_OK(s3rec_score_all(scorer, history, count, scores, ITEM_SIZE));
  size_t left = 0;
  for (int32_t id = 1; id <= LAST_ITEM; id++) {
    if (!options->include_history && contains(history, count, id)) continue;
    if (contains(options->excluded, options->excluded_count, id)) continue;
    if (options->candidates != NULL &&
        !contains(options->candidates, options->candidate_count, id)) {
      continue;
    }
    items[left++] = (ranked){scores[id], id};
  }
  qsort(items, left, sizeof *items, by_rank);
  return left;
}

/* The same ids in the same order, but items whose scores differ by no more than
 * `tolerance` may be swapped. */
static void check_ranking(const ranked *expected, size_t expected_count, size_t k,
                          const int32_t *ids, const float *scores, size_t count,
                          float tolerance) {
  ck_assert_uint_eq(count, k < expected_count ? k : expected_count);
  for (size_t i = 0; i < count; i++) {
    ck_assert(fabsf(scores[i] - expected[i].score) <= tolerance);
    if (ids[i] == expected[i].id) continue;
    size_t place = 0;
    while (place < expected_count && expected[place].id != ids[i]) ++place;
    ck_assert_msg(place < expected_count, "rank %zu: item %d may not be here", i, ids[i]);
    ck_assert(fabsf(expected[place].score - expected[i].score) <= tolerance);
    ck_assert(!contains(ids, i, ids[i]));
  }
}

static void check_next(s3rec_scorer *scorer, const int32_t *history, size_t history_count,
                       const s3rec_score_options *options) {
  static const size_t depths[] = {0, 1, 20, 150, 500, LAST_ITEM, ITEM_SIZE + 5};
  static ranked expected[ITEM_SIZE];
  static int32_t ids[ITEM_SIZE + 5];
  static float scores[ITEM_SIZE + 5];
  const size_t left = rank_plainly(scorer, history, history_count, options, expected);
  for (size_t d = 0; d < sizeof depths / sizeof *depths; d++) {
    size_t count = 12345;
    ASSERT_OK(s3rec_score_next(scorer, history, history_count, options, depths[d], ids, scores,
                               &count));
    check_ranking(expected, left, depths[d], ids, scores, count, 0);
    size_t count_without = 12345;
    static int32_t ids_without[ITEM_SIZE + 5];
    ASSERT_OK(s3rec_score_next(scorer, history, history_count, options, depths[d], ids_without,
                               NULL, &count_without));
    ck_assert_uint_eq(count_without, count);
    ck_assert_mem_eq(ids_without, ids, count * sizeof *ids);
  }
}

static void next_equals_sorting_in(s3rec_context *context) {
  s3rec_model *model = score_model(context, ITEM_SIZE, LENGTH, WIDTH);
  s3rec_scorer *scorer = score_create(model);
  s3_random random = s3_random_make(1);
  int32_t history[30], excluded[300], candidates[700];
  for (size_t round = 0; round < 4; round++) {
    /* Ids from below 0 to beyond the mask, so that unknown ones are among them. */
    score_draw_history(&random, -50, ITEM_SIZE + 50, history, 30);
    score_draw_history(&random, -50, ITEM_SIZE + 50, excluded, 300);
    score_draw_history(&random, -50, ITEM_SIZE + 50, candidates, 700);
    history[29] = history[3] = 17;
    candidates[5] = history[3];
    const size_t history_count = round == 0 ? 30 : 1 + round;
    history[history_count - 1] = 17;
    s3rec_score_options options;
    s3rec_score_options_init(&options);
    check_next(scorer, history, history_count, &options);
    options.include_history = 1;
    check_next(scorer, history, history_count, &options);
    options.excluded = excluded;
    options.excluded_count = 300;
    check_next(scorer, history, history_count, &options);
    options.candidates = candidates;
    options.candidate_count = round == 3 ? 0 : 700 - 300 * round;
    check_next(scorer, history, history_count, &options);
    options.include_history = 0;
    check_next(scorer, history, history_count, &options);
  }
  s3rec_scorer_destroy(scorer);
  s3rec_model_destroy(model);
}

START_TEST(next_equals_sorting) { score_every_scan(next_equals_sorting_in); }
END_TEST

/* score = <user vector, item row>, in double from what can be read. */
static void scores_are_dot_products_in(s3rec_context *context) {
  s3rec_model *model = score_model(context, ITEM_SIZE, LENGTH, WIDTH);
  static float rows[ITEM_SIZE * WIDTH], scores[ITEM_SIZE];
  ASSERT_OK(s3rec_model_parameter_read(model, "item_embeddings.weight", rows, ITEM_SIZE * WIDTH));
  s3rec_scorer *scorer = score_create(model);
  static const int32_t history[] = {5, 2000, 17, 5};
  float vector[WIDTH];
  ASSERT_OK(s3rec_user_vector(scorer, history, 4, vector, WIDTH));
  ASSERT_OK(s3rec_score_all(scorer, history, 4, scores, ITEM_SIZE));
  for (size_t i = 0; i < ITEM_SIZE; i++) {
    double expected = 0;
    for (size_t c = 0; c < WIDTH; c++) expected += (double)vector[c] * rows[i * WIDTH + c];
    ck_assert_double_eq_tol(scores[i], expected, 5e-6);
  }
  /* The last token's vector is the last row of the causal encoding. */
  float hidden[4 * WIDTH];
  ASSERT_OK(s3rec_encode(scorer, S3REC_ATTENTION_CAUSAL, history, 1, 4, hidden));
  for (size_t c = 0; c < WIDTH; c++) {
    ck_assert_double_eq_tol(vector[c], hidden[3 * WIDTH + c], 1e-5);
  }
  s3rec_scorer_destroy(scorer);
  s3rec_model_destroy(model);
}

START_TEST(scores_are_dot_products) { score_every_scan(scores_are_dot_products_in); }
END_TEST

static void expect_same_vector(s3rec_scorer *scorer, const int32_t *a, size_t a_count,
                               const int32_t *b, size_t b_count, bool same) {
  float x[WIDTH], y[WIDTH];
  ASSERT_OK(s3rec_user_vector(scorer, a, a_count, x, WIDTH));
  ASSERT_OK(s3rec_user_vector(scorer, b, b_count, y, WIDTH));
  ck_assert_int_eq(memcmp(x, y, sizeof x) == 0, same);
}

/* Unknown ids go first, then the last LENGTH items stay. */
START_TEST(history_is_cleaned_then_cut) {
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = score_model(context, ITEM_SIZE, LENGTH, WIDTH);
  s3rec_scorer *scorer = score_create(model);
  static const int32_t known[] = {1, 2, 3, 4, 5, 6, 7, LAST_ITEM};
  static const int32_t other_first[] = {9, 2, 3, 4, 5, 6, 7, LAST_ITEM};
  static const int32_t mixed[] = {9, 9, 1, 2, ITEM_SIZE - 1, 3, 0, 4, -1, 5, 6, ITEM_SIZE, 7,
                                  INT32_MAX, LAST_ITEM, INT32_MIN};
  expect_same_vector(scorer, known, 8, mixed, 16, true);
  expect_same_vector(scorer, known, 8, mixed + 2, 14, true);
  expect_same_vector(scorer, known, 8, other_first, 8, false);
  expect_same_vector(scorer, known + 1, 7, mixed + 3, 13, true);
  /* The filter knows the items that were cut: 9 is nowhere. */
  static int32_t ids[ITEM_SIZE];
  size_t count;
  ASSERT_OK(s3rec_score_next(scorer, mixed, 16, NULL, ITEM_SIZE, ids, NULL, &count));
  ck_assert_uint_eq(count, LAST_ITEM - 9);
  ck_assert(!contains(ids, count, 9));
  ck_assert(contains(ids, count, 10));
  s3rec_scorer_destroy(scorer);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

START_TEST(nothing_to_encode) {
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = score_model(context, ITEM_SIZE, LENGTH, WIDTH);
  s3rec_scorer *scorer = score_create(model);
  static const int32_t unknown[] = {0, -4, ITEM_SIZE - 1, ITEM_SIZE};
  int32_t ids[3] = {7, 7, 7};
  float scores[ITEM_SIZE] = {3};
  for (size_t length = 0; length <= 4; length += 4) {
    size_t count = 9;
    ASSERT_OK(s3rec_score_next(scorer, length == 0 ? NULL : unknown, length, NULL, 3, ids, scores,
                               &count));
    ck_assert_uint_eq(count, 0);
    ck_assert_int_eq(ids[0], 7);
    ASSERT_FAILS(s3rec_score_all(scorer, unknown, length, scores, ITEM_SIZE),
                 S3REC_ERROR_ARGUMENT, "nothing to encode");
    ASSERT_FAILS(s3rec_user_vector(scorer, unknown, length, scores, ITEM_SIZE),
                 S3REC_ERROR_ARGUMENT, "nothing to encode");
    ck_assert_float_eq(scores[0], 3);
  }
  s3rec_scorer_destroy(scorer);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

/* Equal item rows have equal scores: the lower id comes first, also where the
 * k-th place is shared, whether users are scored alone or together. */
static void ties_go_to_the_lower_id_in(s3rec_context *context) {
  s3rec_model *model = score_model(context, ITEM_SIZE, LENGTH, WIDTH);
  /* Five groups of equal rows, spread over all tiles; item 6 is the history. */
  for (int32_t id = 6; id <= LAST_ITEM; id++) {
    if (id != 6) score_copy_item(model, 1 + id % 5, id);
    if (id == 40) id = ITEM_SIZE - 60; /* the middle stays as it is */
  }
  s3rec_scorer *scorer = score_create(model);
  static int32_t histories[9] = {6, 6, 6, 6, 6, 6, 6, 6, 6};
  static const int64_t offsets[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  static int32_t ids[9 * ITEM_SIZE], alone[ITEM_SIZE];
  static float scores[9 * ITEM_SIZE], alone_scores[ITEM_SIZE];
  size_t counts[9], count;
  for (size_t k = 1; k < 140; k += 7) {
    ASSERT_OK(s3rec_score_next(scorer, histories, 1, NULL, k, alone, alone_scores, &count));
    ASSERT_OK(s3rec_score_next_batch(scorer, histories, offsets, 9, NULL, k, ids, scores, counts));
    ck_assert_uint_eq(count, k);
    for (size_t i = 1; i < k; i++) {
      ck_assert(alone_scores[i - 1] >= alone_scores[i]);
      if (alone_scores[i - 1] == alone_scores[i]) ck_assert_int_lt(alone[i - 1], alone[i]);
    }
    for (size_t user = 0; user < 9; user++) {
      ck_assert_uint_eq(counts[user], k);
      ck_assert_mem_eq(ids + user * k, alone, k * sizeof *ids);
    }
  }
  s3rec_scorer_destroy(scorer);
  s3rec_model_destroy(model);
}

START_TEST(ties_go_to_the_lower_id) { score_every_scan(ties_go_to_the_lower_id_in); }
END_TEST

/* A product rounds equal rows differently by where they stand, and here all rows
 * are equal: the best are 1, 2, 3, ... for every user. */
static void all_items_tie_in(s3rec_context *context) {
  enum { TIED_WIDTH = 64, TIED_USERS = 12 };
  s3rec_model *model = score_model(context, ITEM_SIZE, LENGTH, TIED_WIDTH);
  static float rows[ITEM_SIZE * TIED_WIDTH];
  static const char name[] = "item_embeddings.weight";
  ASSERT_OK(s3rec_model_parameter_read(model, name, rows, ITEM_SIZE * TIED_WIDTH));
  for (size_t i = 1; i < ITEM_SIZE; i++) memcpy(rows + i * TIED_WIDTH, rows, TIED_WIDTH * 4);
  ASSERT_OK(s3rec_model_parameter_write(model, name, rows, ITEM_SIZE * TIED_WIDTH));
  s3rec_scorer *scorer = score_create(model);
  int32_t histories[TIED_USERS * LENGTH], ids[TIED_USERS * K];
  int64_t offsets[TIED_USERS + 1] = {0};
  size_t counts[TIED_USERS], token = 0;
  for (size_t user = 0; user < TIED_USERS; user++) {
    for (size_t i = 0; i < 1 + user % LENGTH; i++) histories[token++] = 1;
    offsets[user + 1] = (int64_t)token;
  }
  ASSERT_OK(s3rec_score_next_batch(scorer, histories, offsets, TIED_USERS, NULL, K, ids, NULL,
                                   counts));
  for (size_t i = 0; i < TIED_USERS * K; i++) ck_assert_int_eq(ids[i], 2 + (int32_t)(i % K));
  s3rec_scorer_destroy(scorer);
  s3rec_model_destroy(model);
}

START_TEST(all_items_tie) { score_every_scan(all_items_tie_in); }
END_TEST

enum { BATCH = 150, MOST = 14 };

/* Histories of 0..MOST ids, some unknown. */
static void draw_batch(int32_t *histories, int64_t *offsets) {
  s3_random random = s3_random_make(9);
  offsets[0] = 0;
  for (size_t user = 0; user < BATCH; user++) {
    const size_t count = s3_random_below(&random, MOST + 1);
    score_draw_history(&random, -30, ITEM_SIZE + 30, histories + offsets[user], count);
    offsets[user + 1] = offsets[user] + (int64_t)count;
  }
}

/* Bit for bit with the fused backend; to rounding with onednn's primitives, whose
 * sums depend on how many rows there are. */
static void batch_equals_single_in(s3rec_context *context) {
  const float tolerance = s3rec_context_backend(context) == S3REC_BACKEND_FUSED ? 0 : 1e-5f;
  s3rec_model *model = score_model(context, ITEM_SIZE, LENGTH, WIDTH);
  s3rec_scorer *scorer = score_create(model);
  static int32_t histories[BATCH * MOST], excluded[100], candidates[600];
  int64_t offsets[BATCH + 1];
  draw_batch(histories, offsets);
  s3_random random = s3_random_make(2);
  score_draw_history(&random, -5, ITEM_SIZE + 5, excluded, 100);
  score_draw_history(&random, -5, ITEM_SIZE + 5, candidates, 600);
  static const size_t user_counts[] = {0, 1, 7, 9, 64, 65, BATCH};
  static int32_t ids[BATCH * K];
  static float scores[BATCH * K];
  static ranked expected[ITEM_SIZE];
  size_t counts[BATCH];
  for (int variant = 0; variant < 3; variant++) {
    s3rec_score_options options;
    s3rec_score_options_init(&options);
    if (variant >= 1) {
      options.excluded = excluded;
      options.excluded_count = 100;
    }
    if (variant == 2) {
      options.candidates = candidates;
      options.candidate_count = 600;
    }
    for (size_t n = 0; n < sizeof user_counts / sizeof *user_counts; n++) {
      const size_t users = user_counts[n];
      memset(ids, 0xff, sizeof ids);
      ASSERT_OK(s3rec_score_next_batch(scorer, histories, offsets, users, &options, K, ids, scores,
                                       counts));
      for (size_t user = 0; user < users; user++) {
        const int32_t *history = histories + offsets[user];
        const size_t history_count = (size_t)(offsets[user + 1] - offsets[user]);
        int32_t single_ids[K];
        size_t single;
        ASSERT_OK(s3rec_score_next(scorer, history, history_count, &options, K, single_ids, NULL,
                                   &single));
        ck_assert_uint_eq(counts[user], single);
        if (single > 0) {
          const size_t left = rank_plainly(scorer, history, history_count, &options, expected);
          check_ranking(expected, left, K, ids + user * K, scores + user * K, single,
                        tolerance);
        }
        for (size_t i = single; i < K; i++) {
          ck_assert_int_eq(ids[user * K + i], 0);
          ck_assert_float_eq(scores[user * K + i], 0);
        }
      }
      if (users < BATCH) ck_assert_int_eq(ids[users * K], -1);
    }
  }
  s3rec_scorer_destroy(scorer);
  s3rec_model_destroy(model);
}

START_TEST(batch_equals_single) { score_every_scan(batch_equals_single_in); }
END_TEST

/* Scores beyond FLT_MAX keep their place; nothing is lost or doubled. */
START_TEST(overflowing_scores_are_ranked) {
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = score_model(context, ITEM_SIZE, LENGTH, WIDTH);
  static const int32_t history[] = {3, 4};
  float vector[WIDTH];
  s3rec_scorer *scorer = score_create(model);
  ASSERT_OK(s3rec_user_vector(scorer, history, 2, vector, WIDTH));
  s3rec_scorer_destroy(scorer);
  size_t largest = 0;
  for (size_t c = 1; c < WIDTH; c++) {
    if (fabsf(vector[c]) > fabsf(vector[largest])) largest = c;
  }
  ck_assert(fabsf(vector[largest]) > 1.2f);
  static float rows[ITEM_SIZE * WIDTH];
  ASSERT_OK(s3rec_model_parameter_read(model, "item_embeddings.weight", rows, ITEM_SIZE * WIDTH));
  static const int32_t up[] = {9, 1500}, down[] = {1, 2, 2000};
  for (size_t i = 0; i < 3; i++) {
    if (i < 2) rows[(size_t)up[i] * WIDTH + largest] = copysignf(3e38f, vector[largest]);
    rows[(size_t)down[i] * WIDTH + largest] = -copysignf(3e38f, vector[largest]);
  }
  ASSERT_OK(s3rec_model_parameter_write(model, "item_embeddings.weight", rows, ITEM_SIZE * WIDTH));
  ASSERT_OK(s3rec_scorer_create(model, &scorer));
  static int32_t ids[9 * ITEM_SIZE];
  static float scores[9 * ITEM_SIZE];
  int32_t histories[18];
  int64_t offsets[10];
  size_t counts[9];
  for (size_t user = 0; user < 9; user++) memcpy(histories + 2 * user, history, sizeof history);
  for (size_t user = 0; user < 10; user++) offsets[user] = 2 * (int64_t)user;
  for (size_t users = 1; users <= 9; users += 8) {
    for (size_t k = 3; k <= LAST_ITEM; k += LAST_ITEM - 3) {
      ASSERT_OK(s3rec_score_next_batch(scorer, histories, offsets, users, NULL, k, ids, scores,
                                       counts));
      ck_assert_uint_eq(counts[users - 1], k == 3 ? 3 : LAST_ITEM - 2);
      ck_assert_int_eq(ids[0], 9);
      ck_assert_int_eq(ids[1], 1500);
      ck_assert(scores[1] == INFINITY && scores[2] < INFINITY);
      if (k == 3) continue;
      static const int32_t last[] = {1, 2, 2000};
      ck_assert_mem_eq(ids + LAST_ITEM - 2 - 3, last, sizeof last);
      ck_assert(scores[LAST_ITEM - 2 - 1] == -INFINITY);
    }
  }
  s3rec_scorer_destroy(scorer);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

TEST_SUITE(score_scorer) {
  TCase *next = tcase_create("next");
  tcase_add_test(next, next_equals_sorting);
  tcase_add_test(next, scores_are_dot_products);
  tcase_add_test(next, history_is_cleaned_then_cut);
  tcase_add_test(next, nothing_to_encode);
  tcase_add_test(next, ties_go_to_the_lower_id);
  tcase_add_test(next, all_items_tie);
  tcase_add_test(next, overflowing_scores_are_ranked);
  TCase *batch = tcase_create("batch");
  tcase_add_test(batch, batch_equals_single);
  test_add_cases(suite, next, batch, NULL);
}
