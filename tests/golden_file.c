/* SPDX-License-Identifier: Apache-2.0 */
#include "golden_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool complain(const s3_safetensors *file, const char *name, const char *what) {
  fprintf(stderr, "%s: %s: %s\n", s3_safetensors_path(file), name, what);
  return false;
}

static bool complain_status(const s3_safetensors *file, const char *name) {
  return complain(file, name, s3rec_last_error());
}

bool golden_number(const s3_safetensors *file, const char *key, double fallback, double *value) {
  const char *text = s3_safetensors_metadata(file, key);
  char *end = NULL;
  *value = fallback;
  if (text == NULL) return true;
  *value = strtod(text, &end);
  return (end != text && *end == '\0') || complain(file, key, "metadata is not a number");
}

static bool size_field(const s3_safetensors *file, const char *key, const char *parameter, int axis,
                       int32_t *field) {
  const s3_tensor *tensor = s3_safetensors_find(file, parameter);
  double value = *field;
  if (tensor != NULL && axis < tensor->rank) value = (double)tensor->shape[axis];
  if (!golden_number(file, key, value, &value)) return false;
  if (!(value >= 1 && value <= INT32_MAX)) return complain(file, key, "size out of range");
  *field = (int32_t)value;
  return true;
}

bool golden_config(const s3_safetensors *file, s3rec_model_config *config) {
  static const struct {
    const char *name;
    s3rec_activation activation;
  } activations[] = {{"gelu", S3REC_GELU}, {"relu", S3REC_RELU}, {"swish", S3REC_SWISH}};
  const char *items = "param.item_embeddings.weight";
  const char *act = s3_safetensors_metadata(file, "hidden_act");
  double hidden_dropout, probs_dropout;
  s3rec_model_config_init(config);
  if (!size_field(file, "item_size", items, 0, &config->item_size) ||
      !size_field(file, "hidden_size", items, 1, &config->hidden_size) ||
      !size_field(file, "attribute_size", "param.attribute_embeddings.weight", 0,
                  &config->attribute_size) ||
      !size_field(file, "max_seq_length", "param.position_embeddings.weight", 0,
                  &config->max_seq_length) ||
      !size_field(file, "num_hidden_layers", "", 0, &config->num_hidden_layers) ||
      !size_field(file, "num_attention_heads", "", 0, &config->num_attention_heads) ||
      !golden_number(file, "hidden_dropout_prob", 0, &hidden_dropout) ||
      !golden_number(file, "attention_probs_dropout_prob", 0, &probs_dropout)) {
    return false;
  }
  if (hidden_dropout != 0 || probs_dropout != 0) {
    return complain(file, "dropout", "golden tensors with dropout cannot be reproduced");
  }
  config->hidden_dropout_prob = 0;
  config->attention_probs_dropout_prob = 0;
  for (size_t i = 0; act != NULL && i < sizeof activations / sizeof *activations; i++) {
    if (strcmp(act, activations[i].name) == 0) {
      config->hidden_act = activations[i].activation;
      act = NULL;
    }
  }
  return act == NULL || complain(file, "hidden_act", "unknown activation");
}

void *golden_bytes(const s3_safetensors *file, const s3_tensor *tensor) {
  void *const bytes = malloc(tensor->byte_count + 1);
  if (bytes == NULL) return NULL;
  if (s3_safetensors_copy(file, tensor, 0, tensor->byte_count, bytes) == S3REC_OK) return bytes;
  free(bytes);
  return NULL;
}

bool golden_read(const s3_safetensors *file, const char *group, const char *name,
                 golden_tensor *tensor) {
  char full[GOLDEN_NAME_SIZE];
  const s3_tensor *found;
  *tensor = (golden_tensor){0, NULL};
  snprintf(full, sizeof full, "%s%s%s", group, name == NULL ? "" : ".", name == NULL ? "" : name);
  found = s3_safetensors_find(file, full);
  if (found == NULL) return true;
  const bool wide = strcmp(found->dtype, "F64") == 0;
  if (!wide && strcmp(found->dtype, "F32") != 0) return complain(file, full, "is not F32 or F64");
  tensor->count = found->byte_count / (wide ? sizeof(double) : sizeof(float));
  tensor->values = malloc((tensor->count + 1) * sizeof(double));
  if (tensor->values == NULL) return complain(file, full, "out of memory");
  void *const bytes = golden_bytes(file, found);
  if (bytes == NULL) return complain(file, full, "cannot be read");
  for (size_t i = 0; i < tensor->count; i++)
    tensor->values[i] = wide ? ((double *)bytes)[i] : (double)((float *)bytes)[i];
  free(bytes);
  return true;
}

void golden_free(golden_tensor *tensor) {
  free(tensor->values);
  *tensor = (golden_tensor){0, NULL};
}

static bool write_parameters(const s3_safetensors *file, s3rec_model *model) {
  size_t present = 0;
  for (size_t i = 0; i < s3_safetensors_count(file); i++) {
    present += strncmp(s3_safetensors_at(file, i)->name, "param.", 6) == 0;
  }
  for (size_t i = 0; i < s3rec_model_parameter_count(model); i++) {
    s3rec_parameter_info info;
    golden_tensor tensor;
    s3rec_parameter_info_init(&info);
    if (s3rec_model_parameter_info(model, i, &info) != S3REC_OK) {
      return complain_status(file, "parameter table");
    }
    if (!golden_read(file, "param", info.name, &tensor)) return false;
    if (tensor.values == NULL) return complain(file, info.name, "param.* is missing");
    float *values = malloc((tensor.count + 1) * sizeof *values);
    for (size_t j = 0; values != NULL && j < tensor.count; j++) values[j] = (float)tensor.values[j];
    const bool written =
        values != NULL &&
        s3rec_model_parameter_write(model, info.name, values, tensor.count) == S3REC_OK;
    free(values);
    golden_free(&tensor);
    if (!written) return complain_status(file, info.name);
  }
  return present == s3rec_model_parameter_count(model) ||
         complain(file, "param.*", "the file has parameters that the model lacks");
}

bool golden_model(s3rec_context *context, const s3_safetensors *file, s3rec_model **model) {
  s3rec_model_config config;
  if (!golden_config(file, &config)) return false;
  if (s3rec_model_create(context, &config, 1, model) != S3REC_OK) {
    return complain_status(file, "model");
  }
  if (write_parameters(file, *model)) return true;
  s3rec_model_destroy(*model);
  return false;
}

bool golden_ids(const s3_safetensors *file, const char *name, int32_t *rows, int32_t *columns,
                int32_t **ids) {
  const s3_tensor *tensor = s3_safetensors_find(file, name);
  if (tensor == NULL || strcmp(tensor->dtype, "I32") != 0 || tensor->rank != 2 ||
      tensor->shape[0] > 65536 || tensor->shape[1] > 4096) {
    return false;
  }
  *ids = golden_bytes(file, tensor);
  if (*ids == NULL) return false;
  *rows = (int32_t)tensor->shape[0];
  *columns = (int32_t)tensor->shape[1];
  return true;
}

/* Reads `count` id arrays of one common shape. */
static bool id_arrays(const s3_safetensors *file, size_t count, const char *const *names,
                      int32_t *rows, int32_t *columns, int32_t **ids) {
  for (size_t i = 0; i < count; i++) {
    int32_t r, c;
    if (!golden_ids(file, names[i], &r, &c, &ids[i])) {
      return complain(file, names[i], "is missing or not an I32 matrix");
    }
    if (i > 0 && (r != *rows || c != *columns)) {
      return complain(file, names[i], "differs in shape from the batch's other arrays");
    }
    *rows = r;
    *columns = c;
  }
  return true;
}

static bool pretrain_batch(const s3_safetensors *file, s3rec_batch *batch) {
  static const char *const names[6] = {
      "batch.masked_item_sequence",    "batch.pos_items",   "batch.neg_items",
      "batch.masked_segment_sequence", "batch.pos_segment", "batch.neg_segment"};
  int32_t *ids[6] = {NULL};
  const s3_tensor *attributes = s3_safetensors_find(file, "batch.attributes");
  void *bytes = NULL;
  s3rec_pretrain_arrays arrays;
  s3rec_model_config config;
  double mask_id;
  bool good = golden_config(file, &config) &&
              golden_number(file, "mask_id", config.item_size - 1, &mask_id);
  s3rec_pretrain_arrays_init(&arrays);
  good = good && id_arrays(file, 6, names, &arrays.batch_size, &arrays.max_seq_length, ids);
  if (good && (attributes == NULL || strcmp(attributes->dtype, "U8") != 0 ||
               attributes->rank != 3 || attributes->shape[0] != arrays.batch_size ||
               attributes->shape[1] != arrays.max_seq_length ||
               attributes->shape[2] != config.attribute_size)) {
    good = complain(file, "batch.attributes", "is missing or not U8 [B, L, attribute_size]");
  }
  if (good) {
    arrays.attribute_size = config.attribute_size;
    arrays.mask_id = (int32_t)mask_id;
    bytes = golden_bytes(file, attributes);
    arrays.attributes = bytes;
    arrays.masked_item_sequence = ids[0];
    arrays.pos_items = ids[1];
    arrays.neg_items = ids[2];
    arrays.masked_segment_sequence = ids[3];
    arrays.pos_segment = ids[4];
    arrays.neg_segment = ids[5];
    good = s3rec_batch_set_pretrain(batch, &arrays) == S3REC_OK || complain_status(file, "batch");
  }
  for (size_t i = 0; i < 6; i++) free(ids[i]);
  free(bytes);
  return good;
}

static bool finetune_batch(const s3_safetensors *file, s3rec_batch *batch) {
  static const char *const names[3] = {"batch.input_ids", "batch.target_pos", "batch.target_neg"};
  int32_t *ids[3] = {NULL};
  int32_t rows = 0, columns = 0;
  /* Without negatives only the cross-entropy groups can be checked. */
  const size_t count = s3_safetensors_find(file, names[2]) == NULL ? 2 : 3;
  bool good = id_arrays(file, count, names, &rows, &columns, ids);
  if (good) {
    good = s3rec_batch_set_finetune(batch, rows, columns, ids[0], ids[1], ids[2]) == S3REC_OK ||
           complain_status(file, "batch");
  }
  for (size_t i = 0; i < 3; i++) free(ids[i]);
  return good;
}

bool golden_batch(s3rec_context *context, const s3_safetensors *file, s3rec_stage stage,
                  s3rec_batch **batch) {
  const bool pretrain = stage == S3REC_STAGE_PRETRAIN;
  *batch = NULL;
  /* A file with less than a whole batch may still hold encoder outputs. */
  if (s3_safetensors_find(file, pretrain ? "batch.pos_items" : "batch.target_pos") == NULL) {
    return true;
  }
  if (s3rec_batch_create(context, batch) != S3REC_OK) return complain_status(file, "batch");
  if (pretrain ? pretrain_batch(file, *batch) : finetune_batch(file, *batch)) return true;
  s3rec_batch_destroy(*batch);
  *batch = NULL;
  return false;
}
