/* SPDX-License-Identifier: Apache-2.0 */
/* Models whose item table stays in the file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/model_file.h"
#include "s3rec/s3rec.h"
#include "support/files.h"
#include "support/hooks.h"
#include "support/model.h"
#include "support/suite.h"
#include "support/training.h"

enum { ITEMS = 5000, HIDDEN = 64, TABLE_BYTES = (ITEMS + 2) * HIDDEN * 4, HISTORY = 5, TOP = 20 };

static test_hooks hooks;
static s3rec_context *context;
static test_path path;
static char logged[1024];

static void keep_log(s3rec_log_level level, const char *message, void *user_data) {
  (void)level;
  (void)user_data;
  snprintf(logged, sizeof logged, "%s", message);
}

static s3rec_model_config config_of(int32_t items) {
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  config.item_size = items + 2;
  config.attribute_size = 9;
  config.max_seq_length = 10;
  config.hidden_size = HIDDEN;
  config.num_hidden_layers = 1;
  return config;
}

static void save(const char *place, int32_t items, int32_t hidden) {
  s3rec_model_config config = config_of(items);
  config.hidden_size = hidden;
  s3rec_model *const model = test_model_of(context, &config, 5);
  test_ok(s3rec_model_save(model, place));
  s3rec_model_destroy(model);
}

static void save_new(const char *place, int32_t items) { save(place, items, HIDDEN); }

static void set_up(void) {
  s3rec_context_options options;
  s3rec_context_options_init(&options);
  hooks = (test_hooks){0};
  test_hooks_install(&hooks, &options);
  options.log = keep_log;
  test_ok(s3rec_context_create(&options, &context));
  path = test_file("model.safetensors");
  save_new(path.text, ITEMS);
  logged[0] = '\0';
}

static void tear_down(void) {
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

static bool is_mapped(const s3rec_model *model) { return model->mapping.address != NULL; }

static s3rec_model *map_of(const char *place) {
  s3rec_model *model = NULL;
  test_ok(s3rec_model_map(context, place, NULL, &model));
  return model;
}

static s3rec_model *load_of(const char *place) {
  s3rec_model *model = NULL;
  test_ok(s3rec_model_load(context, place, NULL, &model));
  return model;
}

/* The file's bytes are still those that `before` holds. */
static void assert_untouched(const char *before, size_t count) {
  size_t count_after;
  char *const after = test_read(path.text, &count_after);
  ck_assert_uint_eq(count_after, count);
  ck_assert_int_eq(memcmp(before, after, count), 0);
  free(after);
}

START_TEST(scores_as_a_loaded_model) {
  static const int32_t history[HISTORY] = {1, 4000, 17, ITEMS, 2};
  s3rec_model *const models[] = {load_of(path.text), map_of(path.text)};
  int32_t ids[2][TOP];
  float scores[2][TOP];
  ck_assert(!is_mapped(models[0]));
  ck_assert(is_mapped(models[1]));
  ck_assert_str_eq(logged, "");
  ck_assert_uint_eq((uintptr_t)models[1]->weights % 64, 0);
  ck_assert(test_equal_weights(models[0], models[1])); /* gaps included */
  for (int m = 0; m < 2; m++) {
    s3rec_scorer *scorer;
    size_t count;
    test_ok(s3rec_scorer_create(models[m], &scorer));
    test_ok(s3rec_score_next(scorer, history, HISTORY, NULL, TOP, ids[m], scores[m], &count));
    ck_assert_uint_eq(count, TOP);
    s3rec_scorer_destroy(scorer);
    s3rec_model_destroy(models[m]);
  }
  ck_assert_int_eq(memcmp(ids[0], ids[1], sizeof ids[0]), 0);
  ck_assert_int_eq(memcmp(scores[0], scores[1], sizeof scores[0]), 0);
}
END_TEST

/* Weights change in memory as those of a loaded model do, and the file stays. */
START_TEST(writing_leaves_the_file_alone) {
  const test_shape shape = {.items = ITEMS, .attributes = 9, .length = 10, .hidden = HIDDEN,
                            .layers = 1, .heads = 2, .activation = S3REC_GELU, .batch = 6};
  size_t count;
  char *const before = test_read(path.text, &count);
  s3rec_model *const models[] = {load_of(path.text), map_of(path.text)};
  s3rec_batch *const batch = test_finetune_batch(context, &shape, 3);
  float *const table = calloc(TABLE_BYTES, 1);
  for (int m = 0; m < 2; m++) {
    s3rec_trainer *trainer;
    s3rec_losses losses;
    s3rec_losses_init(&losses);
    test_ok(s3rec_trainer_create(models[m], NULL, &trainer));
    for (int step = 0; step < 3; step++) test_ok(s3rec_finetune_step(trainer, batch, &losses));
    s3rec_trainer_destroy(trainer);
  }
  ck_assert(is_mapped(models[1]));
  ck_assert(test_equal_weights(models[0], models[1]));
  assert_untouched(before, count);

  s3rec_model *const other = map_of(path.text);
  ck_assert(!test_equal_weights(other, models[1]));
  test_ok(s3rec_model_copy_weights(other, models[1]));
  ck_assert(test_equal_weights(other, models[1]));
  test_ok(s3rec_model_parameter_write(models[1], "item_embeddings.weight", table,
                                      TABLE_BYTES / sizeof(float)));
  ck_assert_int_eq(memcmp(models[1]->weights, table, TABLE_BYTES), 0);
  assert_untouched(before, count);
  for (int m = 0; m < 2; m++) s3rec_model_destroy(models[m]);
  s3rec_model_destroy(other);
  s3rec_batch_destroy(batch);
  free(table);
  free(before);
}
END_TEST

START_TEST(saves_over_its_own_file) {
  s3rec_model *const model = map_of(path.text), *const before = load_of(path.text);
  float bias[HIDDEN] = {0};
  test_ok(s3rec_model_save(model, path.text));
  ck_assert(test_equal_weights(model, before));
  for (int i = 0; i < HIDDEN; i++) bias[i] = (float)i;
  test_ok(s3rec_model_parameter_write(model, "LayerNorm.bias", bias, HIDDEN));
  model->weights[12345] = 8.5f;
  test_ok(s3rec_model_save(model, path.text));
  s3rec_model *const again = map_of(path.text);
  ck_assert(test_equal_weights(model, again));
  ck_assert(again->weights[12345] == 8.5f);
  s3rec_model_destroy(before);
  s3rec_model_destroy(model);
  s3rec_model_destroy(again);
}
END_TEST

START_TEST(outlives_the_name_of_its_file) {
  s3rec_model *const loaded = load_of(path.text), *const mapped = map_of(path.text);
  s3rec_model *clone = NULL;
  ck_assert_int_eq(unlink(path.text), 0);
  ck_assert(test_equal_weights(loaded, mapped));
  test_ok(s3rec_model_clone(mapped, &clone));
  ck_assert(!is_mapped(clone));
  s3rec_model_destroy(mapped);
  ck_assert(test_equal_weights(loaded, clone));
  s3rec_model_destroy(clone);
  s3rec_model_destroy(loaded);
}
END_TEST

START_TEST(two_maps_and_any_order_of_destruction) {
  static const int32_t history[] = {7};
  s3rec_model *const first = map_of(path.text), *const second = map_of(path.text);
  s3rec_scorer *scorer;
  int32_t id;
  float score;
  size_t count;
  ck_assert(is_mapped(first) && is_mapped(second));
  first->weights[3] = 99; /* a page of its own from here on */
  ck_assert(second->weights[3] != 99);
  test_ok(s3rec_scorer_create(second, &scorer));
  s3rec_model_destroy(second);
  s3rec_model_destroy(first);
  test_ok(s3rec_score_next(scorer, history, 1, NULL, 1, &id, &score, &count));
  ck_assert_uint_eq(count, 1);
  s3rec_scorer_destroy(scorer);
}
END_TEST

START_TEST(the_table_is_not_the_allocators) {
  const long long before = atomic_load(&hooks.live_bytes);
  s3rec_model *const mapped = map_of(path.text);
  ck_assert_int_lt(atomic_load(&hooks.live_bytes) - before, 100000);
  s3rec_model *const loaded = load_of(path.text);
  ck_assert_int_gt(atomic_load(&hooks.live_bytes) - before, TABLE_BYTES);
  s3rec_model_destroy(loaded);
  s3rec_model_destroy(mapped);
  ck_assert_int_eq(atomic_load(&hooks.live_bytes), before);
}
END_TEST

/* Rewrites the file with `spaces` more after the header's JSON, which moves the
 * data, and one float changed. */
static void rewrite(size_t spaces, size_t element, float value) {
  size_t count;
  char *const bytes = test_read(path.text, &count);
  uint64_t header;
  memcpy(&header, bytes, sizeof header);
  char *const moved = malloc(count + spaces);
  const size_t data = sizeof header + (size_t)header;
  memcpy(moved, bytes, data);
  memset(moved + data, ' ', spaces);
  memcpy(moved + data + spaces, bytes + data, count - data);
  memcpy(moved + data + spaces + element * sizeof value, &value, sizeof value);
  header += spaces;
  memcpy(moved, &header, sizeof header);
  test_write(path.text, moved, count + spaces);
  free(bytes);
  free(moved);
}

START_TEST(a_foreign_offset_is_copied) {
  static const size_t shifts[] = {1, 4, 32, 63};
  for (size_t i = 0; i < sizeof shifts / sizeof shifts[0]; i++) {
    save_new(path.text, ITEMS);
    s3rec_model *const aligned = map_of(path.text);
    rewrite(shifts[i], 0, aligned->weights[0]);
    s3rec_model *const shifted = map_of(path.text);
    ck_assert(!is_mapped(shifted));
    ck_assert_ptr_nonnull(strstr(logged, path.text));
    ck_assert_ptr_nonnull(strstr(logged, "multiple of 64"));
    s3rec_model_destroy(aligned);
    s3rec_model *const loaded = load_of(path.text);
    ck_assert(test_equal_weights(loaded, shifted));
    s3rec_model_destroy(loaded);
    s3rec_model_destroy(shifted);
  }
}
END_TEST

/* Any place within a page, with and without a gap after the table. */
START_TEST(every_place_in_a_page_maps) {
  for (int32_t items = ITEMS; items < ITEMS + 20; items++) {
    save(path.text, items, items % 2 == 0 ? HIDDEN : 54);
    for (size_t shift = 0; shift < 2; shift++) {
      s3rec_model *const mapped = map_of(path.text), *const loaded = load_of(path.text);
      ck_assert(is_mapped(mapped));
      ck_assert(test_equal_weights(loaded, mapped));
      s3rec_model_destroy(loaded);
      rewrite((size_t)(items % 16 + 1) * 256, 1, mapped->weights[1]);
      s3rec_model_destroy(mapped);
    }
  }
}
END_TEST

START_TEST(a_small_table_is_copied) {
  save_new(path.text, 100);
  s3rec_model *const mapped = map_of(path.text), *const loaded = load_of(path.text);
  ck_assert(!is_mapped(mapped));
  ck_assert_ptr_nonnull(strstr(logged, "smaller than 1 MiB"));
  ck_assert(test_equal_weights(loaded, mapped));
  s3rec_model_destroy(loaded);
  s3rec_model_destroy(mapped);
}
END_TEST

START_TEST(weights_that_are_not_finite_are_refused) {
  static const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};
  static const size_t places[] = {0, 4097, TABLE_BYTES / 4 - 1, TABLE_BYTES / 4 + 5};
  static const char *const texts[] = {"'item_embeddings.weight': element 0 is",
                                      "'item_embeddings.weight': element 4097 is",
                                      "'item_embeddings.weight': element 320127 is",
                                      "'attribute_embeddings.weight': element 5 is"};
  s3rec_model *untouched = NULL;
  for (size_t i = 0; i < 4; i++) {
    save_new(path.text, ITEMS);
    rewrite(0, places[i], bad[i]);
    test_fails(s3rec_model_map(context, path.text, NULL, &untouched), S3REC_ERROR_FORMAT);
    ck_assert_ptr_null(untouched);
    ck_assert_ptr_nonnull(strstr(s3rec_last_error(), texts[i]));
    ck_assert_ptr_nonnull(strstr(s3rec_last_error(), path.text));
  }
}
END_TEST

START_TEST(broken_files_are_refused) {
  const test_path missing = test_file("missing.safetensors");
  s3rec_model *untouched = NULL;
  size_t count;
  char *const bytes = test_read(path.text, &count);
  const size_t sizes[] = {0, 7, 8, 300, 4096, TABLE_BYTES, count - 4096, count - 1};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    test_write(path.text, bytes, sizes[i]);
    test_fails(s3rec_model_map(context, path.text, NULL, &untouched), S3REC_ERROR_FORMAT);
    ck_assert_ptr_nonnull(strstr(s3rec_last_error(), path.text));
  }
  free(bytes);
  test_fails(s3rec_model_map(context, missing.text, NULL, &untouched), S3REC_ERROR_IO);
  ck_assert_ptr_nonnull(strstr(s3rec_last_error(), missing.text));
  test_fails(s3rec_model_map(NULL, path.text, NULL, &untouched), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_model_map(context, NULL, NULL, &untouched), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_model_map(context, path.text, NULL, NULL), S3REC_ERROR_ARGUMENT);
  ck_assert_ptr_null(untouched);
}
END_TEST

static s3rec_status map_action(void *argument) {
  s3rec_model *model = NULL;
  const s3rec_status status = s3rec_model_map(context, argument, NULL, &model);
  s3rec_model_destroy(model);
  return status;
}

START_TEST(survives_missing_memory) {
  ck_assert_uint_ge(test_every_allocation_fails(&hooks, map_action, path.text), 8);
}
END_TEST

TEST_SUITE(model_map) {
  TCase *good = tcase_create("good"), *copied = tcase_create("copied"), *bad = tcase_create("bad");
  tcase_add_checked_fixture(good, set_up, tear_down);
  tcase_add_checked_fixture(copied, set_up, tear_down);
  tcase_add_checked_fixture(bad, set_up, tear_down);
  tcase_add_test(good, scores_as_a_loaded_model);
  tcase_add_test(good, writing_leaves_the_file_alone);
  tcase_add_test(good, saves_over_its_own_file);
  tcase_add_test(good, outlives_the_name_of_its_file);
  tcase_add_test(good, two_maps_and_any_order_of_destruction);
  tcase_add_test(good, the_table_is_not_the_allocators);
  tcase_add_test(good, every_place_in_a_page_maps);
  tcase_add_test(copied, a_foreign_offset_is_copied);
  tcase_add_test(copied, a_small_table_is_copied);
  tcase_add_test(bad, weights_that_are_not_finite_are_refused);
  tcase_add_test(bad, broken_files_are_refused);
  tcase_add_test(bad, survives_missing_memory);
  test_add_cases(suite, good, copied, bad, NULL);
}
