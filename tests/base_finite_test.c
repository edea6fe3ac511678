/* SPDX-License-Identifier: Apache-2.0 */
/* base/finite.h: the first NaN or infinity, wherever it is. */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/number.h"
#include "support/suite.h"

enum { COUNT = 2100 }; /* two pieces of 1024 and a part */

static float of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

START_TEST(all_that_is_finite_passes) {
  const float values[] = {0.0f, -0.0f, 1.0f, -1.0f, FLT_MAX, -FLT_MAX, FLT_MIN, -FLT_MIN,
                          of_bits(1), of_bits(0x80000001u), of_bits(0x007fffffu), 3e38f};
  ck_assert_uint_eq(s3_first_not_finite(values, 12), 12);
  ck_assert_uint_eq(s3_first_not_finite(values, 0), 0);
}
END_TEST

START_TEST(every_place_is_found) {
  const float bad[] = {INFINITY, -INFINITY, NAN, -NAN, of_bits(0x7f800001u),
                       of_bits(0xffffffffu)};
  float values[COUNT];
  for (size_t i = 0; i < COUNT; i++) values[i] = i % 2 == 0 ? -FLT_MAX : FLT_MAX;
  for (size_t i = 0; i < COUNT; i++) {
    const float before = values[i];
    values[i] = bad[i % 6];
    ck_assert_uint_eq(s3_first_not_finite(values, COUNT), i);
    ck_assert_uint_eq(s3_first_not_finite(values, i + 1), i);
    ck_assert_uint_eq(s3_first_not_finite(values, i), i);
    values[i] = before;
  }
}
END_TEST

START_TEST(the_first_of_several) {
  float values[COUNT] = {0};
  for (size_t i = 1030; i < COUNT; i++) values[i] = NAN;
  ck_assert_uint_eq(s3_first_not_finite(values, COUNT), 1030);
}
END_TEST

TEST_SUITE(base_finite) {
  TCase *cases = tcase_create("finite");
  tcase_add_test(cases, all_that_is_finite_passes);
  tcase_add_test(cases, every_place_is_found);
  tcase_add_test(cases, the_first_of_several);
  test_add_cases(suite, cases, NULL);
}
