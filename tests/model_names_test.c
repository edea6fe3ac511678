/* SPDX-License-Identifier: Apache-2.0 */
/* Names in model files and training states: round trips, mapping, damage. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/model_file.h"
#include "model/model_names.h"
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

static s3rec_model *model_of(int32_t items, int32_t attributes, int32_t hidden) {
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

/* The names of both kinds that a file gives are these; NULL: none. */
static void assert_read(bool map, const fixture_names *items, const fixture_names *attributes,
                        s3rec_name_kind kind) {
  s3rec_model *model = NULL;
  s3rec_vocabulary *found[2] = {NULL, NULL};
  test_ok((map ? s3rec_model_map : s3rec_model_load)(context, path.text, NULL, &model));
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

/* Saves and reads a model with these names; what was read is saved to the same bytes. */
static void round_trip(const fixture_names *items, const fixture_names *attributes,
                       s3rec_name_kind kind, int32_t hidden) {
  s3rec_model *const model = model_of(items == NULL ? 5 : (int32_t)items->count,
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
    assert_read(map, items, attributes, kind);
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

static const char *const fruits[] = {"pear", "äpple", "リンゴ", "a", "quince", "\xF4\x8F\xBF\xBF"};
static const char *const colours[] = {"red", "green"};
static const char *const numbers[] = {"0", "-9223372036854775808", "9223372036854775807", "10"};

START_TEST(text_and_integers) {
  char longest[S3REC_MAX_NAME_LENGTH + 1] = {0};
  memset(longest, 'z', S3REC_MAX_NAME_LENGTH);
  const char *const lengths[] = {"x", longest, "y"};
  fixture_names items = fixture_listed(fruits, COUNT_OF(fruits));
  fixture_names attributes = fixture_listed(colours, COUNT_OF(colours));
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
  s3rec_model *const model = model_of((int32_t)items->count, attributes, 1);
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
  fixture_names items = fixture_listed(fruits, COUNT_OF(fruits));
  s3rec_model *const model = named_model(&items, 3);
  s3rec_trainer *trainer;
  s3rec_vocabulary *names;
  test_ok(s3rec_trainer_create(model, NULL, &trainer));
  test_ok(s3rec_trainer_save(trainer, NULL, "note", path.text));
  assert_read(false, &items, NULL, S3REC_NAMES_TEXT);
  assert_read(true, &items, NULL, S3REC_NAMES_TEXT);
  test_ok(s3rec_model_set_names(model, NULL, NULL));
  test_ok(s3rec_trainer_load(trainer, NULL, path.text)); /* the model's names stay: none */
  test_ok(s3rec_model_item_names(model, &names));
  ck_assert_ptr_null(names);
  test_ok(s3rec_trainer_save(trainer, NULL, NULL, path.text));
  assert_read(false, NULL, NULL, S3REC_NAMES_TEXT);
  s3rec_trainer_destroy(trainer);
  s3rec_model_destroy(model);
  fixture_names_free(&items);
}
END_TEST

/* What is written for the model of fruits and colours, to be damaged: tensors and
 * metadata of the names, in writable copies of their own. */
enum { MOST = 64 };
typedef struct named_file {
  s3rec_model *model;
  s3_config_metadata config;
  s3_tensor_name names[MOST];
  s3_tensor tensors[MOST];
  s3_metadata metadata[S3_CONFIG_METADATA_COUNT + S3_NAMES_METADATA_COUNT];
  size_t tensor_count, metadata_count;
  void *copies[S3_NAMES_TENSOR_COUNT];
} named_file;

static named_file *begin_file(void) {
  named_file *const file = calloc(1, sizeof *file);
  fixture_names items = fixture_listed(fruits, COUNT_OF(fruits));
  fixture_names attributes = fixture_listed(colours, COUNT_OF(colours));
  file->model = model_of(COUNT_OF(fruits), COUNT_OF(colours), 2);
  s3rec_vocabulary *const given[] = {fixture_vocabulary(context, S3REC_NAMES_TEXT, 1, &items),
                                     fixture_vocabulary(context, S3REC_NAMES_TEXT, 0, &attributes)};
  test_ok(s3rec_model_set_names(file->model, given[0], given[1]));
  for (int i = 0; i < 2; i++) s3rec_vocabulary_destroy(given[i]);
  const size_t first = file->tensor_count = file->model->table.count;
  ck_assert_uint_le(first + S3_NAMES_TENSOR_COUNT, MOST);
  s3_config_to_metadata(&file->model->config, &file->config);
  memcpy(file->metadata, file->config.pairs, sizeof file->config.pairs);
  file->metadata_count = S3_CONFIG_METADATA_COUNT;
  test_ok(s3_block_to_tensors(&file->model->table, file->model->weights, "", file->names,
                              file->tensors));
  s3_names_to_file(file->model, file->tensors, &file->tensor_count, file->metadata,
                   &file->metadata_count);
  ck_assert_uint_eq(file->tensor_count, first + S3_NAMES_TENSOR_COUNT);
  for (size_t i = 0; i < S3_NAMES_TENSOR_COUNT; i++) {
    s3_tensor *const tensor = &file->tensors[first + i];
    file->copies[i] = malloc(tensor->byte_count + 8);
    memcpy(file->copies[i], tensor->data, tensor->byte_count);
    tensor->data = file->copies[i];
  }
  fixture_names_free(&items);
  fixture_names_free(&attributes);
  return file;
}

static s3_tensor *tensor_of(named_file *file, const char *name) {
  for (size_t i = 0; i < file->tensor_count; i++) {
    if (strcmp(file->tensors[i].name, name) == 0) return &file->tensors[i];
  }
  ck_abort_msg("no tensor %s", name);
  return NULL;
}

static void write_file(named_file *file) {
  test_ok(s3_safetensors_write(context, path.text, file->tensors, file->tensor_count,
                               file->metadata, file->metadata_count));
}

static void end_file(named_file *file) {
  for (size_t i = 0; i < S3_NAMES_TENSOR_COUNT; i++) free(file->copies[i]);
  s3rec_model_destroy(file->model);
  free(file);
}

static void assert_refused(bool map, s3rec_status status, const char *reason) {
  s3rec_model *model = NULL;
  test_fails((map ? s3rec_model_map : s3rec_model_load)(context, path.text, NULL, &model), status);
  ck_assert_ptr_null(model);
  ck_assert_ptr_nonnull(strstr(s3rec_last_error(), path.text));
  ck_assert_msg(strstr(s3rec_last_error(), reason) != NULL, "'%s' is not in '%s'", reason,
                s3rec_last_error());
}

/* Writes the file, sees it refused by both ways to open it, and ends it. */
static void refused(named_file *file, s3rec_status status, const char *reason) {
  write_file(file);
  assert_refused(false, status, reason);
  assert_refused(true, status, reason);
  end_file(file);
}

static void bad_offset(size_t entry, int64_t value, const char *reason) {
  named_file *const file = begin_file();
  memcpy((int64_t *)tensor_of(file, "names.item.offsets")->data + entry, &value, sizeof value);
  refused(file, S3REC_ERROR_FORMAT, reason);
}

START_TEST(bad_offsets) {
  bad_offset(0, 1, "'names.item.offsets': entry 0 is 1, must be 0");
  bad_offset(0, -1, "'names.item.offsets': entry 0 is -1, must be 0");
  bad_offset(1, 0, "'names.item.offsets': entry 1 is 0, must be 2..4097 above");
  bad_offset(1, 1, "'names.item.offsets': entry 1 is 1, must be 2..4097 above");
  bad_offset(1, -5, "'names.item.offsets': entry 1 is -5");
  bad_offset(1, INT64_MIN, "'names.item.offsets': entry 1 is -9223372036854775808");
  bad_offset(3, INT64_MAX, "'names.item.offsets': entry 3 is 9223372036854775807");
  bad_offset(2, 4, "'names.item.offsets': entry 2 is 4, must be 2..4097 above the one before");
  bad_offset(2, 9, "'names.item.text': name 1 does not end with NUL");
  bad_offset(6, 4000, "'names.item.offsets': the last entry is 4000, the text has");
  named_file *const file = begin_file(); /* two names that became one and a short one */
  int64_t *const offsets = (int64_t *)(void *)file->copies[0];
  const int64_t second = offsets[2];
  offsets[2] = offsets[3];
  offsets[3] = second;
  refused(file, S3REC_ERROR_FORMAT, "'names.item.offsets': entry 3 is");
}
END_TEST

static void bad_text(size_t place, char byte, const char *reason) {
  named_file *const file = begin_file();
  memcpy((char *)tensor_of(file, "names.item.text")->data + place, &byte, 1);
  refused(file, S3REC_ERROR_FORMAT, reason);
}

START_TEST(bad_texts) {
  bad_text(4, 'x', "'names.item.text': name 0 does not end with NUL");
  bad_text(2, '\0', "'names.item.text': name 0 has a NUL in it");
  bad_text(5, '\xFF', "'names.item.text': name 1 is not valid UTF-8");
  bad_text(0, '\x80', "'names.item.text': name 0 is not valid UTF-8");
  bad_text(6, 'p', "'names.item.text': name 1 is not valid UTF-8");
  named_file *file = begin_file();
  s3_tensor *const text = tensor_of(file, "names.item.text");
  ((char *)text->data)[text->byte_count - 1] = 'x'; /* no NUL at the very end */
  refused(file, S3REC_ERROR_FORMAT, "'names.item.text': name 5 does not end with NUL");
  file = begin_file();
  file->metadata[S3_CONFIG_METADATA_COUNT].value = "integer";
  refused(file, S3REC_ERROR_FORMAT, "'names.item.text': name 0 is 'pear', must be an integer");
  file = begin_file();
  ((char *)tensor_of(file, "names.attribute.text")->data)[0] = '\xC3';
  refused(file, S3REC_ERROR_FORMAT, "'names.attribute.text': name 0 is not valid UTF-8");
}
END_TEST

static void bad_order(size_t entry, int32_t value, const char *loaded, const char *mapped) {
  named_file *const file = begin_file();
  memcpy((int32_t *)tensor_of(file, "names.item.order")->data + entry, &value, sizeof value);
  write_file(file);
  assert_refused(false, S3REC_ERROR_FORMAT, loaded);
  assert_refused(true, S3REC_ERROR_FORMAT, mapped);
  end_file(file);
}

START_TEST(bad_orders) {
  static const char over[] = "'names.item.order': entry 2 is 6, must be 0..5";
  static const char under[] = "'names.item.order': entry 5 is -1, must be 0..5";
  static const char lowest[] = "'names.item.order': entry 0 is -2147483648, must be 0..5";
  bad_order(2, 6, over, over);
  bad_order(5, -1, under, under);
  bad_order(0, INT32_MIN, lowest, lowest);
  bad_order(1, 3, "'names.item.order': entries 0 and 1 are 3 and 3, whose names do not rise",
            "'names.item.order': entry 1 is 3, as one before it");
}
END_TEST

/* A map does not look: names may not be found then, and nothing else happens. */
START_TEST(an_order_that_is_not_sorted) {
  named_file *const file = begin_file();
  int32_t *const order = (int32_t *)(void *)tensor_of(file, "names.item.order")->data;
  for (size_t i = 0; i < COUNT_OF(fruits); i++) order[i] = (int32_t)(COUNT_OF(fruits) - 1 - i);
  write_file(file);
  assert_refused(false, S3REC_ERROR_FORMAT, "whose names do not rise");
  s3rec_model *model;
  s3rec_vocabulary *names;
  test_ok(s3rec_model_map(context, path.text, NULL, &model));
  test_ok(s3rec_model_item_names(model, &names));
  for (size_t i = 0; i < COUNT_OF(fruits); i++) {
    const char *name;
    int32_t id = -1;
    test_ok(s3rec_vocabulary_name(names, (int32_t)i + 1, &name, NULL));
    ck_assert_str_eq(name, fruits[i]);
    if (s3rec_vocabulary_find(names, fruits[i], strlen(fruits[i]), &id) == S3REC_OK)
      ck_assert_int_eq(id, (int32_t)i + 1);
  }
  s3rec_vocabulary_destroy(names);
  s3rec_model_destroy(model);
  end_file(file);
}
END_TEST

/* Two names are the same: both orders of them are refused. */
START_TEST(a_name_twice) {
  static const char twice[] = "red\0red";
  named_file *const file = begin_file();
  s3_tensor *const text = tensor_of(file, "names.attribute.text");
  s3_tensor *const offsets = tensor_of(file, "names.attribute.offsets");
  static const int64_t places[] = {0, 4, 8};
  text->shape[0] = (int64_t)(text->byte_count = sizeof twice);
  text->data = twice;
  offsets->data = places;
  write_file(file);
  assert_refused(false, S3REC_ERROR_FORMAT, "'names.attribute.order': entries 0 and 1 are 1 and 0");
  end_file(file);
}
END_TEST

static void bad_tensor(const char *name, const char *dtype, int64_t count, size_t size,
                       s3rec_status status, const char *reason) {
  named_file *const file = begin_file();
  s3_tensor *const tensor = tensor_of(file, name);
  tensor->dtype = dtype;
  tensor->shape[0] = count;
  tensor->byte_count = (size_t)count * size;
  refused(file, status, reason);
}

START_TEST(bad_tensors) {
  static const char *const names[] = {"names.item.text",         "names.item.offsets",
                                      "names.item.order",        "names.attribute.text",
                                      "names.attribute.offsets", "names.attribute.order"};
  const s3rec_status type = S3REC_ERROR_UNSUPPORTED, format = S3REC_ERROR_FORMAT;
  bad_tensor(names[0], "I8", 5, 1, type, "'names.item.text': dtype is I8, must be U8");
  bad_tensor(names[1], "U64", 7, 8, type, "'names.item.offsets': dtype is U64, must be I64");
  bad_tensor(names[2], "F32", 6, 4, type, "'names.item.order': dtype is F32, must be I32");
  bad_tensor(names[1], "I64", 6, 8, format, "'names.item.offsets': shape is [6], must be [7]");
  bad_tensor(names[2], "I32", 7, 4, format, "'names.item.order': shape is [7], must be [6]");
  bad_tensor(names[2], "I32", 5, 4, format, "'names.item.order': shape is [5], must be [6]");
  bad_tensor(names[4], "I64", 2, 8, format, "'names.attribute.offsets': shape is [2]");
  bad_tensor(names[0], "U8", 5, 1, format, "'names.item.offsets': the last entry is");
  bad_tensor(names[0], "U8", 0, 1, format, "'names.item.offsets': the last entry is");
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    named_file *file = begin_file();
    s3_tensor *const missing = tensor_of(file, names[i]);
    char reason[64];
    snprintf(reason, sizeof reason, "tensor '%s' is missing", names[i]);
    *missing = file->tensors[--file->tensor_count];
    refused(file, format, reason);
    file = begin_file();
    tensor_of(file, names[i])->name = "names.item.else";
    refused(file, format, "tensor 'names.item.else' is no parameter of this model");
    file = begin_file();
    tensor_of(file, names[i])->rank = 2;
    tensor_of(file, names[i])->shape[1] = 1;
    snprintf(reason, sizeof reason, "'%s': shape is [", names[i]);
    refused(file, format, reason);
  }
}
END_TEST

START_TEST(kinds_in_the_metadata) {
  named_file *file = begin_file();
  file->metadata[S3_CONFIG_METADATA_COUNT + 1].value = "number";
  refused(file, S3REC_ERROR_FORMAT,
          "metadata 'attribute_names' is 'number', must be text or integer");
  file = begin_file(); /* a kind of names that are not there */
  file->tensor_count = file->model->table.count;
  refused(file, S3REC_ERROR_FORMAT, "tensor 'names.item.offsets' is missing");
  file = begin_file(); /* other programs drop metadata */
  file->metadata_count = 0;
  write_file(file);
  fixture_names items = fixture_listed(fruits, COUNT_OF(fruits));
  fixture_names attributes = fixture_listed(colours, COUNT_OF(colours));
  assert_read(false, &items, &attributes, S3REC_NAMES_TEXT);
  fixture_names_free(&items);
  fixture_names_free(&attributes);
  end_file(file);
}
END_TEST

START_TEST(files_cut_short) {
  named_file *const file = begin_file();
  size_t count;
  write_file(file);
  end_file(file);
  char *const bytes = test_read(path.text, &count);
  for (size_t size = count - 200; size < count; size++) {
    test_write(path.text, bytes, size);
    assert_refused(false, S3REC_ERROR_FORMAT, path.text);
    assert_refused(true, S3REC_ERROR_FORMAT, path.text);
  }
  free(bytes);
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
  fixture_names items = fixture_listed(fruits, COUNT_OF(fruits));
  s3rec_model *const model = named_model(&items, 3);
  ck_assert_uint_ge(test_every_allocation_fails(&hooks, save_action, model), 3);
  ck_assert_uint_ge(test_every_allocation_fails(&hooks, load_action, NULL), 12);
  ck_assert_uint_ge(test_every_allocation_fails(&hooks, load_action, &items), 13);
  s3rec_model_destroy(model);
  fixture_names_free(&items);
}
END_TEST

int main(void) {
  TCase *good = tcase_create("good"), *bad = tcase_create("bad");
  tcase_add_checked_fixture(good, set_up, tear_down);
  tcase_add_checked_fixture(bad, set_up, tear_down);
  tcase_add_test(good, text_and_integers);
  tcase_add_test(good, many_names);
  tcase_add_test(good, large_names_stay_in_the_file);
  tcase_add_test(good, training_states);
  tcase_add_test(bad, bad_offsets);
  tcase_add_test(bad, bad_texts);
  tcase_add_test(bad, bad_orders);
  tcase_add_test(bad, an_order_that_is_not_sorted);
  tcase_add_test(bad, a_name_twice);
  tcase_add_test(bad, bad_tensors);
  tcase_add_test(bad, kinds_in_the_metadata);
  tcase_add_test(bad, files_cut_short);
  tcase_add_test(bad, survives_missing_memory);
  return test_run("model_names", good, bad, NULL);
}
