/* SPDX-License-Identifier: Apache-2.0 */
#include "model/model.h"

#include <string.h>

#include "base/error.h"
#include "base/random.h"

s3rec_status s3_model_prepare(s3rec_context *context, const s3rec_model_config *config,
                              s3rec_model **model) {
  s3rec_model *created = s3_allocate(context, 1, sizeof *created);
  if (created == NULL) return S3REC_ERROR_MEMORY;
  atomic_init(&created->references, 1);
  atomic_init(&created->users, 0);
  atomic_init(&created->compact_bytes, 0);
  if (pthread_mutex_init(&created->compact_lock, NULL) != 0) {
    s3_free(context, created);
    return s3_fail(S3REC_ERROR_MEMORY, "no memory for a lock");
  }
  created->context = s3_context_retain(context);
  created->config = *config;
  const s3rec_status status = s3_parameter_table_create(context, config, &created->table);
  if (status != S3REC_OK) {
    s3_model_release(created);
    return status;
  }
  *model = created;
  return S3REC_OK;
}

s3rec_status s3_model_allocate_weights(s3rec_model *model) {
  const s3_parameter_table *const table = &model->table;
  model->weights = s3_allocate_unset(model->context, table->float_count, sizeof(float));
  if (model->weights == NULL) return S3REC_ERROR_MEMORY;
  const size_t items = table->parameters[0].count;
  memset(model->weights + items, 0, (table->float_count - items) * sizeof(float));
  return S3REC_OK;
}

s3rec_status s3_model_allocate(s3rec_context *context, const s3rec_model_config *config,
                               s3rec_model **model) {
  s3rec_model *created;
  S3_TRY(s3_model_prepare(context, config, &created));
  const s3rec_status status = s3_model_allocate_weights(created);
  if (status != S3REC_OK) {
    s3_model_release(created);
    return status;
  }
  *model = created;
  return S3REC_OK;
}

size_t s3_model_memory(const s3rec_model *model) {
  return model->table.float_count * sizeof(float) + atomic_load(&model->compact_bytes);
}

void s3_model_initialise(s3rec_model *model, uint64_t seed, s3_normal_function normal) {
  for (size_t p = 0; p < model->table.count; p++) {
    const s3_parameter *const parameter = &model->table.parameters[p];
    float *const values = model->weights + parameter->offset;
    if (parameter->initialisation == S3_INIT_NORMAL) {
      normal(parameter->count, model->config.initializer_range, s3_key(seed, p), values);
    } else {
      const float value = parameter->initialisation == S3_INIT_ONE ? 1.0f : 0.0f;
      for (size_t i = 0; i < parameter->count; i++) values[i] = value;
    }
  }
}

s3rec_model *s3_model_retain(s3rec_model *model) {
  atomic_fetch_add_explicit(&model->references, 1, memory_order_relaxed);
  return model;
}

static void drop_compact(s3rec_model *model) {
  for (size_t i = 0; i < S3_COMPACT_KINDS; i++) {
    s3_free(model->context, model->compact[i]);
    model->compact[i] = NULL;
  }
  atomic_store(&model->compact_bytes, 0);
}

void s3_model_release(s3rec_model *model) {
  if (atomic_fetch_sub_explicit(&model->references, 1, memory_order_acq_rel) != 1) return;
  s3rec_context *const context = model->context;
  drop_compact(model);
  pthread_mutex_destroy(&model->compact_lock);
  s3_parameter_table_destroy(context, &model->table);
  if (model->mapping.address == NULL) s3_free(context, model->weights);
  s3_mapping_release(&model->mapping);
  s3_vocabulary_release(model->item_names);
  s3_vocabulary_release(model->attribute_names);
  s3_free(context, model->popularity);
  s3_free(context, model);
  s3_context_release(context);
}

s3rec_status s3_model_begin_scoring(s3rec_model *model) {
  size_t users = atomic_load(&model->users);
  do {
    if (users == S3_MODEL_TRAINED) {
      return s3_fail(S3REC_ERROR_STATE,
                     "the model has a trainer; destroy it or score a clone of the model");
    }
  } while (!atomic_compare_exchange_weak(&model->users, &users, users + 1));
  return S3REC_OK;
}

void s3_model_end_scoring(s3rec_model *model) { atomic_fetch_sub(&model->users, 1); }

static s3rec_status fail_scored(size_t scorers) {
  return s3_fail(S3REC_ERROR_STATE,
                 "the model has %zu scorer(s), with those that recommenders hold; destroy them or "
                 "work on a clone of the model",
                 scorers);
}

s3rec_status s3_model_begin_training(s3rec_model *model) {
  size_t users = 0;
  if (atomic_compare_exchange_strong(&model->users, &users, S3_MODEL_TRAINED)) {
    drop_compact(model);
    return S3REC_OK;
  }
  if (users == S3_MODEL_TRAINED) {
    return s3_fail(S3REC_ERROR_STATE, "the model has a trainer already");
  }
  return fail_scored(users);
}

void s3_model_end_training(s3rec_model *model) { atomic_store(&model->users, 0); }

s3rec_status s3_model_begin_writing(s3rec_model *model, bool *locked) {
  size_t users = 0;
  *locked = atomic_compare_exchange_strong(&model->users, &users, S3_MODEL_TRAINED);
  if (*locked) drop_compact(model);
  return *locked || users == S3_MODEL_TRAINED ? S3REC_OK : fail_scored(users);
}

void s3_model_end_writing(s3rec_model *model, bool locked) {
  if (locked) s3_model_end_training(model);
}

s3rec_status s3_model_set_dropouts(s3rec_model *model, double hidden_dropout_prob,
                                   double attention_probs_dropout_prob) {
  s3rec_model_config config = model->config;
  config.hidden_dropout_prob = hidden_dropout_prob;
  config.attention_probs_dropout_prob = attention_probs_dropout_prob;
  S3_TRY(s3_config_check(&config));
  S3_TRY(s3_model_begin_training(model)); /* a step's passes read them */
  model->config = config;
  s3_model_end_training(model);
  return S3REC_OK;
}

s3rec_status s3_model_check_unscored(const s3rec_model *model) {
  const size_t users = atomic_load(&model->users);
  return users != 0 && users != S3_MODEL_TRAINED ? fail_scored(users) : S3REC_OK;
}

static s3rec_status check_vocabulary(const char *what, const s3rec_vocabulary *names,
                                     int32_t first_id, int32_t count) {
  if (names == NULL) return S3REC_OK;
  if (names->first_id != first_id) {
    return s3_fail(S3REC_ERROR_ARGUMENT, "%s: first_id of the names is %d, must be %d", what,
                   (int)names->first_id, (int)first_id);
  }
  if (names->names.count != (size_t)count) {
    return s3_fail(S3REC_ERROR_MISMATCH, "%s: %zu names, the model needs %d", what,
                   names->names.count, (int)count);
  }
  return S3REC_OK;
}

s3rec_status s3_model_set_names(s3rec_model *model, s3rec_vocabulary *items,
                                s3rec_vocabulary *attributes) {
  S3_TRY(check_vocabulary("items", items, 1, model->config.item_size - 2));
  S3_TRY(check_vocabulary("attributes", attributes, 0, model->config.attribute_size));
  S3_TRY(s3_model_check_unscored(model));
  s3rec_vocabulary *const old[] = {model->item_names, model->attribute_names};
  model->item_names = s3_vocabulary_retain(items);
  model->attribute_names = s3_vocabulary_retain(attributes);
  s3_vocabulary_release(old[0]);
  s3_vocabulary_release(old[1]);
  return S3REC_OK;
}
