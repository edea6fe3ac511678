/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients of a step: one set per shard, then their sum. The item table's stay
 * sparse rows; only the full softmax, whose gradient has every row, and a host's
 * own gradients use a whole table. */
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

typedef struct s3_gradients {
  const s3rec_context *context;
  const s3_parameter_table *table;
  size_t dense_count; /* floats of a block without the item table */
  size_t item_size, hidden_size;
  size_t shard_count;
  s3_shard_gradients *shards;
  /* The sum. */
  float *dense;
  s3_item_rows items;  /* unless item_table holds */
  uint32_t *row_of;    /* [item_size] of items */
  float *item_table;   /* [I,H], lent; NULL: items holds */
  double *square_sums; /* one per reduction job */
  double norm;
} s3_gradients;

s3rec_status s3_gradients_create(const s3rec_context *context, const s3_parameter_table *table,
                                 size_t item_size, size_t hidden_size, size_t shard_count,
                                 s3_gradients *gradients);
void s3_gradients_destroy(s3_gradients *gradients);
size_t s3_gradients_memory(const s3_gradients *gradients);

/* Empties a shard's gradients; row_of as in item_rows.h, until the items end. */
void s3_gradients_begin_shard(s3_gradients *gradients, size_t shard, uint32_t *row_of);

/* Sums the used shards in order, whatever the threads. item_table: NULL, or a
 * table [I,H] whose rows 1..I-2 hold a gradient to which the sparse rows are
 * added. rows: NULL, or item rows that belong to no shard; they come first. Sets
 * the norm. */
s3rec_status s3_gradients_reduce(s3_gradients *gradients, float *item_table,
                                 const s3_item_rows *rows, s3_thread_pool *pool);

/* Room for the sum of the used shards' item rows and up to `count` others. */
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
