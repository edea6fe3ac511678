/* SPDX-License-Identifier: Apache-2.0 */
/* From user vectors to the best items of each. */
#ifndef S3_SCORING_RANK_ITEMS_H
#define S3_SCORING_RANK_ITEMS_H

#include "scoring/scorer.h"

/* The users of a group that have something to encode: row r of scorer->users. */
typedef struct s3_user_rows {
  size_t count;
  size_t users[S3_USER_GROUP]; /* their numbers in the query */
  s3_top_k tops[S3_USER_GROUP];
} s3_user_rows;

/* Ids left out for all rows, and for one. */
static inline uint64_t *s3_left_out_for_all(const s3rec_scorer *scorer) { return scorer->sets; }
static inline uint64_t *s3_left_out_for_row(const s3rec_scorer *scorer, size_t row) {
  return scorer->sets + (1 + row) * scorer->set_words;
}

static inline bool s3_is_left_out(const s3rec_scorer *scorer, size_t row, int32_t id) {
  return s3_id_set_has(s3_left_out_for_all(scorer), id) ||
         s3_id_set_has(s3_left_out_for_row(scorer, row), id) ||
         (scorer->for_all != NULL && s3_id_set_has(scorer->for_all, id)) ||
         (scorer->for_user[row] != NULL && s3_id_set_has(scorer->for_user[row], id));
}

/* Brings the best `kept` of all items, or of scorer->candidates, to the front of
 * each row's entries, in order; top->count says how many there are. The tops have
 * room for S3_SPARE more, unless that is all items or there are few rows. */
void s3_rank_items(s3rec_scorer *scorer, s3_user_rows *rows, bool candidates, size_t kept);

/* Whether the scorer's compact table is there and worth it. */
bool s3_rank_quantized_suits(const s3rec_scorer *scorer, size_t kept);

#endif
