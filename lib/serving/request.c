/* SPDX-License-Identifier: Apache-2.0 */
/* Requests: blocks of S3_USER_GROUP users, in the order of the request whatever the number of
 * threads, so that the answer does not depend on it. All seats are of one generation. */
#include <string.h>

#include "base/error.h"
#include "base/thread_pool.h"
#include "serving/answer.h"

typedef struct request_work {
  s3rec_recommender *recommender;
  const s3rec_request *request;
  bool similar;
  s3_generation *generation;
  s3_question question;
  int32_t *ids_of_names;            /* or NULL */
  const s3_allowed **user_allowed;  /* [user_count], NULL without filters of users */
  s3_seat **seats;                  /* [seat_count] one for each thread */
  size_t seat_count;
  s3rec_answer *answer;
} request_work;

void s3_answer_destroy(s3rec_answer *answer) {
  s3rec_context *const context = answer->context;
  s3_vocabulary_release(answer->vocabulary);
  s3_free(context, answer->reply.users);
  s3_free(context, answer->reply.ids);
  s3_free(context, answer->reply.scores);
  s3_free(context, answer->names);
  s3_free(context, answer);
  s3_context_release(context);
}

/* Room for the answer of every user. */
static s3rec_status make_answer(request_work *work) {
  s3rec_context *const context = work->recommender->context;
  const s3rec_model *const model = work->generation->model;
  const size_t users = work->request->user_count, stride = work->question.k;
  if (stride > 0 && users > SIZE_MAX / stride) {
    return s3_fail(S3REC_ERROR_MEMORY,
                   "answers of %zu users with %zu items each exceed the address space", users,
                   stride);
  }
  s3rec_answer *const answer = s3_allocate(context, 1, sizeof *answer);
  if (answer == NULL) return S3REC_ERROR_MEMORY;
  work->answer = answer;
  answer->context = s3_context_retain(context);
  answer->vocabulary = s3_vocabulary_retain(model->item_names);
  answer->model_number = work->generation->number;
  answer->user_count = users;
  answer->reply =
      (s3_reply){.users = s3_allocate(context, users, sizeof *answer->reply.users),
                 .ids = s3_allocate(context, users * stride, sizeof *answer->reply.ids),
                 .scores = s3_allocate(context, users * stride, sizeof *answer->reply.scores),
                 .stride = stride};
  if (answer->vocabulary != NULL) {
    answer->names = s3_allocate(context, users * stride, sizeof *answer->names);
    if (answer->names == NULL) return S3REC_ERROR_MEMORY;
  }
  return answer->reply.users == NULL || answer->reply.ids == NULL || answer->reply.scores == NULL
             ? S3REC_ERROR_MEMORY
             : S3REC_OK;
}

static s3rec_status find_items(request_work *work) {
  const s3rec_request *const request = work->request;
  const s3rec_context *const context = work->recommender->context;
  const s3rec_model *const model = work->generation->model;
  static const int32_t none = 0;
  work->question.items = request->items != NULL ? request->items : &none;
  if (request->names == NULL) return S3REC_OK;
  if (model->item_names == NULL) {
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_request.names is given, but the model that serves has no names: give "
                   "items by their ids");
  }
  s3_name_list list;
  S3_TRY(s3_name_list_create(context, request->names, request->item_count, &list));
  work->ids_of_names =
      s3_allocate_unset(context, request->item_count, sizeof *work->ids_of_names);
  if (work->ids_of_names != NULL) {
    s3_names_find(&model->item_names->names, list.text, list.offsets, list.count, 1,
                  work->ids_of_names);
  }
  s3_name_list_free(context, &list);
  work->question.items = work->ids_of_names;
  return work->ids_of_names == NULL ? S3REC_ERROR_MEMORY : S3REC_OK;
}

/* What was taken before a failure is put back by finish_request. */
static s3rec_status take_filters(request_work *work) {
  const s3rec_request *const request = work->request;
  const s3rec_model *const model = work->generation->model;
  S3_TRY(s3_filter_take((s3rec_filter *)request->filter, model, &work->question.allowed));
  if (request->filters == NULL) return S3REC_OK;
  work->user_allowed = s3_allocate(work->recommender->context, request->user_count,
                                   sizeof *work->user_allowed);
  if (work->user_allowed == NULL) return S3REC_ERROR_MEMORY;
  work->question.user_allowed = work->user_allowed;
  for (size_t user = 0; user < request->user_count; user++) {
    S3_TRY(s3_filter_take((s3rec_filter *)request->filters[user], model,
                          &work->user_allowed[user]));
  }
  return S3REC_OK;
}

static s3rec_status answer_block(void *argument, size_t index, size_t worker) {
  const request_work *const work = argument;
  const size_t first = index * S3_USER_GROUP, rest = work->request->user_count - first;
  const size_t last = first + (rest < S3_USER_GROUP ? rest : S3_USER_GROUP);
  s3_seat *const seat = work->seats[worker];
  return work->similar
             ? s3_answer_similar(seat, &work->question, first, last, &work->answer->reply)
             : s3_answer_next(seat, &work->question, first, last, &work->answer->reply);
}

static s3rec_status answer_blocks(request_work *work) {
  s3rec_context *const context = work->recommender->context;
  const size_t blocks = (work->request->user_count + S3_USER_GROUP - 1) / S3_USER_GROUP;
  const size_t most = (size_t)context->options.thread_count;
  const size_t threads = blocks < most ? blocks : most;
  s3_seat *const first = work->seats[0];
  if (threads > 1) {
    s3_seat **const seats = s3_allocate(context, threads, sizeof *seats);
    if (seats == NULL) return S3REC_ERROR_MEMORY;
    seats[0] = first;
    work->seats = seats;
    for (; work->seat_count < threads; work->seat_count++) {
      S3_TRY(s3_seat_take(work->recommender, work->generation, &seats[work->seat_count]));
    }
  }
  s3_thread_pool *pool = NULL;
  if (threads > 1) S3_TRY(s3_thread_pool_create(context, threads, &pool));
  const s3rec_status status = s3_thread_pool_run(pool, blocks, answer_block, work);
  s3_thread_pool_destroy(pool);
  return status;
}

static void name_items(s3rec_answer *answer) {
  const s3_reply *const reply = &answer->reply;
  for (size_t user = 0; answer->names != NULL && user < answer->user_count; user++) {
    for (size_t i = 0; i < reply->users[user].count; i++) {
      const size_t place = user * reply->stride + i;
      answer->names[place] = s3_name(&answer->vocabulary->names, (size_t)reply->ids[place] - 1);
    }
  }
}

static s3_tally tally_of(const s3rec_answer *answer) {
  s3_tally tally = {.users = answer->user_count};
  for (size_t user = 0; user < answer->user_count; user++) {
    const s3_user_answer *const answered = &answer->reply.users[user];
    tally.popular += answered->source == S3REC_ANSWER_POPULAR;
    tally.empty += answered->count == 0;
    tally.unknown_items += answered->unknown_count;
  }
  return tally;
}

static s3rec_status answer_request(request_work *work) {
  const s3rec_request *const request = work->request;
  const size_t item_count = (size_t)work->generation->model->config.item_size - 2;
  work->question.k = request->k < item_count ? request->k : item_count;
  S3_TRY(make_answer(work));
  S3_TRY(find_items(work));
  S3_TRY(take_filters(work));
  S3_TRY(answer_blocks(work));
  name_items(work->answer);
  return S3REC_OK;
}

static void finish_request(request_work *work, s3_seat **first) {
  const s3rec_request *const request = work->request;
  const s3rec_context *const context = work->recommender->context;
  for (size_t i = 0; i < work->seat_count; i++) {
    s3_seat_put_back(work->recommender, work->seats[i]);
  }
  if (work->seats != first) s3_free(context, work->seats);
  s3_filter_put_back((s3rec_filter *)request->filter, work->question.allowed);
  for (size_t user = 0; work->user_allowed != NULL && user < request->user_count; user++) {
    s3_filter_put_back((s3rec_filter *)request->filters[user], work->user_allowed[user]);
  }
  s3_free(context, work->user_allowed);
  s3_free(context, work->ids_of_names);
}

s3rec_status s3_request_answer(s3rec_recommender *recommender, const s3rec_request *request,
                               bool similar, s3rec_answer **answer) {
  const uint64_t begin = s3_nanoseconds();
  const int64_t one_user[2] = {0, (int64_t)request->item_count};
  s3_seat *first = NULL;
  request_work work = {
      .recommender = recommender,
      .request = request,
      .similar = similar,
      .question = {.offsets = request->offsets != NULL ? request->offsets : one_user,
                   .include_history = request->include_history != 0},
      .seats = &first};
  s3rec_status status = s3_seat_take(recommender, NULL, &first);
  if (status == S3REC_OK) {
    work.seat_count = 1;
    work.generation = first->generation; /* the seat holds it; it is put back last */
    status = answer_request(&work);
  }
  const s3_tally tally = status == S3REC_OK ? tally_of(work.answer) : (s3_tally){0};
  finish_request(&work, &first);
  s3_count_call(recommender, begin, status, &tally);
  if (status == S3REC_OK) {
    *answer = work.answer;
  } else if (work.answer != NULL) {
    s3_answer_destroy(work.answer);
  }
  return status;
}
