/* SPDX-License-Identifier: Apache-2.0 */
/* A small set of item ids (>= 1), refilled for every sequence: open addressing,
 * at most half full, cleared only as far as the sequence needs. */
#ifndef S3_SAMPLING_ITEM_SET_H
#define S3_SAMPLING_ITEM_SET_H

#include "base/context.h"
#include "base/random.h"

typedef struct s3_item_set {
  int32_t *slots; /* 0 = free */
  size_t mask;    /* slots in use - 1; a power of two less one */
  size_t count;   /* distinct items */
} s3_item_set;

/* Room for sequences of up to `length` items. */
s3rec_status s3_item_set_create(const s3rec_context *context, size_t length, s3_item_set *set);
void s3_item_set_fill(s3_item_set *set, const int32_t *items, size_t count);

static inline size_t s3_item_set_find(const s3_item_set *set, int32_t item) {
  size_t slot = (size_t)s3_mix64((uint64_t)item) & set->mask;
  while (set->slots[slot] != 0 && set->slots[slot] != item) slot = (slot + 1) & set->mask;
  return slot;
}

static inline bool s3_item_set_has(const s3_item_set *set, int32_t item) {
  return set->slots[s3_item_set_find(set, item)] == item;
}

#endif
