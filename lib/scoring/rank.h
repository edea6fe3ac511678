/* SPDX-License-Identifier: Apache-2.0 */
/* Zero-based ranks by counting who stands above the answer: no sorting, no heap,
 * and no score is kept. */
#ifndef S3_SCORING_RANK_H
#define S3_SCORING_RANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether (score, id) stands above the answer: higher score, or the same and a
 * lower id. A NaN, which only weights near FLT_MAX can produce, counts against
 * the answer on either side, so that a broken model cannot look perfect. */
static inline int32_t s3_outranks(float score, int32_t id, float answer_score, int32_t answer) {
  return (!(score <= answer_score)) | ((score == answer_score) & (id < answer));
}

/* Sorts ids and drops repeats, in place and without allocation; returns how many
 * are left. */
size_t s3_sort_distinct(int32_t *ids, size_t count);

/* Whether sorted ids hold `id`. */
bool s3_sorted_has(const int32_t *ids, size_t count, int32_t id);

#endif
