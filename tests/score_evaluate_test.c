/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation against ranks counted from s3rec_score_all, on random data in which
 * items repeat, answers are in their own history and users are too short. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "score_support.h"

enum { USERS = 210, MOST = 25, NEGATIVES = 40, ITEM_SIZE = 1300, DATA_ITEMS = 1200, LENGTH = 10 };

typedef struct data {
  int64_t offsets[USERS + 1];
  int32_t items[USERS * MOST], negatives[USERS * NEGATIVES];
} data;

/* Users of 1..MOST items out of 1..items, the last of which occurs. */
static s3rec_dataset *make_dataset(s3rec_context *context, data *d, int32_t items,
                                   bool with_negatives) {
  s3_random random = s3_random_make(31);
  d->offsets[0] = 0;
  for (size_t user = 0; user < USERS; user++) {
    const size_t count = 1 + s3_random_below(&random, MOST);
    /* Every third user draws from few items: repeats, and answers seen before. */
    score_draw_history(&random, 1, user % 3 == 0 ? 12 : items, d->items + d->offsets[user], count);
    d->offsets[user + 1] = d->offsets[user] + (int64_t)count;
  }
  d->items[d->offsets[USERS] - 1] = items;
  score_draw_history(&random, 1, items, d->negatives, USERS * NEGATIVES);
  for (size_t user = 0; user < USERS; user += 4) {
    /* A list that holds the test answer itself. */
    d->negatives[user * NEGATIVES + 2] = d->items[d->offsets[user + 1] - 1];
  }
  s3rec_dataset_arrays arrays;
  s3rec_dataset_arrays_init(&arrays);
  arrays.user_count = USERS;
  arrays.item_offsets = d->offsets;
  arrays.items = d->items;
  if (with_negatives) {
    arrays.negatives_per_user = NEGATIVES;
    arrays.negatives = d->negatives;
  }
  s3rec_dataset *dataset = NULL;
  ASSERT_OK(s3rec_dataset_from_arrays(context, &arrays, &dataset));
  return dataset;
}

static bool contains(const int32_t *ids, size_t count, int32_t id) {
  for (size_t i = 0; i < count; i++) {
    if (ids[i] == id) return true;
  }
  return false;
}

/* Adds an item to the bounds of a rank: scores closer than the tolerance may
 * stand either way, unless they are equal, where the id decides. */
static void stand(double score, int32_t id, double answer_score, int32_t answer, double tolerance,
                  int64_t *low, int64_t *high) {
  if (id == answer) return;
  if (score == answer_score) {
    *low += id < answer;
    *high += id < answer;
  } else {
    *low += score > answer_score + tolerance;
    *high += score > answer_score - tolerance;
  }
}

static void rank_plainly(s3rec_scorer *scorer, const data *d, size_t user,
                         const s3rec_evaluate_options *options, double tolerance, int64_t *low,
                         int64_t *high) {
  static float scores[ITEM_SIZE];
  const int32_t *items = d->items + d->offsets[user];
  size_t count = (size_t)(d->offsets[user + 1] - d->offsets[user]);
  *low = *high = -1;
  if (count < 3) return;
  count -= options->split == S3REC_SPLIT_TEST ? 1 : 2;
  const int32_t answer = items[count];
  ASSERT_OK(s3rec_score_all(scorer, items, count, scores, ITEM_SIZE));
  *low = *high = 0;
  if (options->protocol == S3REC_PROTOCOL_FULL && options->seen == S3REC_SEEN_EXCLUDE &&
      contains(items, count, answer)) {
    *low = *high = S3REC_RANK_EXCLUDED;
    return;
  }
  if (options->protocol == S3REC_PROTOCOL_SAMPLED) {
    for (size_t i = 0; i < NEGATIVES; i++) {
      const int32_t id = d->negatives[user * NEGATIVES + i];
      stand(scores[id], id, scores[answer], answer, tolerance, low, high);
    }
    return;
  }
  const bool zero = options->seen == S3REC_SEEN_ZERO;
  for (size_t i = 0; zero && i < count; i++) scores[items[i]] = 0;
  for (int32_t id = zero ? 0 : 1; id < (zero ? ITEM_SIZE : ITEM_SIZE - 1); id++) {
    if (options->seen == S3REC_SEEN_EXCLUDE && contains(items, count, id)) continue;
    stand(scores[id], id, scores[answer], answer, tolerance, low, high);
  }
}

static void add_rank(s3rec_metrics *sums, int64_t rank) {
  static const int depths[] = {1, 5, 10, 20};
  for (int i = 0; i < 4; i++) sums->hit_rate[i] += rank < depths[i];
  for (int i = 0; i < 3; i++) sums->ndcg[i] += rank < depths[i + 1] ? 1 / log2(rank + 2.0) : 0;
  sums->mrr += rank == S3REC_RANK_EXCLUDED ? 0 : 1.0 / (double)(rank + 1);
}

static void check_evaluation(s3rec_model *model, const s3rec_dataset *dataset, const data *d,
                             const s3rec_evaluate_options *options, double tolerance) {
  s3rec_metrics metrics, sums;
  s3rec_metrics_init(&metrics);
  s3rec_metrics_init(&sums);
  static int64_t ranks[USERS + 1];
  ranks[USERS] = 77;
  ASSERT_OK(s3rec_evaluate(model, dataset, options, &metrics, ranks));
  ck_assert_int_eq(ranks[USERS], 77);
  s3rec_scorer *scorer = NULL;
  ASSERT_OK(s3rec_scorer_create(model, &scorer));
  size_t skipped = 0;
  for (size_t user = 0; user < USERS; user++) {
    int64_t low, high;
    rank_plainly(scorer, d, user, options, tolerance, &low, &high);
    ck_assert_msg(ranks[user] >= low && ranks[user] <= high,
                  "user %zu: rank %lld is not in %lld..%lld", user, (long long)ranks[user],
                  (long long)low, (long long)high);
    skipped += ranks[user] < 0;
    if (ranks[user] >= 0) add_rank(&sums, ranks[user]);
  }
  s3rec_scorer_destroy(scorer);
  const double users = (double)(USERS - skipped);
  ck_assert_uint_gt(skipped, 0);
  ck_assert_uint_eq(metrics.skipped_count, skipped);
  ck_assert_uint_eq(metrics.user_count, USERS - skipped);
  ck_assert_int_eq(metrics.split, options->split);
  ck_assert_int_eq(metrics.protocol, options->protocol);
  ck_assert_int_eq(metrics.seen, options->seen);
  for (int i = 0; i < 4; i++) {
    ck_assert_double_eq_tol(metrics.hit_rate[i], sums.hit_rate[i] / users, 1e-14);
  }
  for (int i = 0; i < 3; i++) {
    ck_assert_double_eq_tol(metrics.ndcg[i], sums.ndcg[i] / users, 1e-14);
  }
  ck_assert_double_eq_tol(metrics.mrr, sums.mrr / users, 1e-14);
}

static void check_all_options(s3rec_model *model, const s3rec_dataset *dataset, const data *d,
                              double tolerance) {
  s3rec_evaluate_options options;
  s3rec_evaluate_options_init(&options);
  for (int split = S3REC_SPLIT_VALID; split <= S3REC_SPLIT_TEST; split++) {
    options.split = (s3rec_split)split;
    options.protocol = S3REC_PROTOCOL_SAMPLED;
    check_evaluation(model, dataset, d, &options, tolerance);
    options.protocol = S3REC_PROTOCOL_FULL;
    for (int seen = S3REC_SEEN_EXCLUDE; seen <= S3REC_SEEN_INCLUDE; seen++) {
      options.seen = (s3rec_seen_policy)seen;
      check_evaluation(model, dataset, d, &options, tolerance);
    }
  }
}

static void evaluation_equals_counting_in(s3rec_context *context) {
  static data d;
  s3rec_dataset *dataset = make_dataset(context, &d, DATA_ITEMS, true);
  s3rec_model *model = score_model(context, ITEM_SIZE, LENGTH, 16);
  check_all_options(model, dataset, &d, 1e-5);
  s3rec_model_destroy(model);
  s3rec_dataset_destroy(dataset);
}

START_TEST(evaluation_equals_counting) { score_every_context(evaluation_equals_counting_in); }
END_TEST

/* Item rows of eight values only: ranks are decided by ids, exactly. */
static void ties_are_decided_by_id_in(s3rec_context *context) {
  static data d;
  s3rec_dataset *dataset = make_dataset(context, &d, DATA_ITEMS, true);
  s3rec_model *model = score_model(context, ITEM_SIZE, LENGTH, 16);
  static float rows[ITEM_SIZE * 16];
  ASSERT_OK(s3rec_model_parameter_read(model, "item_embeddings.weight", rows, ITEM_SIZE * 16));
  for (size_t i = 8; i < ITEM_SIZE; i++) {
    memcpy(rows + i * 16, rows + i % 8 * 16, 16 * sizeof *rows);
  }
  /* The answers that ZERO sets to 0 tie with everything seen; let rows do too. */
  memset(rows + 700 * 16, 0, 100 * 16 * sizeof *rows);
  ASSERT_OK(s3rec_model_parameter_write(model, "item_embeddings.weight", rows, ITEM_SIZE * 16));
  check_all_options(model, dataset, &d, 0);
  s3rec_model_destroy(model);
  s3rec_dataset_destroy(dataset);
}

START_TEST(ties_are_decided_by_id) { score_every_context(ties_are_decided_by_id_in); }
END_TEST

START_TEST(threads_do_not_change_the_result) {
  static data d;
  int64_t ranks[3][USERS];
  s3rec_metrics metrics[3];
  static const int32_t threads[] = {1, 2, 8};
  for (int backend = S3REC_BACKEND_FUSED; backend <= S3REC_BACKEND_ONEDNN; backend++) {
    for (int i = 0; i < 3; i++) {
      s3rec_context *context =
          score_context((s3rec_backend)backend, S3REC_KERNELS_AUTO, threads[i], NULL);
      s3rec_dataset *dataset = make_dataset(context, &d, DATA_ITEMS, true);
      s3rec_model *model = score_model(context, ITEM_SIZE, LENGTH, 16);
      s3rec_metrics_init(&metrics[i]);
      ASSERT_OK(s3rec_evaluate(model, dataset, NULL, &metrics[i], ranks[i]));
      s3rec_model_destroy(model);
      s3rec_dataset_destroy(dataset);
      s3rec_context_destroy(context);
    }
    for (int i = 1; i < 3; i++) {
      ck_assert_mem_eq(ranks[i], ranks[0], sizeof ranks[0]);
      ck_assert_mem_eq(&metrics[i], &metrics[0], sizeof metrics[0]);
    }
  }
}
END_TEST

START_TEST(arguments_are_checked) {
  static data d;
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  s3rec_dataset *dataset = make_dataset(context, &d, DATA_ITEMS, true);
  s3rec_dataset *plain = make_dataset(context, &d, DATA_ITEMS, false);
  s3rec_model *model = score_model(context, ITEM_SIZE, LENGTH, 16);
  s3rec_model *small = score_model(context, DATA_ITEMS + 1, LENGTH, 16);
  s3rec_model *exact = score_model(context, DATA_ITEMS + 2, LENGTH, 16);
  s3rec_metrics metrics;
  s3rec_metrics_init(&metrics);
  metrics.mrr = 9;
  int64_t ranks[USERS] = {-5};
  s3rec_evaluate_options options;
  s3rec_evaluate_options_init(&options);
  const s3rec_status argument = S3REC_ERROR_ARGUMENT;
  ASSERT_FAILS(s3rec_evaluate(NULL, dataset, &options, &metrics, ranks), argument, "model");
  ASSERT_FAILS(s3rec_evaluate(model, NULL, &options, &metrics, ranks), argument, "dataset");
  ASSERT_FAILS(s3rec_evaluate(model, dataset, &options, NULL, ranks), argument, "metrics");
  options.split = (s3rec_split)3;
  ASSERT_FAILS(s3rec_evaluate(model, dataset, &options, &metrics, ranks), argument,
               "s3rec_evaluate_options.split is 3, must be 1..2");
  s3rec_evaluate_options_init(&options);
  options.protocol = (s3rec_protocol)0;
  ASSERT_FAILS(s3rec_evaluate(model, dataset, &options, &metrics, ranks), argument,
               "protocol is 0, must be 1..2");
  s3rec_evaluate_options_init(&options);
  options.seen = (s3rec_seen_policy)4;
  ASSERT_FAILS(s3rec_evaluate(model, dataset, &options, &metrics, ranks), argument,
               "seen is 4, must be 1..3");
  s3rec_evaluate_options_init(&options);
  options.struct_size = 4;
  ASSERT_FAILS(s3rec_evaluate(model, dataset, &options, &metrics, ranks), argument,
               "s3rec_evaluate_options.struct_size is 4");
  s3rec_metrics unset = {.struct_size = 0};
  ASSERT_FAILS(s3rec_evaluate(model, dataset, NULL, &unset, ranks), argument,
               "s3rec_metrics.struct_size is 0");
  s3rec_evaluate_options_init(&options);
  options.protocol = S3REC_PROTOCOL_SAMPLED;
  ASSERT_FAILS(s3rec_evaluate(model, plain, &options, &metrics, ranks), argument, "negatives");
  ASSERT_FAILS(s3rec_evaluate(small, plain, NULL, &metrics, ranks), S3REC_ERROR_MISMATCH,
               "item_size is 1202, but the model's is 1201");
  ASSERT_OK(s3_model_begin_training(model));
  ASSERT_FAILS(s3rec_evaluate(model, plain, NULL, &metrics, ranks), S3REC_ERROR_STATE, "train");
  s3_model_end_training(model);
  ck_assert_double_eq(metrics.mrr, 9);
  ck_assert_int_eq(ranks[0], -5);
  ASSERT_OK(s3rec_evaluate(exact, dataset, &options, &metrics, NULL));
  s3rec_model_destroy(exact);
  s3rec_model_destroy(small);
  s3rec_model_destroy(model);
  s3rec_dataset_destroy(plain);
  s3rec_dataset_destroy(dataset);
  s3rec_context_destroy(context);
}
END_TEST

/* Nobody is long enough: no users, and means of nothing are 0. */
START_TEST(nobody_to_evaluate) {
  s3rec_context *context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 2, NULL);
  s3rec_model *model = score_model(context, 10, LENGTH, 16);
  static const int64_t offsets[] = {0, 2, 3};
  static const int32_t items[] = {1, 2, 3};
  s3rec_dataset_arrays arrays;
  s3rec_dataset_arrays_init(&arrays);
  arrays.user_count = 2;
  arrays.item_offsets = offsets;
  arrays.items = items;
  s3rec_dataset *dataset = NULL;
  ASSERT_OK(s3rec_dataset_from_arrays(context, &arrays, &dataset));
  s3rec_metrics metrics;
  s3rec_metrics_init(&metrics);
  int64_t ranks[2] = {5, 5};
  ASSERT_OK(s3rec_evaluate(model, dataset, NULL, &metrics, ranks));
  ck_assert_uint_eq(metrics.user_count, 0);
  ck_assert_uint_eq(metrics.skipped_count, 2);
  ck_assert_double_eq(metrics.mrr, 0);
  ck_assert_int_eq(ranks[0], -1);
  ck_assert_int_eq(ranks[1], -1);
  s3rec_dataset_destroy(dataset);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}
END_TEST

static void every_allocation_fails_with(int32_t threads, s3rec_protocol protocol) {
  static data d;
  test_hooks hooks = {0};
  s3rec_context *context = score_context(S3REC_BACKEND_FUSED, S3REC_KERNELS_AUTO, threads, &hooks);
  s3rec_dataset *dataset = make_dataset(context, &d, DATA_ITEMS, true);
  s3rec_model *model = score_model(context, ITEM_SIZE, LENGTH, 16);
  s3rec_evaluate_options options;
  s3rec_evaluate_options_init(&options);
  options.protocol = protocol;
  const long long live = hooks.live_blocks;
  long long failures = 0;
  for (bool failed = true; failed;) {
    s3rec_metrics metrics;
    s3rec_metrics_init(&metrics);
    int64_t ranks[USERS] = {-5};
    hooks.countdown = ++failures;
    const s3rec_status status = s3rec_evaluate(model, dataset, &options, &metrics, ranks);
    hooks.countdown = 0;
    failed = status != S3REC_OK;
    if (failed) {
      ck_assert_int_eq(status, S3REC_ERROR_MEMORY);
      ck_assert_uint_eq(metrics.user_count, 0);
      ck_assert_int_eq(ranks[0], -5);
    }
    /* Weights in panels stay with the model until it is trained. */
    ck_assert_int_le(hooks.live_blocks, live + 1);
    ASSERT_OK(s3_model_begin_training(model));
    s3_model_end_training(model);
    ck_assert_int_eq(hooks.live_blocks, live);
  }
  ck_assert_int_gt(failures, 8);
  s3rec_model_destroy(model);
  s3rec_dataset_destroy(dataset);
  s3rec_context_destroy(context);
  ck_assert_int_eq(hooks.live_blocks, 0);
}

START_TEST(every_allocation_fails) {
  every_allocation_fails_with(1, S3REC_PROTOCOL_FULL);
  every_allocation_fails_with(2, S3REC_PROTOCOL_FULL);
  every_allocation_fails_with(1, S3REC_PROTOCOL_SAMPLED);
}
END_TEST

TEST_SUITE(score_evaluate) {
  TCase *ranks = tcase_create("ranks");
  tcase_add_test(ranks, evaluation_equals_counting);
  tcase_add_test(ranks, ties_are_decided_by_id);
  tcase_add_test(ranks, threads_do_not_change_the_result);
  TCase *rules = tcase_create("rules");
  tcase_add_test(rules, arguments_are_checked);
  tcase_add_test(rules, nobody_to_evaluate);
  tcase_add_test(rules, every_allocation_fails);
  test_add_cases(suite, ranks, rules, NULL);
}
