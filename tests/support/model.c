/* SPDX-License-Identifier: Apache-2.0 */
#include "support/model.h"

#include <check.h>
#include <string.h>

s3rec_model *test_model_of(s3rec_context *context, const s3rec_model_config *config,
                           uint64_t seed) {
  s3rec_model *model = NULL;
  ck_assert_msg(s3rec_model_create(context, config, seed, &model) == S3REC_OK, "%s",
                s3rec_last_error());
  return model;
}

bool test_equal_weights(const s3rec_model *a, const s3rec_model *b) {
  return a->table.float_count == b->table.float_count &&
         memcmp(a->weights, b->weights, a->table.float_count * sizeof(float)) == 0;
}
