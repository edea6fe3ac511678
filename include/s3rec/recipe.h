/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Recipes: settings of a whole training run that were found to work together.
 * They do not depend on the data; docs/results.md has what each of them reaches. */
#ifndef S3REC_RECIPE_H
#define S3REC_RECIPE_H

#include "s3rec/batch.h"
#include "s3rec/trainer.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Settings by name. */
typedef enum s3rec_recipe {
  S3REC_RECIPE_BEST = 1, /**< the most accurate one known, on data it was not tuned on too */
  S3REC_RECIPE_PAPER = 2 /**< the authors' (CIKM 2020 and their repository) */
} s3rec_recipe;

/** What the caller's own training loop needs to know. */
typedef struct s3rec_recipe_plan {
  size_t struct_size; /**< set by s3rec_recipe_plan_init */
  int32_t epochs;     /**< at most so many */
  int32_t patience;   /**< fine-tuning: stop after so many epochs without improvement of
                       * NDCG@20 (MRR, when negatives are sampled) on the valid split */
  int32_t refit;      /**< fine-tuning: 1 = train once more from the same weights, for as many
                       * epochs as were best, with a sampler whose held_out_count is 1 */
  int32_t reserved;   /**< 0 */
  double hidden_dropout_prob;          /**< for s3rec_model_set_dropouts */
  double attention_probs_dropout_prob; /**< likewise */
} s3rec_recipe_plan;

/** Sets struct_size and zeros. Since 0.2. */
S3REC_API void s3rec_recipe_plan_init(s3rec_recipe_plan *plan);

/** Fills in the plan for a stage. Status: ARGUMENT. Any thread. Since 0.2. */
S3REC_API s3rec_status s3rec_recipe_plan_get(s3rec_recipe recipe, s3rec_stage stage,
                                             s3rec_recipe_plan *plan);

/** Sets what the recipe decides in the sampler options of options->stage (the batch
 * size); the rest stays. Status: ARGUMENT. Any thread. Since 0.2. */
S3REC_API s3rec_status s3rec_recipe_sampler(s3rec_recipe recipe, s3rec_sampler_options *options);

/** Sets what the recipe decides in trainer options: loss, learning rate, its schedule
 * over the plan's epochs of `steps_per_epoch` steps (1..4294967295;
 * s3rec_sampler_epoch_size), decays, pretraining's weights, label smoothing; the
 * rest stays.
 * Status: ARGUMENT. Any thread. Since 0.2. */
S3REC_API s3rec_status s3rec_recipe_trainer(s3rec_recipe recipe, s3rec_stage stage,
                                            size_t steps_per_epoch,
                                            s3rec_trainer_options *options);

#ifdef __cplusplus
}
#endif
#endif
