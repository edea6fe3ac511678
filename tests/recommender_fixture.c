/* SPDX-License-Identifier: Apache-2.0 */
#include "recommender_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "vocabulary_fixture.h"

int32_t fixture_film_id(int32_t film, int32_t shift) {
  return 1 + (film - shift + FIXTURE_ITEMS) % FIXTURE_ITEMS;
}

int32_t fixture_film_events(int32_t film) { return film * film % 40; }

/* Row of id is that of its film. */
static void renumber_rows(s3rec_model *model, int32_t shift) {
  static const char name[] = "item_embeddings.weight";
  enum { COUNT = (FIXTURE_ITEMS + 2) * FIXTURE_WIDTH };
  float *const rows = malloc(COUNT * sizeof *rows), *const moved = malloc(COUNT * sizeof *moved);
  ASSERT_OK(s3rec_model_parameter_read(model, name, rows, COUNT));
  memcpy(moved, rows, COUNT * sizeof *moved);
  for (int32_t film = 0; film < FIXTURE_ITEMS; film++) {
    memcpy(moved + fixture_film_id(film, shift) * FIXTURE_WIDTH, rows + (1 + film) * FIXTURE_WIDTH,
           FIXTURE_WIDTH * sizeof *moved);
  }
  ASSERT_OK(s3rec_model_parameter_write(model, name, moved, COUNT));
  free(rows);
  free(moved);
}

s3rec_model *fixture_films(s3rec_context *context, uint64_t seed, int32_t shift) {
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  config.item_size = FIXTURE_ITEMS + 2;
  config.max_seq_length = FIXTURE_LENGTH;
  config.hidden_size = FIXTURE_WIDTH;
  config.initializer_range = 0.3;
  s3rec_model *model = NULL;
  ASSERT_OK(s3rec_model_create(context, &config, seed, &model));
  renumber_rows(model, shift);
  fixture_names names = fixture_numbered(FIXTURE_ITEMS, "film-%zu", 1);
  int64_t offsets[FIXTURE_ITEMS + 1] = {0};
  char *const text = malloc((size_t)names.offsets[FIXTURE_ITEMS]);
  for (int32_t id = 1; id <= FIXTURE_ITEMS; id++) {
    const int32_t film = (id - 1 + shift) % FIXTURE_ITEMS;
    const size_t length = (size_t)(names.offsets[film + 1] - names.offsets[film]);
    memcpy(text + offsets[id - 1], names.text + names.offsets[film], length);
    offsets[id] = offsets[id - 1] + (int64_t)length;
  }
  const fixture_names shifted = {text, offsets, FIXTURE_ITEMS};
  s3rec_vocabulary *const items = fixture_vocabulary(context, S3REC_NAMES_TEXT, 1, &shifted);
  ASSERT_OK(s3rec_model_set_names(model, items, NULL));
  int32_t events[FIXTURE_ITEMS + 2] = {0};
  for (int32_t film = 0; film < FIXTURE_ITEMS; film++) {
    events[fixture_film_id(film, shift)] = fixture_film_events(film);
  }
  ASSERT_OK(s3rec_model_set_popularity(model, events, FIXTURE_ITEMS + 2));
  s3rec_vocabulary_destroy(items);
  fixture_names_free(&names);
  free(text);
  return model;
}

s3rec_dataset *fixture_views(s3rec_context *context, size_t users, int32_t shift) {
  enum { VIEWS = 6 };
  int64_t *const offsets = malloc((users + 1) * sizeof *offsets);
  int32_t *const items = malloc(users * VIEWS * sizeof *items);
  s3_random random = s3_random_make(3);
  s3rec_dataset_arrays arrays;
  s3rec_dataset_arrays_init(&arrays);
  for (size_t i = 0; i < users * VIEWS; i++) {
    items[i] = fixture_film_id((int32_t)s3_random_below(&random, FIXTURE_ITEMS), shift);
  }
  for (size_t user = 0; user <= users; user++) offsets[user] = (int64_t)user * VIEWS;
  arrays.user_count = users;
  arrays.item_offsets = offsets;
  arrays.items = items;
  s3rec_dataset *dataset = NULL;
  ASSERT_OK(s3rec_dataset_from_arrays(context, &arrays, &dataset));
  free(offsets);
  free(items);
  return dataset;
}

s3rec_recommender *fixture_recommender(s3rec_model *model) {
  s3rec_recommender *recommender = NULL;
  ASSERT_OK(s3rec_recommender_create(model, NULL, &recommender));
  return recommender;
}

s3rec_filter *fixture_filter(const s3rec_recommender *recommender,
                             const s3rec_filter_options *options) {
  s3rec_filter *filter = NULL;
  ASSERT_OK(s3rec_filter_create(recommender, options, &filter));
  return filter;
}

s3rec_recommender_statistics fixture_statistics(const s3rec_recommender *recommender) {
  s3rec_recommender_statistics statistics;
  s3rec_recommender_statistics_init(&statistics);
  ASSERT_OK(s3rec_recommender_statistics_get(recommender, &statistics));
  return statistics;
}

s3rec_ranked_items fixture_ranked(const s3rec_answer *answer, size_t user) {
  s3rec_ranked_items items;
  s3rec_ranked_items_init(&items);
  ASSERT_OK(s3rec_answer_get(answer, user, &items));
  return items;
}
