/* SPDX-License-Identifier: Apache-2.0 */
#include "scoring/score_error.h"

#include <float.h>
#include <math.h>

#include "kernels/kernels.h"

double s3_largest_item_norm(const s3rec_model *model) {
  const size_t width = (size_t)model->config.hidden_size;
  const float *table = model->weights + model->table.item_embeddings;
  double largest = 0;
  for (size_t row = 0; row < (size_t)model->config.item_size; row++) {
    const double square = model->context->kernels->square_sum(width, table + row * width);
    if (isnan(square)) return INFINITY;
    if (square > largest) largest = square;
  }
  return sqrt(largest);
}

double s3_score_error(const s3rec_model *model, double largest_item_norm, const float *vector) {
  const size_t width = (size_t)model->config.hidden_size;
  const double magnitude =
      sqrt(model->context->kernels->square_sum(width, vector)) * largest_item_norm;
  if (!(magnitude < FLT_MAX / 2)) return INFINITY;
  /* Two sums, a percent for second-order terms, and what underflow can lose. */
  return 2.02 * (double)width * 0x1p-24 * magnitude + (double)width * FLT_MIN;
}

float s3_score_of(const s3rec_model *model, const float *vector, int32_t id) {
  const size_t width = (size_t)model->config.hidden_size;
  const float *row = model->weights + model->table.item_embeddings + (size_t)id * width;
  float score;
  model->context->kernels->matrix_vector(1, width, row, vector, &score);
  return score;
}
