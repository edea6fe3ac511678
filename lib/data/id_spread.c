/* SPDX-License-Identifier: Apache-2.0 */
#include "data/id_spread.h"

#include "base/error.h"
#include "base/json_reader.h"
#include "base/random.h"
#include "names/name_table.h"

enum { FREE_ID_COUNT = 100000 };

/* A set of ids that only has to tell whether there are as many as are needed. */
typedef struct id_set {
  int32_t *slots; /* open addressing, at most half full; id + 1, 0: empty */
  size_t mask, count;
  uint64_t key; /* so that no file can choose ids that meet in one slot */
} id_set;

static s3rec_status make_id_set(const s3rec_context *context, size_t most, id_set *set) {
  size_t slot_count = 16;
  while (slot_count < 2 * most) slot_count *= 2;
  *set = (id_set){.mask = slot_count - 1, .key = s3_hash_key_make().words[0]};
  set->slots = s3_allocate(context, slot_count, sizeof *set->slots);
  return set->slots != NULL ? S3REC_OK : S3REC_ERROR_MEMORY;
}

static void add_to_id_set(id_set *set, int32_t id) {
  const int32_t mark = id + 1;
  size_t slot = (size_t)s3_key(set->key, (uint64_t)id) & set->mask;
  while (set->slots[slot] != 0 && set->slots[slot] != mark) slot = (slot + 1) & set->mask;
  set->count += set->slots[slot] == 0;
  set->slots[slot] = mark;
}

s3rec_status s3_check_id_spread(const s3rec_context *context, const char *path, const char *text,
                                const char *what, const int32_t *ids, size_t count,
                                s3_highest_id highest) {
  if (highest.id <= FREE_ID_COUNT) return S3REC_OK;
  const int32_t spread = context->limits.id_spread;
  const size_t above = (size_t)(highest.id - FREE_ID_COUNT);
  const size_t needed = above / (size_t)spread + (above % (size_t)spread != 0);
  id_set set;
  S3_TRY(make_id_set(context, needed < count ? needed : count, &set));
  for (size_t i = 0; i < count && set.count < needed; i++) add_to_id_set(&set, ids[i]);
  s3_free(context, set.slots);
  if (set.count >= needed) return S3REC_OK;
  const s3_json_place place = s3_json_place_of(text, highest.at);
  return s3_fail(S3REC_ERROR_LIMIT,
                 "%s:%zu:%zu: %s id %d, but the file has only %zu different ones, and a model has "
                 "a row for each id up to the highest; it may be %d + %d for each different id "
                 "(s3rec_limits.id_spread): number them from 1 without gaps, or raise the limit",
                 path, place.line, place.column, what, highest.id, set.count, FREE_ID_COUNT,
                 spread);
}
