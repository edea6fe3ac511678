/* SPDX-License-Identifier: Apache-2.0 */
#include "model/popularity.h"

#include <string.h>

#include "base/error.h"

static const char tensor_name[] = "popularity.item";

static size_t count_of(const s3rec_model *model) { return (size_t)model->config.item_size; }

/* `where` begins the failure's text. */
static s3rec_status check_counts(const int32_t *counts, size_t count, const char *path,
                                 const char *where) {
  for (size_t id = 0; id < count; id++) {
    if (counts[id] < 0) {
      return s3_fail(S3REC_ERROR_FORMAT, "%s%s: item %zu has %d events, must have 0 or more",
                     path, where, id, (int)counts[id]);
    }
  }
  if (counts[0] != 0 || counts[count - 1] != 0) {
    return s3_fail(S3REC_ERROR_FORMAT, "%s%s: padding (0) and mask (%zu) must have no events",
                   path, where, count - 1);
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
    S3_TRY(check_counts(counts, count_of(model), "", "popularity"));
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

s3_tensor *s3_popularity_to_file(const s3rec_model *model, s3_tensor *tensor) {
  if (model->popularity == NULL) return tensor;
  *tensor = (s3_tensor){.name = tensor_name,
                        .dtype = "I32",
                        .rank = 1,
                        .shape = {model->config.item_size},
                        .data = model->popularity,
                        .byte_count = count_of(model) * sizeof *model->popularity};
  return tensor + 1;
}

bool s3_is_popularity_tensor(const char *name) { return strcmp(name, tensor_name) == 0; }

s3rec_status s3_popularity_from_file(const s3_safetensors *file, s3rec_model *model) {
  if (s3_safetensors_find(file, tensor_name) == NULL) return S3REC_OK;
  const int64_t shape = model->config.item_size;
  const s3_tensor *tensor;
  S3_TRY(s3_safetensors_check(file, tensor_name, "I32", 1, &shape, &tensor));
  S3_TRY(allocate_counts(model, &model->popularity));
  S3_TRY(s3_safetensors_copy(file, tensor, 0, tensor->byte_count, model->popularity));
  return check_counts(model->popularity, count_of(model), s3_safetensors_path(file),
                      ": tensor 'popularity.item'");
}
