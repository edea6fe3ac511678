/* SPDX-License-Identifier: Apache-2.0 */
/* A batch keeps real tokens only, no padding. Sequence s is tokens offsets[s] ..
 * offsets[s+1]-1 of every id array. Its last token is in slot L-1 of the padded arrays. */
#ifndef S3_SAMPLING_BATCH_H
#define S3_SAMPLING_BATCH_H

#include "data/dataset.h"
#include "s3rec/batch.h"

/* The id arrays. Pretraining encodes the first four. */
typedef enum s3_stream {
  S3_STREAM_MASKED_ITEM,    /* masked_item_sequence; fine-tuning: input_ids */
  S3_STREAM_MASKED_SEGMENT, /* masked_segment_sequence */
  S3_STREAM_POS_SEGMENT,    /* pos_segment */
  S3_STREAM_NEG_SEGMENT,    /* neg_segment */
  S3_STREAM_POS,            /* pos_items; fine-tuning: target_pos (0 = no target) */
  S3_STREAM_NEG,            /* neg_items; fine-tuning: target_neg */
  S3_STREAM_COUNT,
  S3_STREAM_INPUT = S3_STREAM_MASKED_ITEM
} s3_stream;

enum { S3_ENCODED_STREAMS = 4, S3_MAX_BATCH_SIZE = 65536, S3_MAX_BATCH_LENGTH = 4096 };

struct s3rec_batch {
  s3rec_context *context;
  s3rec_stage stage; /* 0 while empty */
  int32_t max_seq_length;
  int32_t mask_id; /* pretraining: marks masked positions */
  size_t sequence_count, token_count, target_count;
  bool has_negatives;
  int32_t max_item_id, max_attribute_id; /* over all arrays, to check against a model; -1 = none */
  size_t *offsets;                       /* [sequence_count + 1] */
  size_t offsets_capacity;
  int32_t *ids[S3_STREAM_COUNT]; /* [token_count] each */
  size_t ids_capacity[S3_STREAM_COUNT];
  /* Attributes of the item of token t, sorted: attributes[begin[t]..end[t]-1]. */
  size_t *attribute_begin, *attribute_end; /* [token_count] */
  size_t attribute_begin_capacity, attribute_end_capacity;
  int32_t *attributes;
  size_t attributes_capacity, attribute_count;
};

/* The sizes of a batch that is to be filled. */
typedef struct s3_batch_size {
  size_t sequence_count, token_count, attribute_count;
} s3_batch_size;

/* Makes room, then empties the batch and sets stage, length and counts. The caller then fills
 * the arrays and calls s3_batch_finish. Only making room can fail, and the batch then holds
 * what it held before. */
s3rec_status s3_batch_begin(s3rec_batch *batch, s3rec_stage stage, int32_t max_seq_length,
                            int32_t mask_id, s3_batch_size size);
/* Computes target_count and the largest ids from the filled arrays. */
void s3_batch_finish(s3rec_batch *batch);

s3rec_status s3_batch_create(s3rec_context *context, s3rec_batch **batch);
void s3_batch_destroy(s3rec_batch *batch);
s3rec_status s3_batch_set_pretrain(s3rec_batch *batch, const s3rec_pretrain_arrays *arrays);
s3rec_status s3_batch_set_finetune(s3rec_batch *batch, int32_t batch_size, int32_t max_seq_length,
                                   const int32_t *input_ids, const int32_t *target_pos,
                                   const int32_t *target_neg);
s3rec_status s3_batch_read(const s3rec_batch *batch, const char *name, int32_t *ids,
                           size_t capacity);

#endif
