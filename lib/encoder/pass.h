/* SPDX-License-Identifier: Apache-2.0 */
/* One pass through the encoder: what goes in, how much memory it takes, and its buffers,
 * carved from one block that grows with the largest batch seen.
 *
 * T tokens, R output rows, H hidden size; "rows" of a layer are the ones whose output it
 * computes: T, but R in the last layer. */
#ifndef S3_ENCODER_PASS_H
#define S3_ENCODER_PASS_H

#include "backend/backend.h"
#include "model/panels.h"
#include "model/parameter_table.h"

/* Real tokens only, one sequence after the other. Of the first `full_count` sequences the
 * output is wanted at every token; of the rest only at the last one, so the last layer
 * computes nothing else for them. */
typedef struct s3_packed {
  size_t sequence_count;
  size_t full_count;
  const size_t *offsets;  /* [sequence_count + 1]; empty sequences only among the full ones */
  const int32_t *ids;     /* [tokens] rows of item_embeddings */
  const int32_t *slots;   /* [tokens] rows of position_embeddings */
  const uint32_t *tokens; /* [tokens] numbers in the whole step; NULL: no dropout */
  bool causal;
} s3_packed;

/* Rows of the output: token t of a full sequence is row t, the last token of
 * sequence s >= full_count is row offsets[full_count] + s - full_count. */
static inline size_t s3_packed_rows(const s3_packed *packed) {
  return packed->offsets[packed->full_count] + packed->sequence_count - packed->full_count;
}

/* What decides how much memory a pass takes. */
typedef struct s3_pass_sizes {
  size_t tokens, rows, sequences;
  size_t max_length;
  size_t probabilities, last_probabilities; /* floats */
} s3_pass_sizes;

/* Adds one sequence. */
static inline void s3_pass_sizes_add(const s3rec_model_config *config, size_t length, bool full,
                                     s3_pass_sizes *sizes) {
  const size_t queries = full ? length : 1;
  const size_t stride = (size_t)config->num_attention_heads * S3_KEPT_STRIDE(length);
  sizes->tokens += length;
  sizes->rows += queries;
  sizes->sequences++;
  if (length > sizes->max_length) sizes->max_length = length;
  sizes->probabilities += length * stride;
  sizes->last_probabilities += queries * stride;
}

typedef struct s3_layer_activations {
  /* Kept for backward: */
  float *input;         /* [T, H] the layer's src: dst of the one before */
  float *query_input;   /* [rows, H] its rows that ask; input itself when all do */
  float *query;         /* [rows, *] part of projected, or [rows, H] of its own */
  float *key, *value;   /* [T, *] parts of projected */
  float *projected;     /* [T, 3H] query, key, value; [T, 2H] key, value when pruned */
  float *probabilities; /* attention_shape.probability_offsets */
  float *context;       /* [rows, H] attention's dst */
  s3_norm_kept attention_norm;
  float *attended;  /* [rows, H] dst of the first add and norm */
  float *feed_kept; /* [rows, 4H] of the activation */
  float *feed;      /* [rows, 4H] dst of the activation */
  s3_norm_kept norm;
  size_t rows, query_stride, key_stride;
} s3_layer_activations;

typedef struct s3_activations {
  s3_norm_kept embedding_norm;
  s3_layer_activations *layers; /* [num_hidden_layers] */
  float *output;                /* [R, H] */
  float *dense;                 /* [T, H] scratch: dst of a linear before its norm */
  /* Offsets of attention_shape: kept probabilities of the layers before the last,
   * queries and kept probabilities of the last. */
  size_t *probability_offsets, *last_query_offsets, *last_probability_offsets;
  size_t *output_rows;     /* [R] the token of each output row */
  uint32_t *output_tokens; /* [R] its dropout number */
  /* Backward only: */
  float *diff_a, *diff_b;  /* [T, H] */
  float *diff_query_input; /* [R, H] */
  float *diff_feed;        /* [T, 4H] */
  float *diff_projected;   /* [T, 3H] */
} s3_activations;

/* What a pass through the layers has in common. */
typedef struct s3_pass {
  s3_backend *backend;
  const s3rec_model_config *config;
  const s3_parameter_table *table;
  const s3_packed *packed;
  s3_activations *activations;
  const float *panels; /* of all layers; NULL: the weights are read as they are */
  s3_layer_panels panels_at;
  bool training;
  uint64_t seed, step;       /* of dropout */
  size_t tokens, max_length; /* of packed */
} s3_pass;

/* Carves `block` (NULL: only counts) and returns the bytes needed. Without
 * `training` the layers share one set of buffers. */
size_t s3_activations_carve(const s3rec_model_config *config, bool training, s3_pass_sizes sizes,
                            char *block, s3_activations *a);

#endif
