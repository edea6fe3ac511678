/* SPDX-License-Identifier: Apache-2.0 */
/* Which positions of masked_item_sequence an objective looks at. */
#ifndef S3_OBJECTIVES_POSITIONS_H
#define S3_OBJECTIVES_POSITIONS_H

#include "objectives/objective.h"

/* Lists the masked or the unmasked tokens of the shard in scratch->rows, with
 * their items' attributes as labels; returns how many. */
static inline size_t s3_select_positions(const s3_objective_shard *shard, bool masked) {
  s3_objective_scratch *scratch = shard->scratch;
  const s3rec_batch *batch = shard->batch;
  size_t count = 0;
  for (size_t i = 0; i < shard->token_count; i++) {
    const size_t token = shard->first_token + i;
    if ((batch->ids[S3_STREAM_MASKED_ITEM][token] == batch->mask_id) != masked) continue;
    scratch->rows[count] = i;
    scratch->label_begin[count] = batch->attribute_begin[token];
    scratch->label_end[count] = batch->attribute_end[token];
    count++;
  }
  return count;
}

#endif
