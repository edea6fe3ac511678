/* SPDX-License-Identifier: Apache-2.0 */
/* The struct s3rec_limits itself: defaults, the strict profile, wrong values, other releases. */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "data_fixture.h"
#include "support/suite.h"

static s3rec_status make_context(const s3rec_limits *limits) {
  s3rec_context_options options;
  s3rec_context_options_init(&options);
  options.limits = limits;
  s3rec_context *context = (s3rec_context *)&options; /* must stay as it is */
  const s3rec_status status = s3rec_context_create(&options, &context);
  if (status == S3REC_OK)
    s3rec_context_destroy(context);
  else
    ck_assert_ptr_eq(context, &options);
  return status;
}

/* The fields of 64 and of 32 bits. */
static const struct {
  size_t offset;
  bool small;
  uint64_t most;
  const char *name;
} fields[] = {
    {offsetof(s3rec_limits, file_bytes), false, INT64_MAX, "file_bytes"},
    {offsetof(s3rec_limits, row_bytes), false, 1 << 30, "row_bytes"},
    {offsetof(s3rec_limits, rows), false, INT64_MAX, "rows"},
    {offsetof(s3rec_limits, items), false, 2147483645, "items"},
    {offsetof(s3rec_limits, tensors), false, UINT32_MAX, "tensors"},
    {offsetof(s3rec_limits, header_bytes), false, 100000000, "header_bytes"},
    {offsetof(s3rec_limits, json_depth), true, 512, "json_depth"},
    {offsetof(s3rec_limits, expansion), true, INT32_MAX, "expansion"},
    {offsetof(s3rec_limits, id_spread), true, INT32_MAX, "id_spread"}};

static s3rec_status make_with(size_t field, uint64_t value) {
  s3rec_limits limits;
  s3rec_limits_init(&limits);
  char *const place = (char *)&limits + fields[field].offset;
  const int32_t small = (int32_t)value;
  if (fields[field].small)
    memcpy(place, &small, sizeof small);
  else
    memcpy(place, &value, sizeof value);
  return make_context(&limits);
}

START_TEST(wrong_values) {
  const uint64_t most = fields[_i].most;
  char expected[128];
  ck_assert_int_eq(make_with((size_t)_i, 1), S3REC_OK);
  ck_assert_int_eq(make_with((size_t)_i, most), S3REC_OK);
  snprintf(expected, sizeof expected, "s3rec_limits.%s is 0, must be 1..%llu", fields[_i].name,
           (unsigned long long)most);
  fixture_expect(make_with((size_t)_i, 0), S3REC_ERROR_ARGUMENT, NULL, expected);
  /* One more than the largest int32_t is the smallest. */
  if (fields[_i].small)
    snprintf(expected, sizeof expected, "s3rec_limits.%s is %d, must be 1..%llu", fields[_i].name,
             (int32_t)(uint32_t)(most + 1), (unsigned long long)most);
  else
    snprintf(expected, sizeof expected, "s3rec_limits.%s is %llu, must be 1..%llu",
             fields[_i].name, (unsigned long long)(most + 1), (unsigned long long)most);
  fixture_expect(make_with((size_t)_i, most + 1), S3REC_ERROR_ARGUMENT, NULL, expected);
}
END_TEST

START_TEST(negative_values) {
  s3rec_limits limits;
  s3rec_limits_init(&limits);
  limits.json_depth = -3;
  fixture_expect(make_context(&limits), S3REC_ERROR_ARGUMENT, NULL,
                 "s3rec_limits.json_depth is -3, must be 1..512");
}
END_TEST

START_TEST(defaults_and_strict) {
  s3rec_limits limits;
  s3rec_limits_init(&limits);
  ck_assert_uint_eq(limits.struct_size, sizeof limits);
  ck_assert_uint_eq(limits.file_bytes, UINT64_C(1) << 40);
  ck_assert_uint_eq(limits.row_bytes, 1 << 24);
  ck_assert_uint_eq(limits.rows, UINT64_C(1) << 40);
  ck_assert_uint_eq(limits.items, 2147483645);
  ck_assert_uint_eq(limits.tensors, 1 << 20);
  ck_assert_uint_eq(limits.header_bytes, 100000000);
  ck_assert_int_eq(limits.json_depth, 64);
  ck_assert_int_eq(limits.expansion, 1100);
  ck_assert_int_eq(limits.id_spread, 1000);
  s3rec_limits_init_strict(&limits);
  ck_assert_uint_eq(limits.struct_size, sizeof limits);
  ck_assert_uint_eq(limits.file_bytes, 1 << 30);
  ck_assert_uint_eq(limits.row_bytes, 1 << 16);
  ck_assert_uint_eq(limits.rows, 1 << 22);
  ck_assert_uint_eq(limits.items, 1 << 20);
  ck_assert_uint_eq(limits.tensors, 1 << 12);
  ck_assert_uint_eq(limits.header_bytes, 1 << 22);
  ck_assert_int_eq(limits.json_depth, 16);
  ck_assert_int_eq(limits.expansion, 100);
  ck_assert_int_eq(limits.id_spread, 10);
}
END_TEST

/* Programs of other releases: a smaller struct is refused, what a larger one has more is not
 * looked at. */
START_TEST(struct_growth) {
  const size_t first = S3_SIZE_UNTIL(s3rec_limits, id_spread);
  for (size_t size = sizeof size; size <= sizeof(s3rec_limits) + 24; size += 4) {
    unsigned char *const theirs = malloc(size);
    memset(theirs, 0xa5, size);
    s3rec_limits limits;
    s3rec_limits_init(&limits);
    limits.struct_size = size;
    memcpy(theirs, &limits, size < sizeof limits ? size : sizeof limits);
    const s3rec_status status = make_context((const s3rec_limits *)theirs);
    ck_assert_int_eq(status, size < first ? S3REC_ERROR_ARGUMENT : S3REC_OK);
    if (size < first)
      ck_assert_ptr_nonnull(strstr(s3rec_last_error(), "s3rec_limits.struct_size is "));
    free(theirs);
  }
}
END_TEST

TEST_SUITE(limit_values) {
  TCase *cases = tcase_create("values");
  tcase_add_loop_test(cases, wrong_values, 0, sizeof fields / sizeof *fields);
  tcase_add_test(cases, negative_values);
  tcase_add_test(cases, defaults_and_strict);
  tcase_add_test(cases, struct_growth);
  test_add_cases(suite, cases, NULL);
}
