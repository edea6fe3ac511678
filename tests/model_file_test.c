/* SPDX-License-Identifier: Apache-2.0 */
/* Models in files: round trips, files of other programs, contradictions. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/random.h"
#include "model/model_file.h"
#include "s3rec/s3rec.h"
#include "support/files.h"
#include "support/hooks.h"
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

static s3rec_model *make(const s3rec_model_config *config) {
  s3rec_model *model = NULL;
  ck_assert_msg(s3rec_model_create(context, config, 11, &model) == S3REC_OK, "%s",
                s3rec_last_error());
  return model;
}

static void assert_same(const s3rec_model *a, const s3rec_model *b) {
  const s3rec_model_config *const x = &a->config, *const y = &b->config;
  ck_assert_int_eq(s3_config_same_sizes(x, y), S3REC_OK);
  ck_assert_int_eq(x->num_attention_heads, y->num_attention_heads);
  ck_assert_int_eq(x->hidden_act, y->hidden_act);
  ck_assert(x->hidden_dropout_prob == y->hidden_dropout_prob);
  ck_assert(x->attention_probs_dropout_prob == y->attention_probs_dropout_prob);
  ck_assert(x->initializer_range == y->initializer_range);
  ck_assert_uint_eq(a->table.float_count, b->table.float_count);
  ck_assert_int_eq(memcmp(a->weights, b->weights, a->table.float_count * sizeof(float)), 0);
}

START_TEST(round_trip_is_exact) {
  const test_path path = test_file("model.safetensors"), again = test_file("again.safetensors");
  for (int act = S3REC_GELU; act <= S3REC_SWISH; act++) {
    s3rec_model_config config = small_config();
    config.hidden_act = (s3rec_activation)act;
    s3rec_model *model = make(&config), *loaded = NULL;
    ck_assert_int_eq(s3rec_model_save(model, path.text), S3REC_OK);
    ck_assert_msg(s3rec_model_load(context, path.text, NULL, &loaded) == S3REC_OK, "%s",
                  s3rec_last_error());
    assert_same(model, loaded);
    ck_assert_int_eq(s3rec_model_save(loaded, again.text), S3REC_OK);
    size_t count, count_again;
    char *const bytes = test_read(path.text, &count);
    char *const bytes_again = test_read(again.text, &count_again);
    ck_assert_uint_eq(count, count_again);
    ck_assert_int_eq(memcmp(bytes, bytes_again, count), 0);
    free(bytes);
    free(bytes_again);
    s3rec_model_destroy(model);
    s3rec_model_destroy(loaded);
  }
}
END_TEST

START_TEST(metadata_is_the_configuration) {
  const test_path path = test_file("metadata.safetensors");
  const s3rec_model_config config = small_config();
  s3rec_model *model = make(&config);
  ck_assert_int_eq(s3rec_model_save(model, path.text), S3REC_OK);
  s3rec_model_destroy(model);
  s3_safetensors *file;
  ck_assert_int_eq(s3_safetensors_open(context, path.text, &file), S3REC_OK);
  static const s3_metadata expected[] = {
      {"format", "pt"},
      {"item_size", "7"},
      {"attribute_size", "3"},
      {"max_seq_length", "4"},
      {"hidden_size", "6"},
      {"num_hidden_layers", "2"},
      {"num_attention_heads", "3"},
      {"mask_id", "6"},
      {"hidden_act", "relu"},
      {"hidden_dropout_prob", "0.333333333333333315"},
      {"attention_probs_dropout_prob", "0.1"},
      {"initializer_range", "0.7"},
  };
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
    const char *const value = s3_safetensors_metadata(file, expected[i].key);
    ck_assert_msg(value != NULL, "%s", expected[i].key);
    if (strcmp(expected[i].key, "hidden_dropout_prob") == 0) {
      ck_assert(strtod(value, NULL) == 1.0 / 3);
    } else {
      ck_assert_str_eq(value, expected[i].value);
    }
  }
  ck_assert_str_eq(s3_safetensors_metadata(file, "library"), "s3rec 0.1.0");
  ck_assert_uint_eq(s3_safetensors_count(file), 45);
  ck_assert_str_eq(s3_safetensors_at(file, 0)->name, "item_embeddings.weight");
  ck_assert_str_eq(s3_safetensors_at(file, 44)->name, "sp_norm.bias");
  s3_safetensors_close(file);
}
END_TEST

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
  const s3rec_model_config config = small_config();
  *d = (draft){.model = make(&config), .metadata_count = S3_CONFIG_METADATA_COUNT};
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
  s3rec_model *const untouched = (s3rec_model *)&hooks, *model = untouched;
  const s3rec_status status = s3rec_model_load(context, d->path.text, fallback, &model);
  ck_assert_msg(status == expected, "%s instead of '%s': %s", s3rec_status_name(status), reason,
                s3rec_last_error());
  ck_assert_ptr_eq(model, untouched);
  ck_assert_msg(strstr(s3rec_last_error(), d->path.text) == s3rec_last_error(), "%s",
                s3rec_last_error());
  ck_assert_msg(strstr(s3rec_last_error(), reason) != NULL, "'%s' is not in '%s'", reason,
                s3rec_last_error());
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
  assert_same(d.model, loaded);
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
                 "tensor 'lm_head.weight' is no parameter of this model");
  begin(&d);
  d.tensors[d.tensor_count] = more;
  d.tensors[d.tensor_count++].name = "item_encoder.layer.1.attention.query.scale";
  finish_refused(&d, NULL, S3REC_ERROR_FORMAT, "attention.query.scale' is no parameter");
  begin(&d);
  d.tensors[d.tensor_count] = more;
  d.tensors[d.tensor_count++].name = "state.anything";
  write_draft(&d);
  s3rec_model *loaded = NULL;
  ck_assert_msg(s3rec_model_load(context, d.path.text, NULL, &loaded) == S3REC_OK, "%s",
                s3rec_last_error());
  assert_same(d.model, loaded);
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
  assert_same(d.model, loaded);
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

/* Names of 64 layers and a hidden size of 4096 in a small file ask for 50 GB. */
START_TEST(small_files_cannot_ask_for_much_memory) {
  static float zeros[4 * 4096];
  const s3_tensor few[] = {
      {"item_embeddings.weight", "F32", 2, {3, 4096}, zeros, 3 * 4096 * 4},
      {"attribute_embeddings.weight", "F32", 2, {1, 4096}, zeros, 4096 * 4},
      {"position_embeddings.weight", "F32", 2, {1, 4096}, zeros, 4096 * 4},
      {"item_encoder.layer.63.attention.query.bias", "F32", 1, {4096}, zeros, 4096 * 4},
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
      {"item_encoder.layer.99999999999999999999.x", "F32", 0, {0}, zeros, 4}};
  ck_assert_int_eq(s3_safetensors_write(context, path.text, layers, 4, NULL, 0), S3REC_OK);
  ck_assert_int_eq(s3rec_model_load(context, path.text, NULL, &model), S3REC_ERROR_FORMAT);
  ck_assert_ptr_nonnull(
      strstr(s3rec_last_error(), "num_hidden_layers is 2147483647, must be 1..64"));
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
  }
}
END_TEST

START_TEST(every_truncation_is_refused) {
  const test_path path = test_file("whole.safetensors"), cut = test_file("cut.safetensors");
  s3rec_model_config config = small_config();
  config.hidden_size = 1;
  config.num_attention_heads = 1;
  config.num_hidden_layers = 1;
  s3rec_model *model = make(&config);
  ck_assert_int_eq(s3rec_model_save(model, path.text), S3REC_OK);
  s3rec_model_destroy(model);
  size_t count;
  char *const bytes = test_read(path.text, &count);
  for (size_t size = 0; size < count; size++) {
    test_write(cut.text, bytes, size);
    ck_assert_int_eq(s3rec_model_load(context, cut.text, NULL, &model), S3REC_ERROR_FORMAT);
  }
  free(bytes);
}
END_TEST

START_TEST(random_damage_never_crashes) {
  const test_path path = test_file("whole.safetensors"), damaged = test_file("damaged.safetensors");
  s3rec_model_config config = small_config();
  config.num_hidden_layers = 1;
  s3rec_model *model = make(&config);
  ck_assert_int_eq(s3rec_model_save(model, path.text), S3REC_OK);
  s3rec_model_destroy(model);
  size_t count, loaded_count = 0;
  char *const bytes = test_read(path.text, &count);
  const unsigned char *const length = (unsigned char *)bytes; /* fits two bytes */
  const uint32_t header = length[0] + 256 * (uint32_t)length[1];
  enum { ROUNDS = 3000 };
  for (uint64_t round = 0; round < ROUNDS; round++) {
    s3_random random = s3_random_make(s3_key(77, round));
    char *const place = bytes + s3_random_below(&random, header + 8);
    const char before = *place;
    *place = (char)(before ^ (1 << s3_random_below(&random, 8)));
    test_write(damaged.text, bytes, count);
    *place = before;
    model = NULL;
    const s3rec_status status = s3rec_model_load(context, damaged.text, NULL, &model);
    ck_assert(status == S3REC_OK || status == S3REC_ERROR_FORMAT ||
              status == S3REC_ERROR_UNSUPPORTED);
    ck_assert((status == S3REC_OK) == (model != NULL));
    loaded_count += status == S3REC_OK;
    s3rec_model_destroy(model);
  }
  ck_assert_uint_gt(loaded_count, 0); /* a changed "library", "format", dropout, space */
  ck_assert_uint_lt(loaded_count, ROUNDS / 4);
  free(bytes);
}
END_TEST

START_TEST(save_failures) {
  const s3rec_model_config config = small_config();
  s3rec_model *model = make(&config);
  const test_path folder = test_file("folder"), none = test_file("none/model");
  ck_assert_int_eq(mkdir(folder.text, 0755), 0);
  ck_assert_int_eq(s3rec_model_save(model, folder.text), S3REC_ERROR_IO);
  ck_assert_int_eq(s3rec_model_save(model, none.text), S3REC_ERROR_IO);
  ck_assert_ptr_nonnull(strstr(s3rec_last_error(), none.text));
  ck_assert_int_eq(rmdir(folder.text), 0);
  ck_assert_int_eq(s3rec_model_load(context, none.text, NULL, &model), S3REC_ERROR_IO);
  s3rec_model_destroy(model);
}
END_TEST

static s3rec_status save_and_load(void *argument) {
  const s3rec_model_config config = small_config();
  s3rec_model *model = NULL, *loaded = NULL;
  S3_TRY(s3rec_model_create(context, &config, 11, &model));
  s3rec_status status = s3rec_model_save(model, argument);
  if (status == S3REC_OK) status = s3rec_model_load(context, argument, NULL, &loaded);
  s3rec_model_destroy(model);
  s3rec_model_destroy(loaded);
  return status;
}

START_TEST(survives_missing_memory) {
  test_path path = test_file("memory.safetensors");
  ck_assert_uint_ge(test_every_allocation_fails(&hooks, save_and_load, path.text), 15);
}
END_TEST

START_TEST(released_checkpoints_load) {
  const char *const shared = test_shared_folder();
  static const struct {
    const char *file;
    int32_t item_size, attribute_size;
  } cases[] = {{"checkpoints/LastFM-epochs-150.safetensors", 3648, 389},
               {"checkpoints/Beauty-epochs-150.safetensors", 12103, 638},
               {"golden/lastfm_finetuned.safetensors", 3648, 389}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", shared == NULL ? "" : shared, cases[i].file);
    if (shared == NULL || access(path, R_OK) != 0) {
      test_skip("no released checkpoints");
      return;
    }
    s3rec_model *model = NULL, *again = NULL;
    ck_assert_msg(s3rec_model_load(context, path, NULL, &model) == S3REC_OK, "%s",
                  s3rec_last_error());
    ck_assert_int_eq(model->config.item_size, cases[i].item_size);
    ck_assert_int_eq(model->config.attribute_size, cases[i].attribute_size);
    ck_assert_int_eq(model->config.max_seq_length, 50);
    ck_assert_int_eq(model->config.hidden_size, 64);
    ck_assert_int_eq(model->config.num_hidden_layers, 2);
    const test_path saved = test_file("saved.safetensors");
    ck_assert_int_eq(s3rec_model_save(model, saved.text), S3REC_OK);
    ck_assert_int_eq(s3rec_model_load(context, saved.text, NULL, &again), S3REC_OK);
    assert_same(model, again);

    /* The order of parameters is that of the reference's file. */
    s3_safetensors *file;
    ck_assert_int_eq(s3_safetensors_open(context, path, &file), S3REC_OK);
    ck_assert_uint_eq(s3_safetensors_count(file), model->table.count);
    for (size_t p = 0; p < model->table.count; p++) {
      ck_assert_str_eq(s3_safetensors_at(file, p)->name, model->table.parameters[p].name);
    }
    s3_safetensors_close(file);
    s3rec_model_destroy(model);
    s3rec_model_destroy(again);
  }
}
END_TEST

int main(void) {
  TCase *good = tcase_create("good"), *bad = tcase_create("bad");
  tcase_add_checked_fixture(good, set_up, tear_down);
  tcase_add_checked_fixture(bad, set_up, tear_down);
  tcase_add_test(good, round_trip_is_exact);
  tcase_add_test(good, metadata_is_the_configuration);
  tcase_add_test(good, without_metadata_shapes_and_fallback_decide);
  tcase_add_test(good, metadata_wins_over_the_fallback);
  tcase_add_test(good, files_in_any_order_load);
  tcase_add_test(good, released_checkpoints_load);
  tcase_add_test(bad, bad_fallbacks);
  tcase_add_test(bad, metadata_that_contradicts_the_shapes);
  tcase_add_test(bad, bad_metadata_values);
  tcase_add_test(bad, every_missing_tensor_is_named);
  tcase_add_test(bad, every_wrong_shape_and_dtype_is_named);
  tcase_add_test(bad, unknown_tensors_are_refused_and_state_tensors_passed_over);
  tcase_add_test(bad, weights_that_are_not_finite_are_refused);
  tcase_add_test(bad, small_files_cannot_ask_for_much_memory);
  tcase_add_test(bad, embeddings_of_odd_shapes);
  tcase_add_test(bad, every_truncation_is_refused);
  tcase_add_test(bad, random_damage_never_crashes);
  tcase_add_test(bad, save_failures);
  tcase_add_test(bad, survives_missing_memory);
  return test_run("model_file", good, bad, NULL);
}
