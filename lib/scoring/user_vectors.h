/* SPDX-License-Identifier: Apache-2.0 */
/* Histories in, user vectors out: the last token's hidden state of each. Or rows of ids
 * in, all their hidden states out (s3rec_encode). */
#ifndef S3_SCORING_USER_VECTORS_H
#define S3_SCORING_USER_VECTORS_H

#include "encoder/encoder.h"
#include "model/model.h"

enum {
  /* Users scored together; their vectors are padded with rows of zeros to a multiple of
   * S3_USER_STEP, which keeps loops over users free of remainders. */
  S3_USER_GROUP = 64,
  S3_USER_STEP = 16,
  /* Most sequences and tokens of one pass of the encoder; a longer sequence has a pass of
   * its own. */
  S3_PACK_SEQUENCES = 64,
  S3_PACK_TOKENS = 4096
};

/* Input of one pass of the encoder: a few sequences, one after the other, each aligned
 * to the last position. */
typedef struct s3_pack {
  size_t sequence_count;
  size_t offsets[S3_PACK_SEQUENCES + 1];
  int32_t *ids, *slots; /* [offsets[sequence_count]] */
  size_t ids_capacity, slots_capacity;
} s3_pack;

typedef struct s3_user_vectors {
  const s3rec_model *model; /* the owner keeps it alive and read-only */
  s3_encoder *encoder;
  s3_pack pack;   /* users that wait for the next pass */
  size_t count;   /* vectors that are complete */
  float *vectors; /* [S3_USER_GROUP, H], in the order the users were added */
  float *hidden;  /* what s3_encode_rows made */
  size_t hidden_capacity;
} s3_user_vectors;

s3rec_status s3_user_vectors_create(s3rec_model *model, s3_user_vectors *users);
/* All zeros is fine. */
void s3_user_vectors_destroy(s3_user_vectors *users);
size_t s3_user_vectors_memory(const s3_user_vectors *users);

/* Whether `id` is an item of the model, not its padding or mask row. */
static inline bool s3_item_known(const s3rec_model *model, int32_t id) {
  return id >= 1 && id <= model->config.item_size - 2;
}

/* Between begin and finish the caller adds at most S3_USER_GROUP users. */
void s3_user_vectors_begin(s3_user_vectors *users);

/* Unknown ids are removed first, then the last max_seq_length kept. A history
 * with nothing left is not added. */
s3rec_status s3_user_vectors_add(s3_user_vectors *users, const int32_t *history, size_t count,
                                 bool *added);

/* Completes vectors [count, H] and zeroes the rows up to the next multiple of
 * S3_USER_STEP. */
s3rec_status s3_user_vectors_finish(s3_user_vectors *users);

static inline size_t s3_user_vectors_padded(size_t count) {
  return (count + S3_USER_STEP - 1) / S3_USER_STEP * S3_USER_STEP;
}

/* Hidden states of all positions of ids [count, length], padding (0) on the left:
 * hidden [count, length, H], zeros at padding, untouched on failure. FORMAT, naming row
 * and column, for an id that is not in 0..item_size-1 and for padding after an item. */
s3rec_status s3_encode_rows(s3_user_vectors *users, bool causal, const int32_t *ids, size_t count,
                            size_t length, float *hidden);

#endif
