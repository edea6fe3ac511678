/* SPDX-License-Identifier: Apache-2.0 */
#include "names/vocabulary.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"

s3rec_vocabulary *s3_vocabulary_retain(s3rec_vocabulary *vocabulary) {
  if (vocabulary == NULL) return NULL;
  atomic_fetch_add_explicit(&vocabulary->references, 1, memory_order_relaxed);
  return vocabulary;
}

static void release_name_array(const s3rec_context *context, const void *array,
                               s3_mapping *mapping) {
  if (mapping->address == NULL) s3_free(context, (void *)array);
  s3_mapping_release(mapping);
}

void s3_vocabulary_release(s3rec_vocabulary *vocabulary) {
  if (vocabulary == NULL) return;
  if (atomic_fetch_sub_explicit(&vocabulary->references, 1, memory_order_acq_rel) != 1) return;
  s3rec_context *const context = vocabulary->context;
  const s3_names *const names = &vocabulary->names;
  release_name_array(context, names->text, &vocabulary->text_mapping);
  release_name_array(context, names->offsets, &vocabulary->offsets_mapping);
  release_name_array(context, names->order, &vocabulary->order_mapping);
  s3_free(context, vocabulary);
  s3_context_release(context);
}

s3rec_status s3_vocabulary_allocate(s3rec_context *context, s3rec_name_kind kind, int32_t first_id,
                                    size_t count, s3rec_vocabulary **vocabulary) {
  s3rec_vocabulary *const created = s3_allocate(context, 1, sizeof *created);
  if (created == NULL) return S3REC_ERROR_MEMORY;
  atomic_init(&created->references, 1);
  created->context = s3_context_retain(context);
  created->first_id = first_id;
  created->names = (s3_names){.kind = kind, .count = count};
  *vocabulary = created;
  return S3REC_OK;
}

static s3rec_status check_name_lengths(const int64_t *offsets, size_t count) {
  if (offsets[0] != 0) {
    return s3_fail(S3REC_ERROR_FORMAT, "offsets[0] is %" PRId64 ", must be 0", offsets[0]);
  }
  for (size_t i = 0; i < count; i++) {
    if (offsets[i + 1] < offsets[i]) {
      return s3_fail(S3REC_ERROR_FORMAT,
                     "offsets[%zu] is %" PRId64 ", below the one before it, %" PRId64, i + 1,
                     offsets[i + 1], offsets[i]);
    }
    const uint64_t length = (uint64_t)(offsets[i + 1] - offsets[i]);
    if (length < 1 || length > S3REC_MAX_NAME_LENGTH) {
      return s3_fail(S3REC_ERROR_FORMAT, "name %zu has %" PRIu64 " bytes, must have 1..%d", i,
                     length, S3REC_MAX_NAME_LENGTH);
    }
  }
  return S3REC_OK;
}

/* Copies the names, each with a NUL after it. */
static void join_names(const char *text, const int64_t *offsets, size_t count, char *joined,
                       int64_t *joined_offsets) {
  joined_offsets[0] = 0;
  for (size_t i = 0; i < count; i++) {
    const size_t length = (size_t)(offsets[i + 1] - offsets[i]);
    char *const name = joined + joined_offsets[i];
    memcpy(name, text + offsets[i], length);
    name[length] = '\0';
    joined_offsets[i + 1] = joined_offsets[i] + (int64_t)length + 1;
  }
}

static s3rec_status fill_vocabulary(s3rec_vocabulary *vocabulary, const char *text,
                                    const int64_t *offsets) {
  const s3rec_context *const context = vocabulary->context;
  s3_names *const names = &vocabulary->names;
  const size_t count = names->count;
  char *const joined = s3_allocate_unset(context, (size_t)offsets[count] + count, 1);
  int64_t *const joined_offsets = s3_allocate_unset(context, count + 1, sizeof *joined_offsets);
  int32_t *const order = s3_allocate_unset(context, count, sizeof *order);
  names->text = joined;
  names->offsets = joined_offsets;
  names->order = order;
  if (joined == NULL || joined_offsets == NULL || order == NULL) return S3REC_ERROR_MEMORY;
  join_names(text, offsets, count, joined, joined_offsets);
  S3_TRY(s3_names_check_text(names, ""));
  return s3_names_sort(context, names, order);
}

s3rec_status s3_vocabulary_create(s3rec_context *context, s3rec_name_kind kind, int32_t first_id,
                                  const char *text, const int64_t *offsets, size_t count,
                                  s3rec_vocabulary **vocabulary) {
  S3_TRY(check_name_lengths(offsets, count));
  s3rec_vocabulary *created = NULL;
  S3_TRY(s3_vocabulary_allocate(context, kind, first_id, count, &created));
  const s3rec_status status = fill_vocabulary(created, text, offsets);
  if (status != S3REC_OK) {
    s3_vocabulary_release(created);
    return status;
  }
  *vocabulary = created;
  return S3REC_OK;
}
