/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of the recommender's calls: arguments, states, memory; and popularity as a part of
 * models and their files. */
#include <stdlib.h>
#include <string.h>

#include "recommender_fixture.h"
#include "support/files.h"

enum { ITEMS = FIXTURE_ITEMS, ITEM_SIZE = FIXTURE_ITEMS + 2 };
static const s3rec_status argument = S3REC_ERROR_ARGUMENT;

START_TEST(recommenders_check_their_arguments) {
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = fixture_films(context, 4, 0), *none = NULL;
  s3rec_recommender *recommender = NULL;
  s3rec_recommender_options options;
  s3rec_recommender_options_init(&options);
  ASSERT_FAILS(s3rec_recommender_open(NULL, NULL, &recommender), argument, "path");
  ASSERT_FAILS(s3rec_recommender_open("x", NULL, NULL), argument, "recommender");
  ASSERT_FAILS(s3rec_recommender_open("no/such/file", NULL, &recommender), S3REC_ERROR_IO,
               "no/such/file");
  ASSERT_FAILS(s3rec_recommender_create(NULL, NULL, &recommender), argument, "model");
  ASSERT_FAILS(s3rec_recommender_create(model, NULL, NULL), argument, "recommender");
  options.copy = 2;
  ASSERT_FAILS(s3rec_recommender_create(model, &options, &recommender), argument, "copy is 2");
  s3rec_recommender_options_init(&options);
  options.scan = (s3rec_scan)9;
  ASSERT_FAILS(s3rec_recommender_create(model, &options, &recommender), argument, "scan is 9");
  options.struct_size = 3;
  ASSERT_FAILS(s3rec_recommender_create(model, &options, &recommender), argument, "struct_size");
  ck_assert_ptr_null(recommender);
  s3rec_trainer *trainer = NULL;
  ASSERT_OK(s3rec_trainer_create(model, NULL, &trainer));
  ASSERT_FAILS(s3rec_recommender_create(model, NULL, &recommender), S3REC_ERROR_STATE, "trainer");
  s3rec_trainer_destroy(trainer);
  recommender = fixture_recommender(model);
  ASSERT_FAILS(s3rec_trainer_create(model, NULL, &trainer), S3REC_ERROR_STATE,
               "recommenders hold");
  ASSERT_FAILS(s3rec_model_set_popularity(model, NULL, 0), S3REC_ERROR_STATE, "scorer");
  ASSERT_FAILS(s3rec_recommender_model(NULL, &none), argument, "recommender");
  ASSERT_FAILS(s3rec_recommender_model(recommender, NULL), argument, "model");
  ASSERT_OK(s3rec_recommender_model(recommender, &none));
  ck_assert_ptr_eq(none, model);
  s3rec_model_destroy(none);
  ASSERT_FAILS(s3rec_recommender_statistics_get(NULL, NULL), argument, "recommender");
  ASSERT_FAILS(s3rec_recommender_statistics_get(recommender, NULL), argument, "statistics");
  s3rec_recommender_destroy(NULL);
  s3rec_recommender_destroy(recommender);
  ASSERT_OK(s3rec_trainer_create(model, NULL, &trainer)); /* nothing remains */
  s3rec_trainer_destroy(trainer);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

START_TEST(filters_check_their_arguments) {
  static const char *const names[] = {"film-1", NULL};
  static const int32_t ids[] = {1};
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = fixture_films(context, 4, 0);
  s3rec_recommender *recommender = fixture_recommender(model);
  s3rec_filter *filter = NULL;
  s3rec_filter_options options;
  s3rec_filter_options_init(&options);
  ASSERT_FAILS(s3rec_filter_create(NULL, &options, &filter), argument, "recommender");
  ASSERT_FAILS(s3rec_filter_create(recommender, NULL, &filter), argument, "options");
  ASSERT_FAILS(s3rec_filter_create(recommender, &options, NULL), argument, "filter");
  options.allow_only = -1;
  ASSERT_FAILS(s3rec_filter_create(recommender, &options, &filter), argument, "allow_only is -1");
  s3rec_filter_options_init(&options);
  options.allowed = ids;
  options.allowed_count = 1;
  ASSERT_FAILS(s3rec_filter_create(recommender, &options, &filter), argument, "allow_only is 0");
  options.allow_only = 1;
  options.allowed = NULL;
  ASSERT_FAILS(s3rec_filter_create(recommender, &options, &filter), argument, "allowed is NULL");
  s3rec_filter_options_init(&options);
  options.denied_count = 2;
  ASSERT_FAILS(s3rec_filter_create(recommender, &options, &filter), argument, "denied is NULL");
  s3rec_filter_options_init(&options);
  options.denied_names = names;
  options.denied_name_count = 2;
  ASSERT_FAILS(s3rec_filter_create(recommender, &options, &filter), argument,
               "denied_names[1] is NULL");
  s3rec_filter_destroy(NULL);
  s3rec_recommender_destroy(recommender);
  ASSERT_OK(s3rec_model_set_names(model, NULL, NULL));
  recommender = fixture_recommender(model);
  options.denied_name_count = 1;
  ASSERT_FAILS(s3rec_filter_create(recommender, &options, &filter), argument, "has none");
  ck_assert_ptr_null(filter);
  s3rec_recommender_destroy(recommender);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

START_TEST(questions_check_their_arguments) {
  static const char *const names[] = {"film-1", NULL};
  static const int32_t ids[] = {1, 2};
  static const int64_t falling[] = {0, 2, 1}, late[] = {1, 2}, far[] = {0, 3};
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = fixture_films(context, 4, 0);
  s3rec_recommender *recommender = fixture_recommender(model);
  s3rec_answer *answer = NULL;
  s3rec_request request;
  int32_t found[4];
  size_t count = 77;
  ASSERT_FAILS(s3rec_recommend(NULL, ids, 2, NULL, 4, found, NULL, &count), argument,
               "recommender");
  ASSERT_FAILS(s3rec_recommend(recommender, ids, 2, NULL, 4, NULL, NULL, &count), argument,
               "s3rec_recommend: ids must not be NULL");
  ASSERT_FAILS(s3rec_recommend(recommender, ids, 2, NULL, 4, found, NULL, NULL), argument,
               "s3rec_recommend: count must not be NULL");
  ASSERT_FAILS(s3rec_recommend(recommender, NULL, 2, NULL, 4, found, NULL, &count), argument,
               "history is NULL");
  ck_assert_uint_eq(count, 77);
  ASSERT_OK(s3rec_recommend(recommender, ids, 2, NULL, 0, NULL, NULL, &count));
  ck_assert_uint_eq(count, 0);
  s3rec_request_init(&request);
  ASSERT_FAILS(s3rec_recommend_request(NULL, &request, &answer), argument, "recommender");
  ASSERT_FAILS(s3rec_similar(NULL, &request, &answer), argument, "recommender");
  ASSERT_FAILS(s3rec_recommend_request(recommender, NULL, &answer), argument,
               "s3rec_recommend_request: request must not be NULL");
  ASSERT_FAILS(s3rec_recommend_request(recommender, &request, NULL), argument,
               "s3rec_recommend_request: answer must not be NULL");
  ASSERT_FAILS(s3rec_similar(recommender, NULL, &answer), argument,
               "s3rec_similar: request must not be NULL");
  request.items = ids;
  request.names = names;
  ASSERT_FAILS(s3rec_similar(recommender, &request, &answer), argument, "both");
  request.items = NULL;
  request.item_count = 2;
  ASSERT_FAILS(s3rec_similar(recommender, &request, &answer), argument, "names[1] is NULL");
  request.names = NULL;
  ASSERT_FAILS(s3rec_similar(recommender, &request, &answer), argument, "names is NULL");
  request.items = ids;
  request.user_count = 2;
  ASSERT_FAILS(s3rec_similar(recommender, &request, &answer), argument, "user_count is 2");
  request.offsets = falling;
  ASSERT_FAILS(s3rec_similar(recommender, &request, &answer), argument, "offsets[2] is 1");
  request.user_count = 1;
  request.offsets = late;
  ASSERT_FAILS(s3rec_similar(recommender, &request, &answer), argument, "offsets[0] is 1");
  request.offsets = far;
  ASSERT_FAILS(s3rec_similar(recommender, &request, &answer), argument, "item_count is 2");
  request.offsets = NULL;
  request.include_history = 3;
  ASSERT_FAILS(s3rec_similar(recommender, &request, &answer), argument, "include_history is 3");
  ck_assert_ptr_null(answer);

  s3rec_request_init(&request);
  request.user_count = 0;
  ASSERT_OK(s3rec_recommend_request(recommender, &request, &answer));
  s3rec_ranked_items items;
  s3rec_ranked_items_init(&items);
  ASSERT_FAILS(s3rec_answer_get(answer, 0, &items), S3REC_ERROR_NOT_FOUND, "the answer has 0");
  ASSERT_FAILS(s3rec_answer_get(NULL, 0, &items), argument, "answer");
  ASSERT_FAILS(s3rec_answer_get(answer, 0, NULL), argument, "items");
  ASSERT_FAILS(s3rec_answer_rows(NULL, NULL, NULL, NULL), argument, "answer");
  ASSERT_OK(s3rec_answer_rows(answer, NULL, NULL, NULL));
  s3rec_answer_destroy(answer);
  s3rec_answer_destroy(NULL);
  s3rec_recommender_destroy(recommender);

  ASSERT_OK(s3rec_model_set_names(model, NULL, NULL));
  recommender = fixture_recommender(model);
  request.user_count = 1;
  request.names = names;
  request.item_count = 1;
  ASSERT_FAILS(s3rec_recommend_request(recommender, &request, &answer), argument, "no names");
  ck_assert_uint_eq(fixture_statistics(recommender).failed_call_count, 1);
  s3rec_recommender_destroy(recommender);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

/* What the actions below are about. */
typedef struct memory_case {
  s3rec_context *context;
  s3rec_model *model, *next;
  s3rec_dataset *views;
  const char *path;
} memory_case;

static s3rec_status use_everything(void *argument_) {
  static const char *const names[] = {"film-1", "film-2", "film-3", "film-9"};
  static const int64_t offsets[] = {0, 2, 2};
  static const int32_t history[] = {5, 9};
  const memory_case *const of = argument_;
  s3rec_recommender *recommender = NULL;
  s3rec_filter *filter = NULL;
  s3rec_answer *answer = NULL, *similar = NULL;
  s3rec_recommender_options options;
  s3rec_filter_options filtering;
  s3rec_exchange_options exchange;
  int32_t ids[3];
  size_t count;
  s3rec_recommender_options_init(&options);
  options.context = of->context;
  options.copy = 1;
  s3rec_filter_options_init(&filtering);
  filtering.allow_only = 1;
  filtering.allowed_names = names;
  filtering.allowed_name_count = 4;
  filtering.denied = history;
  filtering.denied_count = 2;
  s3rec_exchange_options_init(&exchange);
  exchange.dataset = of->views;
  exchange.largest_loss = 0.9999;
  s3rec_status status = s3rec_recommender_open(of->path, &options, &recommender);
  if (status == S3REC_OK) status = s3rec_filter_create(recommender, &filtering, &filter);
  const s3rec_filter *const filters[] = {filter, NULL};
  s3rec_request request;
  s3rec_request_init(&request);
  request.names = names;
  request.item_count = 4;
  request.user_count = 2;
  request.offsets = offsets;
  request.filters = filters;
  if (status == S3REC_OK)
    status = s3rec_recommend(recommender, history, 2, filter, 3, ids, NULL, &count);
  if (status == S3REC_OK) status = s3rec_recommend_request(recommender, &request, &answer);
  if (status == S3REC_OK) status = s3rec_similar(recommender, &request, &similar);
  if (status == S3REC_OK)
    status = s3rec_recommender_exchange_model(recommender, of->next, &exchange);
  if (status == S3REC_OK)
    status = s3rec_recommend(recommender, history, 2, filter, 3, ids, NULL, &count);
  s3rec_answer_destroy(answer);
  s3rec_answer_destroy(similar);
  s3rec_filter_destroy(filter);
  s3rec_recommender_destroy(recommender);
  return status;
}

START_TEST(every_allocation_may_fail) {
  const test_path path = test_file("recommender.model");
  test_hooks hooks = {0};
  memory_case of = {.path = path.text};
  of.context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, &hooks);
  of.model = fixture_films(of.context, 4, 0);
  of.next = fixture_films(of.context, 4, 10);
  of.views = fixture_views(of.context, 40, 10);
  ASSERT_OK(s3rec_model_save(of.model, path.text));
  /* What a model makes for its scorers stays with it. */
  s3rec_scorer *scorer = NULL;
  ASSERT_OK(s3rec_scorer_create(of.next, &scorer));
  ck_assert_uint_gt(test_every_allocation_fails(&hooks, use_everything, &of), 50);
  s3rec_scorer_destroy(scorer);
  s3rec_dataset_destroy(of.views);
  s3rec_model_destroy(of.model);
  s3rec_model_destroy(of.next);
  s3rec_context_destroy(of.context);
  test_hooks_assert_empty(&hooks);
}
END_TEST

START_TEST(no_allocation_the_second_time) {
  static const int32_t history[] = {5, 9, 11}, denied[] = {7};
  test_hooks hooks = {0};
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, &hooks);
  s3rec_model *model = fixture_films(context, 4, 0);
  s3rec_recommender *recommender = fixture_recommender(model);
  s3rec_filter_options options;
  s3rec_filter_options_init(&options);
  options.denied = denied;
  options.denied_count = 1;
  s3rec_filter *filter = fixture_filter(recommender, &options);
  int32_t ids[20];
  size_t count;
  long long before = 0;
  for (int i = 0; i < 10; i++) {
    ASSERT_OK(s3rec_recommend(recommender, history, 3, filter, 20, ids, NULL, &count));
    ASSERT_OK(s3rec_recommend(recommender, NULL, 0, filter, 20, ids, NULL, &count));
    if (i == 0) before = hooks.allocations;
  }
  ck_assert_int_eq(hooks.allocations, before);
  s3rec_filter_destroy(filter);
  s3rec_recommender_destroy(recommender);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

static void assert_events(const s3rec_model *model, int32_t shift) {
  int32_t events[ITEM_SIZE];
  ASSERT_OK(s3rec_model_popularity(model, events, ITEM_SIZE));
  ck_assert_int_eq(events[0] + events[ITEM_SIZE - 1], 0);
  for (int32_t film = 0; film < ITEMS; film++) {
    ck_assert_int_eq(events[fixture_film_id(film, shift)], fixture_film_events(film));
  }
}

/* Through files, mapped or read, clones and training states. */
START_TEST(popularity_stays_with_the_model) {
  const test_path path = test_file("popular.model"), state = test_file("popular.state");
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = fixture_films(context, 4, 30), *other = NULL;
  s3rec_trainer *trainer = NULL;
  assert_events(model, 30);
  ASSERT_OK(s3rec_model_clone(model, &other));
  assert_events(other, 30);
  s3rec_model_destroy(other);
  ASSERT_OK(s3rec_trainer_create(model, NULL, &trainer));
  ASSERT_OK(s3rec_trainer_save(trainer, NULL, NULL, state.text));
  s3rec_trainer_destroy(trainer);
  ASSERT_OK(s3rec_model_save(model, path.text));
  const char *const paths[] = {path.text, state.text};
  for (int i = 0; i < 4; i++) {
    ASSERT_OK((i < 2 ? s3rec_model_load : s3rec_model_map)(context, paths[i % 2], NULL, &other));
    assert_events(other, 30);
    s3rec_model_destroy(other);
  }
  int32_t events[ITEM_SIZE] = {0};
  ASSERT_OK(s3rec_model_set_popularity(model, NULL, 0));
  ASSERT_FAILS(s3rec_model_popularity(model, events, ITEM_SIZE), S3REC_ERROR_NOT_FOUND,
               "no popularity");
  ASSERT_OK(s3rec_model_save(model, path.text));
  ASSERT_OK(s3rec_model_load(context, path.text, NULL, &other));
  ASSERT_FAILS(s3rec_model_popularity(other, events, ITEM_SIZE), S3REC_ERROR_NOT_FOUND,
               "no popularity");
  s3rec_model_destroy(other);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

START_TEST(popularity_is_checked) {
  const test_path path = test_file("popular.model");
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = fixture_films(context, 4, 0), *other = NULL;
  int32_t events[ITEM_SIZE] = {0};
  ASSERT_FAILS(s3rec_model_set_popularity(NULL, events, ITEM_SIZE), argument, "model");
  ASSERT_FAILS(s3rec_model_set_popularity(model, NULL, 1), argument, "counts");
  ASSERT_FAILS(s3rec_model_set_popularity(model, events, 3), S3REC_ERROR_MISMATCH, "count is 3");
  events[0] = 1;
  ASSERT_FAILS(s3rec_model_set_popularity(model, events, ITEM_SIZE), S3REC_ERROR_FORMAT,
               "padding");
  events[0] = 0;
  events[ITEM_SIZE - 1] = 1;
  ASSERT_FAILS(s3rec_model_set_popularity(model, events, ITEM_SIZE), S3REC_ERROR_FORMAT, "mask");
  events[ITEM_SIZE - 1] = 0;
  events[7] = -2;
  ASSERT_FAILS(s3rec_model_set_popularity(model, events, ITEM_SIZE), S3REC_ERROR_FORMAT,
               "item 7 has -2 events");
  ASSERT_FAILS(s3rec_model_popularity(model, events, 3), argument, "count is 3");
  assert_events(model, 0);

  /* In a file: a digit of the first count becomes a sign. */
  static const char key[] = "\"item_popularity\":\"";
  ASSERT_OK(s3rec_model_save(model, path.text));
  size_t size, place = 0;
  char *const bytes = test_read(path.text, &size);
  while (memcmp(bytes + place, key, sizeof key - 1) != 0) place++;
  bytes[place + sizeof key - 1] = '-';
  test_write(path.text, bytes, size);
  ASSERT_FAILS(s3rec_model_load(context, path.text, NULL, &other), S3REC_ERROR_FORMAT,
               "metadata 'item_popularity': the count of item 1 must be a decimal number");
  free(bytes);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

START_TEST(popularity_is_counted_from_a_dataset) {
  static const int32_t items[] = {1, 2, 2, 3, 4, 4, 5, 1};
  static const int64_t offsets[] = {0, 5, 7, 8};
  static const int32_t expected[3][6] = {
      {0, 2, 2, 1, 2, 1}, {0, 2, 2, 1, 1, 1}, {0, 2, 2, 0, 1, 1}};
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = fixture_films(context, 4, 0), *small = score_model(context, 6, 5, 8);
  s3rec_dataset *dataset = NULL;
  s3rec_dataset_arrays arrays;
  s3rec_dataset_arrays_init(&arrays);
  arrays.user_count = 3;
  arrays.item_offsets = offsets;
  arrays.items = items;
  ASSERT_OK(s3rec_dataset_from_arrays(context, &arrays, &dataset));
  for (int32_t held_out = 0; held_out < 3; held_out++) {
    int32_t events[ITEM_SIZE];
    ASSERT_OK(s3rec_model_count_popularity(model, dataset, held_out));
    ASSERT_OK(s3rec_model_popularity(model, events, ITEM_SIZE));
    ck_assert(memcmp(events, expected[held_out], sizeof expected[held_out]) == 0);
  }
  ASSERT_FAILS(s3rec_model_count_popularity(model, dataset, 3), argument, "held_out_count is 3");
  ASSERT_FAILS(s3rec_model_count_popularity(model, NULL, 2), argument, "dataset");
  ASSERT_FAILS(s3rec_model_count_popularity(small, dataset, 2), S3REC_ERROR_MISMATCH,
               "item_size is 7");
  s3rec_dataset_destroy(dataset);
  s3rec_model_destroy(model);
  s3rec_model_destroy(small);
  s3rec_context_destroy(context);
}
END_TEST

TEST_SUITE(recommender_rules) {
  TCase *rules = tcase_create("rules");
  tcase_add_test(rules, recommenders_check_their_arguments);
  tcase_add_test(rules, filters_check_their_arguments);
  tcase_add_test(rules, questions_check_their_arguments);
  tcase_add_test(rules, every_allocation_may_fail);
  tcase_add_test(rules, no_allocation_the_second_time);
  TCase *popularity = tcase_create("popularity");
  tcase_add_test(popularity, popularity_stays_with_the_model);
  tcase_add_test(popularity, popularity_is_checked);
  tcase_add_test(popularity, popularity_is_counted_from_a_dataset);
  test_add_cases(suite, rules, popularity, NULL);
}
