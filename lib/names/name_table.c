/* SPDX-License-Identifier: Apache-2.0 */
/* An open-addressing hash table under a secret key. */
#include "names/name_table.h"

#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "s3rec/vocabulary.h"

enum { FIRST_SLOT_COUNT = 64, LARGEST_COUNT = INT32_MAX - 2 };

static void put_in_slot(uint32_t *slots, size_t slot_count, uint32_t hash, uint32_t index) {
  size_t slot = hash & (slot_count - 1);
  while (slots[slot] != 0) slot = (slot + 1) & (slot_count - 1);
  slots[slot] = index + 1;
}

/* Hashes have 32 bits, which is enough for the 2^32 slots of the largest table. */
static s3rec_status grow_slots(const s3rec_context *context, s3_name_table *table) {
  if (table->slot_count >= 2 * (table->count + 1)) return S3REC_OK;
  const size_t slot_count = table->slot_count == 0 ? FIRST_SLOT_COUNT : 2 * table->slot_count;
  uint32_t *const slots = s3_allocate(context, slot_count, sizeof *slots);
  if (slots == NULL) return S3REC_ERROR_MEMORY;
  for (size_t i = 0; i < table->count; i++)
    put_in_slot(slots, slot_count, table->hashes[i], (uint32_t)i);
  s3_free(context, table->slots);
  table->slots = slots;
  table->slot_count = slot_count;
  return S3REC_OK;
}

static bool is_name_at(const s3_name_table *table, size_t index, const char *name, size_t length) {
  size_t there;
  const char *const text = s3_name_table_get(table, index, &there);
  return there == length && memcmp(text, name, length) == 0;
}

static s3rec_status append_name(const s3rec_context *context, s3_name_table *table,
                                const char *name, size_t length, uint32_t hash) {
  const size_t used = table->count > 0 ? (size_t)table->offsets[table->count] : 0;
  if (table->count == LARGEST_COUNT)
    return s3_fail(S3REC_ERROR_FORMAT, "more than %d different names", LARGEST_COUNT);
  S3_TRY(s3_grow(context, (void **)&table->text, &table->text_capacity, used + length, 1));
  S3_TRY(s3_grow(context, (void **)&table->offsets, &table->offsets_capacity, table->count + 2,
                 sizeof *table->offsets));
  S3_TRY(s3_grow(context, (void **)&table->hashes, &table->hashes_capacity, table->count + 1,
                 sizeof *table->hashes));
  memcpy(table->text + used, name, length);
  table->offsets[table->count] = (int64_t)used;
  table->offsets[table->count + 1] = (int64_t)(used + length);
  table->hashes[table->count] = hash;
  put_in_slot(table->slots, table->slot_count, hash, (uint32_t)table->count);
  table->count++;
  return S3REC_OK;
}

s3rec_status s3_name_table_add(const s3rec_context *context, s3_name_table *table, const char *name,
                               size_t length, int32_t *index) {
  if (table->slot_count == 0) table->key = s3_hash_key_make();
  S3_TRY(grow_slots(context, table));
  const uint32_t hash = (uint32_t)s3_keyed_hash(&table->key, name, length);
  size_t slot = hash & (table->slot_count - 1);
  for (; table->slots[slot] != 0; slot = (slot + 1) & (table->slot_count - 1)) {
    const size_t there = table->slots[slot] - 1;
    if (table->hashes[there] != hash || !is_name_at(table, there, name, length)) continue;
    *index = (int32_t)there;
    return S3REC_OK;
  }
  S3_TRY(append_name(context, table, name, length, hash));
  *index = (int32_t)(table->count - 1);
  return S3REC_OK;
}

void s3_name_table_truncate(s3_name_table *table, size_t count) {
  if (count == table->count) return;
  table->count = count;
  memset(table->slots, 0, table->slot_count * sizeof *table->slots);
  for (size_t i = 0; i < count; i++)
    put_in_slot(table->slots, table->slot_count, table->hashes[i], (uint32_t)i);
}

void s3_name_table_free(const s3rec_context *context, s3_name_table *table) {
  s3_free(context, table->text);
  s3_free(context, table->offsets);
  s3_free(context, table->hashes);
  s3_free(context, table->slots);
  *table = (s3_name_table){0};
}

static bool is_ascii_without_nul(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++)
    if ((signed char)text[i] <= 0) return false;
  return true;
}

const char *s3_name_fault(const char *text, size_t length) {
  if (length == 0) return "empty";
  if (length > S3REC_MAX_NAME_LENGTH) return "longer than 4096 bytes";
  if (is_ascii_without_nul(text, length)) return NULL;
  if (memchr(text, '\0', length) != NULL) return "has a NUL byte in it";
  return s3_utf8_valid_bytes(text, length) ? NULL : "not UTF-8";
}
