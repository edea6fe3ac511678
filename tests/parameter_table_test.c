/* SPDX-License-Identifier: Apache-2.0 */
/* model/parameter_table.h: names, shapes, order and layout. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/parameter_table.h"
#include "support/hooks.h"
#include "support/suite.h"

static test_hooks hooks;
static s3rec_context *context;

static void set_up(void) { context = test_hooks_context(&hooks); }

static void tear_down(void) {
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

static s3rec_model_config make_config(int32_t items, int32_t hidden, int32_t layers) {
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  config.item_size = items;
  config.attribute_size = 5;
  config.max_seq_length = 7;
  config.hidden_size = hidden;
  config.num_hidden_layers = layers;
  return config;
}

/* The state dict of the reference, written out; %d is the layer. */
static const struct {
  const char *name;
  int rows, columns; /* of a model with I = 11, A = 5, L = 7, H = 6; 0 = no dimension */
  s3_initialisation initialisation;
} embeddings[] = {
    {"item_embeddings.weight", 11, 6, S3_INIT_NORMAL},
    {"attribute_embeddings.weight", 5, 6, S3_INIT_NORMAL},
    {"position_embeddings.weight", 7, 6, S3_INIT_NORMAL},
}, layer[] = {
    {"item_encoder.layer.%d.attention.query.weight", 6, 6, S3_INIT_NORMAL},
    {"item_encoder.layer.%d.attention.query.bias", 6, 0, S3_INIT_ZERO},
    {"item_encoder.layer.%d.attention.key.weight", 6, 6, S3_INIT_NORMAL},
    {"item_encoder.layer.%d.attention.key.bias", 6, 0, S3_INIT_ZERO},
    {"item_encoder.layer.%d.attention.value.weight", 6, 6, S3_INIT_NORMAL},
    {"item_encoder.layer.%d.attention.value.bias", 6, 0, S3_INIT_ZERO},
    {"item_encoder.layer.%d.attention.dense.weight", 6, 6, S3_INIT_NORMAL},
    {"item_encoder.layer.%d.attention.dense.bias", 6, 0, S3_INIT_ZERO},
    {"item_encoder.layer.%d.attention.LayerNorm.weight", 6, 0, S3_INIT_ONE},
    {"item_encoder.layer.%d.attention.LayerNorm.bias", 6, 0, S3_INIT_ZERO},
    {"item_encoder.layer.%d.intermediate.dense_1.weight", 24, 6, S3_INIT_NORMAL},
    {"item_encoder.layer.%d.intermediate.dense_1.bias", 24, 0, S3_INIT_ZERO},
    {"item_encoder.layer.%d.intermediate.dense_2.weight", 6, 24, S3_INIT_NORMAL},
    {"item_encoder.layer.%d.intermediate.dense_2.bias", 6, 0, S3_INIT_ZERO},
    {"item_encoder.layer.%d.intermediate.LayerNorm.weight", 6, 0, S3_INIT_ONE},
    {"item_encoder.layer.%d.intermediate.LayerNorm.bias", 6, 0, S3_INIT_ZERO},
}, rest[] = {
    {"LayerNorm.weight", 6, 0, S3_INIT_ONE}, {"LayerNorm.bias", 6, 0, S3_INIT_ZERO},
    {"aap_norm.weight", 6, 6, S3_INIT_NORMAL}, {"aap_norm.bias", 6, 0, S3_INIT_ZERO},
    {"mip_norm.weight", 6, 6, S3_INIT_NORMAL}, {"mip_norm.bias", 6, 0, S3_INIT_ZERO},
    {"map_norm.weight", 6, 6, S3_INIT_NORMAL}, {"map_norm.bias", 6, 0, S3_INIT_ZERO},
    {"sp_norm.weight", 6, 6, S3_INIT_NORMAL},  {"sp_norm.bias", 6, 0, S3_INIT_ZERO},
};

#define ASSERT_ROW(row, number)                                                          \
  do {                                                                                   \
    char name[96];                                                                       \
    strcpy(name, (row).name);                                                            \
    char *const place = strstr(name, "%d");                                              \
    if (place != NULL) {                                                                 \
      ck_assert_int_lt(number, 10);                                                      \
      snprintf(place, 2, "%d", number);                                                  \
      strcat(name, strstr((row).name, "%d") + 2);                                        \
    }                                                                                    \
    const s3_parameter *const parameter = &table.parameters[next++];                     \
    ck_assert_str_eq(parameter->name, name);                                             \
    ck_assert_int_eq(parameter->rank, (row).columns == 0 ? 1 : 2);                       \
    ck_assert_int_eq(parameter->shape[0], (row).rows);                                   \
    ck_assert_int_eq(parameter->shape[1], (row).columns == 0 ? 1 : (row).columns);       \
    ck_assert_uint_eq(parameter->count,                                                  \
                      (size_t)((row).rows * ((row).columns == 0 ? 1 : (row).columns)));  \
    ck_assert_int_eq(parameter->initialisation, (row).initialisation);                   \
    ck_assert_ptr_eq(s3_parameter_find(&table, name), parameter);                        \
  } while (0)

START_TEST(names_shapes_and_order_of_the_reference) {
  const s3rec_model_config config = make_config(11, 6, 3);
  s3_parameter_table table;
  ck_assert_int_eq(s3_parameter_table_create(context, &config, &table), S3REC_OK);
  ck_assert_uint_eq(table.count, 3 + 3 * 16 + 10);
  size_t next = 0;
  for (size_t i = 0; i < 3; i++) ASSERT_ROW(embeddings[i], 0);
  for (int n = 0; n < 3; n++) {
    for (size_t i = 0; i < 16; i++) ASSERT_ROW(layer[i], n);
  }
  for (size_t i = 0; i < 10; i++) ASSERT_ROW(rest[i], 0);
  ck_assert_ptr_null(s3_parameter_find(&table, "item_embeddings"));
  ck_assert_ptr_nonnull(strstr(s3_error_text(), "'item_embeddings'"));
  ck_assert_ptr_null(s3_parameter_find(&table, ""));
  ck_assert_ptr_null(s3_parameter_find(&table, "item_encoder.layer.3.attention.query.weight"));
  s3_parameter_table_destroy(context, &table);
}
END_TEST

static size_t offset_of(const s3_parameter_table *table, int number, const char *name) {
  char whole[128];
  if (number < 0) {
    snprintf(whole, sizeof whole, "%s", name);
  } else {
    snprintf(whole, sizeof whole, "item_encoder.layer.%d.%s", number, name);
  }
  const s3_parameter *const found = s3_parameter_find(table, whole);
  ck_assert_msg(found != NULL, "%s", whole);
  return found->offset;
}

static void assert_layer(const s3_parameter_table *table, int n, size_t hidden) {
  const s3_layer_offsets *const at = &table->layers[n];
  static const char *const qkv[] = {"query", "key", "value"};
  for (size_t part = 0; part < 3; part++) {
    char name[64];
    snprintf(name, sizeof name, "attention.%s.weight", qkv[part]);
    ck_assert_uint_eq(offset_of(table, n, name), at->qkv_weight + part * hidden * hidden);
    snprintf(name, sizeof name, "attention.%s.bias", qkv[part]);
    ck_assert_uint_eq(offset_of(table, n, name), at->qkv_bias + part * hidden);
  }
  ck_assert_uint_eq(offset_of(table, n, "attention.dense.weight"), at->dense_weight);
  ck_assert_uint_eq(offset_of(table, n, "attention.dense.bias"), at->dense_bias);
  ck_assert_uint_eq(offset_of(table, n, "attention.LayerNorm.weight"), at->attention_norm_weight);
  ck_assert_uint_eq(offset_of(table, n, "attention.LayerNorm.bias"), at->attention_norm_bias);
  ck_assert_uint_eq(offset_of(table, n, "intermediate.dense_1.weight"), at->dense_1_weight);
  ck_assert_uint_eq(offset_of(table, n, "intermediate.dense_1.bias"), at->dense_1_bias);
  ck_assert_uint_eq(offset_of(table, n, "intermediate.dense_2.weight"), at->dense_2_weight);
  ck_assert_uint_eq(offset_of(table, n, "intermediate.dense_2.bias"), at->dense_2_bias);
  ck_assert_uint_eq(offset_of(table, n, "intermediate.LayerNorm.weight"), at->norm_weight);
  ck_assert_uint_eq(offset_of(table, n, "intermediate.LayerNorm.bias"), at->norm_bias);
}

static void assert_layout(const s3rec_model_config *config) {
  s3_parameter_table table;
  ck_assert_int_eq(s3_parameter_table_create(context, config, &table), S3REC_OK);
  /* No two parameters overlap and all lie in the block. */
  char *const used = s3_allocate(context, table.float_count, 1);
  ck_assert_ptr_nonnull(used);
  for (size_t i = 0; i < table.count; i++) {
    const s3_parameter *const parameter = &table.parameters[i];
    ck_assert_uint_le(parameter->offset + parameter->count, table.float_count);
    const bool follows = strstr(parameter->name, "attention.key.") != NULL ||
                         strstr(parameter->name, "attention.value.") != NULL;
    if (!follows) ck_assert_uint_eq(parameter->offset % 16, 0);
    for (size_t j = 0; j < parameter->count; j++) {
      ck_assert_int_eq(used[parameter->offset + j]++, 0);
    }
  }
  s3_free(context, used);

  ck_assert_uint_eq(table.float_count % 16, 0);
  ck_assert_uint_eq(table.item_embeddings, 0);
  ck_assert_uint_eq(table.dense_begin % 16, 0);
  ck_assert_uint_ge(table.dense_begin, table.parameters[0].count);
  ck_assert_uint_lt(table.dense_begin - table.parameters[0].count, 16);
  for (size_t i = 1; i < table.count; i++) {
    ck_assert_uint_ge(table.parameters[i].offset, table.dense_begin);
  }
  ck_assert_uint_eq(offset_of(&table, -1, "item_embeddings.weight"), table.item_embeddings);
  ck_assert_uint_eq(offset_of(&table, -1, "attribute_embeddings.weight"),
                    table.attribute_embeddings);
  ck_assert_uint_eq(offset_of(&table, -1, "position_embeddings.weight"),
                    table.position_embeddings);
  ck_assert_uint_eq(offset_of(&table, -1, "LayerNorm.weight"), table.norm_weight);
  ck_assert_uint_eq(offset_of(&table, -1, "LayerNorm.bias"), table.norm_bias);
  static const char *const heads[] = {"aap", "mip", "map", "sp"};
  for (int head = 0; head < S3_HEAD_COUNT; head++) {
    char name[32];
    snprintf(name, sizeof name, "%s_norm.weight", heads[head]);
    ck_assert_uint_eq(offset_of(&table, -1, name), table.head_weight[head]);
    snprintf(name, sizeof name, "%s_norm.bias", heads[head]);
    ck_assert_uint_eq(offset_of(&table, -1, name), table.head_bias[head]);
  }
  for (int n = 0; n < config->num_hidden_layers; n++) {
    assert_layer(&table, n, (size_t)config->hidden_size);
  }
  s3_parameter_table_destroy(context, &table);
}

START_TEST(layout) {
  static const int32_t hidden_sizes[] = {1, 2, 6, 16, 17, 64};
  for (size_t i = 0; i < sizeof hidden_sizes / sizeof hidden_sizes[0]; i++) {
    for (int32_t items = 3; items < 20; items += 4) {
      const s3rec_model_config config = make_config(items, hidden_sizes[i], 1 + (int32_t)i % 3);
      assert_layout(&config);
    }
  }
}
END_TEST

START_TEST(largest_configuration_does_not_overflow) {
  s3rec_model_config config = make_config(INT32_MAX, 4096, 64);
  config.attribute_size = INT32_MAX;
  config.max_seq_length = 4096;
  s3_parameter_table table = {0};
  const s3rec_status status = s3_parameter_table_create(context, &config, &table);
  if (sizeof(size_t) == 8) {
    ck_assert_int_eq(status, S3REC_OK);
    ck_assert_uint_eq(table.attribute_embeddings, (size_t)INT32_MAX * 4096);
    ck_assert_uint_gt(table.float_count, 2 * (size_t)INT32_MAX * 4096);
    s3_parameter_table_destroy(context, &table);
  } else {
    ck_assert_int_eq(status, S3REC_ERROR_MEMORY);
  }
}
END_TEST

static s3rec_status make_table(void *argument) {
  s3_parameter_table table;
  S3_TRY(s3_parameter_table_create(context, argument, &table));
  s3_parameter_table_destroy(context, &table);
  return S3REC_OK;
}

START_TEST(survives_missing_memory) {
  s3rec_model_config config = make_config(11, 6, 2);
  ck_assert_uint_eq(test_every_allocation_fails(&hooks, make_table, &config), 2);
}
END_TEST

TEST_SUITE(parameter_table) {
  TCase *cases = tcase_create("parameter table");
  tcase_add_checked_fixture(cases, set_up, tear_down);
  tcase_add_test(cases, names_shapes_and_order_of_the_reference);
  tcase_add_test(cases, layout);
  tcase_add_test(cases, largest_configuration_does_not_overflow);
  tcase_add_test(cases, survives_missing_memory);
  test_add_cases(suite, cases, NULL);
}
