/* SPDX-License-Identifier: Apache-2.0 */
/* Draws the batches of an epoch. An instance is a prefix of a user's training
 * items (pretraining) or a user (fine-tuning); instances are numbered in the
 * order of the data, and all that is random about one is drawn from a stream
 * keyed by (seed, stage, epoch, instance). */
#ifndef S3_SAMPLING_SAMPLER_H
#define S3_SAMPLING_SAMPLER_H

#include "sampling/batch.h"
#include "sampling/item_set.h"

struct s3rec_sampler {
  s3rec_dataset *dataset;
  s3rec_sampler_options options;
  uint64_t epoch; /* where the next batch comes from */
  size_t step;
  size_t instance_count, step_count; /* of one epoch */
  /* User u's instances are first_instance[u] .. first_instance[u+1]-1. */
  uint32_t *first_instance; /* [users + 1] */
  /* Where user u starts in the concatenation that negative segments are cut
   * from; only for pretraining. */
  uint32_t *segment_begin; /* [users + 1] */
  uint32_t *order;         /* [instance_count], of epoch order_epoch; NULL in data order */
  uint64_t order_epoch;
  bool order_valid;
  s3_item_set set; /* scratch: the items that are no negatives */
};

s3rec_status s3_sampler_create(s3rec_dataset *dataset, const s3rec_sampler_options *options,
                               s3rec_sampler **sampler);
void s3_sampler_destroy(s3rec_sampler *sampler);
s3rec_status s3_sampler_next(s3rec_sampler *sampler, s3rec_batch *batch);
/* Sets the position; ARGUMENT unless step is below step_count. */
s3rec_status s3_sampler_seek(s3rec_sampler *sampler, uint64_t epoch, size_t step);

/* For the two stages' own files. */

/* The instance at a place of the current epoch's order. */
uint32_t s3_sampler_instance(const s3rec_sampler *sampler, size_t place);
/* The user u with begin[u] <= index < begin[u+1]; begin is first_instance or
 * segment_begin. */
size_t s3_sampler_find_user(const s3rec_sampler *sampler, const uint32_t *begin, uint32_t index);
/* Items of a user that this sampler trains on. */
static inline size_t s3_sampler_length(const s3rec_sampler *sampler, size_t user) {
  const s3rec_sampler_options *o = &sampler->options;
  return s3_training_length(sampler->dataset, user, (size_t)o->held_out_count,
                            o->reference_draws);
}
/* The random stream of an instance of the current epoch. */
s3_random s3_sampler_random(const s3rec_sampler *sampler, uint32_t instance);
/* An item outside sampler->set, uniform. When none is left, any item but
 * `target`; when there is no other, `target`. */
int32_t s3_sampler_negative(const s3rec_sampler *sampler, s3_random *random, int32_t target);

/* Fill the batch with the instances at places first .. first+count-1. */
s3rec_status s3_pretrain_fill(s3rec_sampler *sampler, size_t first, size_t count,
                              s3rec_batch *batch);
s3rec_status s3_finetune_fill(s3rec_sampler *sampler, size_t first, size_t count,
                              s3rec_batch *batch);

#endif
