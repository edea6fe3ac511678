/* SPDX-License-Identifier: Apache-2.0 */
/* Models that are exchanged: under load, with other numbers for the same names, refused ones, and
 * what becomes of the old one. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recommender_fixture.h"
#include "serving/recommender.h"
#include "support/files.h"

enum { ITEMS = FIXTURE_ITEMS, WORKERS = 3, EXCHANGES = 30, K = 8, SHIFT = 70 };

/* Films of the best items, one after the other, by a model alone. */
typedef struct film_list {
  int32_t films[K];
} film_list;

typedef struct load {
  s3rec_recommender *recommender;
  s3rec_filter *filter;
  film_list expected[2]; /* by the parity of the model's number */
  atomic_bool stop;
  atomic_int answered[2], wrong;
} load;

static const char *const watched[] = {"film-10", "film-20", "film-30"};
static const char *const denied_film = "film-31";

static int32_t film_of(const char *name) { return atoi(name + strlen("film-")); }

static s3rec_status ask_by_name(const load *l, s3rec_answer **answer) {
  s3rec_request request;
  s3rec_request_init(&request);
  request.names = watched;
  request.item_count = 3;
  request.k = K;
  request.filter = l->filter;
  return s3rec_recommend_request(l->recommender, &request, answer);
}

static bool is_expected(load *l) {
  s3rec_answer *answer = NULL;
  s3rec_ranked_items items;
  s3rec_ranked_items_init(&items);
  bool good = ask_by_name(l, &answer) == S3REC_OK &&
              s3rec_answer_get(answer, 0, &items) == S3REC_OK && items.count == K;
  if (good) {
    const film_list *const expected = &l->expected[items.model_number % 2];
    for (size_t i = 0; i < K; i++) good &= film_of(items.names[i]) == expected->films[i];
    atomic_fetch_add(&l->answered[items.model_number % 2], 1);
  }
  s3rec_answer_destroy(answer);
  return good;
}

/* Asks in all ways, and again and again. */
static void *ask_on(void *argument) {
  load *const l = argument;
  static const int32_t history[] = {4, 5};
  int32_t ids[K];
  size_t count;
  while (!atomic_load(&l->stop)) {
    if (!is_expected(l)) atomic_fetch_add(&l->wrong, 1);
    if (s3rec_recommend(l->recommender, history, 2, l->filter, K, ids, NULL, &count) != S3REC_OK ||
        count != K ||
        s3rec_recommend(l->recommender, NULL, 0, l->filter, K, ids, NULL, &count) != S3REC_OK ||
        count != K)
      atomic_fetch_add(&l->wrong, 1);
    s3rec_request request;
    s3rec_answer *answer = NULL;
    s3rec_request_init(&request);
    request.items = history;
    request.item_count = 2;
    if (s3rec_similar(l->recommender, &request, &answer) != S3REC_OK)
      atomic_fetch_add(&l->wrong, 1);
    s3rec_answer_destroy(answer);
    s3rec_recommender_statistics statistics;
    s3rec_recommender_statistics_init(&statistics);
    if (s3rec_recommender_statistics_get(l->recommender, &statistics) != S3REC_OK)
      atomic_fetch_add(&l->wrong, 1);
  }
  return NULL;
}

/* What a model says alone, without what the filter denies. */
static film_list films_by_scorer(s3rec_model *model, int32_t shift) {
  film_list list;
  int32_t history[3], ids[K + 1];
  size_t count, kept = 0;
  s3rec_scorer *scorer = score_create(model);
  for (int i = 0; i < 3; i++) history[i] = fixture_film_id(film_of(watched[i]), shift);
  ASSERT_OK(s3rec_score_next(scorer, history, 3, NULL, K + 1, ids, NULL, &count));
  for (size_t i = 0; i < count && kept < K; i++) {
    const int32_t film = (ids[i] - 1 + shift) % ITEMS;
    if (film != film_of(denied_film)) list.films[kept++] = film;
  }
  s3rec_scorer_destroy(scorer);
  return list;
}

static s3rec_filter *filter_of_film(const s3rec_recommender *recommender) {
  s3rec_filter_options options;
  s3rec_filter_options_init(&options);
  options.denied_names = &denied_film;
  options.denied_name_count = 1;
  return fixture_filter(recommender, &options);
}

/* Two files that number the same films in different ways take turns; each answer is wholly that
 * of the model whose number it has, and no call fails. */
START_TEST(exchange_under_load) {
  const test_path paths[2] = {test_file("even.model"), test_file("odd.model")};
  test_hooks hooks = {0};
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, &hooks);
  load l = {0};
  for (int i = 0; i < 2; i++) {
    s3rec_model *model = fixture_films(context, (uint64_t)(4 + i), i * SHIFT);
    l.expected[i] = films_by_scorer(model, i * SHIFT);
    ASSERT_OK(s3rec_model_save(model, paths[i].text));
    s3rec_model_destroy(model);
  }
  ck_assert(memcmp(&l.expected[0], &l.expected[1], sizeof l.expected[0]) != 0);
  s3rec_recommender_options options;
  s3rec_recommender_options_init(&options);
  options.context = context;
  ASSERT_OK(s3rec_recommender_open(paths[1].text, &options, &l.recommender));
  l.filter = filter_of_film(l.recommender);
  pthread_t threads[WORKERS];
  for (int i = 0; i < WORKERS; i++) {
    ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_on, &l), 0);
  }
  for (int i = 0; i < EXCHANGES; i++) {
    const int before = atomic_load(&l.answered[(i + 1) % 2]);
    while (atomic_load(&l.answered[(i + 1) % 2]) == before && atomic_load(&l.wrong) == 0) {
      ck_assert(is_expected(&l)); /* each model answers something */
    }
    ASSERT_OK(s3rec_recommender_exchange(l.recommender, paths[i % 2].text, NULL));
  }
  atomic_store(&l.stop, true);
  for (int i = 0; i < WORKERS; i++) pthread_join(threads[i], NULL);
  ck_assert_int_eq(atomic_load(&l.wrong), 0);
  const s3rec_recommender_statistics statistics = fixture_statistics(l.recommender);
  ck_assert_uint_eq(statistics.model_number, EXCHANGES + 1);
  ck_assert_uint_eq(statistics.failed_call_count + statistics.refused_exchange_count, 0);
  ck_assert_uint_le(statistics.scorer_count, WORKERS + 1);
  s3rec_filter_destroy(l.filter);
  s3rec_recommender_destroy(l.recommender);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}
END_TEST

/* The old model goes with its last call and answers do not keep it; a filter keeps a few sets. */
START_TEST(the_old_model_is_freed) {
  static const int32_t history[] = {4, 5};
  test_hooks hooks = {0};
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, &hooks);
  s3rec_model *model = fixture_films(context, 4, 0);
  s3rec_recommender *recommender = fixture_recommender(model);
  s3rec_model_destroy(model);
  s3rec_filter *filter = filter_of_film(recommender);
  int32_t ids[K];
  size_t count;
  long long after[20];
  for (int i = 0; i < 20; i++) {
    ASSERT_OK(s3rec_recommend(recommender, history, 2, filter, K, ids, NULL, &count));
    model = fixture_films(context, 5, i);
    ASSERT_OK(s3rec_recommender_exchange_model(recommender, model, NULL));
    s3rec_model_destroy(model);
    ASSERT_OK(s3rec_recommend(recommender, history, 2, filter, K, ids, NULL, &count));
    after[i] = atomic_load(&hooks.live_bytes);
    ck_assert_uint_eq(fixture_statistics(recommender).scorer_count, 1);
  }
  ck_assert_int_eq(after[19], after[10]);
  s3rec_filter_destroy(filter);
  s3rec_recommender_destroy(recommender);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}
END_TEST

/* More seats at once than there are slots: all are kept, and none of the old model's, whether they
 * were idle or at work during the exchange. */
START_TEST(seats_are_kept_and_given_up) {
  enum { SEATS = S3_SEAT_SLOTS + 10, AT_WORK = 5 };
  s3_seat *seats[SEATS];
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = fixture_films(context, 4, 0), *next = fixture_films(context, 5, 0);
  s3rec_recommender *recommender = fixture_recommender(model);
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < SEATS; i++) ASSERT_OK(s3_seat_take(recommender, NULL, &seats[i]));
    ck_assert_uint_eq(fixture_statistics(recommender).scorer_count, SEATS);
    for (int i = 0; i < (round < 2 ? SEATS : SEATS - AT_WORK); i++) {
      s3_seat_put_back(recommender, seats[i]);
    }
  }
  ASSERT_OK(s3rec_recommender_exchange_model(recommender, next, NULL));
  ck_assert_uint_eq(fixture_statistics(recommender).scorer_count, AT_WORK + 1);
  s3_seat *own = NULL;
  s3_generation *const old = seats[SEATS - 1]->generation;
  ASSERT_OK(s3_seat_take(recommender, old, &own)); /* as a request does that began before */
  ck_assert_ptr_eq(own->generation, old);
  s3_seat_put_back(recommender, own);
  for (int i = SEATS - AT_WORK; i < SEATS; i++) s3_seat_put_back(recommender, seats[i]);
  ck_assert_uint_eq(fixture_statistics(recommender).scorer_count, 1);
  s3rec_recommender_destroy(recommender);
  s3rec_trainer *trainer = NULL;
  ASSERT_OK(s3rec_trainer_create(model, NULL, &trainer));
  s3rec_trainer_destroy(trainer);
  s3rec_model_destroy(next);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

/* The recommender answers by the model it had, and has counted so many refusals. */
static void assert_refused(const s3rec_recommender *recommender, uint64_t refused) {
  const s3rec_recommender_statistics statistics = fixture_statistics(recommender);
  ck_assert_uint_eq(statistics.model_number, 1);
  ck_assert_uint_eq(statistics.refused_exchange_count, refused);
  ck_assert_uint_eq(statistics.scorer_count, 1);
}

static void write_weight(s3rec_model *model, const char *name, size_t count, float value) {
  float *const values = malloc(count * sizeof *values);
  for (size_t i = 0; i < count; i++) values[i] = value;
  ASSERT_OK(s3rec_model_parameter_write(model, name, values, count));
  free(values);
}

START_TEST(damaged_models_are_refused) {
  const test_path path = test_file("new.model");
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = fixture_films(context, 4, 0), *next = fixture_films(context, 5, 0);
  s3rec_recommender *recommender = fixture_recommender(model);
  size_t size;
  ASSERT_FAILS(s3rec_recommender_exchange(NULL, path.text, NULL), S3REC_ERROR_ARGUMENT,
               "recommender");
  ASSERT_FAILS(s3rec_recommender_exchange(recommender, NULL, NULL), S3REC_ERROR_ARGUMENT, "path");
  ASSERT_FAILS(s3rec_recommender_exchange_model(recommender, NULL, NULL), S3REC_ERROR_ARGUMENT,
               "model");
  ASSERT_FAILS(s3rec_recommender_exchange(recommender, "no/such", NULL), S3REC_ERROR_IO, "no/such");
  assert_refused(recommender, 1);
  ASSERT_OK(s3rec_model_save(next, path.text));
  char *const bytes = test_read(path.text, &size);
  test_write(path.text, bytes, size - 1000);
  ASSERT_FAILS(s3rec_recommender_exchange(recommender, path.text, NULL), S3REC_ERROR_FORMAT,
               path.text);
  assert_refused(recommender, 2);
  memset(bytes + size / 3, 0xff, 4 * 64); /* NaN, whatever weights these are */
  test_write(path.text, bytes, size);
  ASSERT_FAILS(s3rec_recommender_exchange(recommender, path.text, NULL), S3REC_ERROR_FORMAT,
               "NaN or infinite");
  assert_refused(recommender, 3);
  free(bytes);
  write_weight(next, "item_embeddings.weight", (ITEMS + 2) * FIXTURE_WIDTH, 3e38f);
  write_weight(next, "item_encoder.layer.1.intermediate.LayerNorm.weight", FIXTURE_WIDTH, 1e4f);
  ASSERT_FAILS(s3rec_recommender_exchange_model(recommender, next, NULL), S3REC_ERROR_NUMERIC,
               "is not finite");
  assert_refused(recommender, 4);
  s3rec_trainer *trainer = NULL;
  ASSERT_OK(s3rec_trainer_create(next, NULL, &trainer)); /* a refused model is free again */
  ASSERT_FAILS(s3rec_recommender_exchange_model(recommender, next, NULL), S3REC_ERROR_STATE,
               "trainer");
  s3rec_trainer_destroy(trainer);
  assert_refused(recommender, 5);
  s3rec_recommender_destroy(recommender);
  s3rec_model_destroy(next);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

/* A vocabulary whose first `known` names are those of films. */
static void name_items(s3rec_context *context, s3rec_model *model, int32_t known) {
  char *const text = malloc(ITEMS * 16);
  int64_t offsets[ITEMS + 1] = {0};
  for (int32_t i = 0; i < ITEMS; i++) {
    const int length = sprintf(text + offsets[i], i < known ? "film-%d" : "song-%d", (int)i);
    offsets[i + 1] = offsets[i] + length;
  }
  s3rec_vocabulary *names = NULL;
  ASSERT_OK(s3rec_vocabulary_create(context, S3REC_NAMES_TEXT, 1, text, offsets, ITEMS, &names));
  ASSERT_OK(s3rec_model_set_names(model, names, NULL));
  s3rec_vocabulary_destroy(names);
  free(text);
}

START_TEST(names_have_to_fit) {
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = fixture_films(context, 4, 0), *next = fixture_films(context, 5, 0);
  s3rec_recommender *recommender = fixture_recommender(model);
  s3rec_exchange_options options;
  s3rec_exchange_options_init(&options);
  ASSERT_OK(s3rec_model_set_names(next, NULL, NULL));
  ASSERT_FAILS(s3rec_recommender_exchange_model(recommender, next, NULL), S3REC_ERROR_MISMATCH,
               "no names");
  name_items(context, next, ITEMS / 2 - 1);
  ASSERT_FAILS(s3rec_recommender_exchange_model(recommender, next, NULL), S3REC_ERROR_MISMATCH,
               "has 149 of the 300 items");
  name_items(context, next, 20);
  options.least_known_share = 0.07;
  ASSERT_FAILS(s3rec_recommender_exchange_model(recommender, next, &options),
               S3REC_ERROR_MISMATCH, "has 20 of the 300 items");
  assert_refused(recommender, 3);
  options.least_known_share = -0.1;
  ASSERT_FAILS(s3rec_recommender_exchange_model(recommender, next, &options),
               S3REC_ERROR_ARGUMENT, "least_known_share is -0.1");
  options.least_known_share = 0.066;
  ASSERT_OK(s3rec_recommender_exchange_model(recommender, next, &options));
  ck_assert_uint_eq(fixture_statistics(recommender).model_number, 2);
  s3rec_recommender_destroy(recommender);

  /* Without names ids are the items. */
  s3rec_model *large = score_model(context, 100, 5, 8), *small = score_model(context, 40, 5, 8);
  recommender = fixture_recommender(large);
  ASSERT_FAILS(s3rec_recommender_exchange_model(recommender, small, NULL), S3REC_ERROR_MISMATCH,
               "has 38 of the 98 items");
  options.least_known_share = 0.3;
  ASSERT_OK(s3rec_recommender_exchange_model(recommender, small, &options));
  ASSERT_OK(s3rec_recommender_exchange_model(recommender, large, NULL));
  s3rec_recommender_destroy(recommender);
  s3rec_model_destroy(large);
  s3rec_model_destroy(small);
  s3rec_model_destroy(next);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

static double ndcg10_of(s3rec_model *model, const s3rec_dataset *dataset) {
  s3rec_metrics metrics;
  s3rec_metrics_init(&metrics);
  ASSERT_OK(s3rec_evaluate(model, dataset, NULL, &metrics, NULL));
  return metrics.ndcg[1];
}

/* The better of two models, whichever that is, serves; the other one is refused where a loss is
 * not allowed. A model that says the same by other numbers loses nothing. */
START_TEST(accuracy_is_compared) {
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *models[2] = {fixture_films(context, 4, 0), fixture_films(context, 5, SHIFT)};
  s3rec_dataset *views[2] = {fixture_views(context, 400, 0), fixture_views(context, 400, SHIFT)};
  const double figures[2] = {ndcg10_of(models[0], views[0]), ndcg10_of(models[1], views[1])};
  ck_assert_double_ne(figures[0], figures[1]);
  const int better = figures[1] > figures[0];
  const int32_t shift = better * SHIFT;
  s3rec_recommender *recommender = fixture_recommender(models[better]);
  s3rec_exchange_options options;
  s3rec_exchange_options_init(&options);
  options.dataset = views[!better];
  options.least_ndcg10 = 0.9;
  ASSERT_FAILS(s3rec_recommender_exchange_model(recommender, models[!better], &options),
               S3REC_ERROR_MISMATCH, "must be at least 0.900000");
  options.least_ndcg10 = 0;
  options.largest_loss = 0;
  ASSERT_FAILS(s3rec_recommender_exchange_model(recommender, models[!better], &options),
               S3REC_ERROR_MISMATCH, "is lost");
  ck_assert_ptr_nonnull(strstr(s3rec_last_error(), "NDCG@10"));
  assert_refused(recommender, 2);
  s3rec_model *same = fixture_films(context, (uint64_t)(4 + better), (shift + 33) % ITEMS);
  s3rec_dataset *same_views = fixture_views(context, 400, (shift + 33) % ITEMS);
  options.dataset = same_views;
  ASSERT_OK(s3rec_recommender_exchange_model(recommender, same, &options));
  options.dataset = views[!better];
  options.largest_loss = 1 - figures[!better] / figures[better] + 1e-6;
  ASSERT_OK(s3rec_recommender_exchange_model(recommender, models[!better], &options));
  ck_assert_uint_eq(fixture_statistics(recommender).model_number, 3);
  s3rec_recommender_destroy(recommender);
  s3rec_dataset_destroy(same_views);
  s3rec_model_destroy(same);
  for (int i = 0; i < 2; i++) {
    s3rec_dataset_destroy(views[i]);
    s3rec_model_destroy(models[i]);
  }
  s3rec_context_destroy(context);
}
END_TEST

/* A dataset of two users by whom nothing can be measured is no proof of accuracy. */
START_TEST(a_dataset_that_measures_nothing_is_refused) {
  static const int32_t items[] = {1, 2, 3};
  static const int64_t offsets[] = {0, 2, 3};
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = fixture_films(context, 4, 0), *next = fixture_films(context, 5, 0);
  s3rec_recommender *recommender = fixture_recommender(model);
  s3rec_dataset *dataset = NULL;
  s3rec_dataset_arrays arrays;
  s3rec_dataset_arrays_init(&arrays);
  arrays.user_count = 2;
  arrays.item_offsets = offsets;
  arrays.items = items;
  ASSERT_OK(s3rec_dataset_from_arrays(context, &arrays, &dataset));
  s3rec_exchange_options options;
  s3rec_exchange_options_init(&options);
  options.dataset = dataset;
  options.largest_loss = 0;
  ASSERT_FAILS(s3rec_recommender_exchange_model(recommender, next, &options),
               S3REC_ERROR_ARGUMENT, "none of its 2 users can be measured");
  assert_refused(recommender, 1);
  s3rec_recommender_destroy(recommender);
  s3rec_dataset_destroy(dataset);
  s3rec_model_destroy(next);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

TEST_SUITE(recommender_exchange) {
  TCase *load_case = tcase_create("load");
  tcase_add_test(load_case, exchange_under_load);
  tcase_add_test(load_case, the_old_model_is_freed);
  tcase_add_test(load_case, seats_are_kept_and_given_up);
  TCase *checks = tcase_create("checks");
  tcase_add_test(checks, damaged_models_are_refused);
  tcase_add_test(checks, names_have_to_fit);
  tcase_add_test(checks, accuracy_is_compared);
  tcase_add_test(checks, a_dataset_that_measures_nothing_is_refused);
  test_add_cases(suite, load_case, checks, NULL);
}
