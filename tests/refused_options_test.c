/* SPDX-License-Identifier: Apache-2.0 */
/* Options below and above their ranges, and structs of fewer bytes than their first release had:
 * refused with ARGUMENT and the field's name, and nothing is made or written. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/options.h"
#include "recommender_fixture.h"
#include "support/files.h"

static s3rec_context *context;
static s3rec_model *model;
static s3rec_dataset *dataset;
static s3rec_recommender *recommender;

static void make_handles(void) {
  context = score_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1, NULL);
  model = fixture_films(context, 4, 0);
  dataset = fixture_views(context, 12, 0);
  recommender = fixture_recommender(model);
}

static void destroy_handles(void) {
  s3rec_recommender_destroy(recommender);
  s3rec_dataset_destroy(dataset);
  s3rec_model_destroy(model);
  s3rec_context_destroy(context);
}

/* Calls with one value that is not the default; each says what it refused. */

static s3rec_status with_kernel_level(int32_t value) {
  s3rec_context_options options;
  s3rec_context_options_init(&options);
  options.kernel_level = (s3rec_kernel_level)value;
  s3rec_context *made = NULL;
  const s3rec_status status = s3rec_context_create(&options, &made);
  s3rec_context_destroy(made);
  return status;
}

static s3rec_status with_backend(int32_t value) {
  s3rec_context_options options;
  s3rec_context_options_init(&options);
  options.backend = (s3rec_backend)value;
  s3rec_context *made = NULL;
  const s3rec_status status = s3rec_context_create(&options, &made);
  s3rec_context_destroy(made);
  return status;
}

static s3rec_status with_recommender_scan(int32_t value) {
  s3rec_recommender_options options;
  s3rec_recommender_options_init(&options);
  options.scan = (s3rec_scan)value;
  s3rec_recommender *made = NULL;
  const s3rec_status status = s3rec_recommender_create(model, &options, &made);
  s3rec_recommender_destroy(made);
  return status;
}

static s3rec_status with_copy(int32_t value) {
  s3rec_recommender_options options;
  s3rec_recommender_options_init(&options);
  options.copy = value;
  s3rec_recommender *made = NULL;
  const s3rec_status status = s3rec_recommender_create(model, &options, &made);
  s3rec_recommender_destroy(made);
  return status;
}

static s3rec_status with_scorer_scan(int32_t value) {
  s3rec_scorer_options options;
  s3rec_scorer_options_init(&options);
  options.scan = (s3rec_scan)value;
  s3rec_scorer *made = NULL;
  const s3rec_status status = s3rec_scorer_create_with(model, &options, &made);
  s3rec_scorer_destroy(made);
  return status;
}

static s3rec_status with_include_history(int32_t value) {
  static const int32_t history[] = {4, 5};
  s3rec_score_options options;
  s3rec_score_options_init(&options);
  options.include_history = value;
  s3rec_scorer *scorer = score_create(model);
  int32_t ids[3] = {-7};
  size_t count = 77;
  const s3rec_status status =
      s3rec_score_next(scorer, history, 2, &options, 3, ids, NULL, &count);
  ck_assert(status == S3REC_OK || (ids[0] == -7 && count == 77));
  s3rec_scorer_destroy(scorer);
  return status;
}

static s3rec_status with_allow_only(int32_t value) {
  s3rec_filter_options options;
  s3rec_filter_options_init(&options);
  options.allow_only = value;
  s3rec_filter *made = NULL;
  const s3rec_status status = s3rec_filter_create(recommender, &options, &made);
  s3rec_filter_destroy(made);
  return status;
}

static s3rec_status with_held_out_count(int32_t value) {
  s3rec_model *counted = NULL;
  ASSERT_OK(s3rec_model_clone(model, &counted));
  const s3rec_status status = s3rec_model_count_popularity(counted, dataset, value);
  s3rec_model_destroy(counted);
  return status;
}

static s3rec_status with_attention(int32_t value) {
  static const int32_t ids[] = {4, 5};
  float hidden[2 * FIXTURE_WIDTH];
  s3rec_scorer *scorer = score_create(model);
  const s3rec_status status =
      s3rec_encode(scorer, (s3rec_attention)value, ids, 1, 2, hidden);
  s3rec_scorer_destroy(scorer);
  return status;
}

/* Loop: these ranges. */
static const struct {
  const char *field;
  s3rec_status (*call)(int32_t value);
  int32_t least, most;
} ranges[] = {
    {"kernel_level", with_kernel_level, S3REC_KERNELS_AUTO, S3REC_KERNELS_AVX512},
    {"backend", with_backend, S3REC_BACKEND_AUTO, S3REC_BACKEND_ONEDNN},
    {"s3rec_recommender_options.scan", with_recommender_scan, S3REC_SCAN_AUTO, S3REC_SCAN_INT8},
    {"copy", with_copy, 0, 1},
    {"s3rec_scorer_options.scan", with_scorer_scan, S3REC_SCAN_AUTO, S3REC_SCAN_INT8},
    {"include_history", with_include_history, 0, 1},
    {"allow_only", with_allow_only, 0, 1},
    {"held_out_count", with_held_out_count, 0, 2},
    {"attention", with_attention, S3REC_ATTENTION_CAUSAL, S3REC_ATTENTION_BIDIRECTIONAL},
};
enum { RANGES = sizeof ranges / sizeof *ranges };

START_TEST(values_beyond_their_range) {
  const int32_t least = ranges[_i].least, most = ranges[_i].most;
  const int32_t beyond[] = {INT32_MIN, least - 1, most + 1, INT32_MAX};
  for (size_t i = 0; i < 4; i++)
    ASSERT_FAILS(ranges[_i].call(beyond[i]), S3REC_ERROR_ARGUMENT, ranges[_i].field);
  for (int32_t value = least; value <= most; value++) {
    const s3rec_status status = ranges[_i].call(value); /* a machine lacks some kernels */
    ck_assert(status == S3REC_OK || status == S3REC_ERROR_UNSUPPORTED);
    ck_assert(status == S3REC_OK || ranges[_i].call == with_kernel_level);
  }
}
END_TEST

START_TEST(shares_beyond_their_range) {
  static const char *const names[] = {"least_known_share", "least_ndcg10", "largest_loss"};
  static const double beyond[] = {-1e-9, 1.0000001, NAN, INFINITY, -INFINITY};
  for (size_t i = 0; i < 3 * 5; i++) {
    s3rec_exchange_options options;
    s3rec_exchange_options_init(&options);
    double *const fields[] = {&options.least_known_share, &options.least_ndcg10,
                              &options.largest_loss};
    *fields[i / 5] = beyond[i % 5];
    ASSERT_FAILS(s3rec_recommender_exchange_model(recommender, model, &options),
                 S3REC_ERROR_ARGUMENT, names[i / 5]);
    ASSERT_FAILS(s3rec_recommender_exchange(recommender, "no/such", &options),
                 S3REC_ERROR_ARGUMENT, names[i / 5]);
  }
  /* These are refused before the model is looked at. */
  ck_assert_uint_eq(fixture_statistics(recommender).refused_exchange_count, 0);
  ck_assert_uint_eq(fixture_statistics(recommender).model_number, 1);
}
END_TEST

START_TEST(training_options_beyond_their_range) {
  static const double seconds[] = {-1e-9, NAN, INFINITY};
  s3rec_train_options options;
  s3rec_model *made = NULL;
  for (size_t i = 0; i < 3; i++) {
    s3rec_train_options_init(&options);
    options.dataset = dataset;
    options.time_budget = seconds[i];
    ASSERT_FAILS(s3rec_train(&options, &made, NULL), S3REC_ERROR_ARGUMENT, "time_budget");
    s3rec_run_options run_options;
    s3rec_run_options_init(&run_options, S3REC_STAGE_FINETUNE);
    run_options.time_budget = seconds[i];
    s3rec_run *run = NULL;
    ASSERT_FAILS(s3rec_run_create(model, dataset, &run_options, &run), S3REC_ERROR_ARGUMENT,
                 "time_budget");
    ck_assert_ptr_null(run);
  }
  ck_assert_ptr_null(made);
}
END_TEST

/* The call with a struct of `size` bytes. An output keeps its other bytes. */
#define REFUSES_SIZES(type, last, variable, call)                                        \
  for (size_t size = 0; size < S3_SIZE_UNTIL(type, last); size += sizeof(int32_t)) {     \
    type before;                                                                         \
    variable.struct_size = size;                                                         \
    memcpy(&before, &variable, sizeof before);                                           \
    ASSERT_FAILS(call, S3REC_ERROR_ARGUMENT, #type ".struct_size is");                   \
    ck_assert(memcmp(&before, &variable, sizeof before) == 0);                           \
  }

START_TEST(options_of_too_few_bytes) {
  const test_path path = test_file("films.model");
  ASSERT_OK(s3rec_model_save(model, path.text));
  static const int32_t history[] = {4, 5};
  int32_t ids[3];
  size_t count;
  s3rec_recommender *made = NULL;
  s3rec_recommender_options opening;
  s3rec_recommender_options_init(&opening);
  REFUSES_SIZES(s3rec_recommender_options, scan, opening,
                s3rec_recommender_open(path.text, &opening, &made))
  ck_assert_ptr_null(made);
  s3rec_filter *filter = NULL;
  s3rec_filter_options filtering;
  s3rec_filter_options_init(&filtering);
  REFUSES_SIZES(s3rec_filter_options, denied_name_count, filtering,
                s3rec_filter_create(recommender, &filtering, &filter))
  ck_assert_ptr_null(filter);
  s3rec_answer *answer = NULL;
  s3rec_request request;
  s3rec_request_init(&request);
  const uint64_t failed = fixture_statistics(recommender).failed_call_count;
  REFUSES_SIZES(s3rec_request, include_history, request,
                s3rec_recommend_request(recommender, &request, &answer))
  REFUSES_SIZES(s3rec_request, include_history, request,
                s3rec_similar(recommender, &request, &answer))
  ck_assert_ptr_null(answer);
  ck_assert_uint_gt(fixture_statistics(recommender).failed_call_count, failed);
  s3rec_exchange_options exchange;
  s3rec_exchange_options_init(&exchange);
  REFUSES_SIZES(s3rec_exchange_options, largest_loss, exchange,
                s3rec_recommender_exchange(recommender, path.text, &exchange))
  s3rec_scorer *scorer = NULL;
  s3rec_scorer_options scanning;
  s3rec_scorer_options_init(&scanning);
  REFUSES_SIZES(s3rec_scorer_options, scan, scanning,
                s3rec_scorer_create_with(model, &scanning, &scorer))
  ck_assert_ptr_null(scorer);
  scorer = score_create(model);
  s3rec_score_options scoring;
  s3rec_score_options_init(&scoring);
  REFUSES_SIZES(s3rec_score_options, candidate_count, scoring,
                s3rec_score_next(scorer, history, 2, &scoring, 3, ids, NULL, &count))
  s3rec_scorer_destroy(scorer);
  s3rec_model *other = NULL;
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  REFUSES_SIZES(s3rec_model_config, initializer_range, config,
                s3rec_model_create(context, &config, 1, &other))
  REFUSES_SIZES(s3rec_model_config, initializer_range, config,
                s3rec_model_create_for(dataset, &config, 1, &other))
  REFUSES_SIZES(s3rec_model_config, initializer_range, config,
                s3rec_model_load(context, path.text, &config, &other))
  REFUSES_SIZES(s3rec_model_config, initializer_range, config,
                s3rec_model_map(context, path.text, &config, &other))
  ck_assert_ptr_null(other);
}
END_TEST

START_TEST(outputs_of_too_few_bytes) {
  static const int32_t history[] = {4, 5};
  s3rec_request request;
  s3rec_answer *answer = NULL;
  s3rec_request_init(&request);
  request.items = history;
  request.item_count = 2;
  ASSERT_OK(s3rec_recommend_request(recommender, &request, &answer));
  s3rec_ranked_items ranked;
  s3rec_ranked_items_init(&ranked);
  REFUSES_SIZES(s3rec_ranked_items, model_number, ranked, s3rec_answer_get(answer, 0, &ranked))
  s3rec_answer_destroy(answer);
  s3rec_recommender_statistics statistics;
  s3rec_recommender_statistics_init(&statistics);
  statistics.latency[3] = 9;
  REFUSES_SIZES(s3rec_recommender_statistics, latency, statistics,
                s3rec_recommender_statistics_get(recommender, &statistics))
  ck_assert_double_eq(s3rec_recommender_latency(&statistics, 0.5), 0);
  s3rec_parameter_info parameter;
  s3rec_parameter_info_init(&parameter);
  REFUSES_SIZES(s3rec_parameter_info, element_count, parameter,
                s3rec_model_parameter_info(model, 0, &parameter))
  s3rec_batch *batch = NULL;
  s3rec_batch_info info;
  s3rec_batch_info_init(&info);
  ASSERT_OK(s3rec_batch_create(context, &batch));
  REFUSES_SIZES(s3rec_batch_info, target_count, info, s3rec_batch_info_get(batch, &info))
  s3rec_events *events = NULL;
  s3rec_table_report report;
  s3rec_table_report_init(&report);
  ASSERT_OK(s3rec_events_create(context, &events));
  REFUSES_SIZES(s3rec_table_report, first_bad_line, report,
                s3rec_events_read(events, "no/such", NULL, &report))
  REFUSES_SIZES(s3rec_table_report, first_bad_line, report,
                s3rec_events_read_attributes(events, "no/such", NULL, &report))
  s3rec_events_destroy(events);
  s3rec_model *trained = NULL;
  s3rec_trainer *trainer = NULL;
  s3rec_losses losses;
  s3rec_losses_init(&losses);
  ASSERT_OK(s3rec_model_clone(model, &trained));
  ASSERT_OK(s3rec_trainer_create(trained, NULL, &trainer));
  const uint64_t weights = s3rec_model_fingerprint(trained);
  REFUSES_SIZES(s3rec_losses, target_count, losses, s3rec_pretrain_step(trainer, batch, &losses))
  REFUSES_SIZES(s3rec_losses, target_count, losses, s3rec_finetune_step(trainer, batch, &losses))
  REFUSES_SIZES(s3rec_losses, target_count, losses,
                s3rec_trainer_compute_gradients(trainer, batch, &losses))
  ck_assert_uint_eq(s3rec_trainer_step_count(trainer), 0);
  ck_assert_uint_eq(s3rec_model_fingerprint(trained), weights);
  s3rec_trainer_destroy(trainer);
  s3rec_model_destroy(trained);
  s3rec_batch_destroy(batch);
}
END_TEST

/* Odd values that are allowed. */
START_TEST(odd_values_that_are_fine) {
  s3rec_recommender_statistics statistics;
  s3rec_recommender_statistics_init(&statistics);
  statistics.latency[0] = 4; /* shorter than 2 ns */
  const double longest = s3rec_recommender_latency(&statistics, 1);
  ck_assert_double_eq_tol(longest, 2e-9, 1e-15);
  ck_assert_double_eq_tol(s3rec_recommender_latency(&statistics, 0.5), 1e-9, 1e-15);
  ck_assert_double_eq(s3rec_recommender_latency(&statistics, 1.5), longest);
  ck_assert_double_eq(s3rec_recommender_latency(&statistics, -0.5), 0);
  ck_assert_double_eq(s3rec_recommender_latency(&statistics, NAN), 0);
  /* Users without any item need no array of items. */
  static const int64_t offsets[] = {0, 0, 0};
  s3rec_scorer *scorer = score_create(model);
  int32_t ids[6] = {5, 5, 5, 5, 5, 5};
  float scores[6] = {5, 5, 5, 5, 5, 5};
  size_t counts[2] = {7, 7}, count = 7;
  ASSERT_OK(s3rec_score_next_batch(scorer, NULL, offsets, 2, NULL, 3, ids, scores, counts));
  for (int i = 0; i < 6; i++) ck_assert(ids[i] == 0 && scores[i] == 0 && counts[i / 3] == 0);
  ids[5] = 5;
  ASSERT_OK(s3rec_score_next_batch(scorer, NULL, offsets, 2, NULL, 3, ids, NULL, counts));
  ck_assert_int_eq(ids[5], 0);
  ASSERT_OK(s3rec_score_next(scorer, NULL, 0, NULL, 3, ids, scores, &count));
  ck_assert_uint_eq(count, 0);
  float all[FIXTURE_ITEMS + 2], vector[FIXTURE_WIDTH];
  ASSERT_FAILS(s3rec_score_all(scorer, NULL, 0, all, FIXTURE_ITEMS + 2), S3REC_ERROR_ARGUMENT,
               "nothing to encode");
  ASSERT_FAILS(s3rec_user_vector(scorer, NULL, 0, vector, FIXTURE_WIDTH), S3REC_ERROR_ARGUMENT,
               "nothing to encode");
  s3rec_scorer_destroy(scorer);
  /* A vocabulary of no names knows none. */
  static const int64_t none[] = {0};
  const char *name = NULL;
  s3rec_vocabulary *names = NULL;
  ASSERT_OK(s3rec_vocabulary_create(context, S3REC_NAMES_TEXT, 1, "", none, 0, &names));
  ASSERT_FAILS(s3rec_vocabulary_name(names, 1, &name, NULL), S3REC_ERROR_NOT_FOUND,
               "there are no names");
  ck_assert_ptr_null(name);
  s3rec_vocabulary_destroy(names);
  ck_assert_uint_eq(s3rec_model_memory(NULL), 0);
}
END_TEST

/* Without names answers have none, and a larger model than its data takes none. */
START_TEST(models_without_names) {
  static const int32_t history[] = {4, 5};
  static const char *const names[] = {"film-1", NULL};
  s3rec_filter *filter = NULL;
  s3rec_filter_options filtering;
  s3rec_filter_options_init(&filtering);
  filtering.allow_only = 1;
  filtering.allowed_names = names;
  filtering.allowed_name_count = 2;
  ASSERT_FAILS(s3rec_filter_create(recommender, &filtering, &filter), S3REC_ERROR_ARGUMENT,
               "allowed_names[1] is NULL");
  ck_assert_ptr_null(filter);
  s3rec_model *nameless = NULL;
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  config.item_size = FIXTURE_ITEMS + 10;
  config.attribute_size = 7;
  ASSERT_OK(s3rec_model_create_for(dataset, &config, 1, &nameless));
  s3rec_recommender *plain = fixture_recommender(nameless);
  s3rec_request request;
  s3rec_answer *answer = NULL;
  s3rec_request_init(&request);
  request.items = history;
  request.item_count = 2;
  ASSERT_OK(s3rec_recommend_request(plain, &request, &answer));
  ck_assert_ptr_null(fixture_ranked(answer, 0).names);
  ck_assert_uint_eq(fixture_ranked(answer, 0).count, 10);
  s3rec_answer_destroy(answer);
  s3rec_recommender_destroy(plain);
  s3rec_model_destroy(nameless);
}
END_TEST

/* A vector so short that floats cannot hold the inverse of its length is like one of zeros. */
START_TEST(items_of_almost_no_length) {
  enum { COUNT = (FIXTURE_ITEMS + 2) * FIXTURE_WIDTH, SHORT = 9 };
  static const char table[] = "item_embeddings.weight";
  static float rows[COUNT];
  static const int32_t history[] = {4};
  s3rec_model *other = NULL;
  ASSERT_OK(s3rec_model_clone(model, &other));
  ASSERT_OK(s3rec_model_parameter_read(other, table, rows, COUNT));
  for (int i = 0; i < FIXTURE_WIDTH; i++) rows[SHORT * FIXTURE_WIDTH + i] = 1e-41f;
  ASSERT_OK(s3rec_model_parameter_write(other, table, rows, COUNT));
  s3rec_recommender *plain = fixture_recommender(other);
  s3rec_request request;
  s3rec_answer *answer = NULL;
  s3rec_request_init(&request);
  request.items = history;
  request.item_count = 1;
  request.k = FIXTURE_ITEMS;
  ASSERT_OK(s3rec_similar(plain, &request, &answer));
  const s3rec_ranked_items found = fixture_ranked(answer, 0);
  ck_assert_uint_eq(found.count, FIXTURE_ITEMS - 1);
  for (size_t i = 0; i < found.count; i++) {
    ck_assert(fabsf(found.scores[i]) <= 1);
    ck_assert(found.ids[i] != SHORT || found.scores[i] == 0);
  }
  s3rec_answer_destroy(answer);
  s3rec_recommender_destroy(plain);
  s3rec_model_destroy(other);
}
END_TEST

TEST_SUITE(refused_options) {
  TCase *cases = tcase_create("refused options");
  tcase_add_checked_fixture(cases, make_handles, destroy_handles);
  tcase_add_loop_test(cases, values_beyond_their_range, 0, RANGES);
  tcase_add_test(cases, shares_beyond_their_range);
  tcase_add_test(cases, training_options_beyond_their_range);
  tcase_add_test(cases, options_of_too_few_bytes);
  tcase_add_test(cases, outputs_of_too_few_bytes);
  tcase_add_test(cases, odd_values_that_are_fine);
  tcase_add_test(cases, models_without_names);
  tcase_add_test(cases, items_of_almost_no_length);
  test_add_cases(suite, cases, NULL);
}
