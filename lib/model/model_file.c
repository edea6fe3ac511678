/* SPDX-License-Identifier: Apache-2.0 */
#include "model/model_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/number.h"
#include "model/model_names.h"
#include "model/popularity.h"

s3rec_status s3_block_to_tensors(const s3_parameter_table *table, const float *block,
                                 const char *prefix, s3_tensor_name *names, s3_tensor *tensors) {
  for (size_t i = 0; i < table->count; i++) {
    const s3_parameter *const parameter = &table->parameters[i];
    snprintf(names[i], sizeof names[i], "%s%s", prefix, parameter->name);
    tensors[i] = (s3_tensor){.name = names[i],
                             .dtype = "F32",
                             .rank = parameter->rank,
                             .shape = {parameter->shape[0], parameter->shape[1]},
                             .data = block + parameter->offset,
                             .byte_count = parameter->count * sizeof(float)};
    const size_t bad = s3_first_not_finite(block + parameter->offset, parameter->count);
    if (bad < parameter->count) {
      return s3_fail(S3REC_ERROR_NUMERIC, "not saved: tensor '%s': element %zu is NaN or infinite",
                     names[i], bad);
    }
  }
  return S3REC_OK;
}

s3rec_status s3_block_check(const s3_safetensors *file, const s3_parameter_table *table,
                            const char *prefix) {
  for (size_t i = 0; i < table->count; i++) {
    const s3_parameter *const parameter = &table->parameters[i];
    s3_tensor_name name;
    const s3_tensor *tensor;
    snprintf(name, sizeof name, "%s%s", prefix, parameter->name);
    S3_TRY(s3_safetensors_check(file, name, "F32", parameter->rank, parameter->shape, &tensor));
  }
  return S3REC_OK;
}

/* The parameters from `first` on. */
static s3rec_status read_parameters(const s3_safetensors *file, const s3_parameter_table *table,
                                    const char *prefix, size_t first, float *block) {
  for (size_t i = first; i < table->count; i++) {
    const s3_parameter *const parameter = &table->parameters[i];
    s3_tensor_name name;
    snprintf(name, sizeof name, "%s%s", prefix, parameter->name);
    S3_TRY(s3_safetensors_read_f32(file, name, parameter->rank, parameter->shape,
                                   block + parameter->offset));
  }
  return S3REC_OK;
}

s3rec_status s3_block_from_file(const s3_safetensors *file, const s3_parameter_table *table,
                                const char *prefix, float *block) {
  return read_parameters(file, table, prefix, 0, block);
}

/* A tensor that means nothing to us would be lost at the next save. */
static s3rec_status check_tensor_names(const s3_safetensors *file,
                                       const s3_parameter_table *table) {
  for (size_t i = 0; i < s3_safetensors_count(file); i++) {
    const char *const name = s3_safetensors_at(file, i)->name;
    if (strncmp(name, S3_STATE_PREFIX, sizeof S3_STATE_PREFIX - 1) == 0) continue;
    if (s3_parameter_find(table, name) == NULL && !s3_is_names_tensor(name)) {
      return s3_fail(S3REC_ERROR_FORMAT, "%s: tensor '%.100s' is not a parameter of this model",
                     s3_safetensors_path(file), name);
    }
  }
  return S3REC_OK;
}

/* Whether the file holds exactly this model, before memory is asked for it. */
static s3rec_status check_model_file(s3rec_context *context, const s3_safetensors *file,
                                     const s3rec_model_config *config) {
  s3_parameter_table table;
  const uint64_t items = (uint64_t)config->item_size - 2, limit = context->limits.items;
  if (items > limit)
    return s3_fail(S3REC_ERROR_LIMIT, "%s: %" PRIu64 " items, but s3rec_limits.items is %" PRIu64,
                   s3_safetensors_path(file), items, limit);
  S3_TRY(s3_parameter_table_create(context, config, &table));
  s3rec_status status = s3_block_check(file, &table, "");
  if (status == S3REC_OK) status = check_tensor_names(file, &table);
  s3_parameter_table_destroy(context, &table);
  return status;
}

/* A new model without weights for a file that holds exactly that model. */
static s3rec_status model_for_file(s3rec_context *context, const s3_safetensors *file,
                                   const s3rec_model_config *fallback, s3rec_model **model) {
  s3rec_model_config config;
  S3_TRY(s3_config_from_file(file, fallback, &config));
  S3_TRY(check_model_file(context, file, &config));
  return s3_model_prepare(context, &config, model);
}

/* Leaves the weights NULL where the item table, which comes first in a block, has
 * to be copied. */
static s3rec_status map_weights(const s3_safetensors *file, s3rec_model *model) {
  const s3_parameter *const items = &model->table.parameters[0];
  const char *reason = NULL;
  S3_TRY(s3_safetensors_map_f32(file, items->name, items->rank, items->shape,
                                model->table.float_count, &model->mapping, &model->weights,
                                &reason));
  if (reason != NULL) {
    s3_log(model->context, S3REC_LOG_INFO, "%s: tensor '%s' is copied, not mapped: %s",
           s3_safetensors_path(file), items->name, reason);
  }
  return S3REC_OK;
}

static s3rec_status read_weights(const s3_safetensors *file, s3rec_model *model) {
  const size_t first = model->weights != NULL ? 1 : 0; /* 0: the item table */
  if (first == 0) S3_TRY(s3_model_allocate_weights(model));
  return read_parameters(file, &model->table, "", first, model->weights);
}

static s3rec_status load_or_map(s3rec_context *context, const char *path,
                                const s3rec_model_config *fallback, bool map, s3rec_model **model) {
  s3_safetensors *file;
  s3rec_model *loaded = NULL;
  S3_TRY(s3_safetensors_open(context, path, &file));
  s3rec_status status = model_for_file(context, file, fallback, &loaded);
  if (status == S3REC_OK) status = s3_names_from_file(file, map, loaded);
  if (status == S3REC_OK) status = s3_popularity_from_file(file, loaded);
  if (status == S3REC_OK && map) status = map_weights(file, loaded);
  if (status == S3REC_OK) status = read_weights(file, loaded);
  s3_safetensors_close(file);
  if (status != S3REC_OK) {
    if (loaded != NULL) s3_model_release(loaded);
    return status;
  }
  *model = loaded;
  return S3REC_OK;
}

s3rec_status s3_model_load(s3rec_context *context, const char *path,
                           const s3rec_model_config *fallback, s3rec_model **model) {
  return load_or_map(context, path, fallback, false, model);
}

s3rec_status s3_model_map(s3rec_context *context, const char *path,
                          const s3rec_model_config *fallback, s3rec_model **model) {
  return load_or_map(context, path, fallback, true, model);
}

s3rec_status s3_model_write_file(const s3rec_model *model, const char *path, s3_tensor *tensors,
                                 size_t tensor_count, const s3_metadata *entry) {
  s3_config_metadata config;
  s3_metadata metadata[S3_CONFIG_METADATA_COUNT + S3_NAMES_METADATA_COUNT + 2];
  size_t count = S3_CONFIG_METADATA_COUNT;
  char *popularity = NULL;
  s3_config_to_metadata(&model->config, &config);
  memcpy(metadata, config.pairs, sizeof config.pairs);
  if (entry != NULL) metadata[count++] = *entry;
  s3_names_to_file(model, tensors, &tensor_count, metadata, &count);
  S3_TRY(s3_popularity_to_metadata(model, &metadata[count], &popularity));
  if (popularity != NULL) count++;
  const s3rec_status status =
      s3_safetensors_write(model->context, path, tensors, tensor_count, metadata, count);
  s3_free(model->context, popularity);
  return status;
}

s3rec_status s3_model_save(const s3rec_model *model, const char *path) {
  const size_t count = model->table.count;
  s3_tensor *const tensors =
      s3_allocate(model->context, count + S3_NAMES_TENSOR_COUNT, sizeof *tensors);
  s3_tensor_name *const names = s3_allocate(model->context, count, sizeof *names);
  s3rec_status status = S3REC_ERROR_MEMORY;
  if (tensors != NULL && names != NULL) {
    status = s3_block_to_tensors(&model->table, model->weights, "", names, tensors);
  }
  if (status == S3REC_OK) status = s3_model_write_file(model, path, tensors, count, NULL);
  s3_free(model->context, tensors);
  s3_free(model->context, names);
  return status;
}
