/* SPDX-License-Identifier: Apache-2.0 */
/* Batches from the caller's padded arrays. Everything is checked before the
 * batch changes. */
#include <string.h>

#include "base/error.h"
#include "sampling/batch.h"

/* One array [rows, length]; the first of a batch decides what is padding. */
typedef struct padded_array {
  const char *name;
  const int32_t *ids;
  s3_stream stream;
  int32_t minimum, maximum; /* of ids at real tokens */
} padded_array;

static s3rec_status check_sizes(int32_t batch_size, int32_t length, const padded_array *arrays,
                                size_t array_count) {
  if (batch_size < 1 || batch_size > S3_MAX_BATCH_SIZE)
    return s3_fail(S3REC_ERROR_ARGUMENT, "batch_size is %d, accepted is 1..%d", batch_size,
                   S3_MAX_BATCH_SIZE);
  if (length < 1 || length > S3_MAX_BATCH_LENGTH)
    return s3_fail(S3REC_ERROR_ARGUMENT, "max_seq_length is %d, accepted is 1..%d", length,
                   S3_MAX_BATCH_LENGTH);
  for (size_t i = 0; i < array_count; i++)
    if (arrays[i].ids == NULL)
      return s3_fail(S3REC_ERROR_ARGUMENT, "%s must not be NULL", arrays[i].name);
  return S3REC_OK;
}

/* Column of the row's first item; `length` when all is padding. */
static size_t first_column(const int32_t *row, size_t length) {
  size_t column = 0;
  while (column < length && row[column] == 0) ++column;
  return column;
}

static s3rec_status check_row(const padded_array *array, const padded_array *first, size_t row,
                              size_t begin, size_t length) {
  const int32_t *ids = array->ids + row * length;
  for (size_t column = 0; column < begin; column++)
    if (ids[column] != 0)
      return s3_fail(S3REC_ERROR_FORMAT, "%s[%zu][%zu] is %d, must be 0: %s is padding there",
                     array->name, row, column, ids[column], first->name);
  for (size_t column = begin; column < length; column++) {
    if (ids[column] >= array->minimum && ids[column] <= array->maximum) continue;
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s[%zu][%zu] is %d, accepted is %d..%d%s", array->name, row, column,
                   ids[column], array->minimum, array->maximum,
                   ids[column] == 0 ? " behind the row's padding, which is on the left" : "");
  }
  return S3REC_OK;
}

/* Checks all rows of all arrays and counts the real tokens. */
static s3rec_status check_rows(const padded_array *arrays, size_t array_count, size_t rows,
                               size_t length, size_t *token_count) {
  *token_count = 0;
  for (size_t row = 0; row < rows; row++) {
    const size_t begin = first_column(arrays[0].ids + row * length, length);
    for (size_t i = 0; i < array_count; i++)
      S3_TRY(check_row(&arrays[i], &arrays[0], row, begin, length));
    *token_count += length - begin;
  }
  return S3REC_OK;
}

/* Copies the real tokens; begin has been called. */
static void copy_rows(s3rec_batch *batch, const padded_array *arrays, size_t array_count) {
  const size_t length = (size_t)batch->max_seq_length;
  for (size_t row = 0; row < batch->sequence_count; row++) {
    const size_t begin = first_column(arrays[0].ids + row * length, length);
    const size_t token = batch->offsets[row], count = length - begin;
    batch->offsets[row + 1] = token + count;
    if (count == 0) continue;
    for (size_t i = 0; i < array_count; i++)
      memcpy(batch->ids[arrays[i].stream] + token, arrays[i].ids + row * length + begin,
             count * sizeof(int32_t));
  }
}

static size_t count_attributes(const s3rec_pretrain_arrays *arrays) {
  const size_t slots = (size_t)arrays->batch_size * (size_t)arrays->max_seq_length;
  const size_t width = (size_t)arrays->attribute_size;
  size_t count = 0;
  for (size_t slot = 0; slot < slots; slot++) {
    if (arrays->pos_items[slot] == 0) continue;
    const uint8_t *hot = arrays->attributes + slot * width;
    for (size_t a = 0; a < width; a++) count += hot[a] != 0;
  }
  return count;
}

/* Multi-hot rows of the real tokens to sorted lists. */
static void copy_attributes(s3rec_batch *batch, const s3rec_pretrain_arrays *arrays) {
  const size_t slots = (size_t)arrays->batch_size * (size_t)arrays->max_seq_length;
  const size_t width = (size_t)arrays->attribute_size;
  size_t token = 0, count = 0;
  for (size_t slot = 0; slot < slots; slot++) {
    if (arrays->pos_items[slot] == 0) continue;
    const uint8_t *hot = arrays->attributes + slot * width;
    batch->attribute_begin[token] = count;
    for (size_t a = 0; a < width; a++)
      if (hot[a] != 0) batch->attributes[count++] = (int32_t)a;
    batch->attribute_end[token++] = count;
  }
}

s3rec_status s3_batch_set_pretrain(s3rec_batch *batch, const s3rec_pretrain_arrays *arrays) {
  const int32_t mask_id = arrays->mask_id;
  const padded_array ids[] = {
      {"pos_items", arrays->pos_items, S3_STREAM_POS, 1, mask_id},
      {"masked_item_sequence", arrays->masked_item_sequence, S3_STREAM_MASKED_ITEM, 1, mask_id},
      {"neg_items", arrays->neg_items, S3_STREAM_NEG, 1, mask_id},
      {"masked_segment_sequence", arrays->masked_segment_sequence, S3_STREAM_MASKED_SEGMENT, 1,
       mask_id},
      {"pos_segment", arrays->pos_segment, S3_STREAM_POS_SEGMENT, 1, mask_id},
      {"neg_segment", arrays->neg_segment, S3_STREAM_NEG_SEGMENT, 1, mask_id},
  };
  const size_t id_arrays = sizeof ids / sizeof *ids;
  S3_TRY(check_sizes(arrays->batch_size, arrays->max_seq_length, ids, id_arrays));
  if (arrays->attributes == NULL)
    return s3_fail(S3REC_ERROR_ARGUMENT, "attributes must not be NULL");
  if (mask_id < 2 || arrays->attribute_size < 1)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "mask_id is %d and attribute_size %d, accepted are at least 2 and 1", mask_id,
                   arrays->attribute_size);

  const size_t rows = (size_t)arrays->batch_size, length = (size_t)arrays->max_seq_length;
  s3_batch_size size = {.sequence_count = rows};
  S3_TRY(check_rows(ids, id_arrays, rows, length, &size.token_count));
  for (size_t row = 0; row < rows; row++)
    if (arrays->pos_items[row * length + length - 1] == 0)
      return s3_fail(S3REC_ERROR_FORMAT,
                     "pos_items[%zu][%zu] is 0: the row has no items, at least 1 is needed", row,
                     length - 1);
  size.attribute_count = count_attributes(arrays);
  S3_TRY(s3_batch_begin(batch, S3REC_STAGE_PRETRAIN, arrays->max_seq_length, mask_id, size));
  copy_rows(batch, ids, id_arrays);
  copy_attributes(batch, arrays);
  s3_batch_finish(batch);
  return S3REC_OK;
}

static s3rec_status check_negatives(const int32_t *target_pos, const int32_t *target_neg,
                                    size_t rows, size_t length) {
  for (size_t slot = 0; slot < rows * length; slot++)
    if (target_pos[slot] != 0 && target_neg[slot] == 0)
      return s3_fail(S3REC_ERROR_FORMAT,
                     "target_neg[%zu][%zu] is 0, accepted is 1..%d where target_pos is not 0",
                     slot / length, slot % length, INT32_MAX);
  return S3REC_OK;
}

s3rec_status s3_batch_set_finetune(s3rec_batch *batch, int32_t batch_size,
                                   int32_t max_seq_length, const int32_t *input_ids,
                                   const int32_t *target_pos, const int32_t *target_neg) {
  const padded_array ids[] = {
      {"input_ids", input_ids, S3_STREAM_INPUT, 1, INT32_MAX},
      {"target_pos", target_pos, S3_STREAM_POS, 0, INT32_MAX},
      {"target_neg", target_neg, S3_STREAM_NEG, 0, INT32_MAX},
  };
  const size_t id_arrays = target_neg == NULL ? 2 : 3;
  S3_TRY(check_sizes(batch_size, max_seq_length, ids, id_arrays));
  const size_t rows = (size_t)batch_size, length = (size_t)max_seq_length;
  s3_batch_size size = {.sequence_count = rows};
  S3_TRY(check_rows(ids, id_arrays, rows, length, &size.token_count));
  if (target_neg != NULL) S3_TRY(check_negatives(target_pos, target_neg, rows, length));
  S3_TRY(s3_batch_begin(batch, S3REC_STAGE_FINETUNE, max_seq_length, 0, size));
  copy_rows(batch, ids, id_arrays);
  batch->has_negatives = target_neg != NULL;
  s3_batch_finish(batch);
  return S3REC_OK;
}
