/* SPDX-License-Identifier: Apache-2.0 */
#include "s3rec/model.h"

#include <string.h>

#include "base/number.h"
#include "base/options.h"
#include "data/dataset.h"
#include "kernels/kernels.h"
#include "model/model.h"
#include "model/model_file.h"
#include "model/popularity.h"
#include "model/weights_hash.h"
#include "scoring/popularity.h"

void s3rec_model_config_init(s3rec_model_config *config) { *config = s3_config_defaults(); }

static s3rec_status copy_config(const s3rec_model_config *source, s3rec_model_config *config) {
  s3rec_model_config_init(config);
  return s3_options_copy(config, sizeof *config, source,
                         S3_SIZE_UNTIL(s3rec_model_config, initializer_range),
                         "s3rec_model_config");
}

s3rec_status s3rec_model_create(s3rec_context *context, const s3rec_model_config *config,
                                uint64_t seed, s3rec_model **model) {
  S3_REQUIRE(context);
  S3_REQUIRE(config);
  S3_REQUIRE(model);
  s3rec_model_config checked;
  S3_TRY(copy_config(config, &checked));
  S3_TRY(s3_config_check(&checked));
  s3rec_model *created;
  S3_TRY(s3_model_allocate(context, &checked, &created));
  s3_model_initialise(created, seed, context->kernels->normal);
  *model = created;
  return S3REC_OK;
}

static int32_t larger_size(int32_t a, int32_t b) { return a > b ? a : b; }

s3rec_status s3rec_model_create_for(const s3rec_dataset *dataset, const s3rec_model_config *config,
                                    uint64_t seed, s3rec_model **model) {
  S3_REQUIRE(dataset);
  S3_REQUIRE(model);
  s3rec_model_config sized = s3_config_defaults();
  if (config != NULL) S3_TRY(copy_config(config, &sized));
  sized.item_size = larger_size(sized.item_size, dataset->info.item_size);
  sized.attribute_size = larger_size(sized.attribute_size, dataset->info.attribute_size);
  s3rec_model *created;
  S3_TRY(s3rec_model_create(dataset->context, &sized, seed, &created));
  if (sized.item_size == dataset->info.item_size)
    created->item_names = s3_vocabulary_retain(dataset->item_names);
  if (sized.attribute_size == dataset->info.attribute_size)
    created->attribute_names = s3_vocabulary_retain(dataset->attribute_names);
  *model = created;
  return S3REC_OK;
}

s3rec_status s3rec_model_load(s3rec_context *context, const char *path,
                              const s3rec_model_config *fallback, s3rec_model **model) {
  S3_REQUIRE(context);
  S3_REQUIRE(path);
  S3_REQUIRE(model);
  if (fallback == NULL) return s3_model_load(context, path, NULL, model);
  s3rec_model_config copied;
  S3_TRY(copy_config(fallback, &copied));
  return s3_model_load(context, path, &copied, model);
}

s3rec_status s3rec_model_map(s3rec_context *context, const char *path,
                             const s3rec_model_config *fallback, s3rec_model **model) {
  S3_REQUIRE(context);
  S3_REQUIRE(path);
  S3_REQUIRE(model);
  if (fallback == NULL) return s3_model_map(context, path, NULL, model);
  s3rec_model_config copied;
  S3_TRY(copy_config(fallback, &copied));
  return s3_model_map(context, path, &copied, model);
}

s3rec_status s3rec_model_save(const s3rec_model *model, const char *path) {
  S3_REQUIRE(model);
  S3_REQUIRE(path);
  return s3_model_save(model, path);
}

s3rec_status s3rec_model_clone(const s3rec_model *model, s3rec_model **clone) {
  S3_REQUIRE(model);
  S3_REQUIRE(clone);
  s3rec_model *created;
  S3_TRY(s3_model_allocate(model->context, &model->config, &created));
  memcpy(created->weights, model->weights, model->table.float_count * sizeof(float));
  created->item_names = s3_vocabulary_retain(model->item_names);
  created->attribute_names = s3_vocabulary_retain(model->attribute_names);
  const s3rec_status status = s3_model_copy_popularity(model, created);
  if (status != S3REC_OK) {
    s3_model_release(created);
    return status;
  }
  *clone = created;
  return S3REC_OK;
}

s3rec_status s3rec_model_copy_weights(s3rec_model *model, const s3rec_model *source) {
  S3_REQUIRE(model);
  S3_REQUIRE(source);
  S3_TRY(s3_config_same_sizes(&model->config, &source->config));
  bool locked;
  S3_TRY(s3_model_begin_writing(model, &locked));
  memmove(model->weights, source->weights, model->table.float_count * sizeof(float));
  s3_model_end_writing(model, locked);
  return S3REC_OK;
}

s3rec_status s3rec_model_set_dropouts(s3rec_model *model, double hidden_dropout_prob,
                                      double attention_probs_dropout_prob) {
  S3_REQUIRE(model);
  return s3_model_set_dropouts(model, hidden_dropout_prob, attention_probs_dropout_prob);
}

size_t s3rec_model_memory(const s3rec_model *model) {
  return model == NULL ? 0 : s3_model_memory(model);
}

s3rec_status s3rec_model_set_names(s3rec_model *model, s3rec_vocabulary *items,
                                   s3rec_vocabulary *attributes) {
  S3_REQUIRE(model);
  return s3_model_set_names(model, items, attributes);
}

s3rec_status s3rec_model_item_names(const s3rec_model *model, s3rec_vocabulary **names) {
  S3_REQUIRE(model);
  S3_REQUIRE(names);
  *names = s3_vocabulary_retain(model->item_names);
  return S3REC_OK;
}

s3rec_status s3rec_model_attribute_names(const s3rec_model *model, s3rec_vocabulary **names) {
  S3_REQUIRE(model);
  S3_REQUIRE(names);
  *names = s3_vocabulary_retain(model->attribute_names);
  return S3REC_OK;
}

static s3rec_status check_item_count(const s3rec_model *model, size_t count,
                                     s3rec_status status) {
  if (count == (size_t)model->config.item_size) return S3REC_OK;
  return s3_fail(status, "popularity: count is %zu, must be item_size, %d", count,
                 (int)model->config.item_size);
}

s3rec_status s3rec_model_set_popularity(s3rec_model *model, const int32_t *counts,
                                        size_t count) {
  S3_REQUIRE(model);
  if (counts == NULL && count == 0) return s3_model_set_popularity(model, NULL);
  S3_REQUIRE(counts);
  S3_TRY(check_item_count(model, count, S3REC_ERROR_MISMATCH));
  return s3_model_set_popularity(model, counts);
}

s3rec_status s3rec_model_count_popularity(s3rec_model *model, const s3rec_dataset *dataset,
                                          int32_t held_out_count) {
  S3_REQUIRE(model);
  S3_REQUIRE(dataset);
  if (held_out_count < 0 || held_out_count > 2) {
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_model_count_popularity: held_out_count is %d, must be 0..2",
                   (int)held_out_count);
  }
  return s3_model_count_popularity(model, dataset, (size_t)held_out_count);
}

s3rec_status s3rec_model_popularity(const s3rec_model *model, int32_t *counts, size_t count) {
  S3_REQUIRE(model);
  S3_REQUIRE(counts);
  S3_TRY(check_item_count(model, count, S3REC_ERROR_ARGUMENT));
  if (model->popularity == NULL) {
    return s3_fail(S3REC_ERROR_NOT_FOUND, "the model has no popularity");
  }
  memcpy(counts, model->popularity, count * sizeof *counts);
  return S3REC_OK;
}

void s3rec_model_destroy(s3rec_model *model) {
  if (model != NULL) s3_model_release(model);
}

s3rec_status s3rec_model_config_get(const s3rec_model *model, s3rec_model_config *config) {
  S3_REQUIRE(model);
  S3_REQUIRE(config);
  S3_TRY(s3_output_check(config, S3_SIZE_UNTIL(s3rec_model_config, initializer_range),
                         "s3rec_model_config"));
  s3_output_write(config, &model->config, sizeof model->config);
  return S3REC_OK;
}

void s3rec_parameter_info_init(s3rec_parameter_info *info) {
  *info = (s3rec_parameter_info){.struct_size = sizeof *info};
}

size_t s3rec_model_parameter_count(const s3rec_model *model) {
  return model == NULL ? 0 : model->table.count;
}

s3rec_status s3rec_model_parameter_info(const s3rec_model *model, size_t index,
                                        s3rec_parameter_info *info) {
  S3_REQUIRE(model);
  S3_REQUIRE(info);
  S3_TRY(s3_output_check(info, S3_SIZE_UNTIL(s3rec_parameter_info, element_count),
                         "s3rec_parameter_info"));
  if (index >= model->table.count) {
    return s3_fail(S3REC_ERROR_ARGUMENT, "parameter index is %zu, must be below %zu", index,
                   model->table.count);
  }
  const s3_parameter *const parameter = &model->table.parameters[index];
  const s3rec_parameter_info filled = {.name = parameter->name,
                                       .rank = parameter->rank,
                                       .shape = {parameter->shape[0], parameter->shape[1]},
                                       .element_count = parameter->count};
  s3_output_write(info, &filled, sizeof filled);
  return S3REC_OK;
}

s3rec_status s3rec_model_parameter_read(const s3rec_model *model, const char *name,
                                        float *values, size_t count) {
  S3_REQUIRE(model);
  S3_REQUIRE(name);
  S3_REQUIRE(values);
  const s3_parameter *parameter = NULL;
  S3_TRY(s3_parameter_match(&model->table, name, count, &parameter));
  memcpy(values, model->weights + parameter->offset, count * sizeof(float));
  return S3REC_OK;
}

s3rec_status s3rec_model_parameter_write(s3rec_model *model, const char *name,
                                         const float *values, size_t count) {
  S3_REQUIRE(model);
  S3_REQUIRE(name);
  S3_REQUIRE(values);
  const s3_parameter *parameter = NULL;
  S3_TRY(s3_parameter_match(&model->table, name, count, &parameter));
  const size_t bad = s3_first_not_finite(values, count);
  if (bad < count) {
    return s3_fail(S3REC_ERROR_NUMERIC, "element %zu for parameter '%s' is NaN or infinite", bad,
                   name);
  }
  bool locked;
  S3_TRY(s3_model_begin_writing(model, &locked));
  memcpy(model->weights + parameter->offset, values, count * sizeof(float));
  s3_model_end_writing(model, locked);
  return S3REC_OK;
}

uint64_t s3rec_model_fingerprint(const s3rec_model *model) {
  return model == NULL ? 0 : s3_weights_hash(&model->table, model->weights);
}

s3rec_status s3rec_model_file_metadata(s3rec_context *context, const char *path,
                                       s3rec_metadata_function visit, void *user_data) {
  S3_REQUIRE(context);
  S3_REQUIRE(path);
  S3_REQUIRE(visit);
  s3_safetensors *file;
  S3_TRY(s3_safetensors_open(context, path, &file));
  s3_safetensors_visit_metadata(file, visit, user_data);
  s3_safetensors_close(file);
  return S3REC_OK;
}
