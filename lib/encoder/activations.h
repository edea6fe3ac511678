/* SPDX-License-Identifier: Apache-2.0 */
/* The buffers of one pass through the encoder, carved from one block that grows
 * with the largest batch seen. T tokens, R output rows, H hidden size; "rows" of
 * a layer are the ones whose output it computes: T, but R in the last layer. */
#ifndef S3_ENCODER_ACTIVATIONS_H
#define S3_ENCODER_ACTIVATIONS_H

#include "encoder/encoder.h"

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
  float *attended;      /* [rows, H] dst of the first add and norm */
  float *feed_kept;     /* [rows, 4H] of the activation */
  float *feed;          /* [rows, 4H] dst of the activation */
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

/* Carves `block` (NULL: only counts) and returns the bytes needed. Without
 * `training` the layers share one set of buffers. */
size_t s3_activations_carve(const s3rec_model_config *config, bool training,
                            s3_pass_sizes sizes, char *block, s3_activations *a);

#endif
