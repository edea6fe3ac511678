/* SPDX-License-Identifier: Apache-2.0 */
/* Recommendations: user vectors against the item table, the best kept.
 *
 *   recommend.c      groups of users, what is left out, results
 *   user_vectors.c   histories -> encoder -> user vectors
 *   rank_items.c     user vectors -> tiles of scores or bounds -> the best items
 *   item_scores.c    what a score is, and how far a faster way can be off
 *   order.c          the k best of a stream; sets of ids
 *
 * scorer.c makes and frees the working memory that they share. */
#ifndef S3_SCORING_SCORER_H
#define S3_SCORING_SCORER_H

#include "s3rec/scorer.h"
#include "scoring/item_scores.h"
#include "scoring/order.h"
#include "scoring/user_vectors.h"

enum {
  S3_TILE_ITEMS = 1024,     /* items scored at once */
  S3_TILE_CANDIDATES = 256, /* the same when their rows must be gathered */
  S3_PRODUCT_USERS = 8,     /* from here on a product is faster than one by one */
  S3_BOUND_TILE = 16384,    /* items bounded at once */
  S3_BOUND_USERS = 4,       /* for so many users */
  S3_SPARE = 8              /* picked beyond k by a product, for scores that rounding swaps */
};

struct s3rec_scorer {
  s3rec_model *model;
  s3_user_vectors users;
  /* Set 0: left out for all; set 1 + r: left out for row r of the group. */
  uint64_t *sets;
  size_t sets_capacity, set_words;
  const uint64_t *for_all, *for_user[S3_USER_GROUP]; /* sets of the query, or NULL */
  const s3_quantized_items *quantized; /* the model's; NULL: scan the weights */
  char *user_columns;                  /* [S3_USER_GROUP, s3_quantized_user_size] */
  float *scores; /* [S3_TILE_ITEMS, users] and scratch of their product, or
                  * [S3_BOUND_USERS, S3_BOUND_TILE] */
  size_t scores_capacity;
  uint32_t *selected;      /* [S3_TILE_ITEMS] */
  int32_t *own_candidates; /* collected from options */
  size_t candidates_capacity, candidate_count;
  const int32_t *candidates; /* known, distinct and rising; own, or the query's */
  float *rows; /* [S3_TILE_CANDIDATES, H] gathered */
  size_t rows_capacity;
  s3_ranked *ranked; /* [user_count, stride of s3_ranking] */
  size_t ranked_capacity;
  double largest_item_norm; /* of the model; below 0: not needed so far */
};

/* One call of s3rec_score_next or s3rec_score_next_batch. */
typedef struct s3_query {
  const int32_t *histories;
  const int64_t *offsets; /* [user_count + 1] */
  size_t user_count;
  const s3rec_score_options *options;
  size_t k;
  /* Prepared filters, read where they are; all may be NULL. Sets (order.h) hold what is left
   * out besides what `options` name: for all users, and for each (entries may be NULL).
   * `candidates` are known, distinct and rising, and stand in place of those of `options`. */
  const uint64_t *left_out;
  const uint64_t *const *user_left_out; /* [user_count] */
  const int32_t *candidates;
  size_t candidate_count;
} s3_query;

s3rec_status s3_scorer_create(s3rec_model *model, s3rec_scan scan, s3rec_scorer **scorer);
void s3_scorer_destroy(s3rec_scorer *scorer); /* not NULL */
size_t s3_scorer_memory(const s3rec_scorer *scorer);

/* User u's best are entries[u * stride] and on, `kept` of them or up to the first
 * id 0. Borrowed from the scorer. */
typedef struct s3_ranking {
  const s3_ranked *entries;
  size_t kept, stride;
} s3_ranking;

s3rec_status s3_scorer_rank(s3rec_scorer *scorer, const s3_query *query, s3_ranking *ranking);
/* Copies one user's results out; `scores` may be NULL. Returns how many there are. */
size_t s3_ranking_copy(const s3_ranking *ranking, size_t user, int32_t *ids, float *scores);

/* *vector [H] is valid until the next call. ARGUMENT when the history holds no
 * known id. */
s3rec_status s3_scorer_user_vector(s3rec_scorer *scorer, const int32_t *history, size_t count,
                                   const float **vector);

/* Every row of the item table: scores [item_size]. */
s3rec_status s3_scorer_score_all(s3rec_scorer *scorer, const int32_t *history, size_t count,
                                 float *scores);

#endif
