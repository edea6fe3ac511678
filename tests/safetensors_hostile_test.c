/* SPDX-License-Identifier: Apache-2.0 */
/* Safetensors files that claim more than they hold: limits, memory, pipes that do not end. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "model_file_fixture.h"
#include "support/hooks.h"
#include "support/suite.h"

static test_hooks hooks;
static s3rec_context *context;

static void set_up(void) { context = test_hooks_context(&hooks); }

static void tear_down(void) {
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

START_TEST(deep_nesting_is_refused) {
  static char header[60001];
  memset(header, '[', 60000);
  memcpy(header, "{\"a\":", 5);
  const test_path path = fixture_header_file(header, 0);
  fixture_refuse_file(context, path.text, S3REC_ERROR_LIMIT, ":1:69: header: ");
}
END_TEST

/* {"key 0":VALUE,...} with keys of three letters. */
static char *many_entries(int count, const char *value) {
  char *const text = malloc((size_t)count * (strlen(value) + 8) + 64);
  ck_assert_ptr_nonnull(text);
  char *next = stpcpy(text, "{");
  for (int i = 0; i < count; i++)
    next += sprintf(next, "%s\"%c%c%c\":%s", i > 0 ? "," : "", 'a' + i % 26, 'a' + i / 26 % 26,
                    'a' + i / 676, value);
  strcpy(next, "}");
  return text;
}

static const char empty_tensor[] = "{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}";

/* What the context of the fixture takes, one of these limits may refuse. */
START_TEST(limits_of_the_context) {
  static const struct {
    s3rec_limits limits; /* those that are not 0 */
    const char *reason;
  } cases[] = {
      {{.tensors = 3}, "4 tensors, but s3rec_limits.tensors is 3"},
      {{.tensors = 4}, NULL},
      {{.header_bytes = 1}, "bytes, but s3rec_limits.header_bytes is "},
      {{.header_bytes = 4096}, NULL},
      {{.json_depth = 2}, "header: nested deeper than 2, the limit (s3rec_limits.json_depth)"},
      {{.json_depth = 3}, NULL},
      {{.file_bytes = 1}, ": the file has more than 1 bytes, the limit (s3rec_limits.file_bytes)"},
      {{.file_bytes = 4096}, NULL},
  };
  const test_path path = fixture_header_file(fixture_header, FIXTURE_DATA);
  s3rec_context *const before = context;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const s3rec_limits *const wanted = &cases[i].limits;
    s3rec_limits limits;
    s3rec_limits_init(&limits);
    if (wanted->tensors > 0) limits.tensors = wanted->tensors;
    if (wanted->header_bytes > 0) limits.header_bytes = wanted->header_bytes;
    if (wanted->json_depth > 0) limits.json_depth = wanted->json_depth;
    if (wanted->file_bytes > 0) limits.file_bytes = wanted->file_bytes;
    s3rec_context_options options;
    s3rec_context_options_init(&options);
    options.limits = &limits;
    ck_assert_int_eq(s3rec_context_create(&options, &context), S3REC_OK);
    if (cases[i].reason != NULL) {
      fixture_refuse_file(context, path.text, S3REC_ERROR_LIMIT, cases[i].reason);
    } else {
      s3_safetensors *file;
      ck_assert_msg(s3_safetensors_open(context, path.text, &file) == S3REC_OK, "%zu: %s", i,
                    s3_error_text());
      s3_safetensors_close(file);
    }
    s3rec_context_destroy(context);
  }
  context = before;
}
END_TEST

/* Of text that claims most for its length. Loop: tensors, metadata, members of an entry. */
START_TEST(memory_is_a_small_multiple) {
  static const char *const values[] = {empty_tensor, "\"\"", "0"};
  static const char *const around[][2] = {
      {"", ""},
      {"{\"__metadata__\":", "}"},
      {"{\"t\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0],\"more\":", "}}"}};
  char *const inner = many_entries(1000, values[_i]);
  char *const header = malloc(strlen(inner) + 200);
  ck_assert_ptr_nonnull(header);
  sprintf(header, "%s%s%s", around[_i][0], inner, around[_i][1]);
  const test_path path = fixture_header_file(header, 0);
  const long long before = hooks.live_bytes;
  s3_safetensors *file;
  ck_assert_msg(s3_safetensors_open(context, path.text, &file) == S3REC_OK, "%s",
                s3_error_text());
  ck_assert_int_lt(hooks.live_bytes - before, 5 * (long long)strlen(header) + 4096);
  ck_assert_uint_eq(s3_safetensors_count(file), _i == 0 ? 1000 : _i == 1 ? 0 : 1);
  for (size_t i = 0; i < s3_safetensors_count(file); i++) {
    const s3_tensor *const tensor = s3_safetensors_at(file, i);
    ck_assert_ptr_eq(s3_safetensors_find(file, tensor->name), tensor);
  }
  if (_i == 1) ck_assert_str_eq(s3_safetensors_metadata(file, "lmb"), "");
  s3_safetensors_close(file);
  free(header);
  free(inner);
}
END_TEST

/* A pipe with these bytes in it and no more to come. */
typedef struct filled_pipe {
  int end;
  char name[64];
} filled_pipe;

static filled_pipe fill_pipe(const char *bytes, size_t count) {
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  ck_assert_int_eq(write(ends[1], bytes, count), (ssize_t)count);
  close(ends[1]);
  filled_pipe filled = {.end = ends[0]};
  snprintf(filled.name, sizeof filled.name, "/proc/self/fd/%d", ends[0]);
  return filled;
}

START_TEST(pipes_are_read) {
  const test_path path = fixture_header_file(fixture_header, FIXTURE_DATA);
  size_t count;
  char *const bytes = test_read(path.text, &count);
  const filled_pipe whole = fill_pipe(bytes, count);
  s3_safetensors *file = NULL;
  ck_assert_msg(s3_safetensors_open(context, whole.name, &file) == S3REC_OK, "%s",
                s3_error_text());
  fixture_assert_header_file(file);
  ck_assert_int_lt(s3_safetensors_descriptor(file), 0);
  s3_safetensors_close(file);
  close(whole.end);
  for (size_t size = 0; size < count; size++) {
    const filled_pipe cut = fill_pipe(bytes, size);
    fixture_refuse_file(context, cut.name, S3REC_ERROR_FORMAT, "");
    close(cut.end);
  }
  free(bytes);
}
END_TEST

/* What a pipe claims takes no memory; what it holds is looked at as it comes. */
START_TEST(pipes_that_claim_much) {
  static const struct {
    const char *bytes;
    size_t count;
    const char *reason;
  } cases[] = {
      {"\x00\xe1\xf5\x05\0\0\0\0{}", 10, "header of 100000000 bytes, but the file ended after 2"},
      {"\x01\xe1\xf5\x05\0\0\0\0{}", 10, "100000000 are allowed"},
      {"\0\0\0\0\0\0\0\0\0\0\0\0", 12, "does not begin with {"},
      {"\x49\0\0\0\0\0\0\0{\"t\":{\"dtype\":\"U8\",\"shape\":[1000000000],"
       "\"data_offsets\":[0,1000000000]}}  \1",
       8 + 73 + 1, "data_offsets are 0..1000000000, the data 0..1"},
      {"\2\0\0\0\0\0\0\0{}x", 11, "unused bytes after the last tensor"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const filled_pipe filled = fill_pipe(cases[i].bytes, cases[i].count);
    fixture_refuse_file(context, filled.name, S3REC_ERROR_FORMAT, cases[i].reason);
    close(filled.end);
  }
}
END_TEST

typedef struct pipe_text {
  const char *bytes;
  size_t count;
} pipe_text;

static s3rec_status open_pipe(void *argument) {
  const pipe_text *const text = argument;
  s3_safetensors *file = NULL;
  int ends[2];
  char name[64];
  ck_assert_int_eq(pipe(ends), 0);
  ck_assert_int_ge(fcntl(ends[1], F_SETPIPE_SZ, 1 << 18), 1 << 18);
  ck_assert_int_eq(write(ends[1], text->bytes, text->count), (ssize_t)text->count);
  close(ends[1]);
  snprintf(name, sizeof name, "/proc/self/fd/%d", ends[0]);
  const s3rec_status status = s3_safetensors_open(context, name, &file);
  ck_assert_int_eq(file != NULL, status == S3REC_OK);
  if (file != NULL) s3_safetensors_close(file);
  close(ends[0]);
  return status;
}

/* Headers around the first memory that is taken for a pipe's, and data. Loop: spaces. */
START_TEST(pipes_without_memory) {
  static char bytes[1 << 17];
  static const char header[] =
      "{\"t\":{\"dtype\":\"U8\",\"shape\":[50000],\"data_offsets\":[0,50000]}}";
  const size_t spaces = _i == 0 ? 0 : 65536 - strlen(header) - 3 + (size_t)_i;
  const size_t length = strlen(header) + spaces;
  memset(bytes, ' ', sizeof bytes);
  for (int i = 0; i < 8; i++) bytes[i] = (char)((uint64_t)length >> (8 * i));
  memcpy(bytes + 8, header, strlen(header));
  pipe_text text = {bytes, 8 + length + 50000};
  ck_assert_uint_ge(test_every_allocation_fails(&hooks, open_pipe, &text), 6);
}
END_TEST

/* A tensor without elements has nothing to copy. */
START_TEST(empty_tensors_of_a_pipe) {
  const test_path path = fixture_header_file(fixture_header, FIXTURE_DATA);
  size_t count;
  char *const bytes = test_read(path.text, &count);
  const filled_pipe whole = fill_pipe(bytes, count);
  s3_safetensors *file = NULL;
  ck_assert_int_eq(s3_safetensors_open(context, whole.name, &file), S3REC_OK);
  char untouched = 'x';
  ck_assert_int_eq(
      s3_safetensors_copy(file, s3_safetensors_find(file, "none"), 0, 0, &untouched), S3REC_OK);
  ck_assert_int_eq(untouched, 'x');
  s3_safetensors_close(file);
  close(whole.end);
  free(bytes);
}
END_TEST

/* Loop: with room for the whole file, for one byte less, and for less than the header. */
START_TEST(pipes_are_limited) {
  const test_path path = fixture_header_file(fixture_header, FIXTURE_DATA);
  size_t count;
  char *const bytes = test_read(path.text, &count);
  const filled_pipe filled = fill_pipe(bytes, count);
  s3rec_limits limits;
  s3rec_limits_init(&limits);
  limits.file_bytes = _i == 0 ? count : _i == 1 ? count - 1 : 9;
  s3rec_context_options options;
  s3rec_context_options_init(&options);
  options.limits = &limits;
  s3rec_context *limited;
  ck_assert_int_eq(s3rec_context_create(&options, &limited), S3REC_OK);
  if (_i == 0) {
    s3_safetensors *file = NULL;
    ck_assert_int_eq(s3_safetensors_open(limited, filled.name, &file), S3REC_OK);
    s3_safetensors_close(file);
  } else {
    fixture_refuse_file(limited, filled.name, S3REC_ERROR_LIMIT,
                        ", the limit (s3rec_limits.file_bytes)");
  }
  s3rec_context_destroy(limited);
  close(filled.end);
  free(bytes);
}
END_TEST

START_TEST(devices_are_refused) {
  fixture_refuse_file(context, "/dev/zero", S3REC_ERROR_IO, "a device, must be a file or a pipe");
  fixture_refuse_file(context, "/dev/null", S3REC_ERROR_IO, "a device, must be a file or a pipe");
}
END_TEST

TEST_SUITE(safetensors_hostile) {
  TCase *claims = tcase_create("claims"), *pipes = tcase_create("pipes");
  tcase_add_checked_fixture(claims, set_up, tear_down);
  tcase_add_checked_fixture(pipes, set_up, tear_down);
  tcase_add_test(claims, deep_nesting_is_refused);
  tcase_add_test(claims, limits_of_the_context);
  tcase_add_loop_test(claims, memory_is_a_small_multiple, 0, 3);
  tcase_add_test(pipes, pipes_are_read);
  tcase_add_test(pipes, pipes_that_claim_much);
  tcase_add_loop_test(pipes, pipes_without_memory, 0, 6);
  tcase_add_test(pipes, empty_tensors_of_a_pipe);
  tcase_add_loop_test(pipes, pipes_are_limited, 0, 3);
  tcase_add_test(pipes, devices_are_refused);
  test_add_cases(suite, claims, pipes, NULL);
}
