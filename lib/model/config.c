/* SPDX-License-Identifier: Apache-2.0 */
#include "model/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/number.h"

s3rec_model_config s3_config_defaults(void) {
  return (s3rec_model_config){
      .struct_size = sizeof(s3rec_model_config),
      .attribute_size = 1,
      .max_seq_length = 50,
      .hidden_size = 64,
      .num_hidden_layers = 2,
      .num_attention_heads = 2,
      .hidden_act = S3REC_GELU,
      .hidden_dropout_prob = 0.5,
      .attention_probs_dropout_prob = 0.5,
      .initializer_range = 0.02,
  };
}

typedef struct integer_field {
  const char *name;
  int64_t value, minimum, maximum;
} integer_field;

typedef struct real_field {
  const char *name;
  double value, maximum;
} real_field;

static s3rec_status check_config_integers(const s3rec_model_config *config) {
  const integer_field fields[] = {
      {"item_size", config->item_size, 3, INT32_MAX},
      {"attribute_size", config->attribute_size, 1, INT32_MAX},
      {"max_seq_length", config->max_seq_length, 1, 4096},
      {"hidden_size", config->hidden_size, 1, 4096},
      {"num_hidden_layers", config->num_hidden_layers, 1, 64},
      {"num_attention_heads", config->num_attention_heads, 1, config->hidden_size},
      {"hidden_act", (int64_t)config->hidden_act, S3REC_GELU, S3REC_SWISH},
  };
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    const integer_field *const field = &fields[i];
    if (field->value < field->minimum || field->value > field->maximum) {
      return s3_fail(S3REC_ERROR_ARGUMENT, "%s is %" PRId64 ", must be %" PRId64 "..%" PRId64,
                     field->name, field->value, field->minimum, field->maximum);
    }
  }
  if (config->hidden_size % config->num_attention_heads != 0) {
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "hidden_size is %d, must be a multiple of num_attention_heads, which is %d",
                   config->hidden_size, config->num_attention_heads);
  }
  return S3REC_OK;
}

s3rec_status s3_config_check(const s3rec_model_config *config) {
  S3_TRY(check_config_integers(config));
  const real_field fields[] = {
      {"hidden_dropout_prob", config->hidden_dropout_prob, 0.99},
      {"attention_probs_dropout_prob", config->attention_probs_dropout_prob, 0.99},
      {"initializer_range", config->initializer_range, 10},
  };
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    const real_field *const field = &fields[i];
    if (!(field->value >= 0 && field->value <= field->maximum)) { /* NaN too */
      char value[S3_NUMBER_SIZE], maximum[S3_NUMBER_SIZE];
      s3_format_double(field->value, value);
      s3_format_double(field->maximum, maximum);
      return s3_fail(S3REC_ERROR_ARGUMENT, "%s is %s, must be 0..%s", field->name, value, maximum);
    }
  }
  return S3REC_OK;
}

s3rec_status s3_config_same_sizes(const s3rec_model_config *config,
                                  const s3rec_model_config *other) {
  const struct {
    const char *name;
    int32_t value, other;
  } fields[] = {
      {"item_size", config->item_size, other->item_size},
      {"attribute_size", config->attribute_size, other->attribute_size},
      {"max_seq_length", config->max_seq_length, other->max_seq_length},
      {"hidden_size", config->hidden_size, other->hidden_size},
      {"num_hidden_layers", config->num_hidden_layers, other->num_hidden_layers},
  };
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    if (fields[i].value != fields[i].other) {
      return s3_fail(S3REC_ERROR_MISMATCH, "%s is %d in one model and %d in the other",
                     fields[i].name, fields[i].value, fields[i].other);
    }
  }
  return S3REC_OK;
}

/* A configuration as the metadata of a file, and back. */

static const char *const activation_names[] = {
    [S3REC_GELU] = "gelu", [S3REC_RELU] = "relu", [S3REC_SWISH] = "swish"};

static char *add_pair(s3_config_metadata *metadata, size_t *count, const char *key) {
  char *const value = metadata->values[*count];
  metadata->pairs[(*count)++] = (s3_metadata){key, value};
  return value;
}

void s3_config_to_metadata(const s3rec_model_config *config, s3_config_metadata *metadata) {
  enum { SIZE = sizeof metadata->values[0] };
  _Static_assert((int)SIZE >= (int)S3_NUMBER_SIZE, "a number must fit");
  size_t count = 0;
  snprintf(add_pair(metadata, &count, "format"), SIZE, "pt");
  snprintf(add_pair(metadata, &count, "library"), SIZE, "s3rec %s", s3rec_version());
  const struct {
    const char *key;
    int32_t value;
  } integers[] = {
      {"item_size", config->item_size},
      {"attribute_size", config->attribute_size},
      {"max_seq_length", config->max_seq_length},
      {"hidden_size", config->hidden_size},
      {"num_hidden_layers", config->num_hidden_layers},
      {"num_attention_heads", config->num_attention_heads},
      {"mask_id", config->item_size - 1},
  };
  for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
    snprintf(add_pair(metadata, &count, integers[i].key), SIZE, "%" PRId32, integers[i].value);
  }
  snprintf(add_pair(metadata, &count, "hidden_act"), SIZE, "%s",
           activation_names[config->hidden_act]);
  s3_format_double(config->hidden_dropout_prob, add_pair(metadata, &count, "hidden_dropout_prob"));
  s3_format_double(config->attention_probs_dropout_prob,
                   add_pair(metadata, &count, "attention_probs_dropout_prob"));
  s3_format_double(config->initializer_range, add_pair(metadata, &count, "initializer_range"));
}

static s3rec_status fail_metadata(const s3_safetensors *file, const char *key,
                                  const char *expected) {
  return s3_fail(S3REC_ERROR_FORMAT, "%s: metadata '%s' is '%.40s', must be %s",
                 s3_safetensors_path(file), key, s3_safetensors_metadata(file, key), expected);
}

/* The following leave *value alone when the file does not have the key. */
static s3rec_status read_integer_entry(const s3_safetensors *file, const char *key,
                                       int32_t *value) {
  const char *const text = s3_safetensors_metadata(file, key);
  int64_t parsed;
  if (text == NULL) return S3REC_OK;
  if (!s3_parse_int64(text, INT32_MIN, INT32_MAX, &parsed)) {
    return fail_metadata(file, key, "an integer of 32 bits");
  }
  *value = (int32_t)parsed;
  return S3REC_OK;
}

static s3rec_status read_real_entry(const s3_safetensors *file, const char *key, double *value) {
  const char *const text = s3_safetensors_metadata(file, key);
  if (text == NULL || s3_parse_double(text, value)) return S3REC_OK;
  return fail_metadata(file, key, "a decimal number");
}

static s3rec_status read_activation_entry(const s3_safetensors *file, s3rec_activation *value) {
  const char *const text = s3_safetensors_metadata(file, "hidden_act");
  if (text == NULL) return S3REC_OK;
  for (int i = S3REC_GELU; i <= S3REC_SWISH; i++) {
    if (strcmp(text, activation_names[i]) == 0) {
      *value = (s3rec_activation)i;
      return S3REC_OK;
    }
  }
  return fail_metadata(file, "hidden_act", "gelu, relu or swish");
}

/* A size that a tensor's shape tells and the metadata may repeat. */
static s3rec_status read_size_entry(const s3_safetensors *file, const char *key, const char *tensor,
                                    int32_t dimension, int32_t *size) {
  const char *const path = s3_safetensors_path(file);
  const s3_tensor *const found = s3_safetensors_find(file, tensor);
  if (found == NULL) {
    return s3_fail(S3REC_ERROR_FORMAT, "%s: tensor '%s' is missing", path, tensor);
  }
  if (found->rank != 2 || found->shape[dimension] < 1 || found->shape[dimension] > INT32_MAX) {
    return s3_fail(S3REC_ERROR_FORMAT, "%s: tensor '%s': shape must have two dimensions of 1..%d",
                   path, tensor, INT32_MAX);
  }
  *size = (int32_t)found->shape[dimension];
  int32_t repeated = *size;
  S3_TRY(read_integer_entry(file, key, &repeated));
  if (repeated != *size) {
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s: metadata '%s' is %d, but dimension %d of tensor '%s' is %d", path, key,
                   repeated, dimension, tensor, *size);
  }
  return S3REC_OK;
}

/* The digits at the beginning of a text, INT32_MAX - 1 for a larger number; -1 without any. */
static int32_t leading_number(const char *text) {
  int64_t number = *text >= '0' && *text <= '9' ? 0 : -1;
  for (; *text >= '0' && *text <= '9'; text++)
    if (number < INT32_MAX) number = number * 10 + (*text - '0');
  return number < INT32_MAX ? (int32_t)number : INT32_MAX - 1;
}

/* One more than the highest layer that some tensor's name holds; nothing is made of that number
 * before it has been found in range. */
static s3rec_status read_layer_count(const s3_safetensors *file, int32_t *layer_count) {
  static const char prefix[] = "item_encoder.layer.";
  int32_t highest = -1;
  for (size_t i = 0; i < s3_safetensors_count(file); i++) {
    const char *const name = s3_safetensors_at(file, i)->name;
    if (strncmp(name, prefix, sizeof prefix - 1) != 0) continue;
    const int32_t number = leading_number(name + sizeof prefix - 1);
    if (number > highest) highest = number;
  }
  *layer_count = highest + 1;
  int32_t repeated = *layer_count;
  S3_TRY(read_integer_entry(file, "num_hidden_layers", &repeated));
  if (repeated != *layer_count) {
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s: metadata 'num_hidden_layers' is %d, but the tensors are those of "
                   "%d layers",
                   s3_safetensors_path(file), repeated, *layer_count);
  }
  return S3REC_OK;
}

static s3rec_status read_config_entries(const s3_safetensors *file, s3rec_model_config *config) {
  static const char items[] = "item_embeddings.weight";
  S3_TRY(read_size_entry(file, "item_size", items, 0, &config->item_size));
  S3_TRY(read_size_entry(file, "hidden_size", items, 1, &config->hidden_size));
  S3_TRY(read_size_entry(file, "attribute_size", "attribute_embeddings.weight", 0,
                         &config->attribute_size));
  S3_TRY(read_size_entry(file, "max_seq_length", "position_embeddings.weight", 0,
                         &config->max_seq_length));
  S3_TRY(read_layer_count(file, &config->num_hidden_layers));
  int32_t mask_id = config->item_size - 1;
  S3_TRY(read_integer_entry(file, "mask_id", &mask_id));
  if (mask_id != config->item_size - 1) {
    return s3_fail(S3REC_ERROR_FORMAT, "%s: metadata 'mask_id' is %d, must be item_size - 1 = %d",
                   s3_safetensors_path(file), mask_id, config->item_size - 1);
  }
  S3_TRY(read_integer_entry(file, "num_attention_heads", &config->num_attention_heads));
  S3_TRY(read_activation_entry(file, &config->hidden_act));
  S3_TRY(read_real_entry(file, "hidden_dropout_prob", &config->hidden_dropout_prob));
  S3_TRY(
      read_real_entry(file, "attention_probs_dropout_prob", &config->attention_probs_dropout_prob));
  return read_real_entry(file, "initializer_range", &config->initializer_range);
}

s3rec_status s3_config_from_file(const s3_safetensors *file, const s3rec_model_config *fallback,
                                 s3rec_model_config *config) {
  s3rec_model_config merged = fallback != NULL ? *fallback : s3_config_defaults();
  S3_TRY(read_config_entries(file, &merged));
  if (s3_config_check(&merged) != S3REC_OK) {
    char reason[256];
    snprintf(reason, sizeof reason, "%s", s3_error_text());
    const bool whole = s3_safetensors_metadata(file, "num_attention_heads") != NULL;
    return s3_fail(whole || fallback == NULL ? S3REC_ERROR_FORMAT : S3REC_ERROR_ARGUMENT, "%s: %s",
                   s3_safetensors_path(file), reason);
  }
  *config = merged;
  return S3REC_OK;
}
