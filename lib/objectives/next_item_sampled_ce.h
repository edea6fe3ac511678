/* SPDX-License-Identifier: Apache-2.0 */
/* The items that a step's sampled softmax is over. */
#ifndef S3_OBJECTIVES_NEXT_ITEM_SAMPLED_CE_H
#define S3_OBJECTIVES_NEXT_ITEM_SAMPLED_CE_H

#include "objectives/item_rows.h"
#include "objectives/next_item_ce.h"

typedef struct s3_candidates {
  const s3rec_context *context;
  size_t most;           /* M at most */
  s3_item_rows gradient; /* ids [M] of the candidates, rows [M,H] for diff_items */
  float *items;          /* [M,H] */
  float *bias;           /* [M] */
  size_t items_capacity, bias_capacity;
} s3_candidates;

/* Sets `most` for N targets among item_count items and makes room; `most` depends on
 * these three numbers alone. */
s3rec_status s3_candidates_reserve(s3_candidates *candidates, size_t target_count,
                                   size_t item_count, size_t negative_count);

/* Draws candidates and turns `ce` from all items into these: items, bias and diff_items
 * are the candidates', targets are rows of them. The draw is a function of the key, the
 * targets and the two counts. row_of [item_count + 1] is all zero, before and after. */
void s3_candidates_draw(s3_candidates *candidates, uint64_t key, size_t negative_count,
                        uint32_t *row_of, s3_cross_entropy *ce);

void s3_candidates_free(s3_candidates *candidates);
size_t s3_candidates_memory(const s3_candidates *candidates);

#endif
