/* SPDX-License-Identifier: Apache-2.0 */
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

/* Growing keeps what is there, so a failure on the way changes nothing. */
static s3rec_status make_room(s3rec_batch *batch, s3_batch_size size) {
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
  S3_TRY(make_room(batch, size));
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

static int32_t largest(const int32_t *ids, size_t count, int32_t start) {
  for (size_t i = 0; i < count; i++)
    if (ids[i] > start) start = ids[i];
  return start;
}

void s3_batch_finish(s3rec_batch *batch) {
  batch->max_item_id = -1;
  for (int stream = 0; stream < S3_STREAM_COUNT; stream++)
    if (has_stream(batch, (s3_stream)stream))
      batch->max_item_id = largest(batch->ids[stream], batch->token_count, batch->max_item_id);
  batch->max_attribute_id = largest(batch->attributes, batch->attribute_count, -1);
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
    if (count > 0)
      memcpy(ids + length - count, batch->ids[stream] + begin, count * sizeof *ids);
  }
  return S3REC_OK;
}
