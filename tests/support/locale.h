/* SPDX-License-Identifier: Apache-2.0 */
#ifndef S3_TESTS_SUPPORT_LOCALE_H
#define S3_TESTS_SUPPORT_LOCALE_H

#include <stdbool.h>

/* Makes numbers have a decimal comma, by a locale that is installed or one made
 * in the test's folder; false when there is none. The test goes back by
 * setlocale(LC_NUMERIC, "C"). */
bool test_comma_locale(void);

/* The same with a decimal point of more than one byte, U+066B. */
bool test_wide_point_locale(void);

#endif
