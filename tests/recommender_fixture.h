/* SPDX-License-Identifier: Apache-2.0 */
/* Models with names and popularity for the suites about recommenders. */
#ifndef S3_TESTS_RECOMMENDER_FIXTURE_H
#define S3_TESTS_RECOMMENDER_FIXTURE_H

#include "score_support.h"

enum { FIXTURE_ITEMS = 300, FIXTURE_LENGTH = 8, FIXTURE_WIDTH = 16 };

/* Item id of this model is film ((id - 1 + shift) mod FIXTURE_ITEMS), with name "film-NUMBER", a
 * vector and a popularity that belong to the film: models with other shifts number the same
 * films in another way. `seed` is of all weights. */
s3rec_model *fixture_films(s3rec_context *context, uint64_t seed, int32_t shift);
/* The id of a film in a model with that shift. */
int32_t fixture_film_id(int32_t film, int32_t shift);
/* Its events: many films have the same number, some none. */
int32_t fixture_film_events(int32_t film);

/* `users` sequences of films that a model with that shift numbers. */
s3rec_dataset *fixture_views(s3rec_context *context, size_t users, int32_t shift);

s3rec_recommender *fixture_recommender(s3rec_model *model);
s3rec_filter *fixture_filter(const s3rec_recommender *recommender,
                             const s3rec_filter_options *options);
/* The counters now. */
s3rec_recommender_statistics fixture_statistics(const s3rec_recommender *recommender);
/* The answer of one user. */
s3rec_ranked_items fixture_ranked(const s3rec_answer *answer, size_t user);

#endif
