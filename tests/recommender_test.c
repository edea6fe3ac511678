/* SPDX-License-Identifier: Apache-2.0 */
/* What a recommender answers: against s3rec_score_next bit for bit, by ids and by names, through
 * filters, by popularity and by similarity. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recommender_fixture.h"

enum { ITEMS = FIXTURE_ITEMS, MOST = FIXTURE_ITEMS + 5 };

/* What a filter is made of: so many ids. */
typedef struct filter_case {
  bool allow_only;
  size_t allowed, denied;
} filter_case;

static const filter_case filter_cases[] = {
    {false, 0, 0}, {false, 0, 30}, {true, 12, 0}, {true, 200, 0}, {true, 12, 40}, {true, 0, 3}};
enum { FILTER_CASES = sizeof filter_cases / sizeof *filter_cases };

static s3rec_filter_options options_of(const filter_case *of, const int32_t *allowed,
                                       const int32_t *denied) {
  s3rec_filter_options options;
  s3rec_filter_options_init(&options);
  options.allow_only = of->allow_only;
  options.allowed = allowed;
  options.allowed_count = of->allowed;
  options.denied = denied;
  options.denied_count = of->denied;
  return options;
}

static void assert_same(const int32_t *ids, const float *scores, size_t count,
                        const int32_t *expected_ids, const float *expected_scores,
                        size_t expected_count) {
  ck_assert_uint_eq(count, expected_count);
  ck_assert(memcmp(ids, expected_ids, count * sizeof *ids) == 0);
  ck_assert(scores == NULL || memcmp(scores, expected_scores, count * sizeof *scores) == 0);
}

/* Every k, unknown and repeated ids, every kind of filter. */
static void check_like_scorer(s3rec_context *context) {
  static const size_t ks[] = {0, 1, 10, 25, MOST};
  s3rec_model *model = fixture_films(context, 4, 0);
  s3rec_scorer *scorer = score_create(model);
  s3rec_recommender *recommender = fixture_recommender(model);
  s3_random random = s3_random_make(7);
  int32_t history[20], allowed[ITEMS], denied[ITEMS], ids[MOST], expected_ids[MOST];
  float scores[MOST], expected_scores[MOST];
  for (int round = 0; round < 4 * FILTER_CASES; round++) {
    const filter_case *const of = &filter_cases[round % FILTER_CASES];
    const size_t length = 1 + s3_random_below(&random, 20), k = ks[round % 5];
    score_draw_history(&random, -2, ITEMS + 3, history, length);
    history[length / 2] = 1 + round;
    score_draw_history(&random, -2, ITEMS + 3, allowed, of->allowed);
    score_draw_history(&random, -2, ITEMS + 3, denied, of->denied);
    const s3rec_filter_options options = options_of(of, allowed, denied);
    s3rec_filter *filter = fixture_filter(recommender, &options);
    s3rec_score_options plain;
    s3rec_score_options_init(&plain);
    plain.excluded = denied;
    plain.excluded_count = of->denied;
    plain.candidates = of->allow_only ? allowed : NULL;
    plain.candidate_count = of->allowed;
    size_t count, expected_count;
    ASSERT_OK(s3rec_score_next(scorer, history, length, &plain, k, expected_ids, expected_scores,
                               &expected_count));
    for (int again = 0; again < 2; again++) {
      ASSERT_OK(s3rec_recommend(recommender, history, length, filter, k, ids, scores, &count));
      assert_same(ids, scores, count, expected_ids, expected_scores, expected_count);
    }
    ASSERT_OK(s3rec_recommend(recommender, history, length, filter, k, ids, NULL, &count));
    assert_same(ids, NULL, count, expected_ids, expected_scores, expected_count);
    s3rec_filter_destroy(filter);
  }
  s3rec_recommender_destroy(recommender);
  s3rec_scorer_destroy(scorer);
  s3rec_model_destroy(model);
}

START_TEST(answers_are_those_of_score_next) { score_every_scan(check_like_scorer); }
END_TEST

enum { USERS = 200 };

typedef struct crowd {
  int32_t items[USERS * 12];
  int64_t offsets[USERS + 1];
  s3rec_filter *filters[USERS]; /* borrowed; some NULL */
} crowd;

/* Users of 0 to 11 items, some of them unknown. */
static void make_crowd(crowd *c, s3rec_filter *const *filters, size_t filter_count) {
  s3_random random = s3_random_make(11);
  c->offsets[0] = 0;
  for (size_t user = 0; user < USERS; user++) {
    const size_t length = user % 12;
    score_draw_history(&random, user % 17 == 0 ? ITEMS + 1 : -1, ITEMS + 2,
                       c->items + c->offsets[user], length);
    c->offsets[user + 1] = c->offsets[user] + (int64_t)length;
    const size_t choice = s3_random_below(&random, (uint32_t)filter_count + 1);
    c->filters[user] = choice < filter_count ? filters[choice] : NULL;
  }
}

/* One of each case; the caller destroys them. */
static void make_filters(const s3rec_recommender *recommender, s3rec_filter **filters) {
  s3_random random = s3_random_make(13);
  int32_t allowed[ITEMS], denied[ITEMS];
  for (size_t i = 0; i < FILTER_CASES; i++) {
    score_draw_history(&random, 1, ITEMS, allowed, filter_cases[i].allowed);
    score_draw_history(&random, 1, ITEMS, denied, filter_cases[i].denied);
    const s3rec_filter_options options = options_of(&filter_cases[i], allowed, denied);
    filters[i] = fixture_filter(recommender, &options);
  }
}

/* Many users at once, on 1, 2 or 3 threads, through filters of their own and one for all, each
 * as if alone. */
START_TEST(many_users_are_answered_as_one_by_one) {
  s3rec_context *context = score_context(S3REC_BACKEND_FUSED, S3REC_KERNELS_AUTO, 1 + _i, NULL);
  s3rec_model *model = fixture_films(context, 4, 0);
  s3rec_recommender *recommender = fixture_recommender(model);
  s3rec_filter *filters[FILTER_CASES];
  make_filters(recommender, filters);
  static crowd c;
  make_crowd(&c, filters, FILTER_CASES);
  for (size_t of_all = 0; of_all <= FILTER_CASES; of_all++) {
    s3rec_request request, alone;
    s3rec_answer *answer = NULL, *one = NULL;
    s3rec_request_init(&request);
    request.user_count = USERS;
    request.offsets = c.offsets;
    request.items = c.items;
    request.item_count = (size_t)c.offsets[USERS];
    request.filters = (const s3rec_filter *const *)c.filters;
    request.filter = of_all < FILTER_CASES ? filters[of_all] : NULL;
    request.include_history = of_all % 2 == 1;
    ASSERT_OK(s3rec_recommend_request(recommender, &request, &answer));
    const int32_t *rows;
    const float *row_scores;
    size_t width;
    ASSERT_OK(s3rec_answer_rows(answer, &rows, &row_scores, &width));
    ck_assert_uint_eq(width, request.k);
    for (size_t user = 0; user < USERS; user++) {
      s3rec_request_init(&alone);
      alone.items = c.items + c.offsets[user];
      alone.item_count = (size_t)(c.offsets[user + 1] - c.offsets[user]);
      alone.filter = c.filters[user];
      alone.filters = &request.filter;
      alone.include_history = request.include_history;
      ASSERT_OK(s3rec_recommend_request(recommender, &alone, &one));
      const s3rec_ranked_items found = fixture_ranked(answer, user), own = fixture_ranked(one, 0);
      assert_same(found.ids, found.scores, found.count, own.ids, own.scores, own.count);
      ck_assert_int_eq(found.source, own.source);
      ck_assert_ptr_eq(found.ids, rows + user * width);
      ck_assert_ptr_eq(found.scores, row_scores + user * width);
      ck_assert(found.count == width || found.ids[found.count] == 0);
      ck_assert_uint_eq(found.unknown_count, own.unknown_count);
      s3rec_answer_destroy(one);
    }
    s3rec_answer_destroy(answer);
  }
  for (size_t i = 0; i < FILTER_CASES; i++) s3rec_filter_destroy(filters[i]);
  s3rec_recommender_destroy(recommender);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

/* Two filters allow what both allow. */
START_TEST(two_filters_hold_together) {
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = fixture_films(context, 4, 0);
  s3rec_recommender *recommender = fixture_recommender(model);
  s3rec_scorer *scorer = score_create(model);
  s3rec_filter *filters[FILTER_CASES];
  make_filters(recommender, filters);
  const int32_t history[] = {9, 4, 7};
  for (size_t i = 0; i < FILTER_CASES * FILTER_CASES; i++) {
    const s3rec_filter *const own = filters[i / FILTER_CASES];
    int32_t ids[2][MOST], both[ITEMS], expected_ids[MOST];
    float scores[MOST];
    size_t counts[2], both_count = 0, count;
    const s3rec_filter *const pair[2] = {filters[i % FILTER_CASES], own};
    for (size_t f = 0; f < 2; f++) {
      ASSERT_OK(s3rec_recommend(recommender, history, 3, pair[f], MOST, ids[f], NULL, &counts[f]));
    }
    for (size_t a = 0; a < counts[0]; a++) {
      for (size_t b = 0; b < counts[1]; b++) {
        if (ids[0][a] == ids[1][b]) both[both_count++] = ids[0][a];
      }
    }
    s3rec_score_options options;
    s3rec_score_options_init(&options);
    options.candidates = both;
    options.candidate_count = both_count;
    ASSERT_OK(s3rec_score_next(scorer, history, 3, &options, MOST, expected_ids, scores, &count));
    s3rec_request request;
    s3rec_request_init(&request);
    request.items = history;
    request.item_count = 3;
    request.k = MOST;
    request.filter = pair[0];
    request.filters = &pair[1];
    s3rec_answer *answer = NULL;
    ASSERT_OK(s3rec_recommend_request(recommender, &request, &answer));
    const s3rec_ranked_items found = fixture_ranked(answer, 0);
    assert_same(found.ids, found.scores, found.count, expected_ids, scores, count);
    s3rec_answer_destroy(answer);
  }
  for (size_t i = 0; i < FILTER_CASES; i++) s3rec_filter_destroy(filters[i]);
  s3rec_scorer_destroy(scorer);
  s3rec_recommender_destroy(recommender);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

/* Names in, names out, in a filter too; the answer outlives everything that it was made with. */
START_TEST(names_go_in_and_out) {
  static const char *const history[] = {"film-3", "no such film", "film-14", "film-3"};
  static const char *const denied[] = {"film-15", "no such film"};
  const int32_t ids[] = {fixture_film_id(3, 50), -1, fixture_film_id(14, 50),
                         fixture_film_id(3, 50)};
  const int32_t denied_id = fixture_film_id(15, 50);
  test_hooks hooks = {0};
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, &hooks);
  s3rec_model *model = fixture_films(context, 4, 50);
  s3rec_recommender *recommender = fixture_recommender(model);
  s3rec_filter_options options;
  s3rec_filter_options_init(&options);
  options.denied_names = denied;
  options.denied_name_count = 2;
  s3rec_filter *named = fixture_filter(recommender, &options);
  s3rec_filter_options_init(&options);
  options.denied = &denied_id;
  options.denied_count = 1;
  s3rec_filter *numbered = fixture_filter(recommender, &options);
  s3rec_request request;
  s3rec_request_init(&request);
  request.names = history;
  request.item_count = 4;
  request.k = MOST;
  request.filter = named;
  s3rec_answer *by_name = NULL, *by_id = NULL;
  ASSERT_OK(s3rec_recommend_request(recommender, &request, &by_name));
  request.names = NULL;
  request.items = ids;
  request.filter = numbered;
  ASSERT_OK(s3rec_recommend_request(recommender, &request, &by_id));
  s3rec_filter_destroy(named);
  s3rec_filter_destroy(numbered);
  s3rec_recommender_destroy(recommender);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
  const s3rec_ranked_items left = fixture_ranked(by_name, 0), right = fixture_ranked(by_id, 0);
  assert_same(left.ids, left.scores, left.count, right.ids, right.scores, right.count);
  ck_assert_uint_eq(left.count, ITEMS - 3);
  ck_assert_uint_eq(left.unknown_count, 1);
  ck_assert_uint_eq(left.model_number, 1);
  ck_assert_int_eq(left.source, S3REC_ANSWER_MODEL);
  for (size_t i = 0; i < left.count; i++) {
    char name[32];
    snprintf(name, sizeof name, "film-%d", (int)((left.ids[i] - 1 + 50) % ITEMS));
    ck_assert_str_eq(left.names[i], name);
  }
  s3rec_answer_destroy(by_name);
  s3rec_answer_destroy(by_id);
  test_hooks_assert_empty(&hooks);
}
END_TEST

/* The order of popularity, by hand: events, then the lower id. */
static size_t most_popular(int32_t denied, int32_t *ids, float *shares) {
  double all = 0;
  size_t count = 0;
  for (int32_t film = 0; film < ITEMS; film++) all += fixture_film_events(film);
  for (int32_t events = 39; events > 0; events--) {
    for (int32_t film = 0; film < ITEMS; film++) {
      if (fixture_film_events(film) != events || 1 + film == denied) continue;
      ids[count] = 1 + film;
      shares[count++] = (float)(events / all);
    }
  }
  return count;
}

START_TEST(unknown_histories_get_what_is_popular) {
  static const int32_t unknown[] = {0, -5, ITEMS + 1, INT32_MAX};
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = fixture_films(context, 4, 0);
  s3rec_recommender *recommender = fixture_recommender(model);
  int32_t ids[MOST], expected_ids[MOST];
  float scores[MOST], expected_scores[MOST];
  size_t count;
  size_t expected = most_popular(0, expected_ids, expected_scores);
  ck_assert_uint_lt(expected, ITEMS); /* what nobody saw is not popular */
  ASSERT_OK(s3rec_recommend(recommender, NULL, 0, NULL, MOST, ids, scores, &count));
  assert_same(ids, scores, count, expected_ids, expected_scores, expected);
  ASSERT_OK(s3rec_recommend(recommender, unknown, 4, NULL, 7, ids, scores, &count));
  assert_same(ids, scores, count, expected_ids, expected_scores, 7);
  s3rec_filter_options options;
  s3rec_filter_options_init(&options);
  options.denied = expected_ids;
  options.denied_count = 1;
  s3rec_filter *filter = fixture_filter(recommender, &options);
  expected = most_popular(expected_ids[0], expected_ids, expected_scores);
  ASSERT_OK(s3rec_recommend(recommender, unknown, 4, filter, MOST, ids, scores, &count));
  assert_same(ids, scores, count, expected_ids, expected_scores, expected);
  s3rec_filter_destroy(filter);
  const s3rec_recommender_statistics statistics = fixture_statistics(recommender);
  ck_assert_uint_eq(statistics.popular_count, 3);
  ck_assert_uint_eq(statistics.unknown_item_count, 8);
  s3rec_recommender_destroy(recommender);

  ASSERT_OK(s3rec_model_set_popularity(model, NULL, 0));
  recommender = fixture_recommender(model);
  ASSERT_OK(s3rec_recommend(recommender, unknown, 4, NULL, 7, ids, scores, &count));
  ck_assert_uint_eq(count, 0);
  ck_assert_uint_eq(fixture_statistics(recommender).empty_count, 1);
  s3rec_recommender_destroy(recommender);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

/* In double, item by item. */
static double cosine_by_hand(const float *table, const int32_t *given, size_t count, int32_t id) {
  double direction[FIXTURE_WIDTH] = {0}, product = 0, own = 0, norm = 0;
  for (size_t i = 0; i < count; i++) {
    const float *const row = table + given[i] * FIXTURE_WIDTH;
    double square = 0;
    for (int c = 0; c < FIXTURE_WIDTH; c++) square += (double)row[c] * (double)row[c];
    for (int c = 0; c < FIXTURE_WIDTH; c++) direction[c] += (double)row[c] / sqrt(square);
  }
  const float *const row = table + id * FIXTURE_WIDTH;
  for (int c = 0; c < FIXTURE_WIDTH; c++) {
    product += direction[c] * (double)row[c];
    own += (double)row[c] * (double)row[c];
    norm += direction[c] * direction[c];
  }
  return own == 0 ? 0 : product / sqrt(own * norm);
}

static void check_similar(s3rec_context *context) {
  enum { COUNT = (ITEMS + 2) * FIXTURE_WIDTH };
  static const int32_t given[] = {17, 250, 17, 3};
  static float table[COUNT];
  s3rec_model *model = fixture_films(context, 4, 0);
  score_copy_item(model, 17, 99); /* as similar as can be */
  ASSERT_OK(s3rec_model_parameter_read(model, "item_embeddings.weight", table, COUNT));
  memset(table + 5 * FIXTURE_WIDTH, 0, FIXTURE_WIDTH * sizeof *table);
  ASSERT_OK(s3rec_model_parameter_write(model, "item_embeddings.weight", table, COUNT));
  s3rec_recommender *recommender = fixture_recommender(model);
  s3rec_filter *filters[FILTER_CASES];
  make_filters(recommender, filters);
  for (size_t f = 0; f <= FILTER_CASES; f++) {
    for (size_t length = 1; length <= 4; length++) {
      s3rec_request request;
      s3rec_request_init(&request);
      request.items = given;
      request.item_count = length;
      request.k = f % 2 == 0 ? 12 : MOST;
      request.filter = f < FILTER_CASES ? filters[f] : NULL;
      s3rec_answer *answer = NULL;
      ASSERT_OK(s3rec_similar(recommender, &request, &answer));
      const s3rec_ranked_items found = fixture_ranked(answer, 0);
      bool listed[ITEMS + 2] = {false};
      for (size_t i = 0; i < found.count; i++) {
        const double cosine = cosine_by_hand(table, given, length, found.ids[i]);
        ck_assert_double_eq_tol((double)found.scores[i], cosine, 1e-5);
        ck_assert(i == 0 || found.scores[i] <= found.scores[i - 1]);
        listed[found.ids[i]] = true;
      }
      /* What is missing is given, filtered out, or less similar than the last one. */
      int32_t allowed[MOST];
      size_t allowed_count;
      const int32_t other = 200;
      ASSERT_OK(s3rec_recommend(recommender, &other, 1, request.filter, MOST, allowed, NULL,
                                &allowed_count));
      size_t missing = 0;
      for (size_t i = 0; i < allowed_count; i++) {
        bool is_given = false;
        for (size_t g = 0; g < length; g++) is_given |= given[g] == allowed[i];
        ck_assert(!is_given || !listed[allowed[i]]);
        if (is_given || listed[allowed[i]]) continue;
        missing++;
        ck_assert_double_le(cosine_by_hand(table, given, length, allowed[i]),
                            (double)found.scores[found.count - 1] + 1e-5);
      }
      ck_assert(missing == 0 || found.count == request.k);
      if (f == FILTER_CASES && length == 1) ck_assert_int_eq(found.ids[0], 99);
      s3rec_answer_destroy(answer);
    }
  }
  for (size_t i = 0; i < FILTER_CASES; i++) s3rec_filter_destroy(filters[i]);
  s3rec_recommender_destroy(recommender);
  s3rec_model_destroy(model);
}

START_TEST(similar_items_are_the_nearest) {
  s3rec_request request;
  s3rec_answer *answer = NULL;
  const int32_t unknown = ITEMS + 1;
  score_every_scan(check_similar);
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = fixture_films(context, 4, 0);
  s3rec_recommender *recommender = fixture_recommender(model);
  s3rec_request_init(&request);
  request.items = &unknown;
  request.item_count = 1;
  ASSERT_OK(s3rec_similar(recommender, &request, &answer));
  ck_assert_uint_eq(fixture_ranked(answer, 0).count, 0);
  ck_assert_int_eq(fixture_ranked(answer, 0).source, S3REC_ANSWER_NONE);
  ck_assert_uint_eq(fixture_ranked(answer, 0).unknown_count, 1);
  s3rec_answer_destroy(answer);
  s3rec_recommender_destroy(recommender);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

START_TEST(calls_are_counted) {
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = fixture_films(context, 4, 0);
  s3rec_recommender *recommender = fixture_recommender(model);
  const int32_t history[] = {5, 6};
  int32_t ids[3];
  size_t count;
  for (int i = 0; i < 20; i++) {
    ASSERT_OK(s3rec_recommend(recommender, history, 2, NULL, 3, ids, NULL, &count));
  }
  ASSERT_FAILS(s3rec_recommend(recommender, NULL, 2, NULL, 3, ids, NULL, &count),
               S3REC_ERROR_ARGUMENT, "history");
  const s3rec_recommender_statistics statistics = fixture_statistics(recommender);
  ck_assert_uint_eq(statistics.model_number, 1);
  ck_assert_uint_eq(statistics.call_count, 21);
  ck_assert_uint_eq(statistics.failed_call_count, 1);
  ck_assert_uint_eq(statistics.user_count, 20);
  ck_assert_uint_eq(statistics.popular_count + statistics.empty_count, 0);
  ck_assert_uint_eq(statistics.scorer_count, 1);
  ck_assert_uint_gt(statistics.memory, s3rec_model_memory(model));
  uint64_t calls = 0;
  for (int b = 0; b < S3REC_LATENCY_BUCKETS; b++) calls += statistics.latency[b];
  ck_assert_uint_eq(calls, 21);

  s3rec_recommender_statistics made;
  s3rec_recommender_statistics_init(&made);
  ck_assert_double_eq(s3rec_recommender_latency(&made, 0.5), 0);
  ck_assert_double_eq(s3rec_recommender_latency(NULL, 0.5), 0);
  made.latency[10] = 90; /* 1024 .. 2047 ns */
  made.latency[20] = 10;
  ck_assert_double_eq_tol(s3rec_recommender_latency(&made, 0.45), 1536e-9, 1e-12);
  ck_assert_double_eq_tol(s3rec_recommender_latency(&made, 0.95), 1572864e-9, 1e-9);
  ck_assert_double_eq_tol(s3rec_recommender_latency(&made, 1), 2097152e-9, 1e-9);
  s3rec_recommender_destroy(recommender);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

TEST_SUITE(recommender) {
  TCase *answers = tcase_create("answers");
  tcase_add_test(answers, answers_are_those_of_score_next);
  tcase_add_loop_test(answers, many_users_are_answered_as_one_by_one, 0, 3);
  tcase_add_test(answers, two_filters_hold_together);
  tcase_add_test(answers, names_go_in_and_out);
  tcase_add_test(answers, unknown_histories_get_what_is_popular);
  tcase_add_test(answers, similar_items_are_the_nearest);
  tcase_add_test(answers, calls_are_counted);
  test_add_cases(suite, answers, NULL);
}
