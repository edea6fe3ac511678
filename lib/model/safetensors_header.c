/* SPDX-License-Identifier: Apache-2.0 */
#include "model/safetensors_header.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_reader.h"
#include "base/utf8.h"

enum { MAXIMUM_RANK = 4, LONGEST_SHOWN = 100 };

static const char metadata_key[] = "__metadata__";

static s3rec_status fail_header(const s3_header *header, const char *reason) {
  return s3_fail(S3REC_ERROR_FORMAT, "%s: not a safetensors file: %s", header->path, reason);
}

static s3rec_status fail_tensor(const s3_header *header, const char *name, const char *reason) {
  return s3_fail(S3REC_ERROR_FORMAT, "%s: tensor '%.100s': %s", header->path, name, reason);
}

s3rec_status s3_header_fail_offsets(const s3_header *header, const char *name, int64_t begin,
                                    int64_t end, uint64_t data_size) {
  return s3_fail(S3REC_ERROR_FORMAT,
                 "%s: tensor '%.100s': data_offsets are %" PRId64 "..%" PRId64
                 ", the data 0..%" PRIu64,
                 header->path, name, begin, end, data_size);
}

/* Entries by name. */

static const char *entry_name(const s3_named *named, size_t entry) {
  const char *name;
  memcpy(&name, (const char *)named->entries + entry * named->size, sizeof name);
  return name;
}

/* The slot of this name, or the free one where it belongs. */
static size_t find_slot(const s3_header *header, const s3_named *named, const char *name) {
  const size_t mask = named->slot_count - 1;
  size_t slot = (size_t)s3_keyed_hash(&header->hash_key, name, strlen(name)) & mask;
  while (named->slots[slot] != 0 && strcmp(entry_name(named, named->slots[slot] - 1), name) != 0)
    slot = (slot + 1) & mask;
  return slot;
}

const void *s3_header_find(const s3_header *header, const s3_named *named, const char *name) {
  if (named->count == 0) return NULL;
  const uint32_t found = named->slots[find_slot(header, named, name)];
  return found == 0 ? NULL : (const char *)named->entries + (found - 1) * named->size;
}

/* Room for so many entries; two thirds of the slots are used at most. */
static s3rec_status make_named(const s3_header *header, s3_named *named, size_t count,
                               size_t size) {
  named->size = size;
  named->slot_count = 4;
  while (named->slot_count / 3 * 2 < count) named->slot_count *= 2;
  named->entries = s3_allocate(header->context, count, size);
  named->slots = s3_allocate(header->context, named->slot_count, sizeof *named->slots);
  return named->entries == NULL || named->slots == NULL ? S3REC_ERROR_MEMORY : S3REC_OK;
}

/* The next entry, which has its name. False when the name is one that was there before. */
static bool add_named(const s3_header *header, s3_named *named) {
  const size_t slot = find_slot(header, named, entry_name(named, named->count));
  if (named->slots[slot] != 0) return false;
  named->slots[slot] = (uint32_t)++named->count;
  return true;
}

static size_t count_members(s3_json object) {
  size_t count = 0;
  s3_json value;
  s3_json_walk walk = s3_json_enter(object);
  while (s3_json_next(&walk, NULL, &value)) count++;
  return count;
}

/* The pairs {text: text}. */
static s3rec_status read_metadata(s3_header *header, s3_json object) {
  if (header->metadata.entries != NULL) return fail_header(header, "duplicate key __metadata__");
  if (s3_json_kind_of(object) != S3_JSON_OBJECT)
    return fail_header(header, "__metadata__ is not an object");
  S3_TRY(make_named(header, &header->metadata, count_members(object), sizeof(s3_metadata)));
  s3_json key, value;
  s3_json_walk walk = s3_json_enter(object);
  while (s3_json_next(&walk, &key, &value)) {
    s3_metadata *const pair = (s3_metadata *)header->metadata.entries + header->metadata.count;
    pair->key = s3_json_unpack(key);
    if (s3_json_kind_of(value) != S3_JSON_TEXT)
      return s3_fail(S3REC_ERROR_FORMAT, "%s: metadata '%.100s' is not text", header->path,
                     pair->key);
    pair->value = s3_json_unpack(value);
    if (!add_named(header, &header->metadata))
      return s3_fail(S3REC_ERROR_FORMAT, "%s: metadata '%.100s': duplicate key", header->path,
                     pair->key);
  }
  return S3REC_OK;
}

/* Bytes of an element, and the name of the type, which stays; 0 for one that is not known. */
static size_t read_dtype(s3_json text, const char **name) {
  static const struct {
    char name[5];
    unsigned char size;
  } dtypes[] = {{"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8}, {"I32", 4}, {"I16", 2},
                {"I8", 1},  {"U64", 8}, {"U32", 4}, {"U16", 2},  {"U8", 1},  {"BOOL", 1}};
  for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
    if (!s3_json_text_is(text, dtypes[i].name)) continue;
    *name = dtypes[i].name;
    return dtypes[i].size;
  }
  return 0;
}

/* *byte_count becomes that of the whole tensor. */
static s3rec_status read_shape(const s3_header *header, s3_json shape, s3_tensor *tensor,
                               uint64_t *byte_count) {
  if (shape.begin == NULL || s3_json_kind_of(shape) != S3_JSON_ARRAY)
    return fail_tensor(header, tensor->name, "shape is not an array");
  s3_json value;
  s3_json_walk walk = s3_json_enter(shape);
  while (s3_json_next(&walk, NULL, &value)) {
    int64_t size;
    if (tensor->rank == MAXIMUM_RANK)
      return fail_tensor(header, tensor->name, "shape has more than 4 dimensions");
    if (!s3_json_integer(value, &size) || size < 0)
      return fail_tensor(header, tensor->name, "shape must hold only integers of 0 or more");
    if (size != 0 && *byte_count > UINT64_MAX / (uint64_t)size)
      return fail_tensor(header, tensor->name, "shape exceeds 2^64 bytes");
    tensor->shape[tensor->rank++] = size;
    *byte_count *= (uint64_t)size;
  }
  return S3REC_OK;
}

static bool read_offsets(s3_json offsets, int64_t places[2]) {
  if (offsets.begin == NULL || s3_json_kind_of(offsets) != S3_JSON_ARRAY) return false;
  s3_json value;
  s3_json_walk walk = s3_json_enter(offsets);
  for (int i = 0; i < 2; i++)
    if (!s3_json_next(&walk, NULL, &value) || !s3_json_integer(value, &places[i])) return false;
  return !s3_json_next(&walk, NULL, &value);
}

/* Where the data are, and how many bytes. */
typedef struct data_range {
  size_t begin;
  uint64_t size;
} data_range;

static s3rec_status read_entry_members(const s3_header *header, const s3_json_index *members,
                                       data_range data, s3_tensor *tensor) {
  const s3_json dtype = s3_json_index_find(members, "dtype", 5);
  if (dtype.begin == NULL || s3_json_kind_of(dtype) != S3_JSON_TEXT)
    return fail_tensor(header, tensor->name, "dtype is not text");
  uint64_t wanted = read_dtype(dtype, &tensor->dtype);
  if (wanted == 0)
    return s3_fail(S3REC_ERROR_FORMAT, "%s: tensor '%.100s': unknown dtype '%.20s'", header->path,
                   tensor->name, s3_json_unpack(dtype));
  S3_TRY(read_shape(header, s3_json_index_find(members, "shape", 5), tensor, &wanted));

  int64_t places[2];
  if (!read_offsets(s3_json_index_find(members, "data_offsets", 12), places))
    return fail_tensor(header, tensor->name, "data_offsets is not an array of two integers");
  const int64_t begin = places[0], end = places[1];
  if (begin < 0 || begin > end || (uint64_t)end > data.size)
    return s3_header_fail_offsets(header, tensor->name, begin, end, data.size);
  tensor->byte_count = (size_t)(end - begin);
  if (tensor->byte_count != wanted)
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s: tensor '%.100s': data_offsets have %zu bytes, dtype and shape %" PRIu64,
                   header->path, tensor->name, tensor->byte_count, wanted);
  tensor->offset = data.begin + (size_t)begin;
  return S3REC_OK;
}

/* `members` is room that all entries use. */
static s3rec_status read_tensor_entry(s3_header *header, s3_json entry, data_range data,
                                      s3_json_index *members, s3_tensor *tensor) {
  if (s3_json_kind_of(entry) != S3_JSON_OBJECT)
    return fail_tensor(header, tensor->name, "its entry is not an object");
  s3_json repeated = {NULL, 0};
  const s3rec_status status = s3_json_index_make(header->context, entry, members, &repeated);
  if (status == S3REC_ERROR_FORMAT)
    return s3_fail(status, "%s: tensor '%.100s': duplicate key '%.*s' in its entry", header->path,
                   tensor->name,
                   s3_utf8_fit(repeated.begin + 1, repeated.length - 2, LONGEST_SHOWN),
                   repeated.begin + 1);
  S3_TRY(status);
  S3_TRY(read_entry_members(header, members, data, tensor));
  return add_named(header, &header->tensors)
             ? S3REC_OK
             : fail_tensor(header, tensor->name, "duplicate name");
}

static s3rec_status read_entries(s3_header *header, s3_json root, data_range data,
                                 s3_json_index *members) {
  s3_json key, value;
  s3_json_walk walk = s3_json_enter(root);
  while (s3_json_next(&walk, &key, &value)) {
    if (s3_json_text_is(key, metadata_key)) {
      S3_TRY(read_metadata(header, value));
      continue;
    }
    s3_tensor *const tensor = (s3_tensor *)header->tensors.entries + header->tensors.count;
    tensor->name = s3_json_unpack(key);
    S3_TRY(read_tensor_entry(header, value, data, members, tensor));
  }
  return S3REC_OK;
}

s3rec_status s3_header_read(s3_header *header, char *text, size_t length, size_t data_begin,
                            uint64_t data_size) {
  const s3rec_limits *const limits = &header->context->limits;
  s3_json root;
  if (length == 0 || text[0] != '{')
    return fail_header(header, "the header does not begin with {");
  S3_TRY(s3_json_check(header->path, "header: ", text, length, (size_t)limits->json_depth, &root));
  const size_t count = count_members(root);
  const size_t tensors = count - (s3_json_member(root, metadata_key).begin != NULL);
  if (tensors > limits->tensors)
    return s3_fail(S3REC_ERROR_LIMIT,
                   "%s: %zu tensors, but s3rec_limits.tensors is %" PRIu64, header->path, tensors,
                   limits->tensors);
  header->hash_key = s3_hash_key_make();
  S3_TRY(make_named(header, &header->tensors, count, sizeof(s3_tensor)));
  s3_json_index members = {0};
  const s3rec_status status =
      read_entries(header, root, (data_range){data_begin, data_size}, &members);
  s3_json_index_free(header->context, &members);
  return status;
}

static int compare_place(const void *a, const void *b) {
  const s3_tensor *const x = *(s3_tensor *const *)a, *const y = *(s3_tensor *const *)b;
  if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
  return (x->byte_count > y->byte_count) - (x->byte_count < y->byte_count);
}

/* Sorted by place, each tensor must begin where the one before it ends. */
s3rec_status s3_header_check_cover(const s3_header *header, size_t data_begin,
                                   uint64_t data_size) {
  const size_t count = header->tensors.count;
  const s3_tensor **sorted = s3_allocate(header->context, count, sizeof *sorted);
  if (sorted == NULL) return S3REC_ERROR_MEMORY;
  for (size_t i = 0; i < count; i++) sorted[i] = (s3_tensor *)header->tensors.entries + i;
  qsort(sorted, count, sizeof *sorted, compare_place);
  size_t end = data_begin;
  s3rec_status status = S3REC_OK;
  for (size_t i = 0; i < count && status == S3REC_OK; i++) {
    const size_t begin = sorted[i]->offset;
    if (begin < end) status = fail_tensor(header, sorted[i]->name, "overlaps another tensor");
    if (begin > end)
      status = fail_tensor(header, sorted[i]->name, "there are unused bytes before it");
    end = begin + sorted[i]->byte_count;
  }
  s3_free(header->context, sorted);
  if (status == S3REC_OK && end != data_begin + data_size)
    return fail_header(header, "there are unused bytes after the last tensor");
  return status;
}

void s3_header_free(s3_header *header) {
  s3_named *const all[] = {&header->tensors, &header->metadata};
  for (int i = 0; i < 2; i++) {
    s3_free(header->context, all[i]->entries);
    s3_free(header->context, all[i]->slots);
  }
}
