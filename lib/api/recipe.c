/* SPDX-License-Identifier: Apache-2.0 */
#include "s3rec/recipe.h"

#include <inttypes.h>

#include "base/options.h"
#include "training/recipe.h"

void s3rec_recipe_plan_init(s3rec_recipe_plan *plan) {
  *plan = (s3rec_recipe_plan){.struct_size = sizeof *plan};
}

s3rec_status s3rec_recipe_plan_get(s3rec_recipe recipe, s3rec_stage stage,
                                   s3rec_recipe_plan *plan) {
  S3_REQUIRE(plan);
  S3_TRY(s3_output_check(plan, S3_SIZE_UNTIL(s3rec_recipe_plan, attention_probs_dropout_prob),
                         "s3rec_recipe_plan"));
  const s3_recipe_stage *values;
  S3_TRY(s3_recipe_find(recipe, stage, &values));
  const s3rec_recipe_plan filled = s3_recipe_plan(values);
  s3_output_write(plan, &filled, sizeof filled);
  return S3REC_OK;
}

s3rec_status s3rec_recipe_sampler(s3rec_recipe recipe, s3rec_sampler_options *options) {
  S3_REQUIRE(options);
  S3_TRY(s3_output_check(options, S3_SIZE_UNTIL(s3rec_sampler_options, held_out_count),
                         "s3rec_sampler_options"));
  const s3_recipe_stage *values;
  S3_TRY(s3_recipe_find(recipe, options->stage, &values));
  options->batch_size = values->batch_size;
  return S3REC_OK;
}

s3rec_status s3rec_recipe_trainer(s3rec_recipe recipe, s3rec_stage stage, size_t steps_per_epoch,
                                  s3rec_trainer_options *options) {
  S3_REQUIRE(options);
  S3_TRY(s3_output_check(options, S3_SIZE_UNTIL(s3rec_trainer_options, negative_count),
                         "s3rec_trainer_options"));
  const uint64_t steps = steps_per_epoch;
  if (steps < 1 || steps > UINT32_MAX)
    return s3_fail(S3REC_ERROR_ARGUMENT, "steps_per_epoch is %" PRIu64 ", must be 1..%" PRIu32,
                   steps, UINT32_MAX);
  const s3_recipe_stage *values;
  S3_TRY(s3_recipe_find(recipe, stage, &values));
  s3_recipe_set_trainer(values, steps, options);
  return S3REC_OK;
}
