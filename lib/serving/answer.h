/* SPDX-License-Identifier: Apache-2.0 */
/* From histories of ids to ranked items, by the model, by popularity or by similarity. */
#ifndef S3_SERVING_ANSWER_H
#define S3_SERVING_ANSWER_H

#include "serving/recommender.h"

/* What is asked about some users, all of one generation. */
typedef struct s3_question {
  const int32_t *items;   /* not NULL */
  const int64_t *offsets; /* [user_count + 1] places in `items` */
  size_t k;
  bool include_history;
  const s3_allowed *allowed;             /* for all users; NULL: everything */
  const s3_allowed *const *user_allowed; /* for each user, entries may be NULL; NULL: everything */
} s3_question;

static inline size_t s3_history_length(const s3_question *question, size_t user) {
  return (size_t)(question->offsets[user + 1] - question->offsets[user]);
}

/* The filter of one user alone, or NULL. */
static inline const s3_allowed *s3_own_filter(const s3_question *question, size_t user) {
  return question->user_allowed == NULL ? NULL : question->user_allowed[user];
}

typedef struct s3_user_answer {
  size_t count, unknown_count;
  s3rec_answer_source source;
} s3_user_answer;

/* Where the answers go: user u has ids + u * stride, of room for k. `ids` is not NULL, `scores` may
 * be. */
typedef struct s3_reply {
  s3_user_answer *users;
  int32_t *ids;
  float *scores;
  size_t stride;
} s3_reply;

/* Users first .. last - 1, at most S3_USER_GROUP of them. k is at most the number of items. */
s3rec_status s3_answer_next(s3_seat *seat, const s3_question *question, size_t first, size_t last,
                            const s3_reply *reply);
s3rec_status s3_answer_similar(s3_seat *seat, const s3_question *question, size_t first,
                               size_t last, const s3_reply *reply);

/* s3rec_recommend, its arguments checked. */
s3rec_status s3_recommend(s3rec_recommender *recommender, const int32_t *history,
                          size_t history_count, s3rec_filter *filter, size_t k, int32_t *ids,
                          float *scores, size_t *count);

struct s3rec_answer {
  s3rec_context *context;
  s3rec_vocabulary *vocabulary; /* `names` point into it; or NULL */
  uint64_t model_number;
  size_t user_count;
  s3_reply reply;
  const char **names; /* [user_count * stride], NULL without names */
};

/* s3rec_recommend_request and s3rec_similar, their arguments checked but for names of a model
 * without: ARGUMENT. */
s3rec_status s3_request_answer(s3rec_recommender *recommender, const s3rec_request *request,
                               bool similar, s3rec_answer **answer);
void s3_answer_destroy(s3rec_answer *answer);

#endif
