/* SPDX-License-Identifier: Apache-2.0 */
/* A recommender whose allocator fails at its first, second, ... call, one kind of question after
 * the other: each reports it, counts it, leaves its outputs and everything else as they were, and
 * answers the same when it is asked again. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "recommender_fixture.h"
#include "serving/recommender.h"
#include "support/files.h"

enum { ITEMS = FIXTURE_ITEMS, USERS = 150, ENTRIES = 3, K = 20, THREADS = 3 };

/* What the questions are about. `recommender` is new for each try. */
typedef struct question {
  s3rec_model *model, *next;
  s3rec_dataset *views;
  const char *path;
  s3rec_recommender *recommender;
  s3rec_filter *filter;
  int32_t items[USERS * ENTRIES];
  const char *names[USERS * ENTRIES];
  char text[USERS * ENTRIES][16];
  int64_t offsets[USERS + 1];
  const s3rec_filter *filters[USERS];
  int32_t ids[USERS * K]; /* of the last answer */
  float scores[USERS * K];
} question;

typedef s3rec_status ask_function(question *q);

static s3rec_status keep_answer(question *q, s3rec_status status, s3rec_answer *answer) {
  if (status != S3REC_OK) {
    ck_assert_ptr_null(answer);
    return status;
  }
  const int32_t *ids;
  const float *scores;
  size_t width;
  ASSERT_OK(s3rec_answer_rows(answer, &ids, &scores, &width));
  ck_assert_uint_eq(width, K);
  memcpy(q->ids, ids, sizeof q->ids);
  memcpy(q->scores, scores, sizeof q->scores);
  s3rec_answer_destroy(answer);
  return S3REC_OK;
}

static s3rec_request request_of(const question *q) {
  s3rec_request request;
  s3rec_request_init(&request);
  request.user_count = USERS;
  request.offsets = q->offsets;
  request.item_count = USERS * ENTRIES;
  request.k = K;
  return request;
}

static s3rec_status ask_by_name(question *q) {
  s3rec_request request = request_of(q);
  s3rec_answer *answer = NULL;
  request.names = q->names;
  const s3rec_status status = s3rec_recommend_request(q->recommender, &request, &answer);
  return keep_answer(q, status, answer);
}

static s3rec_status ask_filtered(question *q) {
  s3rec_request request = request_of(q);
  s3rec_answer *answer = NULL;
  request.items = q->items;
  request.filter = q->filter;
  request.filters = q->filters;
  const s3rec_status status = s3rec_recommend_request(q->recommender, &request, &answer);
  return keep_answer(q, status, answer);
}

static s3rec_status ask_each_filtered(question *q) {
  s3rec_request request = request_of(q);
  s3rec_answer *answer = NULL;
  request.items = q->items;
  request.filters = q->filters;
  const s3rec_status status = s3rec_recommend_request(q->recommender, &request, &answer);
  return keep_answer(q, status, answer);
}

static s3rec_status ask_similar(question *q) {
  s3rec_request request = request_of(q);
  s3rec_answer *answer = NULL;
  request.items = q->items;
  const s3rec_status status = s3rec_similar(q->recommender, &request, &answer);
  return keep_answer(q, status, answer);
}

/* Histories of nothing that the model knows. */
static s3rec_status ask_popular(question *q) {
  static const int32_t unknown[USERS * ENTRIES];
  s3rec_request request = request_of(q);
  s3rec_answer *answer = NULL;
  request.items = unknown;
  const s3rec_status status = s3rec_recommend_request(q->recommender, &request, &answer);
  return keep_answer(q, status, answer);
}

static s3rec_status ask_one(question *q) {
  size_t count = 77;
  const s3rec_status status = s3rec_recommend(q->recommender, q->items, ENTRIES, q->filter, K,
                                              q->ids, q->scores, &count);
  ck_assert_uint_eq(count, status == S3REC_OK ? K : 77);
  return status;
}

static const struct {
  const char *name;
  ask_function *ask;
} questions[] = {{"by name", ask_by_name},         {"filtered", ask_filtered},
                 {"each filtered", ask_each_filtered}, {"similar", ask_similar},
                 {"popular", ask_popular},         {"one", ask_one}};
enum { QUESTIONS = sizeof questions / sizeof *questions };

/* A new recommender and a new filter, that have made nothing so far. */
static void begin_question(question *q) {
  static const char *const denied[] = {"film-3", "film-8"};
  s3rec_filter_options options;
  s3rec_filter_options_init(&options);
  options.denied_names = denied;
  options.denied_name_count = 2;
  q->recommender = fixture_recommender(q->model);
  q->filter = fixture_filter(q->recommender, &options);
  for (size_t user = 0; user < USERS; user++) q->filters[user] = user % 2 ? q->filter : NULL;
}

static void end_question(question *q) {
  s3rec_filter_destroy(q->filter);
  s3rec_recommender_destroy(q->recommender);
}

static void make_questions(question *q, s3rec_context *context) {
  s3_random random = s3_random_make(17);
  *q = (question){.model = fixture_films(context, 4, 0), .next = fixture_films(context, 5, 40)};
  q->views = fixture_views(context, 40, 40);
  for (size_t i = 0; i < USERS * ENTRIES; i++) {
    q->items[i] = 1 + (int32_t)s3_random_below(&random, ITEMS);
    sprintf(q->text[i], "film-%d", (int)q->items[i] - 1);
    q->names[i] = q->text[i];
  }
  for (size_t user = 0; user <= USERS; user++) q->offsets[user] = (int64_t)(user * ENTRIES);
}

static void free_questions(question *q) {
  s3rec_dataset_destroy(q->views);
  s3rec_model_destroy(q->next);
  s3rec_model_destroy(q->model);
}

/* Loop: questions x 1 thread, 3 threads, 1 thread while the idle seat is at work for another. */
START_TEST(every_allocation_of_a_question_may_fail) {
  ask_function *const ask = questions[_i / 3].ask;
  const bool busy = _i % 3 == 2;
  static question q;
  static int32_t expected[USERS * K];
  static float expected_scores[USERS * K];
  test_hooks hooks = {0};
  s3rec_context *context =
      score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, _i % 3 == 1 ? THREADS : 1, &hooks);
  make_questions(&q, context);
  begin_question(&q); /* the model keeps what is made of it once */
  ASSERT_OK(ask(&q));
  memcpy(expected, q.ids, sizeof expected);
  memcpy(expected_scores, q.scores, sizeof expected_scores);
  end_question(&q);
  const long long blocks = atomic_load(&hooks.live_blocks);
  size_t failures = 0;
  for (bool failed = true; failed; failures += failed) {
    s3_seat *seat = NULL;
    begin_question(&q);
    if (busy) ASSERT_OK(s3_seat_take(q.recommender, NULL, &seat));
    atomic_store(&hooks.countdown, (long long)failures + 1);
    const s3rec_status status = ask(&q);
    failed = atomic_load(&hooks.countdown) <= 0;
    atomic_store(&hooks.countdown, 0);
    ck_assert_msg(status == (failed ? S3REC_ERROR_MEMORY : S3REC_OK), "%s, after %zu: %s",
                  questions[_i / 3].name, failures, s3rec_last_error());
    ck_assert_uint_eq(fixture_statistics(q.recommender).failed_call_count, failed);
    if (busy) s3_seat_put_back(q.recommender, seat);
    ASSERT_OK(ask(&q));
    ck_assert(memcmp(q.ids, expected, sizeof expected) == 0);
    ck_assert(memcmp(q.scores, expected_scores, sizeof expected_scores) == 0);
    end_question(&q);
    ck_assert_int_eq(atomic_load(&hooks.live_blocks), blocks);
  }
  ck_assert_uint_gt(failures, 2);
  free_questions(&q);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}
END_TEST

static s3rec_status exchange(question *q, const s3rec_exchange_options *options) {
  return q->path != NULL ? s3rec_recommender_exchange(q->recommender, q->path, options)
                         : s3rec_recommender_exchange_model(q->recommender, q->next, options);
}

/* Loop: a model in memory, a file. An exchange that fails leaves the model that serves. */
START_TEST(every_allocation_of_an_exchange_may_fail) {
  static question q;
  test_hooks hooks = {0};
  const test_path path = test_file("next.model");
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, &hooks);
  make_questions(&q, context);
  if (_i == 1) {
    ASSERT_OK(s3rec_model_save(q.next, path.text));
    q.path = path.text;
  }
  s3rec_scorer *kept = NULL; /* what it makes of a model stays with that */
  ASSERT_OK(s3rec_scorer_create(q.next, &kept));
  s3rec_exchange_options options;
  s3rec_exchange_options_init(&options);
  options.dataset = q.views;
  options.largest_loss = 0.999999;
  begin_question(&q);
  ASSERT_OK(ask_similar(&q)); /* the next one is made ready for that too */
  size_t failures = 0;
  for (bool failed = true; failed; failures += failed) {
    const long long blocks = atomic_load(&hooks.live_blocks);
    atomic_store(&hooks.countdown, (long long)failures + 1);
    const s3rec_status status = exchange(&q, &options);
    failed = atomic_load(&hooks.countdown) <= 0;
    atomic_store(&hooks.countdown, 0);
    ck_assert_msg(status == (failed ? S3REC_ERROR_MEMORY : S3REC_OK), "after %zu: %s", failures,
                  s3rec_last_error());
    const s3rec_recommender_statistics now = fixture_statistics(q.recommender);
    ck_assert_uint_eq(now.model_number, failed ? 1 : 2);
    ck_assert_uint_eq(now.refused_exchange_count, failures + failed);
    if (failed) ck_assert_int_eq(atomic_load(&hooks.live_blocks), blocks);
  }
  ck_assert_uint_gt(failures, 10);
  ASSERT_OK(ask_by_name(&q));
  end_question(&q);
  s3rec_scorer_destroy(kept);
  free_questions(&q);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}
END_TEST

TEST_SUITE(serving_memory) {
  TCase *cases = tcase_create("memory");
  tcase_add_loop_test(cases, every_allocation_of_a_question_may_fail, 0, 3 * QUESTIONS);
  tcase_add_loop_test(cases, every_allocation_of_an_exchange_may_fail, 0, 2);
  test_add_cases(suite, cases, NULL);
}
