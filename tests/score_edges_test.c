/* SPDX-License-Identifier: Apache-2.0 */
/* Scoring at the edges of its sizes: tables of which no copy is made, catalogues for which users
 * are ranked in smaller groups, answers of nothing and of nearly all items; and every allocation
 * of calls for many users failing. */
#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "score_support.h"
#include "scoring/scorer.h"

enum { LENGTH = 6, WIDTH = 8 };

/* All weights are zero; that takes no time. */
static s3rec_model *zero_model(s3rec_context *context, int32_t item_size, int32_t hidden_size) {
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  config.item_size = item_size;
  config.max_seq_length = LENGTH;
  config.hidden_size = hidden_size;
  s3rec_model *model = NULL;
  ASSERT_OK(s3_model_allocate(context, &config, &model));
  return model;
}

static bool copies_unasked(s3rec_model *model) {
  s3rec_scorer *scorer = score_create(model);
  const bool copies = scorer->quantized != NULL;
  s3rec_scorer_destroy(scorer);
  return copies;
}

START_TEST(only_small_tables_are_copied_unasked) {
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_context *slow = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_BASELINE, 1, NULL);
  const bool fast = s3rec_context_kernel_level(context) != S3REC_KERNELS_BASELINE;
  s3rec_model *models[] = {zero_model(context, 1 << 18, 64), zero_model(context, (1 << 18) + 1, 64),
                           zero_model(slow, 100, 64)};
  ck_assert(copies_unasked(models[0]) == fast); /* 64 MiB */
  ck_assert(!copies_unasked(models[1]));
  ck_assert(!copies_unasked(models[2]));
  for (int i = 0; i < 3; i++) s3rec_model_destroy(models[i]);
  s3rec_context_destroy(slow);
  s3rec_context_destroy(context);
}
END_TEST

enum { USERS = 20, MOST = 64 };

/* Users at once, with and without candidates, each as if alone. */
static void check_batch(s3rec_scorer *scorer, const s3rec_score_options *options,
                        int32_t last_item, size_t k) {
  static int32_t histories[USERS * LENGTH], ids[USERS * MOST], own[MOST];
  static float scores[USERS * MOST], own_scores[MOST];
  int64_t offsets[USERS + 1];
  size_t counts[USERS], count;
  s3_random random = s3_random_make(5);
  score_draw_history(&random, 1, last_item, histories, USERS * LENGTH);
  for (size_t u = 0; u <= USERS; u++) offsets[u] = (int64_t)(u * LENGTH);
  ASSERT_OK(s3rec_score_next_batch(scorer, histories, offsets, USERS, options, k, ids, scores,
                                   counts));
  for (size_t u = 0; u < USERS; u++) {
    ASSERT_OK(s3rec_score_next(scorer, histories + u * LENGTH, LENGTH, options, k, own, own_scores,
                               &count));
    ck_assert_uint_eq(counts[u], count);
    ck_assert(memcmp(ids + u * k, own, count * sizeof *own) == 0);
    ck_assert(memcmp(scores + u * k, own_scores, count * sizeof *own_scores) == 0);
  }
}

static s3rec_scorer *plain_scorer(s3rec_model *model) {
  s3rec_scorer_options options;
  s3rec_scorer_options_init(&options);
  options.scan = S3REC_SCAN_F32;
  s3rec_scorer *scorer = NULL;
  ASSERT_OK(s3rec_scorer_create_with(model, &options, &scorer));
  return scorer;
}

/* Sets of 2.2 million items are so large that only 16 users are ranked together. */
START_TEST(a_large_catalogue_takes_smaller_groups) {
  enum { ITEMS = 2200000, STEP = 997, NAMED = 2000 };
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_model *model = zero_model(context, ITEMS + 2, 4);
  s3_random random = s3_random_make(9);
  for (size_t i = 0; i < model->table.float_count; i++) { /* items here and there, all layers */
    const bool item = i < (size_t)(ITEMS + 2) * 4;
    if (!item || i / 4 % STEP == 1) {
      model->weights[i] = 0.01f * (float)((int32_t)s3_random_below(&random, 201) - 100);
      if (item) i += 3 * (s3_random_below(&random, 2) == 0);
    }
  }
  s3rec_scorer *scorer = plain_scorer(model);
  check_batch(scorer, NULL, ITEMS, 10);
  s3rec_score_options options;
  s3rec_score_options_init(&options);
  int32_t *const candidates = malloc(NAMED * sizeof *candidates);
  score_draw_history(&random, 1, ITEMS, candidates, NAMED);
  options.candidates = candidates;
  options.candidate_count = NAMED;
  check_batch(scorer, &options, ITEMS, 10);
  free(candidates);
  s3rec_scorer_destroy(scorer);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

static void answers_of_every_length_in(s3rec_context *context) {
  enum { ITEMS = 60 };
  s3rec_model *model = score_model(context, ITEMS + 2, LENGTH, WIDTH);
  s3rec_scorer *scorer = score_create(model);
  for (size_t k = 0; k <= MOST; k += k < 5 || k > 45 ? 1 : 8) check_batch(scorer, NULL, ITEMS, k);
  s3rec_scorer_destroy(scorer);
  s3rec_model_destroy(model);
}

START_TEST(answers_of_every_length) { score_every_scan(answers_of_every_length_in); }
END_TEST

/* Calls for many users, so that they are encoded in several packs. */
enum { CROWD = 300, LONG = 50, ALL = 40 };

typedef struct crowd {
  s3rec_model *model;
  int32_t ids[CROWD * LONG], best[CROWD * 3];
  int64_t offsets[CROWD + 1];
  size_t counts[CROWD];
  float *hidden;
} crowd;

static s3rec_status score_crowd(void *argument) {
  crowd *const c = argument;
  s3rec_scorer *scorer = NULL;
  s3rec_status status = s3rec_scorer_create(c->model, &scorer);
  if (status == S3REC_OK)
    status = s3rec_score_next_batch(scorer, c->ids, c->offsets, CROWD, NULL, 3, c->best, NULL,
                                    c->counts);
  if (status != S3REC_OK) ck_assert_int_eq(c->best[0], -7);
  s3rec_scorer_destroy(scorer);
  return status;
}

static s3rec_status encode_crowd(void *argument) {
  crowd *const c = argument;
  s3rec_scorer *scorer = NULL;
  s3rec_status status = s3rec_scorer_create(c->model, &scorer);
  if (status == S3REC_OK)
    status = s3rec_encode(scorer, S3REC_ATTENTION_BIDIRECTIONAL, c->ids, CROWD, LONG, c->hidden);
  if (status != S3REC_OK) ck_assert(c->hidden[0] == -7);
  s3rec_scorer_destroy(scorer);
  return status;
}

/* Loop: both calls. */
START_TEST(every_allocation_for_a_crowd_may_fail) {
  static crowd c;
  test_hooks hooks = {0};
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, &hooks);
  c = (crowd){.model = score_model(context, ALL + 2, LONG, WIDTH)};
  s3_random random = s3_random_make(3);
  score_draw_history(&random, 1, ALL, c.ids, CROWD * LONG);
  for (size_t u = 0; u <= CROWD; u++) c.offsets[u] = (int64_t)(u * LONG);
  c.hidden = malloc(CROWD * LONG * WIDTH * sizeof *c.hidden);
  c.best[0] = -7;
  c.hidden[0] = -7;
  s3rec_scorer *kept = score_create(c.model); /* what it makes of a model stays with that */
  ck_assert_uint_gt(
      test_every_allocation_fails(&hooks, _i == 0 ? score_crowd : encode_crowd, &c), 5);
  ck_assert(_i == 0 ? c.best[0] > 0 : c.hidden[0] != -7);
  s3rec_scorer_destroy(kept);
  free(c.hidden);
  s3rec_model_destroy(c.model);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}
END_TEST

TEST_SUITE(score_edges) {
  TCase *cases = tcase_create("edges");
  tcase_add_test(cases, only_small_tables_are_copied_unasked);
  tcase_add_test(cases, a_large_catalogue_takes_smaller_groups);
  tcase_add_test(cases, answers_of_every_length);
  tcase_add_loop_test(cases, every_allocation_for_a_crowd_may_fail, 0, 2);
  test_add_cases(suite, cases, NULL);
}
