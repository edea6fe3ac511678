/* SPDX-License-Identifier: Apache-2.0 */
#include "scoring/item_scores.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"

float s3_score_of(const s3rec_model *model, const float *vector, int32_t id) {
  const size_t width = (size_t)model->config.hidden_size;
  const float *row = model->weights + model->table.item_embeddings + (size_t)id * width;
  float score;
  model->context->kernels->matrix_vector(1, width, row, vector, &score);
  return score;
}

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

/* Magnitudes within which no product below leaves the range of normal floats. */
static const double least_item = 0x1p-20, largest_norm = 0x1p50, least_user = 0x1p-30;

/* Unless it is usable, the table has no blocks. */
static s3rec_status allocate_quantized(const s3rec_model *model, s3rec_scan scan, bool usable,
                                       s3_quantized_items **items) {
  const size_t width = (size_t)model->config.hidden_size;
  const size_t count = usable ? (size_t)model->config.item_size - 2 : 0;
  const size_t blocks = (count + S3_BLOCK_ITEMS - 1) / S3_BLOCK_ITEMS;
  const size_t groups = scan == S3REC_SCAN_INT8 ? (width + 3) / 4 : (width + 1) / 2;
  const size_t header = (sizeof(s3_quantized_items) + 63) / 64 * 64;
  const size_t scale_count = scan == S3REC_SCAN_INT8 ? blocks * S3_BLOCK_ITEMS : 0;
  const size_t words = blocks * groups * S3_BLOCK_ITEMS;
  const size_t byte_count = header + (scale_count + words) * 4;
  char *memory = s3_allocate(model->context, byte_count, 1);
  if (memory == NULL) return S3REC_ERROR_MEMORY;
  *items = (s3_quantized_items *)memory;
  **items = (s3_quantized_items){.scan = scan,
                                 .usable = usable,
                                 .block_count = blocks,
                                 .groups = groups,
                                 .scales = (float *)(memory + header),
                                 .values = memory + header + scale_count * 4,
                                 .byte_count = byte_count};
  return S3REC_OK;
}

static void quantize_items(const s3rec_model *model, double norm, s3_quantized_items *items) {
  const s3_kernels *kernels = model->context->kernels;
  const size_t width = (size_t)model->config.hidden_size;
  const size_t count = (size_t)model->config.item_size - 2;
  const float *table = model->weights + model->table.item_embeddings + width;
  if (items->scan == S3REC_SCAN_BF16) {
    kernels->bf16_quantize(count, width, table, items->values);
    items->magnitude = norm;
    return;
  }
  float magnitude = 0.0f, residual = 0.0f;
  kernels->int8_quantize(count, width, table, items->values, items->scales, &magnitude, &residual);
  items->magnitude = sqrt(magnitude);
  /* The scale's rounding and that of e / scale add to what was measured. */
  items->residual = sqrt(residual) + 1e-4 * sqrt((double)width);
}

static s3rec_status make_quantized(const s3rec_model *model, s3rec_scan scan,
                                   s3_quantized_items **items) {
  const double norm = s3_largest_item_norm(model);
  const bool usable = norm >= least_item && norm <= largest_norm;
  S3_TRY(allocate_quantized(model, scan, usable, items));
  if (usable) quantize_items(model, norm, *items);
  return S3REC_OK;
}

s3rec_status s3_quantized_items_get(s3rec_model *model, s3rec_scan scan,
                                    const s3_quantized_items **items) {
  void **place = &model->compact[scan == S3REC_SCAN_INT8 ? S3_COMPACT_INT8 : S3_COMPACT_BF16];
  s3rec_status status = S3REC_OK;
  pthread_mutex_lock(&model->compact_lock);
  if (*place == NULL) {
    s3_quantized_items *made;
    status = make_quantized(model, scan, &made);
    if (status == S3REC_OK) {
      *place = made;
      model->compact_bytes += made->byte_count;
    }
  }
  *items = *place;
  pthread_mutex_unlock(&model->compact_lock);
  return status;
}

bool s3_quantize_user(const s3_quantized_items *items, size_t width, const float *vector,
                      void *columns, s3_bound_user *user) {
  double square = 0.0;
  float largest = 0.0f;
  for (size_t c = 0; c < width; c++) {
    square += (double)vector[c] * (double)vector[c];
    largest = fmaxf(largest, fabsf(vector[c]));
  }
  const double norm = sqrt(square);
  if (!(norm >= least_user && norm <= largest_norm)) return false;
  memset(columns, 0, s3_quantized_user_size(items));
  /* Sums of `width` products in any order, twice, and a few operations more. */
  const double rounding = 2.02 * (double)(width + 16) * 0x1p-24;
  if (items->scan == S3REC_SCAN_BF16) {
    memcpy(columns, vector, width * sizeof *vector);
    const double slack = norm * items->magnitude * (0x1.01p-8 + rounding);
    *user = (s3_bound_user){.vector = columns, .slack = (float)(slack * 1.0001)};
    return true;
  }
  const float scale = largest / S3_USER_LEVELS, inverse = 1.0f / scale;
  double error = 0.0;
  int32_t sum = 0;
  int8_t *bytes = columns;
  for (size_t c = 0; c < width; c++) {
    const float value = vector[c] * inverse;
    const int32_t level = (int32_t)(value + (value < 0.0f ? -0.5f : 0.5f));
    const double difference = (double)vector[c] - (double)scale * level;
    error += difference * difference;
    bytes[c] = (int8_t)level;
    sum += level;
  }
  const double slack = sqrt(error) * items->magnitude + norm * items->residual +
                       norm * (items->magnitude + items->residual) * rounding;
  *user = (s3_bound_user){
      .bytes = bytes, .offset = -128 * sum, .scale = scale, .slack = (float)(slack * 1.0001)};
  return true;
}

void s3_quantized_bounds(const s3_quantized_items *items, const s3rec_model *model,
                         size_t first_block, size_t blocks, size_t users, const s3_bound_user *user,
                         size_t stride, float *bounds) {
  const s3_kernels *kernels = model->context->kernels;
  const uint32_t *words =
      (const uint32_t *)items->values + first_block * items->groups * S3_BLOCK_ITEMS;
  if (items->scan == S3REC_SCAN_BF16) {
    kernels->bf16_bounds(blocks, items->groups, words, users, user, stride, bounds);
  } else {
    kernels->int8_bounds(blocks, items->groups, (const uint8_t *)words,
                         items->scales + first_block * S3_BLOCK_ITEMS, users, user, stride, bounds);
  }
}
