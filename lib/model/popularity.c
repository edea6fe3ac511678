/* SPDX-License-Identifier: Apache-2.0 */
#include "model/popularity.h"

#include <string.h>

#include "base/error.h"

/* A metadata entry and no tensor: PyTorch's load_state_dict refuses a tensor that its module
 * does not have. */
static const char entry_key[] = "item_popularity";

/* The rest of what a header may have is for tensors and the entries of a training state. */
enum { MAXIMUM_TEXT = S3_SAFETENSORS_MAXIMUM_HEADER / 10 * 9 };

static size_t count_of(const s3rec_model *model) { return (size_t)model->config.item_size; }

static s3rec_status check_counts(const int32_t *counts, size_t count) {
  for (size_t id = 0; id < count; id++) {
    if (counts[id] < 0) {
      return s3_fail(S3REC_ERROR_FORMAT, "popularity: item %zu has %d events, must have 0 or more",
                     id, (int)counts[id]);
    }
  }
  if (counts[0] != 0 || counts[count - 1] != 0) {
    return s3_fail(S3REC_ERROR_FORMAT, "popularity: padding (0) and mask (%zu) must have no events",
                   count - 1);
  }
  return S3REC_OK;
}

static s3rec_status allocate_counts(const s3rec_model *model, int32_t **counts) {
  *counts = s3_allocate_unset(model->context, count_of(model), sizeof **counts);
  return *counts == NULL ? S3REC_ERROR_MEMORY : S3REC_OK;
}

s3rec_status s3_model_set_popularity(s3rec_model *model, const int32_t *counts) {
  int32_t *copy = NULL;
  if (counts != NULL) {
    S3_TRY(check_counts(counts, count_of(model)));
    S3_TRY(allocate_counts(model, &copy));
    memcpy(copy, counts, count_of(model) * sizeof *copy);
  }
  const s3rec_status status = s3_model_check_unscored(model);
  int32_t *unused = copy;
  if (status == S3REC_OK) {
    unused = model->popularity;
    model->popularity = copy;
  }
  s3_free(model->context, unused);
  return status;
}

s3rec_status s3_model_copy_popularity(const s3rec_model *source, s3rec_model *model) {
  if (source->popularity == NULL) return S3REC_OK;
  S3_TRY(allocate_counts(model, &model->popularity));
  memcpy(model->popularity, source->popularity, count_of(model) * sizeof *model->popularity);
  return S3REC_OK;
}

static size_t digits_of(int32_t count) {
  size_t digits = 1;
  for (; count > 9; count /= 10) digits++;
  return digits;
}

/* Returns the place behind the number. */
static char *write_count(int32_t count, char *text) {
  char *const end = text + digits_of(count);
  for (char *digit = end; digit > text; count /= 10) *--digit = (char)('0' + count % 10);
  return end;
}

s3rec_status s3_popularity_to_metadata(const s3rec_model *model, s3_metadata *entry, char **text) {
  *text = NULL;
  if (model->popularity == NULL) return S3REC_OK;
  const int32_t *const counts = model->popularity;
  const size_t last = count_of(model) - 2;
  size_t size = 0;
  for (size_t id = 1; id <= last; id++) size += digits_of(counts[id]) + 1;
  if (size > MAXIMUM_TEXT) {
    s3_log(model->context, S3REC_LOG_WARNING,
           "popularity is not saved: its text has %zu bytes, a file may have %d", size,
           (int)MAXIMUM_TEXT);
    return S3REC_OK;
  }
  *text = s3_allocate_unset(model->context, size, 1);
  if (*text == NULL) return S3REC_ERROR_MEMORY;
  char *next = *text;
  for (size_t id = 1; id <= last; id++) {
    next = write_count(counts[id], next);
    *next++ = id < last ? ' ' : '\0';
  }
  *entry = (s3_metadata){entry_key, *text};
  return S3REC_OK;
}

/* Returns the place behind a number 0..INT32_MAX without leading zeros, NULL where none begins. */
static const char *read_count(const char *text, int32_t *count) {
  const char *at = text;
  int64_t value = 0;
  for (; *at >= '0' && *at <= '9'; at++) {
    if (at > text && value == 0) return NULL;
    value = value * 10 + (*at - '0');
    if (value > INT32_MAX) return NULL;
  }
  *count = (int32_t)value;
  return at > text ? at : NULL;
}

static s3rec_status read_counts(const char *path, const char *text, int32_t *counts,
                                size_t item_size) {
  const size_t last = item_size - 2;
  counts[0] = counts[item_size - 1] = 0;
  for (size_t id = 1; id <= last; id++) {
    const char *const end = read_count(text, &counts[id]);
    if (end == NULL || (*end != ' ' && *end != '\0')) {
      return s3_fail(S3REC_ERROR_FORMAT,
                     "%s: metadata '%s': the count of item %zu must be a decimal number, 0..%d, "
                     "and one space must part it from the next",
                     path, entry_key, id, (int)INT32_MAX);
    }
    if (id < last && *end == '\0') {
      return s3_fail(S3REC_ERROR_FORMAT, "%s: metadata '%s' has %zu counts, the model needs %zu",
                     path, entry_key, id, last);
    }
    if (id == last && *end != '\0') {
      return s3_fail(S3REC_ERROR_FORMAT,
                     "%s: metadata '%s' does not end behind %zu counts, all that the model needs",
                     path, entry_key, last);
    }
    text = end + 1;
  }
  return S3REC_OK;
}

s3rec_status s3_popularity_from_file(const s3_safetensors *file, s3rec_model *model) {
  const char *const text = s3_safetensors_metadata(file, entry_key);
  if (text == NULL) return S3REC_OK;
  S3_TRY(allocate_counts(model, &model->popularity));
  return read_counts(s3_safetensors_path(file), text, model->popularity, count_of(model));
}
