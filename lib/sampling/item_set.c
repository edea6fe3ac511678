/* SPDX-License-Identifier: Apache-2.0 */
#include "sampling/item_set.h"

#include <string.h>

static size_t slot_count(size_t length) {
  size_t slots = 4;
  while (slots < 2 * length) slots *= 2;
  return slots;
}

s3rec_status s3_item_set_create(const s3rec_context *context, size_t length, s3_item_set *set) {
  int32_t *slots = s3_allocate(context, slot_count(length), sizeof *slots);
  if (slots == NULL) return S3REC_ERROR_MEMORY;
  *set = (s3_item_set){.slots = slots};
  return S3REC_OK;
}

void s3_item_set_fill(s3_item_set *set, const int32_t *items, size_t count) {
  const size_t slots = slot_count(count);
  memset(set->slots, 0, slots * sizeof *set->slots);
  set->mask = slots - 1;
  set->count = 0;
  for (size_t i = 0; i < count; i++) {
    const size_t slot = s3_item_set_find(set, items[i]);
    set->count += set->slots[slot] == 0;
    set->slots[slot] = items[i];
  }
}
