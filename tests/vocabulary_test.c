/* SPDX-License-Identifier: Apache-2.0 */
/* s3rec/vocabulary.h: names by id and ids by name, refusals, models and datasets with names. */
#include <stdlib.h>
#include <string.h>

#include "names/names.h"
#include "data/dataset.h"
#include "s3rec/s3rec.h"
#include "support/hooks.h"
#include "support/suite.h"
#include "support/training.h"
#include "vocabulary_fixture.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static test_hooks hooks;
static s3rec_context *context;

static void set_up(void) { context = test_hooks_context(&hooks); }

static void tear_down(void) {
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

static s3rec_vocabulary *listed(s3rec_name_kind kind, int32_t first_id, size_t count,
                                const char *const *names) {
  fixture_names in_one = fixture_listed(names, count);
  s3rec_vocabulary *const made = fixture_vocabulary(context, kind, first_id, &in_one);
  fixture_assert_names(made, &in_one);
  fixture_names_free(&in_one);
  return made;
}

static const char *const fruits[] = {
    "pear",   "apple",     "äpple", "リンゴ",           "a",        "app",
    "apples", "appleseed", "\x01",  "\xF4\x8F\xBF\xBF", "applesee", " "};

START_TEST(names_and_ids) {
  s3rec_vocabulary *const v = listed(S3REC_NAMES_TEXT, 1, COUNT_OF(fruits), fruits);
  const char *name = NULL;
  int32_t id = 77;
  ck_assert_int_eq(s3rec_vocabulary_kind(v), S3REC_NAMES_TEXT);
  ck_assert_int_eq(s3rec_vocabulary_first_id(v), 1);
  test_ok(s3rec_vocabulary_name(v, 4, &name, NULL));
  ck_assert_str_eq(name, "リンゴ");
  static const char *const missing[] = {"",          "b",   "appl", "apple\x01",
                                        "applesees", "zzz", "\xFF", "pea"};
  for (size_t i = 0; i < COUNT_OF(missing); i++) {
    test_fails(s3rec_vocabulary_find(v, missing[i], strlen(missing[i]), &id),
               S3REC_ERROR_NOT_FOUND);
  }
  test_fails(s3rec_vocabulary_find(v, "apple", 6, &id), S3REC_ERROR_NOT_FOUND); /* with NUL */
  ck_assert_int_eq(id, 77);
  static const int32_t no_ids[] = {0, -1, 13, INT32_MIN, INT32_MAX};
  for (size_t i = 0; i < COUNT_OF(no_ids); i++) {
    const char *untouched = missing[0];
    test_fails(s3rec_vocabulary_name(v, no_ids[i], &untouched, NULL), S3REC_ERROR_NOT_FOUND);
    ck_assert_ptr_eq(untouched, missing[0]);
    ck_assert_ptr_nonnull(strstr(s3rec_last_error(), "must be 1..12"));
  }
  s3rec_vocabulary_destroy(v);
}
END_TEST

START_TEST(integers) {
  static const char *const numbers[] = {"10",
                                        "9",
                                        "0",
                                        "-1",
                                        "-10",
                                        "9223372036854775807",
                                        "-9223372036854775808",
                                        "1000000000000000000"};
  s3rec_vocabulary *const v = listed(S3REC_NAMES_INTEGER, 0, COUNT_OF(numbers), numbers);
  ck_assert_int_eq(s3rec_vocabulary_kind(v), S3REC_NAMES_INTEGER);
  ck_assert_int_eq(s3rec_vocabulary_first_id(v), 0);
  s3rec_vocabulary_destroy(v);
}
END_TEST

START_TEST(many_names) {
  static const struct {
    const char *format;
    uint64_t factor;
  } kinds[] = {{"%zu", 1}, {"%zu", 0x9e3779b97f4a7c15u}, {"catalogue/item-%020zu", 1}};
  for (size_t k = 0; k < COUNT_OF(kinds); k++) {
    fixture_names names = fixture_numbered(100000, kinds[k].format, kinds[k].factor);
    s3rec_vocabulary *const v = fixture_vocabulary(context, S3REC_NAMES_TEXT, 1, &names);
    fixture_assert_names(v, &names);
    s3rec_vocabulary_destroy(v);
    fixture_names_free(&names);
  }
}
END_TEST

/* Every count, so that the last names of a search in step are fewer. */
START_TEST(every_small_count) {
  for (size_t count = 0; count < 70; count++) {
    fixture_names names = fixture_numbered(count, "%zu", 7),
                  absent = fixture_numbered(70, "x%zu", 1);
    s3rec_vocabulary *const v = fixture_vocabulary(context, S3REC_NAMES_INTEGER, 0, &names);
    int32_t ids[70];
    fixture_assert_names(v, &names);
    test_ok(s3rec_vocabulary_find_many(v, absent.text, absent.offsets, 70, ids));
    for (size_t i = 0; i < 70; i++) ck_assert_int_eq(ids[i], -1);
    s3rec_vocabulary_destroy(v);
    fixture_names_free(&names);
    fixture_names_free(&absent);
  }
}
END_TEST

/* The longest names, the same but for their ends: the sort's worst case. */
START_TEST(longest_names) {
  enum { COUNT = 120 };
  char *const text = malloc((size_t)COUNT * S3REC_MAX_NAME_LENGTH);
  int64_t offsets[COUNT + 1] = {0};
  for (int i = 0; i < COUNT; i++) {
    char *const name = text + offsets[i];
    memset(name, 'x', S3REC_MAX_NAME_LENGTH);
    const int length = i % 2 == 0 ? S3REC_MAX_NAME_LENGTH : S3REC_MAX_NAME_LENGTH - i;
    if (i % 2 == 0) name[S3REC_MAX_NAME_LENGTH - 1 - i % 3] = (char)(1 + i / 3);
    offsets[i + 1] = offsets[i] + length;
  }
  const fixture_names names = {text, offsets, COUNT};
  s3rec_vocabulary *const v = fixture_vocabulary(context, S3REC_NAMES_TEXT, 0, &names);
  fixture_assert_names(v, &names);
  s3rec_vocabulary_destroy(v);
  free(text);
}
END_TEST

static void refused(s3rec_name_kind kind, const char *text, const int64_t *offsets, size_t count,
                    const char *reason) {
  s3rec_vocabulary *v = NULL;
  test_fails(s3rec_vocabulary_create(context, kind, 0, text, offsets, count, &v),
             S3REC_ERROR_FORMAT);
  ck_assert_ptr_null(v);
  ck_assert_msg(strstr(s3rec_last_error(), reason) != NULL, "'%s' is not in '%s'", reason,
                s3rec_last_error());
}

static void refused_list(s3rec_name_kind kind, const char *bad, const char *reason) {
  const char *const list[] = {"1", "22", bad, "333"};
  fixture_names names = fixture_listed(list, COUNT_OF(list));
  refused(kind, names.text, names.offsets, names.count, reason);
  fixture_names_free(&names);
}

START_TEST(bad_names_are_refused) {
  static const char *const not_utf8[] = {
      "\xFF", "a\xC3", "\xED\xA0\x80", "\xC0\x80", "\x80", "\xF4\x90\x80\x80", "abcdefgh\xE3\x83"};
  for (size_t i = 0; i < COUNT_OF(not_utf8); i++) {
    refused_list(S3REC_NAMES_TEXT, not_utf8[i], "name 2 is not valid UTF-8");
  }
  static const char *const not_integers[] = {"01",
                                             "-0",
                                             "+1",
                                             "1.0",
                                             "1e3",
                                             " 1",
                                             "1 ",
                                             "-",
                                             "--1",
                                             "0x1",
                                             "00",
                                             "-01",
                                             "a",
                                             "١",
                                             "9223372036854775808",
                                             "-9223372036854775809",
                                             "10000000000000000000"};
  for (size_t i = 0; i < COUNT_OF(not_integers); i++) {
    refused_list(S3REC_NAMES_INTEGER, not_integers[i], "name 2 is '");
    refused_list(S3REC_NAMES_INTEGER, not_integers[i], not_integers[i]);
  }
  refused_list(S3REC_NAMES_TEXT, "", "name 2 has 0 bytes, must have 1..4096");
  refused_list(S3REC_NAMES_TEXT, "22", "names 1 and 2 are both '22'");
  refused_list(S3REC_NAMES_INTEGER, "333", "names 2 and 3 are both '333'");
  static const char *const longer[] = {"more than eight bytes", "more", "more than eight bytes"};
  fixture_names equal = fixture_listed(longer, COUNT_OF(longer));
  refused(S3REC_NAMES_TEXT, equal.text, equal.offsets, equal.count,
          "names 0 and 2 are both 'more than eight bytes'");
  fixture_names_free(&equal);
  static const int64_t three[] = {0, 3}, two[] = {0, 1, 3};
  refused(S3REC_NAMES_TEXT, "a\0b", three, 1, "name 0 has a NUL in it");
  refused(S3REC_NAMES_TEXT, "ab\0", two, 2, "name 1 has a NUL in it");
  static const int64_t split[] = {0, 1, 2}; /* é, cut in two */
  refused(S3REC_NAMES_TEXT, "é", split, 2, "name 0 is not valid UTF-8");
}
END_TEST

START_TEST(bad_offsets_are_refused) {
  char *const text = calloc(1, S3REC_MAX_NAME_LENGTH + 2);
  memset(text, 'y', S3REC_MAX_NAME_LENGTH + 1);
  static const int64_t not_zero[] = {1, 2, 3}, falling[] = {0, 2, 1}, negative[] = {0, -1, 1};
  static const int64_t lowest[] = {0, 1, INT64_MIN}, highest[] = {0, INT64_MAX, INT64_MIN};
  static const int64_t lengthy[] = {0, 1, S3REC_MAX_NAME_LENGTH + 2};
  refused(S3REC_NAMES_TEXT, text, not_zero, 2, "offsets[0] is 1, must be 0");
  refused(S3REC_NAMES_TEXT, text, falling, 2, "offsets[2] is 1, below the one before it, 2");
  refused(S3REC_NAMES_TEXT, text, negative, 2, "offsets[1] is -1, below the one before it, 0");
  refused(S3REC_NAMES_TEXT, text, lowest, 2, "offsets[2] is -9223372036854775808");
  refused(S3REC_NAMES_TEXT, text, highest, 2, "name 0 has 9223372036854775807 bytes");
  refused(S3REC_NAMES_TEXT, text, lengthy, 2, "name 1 has 4097 bytes, must have 1..4096");
  free(text);
}
END_TEST

START_TEST(bad_arguments_are_refused) {
  static const int64_t offsets[] = {0, 1}, falling[] = {0, 1, 0}, late[] = {1, 1};
  const s3rec_status argument = S3REC_ERROR_ARGUMENT;
  s3rec_vocabulary *v = NULL;
  const s3rec_name_kind text = S3REC_NAMES_TEXT;
  test_fails(s3rec_vocabulary_create(NULL, text, 0, "a", offsets, 1, &v), argument);
  test_fails(s3rec_vocabulary_create(context, text, 0, NULL, offsets, 1, &v), argument);
  test_fails(s3rec_vocabulary_create(context, text, 0, "a", NULL, 1, &v), argument);
  test_fails(s3rec_vocabulary_create(context, text, 0, "a", offsets, 1, NULL), argument);
  test_fails(s3rec_vocabulary_create(context, (s3rec_name_kind)0, 0, "a", offsets, 1, &v),
             argument);
  test_fails(s3rec_vocabulary_create(context, (s3rec_name_kind)3, 0, "a", offsets, 1, &v),
             argument);
  test_fails(s3rec_vocabulary_create(context, text, 2, "a", offsets, 1, &v), argument);
  test_fails(s3rec_vocabulary_create(context, text, -1, "a", offsets, 1, &v), argument);
  test_fails(s3rec_vocabulary_create(context, text, 0, "a", offsets, S3_MAX_NAME_COUNT + 1, &v),
             argument);
  ck_assert_ptr_null(v);
  test_ok(s3rec_vocabulary_create(context, text, 1, "a", offsets, 1, &v));
  const char *name;
  int32_t ids[2] = {5, 6};
  test_fails(s3rec_vocabulary_name(NULL, 1, &name, NULL), argument);
  test_fails(s3rec_vocabulary_name(v, 1, NULL, NULL), argument);
  test_fails(s3rec_vocabulary_text(NULL, NULL, NULL), argument);
  test_ok(s3rec_vocabulary_text(v, NULL, NULL));
  test_fails(s3rec_vocabulary_find(NULL, "a", 1, ids), argument);
  test_fails(s3rec_vocabulary_find(v, NULL, 1, ids), argument);
  test_fails(s3rec_vocabulary_find(v, "a", 1, NULL), argument);
  test_fails(s3rec_vocabulary_find_many(NULL, "a", offsets, 1, ids), argument);
  test_fails(s3rec_vocabulary_find_many(v, NULL, offsets, 1, ids), argument);
  test_fails(s3rec_vocabulary_find_many(v, "a", NULL, 1, ids), argument);
  test_fails(s3rec_vocabulary_find_many(v, "a", offsets, 1, NULL), argument);
  test_fails(s3rec_vocabulary_find_many(v, "a", falling, 2, ids), argument);
  test_fails(s3rec_vocabulary_find_many(v, "a", late, 1, ids), argument);
  ck_assert_int_eq(ids[0], 5);
  test_ok(s3rec_vocabulary_find_many(v, NULL, NULL, 0, NULL));
  static const int64_t empty[] = {0, 0, 0};
  test_ok(s3rec_vocabulary_find_many(v, NULL, empty, 2, ids));
  ck_assert(ids[0] == -1 && ids[1] == -1);
  s3rec_vocabulary_destroy(v);
  s3rec_vocabulary_destroy(NULL);
  ck_assert_uint_eq(s3rec_vocabulary_count(NULL), 0);
  ck_assert_int_eq(s3rec_vocabulary_first_id(NULL), 0);
  ck_assert_int_eq(s3rec_vocabulary_kind(NULL), S3REC_NAMES_TEXT);
}
END_TEST

static s3rec_status create_action(void *argument) {
  const fixture_names *const names = argument;
  s3rec_vocabulary *v = NULL;
  const s3rec_status status = s3rec_vocabulary_create(context, S3REC_NAMES_TEXT, 1, names->text,
                                                      names->offsets, names->count, &v);
  s3rec_vocabulary_destroy(v);
  return status;
}

START_TEST(survives_missing_memory) {
  fixture_names names = fixture_listed(fruits, COUNT_OF(fruits));
  ck_assert_uint_ge(test_every_allocation_fails(&hooks, create_action, &names), 6);
  fixture_names_free(&names);
}
END_TEST

static const test_shape shape = {.items = COUNT_OF(fruits),
                                 .attributes = 2,
                                 .length = 5,
                                 .hidden = 8,
                                 .layers = 1,
                                 .heads = 2,
                                 .activation = S3REC_RELU,
                                 .batch = 2};

START_TEST(a_model_keeps_names) {
  static const char *const colours[] = {"red", "green"};
  s3rec_vocabulary *const items = listed(S3REC_NAMES_TEXT, 1, COUNT_OF(fruits), fruits);
  s3rec_vocabulary *const attributes = listed(S3REC_NAMES_TEXT, 0, 2, colours);
  s3rec_model *const model = test_model(context, &shape, 1), *clone, *bare;
  s3rec_vocabulary *found = items;
  test_ok(s3rec_model_item_names(model, &found));
  ck_assert_ptr_null(found);
  test_ok(s3rec_model_clone(model, &bare));
  test_ok(s3rec_model_set_names(model, items, attributes));
  test_ok(s3rec_model_clone(model, &clone));
  s3rec_vocabulary_destroy(items);
  s3rec_vocabulary_destroy(attributes);
  test_ok(s3rec_model_set_names(model, NULL, NULL));
  test_ok(s3rec_model_attribute_names(model, &found));
  ck_assert_ptr_null(found);
  test_ok(s3rec_model_copy_weights(clone, bare)); /* names stay */
  s3rec_model_destroy(model);
  s3rec_model_destroy(bare);
  test_ok(s3rec_model_item_names(clone, &found));
  s3rec_vocabulary *attribute_names;
  test_ok(s3rec_model_attribute_names(clone, &attribute_names));
  test_ok(s3rec_model_set_names(clone, found, attribute_names)); /* the same again */
  s3rec_model_destroy(clone);
  int32_t id;
  test_ok(s3rec_vocabulary_find(found, "äpple", strlen("äpple"), &id));
  ck_assert_int_eq(id, 3);
  test_ok(s3rec_vocabulary_find(attribute_names, "green", 5, &id));
  ck_assert_int_eq(id, 1);
  s3rec_vocabulary_destroy(found);
  s3rec_vocabulary_destroy(attribute_names);
}
END_TEST

static void refused_names(s3rec_model *model, s3rec_vocabulary *items, s3rec_vocabulary *attributes,
                          s3rec_status status, const char *reason) {
  s3rec_vocabulary *found;
  test_fails(s3rec_model_set_names(model, items, attributes), status);
  ck_assert_msg(strstr(s3rec_last_error(), reason) != NULL, "%s", s3rec_last_error());
  test_ok(s3rec_model_item_names(model, &found));
  ck_assert_ptr_null(found);
}

START_TEST(names_that_do_not_fit_a_model) {
  static const char *const colours[] = {"red", "green"};
  s3rec_model *const model = test_model(context, &shape, 1);
  s3rec_vocabulary *const items = listed(S3REC_NAMES_TEXT, 1, COUNT_OF(fruits), fruits);
  s3rec_vocabulary *const from_0 = listed(S3REC_NAMES_TEXT, 0, COUNT_OF(fruits), fruits);
  s3rec_vocabulary *const few = listed(S3REC_NAMES_TEXT, 1, 3, fruits);
  s3rec_vocabulary *const pair = listed(S3REC_NAMES_TEXT, 0, 2, colours);
  refused_names(model, few, NULL, S3REC_ERROR_MISMATCH, "items: 3 names, the model needs 12");
  refused_names(model, from_0, NULL, S3REC_ERROR_ARGUMENT, "items: first_id of the names is 0");
  refused_names(model, items, few, S3REC_ERROR_ARGUMENT, "attributes: first_id of the names is 1");
  refused_names(model, items, from_0, S3REC_ERROR_MISMATCH, "attributes: 12 names");
  s3rec_scorer *scorer;
  test_ok(s3rec_scorer_create(model, &scorer));
  refused_names(model, items, pair, S3REC_ERROR_STATE, "1 scorer");
  s3rec_scorer_destroy(scorer);
  s3rec_trainer *trainer;
  test_ok(s3rec_trainer_create(model, NULL, &trainer));
  test_ok(s3rec_model_set_names(model, items, pair));
  s3rec_trainer_destroy(trainer);
  test_fails(s3rec_model_set_names(NULL, items, pair), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_model_item_names(NULL, &(s3rec_vocabulary *){NULL}), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_model_item_names(model, NULL), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_model_attribute_names(model, NULL), S3REC_ERROR_ARGUMENT);
  s3rec_vocabulary *const all[] = {items, from_0, few, pair};
  for (size_t i = 0; i < COUNT_OF(all); i++) s3rec_vocabulary_destroy(all[i]);
  s3rec_model_destroy(model);
}
END_TEST

/* What a dataset was given goes with it and may be kept for longer. */
START_TEST(a_dataset_keeps_names) {
  s3rec_dataset *const dataset = test_dataset(context, &shape, 6, 3);
  s3rec_vocabulary *found[3] = {NULL, NULL, NULL};
  test_ok(s3rec_dataset_item_names(dataset, &found[0]));
  ck_assert_ptr_null(found[0]);
  dataset->item_names = listed(S3REC_NAMES_TEXT, 1, COUNT_OF(fruits), fruits);
  dataset->user_names = listed(S3REC_NAMES_TEXT, 0, 6, fruits);
  dataset->attribute_names = listed(S3REC_NAMES_TEXT, 0, 2, fruits);
  test_ok(s3rec_dataset_item_names(dataset, &found[0]));
  test_ok(s3rec_dataset_user_names(dataset, &found[1]));
  test_ok(s3rec_dataset_attribute_names(dataset, &found[2]));
  test_fails(s3rec_dataset_item_names(NULL, &found[0]), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_dataset_user_names(dataset, NULL), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_dataset_attribute_names(dataset, NULL), S3REC_ERROR_ARGUMENT);
  s3rec_dataset_destroy(dataset);
  static const size_t counts[] = {COUNT_OF(fruits), 6, 2};
  for (size_t i = 0; i < 3; i++) {
    ck_assert_uint_eq(s3rec_vocabulary_count(found[i]), counts[i]);
    s3rec_vocabulary_destroy(found[i]);
  }
}
END_TEST

TEST_SUITE(vocabulary) {
  TCase *names = tcase_create("names"), *bad = tcase_create("bad"), *kept = tcase_create("kept");
  tcase_add_checked_fixture(names, set_up, tear_down);
  tcase_add_checked_fixture(bad, set_up, tear_down);
  tcase_add_checked_fixture(kept, set_up, tear_down);
  tcase_add_test(names, names_and_ids);
  tcase_add_test(names, integers);
  tcase_add_test(names, many_names);
  tcase_add_test(names, every_small_count);
  tcase_add_test(names, longest_names);
  tcase_add_test(bad, bad_names_are_refused);
  tcase_add_test(bad, bad_offsets_are_refused);
  tcase_add_test(bad, bad_arguments_are_refused);
  tcase_add_test(bad, survives_missing_memory);
  tcase_add_test(kept, a_model_keeps_names);
  tcase_add_test(kept, names_that_do_not_fit_a_model);
  tcase_add_test(kept, a_dataset_keeps_names);
  test_add_cases(suite, names, bad, kept, NULL);
}
