/* SPDX-License-Identifier: Apache-2.0 */
#include "s3rec/recommender.h"

#include "base/options.h"
#include "serving/answer.h"

static s3rec_status check_flag(const char *field, int32_t value) {
  if (value == 0 || value == 1) return S3REC_OK;
  return s3_fail(S3REC_ERROR_ARGUMENT, "%s is %d, must be 0 or 1", field, (int)value);
}

static s3rec_status check_share(const char *field, double value) {
  if (value >= 0.0 && value <= 1.0) return S3REC_OK;
  return s3_fail(S3REC_ERROR_ARGUMENT, "s3rec_exchange_options.%s is %g, must be 0..1", field,
                 value);
}

/* `first` NULL: there are no entries. */
static s3rec_status check_list(const char *field, const void *first, size_t count) {
  if (first != NULL || count == 0) return S3REC_OK;
  return s3_fail(S3REC_ERROR_ARGUMENT, "%s is NULL, but its count is %zu", field, count);
}

static s3rec_status check_names(const char *field, const char *const *names, size_t count) {
  S3_TRY(check_list(field, names, count));
  for (size_t i = 0; i < count; i++) {
    if (names[i] == NULL) return s3_fail(S3REC_ERROR_ARGUMENT, "%s[%zu] is NULL", field, i);
  }
  return S3REC_OK;
}

void s3rec_recommender_options_init(s3rec_recommender_options *options) {
  *options = (s3rec_recommender_options){.struct_size = sizeof *options};
}

static s3rec_status resolve_options(const s3rec_recommender_options *options,
                                    s3rec_recommender_options *resolved) {
  s3rec_recommender_options_init(resolved);
  if (options == NULL) return S3REC_OK;
  S3_TRY(s3_options_copy(resolved, sizeof *resolved, options,
                         S3_SIZE_UNTIL(s3rec_recommender_options, scan),
                         "s3rec_recommender_options"));
  S3_TRY(check_flag("s3rec_recommender_options.copy", resolved->copy));
  if ((int)resolved->scan < S3REC_SCAN_AUTO || (int)resolved->scan > S3REC_SCAN_INT8) {
    return s3_fail(S3REC_ERROR_ARGUMENT, "s3rec_recommender_options.scan is %d, must be %d..%d",
                   (int)resolved->scan, S3REC_SCAN_AUTO, S3REC_SCAN_INT8);
  }
  return S3REC_OK;
}

s3rec_status s3rec_recommender_open(const char *path, const s3rec_recommender_options *options,
                                    s3rec_recommender **recommender) {
  S3_REQUIRE(path);
  S3_REQUIRE(recommender);
  s3rec_recommender_options resolved;
  S3_TRY(resolve_options(options, &resolved));
  s3rec_context *context = resolved.context;
  if (context == NULL)
    S3_TRY(s3rec_context_create(NULL, &context));
  else
    s3_context_retain(context);
  s3rec_model *model = NULL;
  s3rec_status status = s3_recommender_open_model(context, path, resolved.copy != 0, &model);
  if (status == S3REC_OK) {
    status = s3_recommender_create(context, model, &resolved, recommender);
    s3_model_release(model);
  }
  s3_context_release(context);
  return status;
}

s3rec_status s3rec_recommender_create(s3rec_model *model,
                                      const s3rec_recommender_options *options,
                                      s3rec_recommender **recommender) {
  S3_REQUIRE(model);
  S3_REQUIRE(recommender);
  s3rec_recommender_options resolved;
  S3_TRY(resolve_options(options, &resolved));
  return s3_recommender_create(resolved.context != NULL ? resolved.context : model->context, model,
                               &resolved, recommender);
}

void s3rec_recommender_destroy(s3rec_recommender *recommender) {
  if (recommender != NULL) s3_recommender_destroy(recommender);
}

s3rec_status s3rec_recommender_model(const s3rec_recommender *recommender, s3rec_model **model) {
  S3_REQUIRE(recommender);
  S3_REQUIRE(model);
  s3_generation *const current = s3_recommender_current(recommender);
  *model = s3_model_retain(current->model);
  s3_generation_release(current);
  return S3REC_OK;
}

void s3rec_filter_options_init(s3rec_filter_options *options) {
  *options = (s3rec_filter_options){.struct_size = sizeof *options};
}

static s3rec_status check_filter(const s3rec_recommender *recommender,
                                 const s3rec_filter_options *options) {
  S3_TRY(check_flag("s3rec_filter_options.allow_only", options->allow_only));
  S3_TRY(check_list("s3rec_filter_options.allowed", options->allowed, options->allowed_count));
  S3_TRY(check_list("s3rec_filter_options.denied", options->denied, options->denied_count));
  S3_TRY(check_names("s3rec_filter_options.allowed_names", options->allowed_names,
                     options->allowed_name_count));
  S3_TRY(check_names("s3rec_filter_options.denied_names", options->denied_names,
                     options->denied_name_count));
  if (!options->allow_only && options->allowed_count + options->allowed_name_count > 0) {
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_filter_options: %zu items are allowed, but allow_only is 0",
                   options->allowed_count + options->allowed_name_count);
  }
  if (options->allowed_name_count + options->denied_name_count == 0) return S3REC_OK;
  s3_generation *const current = s3_recommender_current(recommender);
  const bool named = current->model->item_names != NULL;
  s3_generation_release(current);
  if (named) return S3REC_OK;
  return s3_fail(S3REC_ERROR_ARGUMENT,
                 "s3rec_filter_options has names, but the model that serves has none: give items "
                 "by their ids");
}

s3rec_status s3rec_filter_create(const s3rec_recommender *recommender,
                                 const s3rec_filter_options *options, s3rec_filter **filter) {
  S3_REQUIRE(recommender);
  S3_REQUIRE(options);
  S3_REQUIRE(filter);
  s3rec_filter_options resolved;
  s3rec_filter_options_init(&resolved);
  S3_TRY(s3_options_copy(&resolved, sizeof resolved, options,
                         S3_SIZE_UNTIL(s3rec_filter_options, denied_name_count),
                         "s3rec_filter_options"));
  S3_TRY(check_filter(recommender, &resolved));
  return s3_filter_create(recommender->context, &resolved, filter);
}

void s3rec_filter_destroy(s3rec_filter *filter) {
  if (filter != NULL) s3_filter_destroy(filter);
}

/* A call whose arguments are refused is a failed call too. */
static s3rec_status count_refused(s3rec_recommender *recommender, s3rec_status status) {
  s3_count_call(recommender, s3_nanoseconds(), status, NULL);
  return status;
}

/* S3_REQUIRE for the public function of that name. */
static s3rec_status check_given(const char *function, const char *name, const void *pointer) {
  if (pointer != NULL) return S3REC_OK;
  return s3_fail(S3REC_ERROR_ARGUMENT, "%s: %s must not be NULL", function, name);
}

static s3rec_status check_recommend(const int32_t *history, size_t history_count, size_t k,
                                    const int32_t *ids, const size_t *count) {
  S3_TRY(check_given("s3rec_recommend", "count", count));
  if (k > 0) S3_TRY(check_given("s3rec_recommend", "ids", ids));
  return check_list("history", history, history_count);
}

s3rec_status s3rec_recommend(s3rec_recommender *recommender, const int32_t *history,
                             size_t history_count, const s3rec_filter *filter, size_t k,
                             int32_t *ids, float *scores, size_t *count) {
  S3_REQUIRE(recommender);
  const s3rec_status status = check_recommend(history, history_count, k, ids, count);
  if (status != S3REC_OK) return count_refused(recommender, status);
  return s3_recommend(recommender, history, history_count, (s3rec_filter *)filter, k, ids, scores,
                      count);
}

void s3rec_request_init(s3rec_request *request) {
  *request = (s3rec_request){.struct_size = sizeof *request, .user_count = 1, .k = 10};
}

static s3rec_status check_request(const char *function, const s3rec_request *request,
                                  s3rec_request *resolved, s3rec_answer **answer) {
  S3_TRY(check_given(function, "request", request));
  S3_TRY(check_given(function, "answer", answer));
  s3rec_request_init(resolved);
  S3_TRY(s3_options_copy(resolved, sizeof *resolved, request,
                         S3_SIZE_UNTIL(s3rec_request, include_history), "s3rec_request"));
  S3_TRY(check_flag("s3rec_request.include_history", resolved->include_history));
  if (resolved->items != NULL && resolved->names != NULL) {
    return s3_fail(S3REC_ERROR_ARGUMENT, "s3rec_request has both items and names, give one");
  }
  if (resolved->items == NULL)
    S3_TRY(check_names("s3rec_request.names", resolved->names, resolved->item_count));
  if (resolved->offsets == NULL) {
    if (resolved->user_count <= 1) return S3REC_OK;
    return s3_fail(S3REC_ERROR_ARGUMENT, "s3rec_request.offsets is NULL, but user_count is %zu",
                   resolved->user_count);
  }
  S3_TRY(s3_offsets_check(resolved->offsets, resolved->user_count));
  if ((uint64_t)resolved->offsets[resolved->user_count] <= resolved->item_count) return S3REC_OK;
  return s3_fail(S3REC_ERROR_ARGUMENT, "s3rec_request.offsets ends at %lld, but item_count is %zu",
                 (long long)resolved->offsets[resolved->user_count], resolved->item_count);
}

static s3rec_status check_and_answer(s3rec_recommender *recommender, const s3rec_request *request,
                                   bool similar, s3rec_answer **answer) {
  s3rec_request resolved;
  const char *const function = similar ? "s3rec_similar" : "s3rec_recommend_request";
  const s3rec_status status = check_request(function, request, &resolved, answer);
  if (status != S3REC_OK) return count_refused(recommender, status);
  return s3_request_answer(recommender, &resolved, similar, answer);
}

s3rec_status s3rec_recommend_request(s3rec_recommender *recommender, const s3rec_request *request,
                                     s3rec_answer **answer) {
  S3_REQUIRE(recommender);
  return check_and_answer(recommender, request, false, answer);
}

s3rec_status s3rec_similar(s3rec_recommender *recommender, const s3rec_request *request,
                           s3rec_answer **answer) {
  S3_REQUIRE(recommender);
  return check_and_answer(recommender, request, true, answer);
}

void s3rec_ranked_items_init(s3rec_ranked_items *items) {
  *items = (s3rec_ranked_items){.struct_size = sizeof *items};
}

s3rec_status s3rec_answer_get(const s3rec_answer *answer, size_t user, s3rec_ranked_items *items) {
  S3_REQUIRE(answer);
  S3_REQUIRE(items);
  S3_TRY(s3_output_check(items, S3_SIZE_UNTIL(s3rec_ranked_items, model_number),
                         "s3rec_ranked_items"));
  if (user >= answer->user_count) {
    return s3_fail(S3REC_ERROR_NOT_FOUND, "user is %zu, the answer has %zu", user,
                   answer->user_count);
  }
  const s3_reply *const reply = &answer->reply;
  const s3_user_answer *const answered = &reply->users[user];
  const size_t place = user * reply->stride;
  const s3rec_ranked_items found = {
      .source = answered->source,
      .count = answered->count,
      .ids = reply->ids + place,
      .scores = reply->scores + place,
      .names = answer->names == NULL ? NULL : answer->names + place,
      .unknown_count = answered->unknown_count,
      .model_number = answer->model_number};
  s3_output_write(items, &found, sizeof found);
  return S3REC_OK;
}

s3rec_status s3rec_answer_rows(const s3rec_answer *answer, const int32_t **ids,
                               const float **scores, size_t *width) {
  S3_REQUIRE(answer);
  if (ids != NULL) *ids = answer->reply.ids;
  if (scores != NULL) *scores = answer->reply.scores;
  if (width != NULL) *width = answer->reply.stride;
  return S3REC_OK;
}

void s3rec_answer_destroy(s3rec_answer *answer) {
  if (answer != NULL) s3_answer_destroy(answer);
}

void s3rec_exchange_options_init(s3rec_exchange_options *options) {
  *options = (s3rec_exchange_options){
      .struct_size = sizeof *options, .least_known_share = 0.5, .largest_loss = 1.0};
}

static s3rec_status resolve_exchange(const s3rec_exchange_options *options,
                                     s3rec_exchange_options *resolved) {
  s3rec_exchange_options_init(resolved);
  if (options == NULL) return S3REC_OK;
  S3_TRY(s3_options_copy(resolved, sizeof *resolved, options,
                         S3_SIZE_UNTIL(s3rec_exchange_options, largest_loss),
                         "s3rec_exchange_options"));
  S3_TRY(check_share("least_known_share", resolved->least_known_share));
  S3_TRY(check_share("least_ndcg10", resolved->least_ndcg10));
  return check_share("largest_loss", resolved->largest_loss);
}

s3rec_status s3rec_recommender_exchange(s3rec_recommender *recommender, const char *path,
                                        const s3rec_exchange_options *options) {
  S3_REQUIRE(recommender);
  S3_REQUIRE(path);
  s3rec_exchange_options resolved;
  S3_TRY(resolve_exchange(options, &resolved));
  return s3_recommender_exchange_file(recommender, path, &resolved);
}

s3rec_status s3rec_recommender_exchange_model(s3rec_recommender *recommender, s3rec_model *model,
                                              const s3rec_exchange_options *options) {
  S3_REQUIRE(recommender);
  S3_REQUIRE(model);
  s3rec_exchange_options resolved;
  S3_TRY(resolve_exchange(options, &resolved));
  return s3_recommender_exchange(recommender, model, &resolved);
}

void s3rec_recommender_statistics_init(s3rec_recommender_statistics *statistics) {
  *statistics = (s3rec_recommender_statistics){.struct_size = sizeof *statistics};
}

s3rec_status s3rec_recommender_statistics_get(const s3rec_recommender *recommender,
                                              s3rec_recommender_statistics *statistics) {
  S3_REQUIRE(recommender);
  S3_REQUIRE(statistics);
  S3_TRY(s3_output_check(statistics, S3_SIZE_UNTIL(s3rec_recommender_statistics, latency),
                         "s3rec_recommender_statistics"));
  s3rec_recommender_statistics counted = {0};
  s3_recommender_statistics(recommender, &counted);
  s3_output_write(statistics, &counted, sizeof counted);
  return S3REC_OK;
}

double s3rec_recommender_latency(const s3rec_recommender_statistics *statistics, double share) {
  if (statistics == NULL ||
      statistics->struct_size < S3_SIZE_UNTIL(s3rec_recommender_statistics, latency))
    return 0.0;
  return s3_latency_of(statistics->latency, share);
}
