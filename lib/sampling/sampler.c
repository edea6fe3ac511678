/* SPDX-License-Identifier: Apache-2.0 */
#include "sampling/sampler.h"

#include "base/error.h"
#include "base/number.h"

/* Keeps these draws apart from what others key by the same seed. */
static const uint64_t sampler_key = 0x73616d706c657273;

static size_t user_count(const s3rec_sampler *sampler) {
  return sampler->dataset->sequences.row_count;
}

static bool is_pretrain(const s3rec_sampler *sampler) {
  return sampler->options.stage == S3REC_STAGE_PRETRAIN;
}

static s3rec_status check_options(const s3rec_sampler_options *options) {
  if (options->stage != S3REC_STAGE_PRETRAIN && options->stage != S3REC_STAGE_FINETUNE)
    return s3_fail(S3REC_ERROR_ARGUMENT, "stage is %d, accepted is %d or %d",
                   (int)options->stage, S3REC_STAGE_PRETRAIN, S3REC_STAGE_FINETUNE);
  if (options->batch_size < 1 || options->batch_size > S3_MAX_BATCH_SIZE)
    return s3_fail(S3REC_ERROR_ARGUMENT, "batch_size is %d, accepted is 1..%d",
                   options->batch_size, S3_MAX_BATCH_SIZE);
  if (options->max_seq_length < 1 || options->max_seq_length > S3_MAX_BATCH_LENGTH)
    return s3_fail(S3REC_ERROR_ARGUMENT, "max_seq_length is %d, accepted is 1..%d",
                   options->max_seq_length, S3_MAX_BATCH_LENGTH);
  if (!(options->mask_p >= 0.0 && options->mask_p <= 1.0)) {
    char number[S3_NUMBER_SIZE];
    s3_format_double(options->mask_p, number);
    return s3_fail(S3REC_ERROR_ARGUMENT, "mask_p is %s, accepted is 0..1", number);
  }
  if ((options->shuffle != 0 && options->shuffle != 1) ||
      (options->reference_draws != 0 && options->reference_draws != 1))
    return s3_fail(S3REC_ERROR_ARGUMENT, "shuffle is %d and reference_draws %d, accepted is 0 or 1",
                   options->shuffle, options->reference_draws);
  if (options->held_out_count < 0 || options->held_out_count > 2)
    return s3_fail(S3REC_ERROR_ARGUMENT, "held_out_count is %d, accepted is 0..2",
                   options->held_out_count);
  if (options->reference_draws && options->held_out_count != 2)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "held_out_count is %d, accepted with reference_draws is 2",
                   options->held_out_count);
  return S3REC_OK;
}

/* Pretraining: one instance for each prefix of the last L training items.
 * Fine-tuning: one for each user with an item to predict. */
static uint32_t instances_of(const s3rec_sampler *sampler, size_t user) {
  const size_t length = s3_sampler_length(sampler, user);
  const size_t longest = (size_t)sampler->options.max_seq_length;
  if (!is_pretrain(sampler)) return length >= 2;
  return (uint32_t)(length < longest ? length : longest);
}

static size_t segment_length(const s3rec_sampler *sampler, size_t user) {
  const int64_t *offsets = sampler->dataset->sequences.offsets;
  return sampler->options.reference_draws ? (size_t)(offsets[user + 1] - offsets[user])
                                          : s3_sampler_length(sampler, user);
}

/* Counts that fit 32 bits because the number of interactions does. */
static s3rec_status index_users(s3rec_sampler *sampler) {
  const s3rec_context *context = sampler->dataset->context;
  const size_t users = user_count(sampler);
  sampler->first_instance = s3_allocate(context, users + 1, sizeof(uint32_t));
  if (sampler->first_instance == NULL) return S3REC_ERROR_MEMORY;
  for (size_t user = 0; user < users; user++)
    sampler->first_instance[user + 1] =
        sampler->first_instance[user] + instances_of(sampler, user);
  if (!is_pretrain(sampler)) return S3REC_OK;
  sampler->segment_begin = s3_allocate(context, users + 1, sizeof(uint32_t));
  if (sampler->segment_begin == NULL) return S3REC_ERROR_MEMORY;
  for (size_t user = 0; user < users; user++)
    sampler->segment_begin[user + 1] =
        sampler->segment_begin[user] + (uint32_t)segment_length(sampler, user);
  return S3REC_OK;
}

/* Length of the longest list a set of this sampler will hold. */
static size_t longest_set(const s3rec_sampler *sampler) {
  const int64_t *offsets = sampler->dataset->sequences.offsets;
  if (is_pretrain(sampler)) return (size_t)sampler->options.max_seq_length;
  int64_t longest = 0;
  for (size_t user = 0; user < user_count(sampler); user++)
    if (offsets[user + 1] - offsets[user] > longest) longest = offsets[user + 1] - offsets[user];
  return (size_t)longest;
}

static s3rec_status prepare(s3rec_sampler *sampler) {
  const s3rec_context *context = sampler->dataset->context;
  S3_TRY(index_users(sampler));
  const size_t batch_size = (size_t)sampler->options.batch_size;
  sampler->instance_count = sampler->first_instance[user_count(sampler)];
  sampler->step_count = (sampler->instance_count + batch_size - 1) / batch_size;
  if (sampler->instance_count == 0)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "the dataset holds nothing to train on: no user's training part has %d items",
                   is_pretrain(sampler) ? 1 : 2);
  if (sampler->options.shuffle) {
    sampler->order = s3_allocate(context, sampler->instance_count, sizeof *sampler->order);
    if (sampler->order == NULL) return S3REC_ERROR_MEMORY;
  }
  return s3_item_set_create(context, longest_set(sampler), &sampler->set);
}

s3rec_status s3_sampler_create(s3rec_dataset *dataset, const s3rec_sampler_options *options,
                               s3rec_sampler **sampler) {
  S3_TRY(check_options(options));
  if (dataset->info.interaction_count > UINT32_MAX)
    return s3_fail(S3REC_ERROR_ARGUMENT, "the dataset has %zu interactions, accepted is up to %u",
                   dataset->info.interaction_count, UINT32_MAX);
  s3rec_sampler *made = s3_allocate(dataset->context, 1, sizeof *made);
  if (made == NULL) return S3REC_ERROR_MEMORY;
  made->dataset = s3_dataset_retain(dataset);
  made->options = *options;
  const s3rec_status status = prepare(made);
  if (status == S3REC_OK)
    *sampler = made;
  else
    s3_sampler_destroy(made);
  return status;
}

void s3_sampler_destroy(s3rec_sampler *sampler) {
  s3rec_dataset *dataset = sampler->dataset;
  const s3rec_context *context = dataset->context;
  s3_free(context, sampler->first_instance);
  s3_free(context, sampler->segment_begin);
  s3_free(context, sampler->order);
  s3_free(context, sampler->set.slots);
  s3_free(context, sampler);
  s3_dataset_release(dataset);
}

s3rec_status s3_sampler_seek(s3rec_sampler *sampler, uint64_t epoch, size_t step) {
  if (step >= sampler->step_count)
    return s3_fail(S3REC_ERROR_ARGUMENT, "step is %zu, accepted is 0..%zu", step,
                   sampler->step_count - 1);
  sampler->epoch = epoch;
  sampler->step = step;
  return S3REC_OK;
}

static uint64_t epoch_key(const s3rec_sampler *sampler) {
  const uint64_t stage_key =
      s3_key(sampler->options.seed, sampler_key + (uint64_t)sampler->options.stage);
  return s3_key(stage_key, sampler->epoch);
}

s3_random s3_sampler_random(const s3rec_sampler *sampler, uint32_t instance) {
  return s3_random_make(s3_key(epoch_key(sampler), instance));
}

/* Fisher-Yates under a key of its own: no instance has this number. */
static void shuffle(s3rec_sampler *sampler) {
  uint32_t *order = sampler->order;
  const uint32_t count = (uint32_t)sampler->instance_count;
  s3_random random = s3_random_make(s3_key(epoch_key(sampler), UINT64_MAX));
  for (uint32_t i = 0; i < count; i++) order[i] = i;
  for (uint32_t left = count; left > 1; left--) {
    const uint32_t chosen = s3_random_below(&random, left);
    const uint32_t moved = order[left - 1];
    order[left - 1] = order[chosen];
    order[chosen] = moved;
  }
  sampler->order_epoch = sampler->epoch;
  sampler->order_valid = true;
}

uint32_t s3_sampler_instance(const s3rec_sampler *sampler, size_t place) {
  return sampler->order != NULL ? sampler->order[place] : (uint32_t)place;
}

size_t s3_sampler_find_user(const s3rec_sampler *sampler, const uint32_t *begin,
                            uint32_t index) {
  size_t low = 0, high = user_count(sampler); /* begin[low] <= index < begin[high] */
  while (low + 1 < high) {
    const size_t middle = low + (high - low) / 2;
    if (begin[middle] <= index)
      low = middle;
    else
      high = middle;
  }
  return low;
}

int32_t s3_sampler_negative(const s3rec_sampler *sampler, s3_random *random, int32_t target) {
  enum { TRIES = 64 };
  const int32_t above = sampler->options.reference_draws ? 1 : 2;
  const uint32_t largest = (uint32_t)(sampler->dataset->info.item_size - above);
  const uint32_t left = largest - (uint32_t)sampler->set.count;
  if (left == 0) {
    if (largest == 1) return target;
    const int32_t other = (int32_t)(1 + s3_random_below(random, largest - 1));
    return other < target ? other : other + 1;
  }
  for (int i = 0; i < TRIES; i++) {
    const int32_t item = (int32_t)(1 + s3_random_below(random, largest));
    if (!s3_item_set_has(&sampler->set, item)) return item;
  }
  /* Nearly everything is taken: pick by rank among what is left, which is as
   * uniform as the tries were. */
  uint32_t rank = s3_random_below(random, left);
  int32_t item = 1;
  while (s3_item_set_has(&sampler->set, item) || rank-- > 0) ++item;
  return item;
}

s3rec_status s3_sampler_next(s3rec_sampler *sampler, s3rec_batch *batch) {
  const size_t batch_size = (size_t)sampler->options.batch_size;
  const size_t first = sampler->step * batch_size;
  const size_t left = sampler->instance_count - first;
  const size_t count = left < batch_size ? left : batch_size;
  if (sampler->order != NULL && !(sampler->order_valid && sampler->order_epoch == sampler->epoch))
    shuffle(sampler);
  S3_TRY(is_pretrain(sampler) ? s3_pretrain_fill(sampler, first, count, batch)
                              : s3_finetune_fill(sampler, first, count, batch));
  if (++sampler->step == sampler->step_count) {
    sampler->step = 0;
    ++sampler->epoch;
  }
  return S3REC_OK;
}
