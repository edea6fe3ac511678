/* SPDX-License-Identifier: Apache-2.0 */
/* From top to bottom: the set of items that are no negatives; instances; draws; the two kinds of
 * batch; life of a sampler.
 *
 * Pretraining: an instance is a prefix of the last L training items of a user, with masked
 * items and their negatives, and three segment sequences. Fine-tuning: an instance is a user,
 * whose training items are set against themselves one item later, with one negative for each
 * target. */
#include "sampling/sampler.h"

#include <string.h>

#include "base/error.h"
#include "base/keyed_hash.h"
#include "base/number.h"
#include "base/random.h"

/* Keeps these draws apart from other draws under the same seed. */
static const uint64_t sampler_key = 0x73616d706c657273;

/* The number of slots for `length` items: at most half of them are used. */
static size_t slot_count_for(size_t length) {
  size_t slots = 4;
  while (slots < 2 * length) slots *= 2;
  return slots;
}

/* Makes room for sequences of up to `length` items. */
static s3rec_status create_item_set(const s3rec_context *context, size_t length, s3_item_set *set) {
  int32_t *slots = s3_allocate(context, slot_count_for(length), sizeof *slots);
  if (slots == NULL) return S3REC_ERROR_MEMORY;
  *set = (s3_item_set){.slots = slots, .key = s3_hash_key_make().words[0]};
  return S3REC_OK;
}

static size_t find_item_slot(const s3_item_set *set, int32_t item) {
  size_t slot = (size_t)s3_mix64(set->key + (uint64_t)item) & set->mask;
  while (set->slots[slot] != 0 && set->slots[slot] != item) slot = (slot + 1) & set->mask;
  return slot;
}

static bool has_item(const s3_item_set *set, int32_t item) {
  return set->slots[find_item_slot(set, item)] == item;
}

static void fill_item_set(s3_item_set *set, const int32_t *items, size_t count) {
  const size_t slots = slot_count_for(count);
  memset(set->slots, 0, slots * sizeof *set->slots);
  set->mask = slots - 1;
  set->count = 0;
  for (size_t i = 0; i < count; i++) {
    const size_t slot = find_item_slot(set, items[i]);
    set->count += set->slots[slot] == 0;
    set->slots[slot] = items[i];
  }
}

static size_t user_count(const s3rec_sampler *sampler) {
  return sampler->dataset->sequences.row_count;
}

static bool is_pretrain(const s3rec_sampler *sampler) {
  return sampler->options.stage == S3REC_STAGE_PRETRAIN;
}

/* Number of items of a user that this sampler trains on. */
static size_t training_length(const s3rec_sampler *sampler, size_t user) {
  const s3rec_sampler_options *o = &sampler->options;
  return s3_training_length(sampler->dataset, user, (size_t)o->held_out_count, o->reference_draws);
}

static uint64_t epoch_key(const s3rec_sampler *sampler) {
  const uint64_t stage_key =
      s3_key(sampler->options.seed, sampler_key + (uint64_t)sampler->options.stage);
  return s3_key(stage_key, sampler->epoch);
}

/* The random stream of an instance of the current epoch. */
static s3_random instance_random(const s3rec_sampler *sampler, uint32_t instance) {
  return s3_random_make(s3_key(epoch_key(sampler), instance));
}

/* Fisher-Yates with a key of its own: no instance has the number UINT64_MAX. */
static void shuffle_instances(s3rec_sampler *sampler) {
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

/* The instance at a place of the order of the current epoch. */
static uint32_t instance_at(const s3rec_sampler *sampler, size_t place) {
  return sampler->order != NULL ? sampler->order[place] : (uint32_t)place;
}

/* The user u with begin[u] <= index < begin[u+1]; begin is first_instance or segment_begin. */
static size_t find_user(const s3rec_sampler *sampler, const uint32_t *begin, uint32_t index) {
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

/* Draws an item outside sampler->set, uniformly. When none is left, any item but `target`; when
 * there is no other, `target`. */
static int32_t draw_negative(const s3rec_sampler *sampler, s3_random *random, int32_t target) {
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
    if (!has_item(&sampler->set, item)) return item;
  }
  /* Nearly all items are taken: pick one of those that are left by its rank. This is as uniform
   * as the tries are. */
  uint32_t rank = s3_random_below(random, left);
  int32_t item = 1;
  while (has_item(&sampler->set, item) || rank-- > 0) ++item;
  return item;
}

/* The items of an instance of pretraining. */
typedef struct prefix {
  const int32_t *items;
  size_t count;
} prefix;

static prefix find_prefix(const s3rec_sampler *sampler, uint32_t instance) {
  const s3rec_dataset *dataset = sampler->dataset;
  const size_t user = find_user(sampler, sampler->first_instance, instance);
  const size_t prefixes = sampler->first_instance[user + 1] - sampler->first_instance[user];
  const size_t skipped = training_length(sampler, user) - prefixes; /* items before the last L */
  return (prefix){dataset->sequences.values + dataset->sequences.offsets[user] + skipped,
                  instance - sampler->first_instance[user] + 1};
}

static s3_batch_size measure_pretrain_batch(const s3rec_sampler *sampler, size_t first,
                                            size_t count) {
  s3_batch_size size = {.sequence_count = count};
  for (size_t s = 0; s < count; s++) {
    const prefix p = find_prefix(sampler, instance_at(sampler, first + s));
    size.token_count += p.count;
    for (size_t i = 0; i < p.count; i++) {
      size_t attributes;
      s3_dataset_attributes(sampler->dataset, p.items[i], &attributes);
      size.attribute_count += attributes;
    }
  }
  return size;
}

static void mask_items(const s3rec_sampler *sampler, prefix p, s3_random *random,
                       s3rec_batch *batch, size_t token) {
  int32_t *masked = batch->ids[S3_STREAM_MASKED_ITEM] + token;
  int32_t *negatives = batch->ids[S3_STREAM_NEG] + token;
  for (size_t i = 0; i < p.count; i++) {
    const bool mask = i + 1 == p.count || s3_random_uniform(random) < sampler->options.mask_p;
    masked[i] = mask ? batch->mask_id : p.items[i];
    negatives[i] = mask ? draw_negative(sampler, random, p.items[i]) : p.items[i];
  }
  memcpy(batch->ids[S3_STREAM_POS] + token, p.items, p.count * sizeof *p.items);
}

/* Copies `count` items from a place in the concatenation of the items of all users. */
static void copy_concatenated(const s3rec_sampler *sampler, uint32_t place, size_t count,
                              int32_t *dst) {
  const s3_ragged *sequences = &sampler->dataset->sequences;
  const uint32_t *begin = sampler->segment_begin;
  for (size_t user = find_user(sampler, begin, place); count > 0; user++) {
    const size_t left = begin[user + 1] - place;
    const size_t taken = left < count ? left : count;
    memcpy(dst, sequences->values + sequences->offsets[user] + (place - begin[user]),
           taken * sizeof *dst);
    dst += taken;
    place += (uint32_t)taken;
    count -= taken;
  }
}

/* Cuts the three segment sequences. The concatenation has the prefix in it, so it is never too
 * short. */
static void cut_segment(const s3rec_sampler *sampler, prefix p, s3_random *random,
                        s3rec_batch *batch, size_t token) {
  int32_t *masked = batch->ids[S3_STREAM_MASKED_SEGMENT] + token;
  int32_t *positive = batch->ids[S3_STREAM_POS_SEGMENT] + token;
  int32_t *negative = batch->ids[S3_STREAM_NEG_SEGMENT] + token;
  const uint32_t count = (uint32_t)p.count;
  memcpy(masked, p.items, count * sizeof *p.items);
  if (count < 2) {
    *positive = *negative = *p.items;
    return;
  }
  const uint32_t total = sampler->segment_begin[sampler->dataset->sequences.row_count];
  const uint32_t length = 1 + s3_random_below(random, count / 2);
  const uint32_t start = s3_random_below(random, count - length + 1);
  const uint32_t place = s3_random_below(random, total - length + 1);
  for (uint32_t i = 0; i < count; i++) {
    const bool inside = i >= start && i < start + length;
    if (inside) masked[i] = batch->mask_id;
    positive[i] = inside ? p.items[i] : batch->mask_id;
    negative[i] = batch->mask_id;
  }
  copy_concatenated(sampler, place, length, negative + start);
}

/* Returns how many attributes of the batch are used after this sequence. */
static size_t attach_attributes(const s3rec_dataset *dataset, prefix p, s3rec_batch *batch,
                                size_t token, size_t used) {
  for (size_t i = 0; i < p.count; i++) {
    size_t count;
    const int32_t *attributes = s3_dataset_attributes(dataset, p.items[i], &count);
    batch->attribute_begin[token + i] = used;
    if (count > 0) memcpy(batch->attributes + used, attributes, count * sizeof *attributes);
    batch->attribute_end[token + i] = used += count;
  }
  return used;
}

/* Fills the batch with the instances at places first .. first+count-1. */
static s3rec_status fill_pretrain_batch(s3rec_sampler *sampler, size_t first, size_t count,
                                        s3rec_batch *batch) {
  const s3rec_dataset *dataset = sampler->dataset;
  S3_TRY(s3_batch_begin(batch, S3REC_STAGE_PRETRAIN, sampler->options.max_seq_length,
                        dataset->info.item_size - 1,
                        measure_pretrain_batch(sampler, first, count)));
  size_t token = 0, attributes = 0;
  for (size_t s = 0; s < count; s++) {
    const uint32_t instance = instance_at(sampler, first + s);
    const prefix p = find_prefix(sampler, instance);
    s3_random random = instance_random(sampler, instance);
    fill_item_set(&sampler->set, p.items, p.count);
    mask_items(sampler, p, &random, batch, token);
    cut_segment(sampler, p, &random, batch, token);
    attributes = attach_attributes(dataset, p, batch, token, attributes);
    token += p.count;
    batch->offsets[s + 1] = token;
  }
  s3_batch_finish(batch);
  return S3REC_OK;
}

/* An instance of fine-tuning: `count` inputs and, one item later, as many targets. */
typedef struct successors {
  size_t user;
  const int32_t *inputs;
  size_t count;
} successors;

static successors find_successors(const s3rec_sampler *sampler, uint32_t instance) {
  const s3rec_dataset *dataset = sampler->dataset;
  const size_t user = find_user(sampler, sampler->first_instance, instance);
  const size_t pairs = training_length(sampler, user) - 1;
  const size_t longest = (size_t)sampler->options.max_seq_length;
  const size_t count = pairs < longest ? pairs : longest;
  return (successors){
      user, dataset->sequences.values + dataset->sequences.offsets[user] + (pairs - count), count};
}

/* Fills the batch with the instances at places first .. first+count-1. */
static s3rec_status fill_finetune_batch(s3rec_sampler *sampler, size_t first, size_t count,
                                        s3rec_batch *batch) {
  const s3_ragged *sequences = &sampler->dataset->sequences;
  s3_batch_size size = {.sequence_count = count};
  for (size_t s = 0; s < count; s++)
    size.token_count += find_successors(sampler, instance_at(sampler, first + s)).count;
  S3_TRY(s3_batch_begin(batch, S3REC_STAGE_FINETUNE, sampler->options.max_seq_length, 0, size));
  size_t token = 0;
  for (size_t s = 0; s < count; s++) {
    const uint32_t instance = instance_at(sampler, first + s);
    const successors row = find_successors(sampler, instance);
    s3_random random = instance_random(sampler, instance);
    const int64_t begin = sequences->offsets[row.user], end = sequences->offsets[row.user + 1];
    fill_item_set(&sampler->set, sequences->values + begin, (size_t)(end - begin));
    const size_t bytes = row.count * sizeof *row.inputs;
    memcpy(batch->ids[S3_STREAM_INPUT] + token, row.inputs, bytes);
    memcpy(batch->ids[S3_STREAM_POS] + token, row.inputs + 1, bytes);
    for (size_t i = 0; i < row.count; i++)
      batch->ids[S3_STREAM_NEG][token + i] = draw_negative(sampler, &random, row.inputs[i + 1]);
    token += row.count;
    batch->offsets[s + 1] = token;
  }
  s3_batch_finish(batch);
  return S3REC_OK;
}

s3rec_status s3_sampler_options_check(const s3rec_sampler_options *options) {
  if (options->stage != S3REC_STAGE_PRETRAIN && options->stage != S3REC_STAGE_FINETUNE)
    return s3_fail(S3REC_ERROR_ARGUMENT, "stage is %d, must be %d or %d", (int)options->stage,
                   S3REC_STAGE_PRETRAIN, S3REC_STAGE_FINETUNE);
  if (options->batch_size < 1 || options->batch_size > S3_MAX_BATCH_SIZE)
    return s3_fail(S3REC_ERROR_ARGUMENT, "batch_size is %d, must be 1..%d", options->batch_size,
                   S3_MAX_BATCH_SIZE);
  if (options->max_seq_length < 1 || options->max_seq_length > S3_MAX_BATCH_LENGTH)
    return s3_fail(S3REC_ERROR_ARGUMENT, "max_seq_length is %d, must be 1..%d",
                   options->max_seq_length, S3_MAX_BATCH_LENGTH);
  if (!(options->mask_p >= 0.0 && options->mask_p <= 1.0)) {
    char number[S3_NUMBER_SIZE];
    s3_format_double(options->mask_p, number);
    return s3_fail(S3REC_ERROR_ARGUMENT, "mask_p is %s, must be 0..1", number);
  }
  if ((options->shuffle != 0 && options->shuffle != 1) ||
      (options->reference_draws != 0 && options->reference_draws != 1))
    return s3_fail(S3REC_ERROR_ARGUMENT, "shuffle is %d and reference_draws %d, must be 0 or 1",
                   options->shuffle, options->reference_draws);
  if (options->held_out_count < 0 || options->held_out_count > 2)
    return s3_fail(S3REC_ERROR_ARGUMENT, "held_out_count is %d, must be 0..2",
                   options->held_out_count);
  if (options->reference_draws && options->held_out_count != 2)
    return s3_fail(S3REC_ERROR_ARGUMENT, "held_out_count is %d, must be 2 with reference_draws",
                   options->held_out_count);
  return S3REC_OK;
}

/* Pretraining: one instance for each prefix of the last L training items.
 * Fine-tuning: one for each user with an item to predict. */
static uint32_t instances_of(const s3rec_sampler *sampler, size_t user) {
  const size_t length = training_length(sampler, user);
  const size_t longest = (size_t)sampler->options.max_seq_length;
  if (!is_pretrain(sampler)) return length >= 2;
  return (uint32_t)(length < longest ? length : longest);
}

static size_t segment_length(const s3rec_sampler *sampler, size_t user) {
  const int64_t *offsets = sampler->dataset->sequences.offsets;
  return sampler->options.reference_draws ? (size_t)(offsets[user + 1] - offsets[user])
                                          : training_length(sampler, user);
}

/* All counts fit 32 bits because the number of interactions does. */
static s3rec_status index_users(s3rec_sampler *sampler) {
  const s3rec_context *context = sampler->dataset->context;
  const size_t users = user_count(sampler);
  sampler->first_instance = s3_allocate(context, users + 1, sizeof(uint32_t));
  if (sampler->first_instance == NULL) return S3REC_ERROR_MEMORY;
  for (size_t user = 0; user < users; user++)
    sampler->first_instance[user + 1] = sampler->first_instance[user] + instances_of(sampler, user);
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

static s3rec_status prepare_sampler(s3rec_sampler *sampler) {
  const s3rec_context *context = sampler->dataset->context;
  S3_TRY(index_users(sampler));
  const size_t batch_size = (size_t)sampler->options.batch_size;
  sampler->instance_count = sampler->first_instance[user_count(sampler)];
  sampler->step_count = (sampler->instance_count + batch_size - 1) / batch_size;
  if (sampler->instance_count == 0)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "the dataset has nothing to train on: no user's training part has %d items",
                   is_pretrain(sampler) ? 1 : 2);
  if (sampler->options.shuffle) {
    sampler->order = s3_allocate(context, sampler->instance_count, sizeof *sampler->order);
    if (sampler->order == NULL) return S3REC_ERROR_MEMORY;
  }
  return create_item_set(context, longest_set(sampler), &sampler->set);
}

s3rec_status s3_sampler_create(s3rec_dataset *dataset, const s3rec_sampler_options *options,
                               s3rec_sampler **sampler) {
  S3_TRY(s3_sampler_options_check(options));
  if (dataset->info.interaction_count > UINT32_MAX)
    return s3_fail(S3REC_ERROR_ARGUMENT, "the dataset has %zu interactions, must have at most %u",
                   dataset->info.interaction_count, UINT32_MAX);
  s3rec_sampler *made = s3_allocate(dataset->context, 1, sizeof *made);
  if (made == NULL) return S3REC_ERROR_MEMORY;
  made->dataset = s3_dataset_retain(dataset);
  made->options = *options;
  const s3rec_status status = prepare_sampler(made);
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
    return s3_fail(S3REC_ERROR_ARGUMENT, "step is %zu, must be 0..%zu", step,
                   sampler->step_count - 1);
  sampler->epoch = epoch;
  sampler->step = step;
  return S3REC_OK;
}

s3rec_status s3_sampler_next(s3rec_sampler *sampler, s3rec_batch *batch) {
  const size_t batch_size = (size_t)sampler->options.batch_size;
  const size_t first = sampler->step * batch_size;
  const size_t left = sampler->instance_count - first;
  const size_t count = left < batch_size ? left : batch_size;
  if (sampler->order != NULL && !(sampler->order_valid && sampler->order_epoch == sampler->epoch))
    shuffle_instances(sampler);
  S3_TRY(is_pretrain(sampler) ? fill_pretrain_batch(sampler, first, count, batch)
                              : fill_finetune_batch(sampler, first, count, batch));
  if (++sampler->step == sampler->step_count) {
    sampler->step = 0;
    ++sampler->epoch;
  }
  return S3REC_OK;
}
