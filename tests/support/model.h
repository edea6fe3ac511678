/* SPDX-License-Identifier: Apache-2.0 */
/* Models of a given configuration, and their weights seen from inside. */
#ifndef S3_TESTS_SUPPORT_MODEL_H
#define S3_TESTS_SUPPORT_MODEL_H

#include "model/model.h"

/* Fails the running check when the configuration is refused. */
s3rec_model *test_model_of(s3rec_context *context, const s3rec_model_config *config,
                           uint64_t seed);

/* Whether two models have the same weights bit by bit. */
bool test_equal_weights(const s3rec_model *a, const s3rec_model *b);

#endif
