/* SPDX-License-Identifier: Apache-2.0 */
#include "scoring/pack.h"

#include "base/error.h"

s3rec_status s3_pack_add(const s3rec_context *context, s3_pack *pack, size_t length,
                         size_t max_seq_length, int32_t **ids) {
  const size_t begin = pack->offsets[pack->sequence_count];
  const size_t end = begin + length;
  S3_TRY(s3_grow(context, (void **)&pack->ids, &pack->ids_capacity, end, sizeof *pack->ids));
  S3_TRY(s3_grow(context, (void **)&pack->slots, &pack->slots_capacity, end,
                 sizeof *pack->slots));
  for (size_t t = 0; t < length; t++) {
    pack->slots[begin + t] = (int32_t)(max_seq_length - length + t);
  }
  pack->offsets[++pack->sequence_count] = end;
  *ids = pack->ids + begin;
  return S3REC_OK;
}

void s3_pack_destroy(const s3rec_context *context, s3_pack *pack) {
  s3_free(context, pack->ids);
  s3_free(context, pack->slots);
  *pack = (s3_pack){0};
}

size_t s3_pack_memory(const s3_pack *pack) {
  return pack->ids_capacity * sizeof *pack->ids + pack->slots_capacity * sizeof *pack->slots;
}
