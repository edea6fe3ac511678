/* SPDX-License-Identifier: Apache-2.0 */
/* Draws the batches of an epoch. An instance is a prefix of the training items of a user
 * (pretraining) or a user (fine-tuning). Instances are numbered in the order of the data.
 * Everything random about an instance comes from a stream of its own, whose key is (seed,
 * stage, epoch, instance). */
#ifndef S3_SAMPLING_SAMPLER_H
#define S3_SAMPLING_SAMPLER_H

#include "sampling/batch.h"

/* A small set of item ids (>= 1), filled anew for every sequence: open addressing, at most
 * half full, cleared only as far as the sequence needs. */
typedef struct s3_item_set {
  int32_t *slots; /* 0 = free */
  size_t mask;    /* slots in use - 1; a power of two less one */
  size_t count;   /* distinct items */
  uint64_t key;   /* secret, so that no data can choose items that meet in one slot */
} s3_item_set;

struct s3rec_sampler {
  s3rec_dataset *dataset;
  s3rec_sampler_options options;
  uint64_t epoch; /* where the next batch comes from */
  size_t step;
  size_t instance_count, step_count; /* of one epoch */
  /* User u's instances are first_instance[u] .. first_instance[u+1]-1. */
  uint32_t *first_instance; /* [users + 1] */
  /* Where user u begins in the concatenation of all users, from which pretraining cuts its
   * negative segments. */
  uint32_t *segment_begin; /* [users + 1] */
  uint32_t *order;         /* [instance_count], of epoch order_epoch; NULL in data order */
  uint64_t order_epoch;
  bool order_valid;
  s3_item_set set; /* scratch: the items that are no negatives */
};

/* ARGUMENT, naming the field, for one that is out of its range. */
s3rec_status s3_sampler_options_check(const s3rec_sampler_options *options);
s3rec_status s3_sampler_create(s3rec_dataset *dataset, const s3rec_sampler_options *options,
                               s3rec_sampler **sampler);
void s3_sampler_destroy(s3rec_sampler *sampler);
s3rec_status s3_sampler_next(s3rec_sampler *sampler, s3rec_batch *batch);
/* Sets the position; ARGUMENT unless step is below step_count. */
s3rec_status s3_sampler_seek(s3rec_sampler *sampler, uint64_t epoch, size_t step);

#endif
