/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * C++: recipes. */
#ifndef S3REC_RECIPE_HPP
#define S3REC_RECIPE_HPP

#include "s3rec/recipe.h"
#include "s3rec/trainer.hpp"

namespace s3rec {

/** Recipes, of type s3rec_recipe, and what they set. */
namespace recipe {

inline constexpr s3rec_recipe best = S3REC_RECIPE_BEST;
inline constexpr s3rec_recipe paper = S3REC_RECIPE_PAPER;

using plan = s3rec_recipe_plan;

inline result<plan> try_plan_of(s3rec_recipe recipe, s3rec_stage stage) noexcept {
  plan found;
  s3rec_recipe_plan_init(&found);
  const s3rec_status status = s3rec_recipe_plan_get(recipe, stage, &found);
  return detail::done(status, found);
}

/** The defaults of a stage with what the recipe decides in them. */
inline result<s3rec::sampler_options> try_sampler_options(s3rec_recipe recipe,
                                                          s3rec_stage stage) noexcept {
  s3rec::sampler_options options(stage);
  const s3rec_status status = s3rec_recipe_sampler(recipe, &options);
  return detail::done(status, options);
}
/** Likewise; `steps_per_epoch` is that of the sampler. */
inline result<s3rec::trainer_options> try_trainer_options(s3rec_recipe recipe, s3rec_stage stage,
                                                          std::size_t steps_per_epoch) noexcept {
  s3rec::trainer_options options;
  const s3rec_status status = s3rec_recipe_trainer(recipe, stage, steps_per_epoch, &options);
  return detail::done(status, options);
}

#if S3REC_CPP_EXCEPTIONS
inline plan plan_of(s3rec_recipe recipe, s3rec_stage stage) {
  return try_plan_of(recipe, stage).value();
}
inline s3rec::sampler_options sampler_options(s3rec_recipe recipe, s3rec_stage stage) {
  return try_sampler_options(recipe, stage).value();
}
inline s3rec::trainer_options trainer_options(s3rec_recipe recipe, s3rec_stage stage,
                                              std::size_t steps_per_epoch) {
  return try_trainer_options(recipe, stage, steps_per_epoch).value();
}
#endif

}  // namespace recipe
}  // namespace s3rec
#endif
