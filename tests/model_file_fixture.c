/* SPDX-License-Identifier: Apache-2.0 */
#include "model_file_fixture.h"

#include <check.h>

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
