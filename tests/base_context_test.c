/* SPDX-License-Identifier: Apache-2.0 */
/* s3rec/context.h, status.h and version.h. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "s3rec/s3rec.h"
#include "support/hooks.h"
#include "support/suite.h"

START_TEST(defaults) {
  s3rec_context_options options;
  memset(&options, 0xA5, sizeof options);
  s3rec_context_options_init(&options);
  ck_assert_uint_eq(options.struct_size, sizeof options);
  ck_assert_ptr_null((void *)options.allocator_user_data);
  ck_assert(options.log == NULL && options.allocate == NULL && options.deallocate == NULL);
  ck_assert_int_eq(options.thread_count, 1);
  ck_assert_int_eq(options.kernel_level, S3REC_KERNELS_AUTO);
  ck_assert_int_eq(options.backend, S3REC_BACKEND_AUTO);

  s3rec_context *context = NULL;
  ck_assert_int_eq(s3rec_context_create(NULL, &context), S3REC_OK);
  ck_assert_int_ne(s3rec_context_kernel_level(context), S3REC_KERNELS_AUTO);
  ck_assert_int_eq(s3rec_context_backend(context), S3REC_BACKEND_FUSED);
  s3rec_context_destroy(context);
  s3rec_context_destroy(NULL);
  ck_assert_int_eq(s3rec_context_kernel_level(NULL), S3REC_KERNELS_AUTO);
  ck_assert_int_eq(s3rec_context_backend(NULL), S3REC_BACKEND_AUTO);
}
END_TEST

static void *give_nothing(size_t size, size_t alignment, void *user_data) {
  (void)size, (void)alignment, (void)user_data;
  return NULL;
}

static void take(void *memory, size_t size, void *user_data) {
  (void)memory, (void)size, (void)user_data;
}

static void assert_refused(const s3rec_context_options *options, s3rec_status expected,
                           const char *text) {
  s3rec_context *context = (s3rec_context *)&context; /* must stay */
  ck_assert_int_eq(s3rec_context_create(options, &context), expected);
  ck_assert_ptr_eq(context, (s3rec_context *)&context);
  ck_assert_msg(strstr(s3rec_last_error(), text) != NULL, "%s", s3rec_last_error());
}

START_TEST(bad_options_are_refused) {
  s3rec_context_options good, bad;
  s3rec_context_options_init(&good);
  ck_assert_int_eq(s3rec_context_create(&good, NULL), S3REC_ERROR_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(s3rec_last_error(), "context must not be NULL"));
  static const int32_t thread_counts[] = {0, -1, 257, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < sizeof thread_counts / sizeof thread_counts[0]; i++) {
    bad = good;
    bad.thread_count = thread_counts[i];
    assert_refused(&bad, S3REC_ERROR_ARGUMENT, "thread_count");
  }
  bad = good;
  bad.struct_size = 0;
  assert_refused(&bad, S3REC_ERROR_ARGUMENT, "struct_size is 0");
  bad = good;
  bad.struct_size--;
  assert_refused(&bad, S3REC_ERROR_ARGUMENT, "struct_size");
  bad = good;
  bad.allocate = give_nothing;
  assert_refused(&bad, S3REC_ERROR_ARGUMENT, "only allocate is set");
  bad = good;
  bad.deallocate = take;
  assert_refused(&bad, S3REC_ERROR_ARGUMENT, "only deallocate is set");
  bad.allocate = give_nothing;
  assert_refused(&bad, S3REC_ERROR_MEMORY, "no memory");
  bad = good;
  bad.kernel_level = (s3rec_kernel_level)4;
  assert_refused(&bad, S3REC_ERROR_ARGUMENT, "kernel_level is 4");
  bad = good;
  bad.backend = (s3rec_backend)3;
  assert_refused(&bad, S3REC_ERROR_ARGUMENT, "backend is 3");
}
END_TEST

static void assert_same_limits(const s3rec_limits *left, const s3rec_limits *right) {
  ck_assert_uint_eq(left->struct_size, right->struct_size);
  ck_assert_uint_eq(left->file_bytes, right->file_bytes);
  ck_assert_uint_eq(left->row_bytes, right->row_bytes);
  ck_assert_uint_eq(left->rows, right->rows);
  ck_assert_uint_eq(left->items, right->items);
  ck_assert_uint_eq(left->tensors, right->tensors);
  ck_assert_uint_eq(left->header_bytes, right->header_bytes);
  ck_assert_int_eq(left->json_depth, right->json_depth);
  ck_assert_int_eq(left->expansion, right->expansion);
  ck_assert_int_eq(left->id_spread, right->id_spread);
}

START_TEST(limits_are_checked_and_copied) {
  s3rec_limits limits, strict;
  memset(&limits, 0xA5, sizeof limits);
  s3rec_limits_init(&limits);
  s3rec_limits_init_strict(&strict);
  ck_assert_uint_eq(limits.struct_size, sizeof limits);
  ck_assert(strict.file_bytes < limits.file_bytes && strict.row_bytes < limits.row_bytes &&
            strict.rows < limits.rows && strict.items < limits.items &&
            strict.tensors < limits.tensors && strict.header_bytes < limits.header_bytes &&
            strict.json_depth < limits.json_depth && strict.expansion < limits.expansion &&
            strict.id_spread < limits.id_spread);
  s3rec_context_options options;
  s3rec_context_options_init(&options);
  s3rec_context *context = NULL;
  ck_assert_int_eq(s3rec_context_create(&options, &context), S3REC_OK);
  assert_same_limits(&context->limits, &limits);
  s3rec_context_destroy(context);
  s3rec_limits given = strict;
  options.limits = &given;
  ck_assert_int_eq(s3rec_context_create(&options, &context), S3REC_OK);
  memset(&given, 0, sizeof given);
  assert_same_limits(&context->limits, &strict);
  s3rec_context_destroy(context);

  assert_refused(&options, S3REC_ERROR_ARGUMENT, "struct_size is 0");
  uint64_t *const counts[] = {&given.file_bytes, &given.row_bytes, &given.rows,
                              &given.items,      &given.tensors,   &given.header_bytes};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    for (int highest = 0; highest < 2; highest++) {
      given = strict;
      *counts[i] = highest ? UINT64_MAX : 0;
      assert_refused(&options, S3REC_ERROR_ARGUMENT, "must be 1..");
    }
  int32_t *const numbers[] = {&given.json_depth, &given.expansion, &given.id_spread};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    for (int32_t value = -1; value < 1; value++) {
      given = strict;
      *numbers[i] = value;
      assert_refused(&options, S3REC_ERROR_ARGUMENT, "must be 1..");
    }
  given = strict;
  given.json_depth = 513;
  assert_refused(&options, S3REC_ERROR_ARGUMENT, "s3rec_limits.json_depth is 513, must be 1..512");
}
END_TEST

START_TEST(every_kernel_level_is_there_or_unsupported) {
  s3rec_context_options options;
  s3rec_context_options_init(&options);
  for (int level = S3REC_KERNELS_BASELINE; level <= S3REC_KERNELS_AVX512; level++) {
    options.kernel_level = (s3rec_kernel_level)level;
    s3rec_context *context = NULL;
    const s3rec_status status = s3rec_context_create(&options, &context);
    if (status == S3REC_OK) {
      ck_assert_int_eq(s3rec_context_kernel_level(context), level);
      s3rec_context_destroy(context);
    } else {
      ck_assert_int_ne(level, S3REC_KERNELS_BASELINE);
      ck_assert_int_eq(status, S3REC_ERROR_UNSUPPORTED);
      ck_assert_ptr_null(context);
    }
  }
  options.kernel_level = S3REC_KERNELS_AUTO;
  options.backend = S3REC_BACKEND_ONEDNN;
  options.thread_count = 256;
  s3rec_context *context = NULL;
  ck_assert_int_eq(s3rec_context_create(&options, &context), S3REC_OK);
  ck_assert_int_eq(s3rec_context_backend(context), S3REC_BACKEND_ONEDNN);
  s3rec_context_destroy(context);
}
END_TEST

START_TEST(newer_callers_are_understood) {
  struct {
    s3rec_context_options options;
    void *later;
  } newer;
  s3rec_context_options_init(&newer.options);
  newer.options.struct_size = sizeof newer;
  newer.options.thread_count = 3;
  newer.later = &newer;
  s3rec_context *context = NULL;
  ck_assert_int_eq(s3rec_context_create(&newer.options, &context), S3REC_OK);
  ck_assert_int_eq(context->options.thread_count, 3);
  s3rec_context_destroy(context);
}
END_TEST

START_TEST(memory_is_zeroed_aligned_and_given_back) {
  test_hooks hooks;
  s3rec_context *context = test_hooks_context(&hooks);
  for (size_t size = 0; size < 300; size += 7) {
    unsigned char *const memory = s3_allocate(context, size, 1);
    ck_assert_ptr_nonnull(memory);
    ck_assert_uint_eq((uintptr_t)memory % 64, 0);
    for (size_t i = 0; i < size; i++) ck_assert_uint_eq(memory[i], 0);
    s3_free(context, memory);
  }
  ck_assert_ptr_null(s3_allocate(context, SIZE_MAX / 2, 4));
  ck_assert_ptr_nonnull(strstr(s3_error_text(), "exceed the address space"));
  void *const empty = s3_allocate(context, SIZE_MAX, 0); /* elements without a size fit */
  ck_assert_ptr_nonnull(empty);
  s3_free(context, empty);
  void *list = NULL;
  size_t capacity = 0;
  for (size_t count = 1; count <= 100; count++) {
    ck_assert_int_eq(s3_grow(context, &list, &capacity, count, sizeof(int)), S3REC_OK);
    ck_assert_uint_ge(capacity, count);
    ((int *)list)[count - 1] = (int)count;
  }
  for (int i = 0; i < 100; i++) ck_assert_int_eq(((int *)list)[i], i + 1);
  s3_free(context, list);
  s3_free(context, NULL);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}
END_TEST

START_TEST(context_lives_as_long_as_its_last_handle) {
  test_hooks hooks;
  s3rec_context *context = test_hooks_context(&hooks);
  s3_context_retain(context);
  s3rec_context_destroy(context);
  ck_assert_int_eq(atomic_load(&hooks.live_blocks), 1);
  s3_context_release(context);
  test_hooks_assert_empty(&hooks);
}
END_TEST

static void keep_line(s3rec_log_level level, const char *message, void *user_data) {
  snprintf(user_data, 64, "%d %s", (int)level, message);
}

START_TEST(log_goes_to_the_hook) {
  char line[64] = "";
  s3rec_context_options options;
  s3rec_context_options_init(&options);
  s3rec_context *silent = NULL, *logging = NULL;
  ck_assert_int_eq(s3rec_context_create(&options, &silent), S3REC_OK);
  options.log = keep_line;
  options.log_user_data = line;
  ck_assert_int_eq(s3rec_context_create(&options, &logging), S3REC_OK);
  line[0] = '\0';
  s3_log(silent, S3REC_LOG_WARNING, "nobody hears %d", 1);
  ck_assert_str_eq(line, "");
  s3_log(logging, S3REC_LOG_WARNING, "number %d", 7);
  ck_assert_str_eq(line, "2 number 7");
  s3_log(logging, S3REC_LOG_INFO, "two\nlines of %s", "\x1b[31m\tcolour");
  ck_assert_str_eq(line, "1 two?lines of ?[31m?colour");
  s3rec_context_destroy(silent);
  s3rec_context_destroy(logging);
}
END_TEST

START_TEST(status_names) {
  static const struct {
    s3rec_status status;
    int number;
    const char *name;
  } all[] = {
      {S3REC_OK, 0, "S3REC_OK"},
      {S3REC_ERROR_ARGUMENT, 10, "S3REC_ERROR_ARGUMENT"},
      {S3REC_ERROR_NOT_FOUND, 11, "S3REC_ERROR_NOT_FOUND"},
      {S3REC_ERROR_MEMORY, 20, "S3REC_ERROR_MEMORY"},
      {S3REC_ERROR_IO, 30, "S3REC_ERROR_IO"},
      {S3REC_ERROR_FORMAT, 31, "S3REC_ERROR_FORMAT"},
      {S3REC_ERROR_MISMATCH, 32, "S3REC_ERROR_MISMATCH"},
      {S3REC_ERROR_LIMIT, 33, "S3REC_ERROR_LIMIT"},
      {S3REC_ERROR_STATE, 40, "S3REC_ERROR_STATE"},
      {S3REC_ERROR_NUMERIC, 41, "S3REC_ERROR_NUMERIC"},
      {S3REC_ERROR_ENGINE, 50, "S3REC_ERROR_ENGINE"},
      {S3REC_ERROR_UNSUPPORTED, 60, "S3REC_ERROR_UNSUPPORTED"},
      {S3REC_ERROR_THREAD, 61, "S3REC_ERROR_THREAD"},
  };
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    ck_assert_int_eq(all[i].status, all[i].number);
    ck_assert_str_eq(s3rec_status_name(all[i].status), all[i].name);
  }
  ck_assert_str_eq(s3rec_status_name((s3rec_status)1), "unknown status");
  ck_assert_str_eq(s3rec_status_name((s3rec_status)-1), "unknown status");
}
END_TEST

START_TEST(version_and_build) {
  char expected[32], line[512], part[8];
  snprintf(expected, sizeof expected, "%d.%d.%d", S3REC_VERSION_MAJOR, S3REC_VERSION_MINOR,
           S3REC_VERSION_PATCH);
  ck_assert_str_eq(s3rec_version(), expected);
  ck_assert_int_eq(s3rec_abi_version(), S3REC_ABI_VERSION);
  const int length = s3rec_build_info(line, sizeof line);
  ck_assert_int_eq(length, (int)strlen(line));
  ck_assert_ptr_nonnull(strstr(line, expected));
  ck_assert_ptr_nonnull(strstr(line, "oneDNN"));
  ck_assert_ptr_nonnull(strstr(line, "baseline"));
  ck_assert_int_eq(s3rec_build_info(NULL, 0), length);
  ck_assert_int_eq(s3rec_build_info(part, sizeof part), length);
  ck_assert_uint_eq(strlen(part), sizeof part - 1);
}
END_TEST

TEST_SUITE(base_context) {
  TCase *cases = tcase_create("context"), *rest = tcase_create("status and version");
  tcase_add_test(cases, defaults);
  tcase_add_test(cases, bad_options_are_refused);
  tcase_add_test(cases, limits_are_checked_and_copied);
  tcase_add_test(cases, every_kernel_level_is_there_or_unsupported);
  tcase_add_test(cases, newer_callers_are_understood);
  tcase_add_test(cases, memory_is_zeroed_aligned_and_given_back);
  tcase_add_test(cases, context_lives_as_long_as_its_last_handle);
  tcase_add_test(cases, log_goes_to_the_hook);
  tcase_add_test(rest, status_names);
  tcase_add_test(rest, version_and_build);
  test_add_cases(suite, cases, rest, NULL);
}
