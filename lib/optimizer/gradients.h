/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients of a step: one set per shard, then their sum over the shards, which is a
 * balanced tree (tree_sum.h). The item table's stay sparse rows; only the full softmax,
 * whose gradient has every row, and a host's own gradients use a whole table.
 *
 *   dense   in the tree, in place: the sum ends in the first used shard's memory
 *   items   each row in the tree of the shards that touched it, likewise in place, then
 *           listed in the order of the first use: shards from left to right, and in a
 *           shard as its rows were added. So a subtree's list is a function of it, too. */
#ifndef S3_OPTIMIZER_GRADIENTS_H
#define S3_OPTIMIZER_GRADIENTS_H

#include "base/thread_pool.h"
#include "model/parameter_table.h"
#include "objectives/item_rows.h"
#include "optimizer/adam.h"

/* Norm above which a square would not fit Adam's float moments. */
#define S3_LARGEST_GRADIENT 1e18

typedef struct s3_shard_gradients {
  bool used;    /* in this step */
  float *dense; /* block without the item table */
  s3_item_rows items;
} s3_shard_gradients;

/* An item whose row some shard touched, and one of these rows. Links are numbered from 1
 * on, 0: none. */
typedef struct s3_touched_item {
  int32_t id;
  uint32_t first_link, last_link;
} s3_touched_item;
typedef struct s3_row_link {
  uint32_t shard, row, next_link; /* next: of the same item, in a later shard */
} s3_row_link;

typedef struct s3_gradients {
  const s3rec_context *context;
  const s3_parameter_table *table;
  size_t dense_count; /* floats of a block without the item table */
  size_t item_size, hidden_size;
  size_t shard_count;
  s3_shard_gradients *shards;
  /* The sum. */
  float *dense;       /* a shard's */
  s3_item_rows items; /* unless item_table holds */
  float *item_table;  /* [I,H], lent; NULL: items holds */
  double norm;
  /* On the way to it. */
  uint32_t *row_of; /* [item_size] place in `touched` and `items`, from 1 on; 0: untouched */
  s3_touched_item *touched;
  s3_row_link *links; /* link n is links[n - 1] */
  size_t touched_count, touched_capacity, links_capacity;
  const s3_item_rows *shardless_rows; /* of the reduction under way; or NULL */
  double *square_sums;                /* one per job */
} s3_gradients;

s3rec_status s3_gradients_create(const s3rec_context *context, const s3_parameter_table *table,
                                 size_t item_size, size_t hidden_size, size_t shard_count,
                                 s3_gradients *gradients);
void s3_gradients_destroy(s3_gradients *gradients);
size_t s3_gradients_memory(const s3_gradients *gradients);

/* Empties a shard's gradients; row_of as in item_rows.h, until the items end. */
void s3_gradients_begin_shard(s3_gradients *gradients, size_t shard, uint32_t *row_of);

/* Sums the used shards, whatever the threads, and sets the norm. shard_count is a power of
 * two. item_table: NULL, or a table [I,H] whose rows 1..I-2 hold a gradient, to which the
 * sum of the sparse rows is added. rows: NULL, or, without item_table, distinct item rows
 * that belong to no shard: they are listed first, and the sum over the shards is added.
 * Gradients of shards are used up. */
s3rec_status s3_gradients_reduce(s3_gradients *gradients, float *item_table,
                                 const s3_item_rows *rows, s3_thread_pool *pool);

/* Room for the listed sum of the used shards' item rows and up to `count` rows without a
 * shard. */
s3rec_status s3_gradients_reserve(s3_gradients *gradients, size_t count);

/* Recomputes the norm after the sum was changed from outside. */
s3rec_status s3_gradients_measure(s3_gradients *gradients, s3_thread_pool *pool);

/* NUMERIC unless the norm is finite and below S3_LARGEST_GRADIENT. */
s3rec_status s3_gradients_check(const s3_gradients *gradients);

/* One parameter's gradient out; a whole gradient in (the item table's needs
 * item_table). The padding row never has a gradient: what comes in for it is
 * taken as 0. */
void s3_gradients_read(const s3_gradients *gradients, const s3_parameter *parameter, float *values);
void s3_gradients_write(s3_gradients *gradients, const s3_parameter *parameter,
                        const float *values);

/* Applies Adam to all weights, or, when `finetune`, to those that fine-tuning has
 * a gradient for: attribute embeddings and heads stay as they are. */
s3rec_status s3_gradients_apply(const s3_gradients *gradients, const s3_adam_step *step,
                                bool finetune, float *weights, float *moment1, float *moment2,
                                s3_thread_pool *pool);

#endif
