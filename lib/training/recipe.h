/* SPDX-License-Identifier: Apache-2.0 */
/* What the recipes of s3rec/recipe.h decide, one table for all of them. */
#ifndef S3_TRAINING_RECIPE_H
#define S3_TRAINING_RECIPE_H

#include "s3rec/recipe.h"

/* One stage of a recipe. */
typedef struct s3_recipe_stage {
  s3rec_stage stage;
  /* The plan. */
  int32_t epochs, patience, refit;
  double hidden_dropout_prob, attention_probs_dropout_prob;
  /* The sampler. */
  int32_t batch_size;
  /* The trainer; the schedule in epochs, 0 and 0 for none. */
  double learning_rate, weight_decay, decoupled_weight_decay;
  uint32_t warmup_epochs, decay_epochs;
  double aap_weight, mip_weight, map_weight, sp_weight; /* pretraining */
  s3rec_finetune_loss finetune_loss;                    /* fine-tuning */
  double label_smoothing;                               /* likewise */
  int32_t negative_count;                               /* likewise */
} s3_recipe_stage;

/* ARGUMENT unless both are known. */
s3rec_status s3_recipe_find(s3rec_recipe recipe, s3rec_stage stage,
                            const s3_recipe_stage **found);

s3rec_recipe_plan s3_recipe_plan(const s3_recipe_stage *values);
/* Sets what the stage decides. steps_per_epoch: 1..UINT32_MAX. */
void s3_recipe_set_trainer(const s3_recipe_stage *values, uint64_t steps_per_epoch,
                           s3rec_trainer_options *options);

#endif
