/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vocabulary.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"

s3rec_vocabulary *s3_vocabulary_retain(s3rec_vocabulary *vocabulary) {
  if (vocabulary == NULL) return NULL;
  atomic_fetch_add_explicit(&vocabulary->references, 1, memory_order_relaxed);
  return vocabulary;
}

void s3_vocabulary_release(s3rec_vocabulary *vocabulary) {
  if (vocabulary == NULL) return;
  if (atomic_fetch_sub_explicit(&vocabulary->references, 1, memory_order_acq_rel) != 1) return;
  s3rec_context *const context = vocabulary->context;
  s3_free(context, vocabulary->names.text);
  s3_free(context, vocabulary->names.offsets);
  s3_free(context, vocabulary->names.order);
  s3_free(context, vocabulary);
  s3_context_release(context);
}

static s3rec_vocabulary *allocate(s3rec_context *context, s3rec_name_kind kind, int32_t first_id,
                                  size_t count) {
  s3rec_vocabulary *const created = s3_allocate(context, 1, sizeof *created);
  if (created == NULL) return NULL;
  atomic_init(&created->references, 1);
  created->context = s3_context_retain(context);
  created->first_id = first_id;
  created->names = (s3_names){.kind = kind, .count = count};
  return created;
}

static s3rec_status check_lengths(const int64_t *offsets, size_t count) {
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

/* Behind each name its NUL. */
static s3rec_status copy_names(s3rec_vocabulary *vocabulary, const char *text,
                               const int64_t *offsets) {
  s3_names *const names = &vocabulary->names;
  const size_t count = names->count, size = (size_t)offsets[count] + count;
  names->text = s3_allocate_unset(vocabulary->context, size, 1);
  names->offsets = s3_allocate_unset(vocabulary->context, count + 1, sizeof *names->offsets);
  names->order = s3_allocate_unset(vocabulary->context, count, sizeof *names->order);
  if (names->text == NULL || names->offsets == NULL || names->order == NULL) {
    return S3REC_ERROR_MEMORY;
  }
  for (size_t i = 0; i < count; i++) {
    const size_t length = (size_t)(offsets[i + 1] - offsets[i]);
    names->offsets[i] = offsets[i] + (int64_t)i;
    char *const name = names->text + names->offsets[i];
    memcpy(name, text + offsets[i], length);
    name[length] = '\0';
  }
  names->offsets[count] = (int64_t)size;
  return S3REC_OK;
}

s3rec_status s3_vocabulary_create(s3rec_context *context, s3rec_name_kind kind, int32_t first_id,
                                  const char *text, const int64_t *offsets, size_t count,
                                  s3rec_vocabulary **vocabulary) {
  S3_TRY(check_lengths(offsets, count));
  s3rec_vocabulary *const created = allocate(context, kind, first_id, count);
  if (created == NULL) return S3REC_ERROR_MEMORY;
  s3rec_status status = copy_names(created, text, offsets);
  if (status == S3REC_OK) status = s3_names_check_text(&created->names, "");
  if (status == S3REC_OK) status = s3_names_sort(context, &created->names);
  if (status != S3REC_OK) {
    s3_vocabulary_release(created);
    return status;
  }
  *vocabulary = created;
  return S3REC_OK;
}
