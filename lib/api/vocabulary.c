/* SPDX-License-Identifier: Apache-2.0 */
#include "s3rec/vocabulary.h"

#include <inttypes.h>

#include "base/options.h"
#include "base/utf8.h"
#include "names/vocabulary.h"

size_t s3rec_max_name_length(void) { return S3REC_MAX_NAME_LENGTH; }

s3rec_status s3rec_vocabulary_create(s3rec_context *context, s3rec_name_kind kind, int32_t first_id,
                                     const char *text, const int64_t *offsets, size_t count,
                                     s3rec_vocabulary **vocabulary) {
  S3_REQUIRE(context);
  S3_REQUIRE(offsets);
  S3_REQUIRE(vocabulary);
  if (count > 0) S3_REQUIRE(text);
  if (kind != S3REC_NAMES_TEXT && kind != S3REC_NAMES_INTEGER) {
    return s3_fail(S3REC_ERROR_ARGUMENT, "kind is %d, must be %d or %d", (int)kind,
                   (int)S3REC_NAMES_TEXT, (int)S3REC_NAMES_INTEGER);
  }
  if (first_id != 0 && first_id != 1) {
    return s3_fail(S3REC_ERROR_ARGUMENT, "first_id is %" PRId32 ", must be 0 or 1", first_id);
  }
  if (count > S3_MAX_NAME_COUNT) {
    return s3_fail(S3REC_ERROR_ARGUMENT, "count is %zu, must be 0..%zu", count, S3_MAX_NAME_COUNT);
  }
  return s3_vocabulary_create(context, kind, first_id, text, offsets, count, vocabulary);
}

void s3rec_vocabulary_destroy(s3rec_vocabulary *vocabulary) { s3_vocabulary_release(vocabulary); }

size_t s3rec_vocabulary_count(const s3rec_vocabulary *vocabulary) {
  return vocabulary == NULL ? 0 : vocabulary->names.count;
}

int32_t s3rec_vocabulary_first_id(const s3rec_vocabulary *vocabulary) {
  return vocabulary == NULL ? 0 : vocabulary->first_id;
}

s3rec_name_kind s3rec_vocabulary_kind(const s3rec_vocabulary *vocabulary) {
  return vocabulary == NULL ? S3REC_NAMES_TEXT : vocabulary->names.kind;
}

s3rec_status s3rec_vocabulary_name(const s3rec_vocabulary *vocabulary, int32_t id,
                                   const char **name, size_t *length) {
  S3_REQUIRE(vocabulary);
  S3_REQUIRE(name);
  const s3_names *const names = &vocabulary->names;
  const int64_t index = (int64_t)id - vocabulary->first_id;
  if (names->count == 0) {
    return s3_fail(S3REC_ERROR_NOT_FOUND, "id is %" PRId32 ", but there are no names", id);
  }
  if (index < 0 || index >= (int64_t)names->count) {
    return s3_fail(S3REC_ERROR_NOT_FOUND, "id is %" PRId32 ", must be %" PRId32 "..%" PRId64, id,
                   vocabulary->first_id, (int64_t)vocabulary->first_id + (int64_t)names->count - 1);
  }
  *name = s3_name(names, (size_t)index);
  if (length != NULL) *length = s3_name_length(names, (size_t)index);
  return S3REC_OK;
}

s3rec_status s3rec_vocabulary_text(const s3rec_vocabulary *vocabulary, const char **text,
                                   const int64_t **offsets) {
  S3_REQUIRE(vocabulary);
  if (text != NULL) *text = vocabulary->names.text;
  if (offsets != NULL) *offsets = vocabulary->names.offsets;
  return S3REC_OK;
}

s3rec_status s3rec_vocabulary_find(const s3rec_vocabulary *vocabulary, const char *name,
                                   size_t length, int32_t *id) {
  S3_REQUIRE(vocabulary);
  S3_REQUIRE(name);
  S3_REQUIRE(id);
  const int64_t offsets[] = {0, (int64_t)length};
  int32_t found;
  s3_names_find(&vocabulary->names, name, offsets, 1, vocabulary->first_id, &found);
  if (found < 0) {
    if (!s3_utf8_valid_bytes(name, length)) {
      return s3_fail(S3REC_ERROR_NOT_FOUND, "the text is not UTF-8, so no name equals it");
    }
    return s3_fail(S3REC_ERROR_NOT_FOUND, "no name is '%.*s'", s3_utf8_fit(name, length, 100),
                   name);
  }
  *id = found;
  return S3REC_OK;
}

s3rec_status s3rec_vocabulary_find_many(const s3rec_vocabulary *vocabulary, const char *text,
                                        const int64_t *offsets, size_t count, int32_t *ids) {
  S3_REQUIRE(vocabulary);
  if (count == 0) return S3REC_OK;
  S3_REQUIRE(offsets);
  S3_REQUIRE(ids);
  for (size_t i = 0; i <= count; i++) {
    const int64_t least = i == 0 ? 0 : offsets[i - 1];
    if (offsets[i] < least || (i == 0 && offsets[i] != 0)) {
      return s3_fail(S3REC_ERROR_ARGUMENT,
                     "offsets[%zu] is %" PRId64 ", but offsets start at 0 and never fall", i,
                     offsets[i]);
    }
  }
  if (offsets[count] > 0) S3_REQUIRE(text);
  s3_names_find(&vocabulary->names, text == NULL ? "" : text, offsets, count, vocabulary->first_id,
                ids);
  return S3REC_OK;
}
