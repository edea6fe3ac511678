/* SPDX-License-Identifier: Apache-2.0 */
/* Fine-tuning batches: a training sequence against itself one item later, with
 * one negative for each target. */
#include <string.h>

#include "base/error.h"
#include "sampling/sampler.h"

/* `count` inputs and, one item later, as many targets. */
typedef struct successors {
  size_t user;
  const int32_t *inputs;
  size_t count;
} successors;

static successors find_successors(const s3rec_sampler *sampler, uint32_t instance) {
  const s3rec_dataset *dataset = sampler->dataset;
  const size_t user = s3_sampler_find_user(sampler, sampler->first_instance, instance);
  const size_t pairs = s3_sampler_length(sampler, user) - 1;
  const size_t longest = (size_t)sampler->options.max_seq_length;
  const size_t count = pairs < longest ? pairs : longest;
  return (successors){
      user, dataset->sequences.values + dataset->sequences.offsets[user] + (pairs - count),
      count};
}

s3rec_status s3_finetune_fill(s3rec_sampler *sampler, size_t first, size_t count,
                              s3rec_batch *batch) {
  const s3_ragged *sequences = &sampler->dataset->sequences;
  s3_batch_size size = {.sequence_count = count};
  for (size_t s = 0; s < count; s++)
    size.token_count += find_successors(sampler, s3_sampler_instance(sampler, first + s)).count;
  S3_TRY(s3_batch_begin(batch, S3REC_STAGE_FINETUNE, sampler->options.max_seq_length, 0, size));
  size_t token = 0;
  for (size_t s = 0; s < count; s++) {
    const uint32_t instance = s3_sampler_instance(sampler, first + s);
    const successors row = find_successors(sampler, instance);
    s3_random random = s3_sampler_random(sampler, instance);
    const int64_t begin = sequences->offsets[row.user], end = sequences->offsets[row.user + 1];
    s3_item_set_fill(&sampler->set, sequences->values + begin, (size_t)(end - begin));
    const size_t bytes = row.count * sizeof *row.inputs;
    memcpy(batch->ids[S3_STREAM_INPUT] + token, row.inputs, bytes);
    memcpy(batch->ids[S3_STREAM_POS] + token, row.inputs + 1, bytes);
    for (size_t i = 0; i < row.count; i++)
      batch->ids[S3_STREAM_NEG][token + i] =
          s3_sampler_negative(sampler, &random, row.inputs[i + 1]);
    token += row.count;
    batch->offsets[s + 1] = token;
  }
  s3_batch_finish(batch);
  return S3REC_OK;
}
