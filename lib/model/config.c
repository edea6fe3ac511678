/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/error.h"
#include "base/number.h"
#include "model/model.h"

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

static s3rec_status check_integers(const s3rec_model_config *config) {
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
      return s3_fail(S3REC_ERROR_ARGUMENT,
                     "%s is %" PRId64 ", must be %" PRId64 "..%" PRId64, field->name,
                     field->value, field->minimum, field->maximum);
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
  S3_TRY(check_integers(config));
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
      return s3_fail(S3REC_ERROR_ARGUMENT, "%s is %s, must be 0..%s", field->name, value,
                     maximum);
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
      return s3_fail(S3REC_ERROR_MISMATCH, "%s is %d in one and %d in the other", fields[i].name,
                     fields[i].value, fields[i].other);
    }
  }
  return S3REC_OK;
}
