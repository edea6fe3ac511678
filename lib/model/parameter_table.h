/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of parameters: name, shape, initialisation, in the reference's
 * order. Weights, gradients and Adam's moments are each one block of floats with
 * this layout; file, initialisation, optimizer and API walk the same table. */
#ifndef S3_MODEL_PARAMETER_TABLE_H
#define S3_MODEL_PARAMETER_TABLE_H

#include "base/context.h"
#include "s3rec/model.h"

typedef enum s3_initialisation { S3_INIT_NORMAL, S3_INIT_ZERO, S3_INIT_ONE } s3_initialisation;

typedef struct s3_parameter {
  char name[96];
  int32_t rank;
  int64_t shape[2]; /* shape[1] = 1 for rank 1 */
  size_t count;     /* elements */
  size_t offset; /* of the first element in a block of floats: a multiple of 16, except for
                  * key and value, which follow query without a gap */
  s3_initialisation initialisation;
} s3_parameter;

/* Offsets, in floats, of one layer's parameters and of the rest. A linear
 * weight is [out, in]. query, key and value are stored directly one after another, so
 * that they also are one weight [3H, H] and, separately, one bias [3H]. */
typedef struct s3_layer_offsets {
  size_t qkv_weight, qkv_bias;             /* [3H,H] [3H] */
  size_t dense_weight, dense_bias;         /* [H,H] [H] */
  size_t attention_norm_weight, attention_norm_bias; /* [H] [H] */
  size_t dense_1_weight, dense_1_bias;     /* [4H,H] [4H] */
  size_t dense_2_weight, dense_2_bias;     /* [H,4H] [H] */
  size_t norm_weight, norm_bias;           /* [H] [H] */
} s3_layer_offsets;

typedef enum s3_head { S3_HEAD_AAP, S3_HEAD_MIP, S3_HEAD_MAP, S3_HEAD_SP, S3_HEAD_COUNT } s3_head;

typedef struct s3_parameter_table {
  size_t count;
  s3_parameter *parameters; /* [count], reference order */
  size_t float_count;       /* of a whole block, a multiple of 16 */
  /* The item table comes first in a block: floats [0, dense_begin) are its,
   * [dense_begin, float_count) everything else. */
  size_t dense_begin;
  size_t item_embeddings, attribute_embeddings, position_embeddings;
  size_t norm_weight, norm_bias;
  size_t head_weight[S3_HEAD_COUNT], head_bias[S3_HEAD_COUNT]; /* [H,H] [H] */
  s3_layer_offsets *layers; /* [num_hidden_layers] */
} s3_parameter_table;

s3rec_status s3_parameter_table_create(const s3rec_context *context,
                                       const s3rec_model_config *config,
                                       s3_parameter_table *table);
void s3_parameter_table_destroy(const s3rec_context *context, s3_parameter_table *table);

/* Where a parameter lies in a block that leaves out the item table. */
static inline float *s3_dense_at(const s3_parameter_table *table, float *dense, size_t offset) {
  return dense + (offset - table->dense_begin);
}

/* NULL with the error text set when there is none of that name. */
const s3_parameter *s3_parameter_find(const s3_parameter_table *table, const char *name);
/* The one that a caller with `count` values means: NOT_FOUND, or ARGUMENT. */
s3rec_status s3_parameter_match(const s3_parameter_table *table, const char *name, size_t count,
                                const s3_parameter **parameter);

#endif
