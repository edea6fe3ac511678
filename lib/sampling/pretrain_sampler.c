/* SPDX-License-Identifier: Apache-2.0 */
/* Pretraining batches: a prefix of the last L training items with masked items
 * and their negatives, and three segment sequences. */
#include <string.h>

#include "base/error.h"
#include "sampling/sampler.h"

/* The items of an instance. */
typedef struct prefix {
  const int32_t *items;
  size_t count;
} prefix;

static prefix find_prefix(const s3rec_sampler *sampler, uint32_t instance) {
  const s3rec_dataset *dataset = sampler->dataset;
  const size_t user = s3_sampler_find_user(sampler, sampler->first_instance, instance);
  const size_t prefixes = sampler->first_instance[user + 1] - sampler->first_instance[user];
  const size_t skipped = s3_sampler_length(sampler, user) - prefixes; /* items before the last L */
  return (prefix){dataset->sequences.values + dataset->sequences.offsets[user] + skipped,
                  instance - sampler->first_instance[user] + 1};
}

static s3_batch_size measure(const s3rec_sampler *sampler, size_t first, size_t count) {
  s3_batch_size size = {.sequence_count = count};
  for (size_t s = 0; s < count; s++) {
    const prefix p = find_prefix(sampler, s3_sampler_instance(sampler, first + s));
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
    const bool mask =
        i + 1 == p.count || s3_random_uniform(random) < sampler->options.mask_p;
    masked[i] = mask ? batch->mask_id : p.items[i];
    negatives[i] = mask ? s3_sampler_negative(sampler, random, p.items[i]) : p.items[i];
  }
  memcpy(batch->ids[S3_STREAM_POS] + token, p.items, p.count * sizeof *p.items);
}

/* Copies `count` items from a place of all users' items in a row. */
static void copy_concatenated(const s3rec_sampler *sampler, uint32_t place, size_t count,
                              int32_t *dst) {
  const s3_ragged *sequences = &sampler->dataset->sequences;
  const uint32_t *begin = sampler->segment_begin;
  for (size_t user = s3_sampler_find_user(sampler, begin, place); count > 0; user++) {
    const size_t left = begin[user + 1] - place;
    const size_t taken = left < count ? left : count;
    memcpy(dst, sequences->values + sequences->offsets[user] + (place - begin[user]),
           taken * sizeof *dst);
    dst += taken;
    place += (uint32_t)taken;
    count -= taken;
  }
}

/* The concatenation holds the prefix itself, so it is never too short. */
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

/* Returns the number of attributes used after this sequence. */
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

s3rec_status s3_pretrain_fill(s3rec_sampler *sampler, size_t first, size_t count,
                              s3rec_batch *batch) {
  const s3rec_dataset *dataset = sampler->dataset;
  S3_TRY(s3_batch_begin(batch, S3REC_STAGE_PRETRAIN, sampler->options.max_seq_length,
                        dataset->info.item_size - 1, measure(sampler, first, count)));
  size_t token = 0, attributes = 0;
  for (size_t s = 0; s < count; s++) {
    const uint32_t instance = s3_sampler_instance(sampler, first + s);
    const prefix p = find_prefix(sampler, instance);
    s3_random random = s3_sampler_random(sampler, instance);
    s3_item_set_fill(&sampler->set, p.items, p.count);
    mask_items(sampler, p, &random, batch, token);
    cut_segment(sampler, p, &random, batch, token);
    attributes = attach_attributes(dataset, p, batch, token, attributes);
    token += p.count;
    batch->offsets[s + 1] = token;
  }
  s3_batch_finish(batch);
  return S3REC_OK;
}
