/* SPDX-License-Identifier: Apache-2.0 */
/* Input of one inference pass of the encoder: a few sequences, one behind the
 * other, each aligned to the last position. */
#ifndef S3_SCORING_PACK_H
#define S3_SCORING_PACK_H

#include "base/context.h"

enum {
  S3_PACK_SEQUENCES = 64,
  S3_PACK_TOKENS = 4096 /* or one sequence's, if it is longer */
};

typedef struct s3_pack {
  size_t sequence_count;
  size_t offsets[S3_PACK_SEQUENCES + 1];
  int32_t *ids, *slots; /* [offsets[sequence_count]] */
  size_t ids_capacity, slots_capacity;
} s3_pack;

/* Whether a pass should run before `length` more tokens are added. */
static inline bool s3_pack_is_full(const s3_pack *pack, size_t length) {
  return pack->sequence_count == S3_PACK_SEQUENCES ||
         (pack->sequence_count > 0 &&
          pack->offsets[pack->sequence_count] + length > S3_PACK_TOKENS);
}

/* Adds a sequence of `length` tokens, in slots max_seq_length - length and on.
 * The caller fills in *ids [length]. */
s3rec_status s3_pack_add(const s3rec_context *context, s3_pack *pack, size_t length,
                         size_t max_seq_length, int32_t **ids);

void s3_pack_destroy(const s3rec_context *context, s3_pack *pack);
size_t s3_pack_memory(const s3_pack *pack);

#endif
