/* SPDX-License-Identifier: Apache-2.0 */
/* The encoder over packed sequences: embedding, L layers, and back.
 *
 *   encoder.c   a pass: sizes, embedding, the layers in turn
 *   layer.c     one layer, forward and backward
 *   pass.c      the memory of a pass
 *
 * Forward and backward ask a backend for each operation (backend/backend.h). */
#ifndef S3_ENCODER_ENCODER_H
#define S3_ENCODER_ENCODER_H

#include "encoder/pass.h"

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
s3rec_status s3_encoder_forward(s3_encoder *encoder, const float *weights, const s3_packed *packed,
                                uint64_t seed, uint64_t step, const float **hidden);

/* Gradients of the last forward. diff_hidden [rows, H] is used up. Adds to
 * diff_dense, a block of the table's floats [dense_begin, float_count);
 * *diff_embedding [tokens, H] is the gradient of each token's item row, valid
 * until the next call. */
s3rec_status s3_encoder_backward(s3_encoder *encoder, const float *weights, const s3_packed *packed,
                                 float *diff_hidden, float *diff_dense,
                                 const float **diff_embedding);

#endif
