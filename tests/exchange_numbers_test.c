/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanges between models that know different items: what the serving model is measured on, by
 * hand; and names that do not go together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "recommender_fixture.h"

enum { SMALL = 38, LARGE = 98, LENGTH = 5, WIDTH = 8 };

/* Items of `count` users, 3 or 4 each. */
typedef struct views {
  int32_t items[64];
  int64_t offsets[17];
  size_t count;
} views;

static void add_user(views *v, const int32_t *items, size_t count) {
  memcpy(v->items + v->offsets[v->count], items, count * sizeof *items);
  v->offsets[v->count + 1] = v->offsets[v->count] + (int64_t)count;
  v->count++;
}

static s3rec_dataset *dataset_of(s3rec_context *context, const views *v) {
  s3rec_dataset *dataset = NULL;
  s3rec_dataset_arrays arrays;
  s3rec_dataset_arrays_init(&arrays);
  arrays.user_count = v->count;
  arrays.item_offsets = v->offsets;
  arrays.items = v->items;
  ASSERT_OK(s3rec_dataset_from_arrays(context, &arrays, &dataset));
  return dataset;
}

static int32_t best_after(s3rec_model *model, int32_t first, int32_t second) {
  const int32_t history[] = {first, second};
  int32_t id = 0;
  size_t count;
  s3rec_scorer *scorer = score_create(model);
  ASSERT_OK(s3rec_score_next(scorer, history, 2, NULL, 1, &id, NULL, &count));
  s3rec_scorer_destroy(scorer);
  return id;
}

/* `count` names from "PREFIXfirst" on, padded so that their order is that of their numbers. */
static s3rec_vocabulary *names_from(s3rec_context *context, const char *prefix, int32_t first,
                                    int32_t count) {
  char text[LARGE * 16];
  int64_t offsets[LARGE + 1] = {0};
  s3rec_vocabulary *names = NULL;
  for (int32_t i = 0; i < count; i++)
    offsets[i + 1] =
        offsets[i] + sprintf(text + offsets[i], "%s%03d", prefix, (int)(first + i));
  ASSERT_OK(s3rec_vocabulary_create(context, S3REC_NAMES_TEXT, 1, text, offsets, (size_t)count,
                                    &names));
  return names;
}

static void give_names(s3rec_context *context, s3rec_model *model, const char *prefix,
                       int32_t first, int32_t count) {
  s3rec_vocabulary *const names = names_from(context, prefix, first, count);
  ASSERT_OK(s3rec_model_set_names(model, names, NULL));
  s3rec_vocabulary_destroy(names);
}

/* Loop: no names, names of the new model only, the same names. Of ten users the serving model
 * is right about six; of the others it does not have the answer, or enough of the history. */
START_TEST(the_serving_model_misses_what_it_does_not_have) {
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *serving = score_model(context, SMALL + 2, LENGTH, WIDTH);
  s3rec_model *next = score_model(context, LARGE + 2, LENGTH, WIDTH);
  views v = {.count = 0};
  for (int32_t i = 1; i <= 5; i++) {
    const int32_t known[] = {i, i + 7, best_after(serving, i, i + 7)};
    add_user(&v, known, 3);
  }
  const int32_t gap[] = {3, 70, 20, best_after(serving, 3, 20)}, lost[] = {1, 2, 3, 71};
  const int32_t few[] = {72, 4, 5}, other[] = {6, 7, LARGE}, none[] = {80, 81, 82};
  add_user(&v, gap, 4); /* its unknown item is left out */
  add_user(&v, lost, 4);
  add_user(&v, few, 3);
  add_user(&v, other, 3);
  add_user(&v, none, 3);
  s3rec_dataset *const dataset = dataset_of(context, &v);
  if (_i == 1) give_names(context, next, "film-", 0, LARGE);
  if (_i == 2) {
    give_names(context, serving, "film-", 0, SMALL);
    give_names(context, next, "film-", 0, LARGE);
  }
  s3rec_recommender *recommender = fixture_recommender(serving);
  s3rec_exchange_options options;
  s3rec_exchange_options_init(&options);
  options.dataset = dataset;
  options.largest_loss = 0;
  ASSERT_FAILS(s3rec_recommender_exchange_model(recommender, next, &options),
               S3REC_ERROR_MISMATCH, "the serving model's 0.600000: more than a share of 0.0000");
  ck_assert_uint_eq(fixture_statistics(recommender).model_number, 1);
  options.largest_loss = 1; /* not measured */
  ASSERT_OK(s3rec_recommender_exchange_model(recommender, next, &options));
  ck_assert_uint_eq(fixture_statistics(recommender).model_number, 2);
  s3rec_recommender_destroy(recommender);
  s3rec_dataset_destroy(dataset);
  s3rec_model_destroy(next);
  s3rec_model_destroy(serving);
  s3rec_context_destroy(context);
}
END_TEST

/* Items that have no counterpart before, between and after those of the other model. */
START_TEST(names_are_counted) {
  static const struct {
    const char *prefix;
    int32_t first, count, known;
  } cases[] = {{"film-", 10, LARGE, LARGE - 10}, {"film-", 0, SMALL, SMALL},
               {"film-", 90, SMALL, 8},          {"book-", 0, LARGE, 0},
               {"song-", 0, LARGE, 0}};
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *serving = score_model(context, LARGE + 2, LENGTH, WIDTH);
  give_names(context, serving, "film-", 0, LARGE);
  s3rec_recommender *recommender = fixture_recommender(serving);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    s3rec_model *next = score_model(context, cases[i].count + 2, LENGTH, WIDTH);
    give_names(context, next, cases[i].prefix, cases[i].first, cases[i].count);
    s3rec_exchange_options options;
    s3rec_exchange_options_init(&options);
    options.least_known_share = 1;
    char text[64];
    sprintf(text, "has %d of the %d items", (int)cases[i].known, (int)LARGE);
    ASSERT_FAILS(s3rec_recommender_exchange_model(recommender, next, &options),
                 S3REC_ERROR_MISMATCH, text);
    s3rec_model_destroy(next);
  }
  s3rec_recommender_destroy(recommender);
  /* The same vocabulary is the same items. */
  s3rec_model *twin = score_model(context, LARGE + 2, LENGTH, WIDTH);
  s3rec_vocabulary *names = NULL;
  s3rec_exchange_options options;
  s3rec_exchange_options_init(&options);
  options.least_known_share = 1;
  ASSERT_OK(s3rec_model_item_names(serving, &names));
  ASSERT_OK(s3rec_model_set_names(twin, names, NULL));
  s3rec_vocabulary_destroy(names);
  recommender = fixture_recommender(serving);
  ASSERT_OK(s3rec_recommender_exchange_model(recommender, twin, &options));
  s3rec_recommender_destroy(recommender);
  s3rec_model_destroy(twin);
  s3rec_model_destroy(serving);
  s3rec_context_destroy(context);
}
END_TEST

/* A dataset with names measures only a model that numbers its items alike; it may have fewer, or
 * more, and one without names is taken at its numbers. */
START_TEST(a_dataset_has_the_new_models_names) {
  static const int32_t items[] = {1, 2, 3, 4};
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *serving = score_model(context, SMALL + 2, LENGTH, WIDTH);
  s3rec_model *next = score_model(context, SMALL + 2, LENGTH, WIDTH);
  s3rec_model *nameless = score_model(context, SMALL + 2, LENGTH, WIDTH);
  give_names(context, next, "film-", 0, SMALL);
  views v = {.count = 0};
  add_user(&v, items, 4);
  s3rec_dataset *const dataset = dataset_of(context, &v);
  s3rec_exchange_options options;
  s3rec_exchange_options_init(&options);
  options.dataset = dataset;
  s3rec_recommender *recommender = fixture_recommender(serving);
  static const int32_t counts[] = {SMALL - 5, SMALL, SMALL + 5};
  dataset->item_names = names_from(context, "song-", 0, SMALL);
  ASSERT_FAILS(s3rec_recommender_exchange_model(recommender, next, &options),
               S3REC_ERROR_MISMATCH,
               "item 1 is 'song-000' in the dataset, 'film-000' in the model");
  ck_assert_uint_eq(fixture_statistics(recommender).refused_exchange_count, 1);
  ASSERT_OK(s3rec_recommender_exchange_model(recommender, nameless, &options));
  for (size_t i = 0; i < 3; i++) {
    s3rec_vocabulary_destroy(dataset->item_names);
    dataset->item_names = names_from(context, "film-", 0, counts[i]);
    ASSERT_OK(s3rec_recommender_exchange_model(recommender, next, &options));
  }
  ck_assert_uint_eq(fixture_statistics(recommender).model_number, 5);
  s3rec_recommender_destroy(recommender);
  s3rec_dataset_destroy(dataset);
  s3rec_model_destroy(nameless);
  s3rec_model_destroy(next);
  s3rec_model_destroy(serving);
  s3rec_context_destroy(context);
}
END_TEST

TEST_SUITE(exchange_numbers) {
  TCase *cases = tcase_create("numbers");
  tcase_add_loop_test(cases, the_serving_model_misses_what_it_does_not_have, 0, 3);
  tcase_add_test(cases, names_are_counted);
  tcase_add_test(cases, a_dataset_has_the_new_models_names);
  test_add_cases(suite, cases, NULL);
}
