/* SPDX-License-Identifier: Apache-2.0 */
#include "training/recipe.h"

#include "base/error.h"
#include "training/options.h"

/* Each sets all that any of its stage sets, so that applying one recipe after the other
 * leaves nothing of the first. */
static const s3_recipe_stage paper_pretrain = {
    .stage = S3REC_STAGE_PRETRAIN,
    .epochs = 150,
    .hidden_dropout_prob = 0.5,
    .attention_probs_dropout_prob = 0.5,
    .batch_size = 100,
    .learning_rate = 1e-3,
    .aap_weight = 0.2,
    .mip_weight = 1.0,
    .map_weight = 1.0,
    .sp_weight = 0.5,
};
static const s3_recipe_stage best_finetune = {
    .stage = S3REC_STAGE_FINETUNE,
    .epochs = 30,
    .patience = 30,
    .refit = 1,
    .hidden_dropout_prob = 0.4,
    .attention_probs_dropout_prob = 0.4,
    .batch_size = 256,
    .learning_rate = 5e-3,
    .warmup_epochs = 1,
    .decay_epochs = 30,
    .decoupled_weight_decay = 0.1,
    .finetune_loss = S3REC_LOSS_SAMPLED_CE,
    .negative_count = 1000,
    .label_smoothing = 0.1,
};
static const s3_recipe_stage paper_finetune = {
    .stage = S3REC_STAGE_FINETUNE,
    .epochs = 200,
    .patience = 10,
    .hidden_dropout_prob = 0.5,
    .attention_probs_dropout_prob = 0.5,
    .batch_size = 256,
    .learning_rate = 1e-3,
    .finetune_loss = S3REC_LOSS_BCE,
    .negative_count = S3_DEFAULT_NEGATIVE_COUNT, /* not used */
};

static const struct {
  s3rec_recipe recipe;
  const s3_recipe_stage *values;
} table[] = {
    {S3REC_RECIPE_BEST, &paper_pretrain}, /* nothing better is known */
    {S3REC_RECIPE_BEST, &best_finetune},
    {S3REC_RECIPE_PAPER, &paper_pretrain},
    {S3REC_RECIPE_PAPER, &paper_finetune},
};

s3rec_status s3_recipe_find(s3rec_recipe recipe, s3rec_stage stage,
                            const s3_recipe_stage **found) {
  if (recipe != S3REC_RECIPE_BEST && recipe != S3REC_RECIPE_PAPER)
    return s3_fail(S3REC_ERROR_ARGUMENT, "recipe is %d, must be %d (BEST) or %d (PAPER)",
                   (int)recipe, S3REC_RECIPE_BEST, S3REC_RECIPE_PAPER);
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (table[i].recipe == recipe && table[i].values->stage == stage) {
      *found = table[i].values;
      return S3REC_OK;
    }
  return s3_fail(S3REC_ERROR_ARGUMENT, "stage is %d, must be %d (PRETRAIN) or %d (FINETUNE)",
                 (int)stage, S3REC_STAGE_PRETRAIN, S3REC_STAGE_FINETUNE);
}

s3rec_recipe_plan s3_recipe_plan(const s3_recipe_stage *values) {
  return (s3rec_recipe_plan){
      .struct_size = sizeof(s3rec_recipe_plan),
      .epochs = values->epochs,
      .patience = values->patience,
      .refit = values->refit,
      .hidden_dropout_prob = values->hidden_dropout_prob,
      .attention_probs_dropout_prob = values->attention_probs_dropout_prob,
  };
}

void s3_recipe_set_trainer(const s3_recipe_stage *values, uint64_t steps_per_epoch,
                           s3rec_trainer_options *options) {
  options->learning_rate = values->learning_rate;
  options->weight_decay = values->weight_decay;
  options->decoupled_weight_decay = values->decoupled_weight_decay;
  options->warmup_steps = values->warmup_epochs * steps_per_epoch;
  options->decay_steps = values->decay_epochs * steps_per_epoch;
  if (values->stage == S3REC_STAGE_PRETRAIN) {
    options->aap_weight = values->aap_weight;
    options->mip_weight = values->mip_weight;
    options->map_weight = values->map_weight;
    options->sp_weight = values->sp_weight;
  } else {
    options->finetune_loss = values->finetune_loss;
    options->label_smoothing = values->label_smoothing;
    options->negative_count = values->negative_count;
  }
}
