/* SPDX-License-Identifier: Apache-2.0 */
/* What the suites of model files share. */
#ifndef S3_TESTS_MODEL_FILE_FIXTURE_H
#define S3_TESTS_MODEL_FILE_FIXTURE_H

#include "s3rec/model.h"

/* A small configuration, most of it other than the defaults. */
s3rec_model_config fixture_config(void);

/* Fails the running check unless configuration and weights are the same. */
void fixture_assert_same(const s3rec_model *a, const s3rec_model *b);

#endif
