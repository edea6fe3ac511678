/* SPDX-License-Identifier: Apache-2.0 */
/* The next items: by the model where it knows something of the history, else by popularity. */
#include "serving/answer.h"

#include "base/error.h"

static s3rec_status answer_popular(s3_generation *generation, const s3_question *question,
                                   size_t user, const s3_reply *reply) {
  s3_user_answer *const answered = &reply->users[user];
  const s3_allowed *const own = s3_own_filter(question, user);
  const int32_t *order;
  S3_TRY(s3_generation_popular(generation, &order));
  int32_t *const ids = reply->ids + user * reply->stride;
  float *const scores = reply->scores == NULL ? NULL : reply->scores + user * reply->stride;
  size_t count = 0;
  for (size_t i = 0; order != NULL && i < generation->popular_count && count < question->k; i++) {
    const int32_t id = order[i];
    if (!s3_both_allow(question->allowed, own, id)) continue;
    ids[count] = id;
    if (scores != NULL) {
      scores[count] = (float)(generation->model->popularity[id] / generation->event_count);
    }
    count++;
  }
  answered->count = count;
  answered->source = count > 0 ? S3REC_ANSWER_POPULAR : S3REC_ANSWER_NONE;
  return S3REC_OK;
}

/* Users first .. last - 1, who have the same candidates: those of a filter of their own only
 * where it is one user. */
static s3rec_status answer_by_model(s3_seat *seat, const s3_question *question, size_t first,
                                    size_t last, const s3_reply *reply) {
  const s3rec_score_options options = {.struct_size = sizeof options,
                                       .include_history = question->include_history};
  const uint64_t *own_left_out[S3_USER_GROUP];
  const s3_allowed *candidates = question->allowed;
  for (size_t user = first; user < last; user++) {
    const s3_allowed *const own = s3_own_filter(question, user);
    own_left_out[user - first] = own == NULL ? NULL : own->left_out;
    candidates = s3_fewer_candidates(candidates, own);
  }
  const s3_query query = {
      .histories = question->items,
      .offsets = question->offsets + first,
      .user_count = last - first,
      .options = &options,
      .k = question->k,
      .left_out = question->allowed == NULL ? NULL : question->allowed->left_out,
      .user_left_out = question->user_allowed == NULL ? NULL : own_left_out,
      .candidates = candidates == NULL ? NULL : candidates->candidates,
      .candidate_count = candidates == NULL ? 0 : candidates->candidate_count};
  s3_ranking ranking = {0};
  S3_TRY(s3_scorer_rank(seat->scorer, &query, &ranking));
  for (size_t user = first; user < last; user++) {
    if (reply->users[user].unknown_count == s3_history_length(question, user)) continue;
    const size_t place = user * reply->stride;
    const size_t count =
        s3_ranking_copy(&ranking, user - first, reply->ids + place,
                        reply->scores == NULL ? NULL : reply->scores + place);
    reply->users[user].count = count;
    reply->users[user].source = count > 0 ? S3REC_ANSWER_MODEL : S3REC_ANSWER_NONE;
  }
  return S3REC_OK;
}

/* Behind the last user that is ranked together with `first`. */
static size_t end_of_run(const s3_question *question, size_t first, size_t last) {
  const s3_allowed *own = s3_own_filter(question, first);
  if (own != NULL && own->candidates != NULL) return first + 1;
  size_t end = first + 1;
  for (; end < last; end++) {
    own = s3_own_filter(question, end);
    if (own != NULL && own->candidates != NULL) break;
  }
  return end;
}

s3rec_status s3_answer_next(s3_seat *seat, const s3_question *question, size_t first, size_t last,
                            const s3_reply *reply) {
  const s3rec_model *const model = seat->generation->model;
  bool any_known = false;
  for (size_t user = first; user < last; user++) {
    const int32_t *const items = question->items + question->offsets[user];
    const size_t length = s3_history_length(question, user);
    size_t unknown = 0;
    for (size_t i = 0; i < length; i++) unknown += !s3_item_known(model, items[i]);
    reply->users[user] = (s3_user_answer){.unknown_count = unknown};
    any_known |= unknown < length;
  }
  for (size_t begin = first; any_known && begin < last;) {
    const size_t end = end_of_run(question, begin, last);
    S3_TRY(answer_by_model(seat, question, begin, end, reply));
    begin = end;
  }
  for (size_t user = first; user < last; user++) {
    if (reply->users[user].unknown_count < s3_history_length(question, user)) continue;
    S3_TRY(answer_popular(seat->generation, question, user, reply));
  }
  return S3REC_OK;
}

static s3rec_status answer_one(s3_seat *seat, s3rec_filter *filter, s3_question *question,
                               const s3_reply *reply) {
  const s3rec_model *const model = seat->generation->model;
  const size_t item_count = (size_t)model->config.item_size - 2;
  if (question->k > item_count) question->k = item_count;
  S3_TRY(s3_filter_take(filter, model, &question->allowed));
  const s3rec_status status = s3_answer_next(seat, question, 0, 1, reply);
  s3_filter_put_back(filter, question->allowed);
  return status;
}

s3rec_status s3_recommend(s3rec_recommender *recommender, const int32_t *history,
                          size_t history_count, s3rec_filter *filter, size_t k, int32_t *ids,
                          float *scores, size_t *count) {
  const uint64_t begin = s3_nanoseconds();
  const int64_t offsets[2] = {0, (int64_t)history_count};
  int32_t none = 0; /* stands for arrays of nothing, which may be NULL */
  s3_question question = {
      .items = history != NULL ? history : &none, .offsets = offsets, .k = k};
  s3_user_answer answered = {0};
  const s3_reply reply = {
      .users = &answered, .ids = ids != NULL ? ids : &none, .scores = scores};
  s3_seat *seat;
  s3rec_status status = s3_seat_take(recommender, NULL, &seat);
  if (status == S3REC_OK) {
    status = answer_one(seat, filter, &question, &reply);
    s3_seat_put_back(recommender, seat);
  }
  const s3_tally tally = {.users = 1,
                          .popular = answered.source == S3REC_ANSWER_POPULAR,
                          .empty = answered.count == 0,
                          .unknown_items = answered.unknown_count};
  s3_count_call(recommender, begin, status, &tally);
  if (status == S3REC_OK) *count = answered.count;
  return status;
}
