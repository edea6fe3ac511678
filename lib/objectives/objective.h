/* SPDX-License-Identifier: Apache-2.0 */
/* The objectives. Each is one function that looks at one shard of a step, in
 * attribute_prediction.c and pair_losses.c; the softmax losses look at a whole step
 * (next_item_ce.h). Each reads the encoder's output, adds to its gradient and to the
 * gradients of the parameters it uses, and gives back its loss, a sum without the weight.
 *
 * Pretraining's hidden rows [R,H]: one per token of masked_item_sequence (none
 * when only sp has a weight), then the last outputs of all masked segments, all
 * positive and all negative ones (none when sp has no weight). Fine-tuning's: one
 * per token of input_ids. */
#ifndef S3_OBJECTIVES_OBJECTIVE_H
#define S3_OBJECTIVES_OBJECTIVE_H

#include "encoder/encoder.h"
#include "objectives/item_rows.h"
#include "sampling/batch.h"

/* Memory of the objectives of one worker, kept from step to step. */
typedef struct s3_objective_scratch {
  float *floats;
  size_t floats_capacity;
  size_t *rows; /* hidden rows an objective looks at */
  size_t rows_capacity;
  size_t *label_begin, *label_end; /* their labels in batch->attributes */
  size_t label_begin_capacity, label_end_capacity;
} s3_objective_scratch;

/* Room for pretraining shards of at most so many tokens of one id array and so
 * many sequences. */
s3rec_status s3_objective_reserve(const s3rec_context *context, const s3rec_model_config *config,
                                  size_t tokens, size_t sequences, s3_objective_scratch *scratch);
void s3_objective_scratch_free(const s3rec_context *context, s3_objective_scratch *scratch);

typedef struct s3_objective_shard {
  const s3rec_context *context;
  const s3rec_model_config *config;
  const s3_parameter_table *table;
  const float *weights;
  s3_backend *backend;
  const s3rec_batch *batch;
  size_t first_sequence, sequence_count; /* of the batch */
  size_t first_token, token_count;
  size_t segment_rows; /* hidden row of the first masked segment */
  const float *hidden; /* [R,H] */
  float *diff_hidden;  /* [R,H] added to */
  float *diff_dense;   /* block without the item table, added to */
  s3_item_rows *diff_items;
  s3_objective_scratch *scratch;
} s3_objective_shard;

s3rec_status s3_aap(const s3_objective_shard *shard, double weight, double *loss);
s3rec_status s3_mip(const s3_objective_shard *shard, double weight, double *loss);
s3rec_status s3_map(const s3_objective_shard *shard, double weight, double *loss);
s3rec_status s3_sp(const s3_objective_shard *shard, double weight, double *loss);
/* The mean over the batch's targets needs their number, batch->target_count;
 * the loss given back is this shard's part of that mean. */
s3rec_status s3_next_item_bce(const s3_objective_shard *shard, double *loss);

/* Lists the masked or the unmasked tokens of the shard's masked_item_sequence in
 * scratch->rows, with their items' attributes as labels; returns how many. */
size_t s3_select_positions(const s3_objective_shard *shard, bool masked);

/* The linear head y [count,H] = x W^T + b over chosen hidden rows, which are first
 * gathered to x [count,H]. */
s3rec_status s3_head_forward(const s3_objective_shard *shard, s3_head head, const size_t *rows,
                             size_t count, float *x, float *y);
/* Adds to the head's gradients and to diff_hidden; x is used up. */
s3rec_status s3_head_backward(const s3_objective_shard *shard, s3_head head, const size_t *rows,
                              size_t count, float *x, const float *diff_y);

/* Attributes are predicted for so many rows at a time. */
enum { S3_ATTRIBUTE_ROWS = 256 };

/* The item's row in item_embeddings. */
static inline const float *s3_item_row(const s3_objective_shard *shard, int32_t id) {
  return shard->weights + shard->table->item_embeddings +
         (size_t)id * (size_t)shard->config->hidden_size;
}

/* <a, b> over H. */
double s3_hidden_dot(const s3_objective_shard *shard, const float *a, const float *b);

/* dst += scale * src over H. */
static inline void s3_hidden_add(const s3_objective_shard *shard, double scale, const float *src,
                                 float *dst) {
  const float factor = (float)scale;
  for (int32_t c = 0; c < shard->config->hidden_size; c++) dst[c] += factor * src[c];
}

#endif
