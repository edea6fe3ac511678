/* SPDX-License-Identifier: Apache-2.0 */
#include "model_file_fixture.h"

#include <check.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "support/model.h"

s3rec_model_config fixture_config(void) {
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  config.item_size = 7;
  config.attribute_size = 3;
  config.max_seq_length = 4;
  config.hidden_size = 6;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 3;
  config.hidden_act = S3REC_RELU;
  config.hidden_dropout_prob = 1.0 / 3;
  config.attention_probs_dropout_prob = 0.1;
  config.initializer_range = 0.7;
  return config;
}

void fixture_assert_same(const s3rec_model *a, const s3rec_model *b) {
  const s3rec_model_config *const x = &a->config, *const y = &b->config;
  ck_assert_int_eq(s3_config_same_sizes(x, y), S3REC_OK);
  ck_assert_int_eq(x->num_attention_heads, y->num_attention_heads);
  ck_assert_int_eq(x->hidden_act, y->hidden_act);
  ck_assert(x->hidden_dropout_prob == y->hidden_dropout_prob);
  ck_assert(x->attention_probs_dropout_prob == y->attention_probs_dropout_prob);
  ck_assert(x->initializer_range == y->initializer_range);
  ck_assert(test_equal_weights(a, b));
}

test_path fixture_header_file(const char *header, size_t data_size) {
  static unsigned char bytes[1 << 16];
  const size_t length = strlen(header);
  ck_assert_uint_le(8 + length + data_size, sizeof bytes);
  for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)length >> (8 * i));
  memcpy(bytes + 8, header, length);
  for (size_t i = 0; i < data_size; i++) bytes[8 + length + i] = (unsigned char)i;
  const test_path path = test_file("read.safetensors");
  test_write(path.text, bytes, 8 + length + data_size);
  return path;
}

void fixture_refuse_file(const s3rec_context *context, const char *path, s3rec_status expected,
                         const char *reason) {
  static char nobody;
  s3_safetensors *const untouched = (s3_safetensors *)(void *)&nobody, *file = untouched;
  const s3rec_status status = s3_safetensors_open(context, path, &file);
  ck_assert_msg(status == expected, "%s instead of '%s'", s3rec_status_name(status), reason);
  ck_assert_ptr_eq(file, untouched);
  ck_assert_msg(strstr(s3_error_text(), path) == s3_error_text(), "%s", s3_error_text());
  ck_assert_msg(strstr(s3_error_text(), reason) != NULL, "'%s' is not in '%s'", reason,
                s3_error_text());
}

const char fixture_header[] =
    "{\"__metadata__\":{\"key\":\"value\",\"empty\":\"\"},"
    "\"b\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[8,32]},"
    "\"a\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
    "\"none\":{\"dtype\":\"F16\",\"shape\":[0,7],\"data_offsets\":[8,8]},"
    "\"c\":{\"dtype\":\"BOOL\",\"shape\":[1,2,1,2],\"data_offsets\":[32,36],\"more\":1}}   ";

void fixture_assert_header_file(const s3_safetensors *file) {
  char bytes[4];
  const s3_tensor *const tensor = s3_safetensors_find(file, "c");
  ck_assert_int_eq(s3_safetensors_copy(file, tensor, 0, 4, bytes), S3REC_OK);
  ck_assert_mem_eq(bytes, "\x20\x21\x22\x23", 4);
  ck_assert_int_eq(s3_safetensors_copy(file, tensor, 1, 2, bytes), S3REC_OK);
  ck_assert_mem_eq(bytes, "\x21\x22\x22\x23", 4);
}
