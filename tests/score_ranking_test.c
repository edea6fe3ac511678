/* SPDX-License-Identifier: Apache-2.0 */
/* Top-k heap, rank counting, id sets and metrics against plain definitions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "scoring/evaluate.h"
#include "scoring/order.h"
#include "support/suite.h"

enum { ITEMS = 500 };

static int by_rank(const void *a, const void *b) {
  const s3_ranked *x = a, *y = b;
  return s3_ranks_before(*x, *y) ? -1 : s3_ranks_before(*y, *x);
}

/* Scores of few distinct values, so that ties are everywhere. */
static void draw_items(uint64_t seed, uint32_t values, s3_ranked *items) {
  s3_random random = s3_random_make(seed);
  for (int32_t i = 0; i < ITEMS; i++) {
    items[i] = (s3_ranked){(float)s3_random_below(&random, values) - 2.0f, i + 1};
  }
}

static void check_top_k(const s3_ranked *items, size_t k) {
  s3_ranked sorted[ITEMS], entries[ITEMS];
  memcpy(sorted, items, sizeof sorted);
  qsort(sorted, ITEMS, sizeof *sorted, by_rank);
  s3_top_k top;
  s3_top_k_begin(&top, entries, k);
  for (size_t i = 0; i < ITEMS; i++) {
    /* The threshold may only refuse what the heap would refuse. */
    const float before = top.threshold;
    s3_top_k_offer(&top, items[i].score, items[i].id);
    if (items[i].score <= before) ck_assert_float_eq(top.threshold, before);
  }
  s3_top_k_sort(&top);
  ck_assert_uint_eq(top.count, k < ITEMS ? k : ITEMS);
  for (size_t i = 0; i < top.count; i++) {
    ck_assert_int_eq(entries[i].id, sorted[i].id);
    ck_assert_float_eq(entries[i].score, sorted[i].score);
  }
}

START_TEST(top_k_equals_sorting) {
  static const size_t depths[] = {0, 1, 2, 3, 7, 20, 64, ITEMS - 1, ITEMS};
  s3_ranked items[ITEMS];
  for (uint64_t seed = 0; seed < 20; seed++) {
    draw_items(seed, seed % 2 == 0 ? 5 : 100000, items);
    for (size_t d = 0; d < sizeof depths / sizeof *depths; d++) check_top_k(items, depths[d]);
  }
}
END_TEST

START_TEST(top_k_in_any_order_of_ids) {
  s3_ranked items[ITEMS], entries[10], reversed[10];
  draw_items(7, 4, items);
  s3_top_k top;
  s3_top_k_begin(&top, entries, 10);
  for (size_t i = 0; i < ITEMS; i++) s3_top_k_offer(&top, items[i].score, items[i].id);
  s3_top_k_sort(&top);
  s3_top_k_begin(&top, reversed, 10);
  for (size_t i = ITEMS; i-- > 0;) s3_top_k_offer(&top, items[i].score, items[i].id);
  s3_top_k_sort(&top);
  for (size_t i = 0; i < 10; i++) ck_assert_int_eq(entries[i].id, reversed[i].id);
}
END_TEST

START_TEST(top_k_with_infinite_scores) {
  s3_ranked entries[4];
  s3_top_k top;
  s3_top_k_begin(&top, entries, 4);
  const float scores[] = {-INFINITY, NAN, INFINITY, 1.0f, -INFINITY, INFINITY, NAN};
  for (int32_t i = 0; i < 7; i++) s3_top_k_offer(&top, scores[i], i + 1);
  s3_top_k_sort(&top);
  ck_assert_uint_eq(top.count, 4);
  static const int32_t expected[] = {3, 6, 4, 1};
  for (size_t i = 0; i < 4; i++) ck_assert_int_eq(entries[i].id, expected[i]);
}
END_TEST

START_TEST(nan_never_helps_an_answer) {
  ck_assert_int_eq(s3_outranks(NAN, 9, 1.0f, 5), 1);
  ck_assert_int_eq(s3_outranks(1.0f, 9, NAN, 5), 1);
  ck_assert_int_eq(s3_outranks(NAN, 9, NAN, 5), 1);
  ck_assert_int_eq(s3_outranks(-INFINITY, 9, -INFINITY, 5), 0);
  ck_assert_int_eq(s3_outranks(-INFINITY, 4, -INFINITY, 5), 1);
  ck_assert_int_eq(s3_outranks(INFINITY, 9, INFINITY, 5), 0);
}
END_TEST

START_TEST(sorting_drops_repeats) {
  s3_random random = s3_random_make(11);
  for (size_t count = 0; count < 60; count++) {
    int32_t ids[60];
    bool present[41] = {false};
    size_t distinct = 0;
    for (size_t i = 0; i < count; i++) {
      ids[i] = 1 + (int32_t)s3_random_below(&random, 40);
      distinct += !present[ids[i]];
      present[ids[i]] = true;
    }
    ck_assert_uint_eq(s3_sort_distinct(ids, count), distinct);
    for (size_t i = 0; i < distinct; i++) {
      ck_assert(present[ids[i]]);
      if (i > 0) ck_assert_int_lt(ids[i - 1], ids[i]);
    }
    for (int32_t id = 0; id <= 41; id++) {
      ck_assert_int_eq(s3_sorted_has(ids, distinct, id), id <= 40 && present[id]);
    }
  }
}
END_TEST

START_TEST(id_set_gives_back_what_went_in) {
  static const int32_t ids[] = {63, 1, 64, 199, 0, 128, 64};
  static const int32_t sorted[] = {0, 1, 63, 64, 128, 199};
  uint64_t set[4] = {0};
  ck_assert_uint_eq(s3_id_set_words(200), 4);
  ck_assert_uint_eq(s3_id_set_words(192), 3);
  for (size_t i = 0; i < 7; i++) s3_id_set_insert(set, ids[i]);
  for (int32_t id = 0; id < 200; id++) {
    bool expected = false;
    for (size_t i = 0; i < 6; i++) expected |= sorted[i] == id;
    ck_assert_int_eq(s3_id_set_has(set, id), expected);
  }
  int32_t taken[200];
  ck_assert_uint_eq(s3_id_set_take(set, 4, taken), 6);
  for (size_t i = 0; i < 6; i++) ck_assert_int_eq(taken[i], sorted[i]);
  for (size_t w = 0; w < 4; w++) ck_assert_uint_eq(set[w], 0);
}
END_TEST

/* By hand: HR@k counts ranks below k; NDCG of rank 0, 1, 2, 6 is 1, 0.63, 0.5, 1/3. */
START_TEST(metrics_of_known_ranks) {
  static const int64_t ranks[] = {0, 1, -1, 2, 6, 19, 20, -1, 1000000, 4};
  s3rec_metrics m;
  memset(&m, 0, sizeof m);
  s3_metrics_from_ranks(ranks, 10, &m);
  ck_assert_uint_eq(m.user_count, 8);
  ck_assert_uint_eq(m.skipped_count, 2);
  ck_assert_double_eq(m.hit_rate[0], 1 / 8.0);
  ck_assert_double_eq(m.hit_rate[1], 4 / 8.0);
  ck_assert_double_eq(m.hit_rate[2], 5 / 8.0);
  ck_assert_double_eq(m.hit_rate[3], 6 / 8.0);
  const double five = 1 + 1 / log2(3) + 0.5 + 1 / log2(6);
  ck_assert_double_eq_tol(m.ndcg[0], five / 8, 1e-15);
  ck_assert_double_eq_tol(m.ndcg[1], (five + 1 / 3.0) / 8, 1e-15);
  ck_assert_double_eq_tol(m.ndcg[2], (five + 1 / 3.0 + 1 / log2(21)) / 8, 1e-15);
  const double reciprocal =
      1 + 1 / 2.0 + 1 / 3.0 + 1 / 7.0 + 1 / 20.0 + 1 / 21.0 + 1 / 1000001.0 + 1 / 5.0;
  ck_assert_double_eq_tol(m.mrr, reciprocal / 8, 1e-15);
}
END_TEST

START_TEST(metrics_of_nobody) {
  static const int64_t ranks[] = {-1, -1};
  s3rec_metrics m;
  memset(&m, 0xff, sizeof m);
  s3_metrics_from_ranks(ranks, 2, &m);
  ck_assert_uint_eq(m.user_count, 0);
  ck_assert_uint_eq(m.skipped_count, 2);
  for (size_t i = 0; i < 4; i++) ck_assert_double_eq(m.hit_rate[i], 0);
  for (size_t i = 0; i < 3; i++) ck_assert_double_eq(m.ndcg[i], 0);
  ck_assert_double_eq(m.mrr, 0);
}
END_TEST

TEST_SUITE(score_ranking) {
  TCase *top_k = tcase_create("top_k");
  tcase_add_test(top_k, top_k_equals_sorting);
  tcase_add_test(top_k, top_k_in_any_order_of_ids);
  tcase_add_test(top_k, top_k_with_infinite_scores);
  TCase *rank = tcase_create("rank");
  tcase_add_test(rank, nan_never_helps_an_answer);
  tcase_add_test(rank, sorting_drops_repeats);
  tcase_add_test(rank, id_set_gives_back_what_went_in);
  TCase *metrics = tcase_create("metrics");
  tcase_add_test(metrics, metrics_of_known_ranks);
  tcase_add_test(metrics, metrics_of_nobody);
  test_add_cases(suite, top_k, rank, metrics, NULL);
}
