/* SPDX-License-Identifier: Apache-2.0 */
/* The layers' linear weights once more, in the order in which kernels->linear_panels
 * reads them. A weight [out, in] becomes ceil(out / 16) panels [in, 16]: panel p has
 * for each input the weights of outputs 16 p .. 16 p + 15, zeros after the last.
 *
 * Inference only. The copy is made for a model's first scorer or evaluation, is shared
 * by all, and is freed before weights are written. It takes what the layers' matrices
 * take, 12 H^2 floats each (H a multiple of 16), which is little beside the item table
 * unless H is large. */
#ifndef S3_MODEL_PANELS_H
#define S3_MODEL_PANELS_H

#include "model/model.h"

enum { S3_PANEL_WIDTH = 16 };

/* Floats of a weight's panels. */
static inline size_t s3_panel_floats(size_t in, size_t out) {
  return (out + S3_PANEL_WIDTH - 1) / S3_PANEL_WIDTH * S3_PANEL_WIDTH * in;
}
void s3_panels_fill(size_t in, size_t out, const float *weights, float *panels);

/* Where a layer's panels begin, in floats; layer n begins at n * count. Query and
 * key with value are apart, since the last layer has fewer queries. */
typedef struct s3_layer_panels {
  size_t query;     /* [H, H] */
  size_t key_value; /* [2H, H] */
  size_t dense;     /* [H, H] */
  size_t dense_1;   /* [4H, H] */
  size_t dense_2;   /* [H, 4H] */
  size_t count;
} s3_layer_panels;
s3_layer_panels s3_layer_panels_of(size_t hidden);

/* *panels of all layers; they belong to the model and stay while the caller scores it.
 * MEMORY. Any thread. */
s3rec_status s3_model_panels(s3rec_model *model, const float **panels);

#endif
