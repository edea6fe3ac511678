/* SPDX-License-Identifier: Apache-2.0 */
/* model/safetensors.h: files that are written, and floats read out of files. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "model/safetensors.h"
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

static const float matrix[6] = {1, -2, 0.5f, 3e38f, -0.0f, 1e-45f};
static const int64_t scalar = -7;
static const s3_tensor tensors[] = {
    {"matrix", "F32", 2, {2, 3}, matrix, 24, 0},
    {.name = "a \"quoted\"\\\n name", .dtype = "I64", .data = &scalar, .byte_count = 8},
    {.name = "caf\xc3\xa9", .dtype = "U8", .rank = 1, .shape = {0}},
};
static const s3_metadata metadata[] = {{"format", "pt"}, {"note", "two\nlines \"\xe2\x82\xac\""}};

static s3rec_status write_to(const char *path) {
  return s3_safetensors_write(context, path, tensors, 3, metadata, 2);
}

static s3_safetensors *open_file(const char *path) {
  s3_safetensors *file = NULL;
  ck_assert_msg(s3_safetensors_open(context, path, &file) == S3REC_OK, "%s", s3_error_text());
  return file;
}

START_TEST(what_is_written_reads_back) {
  const test_path path = test_file("written");
  ck_assert_int_eq(write_to(path.text), S3REC_OK);
  s3_safetensors *file = open_file(path.text);
  ck_assert_uint_eq(s3_safetensors_count(file), 3);
  for (size_t i = 0; i < 3; i++) {
    const s3_tensor *const read = s3_safetensors_at(file, i);
    ck_assert_str_eq(read->name, tensors[i].name);
    ck_assert_str_eq(read->dtype, tensors[i].dtype);
    ck_assert_int_eq(read->rank, tensors[i].rank);
    ck_assert_int_eq(memcmp(read->shape, tensors[i].shape, sizeof read->shape), 0);
    ck_assert_uint_eq(read->byte_count, tensors[i].byte_count);
    char bytes[sizeof matrix];
    ck_assert_int_eq(s3_safetensors_copy(file, read, 0, read->byte_count, bytes), S3REC_OK);
    if (read->byte_count > 0) ck_assert_mem_eq(bytes, tensors[i].data, read->byte_count);
  }
  for (size_t i = 0; i < 2; i++) {
    ck_assert_str_eq(s3_safetensors_metadata(file, metadata[i].key), metadata[i].value);
  }
  s3_safetensors_close(file);
}
END_TEST

START_TEST(bytes_of_the_file) {
  const test_path path = test_file("bytes");
  static const char expected[] =
      "\xb8\0\0\0\0\0\0\0"
      "{\"__metadata__\":{\"k\":\"v\"},"
      "\"m\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]},"
      "\"n\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[8,16]}}";
  const s3_tensor two[] = {
      {.name = "m", .dtype = "F32", .rank = 2, .shape = {1, 2}, .data = matrix, .byte_count = 8},
      {.name = "n", .dtype = "I64", .data = &scalar, .byte_count = 8},
  };
  const s3_metadata pair = {"k", "v"};
  ck_assert_int_eq(s3_safetensors_write(context, path.text, two, 2, &pair, 1), S3REC_OK);
  size_t count;
  char *const bytes = test_read(path.text, &count);
  ck_assert_uint_eq(count, 192 + 16);
  ck_assert_int_eq(memcmp(bytes, expected, sizeof expected - 1), 0);
  for (size_t i = sizeof expected - 1; i < 192; i++) ck_assert_int_eq(bytes[i], ' ');
  static const char data[] = "\0\0\x80\x3f\0\0\0\xc0\xf9\xff\xff\xff\xff\xff\xff\xff";
  ck_assert_int_eq(memcmp(bytes + 192, data, 16), 0);
  free(bytes);
}
END_TEST

START_TEST(data_starts_at_a_multiple_of_64) {
  const test_path path = test_file("aligned");
  char value[80];
  for (size_t length = 0; length < sizeof value; length++) {
    memset(value, 'v', length);
    value[length] = '\0';
    const s3_metadata pair = {"k", value};
    ck_assert_int_eq(s3_safetensors_write(context, path.text, tensors, 1, &pair, 1), S3REC_OK);
    struct stat info;
    ck_assert_int_eq(stat(path.text, &info), 0);
    ck_assert_int_eq(info.st_size % 64, 24);
    s3_safetensors_close(open_file(path.text));
  }
}
END_TEST

START_TEST(text_that_is_not_utf8_is_refused) {
  const test_path path = test_file("refused");
  const s3_metadata pair = {"note", "\xff"};
  ck_assert_int_eq(s3_safetensors_write(context, path.text, tensors, 1, &pair, 1),
                   S3REC_ERROR_ARGUMENT);
  ck_assert_str_eq(s3_error_text(), "metadata 'note' is not valid UTF-8");
  ck_assert_int_ne(access(path.text, F_OK), 0);
}
END_TEST

/* No reader would take it. */
START_TEST(too_long_a_header_is_refused) {
  const test_path path = test_file("refused");
  const size_t length = S3_SAFETENSORS_MAXIMUM_HEADER;
  char *const text = malloc(length + 1);
  memset(text, 'x', length);
  text[length] = '\0';
  const s3_metadata pair = {"note", text};
  ck_assert_int_eq(s3_safetensors_write(context, path.text, tensors, 1, &pair, 1),
                   S3REC_ERROR_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(s3_error_text(), "at most 100000000 are allowed"));
  ck_assert_int_ne(access(path.text, F_OK), 0);
  free(text);
}
END_TEST

START_TEST(failed_write_keeps_the_old_file) {
  const test_path path = test_file("kept");
  ck_assert_int_eq(write_to(path.text), S3REC_OK);
  const size_t entries = test_file_count();
  /* A limit on the file size is a disk that gets full in the middle. */
  static const char many[4096];
  const s3_tensor larger[] = {tensors[0], {.name = "many", .dtype = "U8", .rank = 1,
                                           .shape = {4096}, .data = many, .byte_count = 4096}};
  struct rlimit before;
  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
  const struct rlimit small = {.rlim_cur = 1000, .rlim_max = before.rlim_max};
  void (*const handler)(int) = signal(SIGXFSZ, SIG_IGN);
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
  const s3rec_status status = s3_safetensors_write(context, path.text, larger, 2, metadata, 2);
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, handler);
  ck_assert_int_eq(status, S3REC_ERROR_IO);
  ck_assert_ptr_nonnull(strstr(s3_error_text(), "cannot write: File too large"));
  ck_assert_uint_eq(test_file_count(), entries);
  s3_safetensors *file = open_file(path.text);
  ck_assert_uint_eq(s3_safetensors_count(file), 3);
  s3_safetensors_close(file);
}
END_TEST

static s3rec_status write_action(void *argument) { return write_to(argument); }

START_TEST(survives_missing_memory) {
  test_path path = test_file("memory");
  ck_assert_uint_ge(test_every_allocation_fails(&hooks, write_action, path.text), 1);
}
END_TEST

START_TEST(floats_are_read_bit_by_bit) {
  const test_path path = test_file("floats");
  ck_assert_int_eq(write_to(path.text), S3REC_OK);
  s3_safetensors *file = open_file(path.text);
  float values[6];
  ck_assert_int_eq(s3_safetensors_read_f32(file, "matrix", 2, (int64_t[]){2, 3}, values), S3REC_OK);
  ck_assert_int_eq(memcmp(values, matrix, sizeof matrix), 0);
  s3_safetensors_close(file);
}
END_TEST

START_TEST(wrong_tensors_are_refused) {
  const test_path path = test_file("wrong");
  ck_assert_int_eq(write_to(path.text), S3REC_OK);
  s3_safetensors *file = open_file(path.text);
  const struct {
    const char *name;
    int32_t rank;
    int64_t shape[3];
    s3rec_status status;
    const char *reason;
  } cases[] = {
      {"nobody", 2, {2, 3}, S3REC_ERROR_FORMAT, "tensor 'nobody' is missing"},
      {"matrix", 2, {3, 2}, S3REC_ERROR_FORMAT, "'matrix': shape is [2, 3], must be [3, 2]"},
      {"matrix", 1, {6}, S3REC_ERROR_FORMAT, "'matrix': shape is [2, 3], must be [6]"},
      {"matrix", 3, {1, 2, 3}, S3REC_ERROR_FORMAT, "shape is [2, 3], must be [1, 2, 3]"},
      {"matrix", 0, {0}, S3REC_ERROR_FORMAT, "shape is [2, 3], must be []"},
      {"caf\xc3\xa9", 1, {0}, S3REC_ERROR_UNSUPPORTED, "dtype is U8, must be F32"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    float values[6] = {9, 9, 9, 9, 9, 9};
    ck_assert_int_eq(
        s3_safetensors_read_f32(file, cases[i].name, cases[i].rank, cases[i].shape, values),
        cases[i].status);
    ck_assert_msg(strstr(s3_error_text(), cases[i].reason) != NULL, "%s", s3_error_text());
    ck_assert_ptr_nonnull(strstr(s3_error_text(), path.text));
    ck_assert(values[0] == 9 && values[5] == 9);
  }
  s3_safetensors_close(file);
}
END_TEST

START_TEST(values_that_are_not_finite_are_refused) {
  enum { COUNT = 10000 };
  static float values[COUNT], read[COUNT];
  const test_path path = test_file("finite");
  const s3_tensor tensor = {.name = "t", .dtype = "F32", .rank = 1, .shape = {COUNT},
                            .data = values, .byte_count = sizeof values};
  const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};
  const size_t places[] = {0, 1, 4095, 4096, 8191, COUNT - 1};
  for (size_t p = 0; p < sizeof places / sizeof places[0]; p++) {
    for (size_t i = 0; i < COUNT; i++) values[i] = 3.4e38f;
    values[places[p]] = bad[p % 4];
    ck_assert_int_eq(s3_safetensors_write(context, path.text, &tensor, 1, NULL, 0), S3REC_OK);
    s3_safetensors *file = open_file(path.text);
    ck_assert_int_eq(s3_safetensors_read_f32(file, "t", 1, tensor.shape, read), S3REC_ERROR_FORMAT);
    char reason[64];
    snprintf(reason, sizeof reason, "tensor 't': element %zu is NaN or infinite", places[p]);
    ck_assert_msg(strstr(s3_error_text(), reason) != NULL, "%s", s3_error_text());
    s3_safetensors_close(file);
  }
}
END_TEST

TEST_SUITE(safetensors_write) {
  TCase *writing = tcase_create("writing"), *floats = tcase_create("floats");
  tcase_add_checked_fixture(writing, set_up, tear_down);
  tcase_add_checked_fixture(floats, set_up, tear_down);
  tcase_add_test(writing, what_is_written_reads_back);
  tcase_add_test(writing, bytes_of_the_file);
  tcase_add_test(writing, data_starts_at_a_multiple_of_64);
  tcase_add_test(writing, text_that_is_not_utf8_is_refused);
  tcase_add_test(writing, too_long_a_header_is_refused);
  tcase_add_test(writing, failed_write_keeps_the_old_file);
  tcase_add_test(writing, survives_missing_memory);
  tcase_add_test(floats, floats_are_read_bit_by_bit);
  tcase_add_test(floats, wrong_tensors_are_refused);
  tcase_add_test(floats, values_that_are_not_finite_are_refused);
  test_add_cases(suite, writing, floats, NULL);
}
