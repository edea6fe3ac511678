/* SPDX-License-Identifier: Apache-2.0 */
#include "data/ragged.h"

#include <string.h>

#include "base/error.h"

void s3_ragged_free(const s3rec_context *context, s3_ragged *ragged) {
  s3_free(context, ragged->offsets);
  s3_free(context, ragged->values);
  *ragged = (s3_ragged){0};
}

s3rec_status s3_ragged_push(const s3rec_context *context, s3_ragged_builder *builder,
                            int32_t value) {
  S3_TRY(s3_grow(context, (void **)&builder->ragged.values, &builder->values_capacity,
                 builder->value_count + 1, sizeof value));
  builder->ragged.values[builder->value_count++] = value;
  return S3REC_OK;
}

s3rec_status s3_ragged_end_row(const s3rec_context *context, s3_ragged_builder *builder) {
  s3_ragged *ragged = &builder->ragged;
  S3_TRY(s3_grow(context, (void **)&ragged->offsets, &builder->offsets_capacity,
                 ragged->row_count + 2, sizeof *ragged->offsets));
  ragged->offsets[++ragged->row_count] = (int64_t)builder->value_count;
  return S3REC_OK;
}

s3rec_status s3_ragged_finish(const s3rec_context *context, s3_ragged_builder *builder,
                              s3_ragged *ragged) {
  const int64_t none = 0;
  const s3_ragged *built = &builder->ragged;
  S3_TRY(s3_ragged_copy(context, built->row_count, built->offsets ? built->offsets : &none,
                        built->values, ragged));
  s3_ragged_discard(context, builder);
  return S3REC_OK;
}

void s3_ragged_discard(const s3rec_context *context, s3_ragged_builder *builder) {
  s3_ragged_free(context, &builder->ragged);
  *builder = (s3_ragged_builder){0};
}

s3rec_status s3_ragged_copy(const s3rec_context *context, size_t row_count, const int64_t *offsets,
                            const int32_t *values, s3_ragged *ragged) {
  const size_t value_count = (size_t)offsets[row_count];
  s3_ragged copy = {row_count, s3_allocate(context, row_count + 1, sizeof *offsets), NULL};
  if (copy.offsets != NULL) copy.values = s3_allocate(context, value_count, sizeof *values);
  if (copy.values == NULL) {
    s3_ragged_free(context, &copy);
    return S3REC_ERROR_MEMORY;
  }
  memcpy(copy.offsets, offsets, (row_count + 1) * sizeof *offsets);
  if (value_count > 0) memcpy(copy.values, values, value_count * sizeof *values);
  *ragged = copy;
  return S3REC_OK;
}
