/* SPDX-License-Identifier: Apache-2.0 */
/* Zero-based ranks by counting who stands above the answer: no sorting, no heap,
 * and no score is kept. */
#ifndef S3_SCORING_RANK_H
#define S3_SCORING_RANK_H

#include <stddef.h>
#include <stdint.h>

/* Whether (score, id) stands above the answer: higher score, or the same and a
 * lower id. A NaN, which only weights near FLT_MAX can produce, counts against
 * the answer on either side, so that a broken model cannot look perfect. */
static inline int32_t s3_outranks(float score, int32_t id, float answer_score, int32_t answer) {
  return (!(score <= answer_score)) | ((score == answer_score) & (id < answer));
}

/* above[u] += number of items of a tile that outrank user u's answer. Row i of
 * scores [items, users] is item first_id + i. */
void s3_count_above(size_t items, size_t users, const float *scores, int32_t first_id,
                    const float *answer_scores, const int32_t *answers, int32_t *above);

/* Sorts ids and drops repeats, in place and without allocation; returns how many
 * are left. */
size_t s3_sort_distinct(int32_t *ids, size_t count);

#endif
