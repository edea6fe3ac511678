/* SPDX-License-Identifier: Apache-2.0 */
#ifndef S3_OBJECTIVES_NEXT_ITEM_CE_H
#define S3_OBJECTIVES_NEXT_ITEM_CE_H

#include "base/thread_pool.h"
#include "model/parameter_table.h"

/* Full-softmax cross-entropy over items 1..I-2 for all N targets of a step at
 * once. Work is split by ranges of items into `groups` jobs, a fixed number, whose
 * results are added up in order. */
enum { S3_CROSS_ENTROPY_GROUPS = 16 }; /* at most: each keeps a diff_x */
enum { S3_CROSS_ENTROPY_KEPT = 32 << 20 }; /* bytes of exponentials */

typedef struct s3_cross_entropy {
  const s3rec_context *context;
  size_t groups;
  size_t most_kept; /* bytes of exponentials that may be kept instead of made again */
  size_t target_count, hidden_size;
  int32_t item_size;
  const float *item_embeddings; /* [I,H] */
  float *x;                     /* [N,H] hidden rows of the targets */
  int32_t *targets;             /* [N] */
  float *diff_x;                /* [groups, N, H] to be added up by the caller */
  float *diff_items;            /* [I,H], lent; rows 1..I-2 are overwritten */
  /* Private. */
  size_t x_capacity, targets_capacity, diff_x_capacity, statistics_capacity, tiles_capacity;
  bool is_kept;                 /* a block's tiles, from the first pass to the second */
  size_t first_row, block_rows; /* of the block under way */
  float *statistics; /* [groups, 2, N] maximum and sum; then in the first group's place the
                      * maximum of all and 1 / (N sum) */
  float *tiles;      /* of each group one, or all of a block */
} s3_cross_entropy;

/* Sets N and makes room for x, targets and the rest. */
s3rec_status s3_cross_entropy_reserve(s3_cross_entropy *ce, size_t target_count);
void s3_cross_entropy_free(s3_cross_entropy *ce);
size_t s3_cross_entropy_memory(const s3_cross_entropy *ce);

/* The mean loss and its gradients, scaled by 1/N. */
s3rec_status s3_cross_entropy_run(s3_cross_entropy *ce, s3_thread_pool *pool, double *loss);

#endif
