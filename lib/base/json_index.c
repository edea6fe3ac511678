/* SPDX-License-Identifier: Apache-2.0 */
/* The members of an object by name: one by one when they are few, else by a hash table. */
#include <string.h>

#include "base/json_reader.h"
#include "base/utf8.h"

enum { FEW_MEMBERS = 8 };

static s3_json_entry *entry_of(const s3_json_index *index, size_t member) {
  return (s3_json_entry *)index->members + member;
}

s3_json s3_json_index_key(const s3_json_index *index, size_t member) {
  const s3_json_entry *const entry = entry_of(index, member);
  return (s3_json){index->object.begin + entry->key, entry->key_length};
}

s3_json s3_json_index_value(const s3_json_index *index, size_t member) {
  const s3_json_entry *const entry = entry_of(index, member);
  return (s3_json){index->object.begin + entry->value, entry->value_length};
}

static bool has_escape(s3_json key) { return memchr(key.begin, '\\', key.length) != NULL; }

/* Makes room for all members once it is known that there are more than there is room for. */
static s3rec_status make_member_room(const s3rec_context *context, s3_json_index *index,
                                     s3_json_walk walk) {
  s3_json value;
  size_t count = index->count;
  if (count < index->member_capacity) return S3REC_OK;
  while (s3_json_next(&walk, NULL, &value)) count++;
  return s3_grow(context, &index->members, &index->member_capacity, count, sizeof(s3_json_entry));
}

static s3rec_status list_members(const s3rec_context *context, s3_json_index *index,
                                 size_t *longest_escaped) {
  s3_json key, value;
  s3_json_walk walk = s3_json_enter(index->object);
  while (walk.in_object) {
    const s3_json_walk here = walk;
    if (!s3_json_next(&walk, &key, &value)) return S3REC_OK;
    S3_TRY(make_member_room(context, index, here));
    const char *const begin = index->object.begin;
    *entry_of(index, index->count++) =
        (s3_json_entry){.key = (uint32_t)(key.begin - begin),
                        .key_length = (uint32_t)key.length,
                        .value = (uint32_t)(value.begin - begin),
                        .value_length = (uint32_t)value.length};
    if (key.length > *longest_escaped && has_escape(key)) *longest_escaped = key.length;
  }
  return S3REC_OK; /* no object has no members */
}

/* The text of a key: that of the object, or without escapes in index->key_text. */
static const char *key_text(const s3_json_index *index, size_t member, size_t *length) {
  const s3_json key = s3_json_index_key(index, member);
  *length = key.length - 2;
  if (!index->has_escapes || !has_escape(key)) return key.begin + 1;
  *length = s3_json_text_copy(key, index->key_text);
  return index->key_text;
}

static bool is_key(const s3_json_index *index, size_t member, const char *name, size_t length) {
  const s3_json key = s3_json_index_key(index, member);
  if (index->has_escapes) return s3_json_text_equals(key, name, length);
  return key.length == length + 2 && memcmp(key.begin + 1, name, length) == 0;
}

/* The member of this name among the first `count`, else `count`; *slot becomes its slot or the
 * free one where it belongs. */
static size_t find_member(const s3_json_index *index, size_t count, const char *name, size_t length,
                          size_t *slot) {
  if (index->slot_count == 0) {
    size_t member = 0;
    while (member < count && !is_key(index, member, name, length)) member++;
    return member;
  }
  const uint32_t *const slots = index->slots;
  const size_t mask = index->slot_count - 1;
  *slot = (size_t)s3_keyed_hash(&index->hash_key, name, length) & mask;
  for (; slots[*slot] != 0; *slot = (*slot + 1) & mask)
    if (is_key(index, slots[*slot] - 1, name, length)) return slots[*slot] - 1;
  return count;
}

/* Two thirds of the slots are used at most. */
static s3rec_status make_slots(const s3rec_context *context, s3_json_index *index) {
  index->slot_count = 0;
  if (index->count <= FEW_MEMBERS) return S3REC_OK;
  size_t count = 2 * FEW_MEMBERS;
  while (count / 3 * 2 < index->count) count *= 2;
  if (index->slots == NULL) index->hash_key = s3_hash_key_make(); /* the system is asked once */
  S3_TRY(s3_grow(context, &index->slots, &index->slot_capacity, count, sizeof(uint32_t)));
  memset(index->slots, 0, count * sizeof(uint32_t));
  index->slot_count = count;
  return S3REC_OK;
}

s3rec_status s3_json_index_make(const s3rec_context *context, s3_json object, s3_json_index *index,
                                s3_json *repeated) {
  size_t longest_escaped = 0;
  index->object = object;
  index->count = index->slot_count = 0;
  S3_TRY(list_members(context, index, &longest_escaped));
  index->has_escapes = longest_escaped > 0;
  S3_TRY(s3_grow(context, &index->key_text, &index->key_capacity, longest_escaped, 1));
  S3_TRY(make_slots(context, index));
  for (size_t member = 0; member < index->count; member++) {
    size_t length, slot = 0;
    const char *const name = key_text(index, member, &length);
    if (find_member(index, member, name, length, &slot) < member) {
      *repeated = s3_json_index_key(index, member);
      return S3REC_ERROR_FORMAT;
    }
    if (index->slot_count > 0) ((uint32_t *)index->slots)[slot] = (uint32_t)member + 1;
  }
  return S3REC_OK;
}

s3rec_status s3_json_index_object(const s3rec_context *context, const char *path, const char *part,
                                  s3_json object, s3_json_index *index) {
  s3_json repeated = {NULL, 0};
  const s3rec_status status = s3_json_index_make(context, object, index, &repeated);
  if (status != S3REC_ERROR_FORMAT) return status;
  return s3_fail(status, "%s: %s: duplicate key '%.*s'", path, part,
                 s3_utf8_fit(repeated.begin + 1, repeated.length - 2, 100), repeated.begin + 1);
}

s3_json s3_json_index_find(const s3_json_index *index, const char *name, size_t length) {
  size_t slot;
  const size_t member = find_member(index, index->count, name, length, &slot);
  return member < index->count ? s3_json_index_value(index, member) : (s3_json){NULL, 0};
}

void s3_json_index_free(const s3rec_context *context, s3_json_index *index) {
  s3_free(context, index->members);
  s3_free(context, index->slots);
  s3_free(context, index->key_text);
  *index = (s3_json_index){0};
}
