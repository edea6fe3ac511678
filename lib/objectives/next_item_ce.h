/* SPDX-License-Identifier: Apache-2.0 */
#ifndef S3_OBJECTIVES_NEXT_ITEM_CE_H
#define S3_OBJECTIVES_NEXT_ITEM_CE_H

#include "base/thread_pool.h"
#include "model/parameter_table.h"

/* Cross-entropy of a softmax over M items for all N targets of a step at once: over
 * all, rows 1..I-2 of the item table, or over candidates (next_item_sampled_ce.h). Work
 * is split by ranges of items into `groups` jobs, a fixed power of two, whose diff_x are
 * summed like the gradients of shards, in a balanced tree. */
enum { S3_CROSS_ENTROPY_GROUPS = 16 };     /* at most: each keeps a diff_x */
enum { S3_CROSS_ENTROPY_KEPT = 32 << 20 }; /* bytes of exponentials */

typedef struct s3_cross_entropy {
  const s3rec_context *context;
  size_t groups;
  size_t most_kept; /* bytes of exponentials that may be kept instead of made again */
  size_t target_count, hidden_size;
  size_t item_count;      /* M */
  const float *items;     /* [M,H] */
  const float *bias;      /* [M] added to the logits; NULL = none */
  double label_smoothing; /* 0: none; see next_item_ce.c */
  float *x;               /* [N,H] hidden rows of the targets */
  int32_t *targets;       /* [N] rows of `items` */
  float *diff_x;          /* [groups, N, H] to be summed by the caller */
  float *diff_items;      /* [M,H], lent; overwritten */
  /* Private. */
  size_t x_capacity, targets_capacity, diff_x_capacity, statistics_capacity, tiles_capacity;
  size_t smoothing_capacity;
  bool is_kept;                 /* a block's tiles, from the first pass to the second */
  size_t first_row, block_rows; /* of the block under way */
  float *statistics; /* [groups, 2, N] maximum and sum; then in the first group's place the
                      * maximum of all and 1 / (N sum) */
  float *tiles;      /* scratch of each group's products; of each group one tile, or all of a
                      * block */
  double *smoothing; /* [2,H] */
} s3_cross_entropy;

/* Sets N and makes room for x, targets and the rest, for up to most_items items; how the
 * sums are made, and so their last bits, depends on most_items. */
s3rec_status s3_cross_entropy_reserve(s3_cross_entropy *ce, size_t target_count, size_t most_items);
void s3_cross_entropy_free(s3_cross_entropy *ce);
size_t s3_cross_entropy_memory(const s3_cross_entropy *ce);

/* The mean loss and its gradients, scaled by 1/N; item_count <= most_items. */
s3rec_status s3_cross_entropy_run(s3_cross_entropy *ce, s3_thread_pool *pool, double *loss);

#endif
