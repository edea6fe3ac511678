/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients of a step: one set per shard, then their sum over the shards. The sum is a
 * balanced tree (tree_sum.h). The gradient of the item table stays a list of sparse rows. A
 * whole table is used only for the full softmax, whose gradient has every row, and for
 * gradients that the caller writes.
 *
 *   dense   summed in place by the tree; the sum ends in the first used shard's memory
 *   items   each row is summed in place, by the tree of the shards that touched it. Then the
 *           rows are listed in the order of their first use: shards from left to right, and
 *           within a shard as its rows were added. So the list of a subtree depends only on
 *           that subtree. */
#ifndef S3_OPTIMIZER_GRADIENTS_H
#define S3_OPTIMIZER_GRADIENTS_H

#include "base/thread_pool.h"
#include "model/parameter_table.h"
#include "objectives/item_rows.h"
#include "optimizer/adam.h"

/* The limit of the norm: the square of a larger one may not fit the floats of Adam's moments. */
#define S3_LARGEST_GRADIENT 1e18

typedef struct s3_shard_gradients {
  bool used;    /* in this step */
  float *dense; /* block without the item table */
  s3_item_rows items;
} s3_shard_gradients;

/* An item whose row at least one shard touched, with the list of these rows as links. Links are
 * numbered from 1; 0 is no link. */
typedef struct s3_touched_item {
  int32_t id;
  uint32_t first_link, last_link;
} s3_touched_item;

/* One row of a shard. */
typedef struct s3_row_link {
  uint32_t shard, row;
  uint32_t next_link; /* the row of the same item in a later shard */
} s3_row_link;

typedef struct s3_gradients {
  const s3rec_context *context;
  const s3_parameter_table *table;
  size_t dense_count; /* floats of a block without the item table */
  size_t item_size, hidden_size;
  size_t shard_count;
  s3_shard_gradients *shards;
  /* The sum. */
  float *dense;       /* points to the memory of a shard */
  s3_item_rows items; /* the item rows, when item_table is NULL */
  float *item_table;  /* [I,H], not owned: the item rows otherwise */
  double norm;
  /* Working memory of the sum. */
  uint32_t *row_of; /* [item_size] place in `touched` and `items`, from 1 on; 0: untouched */
  s3_touched_item *touched;
  s3_row_link *links; /* link n is links[n - 1] */
  size_t touched_count, touched_capacity, links_capacity;
  const s3_item_rows *shardless_rows; /* `rows` of s3_gradients_reduce while it runs, or NULL */
  double *square_sums;                /* one per job */
} s3_gradients;

s3rec_status s3_gradients_create(const s3rec_context *context, const s3_parameter_table *table,
                                 size_t item_size, size_t hidden_size, size_t shard_count,
                                 s3_gradients *gradients);
void s3_gradients_destroy(s3_gradients *gradients);
size_t s3_gradients_memory(const s3_gradients *gradients);

/* Empties a shard's gradients. The shard's items use row_of until s3_item_rows_end
 * (item_rows.h). */
void s3_gradients_begin_shard(s3_gradients *gradients, size_t shard, uint32_t *row_of);

/* Sums the used shards and sets the norm; the result does not depend on the threads.
 * shard_count is a power of two.
 * item_table: NULL, or a table [I,H] whose rows 1..I-2 hold a gradient; the sum of the sparse
 * rows is added to it.
 * rows: NULL, or, without item_table, distinct item rows that belong to no shard. They are
 * listed first, and the sum over the shards is added to them.
 * The shards' own gradients are overwritten. */
s3rec_status s3_gradients_reduce(s3_gradients *gradients, float *item_table,
                                 const s3_item_rows *rows, s3_thread_pool *pool);

/* Makes room for the list of item rows: those of the used shards and up to `count` rows that
 * belong to no shard. */
s3rec_status s3_gradients_reserve(s3_gradients *gradients, size_t count);

/* Recomputes the norm after the sum was changed from outside. */
s3rec_status s3_gradients_measure(s3_gradients *gradients, s3_thread_pool *pool);

/* NUMERIC unless the norm is finite and below S3_LARGEST_GRADIENT. */
s3rec_status s3_gradients_check(const s3_gradients *gradients);

/* Copies the whole gradient of one parameter out, or in. To write the gradient of the item table,
 * item_table must not be NULL. The padding row never has a gradient: values written for it are
 * taken as 0. */
void s3_gradients_read(const s3_gradients *gradients, const s3_parameter *parameter, float *values);
void s3_gradients_write(s3_gradients *gradients, const s3_parameter *parameter,
                        const float *values);

/* Applies Adam to all weights or, when `finetune` is true, only to those that have a gradient in
 * fine-tuning: the attribute embeddings and the heads stay as they are. */
s3rec_status s3_gradients_apply(const s3_gradients *gradients, const s3_adam_step *step,
                                bool finetune, float *weights, float *moment1, float *moment2,
                                s3_thread_pool *pool);

#endif
