/* SPDX-License-Identifier: Apache-2.0 */
/* Names in model files and training states: round trips, mapping, missing memory. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "names/vocabulary.h"
#include "model/model.h"
#include "s3rec/s3rec.h"
#include "support/files.h"
#include "support/hooks.h"
#include "support/suite.h"
#include "support/training.h"
#include "vocabulary_fixture.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static test_hooks hooks;
static s3rec_context *context;
static test_path path;

static void set_up(void) {
  context = test_hooks_context(&hooks);
  path = test_file("named.safetensors");
}

static void tear_down(void) {
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

/* Saves and reads a model with these names; what was read is saved to the same bytes. */
static void round_trip(const fixture_names *items, const fixture_names *attributes,
                       s3rec_name_kind kind, int32_t hidden) {
  s3rec_model *const model =
      fixture_model(context, items == NULL ? 5 : (int32_t)items->count,
                    attributes == NULL ? 3 : (int32_t)attributes->count, hidden);
  s3rec_vocabulary *const given[] = {
      items == NULL ? NULL : fixture_vocabulary(context, kind, 1, items),
      attributes == NULL ? NULL : fixture_vocabulary(context, kind, 0, attributes)};
  test_ok(s3rec_model_set_names(model, given[0], given[1]));
  for (int i = 0; i < 2; i++) s3rec_vocabulary_destroy(given[i]);
  test_ok(s3rec_model_save(model, path.text));
  s3rec_model_destroy(model);
  const test_path again = test_file("again.safetensors");
  for (int map = 0; map < 2; map++) {
    fixture_assert_file(context, path.text, map, items, attributes, kind);
    s3rec_model *read;
    size_t counts[2];
    test_ok((map ? s3rec_model_map : s3rec_model_load)(context, path.text, NULL, &read));
    test_ok(s3rec_model_save(read, again.text));
    s3rec_model_destroy(read);
    char *const bytes[] = {test_read(path.text, &counts[0]), test_read(again.text, &counts[1])};
    ck_assert_uint_eq(counts[0], counts[1]);
    ck_assert_int_eq(memcmp(bytes[0], bytes[1], counts[0]), 0);
    for (int i = 0; i < 2; i++) free(bytes[i]);
  }
}

static const char *const numbers[] = {"0", "-9223372036854775808", "9223372036854775807", "10"};

START_TEST(text_and_integers) {
  char longest[S3REC_MAX_NAME_LENGTH + 1] = {0};
  memset(longest, 'z', S3REC_MAX_NAME_LENGTH);
  const char *const lengths[] = {"x", longest, "y"};
  fixture_names items = fixture_listed(fixture_fruits, FIXTURE_FRUITS);
  fixture_names attributes = fixture_listed(fixture_colours, FIXTURE_COLOURS);
  fixture_names integers = fixture_listed(numbers, COUNT_OF(numbers));
  fixture_names extremes = fixture_listed(lengths, COUNT_OF(lengths));
  for (int32_t hidden = 1; hidden < 5; hidden++) {
    round_trip(&items, &attributes, S3REC_NAMES_TEXT, hidden);
    round_trip(&items, NULL, S3REC_NAMES_TEXT, hidden);
    round_trip(NULL, &attributes, S3REC_NAMES_TEXT, hidden);
    round_trip(NULL, NULL, S3REC_NAMES_TEXT, hidden);
    round_trip(&integers, &integers, S3REC_NAMES_INTEGER, hidden);
    round_trip(&extremes, &integers, S3REC_NAMES_TEXT, hidden);
  }
  fixture_names *const all[] = {&items, &attributes, &integers, &extremes};
  for (size_t i = 0; i < COUNT_OF(all); i++) fixture_names_free(all[i]);
}
END_TEST

START_TEST(many_names) {
  fixture_names items = fixture_numbered(100000, "%zu", 0x9e3779b97f4a7c15u);
  round_trip(&items, NULL, S3REC_NAMES_TEXT, 2);
  fixture_names_free(&items);
}
END_TEST

static s3rec_model *named_model(const fixture_names *items, int32_t attributes) {
  s3rec_model *const model = fixture_model(context, (int32_t)items->count, attributes, 1);
  s3rec_vocabulary *const names = fixture_vocabulary(context, S3REC_NAMES_TEXT, 1, items);
  test_ok(s3rec_model_set_names(model, names, NULL));
  s3rec_vocabulary_destroy(names);
  return model;
}

/* Each array has 1 MiB; it stays in the file where its place is a multiple of its
 * elements' size, and the names outlive file and model. */
START_TEST(large_names_stay_in_the_file) {
  enum { COUNT = 270000 };
  fixture_names items = fixture_numbered(COUNT, "%zu", 0x9e3779b97f4a7c15u);
  for (int32_t attributes = 3; attributes < 5; attributes++) {
    s3rec_model *model = named_model(&items, attributes);
    size_t floats = 0;
    for (size_t i = 0; i < model->table.count; i++) floats += model->table.parameters[i].count;
    const bool aligned = floats % 2 == 0;
    ck_assert_int_eq(aligned, attributes == 3);
    test_ok(s3rec_model_save(model, path.text));
    s3rec_model_destroy(model);
    test_ok(s3rec_model_map(context, path.text, NULL, &model));
    s3rec_vocabulary *names;
    test_ok(s3rec_model_item_names(model, &names));
    s3rec_model_destroy(model);
    ck_assert_uint_eq((uintptr_t)names->names.offsets % 8, 0);
    ck_assert_int_eq(names->offsets_mapping.address != NULL, aligned);
    ck_assert_ptr_nonnull(names->order_mapping.address);
    ck_assert_ptr_nonnull(names->text_mapping.address);
    ck_assert_int_eq(unlink(path.text), 0);
    ck_assert_int_lt(atomic_load(&hooks.live_bytes), aligned ? 100000 : 9 * COUNT);
    fixture_assert_names(names, &items);
    s3rec_vocabulary_destroy(names);
  }
  fixture_names_free(&items);
}
END_TEST

START_TEST(training_states) {
  fixture_names items = fixture_listed(fixture_fruits, FIXTURE_FRUITS);
  s3rec_model *const model = named_model(&items, 3);
  s3rec_trainer *trainer;
  s3rec_vocabulary *names;
  test_ok(s3rec_trainer_create(model, NULL, &trainer));
  test_ok(s3rec_trainer_save(trainer, NULL, "note", path.text));
  fixture_assert_file(context, path.text, false, &items, NULL, S3REC_NAMES_TEXT);
  fixture_assert_file(context, path.text, true, &items, NULL, S3REC_NAMES_TEXT);
  test_ok(s3rec_model_set_names(model, NULL, NULL));
  test_ok(s3rec_trainer_load(trainer, NULL, path.text)); /* the model's names stay: none */
  test_ok(s3rec_model_item_names(model, &names));
  ck_assert_ptr_null(names);
  test_ok(s3rec_trainer_save(trainer, NULL, NULL, path.text));
  fixture_assert_file(context, path.text, false, NULL, NULL, S3REC_NAMES_TEXT);
  s3rec_trainer_destroy(trainer);
  s3rec_model_destroy(model);
  fixture_names_free(&items);
}
END_TEST

static s3rec_status load_action(void *argument) {
  s3rec_model *model = NULL;
  const s3rec_status status =
      (argument == NULL ? s3rec_model_load : s3rec_model_map)(context, path.text, NULL, &model);
  s3rec_model_destroy(model);
  return status;
}

static s3rec_status save_action(void *argument) { return s3rec_model_save(argument, path.text); }

START_TEST(survives_missing_memory) {
  fixture_names items = fixture_listed(fixture_fruits, FIXTURE_FRUITS);
  s3rec_model *const model = named_model(&items, 3);
  ck_assert_uint_ge(test_every_allocation_fails(&hooks, save_action, model), 3);
  ck_assert_uint_ge(test_every_allocation_fails(&hooks, load_action, NULL), 12);
  ck_assert_uint_ge(test_every_allocation_fails(&hooks, load_action, &items), 13);
  s3rec_model_destroy(model);
  fixture_names_free(&items);
}
END_TEST

TEST_SUITE(model_names) {
  TCase *cases = tcase_create("names in files");
  tcase_add_checked_fixture(cases, set_up, tear_down);
  tcase_add_test(cases, text_and_integers);
  tcase_add_test(cases, many_names);
  tcase_add_test(cases, large_names_stay_in_the_file);
  tcase_add_test(cases, training_states);
  tcase_add_test(cases, survives_missing_memory);
  test_add_cases(suite, cases, NULL);
}
