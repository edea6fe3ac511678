/* SPDX-License-Identifier: Apache-2.0 */
/* Files of other programs: what they may lack, and what makes them no model. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/model_file.h"
#include "model_file_fixture.h"
#include "s3rec/s3rec.h"
#include "support/files.h"
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

/* A model's tensors and metadata, to be changed before they are written. */
typedef struct draft {
  s3rec_model *model;
  s3_config_metadata config;
  s3_tensor_name names[64];
  s3_tensor tensors[64];
  size_t tensor_count, metadata_count;
  test_path path;
} draft;

static void begin(draft *d) {
  const s3rec_model_config config = fixture_config();
  *d = (draft){.model = test_model_of(context, &config, 11),
               .metadata_count = S3_CONFIG_METADATA_COUNT};
  d->tensor_count = d->model->table.count;
  s3_config_to_metadata(&config, &d->config);
  s3_block_to_tensors(&d->model->table, d->model->weights, "", d->names, d->tensors);
  d->path = test_file("draft.safetensors");
}

static void write_draft(const draft *d) {
  ck_assert_msg(s3_safetensors_write(context, d->path.text, d->tensors, d->tensor_count,
                                     d->config.pairs, d->metadata_count) == S3REC_OK,
                "%s", s3_error_text());
}

static size_t tensor_index(const draft *d, const char *name) {
  for (size_t i = 0; i < d->tensor_count; i++) {
    if (strcmp(d->tensors[i].name, name) == 0) return i;
  }
  ck_abort_msg("no tensor %s", name);
  return 0;
}

static void set_metadata(draft *d, const char *key, const char *value) {
  for (size_t i = 0; i < d->metadata_count; i++) {
    if (strcmp(d->config.pairs[i].key, key) != 0) continue;
    if (value != NULL) {
      d->config.pairs[i].value = value;
    } else {
      d->config.pairs[i] = d->config.pairs[--d->metadata_count];
    }
    return;
  }
  ck_abort_msg("no metadata %s", key);
}

static void finish_refused(draft *d, const s3rec_model_config *fallback, s3rec_status expected,
                           const char *reason) {
  write_draft(d);
  for (int map = 0; map < 2; map++) {
    s3rec_model *const untouched = (s3rec_model *)&hooks, *model = untouched;
    const s3rec_status status =
        (map ? s3rec_model_map : s3rec_model_load)(context, d->path.text, fallback, &model);
    ck_assert_msg(status == expected, "%s instead of '%s': %s", s3rec_status_name(status), reason,
                  s3rec_last_error());
    ck_assert_ptr_eq(model, untouched);
    ck_assert_msg(strstr(s3rec_last_error(), d->path.text) == s3rec_last_error(), "%s",
                  s3rec_last_error());
    ck_assert_msg(strstr(s3rec_last_error(), reason) != NULL, "'%s' is not in '%s'", reason,
                  s3rec_last_error());
  }
  s3rec_model_destroy(d->model);
}

START_TEST(without_metadata_shapes_and_fallback_decide) {
  draft d;
  begin(&d);
  d.metadata_count = 0;
  write_draft(&d);
  s3rec_model_config fallback;
  s3rec_model_config_init(&fallback);
  fallback.item_size = 99; /* sizes are the file's business */
  fallback.hidden_size = 1000;
  fallback.num_hidden_layers = 5;
  fallback.num_attention_heads = 3;
  fallback.hidden_act = S3REC_RELU;
  fallback.hidden_dropout_prob = 1.0 / 3;
  fallback.attention_probs_dropout_prob = 0.1;
  fallback.initializer_range = 0.7;
  s3rec_model *loaded = NULL;
  ck_assert_msg(s3rec_model_load(context, d.path.text, &fallback, &loaded) == S3REC_OK, "%s",
                s3rec_last_error());
  fixture_assert_same(d.model, loaded);
  s3rec_model_destroy(loaded);

  ck_assert_int_eq(s3rec_model_load(context, d.path.text, NULL, &loaded), S3REC_OK);
  ck_assert_int_eq(loaded->config.num_attention_heads, 2);
  ck_assert_int_eq(loaded->config.hidden_act, S3REC_GELU);
  ck_assert(loaded->config.hidden_dropout_prob == 0.5);
  ck_assert_int_eq(loaded->config.hidden_size, 6);
  s3rec_model_destroy(loaded);
  s3rec_model_destroy(d.model);
}
END_TEST

START_TEST(metadata_wins_over_the_fallback) {
  draft d;
  begin(&d);
  set_metadata(&d, "hidden_act", NULL);
  write_draft(&d);
  s3rec_model_config fallback;
  s3rec_model_config_init(&fallback);
  fallback.hidden_act = S3REC_SWISH;
  fallback.num_attention_heads = 6;
  s3rec_model *loaded = NULL;
  ck_assert_int_eq(s3rec_model_load(context, d.path.text, &fallback, &loaded), S3REC_OK);
  ck_assert_int_eq(loaded->config.hidden_act, S3REC_SWISH);
  ck_assert_int_eq(loaded->config.num_attention_heads, 3);
  s3rec_model_destroy(loaded);
  s3rec_model_destroy(d.model);
}
END_TEST

START_TEST(files_in_any_order_load) {
  draft d;
  begin(&d);
  for (size_t i = 0; i < d.tensor_count / 2; i++) {
    const s3_tensor swap = d.tensors[i];
    d.tensors[i] = d.tensors[d.tensor_count - 1 - i];
    d.tensors[d.tensor_count - 1 - i] = swap;
  }
  write_draft(&d);
  s3rec_model *loaded = NULL;
  ck_assert_int_eq(s3rec_model_load(context, d.path.text, NULL, &loaded), S3REC_OK);
  fixture_assert_same(d.model, loaded);
  s3rec_model_destroy(loaded);
  s3rec_model_destroy(d.model);
}
END_TEST

START_TEST(bad_fallbacks) {
  s3rec_model_config fallback;
  s3rec_model_config_init(&fallback);
  draft d;
  begin(&d);
  d.metadata_count = 0;
  fallback.num_attention_heads = 4;
  finish_refused(&d, &fallback, S3REC_ERROR_ARGUMENT,
                 "hidden_size is 6, must be a multiple of num_attention_heads, which is 4");
  begin(&d);
  d.metadata_count = 0;
  s3rec_model_config_init(&fallback);
  fallback.hidden_dropout_prob = 2;
  finish_refused(&d, &fallback, S3REC_ERROR_ARGUMENT, "hidden_dropout_prob is 2");
  fallback.struct_size = 3;
  s3rec_model *model = NULL;
  ck_assert_int_eq(s3rec_model_load(context, d.path.text, &fallback, &model),
                   S3REC_ERROR_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(s3rec_last_error(), "struct_size"));
}
END_TEST

START_TEST(metadata_that_contradicts_the_shapes) {
  static const struct {
    const char *key, *value, *reason;
  } cases[] = {
      {"item_size", "8", "metadata 'item_size' is 8, but dimension 0 of tensor "
                         "'item_embeddings.weight' is 7"},
      {"hidden_size", "3", "is 3, but dimension 1 of tensor 'item_embeddings.weight' is 6"},
      {"attribute_size", "4", "is 4, but dimension 0 of tensor 'attribute_embeddings.weight' is 3"},
      {"max_seq_length", "5", "is 5, but dimension 0 of tensor 'position_embeddings.weight' is 4"},
      {"num_hidden_layers", "1", "'num_hidden_layers' is 1, but the tensors"},
      {"num_hidden_layers", "3", "'num_hidden_layers' is 3, but the tensors"},
      {"mask_id", "5", "'mask_id' is 5, must be item_size - 1 = 6"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    draft d;
    begin(&d);
    set_metadata(&d, cases[i].key, cases[i].value);
    finish_refused(&d, NULL, S3REC_ERROR_FORMAT, cases[i].reason);
  }
}
END_TEST

START_TEST(bad_metadata_values) {
  static const struct {
    const char *key, *value, *reason;
  } cases[] = {
      {"item_size", "seven", "metadata 'item_size' is 'seven', must be an integer"},
      {"item_size", "7.0", "metadata 'item_size' is '7.0'"},
      {"item_size", "", "metadata 'item_size' is ''"},
      {"num_attention_heads", "4294967299", "must be an integer of 32 bits"},
      {"num_attention_heads", "0", "num_attention_heads is 0, must be 1..6"},
      {"num_attention_heads", "4", "must be a multiple of num_attention_heads, which is 4"},
      {"hidden_act", "GELU", "metadata 'hidden_act' is 'GELU', must be gelu, relu or swish"},
      {"hidden_dropout_prob", "0,5", "metadata 'hidden_dropout_prob' is '0,5', must be a decimal"},
      {"hidden_dropout_prob", "nan", "metadata 'hidden_dropout_prob' is 'nan'"},
      {"hidden_dropout_prob", "1", "hidden_dropout_prob is 1, must be 0..0.99"},
      {"attention_probs_dropout_prob", "-1", "attention_probs_dropout_prob is -1"},
      {"initializer_range", "11", "initializer_range is 11, must be 0..10"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    draft d;
    begin(&d);
    set_metadata(&d, cases[i].key, cases[i].value);
    finish_refused(&d, NULL, S3REC_ERROR_FORMAT, cases[i].reason);
  }
}
END_TEST

/* The model has 5 items. */
START_TEST(wrong_popularity_is_named) {
  static const struct {
    const char *value, *reason;
  } cases[] = {
      {"", "the count of item 1 must be a decimal number, 0..2147483647"},
      {" ", "the count of item 1 must be"},
      {"1", "has 1 counts, the model needs 5"},
      {"1 2 3 4", "has 4 counts, the model needs 5"},
      {"1 2 3 4 ", "the count of item 5 must be"},
      {"1 2 3 4 5 ", "does not end behind 5 counts"},
      {"1 2 3 4 5 6", "does not end behind 5 counts"},
      {" 1 2 3 4 5", "the count of item 1 must be"},
      {"1  2 3 4 5", "the count of item 2 must be"},
      {"1 2\t3 4 5", "the count of item 2 must be"},
      {"1 2 3\n4 5", "the count of item 3 must be"},
      {"1,2,3,4,5", "the count of item 1 must be"},
      {"1 -2 3 4 5", "the count of item 2 must be"},
      {"1 +2 3 4 5", "the count of item 2 must be"},
      {"1 2.5 3 4 5", "the count of item 2 must be"},
      {"1 2e3 3 4 5", "the count of item 2 must be"},
      {"1 0x2 3 4 5", "the count of item 2 must be"},
      {"1 02 3 4 5", "the count of item 2 must be"},
      {"1 two 3 4 5", "the count of item 2 must be"},
      {"1 \xd9\xa2 3 4 5", "the count of item 2 must be"}, /* a digit of another script */
      {"1 2 3 4 2147483648", "the count of item 5 must be"},
      {"1 2 3 4 18446744073709551617", "the count of item 5 must be"},
      {"1 2 3 4 99999999999999999999999999999999999999999999", "the count of item 5 must be"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    draft d;
    char reason[160];
    begin(&d);
    d.config.pairs[0] = (s3_metadata){"item_popularity", cases[i].value};
    snprintf(reason, sizeof reason, "metadata 'item_popularity'%s %s",
             strncmp(cases[i].reason, "the", 3) == 0 ? ":" : "", cases[i].reason);
    finish_refused(&d, NULL, S3REC_ERROR_FORMAT, reason);
  }
}
END_TEST

START_TEST(popularity_of_other_programs_loads) {
  draft d;
  begin(&d);
  d.config.pairs[0] = (s3_metadata){"item_popularity", "0 2147483647 10 0 9"};
  write_draft(&d);
  const int32_t expected[7] = {0, 0, INT32_MAX, 10, 0, 9, 0};
  int32_t counts[7];
  s3rec_model *loaded = NULL;
  ck_assert_int_eq(s3rec_model_load(context, d.path.text, NULL, &loaded), S3REC_OK);
  ck_assert_int_eq(s3rec_model_popularity(loaded, counts, 7), S3REC_OK);
  ck_assert_mem_eq(counts, expected, sizeof counts);
  s3rec_model_destroy(loaded);
  s3rec_model_destroy(d.model);
}
END_TEST

START_TEST(every_missing_tensor_is_named) {
  draft d;
  begin(&d);
  const size_t count = d.tensor_count;
  s3rec_model_destroy(d.model);
  for (size_t i = 0; i < count; i++) {
    begin(&d);
    char reason[160];
    snprintf(reason, sizeof reason, "tensor '%s' is missing", d.tensors[i].name);
    memmove(&d.tensors[i], &d.tensors[i + 1], (count - i - 1) * sizeof *d.tensors);
    d.tensor_count--;
    finish_refused(&d, NULL, S3REC_ERROR_FORMAT, reason);
  }
}
END_TEST

START_TEST(every_wrong_shape_and_dtype_is_named) {
  draft d;
  begin(&d);
  const size_t count = d.tensor_count;
  s3rec_model_destroy(d.model);
  for (size_t i = 0; i < count; i++) {
    begin(&d);
    char reason[160];
    snprintf(reason, sizeof reason, "'%s'", d.tensors[i].name);
    d.tensors[i].shape[d.tensors[i].rank++] = 1; /* one dimension too many */
    finish_refused(&d, NULL, S3REC_ERROR_FORMAT, reason);

    begin(&d);
    d.tensors[i].dtype = "I32";
    snprintf(reason, sizeof reason, "'%s': dtype is I32, must be F32", d.tensors[i].name);
    finish_refused(&d, NULL, S3REC_ERROR_UNSUPPORTED, reason);
  }
  begin(&d);
  s3_tensor *const bias = &d.tensors[tensor_index(&d, "mip_norm.bias")];
  bias->shape[0] = 5;
  bias->byte_count = 20;
  finish_refused(&d, NULL, S3REC_ERROR_FORMAT, "'mip_norm.bias': shape is [5], must be [6]");
}
END_TEST

START_TEST(unknown_tensors_are_refused_and_state_tensors_passed_over) {
  const float value = 1;
  const s3_tensor more = {.name = "lm_head.weight", .dtype = "F32", .rank = 1, .shape = {1},
                          .data = &value, .byte_count = 4};
  draft d;
  begin(&d);
  d.tensors[d.tensor_count++] = more;
  finish_refused(&d, NULL, S3REC_ERROR_FORMAT,
                 "tensor 'lm_head.weight' is not a parameter of this model");
  begin(&d);
  d.tensors[d.tensor_count] = more;
  d.tensors[d.tensor_count++].name = "item_encoder.layer.1.attention.query.scale";
  finish_refused(&d, NULL, S3REC_ERROR_FORMAT, "attention.query.scale' is not a parameter");
  begin(&d);
  d.tensors[d.tensor_count] = more;
  d.tensors[d.tensor_count++].name = "state.anything";
  write_draft(&d);
  s3rec_model *loaded = NULL;
  ck_assert_msg(s3rec_model_load(context, d.path.text, NULL, &loaded) == S3REC_OK, "%s",
                s3rec_last_error());
  fixture_assert_same(d.model, loaded);
  s3rec_model_destroy(loaded);
  s3rec_model_destroy(d.model);
}
END_TEST

START_TEST(weights_that_are_not_finite_are_refused) {
  draft d;
  begin(&d);
  d.model->weights[d.model->table.head_weight[S3_HEAD_MAP] + 17] = NAN;
  finish_refused(&d, NULL, S3REC_ERROR_FORMAT, "'map_norm.weight': element 17 is NaN or infinite");
  begin(&d);
  d.model->weights[0] = -INFINITY;
  finish_refused(&d, NULL, S3REC_ERROR_FORMAT, "'item_embeddings.weight': element 0 is NaN");
}
END_TEST

START_TEST(embeddings_of_odd_shapes) {
  static const char *const names[] = {"item_embeddings.weight", "attribute_embeddings.weight",
                                      "position_embeddings.weight"};
  for (size_t i = 0; i < 3; i++) {
    draft d;
    begin(&d);
    s3_tensor *const tensor = &d.tensors[tensor_index(&d, names[i])];
    tensor->rank = 1;
    tensor->shape[0] *= tensor->shape[1];
    finish_refused(&d, NULL, S3REC_ERROR_FORMAT, "shape must have two dimensions");
    begin(&d);
    d.tensors[tensor_index(&d, names[i])].shape[0] = 0;
    d.tensors[tensor_index(&d, names[i])].byte_count = 0;
    finish_refused(&d, NULL, S3REC_ERROR_FORMAT, "shape must have two dimensions of 1..");
    begin(&d); /* more than an id can count, in no bytes at all */
    d.tensors[tensor_index(&d, names[i])].shape[0] = (int64_t)INT32_MAX + 1;
    d.tensors[tensor_index(&d, names[i])].shape[1] = 0;
    d.tensors[tensor_index(&d, names[i])].byte_count = 0;
    finish_refused(&d, NULL, S3REC_ERROR_FORMAT, "shape must have two dimensions of 1..");
  }
}
END_TEST

/* Names of 64 layers and a hidden size of 4096 in a small file ask for 50 GB. */
START_TEST(small_files_cannot_ask_for_much_memory) {
  static float zeros[4 * 4096];
  const s3_tensor few[] = {
      {"item_embeddings.weight", "F32", 2, {3, 4096}, zeros, 3 * 4096 * 4, 0},
      {"attribute_embeddings.weight", "F32", 2, {1, 4096}, zeros, 4096 * 4, 0},
      {"position_embeddings.weight", "F32", 2, {1, 4096}, zeros, 4096 * 4, 0},
      {"item_encoder.layer.63.attention.query.bias", "F32", 1, {4096}, zeros, 4096 * 4, 0},
  };
  const test_path path = test_file("greedy.safetensors");
  ck_assert_int_eq(s3_safetensors_write(context, path.text, few, 4, NULL, 0), S3REC_OK);
  const long long before = hooks.live_bytes;
  s3rec_model *model = NULL;
  ck_assert_int_eq(s3rec_model_load(context, path.text, NULL, &model), S3REC_ERROR_FORMAT);
  ck_assert_ptr_nonnull(
      strstr(s3rec_last_error(), "'item_encoder.layer.0.attention.query.weight' is missing"));
  ck_assert_int_eq(hooks.live_bytes, before);

  const s3_tensor layers[] = {
      few[0], few[1], few[2],
      {"item_encoder.layer.99999999999999999999.x", "F32", 0, {0}, zeros, 4, 0}};
  ck_assert_int_eq(s3_safetensors_write(context, path.text, layers, 4, NULL, 0), S3REC_OK);
  ck_assert_int_eq(s3rec_model_load(context, path.text, NULL, &model), S3REC_ERROR_FORMAT);
  ck_assert_ptr_nonnull(
      strstr(s3rec_last_error(), "num_hidden_layers is 2147483647, must be 1..64"));
}
END_TEST

/* Loop: load, map. */
START_TEST(more_items_than_the_limit) {
  const test_path path = test_file("limited.safetensors");
  const s3rec_model_config config = fixture_config();
  s3rec_model *model = test_model_of(context, &config, 1), *const untouched = NULL;
  ck_assert_int_eq(s3rec_model_save(model, path.text), S3REC_OK);
  s3rec_model_destroy(model);
  for (uint64_t items = 4; items <= 5; items++) { /* the model has 5 */
    s3rec_limits limits;
    s3rec_context_options options;
    s3rec_context *limited;
    s3rec_limits_init(&limits);
    limits.items = items;
    s3rec_context_options_init(&options);
    options.limits = &limits;
    ck_assert_int_eq(s3rec_context_create(&options, &limited), S3REC_OK);
    model = untouched;
    const s3rec_status status = _i == 0 ? s3rec_model_load(limited, path.text, NULL, &model)
                                        : s3rec_model_map(limited, path.text, NULL, &model);
    ck_assert_int_eq(status, items == 5 ? S3REC_OK : S3REC_ERROR_LIMIT);
    if (items == 5)
      s3rec_model_destroy(model);
    else
      ck_assert_ptr_nonnull(
          strstr(s3rec_last_error(), ": 5 items, but s3rec_limits.items is 4"));
    s3rec_context_destroy(limited);
  }
}
END_TEST

TEST_SUITE(model_contents) {
  TCase *good = tcase_create("good"), *bad = tcase_create("bad");
  tcase_add_checked_fixture(good, set_up, tear_down);
  tcase_add_checked_fixture(bad, set_up, tear_down);
  tcase_add_test(good, without_metadata_shapes_and_fallback_decide);
  tcase_add_test(good, metadata_wins_over_the_fallback);
  tcase_add_test(good, files_in_any_order_load);
  tcase_add_test(good, popularity_of_other_programs_loads);
  tcase_add_test(bad, bad_fallbacks);
  tcase_add_test(bad, metadata_that_contradicts_the_shapes);
  tcase_add_test(bad, bad_metadata_values);
  tcase_add_test(bad, wrong_popularity_is_named);
  tcase_add_test(bad, every_missing_tensor_is_named);
  tcase_add_test(bad, every_wrong_shape_and_dtype_is_named);
  tcase_add_test(bad, unknown_tensors_are_refused_and_state_tensors_passed_over);
  tcase_add_test(bad, weights_that_are_not_finite_are_refused);
  tcase_add_test(bad, embeddings_of_odd_shapes);
  tcase_add_loop_test(bad, more_items_than_the_limit, 0, 2);
  tcase_add_test(bad, small_files_cannot_ask_for_much_memory);
  test_add_cases(suite, good, bad, NULL);
}
