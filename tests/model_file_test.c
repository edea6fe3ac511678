/* SPDX-License-Identifier: Apache-2.0 */
/* Models in files: round trips, damage, saving. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/random.h"
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

START_TEST(round_trip_is_exact) {
  const test_path path = test_file("model.safetensors"), again = test_file("again.safetensors");
  for (int act = S3REC_GELU; act <= S3REC_SWISH; act++) {
    s3rec_model_config config = fixture_config();
    config.hidden_act = (s3rec_activation)act;
    s3rec_model *model = test_model_of(context, &config, 11), *loaded = NULL;
    ck_assert_int_eq(s3rec_model_save(model, path.text), S3REC_OK);
    ck_assert_msg(s3rec_model_load(context, path.text, NULL, &loaded) == S3REC_OK, "%s",
                  s3rec_last_error());
    fixture_assert_same(model, loaded);
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
  const s3rec_model_config config = fixture_config();
  s3rec_model *model = test_model_of(context, &config, 11);
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
  char library[32];
  snprintf(library, sizeof library, "s3rec %s", s3rec_version());
  ck_assert_str_eq(s3_safetensors_metadata(file, "library"), library);
  ck_assert_uint_eq(s3_safetensors_count(file), 45);
  ck_assert_str_eq(s3_safetensors_at(file, 0)->name, "item_embeddings.weight");
  ck_assert_str_eq(s3_safetensors_at(file, 44)->name, "sp_norm.bias");
  s3_safetensors_close(file);
}
END_TEST

static void collect_keys(const char *key, const char *value, void *user_data) {
  char *const keys = user_data;
  ck_assert_uint_lt(strlen(keys) + strlen(key) + strlen(value), 900);
  strcat(strcat(strcat(strcat(keys, key), "="), value), " ");
}

/* What a host reads of a file without loading it, and the number that tells weights apart. */
START_TEST(a_file_tells_about_itself) {
  const test_path path = test_file("told.safetensors");
  const s3rec_model_config config = fixture_config();
  s3rec_model *model = test_model_of(context, &config, 11), *loaded = NULL;
  char keys[1000] = "";
  const int32_t events[7] = {0, 1203, 0, 4, 10, INT32_MAX, 0};
  ck_assert_int_eq(s3rec_model_set_popularity(model, events, 7), S3REC_OK);
  ck_assert_int_eq(s3rec_model_save(model, path.text), S3REC_OK);
  ck_assert_int_eq(s3rec_model_file_metadata(context, path.text, collect_keys, keys), S3REC_OK);
  ck_assert_ptr_eq(strstr(keys, "format=pt library=s3rec "), keys);
  ck_assert_ptr_nonnull(strstr(keys, " item_size=7 attribute_size=3 "));
  ck_assert_ptr_nonnull(strstr(keys, " item_popularity=1203 0 4 10 2147483647 "));
  ck_assert_int_eq(s3rec_model_load(context, path.text, NULL, &loaded), S3REC_OK);
  const uint64_t fingerprint = s3rec_model_fingerprint(model);
  ck_assert_uint_eq(s3rec_model_fingerprint(loaded), fingerprint);
  float bias[6] = {0.5f, 1, 2, 3, 4, 5};
  ck_assert_int_eq(s3rec_model_parameter_write(loaded, "LayerNorm.bias", bias, 6), S3REC_OK);
  ck_assert_uint_ne(s3rec_model_fingerprint(loaded), fingerprint);
  ck_assert_uint_eq(s3rec_model_fingerprint(NULL), 0);
  s3rec_model_destroy(loaded);
  s3rec_model_destroy(model);
  ck_assert_int_eq(s3rec_model_file_metadata(context, "none", collect_keys, keys),
                   S3REC_ERROR_IO);
  ck_assert_int_eq(s3rec_model_file_metadata(context, path.text, NULL, keys),
                   S3REC_ERROR_ARGUMENT);
  test_write(path.text, "no tensors", 10);
  ck_assert_int_eq(s3rec_model_file_metadata(context, path.text, collect_keys, keys),
                   S3REC_ERROR_FORMAT);
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
    fixture_assert_same(model, again);

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

START_TEST(every_truncation_is_refused) {
  const test_path path = test_file("whole.safetensors"), cut = test_file("cut.safetensors");
  s3rec_model_config config = fixture_config();
  config.hidden_size = 1;
  config.num_attention_heads = 1;
  config.num_hidden_layers = 1;
  s3rec_model *model = test_model_of(context, &config, 11);
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
  s3rec_model_config config = fixture_config();
  config.num_hidden_layers = 1;
  s3rec_model *model = test_model_of(context, &config, 11);
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

/* What no load would take does not replace a file that one would. */
START_TEST(weights_that_are_not_finite_are_not_saved) {
  const test_path path = test_file("kept.safetensors");
  const float bad[] = {NAN, INFINITY, -INFINITY};
  const s3rec_model_config config = fixture_config();
  s3rec_model *model = test_model_of(context, &config, 11), *good = NULL, *loaded = NULL;
  ck_assert_int_eq(s3rec_model_save(model, path.text), S3REC_OK);
  ck_assert_int_eq(s3rec_model_clone(model, &good), S3REC_OK);
  const size_t entries = test_file_count();
  for (size_t i = 0; i < 3; i++) {
    const size_t place = model->table.head_weight[S3_HEAD_SP] + 35; /* the last one */
    model->weights[place] = bad[i];
    ck_assert_int_eq(s3rec_model_save(model, path.text), S3REC_ERROR_NUMERIC);
    ck_assert_ptr_nonnull(
        strstr(s3rec_last_error(), "'sp_norm.weight': element 35 is NaN or infinite"));
    model->weights[place] = good->weights[place];
  }
  ck_assert_uint_eq(test_file_count(), entries);
  ck_assert_int_eq(s3rec_model_load(context, path.text, NULL, &loaded), S3REC_OK);
  fixture_assert_same(good, loaded);
  ck_assert_int_eq(s3rec_model_save(model, path.text), S3REC_OK);
  s3rec_model_destroy(model);
  s3rec_model_destroy(good);
  s3rec_model_destroy(loaded);
}
END_TEST

START_TEST(save_failures) {
  const s3rec_model_config config = fixture_config();
  s3rec_model *model = test_model_of(context, &config, 11);
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

/* A header may have 100 MB; the model is worth more than what does not fit into it. */
START_TEST(popularity_that_is_too_long_is_left_out) {
  const test_path path = test_file("long.safetensors");
  s3rec_model_config config = fixture_config();
  config.item_size = 8200002; /* of 11 bytes each */
  config.hidden_size = config.num_attention_heads = 1;
  s3rec_model *model = test_model_of(context, &config, 11), *loaded = NULL;
  int32_t *const counts = calloc((size_t)config.item_size, sizeof *counts);
  for (int32_t id = 1; id < config.item_size - 1; id++) counts[id] = INT32_MAX;
  ck_assert_int_eq(s3rec_model_set_popularity(model, counts, (size_t)config.item_size), S3REC_OK);
  ck_assert_int_eq(s3rec_model_save(model, path.text), S3REC_OK);
  ck_assert_int_eq(s3rec_model_load(context, path.text, NULL, &loaded), S3REC_OK);
  ck_assert_int_eq(s3rec_model_popularity(loaded, counts, (size_t)config.item_size),
                   S3REC_ERROR_NOT_FOUND);
  free(counts);
  s3rec_model_destroy(loaded);
  s3rec_model_destroy(model);
}
END_TEST

static s3rec_status save_and_load(void *argument) {
  const s3rec_model_config config = fixture_config();
  s3rec_model *model = NULL, *loaded = NULL;
  S3_TRY(s3rec_model_create(context, &config, 11, &model));
  const int32_t events[7] = {0, 1, 2, 3, 4, 5, 0};
  s3rec_status status = s3rec_model_set_popularity(model, events, 7);
  if (status == S3REC_OK) status = s3rec_model_save(model, argument);
  if (status == S3REC_OK) status = s3rec_model_load(context, argument, NULL, &loaded);
  s3rec_model_destroy(model);
  s3rec_model_destroy(loaded);
  return status;
}

static s3rec_status clone_it(void *model) {
  s3rec_model *clone = NULL;
  const s3rec_status status = s3rec_model_clone(model, &clone);
  ck_assert_int_eq(clone != NULL, status == S3REC_OK);
  s3rec_model_destroy(clone);
  return status;
}

/* Popularity goes with a clone, or there is no clone. */
START_TEST(clones_without_memory) {
  const s3rec_model_config config = fixture_config();
  s3rec_model *model = NULL;
  ck_assert_int_eq(s3rec_model_create(context, &config, 11, &model), S3REC_OK);
  const int32_t events[7] = {0, 1, 2, 3, 4, 5, 0};
  ck_assert_int_eq(s3rec_model_set_popularity(model, events, 7), S3REC_OK);
  ck_assert_uint_ge(test_every_allocation_fails(&hooks, clone_it, model), 4);
  s3rec_model_destroy(model);
}
END_TEST

START_TEST(survives_missing_memory) {
  test_path path = test_file("memory.safetensors");
  ck_assert_uint_ge(test_every_allocation_fails(&hooks, save_and_load, path.text), 15);
}
END_TEST

TEST_SUITE(model_file) {
  TCase *good = tcase_create("good"), *bad = tcase_create("bad");
  tcase_add_checked_fixture(good, set_up, tear_down);
  tcase_add_checked_fixture(bad, set_up, tear_down);
  tcase_add_test(good, round_trip_is_exact);
  tcase_add_test(good, metadata_is_the_configuration);
  tcase_add_test(good, a_file_tells_about_itself);
  tcase_add_test(good, released_checkpoints_load);
  tcase_add_test(bad, every_truncation_is_refused);
  tcase_add_test(bad, random_damage_never_crashes);
  tcase_add_test(bad, weights_that_are_not_finite_are_not_saved);
  tcase_add_test(bad, popularity_that_is_too_long_is_left_out);
  tcase_add_test(bad, save_failures);
  tcase_add_test(bad, clones_without_memory);
  tcase_add_test(bad, survives_missing_memory);
  test_add_cases(suite, good, bad, NULL);
}
