/* SPDX-License-Identifier: Apache-2.0 */
/* s3rec/model.h without files: configuration, initialisation, parameters, locks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "s3rec/s3rec.h"
#include "support/hooks.h"
#include "support/model.h"
#include "support/suite.h"

static test_hooks hooks;
static s3rec_context *context;

static void set_up(void) { context = test_hooks_context(&hooks); }

static void tear_down(void) {
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

static s3rec_model_config small_config(void) {
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  config.item_size = 13;
  config.attribute_size = 4;
  config.max_seq_length = 6;
  config.hidden_size = 8;
  return config;
}

static s3rec_model *make(const s3rec_model_config *config, uint64_t seed) {
  return test_model_of(context, config, seed);
}

START_TEST(config_defaults) {
  s3rec_model_config config;
  memset(&config, 0xA5, sizeof config);
  s3rec_model_config_init(&config);
  ck_assert_uint_eq(config.struct_size, sizeof config);
  ck_assert_int_eq(config.item_size, 0);
  ck_assert_int_eq(config.attribute_size, 1);
  ck_assert_int_eq(config.max_seq_length, 50);
  ck_assert_int_eq(config.hidden_size, 64);
  ck_assert_int_eq(config.num_hidden_layers, 2);
  ck_assert_int_eq(config.num_attention_heads, 2);
  ck_assert_int_eq(config.hidden_act, S3REC_GELU);
  ck_assert(config.hidden_dropout_prob == 0.5 && config.attention_probs_dropout_prob == 0.5);
  ck_assert(config.initializer_range == 0.02);
}
END_TEST

static void assert_refused(const s3rec_model_config *config, const char *text) {
  s3rec_model *const untouched = (s3rec_model *)&hooks, *model = untouched;
  ck_assert_int_eq(s3rec_model_create(context, config, 1, &model), S3REC_ERROR_ARGUMENT);
  ck_assert_ptr_eq(model, untouched);
  ck_assert_msg(strstr(s3rec_last_error(), text) != NULL, "'%s' is not in '%s'", text,
                s3rec_last_error());
}

#define REFUSED(field, bad_value, text)         \
  do {                                          \
    s3rec_model_config bad = small_config();    \
    bad.field = bad_value;                      \
    assert_refused(&bad, text);                 \
  } while (0)

START_TEST(bad_configurations_name_field_value_and_range) {
  REFUSED(item_size, 2, "item_size is 2, must be 3..2147483647");
  REFUSED(item_size, INT32_MIN, "item_size is -2147483648");
  REFUSED(attribute_size, 0, "attribute_size is 0, must be 1..2147483647");
  REFUSED(max_seq_length, 0, "max_seq_length is 0, must be 1..4096");
  REFUSED(max_seq_length, 4097, "max_seq_length is 4097");
  REFUSED(hidden_size, 0, "hidden_size is 0, must be 1..4096");
  REFUSED(hidden_size, 4098, "hidden_size is 4098");
  REFUSED(hidden_size, 7, "hidden_size is 7, must be a multiple of num_attention_heads");
  REFUSED(num_hidden_layers, 0, "num_hidden_layers is 0, must be 1..64");
  REFUSED(num_hidden_layers, 65, "num_hidden_layers is 65");
  REFUSED(num_attention_heads, 0, "num_attention_heads is 0, must be 1..8");
  REFUSED(num_attention_heads, 9, "num_attention_heads is 9, must be 1..8");
  REFUSED(hidden_act, (s3rec_activation)0, "hidden_act is 0, must be 1..3");
  REFUSED(hidden_act, (s3rec_activation)4, "hidden_act is 4");
  REFUSED(hidden_dropout_prob, 0.995, "hidden_dropout_prob is 0.995, must be 0..0.99");
  REFUSED(hidden_dropout_prob, NAN, "hidden_dropout_prob is ");
  REFUSED(attention_probs_dropout_prob, -0.1, "attention_probs_dropout_prob is -0.1");
  REFUSED(initializer_range, 10.5, "initializer_range is 10.5, must be 0..10");
  REFUSED(initializer_range, (double)INFINITY, "initializer_range is ");
  REFUSED(struct_size, 8, "s3rec_model_config.struct_size is 8");
}
END_TEST

START_TEST(null_arguments) {
  const s3rec_model_config config = small_config();
  s3rec_model *model = make(&config, 1), *other = NULL;
  float value = 0;
  s3rec_parameter_info info;
  s3rec_parameter_info_init(&info);
  s3rec_model_config out;
  s3rec_model_config_init(&out);
  const s3rec_status all[] = {
      s3rec_model_create(NULL, &config, 1, &other),
      s3rec_model_create(context, NULL, 1, &other),
      s3rec_model_create(context, &config, 1, NULL),
      s3rec_model_load(NULL, "x", NULL, &other),
      s3rec_model_load(context, NULL, NULL, &other),
      s3rec_model_load(context, "x", NULL, NULL),
      s3rec_model_save(NULL, "x"),
      s3rec_model_save(model, NULL),
      s3rec_model_clone(NULL, &other),
      s3rec_model_clone(model, NULL),
      s3rec_model_copy_weights(NULL, model),
      s3rec_model_copy_weights(model, NULL),
      s3rec_model_config_get(NULL, &out),
      s3rec_model_config_get(model, NULL),
      s3rec_model_parameter_info(NULL, 0, &info),
      s3rec_model_parameter_info(model, 0, NULL),
      s3rec_model_parameter_read(NULL, "sp_norm.bias", &value, 1),
      s3rec_model_parameter_read(model, NULL, &value, 1),
      s3rec_model_parameter_read(model, "sp_norm.bias", NULL, 8),
      s3rec_model_parameter_write(NULL, "sp_norm.bias", &value, 1),
      s3rec_model_parameter_write(model, NULL, &value, 1),
      s3rec_model_parameter_write(model, "sp_norm.bias", NULL, 8),
  };
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    ck_assert_msg(all[i] == S3REC_ERROR_ARGUMENT, "call %zu: %d", i, all[i]);
  }
  ck_assert_ptr_null(other);
  ck_assert_uint_eq(s3rec_model_parameter_count(NULL), 0);
  s3rec_model_destroy(NULL);
  s3rec_model_destroy(model);
}
END_TEST

START_TEST(config_is_given_back) {
  s3rec_model_config config = small_config(), got;
  config.hidden_act = S3REC_SWISH;
  config.hidden_dropout_prob = 0.125;
  s3rec_model *model = make(&config, 1);
  s3rec_model_config_init(&got);
  ck_assert_int_eq(s3rec_model_config_get(model, &got), S3REC_OK);
  ck_assert_int_eq(got.item_size, 13);
  ck_assert_int_eq(got.hidden_act, S3REC_SWISH);
  ck_assert(got.hidden_dropout_prob == 0.125 && got.initializer_range == 0.02);
  ck_assert_uint_eq(got.struct_size, sizeof got);
  got.struct_size = 4;
  ck_assert_int_eq(s3rec_model_config_get(model, &got), S3REC_ERROR_ARGUMENT);
  s3rec_model_destroy(model);
}
END_TEST

/* Every bound is five standard errors of its estimate: with this seed the test
 * passes for good, with a wrong deviation, mean or shape it cannot. */
static void assert_normal(const float *values, size_t count, double deviation) {
  double sum = 0, squares = 0, fourth = 0;
  for (size_t i = 0; i < count; i++) {
    const double x = values[i] / deviation;
    sum += x;
    squares += x * x;
    fourth += x * x * x * x;
  }
  const double n = (double)count;
  ck_assert_double_le(fabs(sum / n), 5 / sqrt(n));
  ck_assert_double_le(fabs(squares / n - 1), 5 * sqrt(2 / n));
  ck_assert_double_le(fabs(fourth / n - 3), 5 * sqrt(96 / n));
}

START_TEST(initialisation_follows_the_reference) {
  s3rec_model_config config = small_config();
  config.item_size = 2000;
  config.hidden_size = 64;
  config.initializer_range = 0.05;
  s3rec_model *model = make(&config, 42);
  size_t normal = 0;
  for (size_t p = 0; p < model->table.count; p++) {
    const s3_parameter *const parameter = &model->table.parameters[p];
    const float *const values = model->weights + parameter->offset;
    const bool bias = strstr(parameter->name, ".bias") != NULL;
    const bool norm = strstr(parameter->name, "LayerNorm.") != NULL;
    if (bias || norm) {
      const float expected = bias ? 0.0f : 1.0f;
      for (size_t i = 0; i < parameter->count; i++) ck_assert(values[i] == expected);
    } else {
      assert_normal(values, parameter->count, 0.05);
      normal++;
    }
  }
  ck_assert_uint_eq(normal, 3 + 2 * 6 + 4);
  float padding = 0; /* the reference draws the padding row too */
  for (int i = 0; i < 64; i++) padding += fabsf(model->weights[i]);
  ck_assert_float_gt(padding, 0.5f);
  s3rec_model_destroy(model);
}
END_TEST

START_TEST(initialisation_depends_on_the_seed_alone) {
  const s3rec_model_config config = small_config();
  s3rec_model *first = make(&config, 7), *again = make(&config, 7), *other = make(&config, 8);
  ck_assert(test_equal_weights(first, again));
  ck_assert(!test_equal_weights(first, other));
  const float *const weights = first->weights; /* streams of parameters differ */
  ck_assert_int_ne(memcmp(weights + first->table.head_weight[S3_HEAD_AAP],
                          weights + first->table.head_weight[S3_HEAD_MIP], 64 * sizeof(float)),
                   0);
  s3rec_model_config wide = config; /* and do not shift one another */
  wide.item_size = 500;
  s3rec_model *larger = make(&wide, 7);
  ck_assert_int_eq(memcmp(weights + first->table.head_weight[S3_HEAD_SP],
                          larger->weights + larger->table.head_weight[S3_HEAD_SP],
                          64 * sizeof(float)),
                   0);
  s3rec_model_destroy(first);
  s3rec_model_destroy(again);
  s3rec_model_destroy(other);
  s3rec_model_destroy(larger);
}
END_TEST

START_TEST(range_zero_gives_zero_weights) {
  s3rec_model_config config = small_config();
  config.initializer_range = 0;
  s3rec_model *model = make(&config, 7);
  for (size_t i = 0; i < model->table.dense_begin; i++) ck_assert(model->weights[i] == 0);
  s3rec_model_destroy(model);
}
END_TEST

START_TEST(parameters_are_listed_read_and_written) {
  const s3rec_model_config config = small_config();
  s3rec_model *model = make(&config, 3);
  const size_t count = s3rec_model_parameter_count(model);
  ck_assert_uint_eq(count, 3 + 2 * 16 + 10);
  for (size_t i = 0; i < count; i++) {
    s3rec_parameter_info info;
    s3rec_parameter_info_init(&info);
    ck_assert_int_eq(s3rec_model_parameter_info(model, i, &info), S3REC_OK);
    ck_assert_uint_eq(info.element_count, (size_t)(info.shape[0] * info.shape[1]));
    float *const values = malloc(info.element_count * sizeof *values);
    float *const read = malloc(info.element_count * sizeof *read);
    for (size_t j = 0; j < info.element_count; j++) values[j] = (float)(i * 1000 + j);
    ck_assert_int_eq(s3rec_model_parameter_write(model, info.name, values, info.element_count),
                     S3REC_OK);
    ck_assert_int_eq(s3rec_model_parameter_read(model, info.name, read, info.element_count),
                     S3REC_OK);
    ck_assert_int_eq(memcmp(values, read, info.element_count * sizeof *read), 0);
    free(values);
    free(read);
  }
  float first = 0; /* nobody wrote over his neighbour */
  float table[13 * 8];
  ck_assert_int_eq(s3rec_model_parameter_read(model, "item_embeddings.weight", table, 13 * 8),
                   S3REC_OK);
  ck_assert(table[0] == 0 && table[13 * 8 - 1] == 13 * 8 - 1);

  s3rec_parameter_info info;
  s3rec_parameter_info_init(&info);
  ck_assert_int_eq(s3rec_model_parameter_info(model, count, &info), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_model_parameter_read(model, "nobody", &first, 1), S3REC_ERROR_NOT_FOUND);
  ck_assert_ptr_nonnull(strstr(s3rec_last_error(), "'nobody'"));
  ck_assert_int_eq(s3rec_model_parameter_write(model, "nobody", &first, 1), S3REC_ERROR_NOT_FOUND);
  ck_assert_int_eq(s3rec_model_parameter_read(model, "sp_norm.bias", table, 7),
                   S3REC_ERROR_ARGUMENT);
  ck_assert_str_eq(s3rec_last_error(), "count is 7, parameter 'sp_norm.bias' has 8 elements");
  s3rec_model_destroy(model);
}
END_TEST

START_TEST(values_that_are_not_finite_are_refused) {
  const s3rec_model_config config = small_config();
  s3rec_model *model = make(&config, 3), *before = NULL;
  ck_assert_int_eq(s3rec_model_clone(model, &before), S3REC_OK);
  const float bad[] = {NAN, INFINITY, -INFINITY};
  for (size_t i = 0; i < 3; i++) {
    float values[8] = {1, 2, 3, 4, 5, bad[i], 7, 8};
    ck_assert_int_eq(s3rec_model_parameter_write(model, "sp_norm.bias", values, 8),
                     S3REC_ERROR_NUMERIC);
    ck_assert_ptr_nonnull(strstr(s3rec_last_error(), "element 5"));
  }
  ck_assert(test_equal_weights(model, before));
  s3rec_model_destroy(model);
  s3rec_model_destroy(before);
}
END_TEST

START_TEST(clone_is_independent) {
  const s3rec_model_config config = small_config();
  s3rec_model *model = make(&config, 3), *clone = NULL, *original = make(&config, 3);
  ck_assert_int_eq(s3rec_model_clone(model, &clone), S3REC_OK);
  ck_assert(test_equal_weights(model, clone));
  const float values[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  ck_assert_int_eq(s3rec_model_parameter_write(model, "sp_norm.bias", values, 8), S3REC_OK);
  ck_assert(test_equal_weights(clone, original));
  ck_assert(!test_equal_weights(model, clone));
  s3rec_model_destroy(model);
  ck_assert(test_equal_weights(clone, original));

  ck_assert_int_eq(s3_model_begin_training(original), S3REC_OK);
  s3rec_model *served = NULL; /* a clone does not inherit the lock */
  ck_assert_int_eq(s3rec_model_clone(original, &served), S3REC_OK);
  ck_assert_int_eq(s3_model_begin_scoring(served), S3REC_OK);
  s3_model_end_scoring(served);
  s3_model_end_training(original);
  s3rec_model_destroy(served);
  s3rec_model_destroy(clone);
  s3rec_model_destroy(original);
}
END_TEST

START_TEST(weights_are_copied_between_equal_sizes) {
  const s3rec_model_config config = small_config();
  s3rec_model *model = make(&config, 3), *source = make(&config, 4);
  ck_assert_int_eq(s3rec_model_copy_weights(model, source), S3REC_OK);
  ck_assert(test_equal_weights(model, source));
  ck_assert_int_eq(s3rec_model_copy_weights(model, model), S3REC_OK);
  ck_assert(test_equal_weights(model, source));

  static const char *const fields[] = {"item_size", "attribute_size", "max_seq_length",
                                       "hidden_size", "num_hidden_layers"};
  for (size_t i = 0; i < 5; i++) {
    s3rec_model_config different = config;
    if (i == 0) different.item_size++;
    if (i == 1) different.attribute_size++;
    if (i == 2) different.max_seq_length++;
    if (i == 3) different.hidden_size += 2;
    if (i == 4) different.num_hidden_layers++;
    s3rec_model *other = make(&different, 5);
    ck_assert_int_eq(s3rec_model_copy_weights(model, other), S3REC_ERROR_MISMATCH);
    ck_assert_ptr_nonnull(strstr(s3rec_last_error(), fields[i]));
    s3rec_model_destroy(other);
  }
  ck_assert(test_equal_weights(model, source));
  s3rec_model_destroy(model);
  s3rec_model_destroy(source);
}
END_TEST

START_TEST(dropouts_are_replaced) {
  const s3rec_model_config config = small_config();
  s3rec_model *model = make(&config, 3), *same = make(&config, 3), *clone = NULL;
  s3rec_model_config got;
  s3rec_model_config_init(&got);
  ck_assert_int_eq(s3rec_model_set_dropouts(model, 0, 0.99), S3REC_OK);
  ck_assert(test_equal_weights(model, same));
  ck_assert_int_eq(s3rec_model_clone(model, &clone), S3REC_OK);
  ck_assert_int_eq(s3rec_model_config_get(clone, &got), S3REC_OK);
  ck_assert_double_eq(got.hidden_dropout_prob, 0);
  ck_assert_double_eq(got.attention_probs_dropout_prob, 0.99);

  static const double bad[][2] = {{0.1, 1}, {1, 0.1}, {-0.1, 0.1}, {0.1, (double)NAN}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    ck_assert_int_eq(s3rec_model_set_dropouts(model, bad[i][0], bad[i][1]),
                     S3REC_ERROR_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(s3rec_last_error(), "attention_probs_dropout_prob is "));
  ck_assert_int_eq(s3rec_model_set_dropouts(NULL, 0, 0), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_model_config_get(model, &got), S3REC_OK);
  ck_assert_double_eq(got.hidden_dropout_prob, 0);
  ck_assert_double_eq(got.attention_probs_dropout_prob, 0.99);
  s3rec_model_destroy(clone);
  s3rec_model_destroy(same);
  s3rec_model_destroy(model);
}
END_TEST

START_TEST(readers_and_writer_exclude_one_another) {
  const s3rec_model_config config = small_config();
  s3rec_model *model = make(&config, 3), *source = make(&config, 4);
  const float values[8] = {0};

  ck_assert_int_eq(s3_model_begin_scoring(model), S3REC_OK);
  ck_assert_int_eq(s3_model_begin_scoring(model), S3REC_OK);
  ck_assert_int_eq(s3_model_begin_training(model), S3REC_ERROR_STATE);
  ck_assert_ptr_nonnull(strstr(s3rec_last_error(), "2 scorer"));
  ck_assert_int_eq(s3rec_model_copy_weights(model, source), S3REC_ERROR_STATE);
  ck_assert_int_eq(s3rec_model_parameter_write(model, "sp_norm.bias", values, 8),
                   S3REC_ERROR_STATE);
  s3_model_end_scoring(model);
  ck_assert_int_eq(s3_model_begin_training(model), S3REC_ERROR_STATE);
  ck_assert_int_eq(s3rec_model_set_dropouts(model, 0.1, 0.2), S3REC_ERROR_STATE);
  s3_model_end_scoring(model);

  ck_assert_int_eq(s3_model_begin_training(model), S3REC_OK);
  ck_assert_int_eq(s3rec_model_set_dropouts(model, 0.1, 0.2), S3REC_ERROR_STATE);
  ck_assert_double_eq(model->config.hidden_dropout_prob, config.hidden_dropout_prob);
  ck_assert_int_eq(s3_model_begin_training(model), S3REC_ERROR_STATE);
  ck_assert_int_eq(s3_model_begin_scoring(model), S3REC_ERROR_STATE);
  ck_assert_int_eq(s3rec_model_copy_weights(model, source), S3REC_OK);
  ck_assert_int_eq(s3rec_model_parameter_write(model, "sp_norm.bias", values, 8), S3REC_OK);
  ck_assert_int_eq(s3_model_begin_scoring(model), S3REC_ERROR_STATE); /* still the trainer's */
  s3_model_end_training(model);

  ck_assert_int_eq(s3rec_model_parameter_write(model, "sp_norm.bias", values, 8), S3REC_OK);
  ck_assert_int_eq(s3_model_begin_scoring(model), S3REC_OK); /* nothing remains */
  s3_model_end_scoring(model);
  s3rec_model_destroy(model);
  s3rec_model_destroy(source);
}
END_TEST

START_TEST(model_lives_as_long_as_its_last_user) {
  const s3rec_model_config config = small_config();
  s3rec_context *own = NULL;
  test_hooks own_hooks;
  own = test_hooks_context(&own_hooks);
  s3rec_model *model = NULL;
  ck_assert_int_eq(s3rec_model_create(own, &config, 1, &model), S3REC_OK);
  s3rec_context_destroy(own); /* the model keeps it */
  s3_model_retain(model);
  s3rec_model_destroy(model);
  ck_assert_uint_eq(s3rec_model_parameter_count(model), 45);
  s3_model_release(model);
  test_hooks_assert_empty(&own_hooks);
}
END_TEST

static s3rec_status make_and_clone(void *argument) {
  s3rec_model *model = NULL, *clone = NULL;
  S3_TRY(s3rec_model_create(context, argument, 1, &model));
  const s3rec_status status = s3rec_model_clone(model, &clone);
  s3rec_model_destroy(model);
  s3rec_model_destroy(clone);
  return status;
}

START_TEST(survives_missing_memory) {
  s3rec_model_config config = small_config();
  ck_assert_uint_eq(test_every_allocation_fails(&hooks, make_and_clone, &config), 8);
  config.item_size = INT32_MAX;
  config.hidden_size = 4096; /* 35 TB */
  s3rec_model *model = NULL;
  hooks.countdown = 4; /* the hook stands for a machine that has less */
  ck_assert_int_eq(s3rec_model_create(context, &config, 1, &model), S3REC_ERROR_MEMORY);
  hooks.countdown = 0;
  ck_assert_ptr_null(model);
}
END_TEST

TEST_SUITE(model_api) {
  TCase *configuration = tcase_create("configuration"), *weights = tcase_create("weights");
  TCase *life = tcase_create("life");
  tcase_add_checked_fixture(configuration, set_up, tear_down);
  tcase_add_checked_fixture(weights, set_up, tear_down);
  tcase_add_checked_fixture(life, set_up, tear_down);
  tcase_add_test(configuration, config_defaults);
  tcase_add_test(configuration, bad_configurations_name_field_value_and_range);
  tcase_add_test(configuration, null_arguments);
  tcase_add_test(configuration, config_is_given_back);
  tcase_add_test(weights, initialisation_follows_the_reference);
  tcase_add_test(weights, initialisation_depends_on_the_seed_alone);
  tcase_add_test(weights, range_zero_gives_zero_weights);
  tcase_add_test(weights, parameters_are_listed_read_and_written);
  tcase_add_test(weights, values_that_are_not_finite_are_refused);
  tcase_add_test(weights, weights_are_copied_between_equal_sizes);
  tcase_add_test(life, clone_is_independent);
  tcase_add_test(life, dropouts_are_replaced);
  tcase_add_test(life, readers_and_writer_exclude_one_another);
  tcase_add_test(life, model_lives_as_long_as_its_last_user);
  tcase_add_test(life, survives_missing_memory);
  test_add_cases(suite, configuration, weights, life, NULL);
}
