/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation, scorers, a recommender; and the files that the parts read. */
#include <stdlib.h>

#include "flow_make.h"

enum { K = 5, USERS = 70, HISTORY = 4 };

static void evaluate(flow *f) {
  s3rec_metrics metrics;
  s3rec_evaluate_options options;
  s3rec_metrics_init(&metrics);
  s3rec_evaluate_options_init(&options);
  flow_make_model(f);
  if (f->model == NULL) return;
  for (int protocol = S3REC_PROTOCOL_FULL; protocol <= S3REC_PROTOCOL_SAMPLED; protocol++) {
    options.protocol = (s3rec_protocol)protocol;
    FLOW_TRY_OUT(f, metrics, s3rec_evaluate(f->model, f->dataset, &options, &metrics, NULL));
    flow_add(f, metrics.hit_rate, sizeof metrics.hit_rate);
    flow_add(f, &metrics.mrr, sizeof metrics.mrr);
  }
}

/* What is recommended does not depend on the scan, under any rounding. */
typedef struct scan_answer {
  int32_t ids[K], batch_ids[2 * K];
  float scores[K], batch_scores[2 * K];
} scan_answer;

static void score(flow *f, s3rec_scan scan, scan_answer *answer) {
  static const int32_t history[HISTORY] = {3, 9, 4, 20}, excluded[] = {5, 6};
  static const int64_t offsets[] = {0, 1, HISTORY};
  int32_t ids[K] = {0}, batch_ids[2 * K] = {0};
  float scores[K] = {0}, batch_scores[2 * K] = {0}, vector[16] = {0}, hidden[HISTORY * 16] = {0};
  size_t count = 77, few_count = 0, counts[2] = {0};
  int32_t few_ids[K] = {0};
  s3rec_scorer_options options;
  s3rec_score_options rules;
  s3rec_scorer_options_init(&options);
  s3rec_score_options_init(&rules);
  options.scan = scan;
  rules.excluded = excluded;
  rules.excluded_count = 2;
  FLOW_TRY_OUT(f, f->scorer, s3rec_scorer_create_with(f->other, &options, &f->scorer));
  FLOW_TRY_OUT(f, ids,
               s3rec_score_next(f->scorer, history, HISTORY, &rules, K, ids, scores, &count));
  FLOW_TRY_OUT(f, batch_ids,
               s3rec_score_next_batch(f->scorer, history, offsets, 2, NULL, K, batch_ids,
                                      batch_scores, counts));
  s3rec_score_options few;
  s3rec_score_options_init(&few);
  few.candidates = excluded;
  few.candidate_count = 2;
  FLOW_TRY(f, s3rec_score_next(f->scorer, history, HISTORY, &few, K, few_ids, NULL, &few_count));
  FLOW_TRY_OUT(f, vector, s3rec_user_vector(f->scorer, history, HISTORY, vector, 16));
  FLOW_TRY_OUT(f, hidden, s3rec_encode(f->scorer, S3REC_ATTENTION_CAUSAL, history, 1, HISTORY,
                                       hidden));
  flow_add(f, few_ids, few_count * sizeof *few_ids);
  flow_add(f, ids, sizeof ids);
  flow_add(f, scores, sizeof scores);
  flow_add(f, batch_ids, sizeof batch_ids);
  flow_add(f, batch_scores, sizeof batch_scores);
  memcpy(answer->ids, ids, sizeof ids);
  memcpy(answer->scores, scores, sizeof scores);
  memcpy(answer->batch_ids, batch_ids, sizeof batch_ids);
  memcpy(answer->batch_scores, batch_scores, sizeof batch_scores);
  flow_add(f, vector, sizeof vector);
  flow_add(f, hidden, sizeof hidden);
  s3rec_scorer_destroy(f->scorer);
  f->scorer = NULL;
}

static void scorer(flow *f) {
  flow_make_context(f);
  if (f->context == NULL) return;
  FLOW_TRY_OUT(f, f->other, s3rec_model_map(f->context, flow_input(f, "large.safetensors"), NULL,
                                            &f->other));
  scan_answer answers[3] = {0};
  for (int scan = 0; scan < 3; scan++) {
    score(f, (s3rec_scan)(S3REC_SCAN_F32 + scan), &answers[scan]);
    if (memcmp(&answers[scan], &answers[0], sizeof answers[0]) != 0)
      flow_problem(f, "s3rec_score_next", "scans differ");
  }
}

static void add_answer(flow *f) {
  const int32_t *ids;
  const float *scores;
  size_t width;
  FLOW_TRY(f, s3rec_answer_rows(f->answer, &ids, &scores, &width));
  flow_add(f, ids, USERS * width * sizeof *ids);
  flow_add(f, scores, USERS * width * sizeof *scores);
  s3rec_answer_destroy(f->answer);
  f->answer = NULL;
}

static void ask(flow *f) {
  int64_t offsets[USERS + 1] = {0};
  int32_t items[USERS], ids[K] = {0};
  size_t count = 77;
  for (int user = 0; user < USERS; user++) {
    items[user] = user % 9 == 8 ? 9999 : 1 + user % 25; /* unknown: answered by popularity */
    offsets[user + 1] = user + 1;
  }
  s3rec_request request;
  s3rec_request_init(&request);
  request.user_count = USERS;
  request.offsets = offsets;
  request.items = items;
  request.item_count = USERS;
  request.k = K;
  request.filter = f->filter;
  FLOW_TRY_OUT(f, ids,
               s3rec_recommend(f->recommender, items, 3, f->filter, K, ids, NULL, &count));
  FLOW_TRY_OUT(f, f->answer, s3rec_recommend_request(f->recommender, &request, &f->answer));
  add_answer(f);
  FLOW_TRY_OUT(f, f->answer, s3rec_similar(f->recommender, &request, &f->answer));
  add_answer(f);
  flow_add(f, ids, sizeof ids);
}

static void recommender(flow *f) {
  static const int32_t denied[] = {2, 3};
  static const char *const denied_names[] = {"n4", "n11"};
  s3rec_recommender_options options;
  s3rec_filter_options rule;
  s3rec_exchange_options bar;
  s3rec_recommender_options_init(&options);
  s3rec_filter_options_init(&rule);
  s3rec_exchange_options_init(&bar);
  flow_make_dataset(f);
  if (f->dataset == NULL) return;
  options.context = f->context;
  rule.denied = denied;
  rule.denied_count = 2;
  rule.denied_names = denied_names;
  rule.denied_name_count = 2;
  bar.dataset = f->dataset;
  FLOW_TRY_OUT(f, f->recommender,
               s3rec_recommender_open(flow_input(f, "named.safetensors"), &options,
                                      &f->recommender));
  FLOW_TRY_OUT(f, f->filter, s3rec_filter_create(f->recommender, &rule, &f->filter));
  ask(f);
  FLOW_TRY(f, s3rec_recommender_exchange(f->recommender, flow_input(f, "named2.safetensors"),
                                         &bar));
  ask(f);
  FLOW_TRY_OUT(f, f->model, s3rec_recommender_model(f->recommender, &f->model));
  FLOW_TRY_OUT(f, f->other, s3rec_model_clone(f->model, &f->other));
  FLOW_TRY(f, s3rec_recommender_exchange_model(f->recommender, f->other, NULL));
  ask(f);
}

/* Writes the model files that the parts above read. */
static void fixture(flow *f) {
  char text[1024];
  int64_t offsets[128] = {0};
  s3rec_model_config config;
  flow_make_model(f);
  if (f->model == NULL) return;
  s3rec_model_config_init(&config);
  FLOW_TRY(f, s3rec_model_config_get(f->model, &config));
  const size_t items = (size_t)config.item_size - 2;
  for (size_t i = 0; i < items; i++)
    offsets[i + 1] = offsets[i] + snprintf(text + offsets[i], 8, "n%zu", i);
  FLOW_TRY(f, s3rec_vocabulary_create(f->context, S3REC_NAMES_TEXT, 1, text, offsets, items,
                                      &f->names));
  FLOW_TRY(f, s3rec_model_set_names(f->model, f->names, NULL));
  FLOW_TRY(f, s3rec_model_count_popularity(f->model, f->dataset, 0));
  FLOW_TRY(f, s3rec_model_save(f->model, flow_output(f, "named.safetensors")));
  FLOW_TRY(f, s3rec_model_create(f->context, &config, 9, &f->other));
  FLOW_TRY(f, s3rec_model_set_names(f->other, f->names, NULL));
  FLOW_TRY(f, s3rec_model_save(f->other, flow_output(f, "named2.safetensors")));
  s3rec_model_destroy(f->other);
  f->other = NULL;
  config.item_size = 20000; /* a table above 1 MiB, which is mapped */
  config.attribute_size = 1;
  FLOW_TRY(f, s3rec_model_create(f->context, &config, 3, &f->other));
  FLOW_TRY(f, s3rec_model_save(f->other, flow_output(f, "large.safetensors")));
}

const flow_part flow_serving_parts[] = {{"evaluate", evaluate, true},
                                        {"scorer", scorer, false},
                                        {"recommender", recommender, true},
                                        {"fixture", fixture, false},
                                        {NULL, NULL, false}};
