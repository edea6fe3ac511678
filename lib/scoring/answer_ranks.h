/* SPDX-License-Identifier: Apache-2.0 */
/* Ranks of the answers of a group of users; one ranker per worker. */
#ifndef S3_SCORING_ANSWER_RANKS_H
#define S3_SCORING_ANSWER_RANKS_H

#include "data/dataset.h"
#include "s3rec/scorer.h"
#include "scoring/user_vectors.h"

typedef struct s3_answer_ranker {
  s3_user_vectors users;
  double largest_item_norm;
  /* Row r of the vectors. */
  size_t count;
  size_t user[S3_USER_GROUP]; /* number in the dataset */
  int32_t answers[S3_USER_GROUP];
  float answer_scores[S3_USER_GROUP];
  /* Scores of a matrix product that stand above the answer for sure (over high),
   * or below (under low); between, the item is scored again. */
  float low[S3_USER_GROUP], high[S3_USER_GROUP];
  int32_t above[S3_USER_GROUP];         /* items above the answer so far */
  size_t seen_begin[S3_USER_GROUP + 1]; /* of its history in `seen` */
  int32_t *seen; /* histories, sorted, distinct, the answer left out */
  size_t seen_capacity;
  bool answer_seen[S3_USER_GROUP]; /* the history holds the answer */
  float *scores;                   /* a tile, [items, users] */
} s3_answer_ranker;

/* `largest_item_norm` as of score_error.h. */
s3rec_status s3_answer_ranker_create(s3rec_model *model, double largest_item_norm,
                                     s3_answer_ranker *ranker);
void s3_answer_ranker_destroy(s3_answer_ranker *ranker); /* all zeros is fine */

/* Starts an empty group. */
void s3_answer_ranks_begin(s3_answer_ranker *ranker);
/* Adds a user, at most S3_USER_GROUP times. All ids are known to the model. */
s3rec_status s3_answer_ranks_add(s3_answer_ranker *ranker, size_t user, const int32_t *history,
                                 size_t count, int32_t answer);

/* Both write ranks[user] of the group's users; scoring/evaluate.h says what ranks. */
s3rec_status s3_answer_ranks_sampled(s3_answer_ranker *ranker, const s3_ragged *negatives,
                                     int64_t *ranks);
s3rec_status s3_answer_ranks_full(s3_answer_ranker *ranker, s3rec_seen_policy policy,
                                  int64_t *ranks);

#endif
