/* SPDX-License-Identifier: Apache-2.0 */
/* From top to bottom: life of a batch, its arrays as padded ones, batches from the caller's
 * padded arrays. These are checked completely before the batch changes. */
#include "sampling/batch.h"

#include <string.h>

#include "base/error.h"

s3rec_status s3_batch_create(s3rec_context *context, s3rec_batch **batch) {
  s3rec_batch *made = s3_allocate(context, 1, sizeof *made);
  if (made == NULL) return S3REC_ERROR_MEMORY;
  made->context = s3_context_retain(context);
  made->max_item_id = made->max_attribute_id = -1;
  *batch = made;
  return S3REC_OK;
}

void s3_batch_destroy(s3rec_batch *batch) {
  s3rec_context *context = batch->context;
  s3_free(context, batch->offsets);
  for (int stream = 0; stream < S3_STREAM_COUNT; stream++) s3_free(context, batch->ids[stream]);
  s3_free(context, batch->attribute_begin);
  s3_free(context, batch->attribute_end);
  s3_free(context, batch->attributes);
  s3_free(context, batch);
  s3_context_release(context);
}

/* Growing keeps the content, so a failure halfway changes nothing. */
static s3rec_status make_batch_room(s3rec_batch *batch, s3_batch_size size) {
  const s3rec_context *context = batch->context;
  S3_TRY(s3_grow(context, (void **)&batch->offsets, &batch->offsets_capacity,
                 size.sequence_count + 1, sizeof *batch->offsets));
  for (int stream = 0; stream < S3_STREAM_COUNT; stream++)
    S3_TRY(s3_grow(context, (void **)&batch->ids[stream], &batch->ids_capacity[stream],
                   size.token_count, sizeof *batch->ids[stream]));
  S3_TRY(s3_grow(context, (void **)&batch->attribute_begin, &batch->attribute_begin_capacity,
                 size.token_count, sizeof *batch->attribute_begin));
  S3_TRY(s3_grow(context, (void **)&batch->attribute_end, &batch->attribute_end_capacity,
                 size.token_count, sizeof *batch->attribute_end));
  return s3_grow(context, (void **)&batch->attributes, &batch->attributes_capacity,
                 size.attribute_count, sizeof *batch->attributes);
}

s3rec_status s3_batch_begin(s3rec_batch *batch, s3rec_stage stage, int32_t max_seq_length,
                            int32_t mask_id, s3_batch_size size) {
  S3_TRY(make_batch_room(batch, size));
  batch->stage = stage;
  batch->max_seq_length = max_seq_length;
  batch->mask_id = mask_id;
  batch->sequence_count = size.sequence_count;
  batch->token_count = size.token_count;
  batch->attribute_count = size.attribute_count;
  batch->has_negatives = true;
  batch->offsets[0] = 0;
  return S3REC_OK;
}

/* Whether batches of this stage fill a stream. */
static bool has_stream(const s3rec_batch *batch, s3_stream stream) {
  if (stream == S3_STREAM_NEG && !batch->has_negatives) return false;
  return batch->stage == S3REC_STAGE_PRETRAIN || stream == S3_STREAM_INPUT ||
         stream == S3_STREAM_POS || stream == S3_STREAM_NEG;
}

static int32_t largest_id(const int32_t *ids, size_t count, int32_t start) {
  for (size_t i = 0; i < count; i++)
    if (ids[i] > start) start = ids[i];
  return start;
}

void s3_batch_finish(s3rec_batch *batch) {
  batch->max_item_id = -1;
  for (int stream = 0; stream < S3_STREAM_COUNT; stream++)
    if (has_stream(batch, (s3_stream)stream))
      batch->max_item_id = largest_id(batch->ids[stream], batch->token_count, batch->max_item_id);
  batch->max_attribute_id = largest_id(batch->attributes, batch->attribute_count, -1);
  batch->target_count = 0;
  const bool pretrain = batch->stage == S3REC_STAGE_PRETRAIN;
  for (size_t t = 0; t < batch->token_count; t++)
    batch->target_count += pretrain ? batch->ids[S3_STREAM_MASKED_ITEM][t] == batch->mask_id
                                    : batch->ids[S3_STREAM_POS][t] != 0;
}

static const struct {
  s3rec_stage stage;
  s3_stream stream;
  const char *name;
} array_names[] = {
    {S3REC_STAGE_PRETRAIN, S3_STREAM_MASKED_ITEM, "masked_item_sequence"},
    {S3REC_STAGE_PRETRAIN, S3_STREAM_POS, "pos_items"},
    {S3REC_STAGE_PRETRAIN, S3_STREAM_NEG, "neg_items"},
    {S3REC_STAGE_PRETRAIN, S3_STREAM_MASKED_SEGMENT, "masked_segment_sequence"},
    {S3REC_STAGE_PRETRAIN, S3_STREAM_POS_SEGMENT, "pos_segment"},
    {S3REC_STAGE_PRETRAIN, S3_STREAM_NEG_SEGMENT, "neg_segment"},
    {S3REC_STAGE_FINETUNE, S3_STREAM_INPUT, "input_ids"},
    {S3REC_STAGE_FINETUNE, S3_STREAM_POS, "target_pos"},
    {S3REC_STAGE_FINETUNE, S3_STREAM_NEG, "target_neg"},
};

static s3rec_status find_stream(const s3rec_batch *batch, const char *name, s3_stream *stream) {
  for (size_t i = 0; i < sizeof array_names / sizeof *array_names; i++) {
    if (array_names[i].stage != batch->stage || strcmp(array_names[i].name, name) != 0) continue;
    if (!has_stream(batch, array_names[i].stream))
      return s3_fail(S3REC_ERROR_NOT_FOUND, "the batch was set without %s", name);
    *stream = array_names[i].stream;
    return S3REC_OK;
  }
  return s3_fail(S3REC_ERROR_NOT_FOUND, "no array of that name in %s batch",
                 batch->stage == 0                      ? "an empty"
                 : batch->stage == S3REC_STAGE_PRETRAIN ? "a pretraining"
                                                        : "a fine-tuning");
}

s3rec_status s3_batch_read(const s3rec_batch *batch, const char *name, int32_t *ids,
                           size_t capacity) {
  s3_stream stream = S3_STREAM_INPUT;
  S3_TRY(find_stream(batch, name, &stream));
  const size_t length = (size_t)batch->max_seq_length;
  const size_t needed = batch->sequence_count * length;
  if (capacity < needed)
    return s3_fail(S3REC_ERROR_ARGUMENT, "capacity is %zu, %s needs %zu (%zu x %zu)", capacity,
                   name, needed, batch->sequence_count, length);
  for (size_t s = 0; s < batch->sequence_count; s++, ids += length) {
    const size_t begin = batch->offsets[s], count = batch->offsets[s + 1] - begin;
    memset(ids, 0, (length - count) * sizeof *ids);
    if (count > 0) memcpy(ids + length - count, batch->ids[stream] + begin, count * sizeof *ids);
  }
  return S3REC_OK;
}

/* One array [rows, length]. The first array of a batch decides what is padding. */
typedef struct padded_array {
  const char *name;
  const int32_t *ids;
  s3_stream stream;
  int32_t minimum, maximum; /* of ids at real tokens */
} padded_array;

static s3rec_status check_array_sizes(int32_t batch_size, int32_t length,
                                      const padded_array *arrays, size_t array_count) {
  if (batch_size < 1 || batch_size > S3_MAX_BATCH_SIZE)
    return s3_fail(S3REC_ERROR_ARGUMENT, "batch_size is %d, must be 1..%d", batch_size,
                   S3_MAX_BATCH_SIZE);
  if (length < 1 || length > S3_MAX_BATCH_LENGTH)
    return s3_fail(S3REC_ERROR_ARGUMENT, "max_seq_length is %d, must be 1..%d", length,
                   S3_MAX_BATCH_LENGTH);
  for (size_t i = 0; i < array_count; i++)
    if (arrays[i].ids == NULL)
      return s3_fail(S3REC_ERROR_ARGUMENT, "%s must not be NULL", arrays[i].name);
  return S3REC_OK;
}

/* The column of the first item of a row; `length` when all is padding. */
static size_t first_column(const int32_t *row, size_t length) {
  size_t column = 0;
  while (column < length && row[column] == 0) ++column;
  return column;
}

static s3rec_status check_padded_row(const padded_array *array, const padded_array *first,
                                     size_t row, size_t begin, size_t length) {
  const int32_t *ids = array->ids + row * length;
  for (size_t column = 0; column < begin; column++)
    if (ids[column] != 0)
      return s3_fail(S3REC_ERROR_FORMAT, "%s[%zu][%zu] is %d, must be 0: %s is padding there",
                     array->name, row, column, ids[column], first->name);
  for (size_t column = begin; column < length; column++) {
    if (ids[column] >= array->minimum && ids[column] <= array->maximum) continue;
    return s3_fail(S3REC_ERROR_FORMAT, "%s[%zu][%zu] is %d, must be %d..%d%s", array->name, row,
                   column, ids[column], array->minimum, array->maximum,
                   ids[column] == 0 ? " after the row's padding, which is on the left" : "");
  }
  return S3REC_OK;
}

/* Checks all rows of all arrays and counts the real tokens. */
static s3rec_status check_padded_rows(const padded_array *arrays, size_t array_count, size_t rows,
                                      size_t length, size_t *token_count) {
  *token_count = 0;
  for (size_t row = 0; row < rows; row++) {
    const size_t begin = first_column(arrays[0].ids + row * length, length);
    for (size_t i = 0; i < array_count; i++)
      S3_TRY(check_padded_row(&arrays[i], &arrays[0], row, begin, length));
    *token_count += length - begin;
  }
  return S3REC_OK;
}

/* Copies the real tokens into a batch after s3_batch_begin. */
static void copy_padded_rows(s3rec_batch *batch, const padded_array *arrays, size_t array_count) {
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

static size_t count_hot_attributes(const s3rec_pretrain_arrays *arrays) {
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

/* Turns the multi-hot rows of the real tokens into sorted lists. */
static void copy_hot_attributes(s3rec_batch *batch, const s3rec_pretrain_arrays *arrays) {
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
  S3_TRY(check_array_sizes(arrays->batch_size, arrays->max_seq_length, ids, id_arrays));
  if (arrays->attributes == NULL)
    return s3_fail(S3REC_ERROR_ARGUMENT, "attributes must not be NULL");
  if (mask_id < 2 || arrays->attribute_size < 1)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "mask_id is %d and attribute_size %d, must be at least 2 and 1", mask_id,
                   arrays->attribute_size);

  const size_t rows = (size_t)arrays->batch_size, length = (size_t)arrays->max_seq_length;
  s3_batch_size size = {.sequence_count = rows};
  S3_TRY(check_padded_rows(ids, id_arrays, rows, length, &size.token_count));
  for (size_t row = 0; row < rows; row++)
    if (arrays->pos_items[row * length + length - 1] == 0)
      return s3_fail(S3REC_ERROR_FORMAT,
                     "pos_items[%zu][%zu] is 0: the row has no items, at least 1 is needed", row,
                     length - 1);
  size.attribute_count = count_hot_attributes(arrays);
  S3_TRY(s3_batch_begin(batch, S3REC_STAGE_PRETRAIN, arrays->max_seq_length, mask_id, size));
  copy_padded_rows(batch, ids, id_arrays);
  copy_hot_attributes(batch, arrays);
  s3_batch_finish(batch);
  return S3REC_OK;
}

static s3rec_status check_target_negatives(const int32_t *target_pos, const int32_t *target_neg,
                                           size_t rows, size_t length) {
  for (size_t slot = 0; slot < rows * length; slot++)
    if (target_pos[slot] != 0 && target_neg[slot] == 0)
      return s3_fail(S3REC_ERROR_FORMAT,
                     "target_neg[%zu][%zu] is 0, must be 1..%d where target_pos is not 0",
                     slot / length, slot % length, INT32_MAX);
  return S3REC_OK;
}

s3rec_status s3_batch_set_finetune(s3rec_batch *batch, int32_t batch_size, int32_t max_seq_length,
                                   const int32_t *input_ids, const int32_t *target_pos,
                                   const int32_t *target_neg) {
  const padded_array ids[] = {
      {"input_ids", input_ids, S3_STREAM_INPUT, 1, INT32_MAX},
      {"target_pos", target_pos, S3_STREAM_POS, 0, INT32_MAX},
      {"target_neg", target_neg, S3_STREAM_NEG, 0, INT32_MAX},
  };
  const size_t id_arrays = target_neg == NULL ? 2 : 3;
  S3_TRY(check_array_sizes(batch_size, max_seq_length, ids, id_arrays));
  const size_t rows = (size_t)batch_size, length = (size_t)max_seq_length;
  s3_batch_size size = {.sequence_count = rows};
  S3_TRY(check_padded_rows(ids, id_arrays, rows, length, &size.token_count));
  if (target_neg != NULL) S3_TRY(check_target_negatives(target_pos, target_neg, rows, length));
  S3_TRY(s3_batch_begin(batch, S3REC_STAGE_FINETUNE, max_seq_length, 0, size));
  copy_padded_rows(batch, ids, id_arrays);
  batch->has_negatives = target_neg != NULL;
  s3_batch_finish(batch);
  return S3REC_OK;
}
