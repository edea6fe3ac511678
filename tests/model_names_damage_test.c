/* SPDX-License-Identifier: Apache-2.0 */
/* Names in model files that somebody damaged. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/random.h"
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
  path = test_file("damaged.safetensors");
}

static void tear_down(void) {
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

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
  fixture_names items = fixture_listed(fixture_fruits, FIXTURE_FRUITS);
  fixture_names attributes = fixture_listed(fixture_colours, FIXTURE_COLOURS);
  file->model = fixture_model(context, FIXTURE_FRUITS, FIXTURE_COLOURS, 2);
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
  bad_order(1, 3,
            "'names.item.order': entries 0 and 1 are 3 and 3, whose names are not in ascending "
            "order",
            "'names.item.order': entry 1 is 3, and so is an earlier entry");
}
END_TEST

/* A map does not look: names may not be found then, and nothing else happens. */
START_TEST(an_order_that_is_not_sorted) {
  named_file *const file = begin_file();
  int32_t *const order = (int32_t *)(void *)tensor_of(file, "names.item.order")->data;
  for (size_t i = 0; i < FIXTURE_FRUITS; i++) order[i] = (int32_t)(FIXTURE_FRUITS - 1 - i);
  write_file(file);
  assert_refused(false, S3REC_ERROR_FORMAT, "whose names are not in ascending order");
  s3rec_model *model;
  s3rec_vocabulary *names;
  test_ok(s3rec_model_map(context, path.text, NULL, &model));
  test_ok(s3rec_model_item_names(model, &names));
  for (size_t i = 0; i < FIXTURE_FRUITS; i++) {
    const char *name;
    int32_t id = -1;
    test_ok(s3rec_vocabulary_name(names, (int32_t)i + 1, &name, NULL));
    ck_assert_str_eq(name, fixture_fruits[i]);
    if (s3rec_vocabulary_find(names, fixture_fruits[i], strlen(fixture_fruits[i]), &id) == S3REC_OK)
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
  static const int32_t order[] = {0, 1};
  tensor_of(file, "names.attribute.order")->data = order;
  write_file(file);
  assert_refused(false, S3REC_ERROR_FORMAT, "'names.attribute.order': entries 0 and 1 are 0 and 1");
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
    refused(file, format, "tensor 'names.item.else' is not a parameter of this model");
    file = begin_file();
    tensor_of(file, names[i])->rank = 2;
    tensor_of(file, names[i])->shape[1] = 1;
    snprintf(reason, sizeof reason, "'%s': shape is [", names[i]);
    refused(file, format, reason);
  }
}
END_TEST

/* No kind in the metadata, and one tensor alone of a vocabulary: not passed over in silence. */
START_TEST(tensors_without_a_kind) {
  static const char *const names[] = {"names.item.text", "names.item.offsets", "names.item.order"};
  for (size_t kept = 0; kept < COUNT_OF(names); kept++) {
    named_file *const file = begin_file();
    file->metadata_count = S3_CONFIG_METADATA_COUNT;
    for (size_t i = 0; i < COUNT_OF(names); i++)
      if (i != kept) *tensor_of(file, names[i]) = file->tensors[--file->tensor_count];
    refused(file, S3REC_ERROR_FORMAT, "is missing");
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
  fixture_names items = fixture_listed(fixture_fruits, FIXTURE_FRUITS);
  fixture_names attributes = fixture_listed(fixture_colours, FIXTURE_COLOURS);
  fixture_assert_file(context, path.text, false, &items, &attributes, S3REC_NAMES_TEXT);
  fixture_names_free(&items);
  fixture_names_free(&attributes);
  end_file(file);
}
END_TEST

/* A pipe cannot be mapped: what is asked to be is copied, names and all. */
START_TEST(mapped_from_a_pipe) {
  named_file *const file = begin_file();
  write_file(file);
  size_t count;
  char *const bytes = test_read(path.text, &count);
  char name[64];
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  ck_assert_int_ge(fcntl(ends[1], F_SETPIPE_SZ, 1 << 18), (int)count);
  ck_assert_int_eq(write(ends[1], bytes, count), (ssize_t)count);
  close(ends[1]);
  snprintf(name, sizeof name, "/proc/self/fd/%d", ends[0]);
  s3rec_model *model = NULL;
  test_ok(s3rec_model_map(context, name, NULL, &model));
  ck_assert_uint_eq(s3rec_model_fingerprint(model), s3rec_model_fingerprint(file->model));
  ck_assert_ptr_nonnull(model->item_names);
  ck_assert_uint_eq(model->item_names->names.count, FIXTURE_FRUITS);
  s3rec_model_destroy(model);
  close(ends[0]);
  free(bytes);
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

/* Whatever the file has got away with, every call on its names ends. */
static void use_names(s3rec_vocabulary *names) {
  const char *text, *name;
  const int64_t *offsets;
  int32_t ids[8], id;
  const size_t count = s3rec_vocabulary_count(names);
  ck_assert_uint_le(count, COUNT_OF(ids));
  test_ok(s3rec_vocabulary_text(names, &text, &offsets));
  test_ok(s3rec_vocabulary_find_many(names, text, offsets, count, ids)); /* with their NUL */
  for (size_t i = 0; i < count; i++) {
    size_t length;
    test_ok(s3rec_vocabulary_name(names, s3rec_vocabulary_first_id(names) + (int32_t)i, &name,
                                  &length));
    ck_assert_uint_eq(strlen(name), length);
    ck_assert_int_eq(ids[i], -1);
    (void)s3rec_vocabulary_find(names, name, length, &id);
  }
  s3rec_vocabulary_destroy(names);
}

/* One to three bytes of the names' tensors, which end the file, are others. */
START_TEST(damaged_bytes) {
  named_file *const file = begin_file();
  size_t count, region = 0, opened = 0;
  for (size_t i = 0; i < S3_NAMES_TENSOR_COUNT; i++)
    region += file->tensors[file->model->table.count + i].byte_count;
  write_file(file);
  end_file(file);
  char *const good = test_read(path.text, &count), *const bytes = malloc(count);
  s3_random random = s3_random_make(7);
  for (int round = 0; round < 4000; round++) {
    memcpy(bytes, good, count);
    for (uint32_t i = 0; i <= s3_random_below(&random, 3); i++) {
      char *const byte = bytes + count - 1 - s3_random_below(&random, (uint32_t)region);
      *byte = (char)s3_random_below(&random, round % 2 == 0 ? 8 : 256);
    }
    test_write(path.text, bytes, count);
    s3rec_model *model;
    s3rec_vocabulary *names;
    if ((round % 4 < 2 ? s3rec_model_load : s3rec_model_map)(context, path.text, NULL, &model) !=
        S3REC_OK)
      continue;
    opened++;
    test_ok(s3rec_model_item_names(model, &names));
    use_names(names);
    test_ok(s3rec_model_attribute_names(model, &names));
    use_names(names);
    s3rec_model_destroy(model);
  }
  ck_assert_uint_gt(opened, 100);
  free(good);
  free(bytes);
}
END_TEST

TEST_SUITE(model_names_damage) {
  TCase *cases = tcase_create("damaged names");
  tcase_add_checked_fixture(cases, set_up, tear_down);
  tcase_add_test(cases, bad_offsets);
  tcase_add_test(cases, bad_texts);
  tcase_add_test(cases, bad_orders);
  tcase_add_test(cases, an_order_that_is_not_sorted);
  tcase_add_test(cases, a_name_twice);
  tcase_add_test(cases, bad_tensors);
  tcase_add_test(cases, tensors_without_a_kind);
  tcase_add_test(cases, kinds_in_the_metadata);
  tcase_add_test(cases, mapped_from_a_pipe);
  tcase_add_test(cases, files_cut_short);
  tcase_add_test(cases, damaged_bytes);
  test_add_cases(suite, cases, NULL);
}
