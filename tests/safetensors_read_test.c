/* SPDX-License-Identifier: Apache-2.0 */
/* model/safetensors.h: what a reader accepts, and that it refuses all else. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/random.h"
#include "model/safetensors.h"
#include "model_file_fixture.h"
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

START_TEST(valid_file) {
  const test_path path = fixture_header_file(fixture_header, FIXTURE_DATA);
  s3_safetensors *file = NULL;
  ck_assert_msg(s3_safetensors_open(context, path.text, &file) == S3REC_OK, "%s", s3_error_text());
  ck_assert_str_eq(s3_safetensors_path(file), path.text);
  ck_assert_uint_eq(s3_safetensors_count(file), 4);
  ck_assert_str_eq(s3_safetensors_metadata(file, "key"), "value");
  ck_assert_str_eq(s3_safetensors_metadata(file, "empty"), "");
  ck_assert_ptr_null(s3_safetensors_metadata(file, "other"));
  ck_assert_ptr_null(s3_safetensors_find(file, "other"));
  ck_assert_ptr_null(s3_safetensors_find(file, "__metadata__"));
  ck_assert_str_eq(s3_safetensors_at(file, 0)->name, "b"); /* the header's order */
  const s3_tensor *const tensor = s3_safetensors_find(file, "c");
  ck_assert_ptr_eq(tensor, s3_safetensors_at(file, 3));
  ck_assert_str_eq(tensor->dtype, "BOOL");
  ck_assert_int_eq(tensor->rank, 4);
  ck_assert(tensor->shape[0] == 1 && tensor->shape[1] == 2 && tensor->shape[3] == 2);
  ck_assert_uint_eq(tensor->byte_count, 4);
  fixture_assert_header_file(file);
  ck_assert_int_eq(s3_safetensors_find(file, "a")->rank, 0);
  ck_assert_uint_eq(s3_safetensors_find(file, "none")->byte_count, 0);
  s3_safetensors_close(file);
  s3_safetensors_close(NULL);
}
END_TEST

START_TEST(no_tensors_and_no_metadata) {
  s3_safetensors *file = NULL;
  const test_path path = fixture_header_file("{}", 0);
  ck_assert_int_eq(s3_safetensors_open(context, path.text, &file), S3REC_OK);
  ck_assert_uint_eq(s3_safetensors_count(file), 0);
  ck_assert_ptr_null(s3_safetensors_metadata(file, "key"));
  s3_safetensors_close(file);
}
END_TEST

START_TEST(every_dtype_has_its_size) {
  static const struct {
    const char *name;
    int size;
  } dtypes[] = {{"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8}, {"I32", 4}, {"I16", 2},
                {"I8", 1},  {"U64", 8}, {"U32", 4}, {"U16", 2},  {"U8", 1},  {"BOOL", 1}};
  for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
    char header[200];
    snprintf(header, sizeof header,
             "{\"t\":{\"dtype\":\"%s\",\"shape\":[3],\"data_offsets\":[0,%d]}}", dtypes[i].name,
             3 * dtypes[i].size);
    s3_safetensors *file = NULL;
    const test_path path = fixture_header_file(header, (size_t)(3 * dtypes[i].size));
    ck_assert_msg(s3_safetensors_open(context, path.text, &file) == S3REC_OK, "%s",
                  s3_error_text());
    s3_safetensors_close(file);
  }
}
END_TEST

#define F32(name, shape, offsets) \
  "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static const struct {
  const char *header;
  size_t data_size;
  const char *reason;
} corrupt[] = {
    {"", 0, "does not begin with {"},
    {"[]", 0, "does not begin with {"},
    {" {}", 0, "does not begin with {"},
    {"{", 0, "header: "},
    {"{}x", 0, "header: "},
    {"{\"a\":\"\xff\"}", 0, ":1:7: header: not valid UTF-8"},
    {"{\"\xc3\":1}", 0, ":1:3: header: not valid UTF-8"},
    {"{\"a\\u0000b\":1}", 0, "header: "},
    {"{" F32("a", "[2]", "[0,8]") "," F32("b", "[2]", "[4,12]") "," F32("c", "[1]", "[12,16]") "}",
     16, "tensor 'b': overlaps another tensor"},
    {"{" F32("t", "[1]", "[0,4]") "," F32("t", "[1]", "[4,8]") "}", 8,
     "tensor 't': duplicate name"},
    {"{" F32("t", "[0]", "[0,0]") "," F32("\\u0074", "[0]", "[0,0]") "}", 0,
     "tensor 't': duplicate name"},
    {"{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0, "metadata 'k': duplicate key"},
    {"{\"__metadata__\":{\"k\":\"1\",\"\\u006b\":\"2\"}}", 0, "metadata 'k': duplicate key"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "duplicate key __metadata__"},
    {"{\"t\":{\"dtype\":\"F32\",\"dtype\":\"I32\"}}", 0,
     "tensor 't': duplicate key 'dtype' in its entry"},
    {"{\"t\":{\"dtype\":\"F32\",\"x\":1,\"x\":2}}", 0, "tensor 't': duplicate key 'x'"},
    {"{\"t\":7}", 0, "tensor 't': its entry is not an object"},
    {"{\"t\":null}", 0, "tensor 't': its entry is not an object"},
    {"{\"t\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "tensor 't': dtype is not text"},
    {"{\"t\":{\"dtype\":32,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "dtype is not text"},
    {"{\"t\":{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "unknown dtype 'F33'"},
    {"{\"t\":{\"dtype\":\"\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "unknown dtype ''"},
    {"{\"t\":{\"dtype\":\"f32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "unknown dtype 'f32'"},
    {"{\"t\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "'t': shape is not an array"},
    {"{" F32("t", "1", "[0,4]") "}", 4, "'t': shape is not an array"},
    {"{" F32("t", "[1,1,1,1,1]", "[0,4]") "}", 4, "'t': shape has more than 4 dimensions"},
    {"{" F32("t", "[-1]", "[0,4]") "}", 4, "'t': shape must hold only integers"},
    {"{" F32("t", "[1.0]", "[0,4]") "}", 4, "'t': shape must hold only integers"},
    {"{" F32("t", "[\"1\"]", "[0,4]") "}", 4, "'t': shape must hold only integers"},
    {"{" F32("t", "[4294967296,4294967296]", "[0,4]") "}", 4, "'t': shape exceeds 2^64"},
    {"{" F32("t", "[4611686018427387904]", "[0,0]") "}", 0, "'t': shape exceeds 2^64"},
    {"{" F32("t", "[9223372036854775808]", "[0,4]") "}", 4, "header: "},
    {"{\"t\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "'t': data_offsets is not an array"},
    {"{" F32("t", "[1]", "4") "}", 4, "'t': data_offsets is not an array"},
    {"{" F32("t", "[1]", "[4]") "}", 4, "'t': data_offsets is not an array"},
    {"{" F32("t", "[1]", "[0,4,8]") "}", 4, "'t': data_offsets is not an array"},
    {"{" F32("t", "[1]", "[0,4.0]") "}", 4, "'t': data_offsets is not an array"},
    {"{" F32("t", "[1]", "[0,null]") "}", 4, "'t': data_offsets is not an array"},
    {"{" F32("t", "[1]", "[-4,0]") "}", 4, "'t': data_offsets are -4..0"},
    {"{" F32("t", "[1]", "[4,0]") "}", 4, "'t': data_offsets are 4..0"},
    {"{" F32("t", "[1]", "[0,8]") "}", 4, "'t': data_offsets are 0..8, the data 0..4"},
    {"{" F32("t", "[1]", "[4,8]") "}", 4, "'t': data_offsets are 4..8"},
    {"{" F32("t", "[1]", "[0,9223372036854775807]") "}", 4, "'t': data_offsets are 0.."},
    {"{" F32("t", "[1]", "[-9223372036854775808,9223372036854775807]") "}", 4, "'t': data_offsets"},
    {"{" F32("t", "[2]", "[0,4]") "}", 4, "'t': data_offsets have 4 bytes, dtype and shape 8"},
    {"{" F32("t", "[0]", "[0,4]") "}", 4, "'t': data_offsets have 4 bytes, dtype and shape 0"},
    {"{" F32("t", "[]", "[0,8]") "}", 8, "'t': data_offsets have 8 bytes, dtype and shape 4"},
    {"{" F32("t", "[2]", "[0,8]") "," F32("u", "[1]", "[4,8]") "}", 8, "overlaps"},
    {"{" F32("t", "[1]", "[0,4]") "," F32("u", "[1]", "[0,4]") "}", 4, "overlaps"},
    {"{" F32("t", "[2]", "[0,8]") "," F32("u", "[0]", "[4,4]") "}", 8, "overlaps"},
    {"{" F32("t", "[1]", "[0,4]") "," F32("u", "[1]", "[8,12]") "}", 12, "'u': there are unused"},
    {"{" F32("t", "[1]", "[4,8]") "}", 8, "'t': there are unused bytes before it"},
    {"{" F32("t", "[1]", "[0,4]") "}", 8, "there are unused bytes after the last tensor"},
    {"{}", 1, "there are unused bytes after the last tensor"},
    {"{\"__metadata__\":[]}", 0, "__metadata__ is not an object"},
    {"{\"__metadata__\":{\"k\":1}}", 0, "metadata 'k' is not text"},
    {"{\"__metadata__\":{\"k\":null}}", 0, "metadata 'k' is not text"},
};

START_TEST(corrupt_headers) {
  for (size_t i = 0; i < sizeof corrupt / sizeof corrupt[0]; i++) {
    const test_path path = fixture_header_file(corrupt[i].header, corrupt[i].data_size);
    fixture_refuse_file(context, path.text, S3REC_ERROR_FORMAT, corrupt[i].reason);
  }
}
END_TEST

START_TEST(corrupt_lengths) {
  const test_path path = test_file("read.safetensors");
  for (size_t size = 0; size < 8; size++) {
    test_write(path.text, "\2\0\0\0\0\0\0\0", size);
    fixture_refuse_file(context, path.text, S3REC_ERROR_FORMAT, "the length of the header takes 8");
  }
  test_write(path.text, "\3\0\0\0\0\0\0\0{}", 10);
  fixture_refuse_file(context, path.text, S3REC_ERROR_FORMAT,
                      "header of 3 bytes, but the file has 2 more");
  test_write(path.text, "\377\377\377\377\377\377\377\377{}", 10);
  fixture_refuse_file(context, path.text, S3REC_ERROR_FORMAT,
                      "header of 18446744073709551615 bytes");

  /* 100 000 001 bytes of header, in a file that has them (as a hole). */
  test_write(path.text, "\x01\xe1\xf5\x05\0\0\0\0{}", 10);
  ck_assert_int_eq(truncate(path.text, 8 + 100000001), 0);
  fixture_refuse_file(context, path.text, S3REC_ERROR_FORMAT, "100000000 are allowed");
  ck_assert_int_eq(unlink(path.text), 0);
}
END_TEST

START_TEST(hostile_names_do_not_break_the_text) {
  static char header[4000];
  size_t length = (size_t)sprintf(header, "{\"line\\nend\\u001b[31m");
  while (length < 3900) header[length++] = 'n';
  strcpy(header + length, "\":7}");
  const test_path path = fixture_header_file(header, 0);
  fixture_refuse_file(context, path.text, S3REC_ERROR_FORMAT, "tensor 'line?end?[31mnnn");
  ck_assert_ptr_nonnull(strstr(s3_error_text(), "its entry is not an object"));
  ck_assert_ptr_null(strchr(s3_error_text(), '\n'));
}
END_TEST

START_TEST(missing_files_and_folders) {
  const test_path none = test_file("none.safetensors"), folder = test_file("");
  fixture_refuse_file(context, none.text, S3REC_ERROR_IO, "No such file or directory");
  fixture_refuse_file(context, folder.text, S3REC_ERROR_IO, "Is a directory");
}
END_TEST

/* Values are read, which gives a status; a mapping would end in SIGBUS. */
START_TEST(a_file_cut_short_while_open) {
  static const int64_t shape[] = {10000};
  const test_path path = fixture_header_file(
      "{\"x\":{\"dtype\":\"F32\",\"shape\":[10000],\"data_offsets\":[0,40000]}}", 40000);
  s3_safetensors *file;
  float *const values = calloc(10000, sizeof *values);
  ck_assert_int_eq(s3_safetensors_open(context, path.text, &file), S3REC_OK);
  ck_assert_int_eq(truncate(path.text, 20000), 0);
  ck_assert_int_eq(s3_safetensors_read_f32(file, "x", 1, shape, values), S3REC_ERROR_IO);
  ck_assert_ptr_nonnull(strstr(s3_error_text(), "tensor 'x': the file became shorter"));
  s3_safetensors_close(file);
  free(values);
}
END_TEST

START_TEST(every_truncation_is_refused) {
  const test_path path = fixture_header_file(fixture_header, FIXTURE_DATA);
  const test_path cut = test_file("cut.safetensors");
  size_t count;
  char *const bytes = test_read(path.text, &count);
  for (size_t size = 0; size < count; size++) {
    test_write(cut.text, bytes, size);
    fixture_refuse_file(context, cut.text, S3REC_ERROR_FORMAT, "");
  }
  free(bytes);
}
END_TEST

/* A file either opens, and then all it says can be walked through, or is refused. */
static bool opens_safely(const char *path) {
  s3_safetensors *file = NULL;
  const s3rec_status status = s3_safetensors_open(context, path, &file);
  if (status != S3REC_OK) {
    ck_assert_int_eq(status, S3REC_ERROR_FORMAT);
    return false;
  }
  unsigned sum = 0;
  for (size_t i = 0; i < s3_safetensors_count(file); i++) {
    const s3_tensor *const tensor = s3_safetensors_at(file, i);
    ck_assert_int_ge(tensor->rank, 0);
    ck_assert_int_le(tensor->rank, 4);
    unsigned char data[FIXTURE_DATA];
    ck_assert_uint_le(tensor->byte_count, sizeof data);
    ck_assert_int_eq(s3_safetensors_copy(file, tensor, 0, tensor->byte_count, data), S3REC_OK);
    for (size_t b = 0; b < tensor->byte_count; b++) sum += data[b];
  }
  ck_assert_uint_le(sum, 255 * FIXTURE_DATA);
  s3_safetensors_close(file);
  return true;
}

START_TEST(random_damage_never_crashes) {
  const test_path path = fixture_header_file(fixture_header, FIXTURE_DATA);
  const test_path damaged = test_file("damaged.safetensors");
  size_t count;
  char *const bytes = test_read(path.text, &count), *const copy = malloc(count);
  const size_t header = count - FIXTURE_DATA;
  static const char replacements[] = "0123456789[]{},:\"-.eEx \\\xff";
  size_t opened = 0;
  enum { ROUNDS = 6000 };
  for (uint64_t round = 0; round < ROUNDS; round++) {
    s3_random random = s3_random_make(s3_key(2024, round));
    memcpy(copy, bytes, count);
    const uint32_t changes = 1 + s3_random_below(&random, 3);
    for (uint32_t i = 0; i < changes; i++) {
      char *const place = copy + s3_random_below(&random, (uint32_t)header);
      if (round % 2 == 0) {
        *place = (char)(*place ^ (1 << s3_random_below(&random, 8)));
      } else {
        *place = replacements[s3_random_below(&random, sizeof replacements - 1)];
      }
    }
    test_write(damaged.text, copy, count);
    opened += opens_safely(damaged.text);
  }
  ck_assert_uint_gt(opened, 0); /* names and metadata may change */
  ck_assert_uint_lt(opened, ROUNDS / 2);
  free(copy);
  free(bytes);
}
END_TEST

static s3rec_status open_and_close(void *argument) {
  s3_safetensors *file;
  S3_TRY(s3_safetensors_open(context, argument, &file));
  s3_safetensors_close(file);
  return S3REC_OK;
}

START_TEST(survives_missing_memory) {
  test_path path = fixture_header_file(fixture_header, FIXTURE_DATA);
  ck_assert_uint_ge(test_every_allocation_fails(&hooks, open_and_close, path.text), 4);
}
END_TEST

TEST_SUITE(safetensors_read) {
  TCase *accepted = tcase_create("accepted"), *refused = tcase_create("refused");
  tcase_add_checked_fixture(accepted, set_up, tear_down);
  tcase_add_checked_fixture(refused, set_up, tear_down);
  tcase_add_test(accepted, valid_file);
  tcase_add_test(accepted, no_tensors_and_no_metadata);
  tcase_add_test(accepted, every_dtype_has_its_size);
  tcase_add_test(refused, corrupt_headers);
  tcase_add_test(refused, corrupt_lengths);
  tcase_add_test(refused, hostile_names_do_not_break_the_text);
  tcase_add_test(refused, missing_files_and_folders);
  tcase_add_test(refused, a_file_cut_short_while_open);
  tcase_add_test(refused, every_truncation_is_refused);
  tcase_add_test(refused, random_damage_never_crashes);
  tcase_add_test(refused, survives_missing_memory);
  test_add_cases(suite, accepted, refused, NULL);
}
