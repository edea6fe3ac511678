/* SPDX-License-Identifier: Apache-2.0 */
#include "vocabulary_fixture.h"

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/training.h"

static fixture_names allocate(size_t count, size_t bytes) {
  return (fixture_names){
      .text = malloc(bytes + 1), .offsets = calloc(count + 1, sizeof(int64_t)), .count = count};
}

fixture_names fixture_numbered(size_t count, const char *format, uint64_t factor) {
  enum { LONGEST = 64 };
  fixture_names names = allocate(count, count * LONGEST);
  for (size_t i = 0; i < count; i++) {
    char *const name = names.text + names.offsets[i];
    names.offsets[i + 1] = names.offsets[i] + snprintf(name, LONGEST, format, i * factor);
  }
  return names;
}

fixture_names fixture_listed(const char *const *list, size_t count) {
  size_t bytes = 0;
  for (size_t i = 0; i < count; i++) bytes += strlen(list[i]);
  fixture_names names = allocate(count, bytes);
  for (size_t i = 0; i < count; i++) {
    names.offsets[i + 1] = names.offsets[i] + (int64_t)strlen(list[i]);
    memcpy(names.text + names.offsets[i], list[i], strlen(list[i]));
  }
  return names;
}

void fixture_names_free(fixture_names *names) {
  free(names->text);
  free(names->offsets);
}

s3rec_vocabulary *fixture_vocabulary(s3rec_context *context, s3rec_name_kind kind, int32_t first_id,
                                     const fixture_names *names) {
  s3rec_vocabulary *vocabulary = NULL;
  test_ok(s3rec_vocabulary_create(context, kind, first_id, names->text, names->offsets,
                                  names->count, &vocabulary));
  return vocabulary;
}

/* Without libcheck's macros, of which each costs as much as all of this. */
static bool is_name(const s3rec_vocabulary *vocabulary, int32_t id, const char *expected,
                    size_t expected_length, const char *place) {
  const char *name;
  size_t length;
  int32_t found;
  return s3rec_vocabulary_name(vocabulary, id, &name, &length) == S3REC_OK && name == place &&
         length == expected_length && memcmp(name, expected, length) == 0 && name[length] == '\0' &&
         s3rec_vocabulary_find(vocabulary, expected, expected_length, &found) == S3REC_OK &&
         found == id;
}

void fixture_assert_names(const s3rec_vocabulary *vocabulary, const fixture_names *names) {
  const int32_t first_id = s3rec_vocabulary_first_id(vocabulary);
  const int64_t *const expected = names->offsets;
  const char *text;
  const int64_t *offsets;
  int32_t *const ids = calloc(names->count, sizeof *ids);
  ck_assert_uint_eq(s3rec_vocabulary_count(vocabulary), names->count);
  test_ok(s3rec_vocabulary_text(vocabulary, &text, &offsets));
  test_ok(s3rec_vocabulary_find_many(vocabulary, names->text, expected, names->count, ids));
  for (size_t i = 0; i < names->count; i++) {
    const int32_t id = first_id + (int32_t)i;
    const size_t length = (size_t)(expected[i + 1] - expected[i]);
    if (ids[i] != id || offsets[i + 1] - offsets[i] != (int64_t)length + 1 ||
        !is_name(vocabulary, id, names->text + expected[i], length, text + offsets[i])) {
      ck_abort_msg("name %zu", i);
    }
  }
  free(ids);
}

const char *const fixture_fruits[FIXTURE_FRUITS] = {"pear", "äpple",  "リンゴ",
                                                    "a",    "quince", "\xF4\x8F\xBF\xBF"};
const char *const fixture_colours[FIXTURE_COLOURS] = {"red", "green"};

s3rec_model *fixture_model(s3rec_context *context, int32_t items, int32_t attributes,
                           int32_t hidden) {
  const test_shape shape = {.items = items,
                            .attributes = attributes,
                            .length = 4,
                            .hidden = hidden,
                            .layers = 1,
                            .heads = 1,
                            .activation = S3REC_GELU,
                            .batch = 2};
  return test_model(context, &shape, 3);
}

void fixture_assert_file(s3rec_context *context, const char *path, bool map,
                         const fixture_names *items, const fixture_names *attributes,
                         s3rec_name_kind kind) {
  s3rec_model *model = NULL;
  s3rec_vocabulary *found[2] = {NULL, NULL};
  test_ok((map ? s3rec_model_map : s3rec_model_load)(context, path, NULL, &model));
  test_ok(s3rec_model_item_names(model, &found[0]));
  test_ok(s3rec_model_attribute_names(model, &found[1]));
  s3rec_model_destroy(model); /* before its names */
  const fixture_names *const expected[] = {items, attributes};
  for (int i = 0; i < 2; i++) {
    ck_assert_int_eq(found[i] == NULL, expected[i] == NULL);
    if (expected[i] == NULL) continue;
    ck_assert_int_eq(s3rec_vocabulary_first_id(found[i]), 1 - i);
    ck_assert_int_eq(s3rec_vocabulary_kind(found[i]), kind);
    fixture_assert_names(found[i], expected[i]);
    s3rec_vocabulary_destroy(found[i]);
  }
}
