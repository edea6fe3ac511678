/* SPDX-License-Identifier: Apache-2.0 */
/* What the log holds about the test split besides its metrics. */
#ifndef CLI_TEST_DETAILS_H
#define CLI_TEST_DETAILS_H

#include <jansson.h>

#include "training.h"

/* Adds to the object that ends a run: metrics by history length, metrics by popularity, and example
 * users. ranks: those of `model` on the test split, one per user. */
int cli_test_details(const cli_training *training, s3rec_model *model, const int64_t *ranks,
                     size_t user_count, json_t *done);

#endif
