/* SPDX-License-Identifier: Apache-2.0 */
/* The encoder over packed sequences: embedding, L layers, and back.
 *
 * Packed sequences hold real tokens only, one sequence behind the other. Of the
 * first `full_count` sequences the output is wanted at every token; of the rest
 * only at the last one, so the last layer computes nothing else for them. */
#ifndef S3_ENCODER_ENCODER_H
#define S3_ENCODER_ENCODER_H

#include "backend/backend.h"
#include "model/parameter_table.h"

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

/* One per worker: a backend and the activations of one forward pass. */
typedef struct s3_encoder s3_encoder;

/* `training` keeps what backward needs. config and table must outlive it. */
s3rec_status s3_encoder_create(const s3rec_context *context, const s3rec_model_config *config,
                               const s3_parameter_table *table, bool training,
                               s3_encoder **encoder);
void s3_encoder_destroy(s3_encoder *encoder); /* NULL is fine */
/* Room for any pass within these sizes, so that it need not be made later. */
s3rec_status s3_encoder_reserve(s3_encoder *encoder, s3_pass_sizes sizes);
size_t s3_encoder_memory(const s3_encoder *encoder);
s3_backend *s3_encoder_backend(s3_encoder *encoder);

/* Whether forward passes without training are faster with the layers' weights in
 * panels (model/panels.h), and giving it these; they must outlive the encoder. */
bool s3_encoder_takes_panels(const s3_encoder *encoder);
void s3_encoder_set_panels(s3_encoder *encoder, const float *panels);

/* *hidden: [s3_packed_rows, H], valid until the next call. `weights` is a block
 * laid out by the table. Dropout acts when packed->tokens is not NULL, keyed by
 * (seed, step). */
s3rec_status s3_encoder_forward(s3_encoder *encoder, const float *weights,
                                const s3_packed *packed, uint64_t seed, uint64_t step,
                                const float **hidden);

/* Gradients of the last forward. diff_hidden [rows, H] is used up. Adds to
 * diff_dense, a block of the table's floats [dense_begin, float_count);
 * *diff_embedding [tokens, H] is the gradient of each token's item row, valid
 * until the next call. */
s3rec_status s3_encoder_backward(s3_encoder *encoder, const float *weights,
                                 const s3_packed *packed, float *diff_hidden,
                                 float *diff_dense, const float **diff_embedding);

#endif
