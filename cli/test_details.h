/* SPDX-License-Identifier: Apache-2.0 */
/* What the log says about the test split beyond its metrics. */
#ifndef CLI_TEST_DETAILS_H
#define CLI_TEST_DETAILS_H

#include <jansson.h>

#include "training.h"

/* Adds metrics by history length and by popularity, and example users to the
 * object that ends a run. ranks: of the test split, by the model, a user each. */
int cli_test_details(const cli_training *training, s3rec_model *model, const int64_t *ranks,
                     size_t user_count, json_t *done);

#endif
