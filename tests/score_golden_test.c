/* SPDX-License-Identifier: Apache-2.0 */
/* Weights fine-tuned by the reference implementation, against what its own code
 * measured and recommended: lastfm_finetuned* in the shared folder. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/json_reader.h"
#include "model/safetensors.h"
#include "score_support.h"
#include "support/files.h"

enum { USERS = 1090, DEPTH = 20, WIDTH = 64, BATCH_USERS = 256 };

static const char *path_of(const char *name) {
  static char paths[4][512];
  static unsigned next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", test_shared_folder(), name);
  return path;
}

static s3rec_dataset *load_dataset(s3rec_context *context) {
  s3rec_dataset *dataset = NULL;
  ASSERT_OK(s3rec_dataset_load(context, path_of("data/LastFM.txt"), NULL,
                               path_of("data/LastFM_sample.txt"), &dataset));
  return dataset;
}

static s3rec_model *load_model(s3rec_context *context) {
  s3rec_model *model = NULL;
  ASSERT_OK(s3rec_model_load(context, path_of("golden/lastfm_finetuned.safetensors"), NULL,
                             &model));
  return model;
}

static void check_value(s3_json expected, const char *name, double value) {
  const s3_json number = s3_json_member(expected, name);
  double wanted;
  if (number.begin == NULL) return; /* the reference does not measure all of them */
  ck_assert(s3_json_real(number, &wanted));
  ck_assert_double_eq_tol(value, wanted, 1e-9);
}

static void check_metrics(s3_json all, const char *key, s3rec_model *model,
                          const s3rec_dataset *dataset, s3rec_split split,
                          s3rec_protocol protocol, s3rec_seen_policy seen) {
  const s3_json expected = s3_json_member(all, key);
  ck_assert_ptr_nonnull(expected.begin);
  s3rec_evaluate_options options;
  s3rec_evaluate_options_init(&options);
  options.split = split;
  options.protocol = protocol;
  options.seen = seen;
  s3rec_metrics metrics;
  s3rec_metrics_init(&metrics);
  ASSERT_OK(s3rec_evaluate(model, dataset, &options, &metrics, NULL));
  ck_assert_uint_eq(metrics.user_count, USERS);
  ck_assert_uint_eq(metrics.skipped_count, 0);
  check_value(expected, "HR@1", metrics.hit_rate[0]);
  check_value(expected, "NDCG@1", metrics.hit_rate[0]);
  check_value(expected, "HR@5", metrics.hit_rate[1]);
  check_value(expected, "HR@10", metrics.hit_rate[2]);
  check_value(expected, "HR@20", metrics.hit_rate[3]);
  check_value(expected, "NDCG@5", metrics.ndcg[0]);
  check_value(expected, "NDCG@10", metrics.ndcg[1]);
  check_value(expected, "NDCG@20", metrics.ndcg[2]);
  check_value(expected, "MRR", metrics.mrr);
}

static void metrics_in(s3rec_context *context) {
  const char *const path = path_of("golden/lastfm_finetuned_metrics.json");
  size_t count;
  char *const text = test_read(path, &count);
  s3_json all;
  ASSERT_OK(s3_json_check(path, "", text, count, S3_JSON_DEEPEST, &all));
  s3rec_dataset *dataset = load_dataset(context);
  s3rec_model *model = load_model(context);
  check_metrics(all, "valid.sampled", model, dataset, S3REC_SPLIT_VALID, S3REC_PROTOCOL_SAMPLED,
                S3REC_SEEN_EXCLUDE);
  check_metrics(all, "test.sampled", model, dataset, S3REC_SPLIT_TEST, S3REC_PROTOCOL_SAMPLED,
                S3REC_SEEN_EXCLUDE);
  check_metrics(all, "valid.full", model, dataset, S3REC_SPLIT_VALID, S3REC_PROTOCOL_FULL,
                S3REC_SEEN_ZERO);
  check_metrics(all, "test.full", model, dataset, S3REC_SPLIT_TEST, S3REC_PROTOCOL_FULL,
                S3REC_SEEN_ZERO);
  check_metrics(all, "test.full.seen_excluded", model, dataset, S3REC_SPLIT_TEST,
                S3REC_PROTOCOL_FULL, S3REC_SEEN_EXCLUDE);
  s3rec_model_destroy(model);
  s3rec_dataset_destroy(dataset);
  free(text);
}

START_TEST(metrics_equal_the_reference) {
  if (test_shared_folder() == NULL) {
    test_skip("no shared folder");
    return;
  }
  score_every_context(metrics_in);
}
END_TEST

/* What was recorded, user by user. */
static int32_t golden_ids[USERS * DEPTH];
static float golden_scores[USERS * DEPTH], golden_vectors[USERS * WIDTH];

static void read_recommendations(s3rec_context *context) {
  s3_safetensors *file = NULL;
  ASSERT_OK(s3_safetensors_open(context, path_of("golden/lastfm_finetuned_top20.safetensors"),
                                &file));
  const s3_tensor *ids = s3_safetensors_find(file, "ids");
  ck_assert_ptr_nonnull(ids);
  ck_assert_uint_eq(ids->byte_count, sizeof golden_ids);
  ASSERT_OK(s3_safetensors_copy(file, ids, 0, sizeof golden_ids, golden_ids));
  ASSERT_OK(s3_safetensors_read_f32(file, "scores", 2, (int64_t[]){USERS, DEPTH}, golden_scores));
  ASSERT_OK(s3_safetensors_read_f32(file, "user_embedding", 2, (int64_t[]){USERS, WIDTH},
                                    golden_vectors));
  s3_safetensors_close(file);
}

/* An id may differ from the recorded one only where scores tie within 1e-5. */
static void check_user(size_t user, const int32_t *ids, const float *scores, size_t count) {
  ck_assert_uint_eq(count, DEPTH);
  const int32_t *expected = golden_ids + user * DEPTH;
  const float *expected_scores = golden_scores + user * DEPTH;
  for (size_t i = 0; i < DEPTH; i++) {
    ck_assert_double_eq_tol(scores[i], expected_scores[i], 1e-5);
    if (ids[i] == expected[i]) continue;
    double nearest = INFINITY;
    for (size_t j = 0; j < DEPTH; j++) {
      if (j != i) nearest = fmin(nearest, fabs((double)expected_scores[j] - expected_scores[i]));
    }
    ck_assert_msg(nearest <= 1e-5 || i == DEPTH - 1, "user %zu, rank %zu: item %d, recorded %d",
                  user, i, ids[i], expected[i]);
  }
}

static void recommendations_in(s3rec_context *context) {
  read_recommendations(context);
  s3rec_dataset *dataset = load_dataset(context);
  s3rec_model *model = load_model(context);
  s3rec_scorer *scorer = NULL;
  ASSERT_OK(s3rec_scorer_create(model, &scorer));
  static int32_t histories[100000], batch_ids[BATCH_USERS * DEPTH];
  static float batch_scores[BATCH_USERS * DEPTH];
  int64_t offsets[BATCH_USERS + 1] = {0};
  size_t batch = 0, counts[BATCH_USERS];
  for (size_t user = 0; user < USERS; user++) {
    const int32_t *items;
    size_t count;
    ASSERT_OK(s3rec_dataset_user_items(dataset, user, &items, &count));
    --count; /* the last is the answer */
    int32_t ids[DEPTH];
    float scores[DEPTH], vector[WIDTH];
    size_t found;
    ASSERT_OK(s3rec_score_next(scorer, items, count, NULL, DEPTH, ids, scores, &found));
    check_user(user, ids, scores, found);
    ASSERT_OK(s3rec_user_vector(scorer, items, count, vector, WIDTH));
    for (size_t c = 0; c < WIDTH; c++) {
      ck_assert_double_eq_tol(vector[c], golden_vectors[user * WIDTH + c], 2e-5);
    }
    memcpy(histories + offsets[batch], items, count * sizeof *items);
    offsets[batch + 1] = offsets[batch] + (int64_t)count;
    if (++batch < BATCH_USERS && user + 1 < USERS) continue;
    ASSERT_OK(s3rec_score_next_batch(scorer, histories, offsets, batch, NULL, DEPTH, batch_ids,
                                     batch_scores, counts));
    for (size_t b = 0; b < batch; b++) {
      check_user(user + 1 - batch + b, batch_ids + b * DEPTH, batch_scores + b * DEPTH, counts[b]);
    }
    batch = 0;
  }
  s3rec_scorer_destroy(scorer);
  s3rec_model_destroy(model);
  s3rec_dataset_destroy(dataset);
}

START_TEST(recommendations_equal_the_reference) {
  if (test_shared_folder() == NULL) {
    test_skip("no shared folder");
    return;
  }
  score_every_context(recommendations_in);
}
END_TEST

TEST_SUITE(score_golden) {
  TCase *lastfm = tcase_create("lastfm");
  tcase_add_test(lastfm, metrics_equal_the_reference);
  tcase_add_test(lastfm, recommendations_equal_the_reference);
  test_add_cases(suite, lastfm, NULL);
}
