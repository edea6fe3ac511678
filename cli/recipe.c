/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe.h"

#include <stddef.h>
#include <string.h>

#include "cli.h"

/* The library counts the schedule in steps, the options in epochs: of so many steps here. */
enum { STEPS = 1 << 20 };

void cli_recipe_set(s3rec_recipe recipe, cli_options *options) {
  const bool finetuning = options->command->bit == CLI_FINETUNE;
  if (!finetuning && options->command->bit != CLI_PRETRAIN) return;
  const s3rec_stage stage = finetuning ? S3REC_STAGE_FINETUNE : S3REC_STAGE_PRETRAIN;
  s3rec_recipe_plan plan;
  s3rec_recipe_plan_init(&plan);
  /* None can fail: recipe and stage are known. */
  (void)s3rec_recipe_plan_get(recipe, stage, &plan);
  (void)s3rec_recipe_sampler(recipe, &options->sampler);
  (void)s3rec_recipe_trainer(recipe, stage, STEPS, &options->trainer);
  options->recipe = (int32_t)recipe;
  options->epochs = plan.epochs;
  options->config.hidden_dropout_prob = plan.hidden_dropout_prob;
  options->config.attention_probs_dropout_prob = plan.attention_probs_dropout_prob;
  options->warmup_epochs = (double)options->trainer.warmup_steps / STEPS;
  options->schedule = options->trainer.decay_steps > 0 ? CLI_COSINE : CLI_CONSTANT;
  options->trainer.warmup_steps = options->trainer.decay_steps = 0;
  if (!finetuning) return;
  options->patience = plan.patience;
  options->refit = plan.refit ? CLI_REFIT_VALID : CLI_REFIT_NONE;
}

bool cli_recipe_sets(const cli_command *command, const cli_option *option) {
  cli_options before, after;
  if (option->offset == offsetof(cli_options, recipe)) return false;
  cli_options_init(command, &before);
  /* Whatever it was, it is something else now; only a recipe puts it right. */
  ((unsigned char *)&before)[option->offset] ^= 1;
  after = before;
  cli_recipe_set(S3REC_RECIPE_BEST, &after);
  return memcmp((char *)&before + option->offset, (char *)&after + option->offset, 1) != 0;
}

void cli_recipe_fill(cli_options *options) {
  cli_options filled = *options;
  cli_recipe_set((s3rec_recipe)options->recipe, &filled);
  for (size_t i = 0; i < cli_option_count; i++)
    if (options->given[i]) cli_option_copy(&cli_option_table[i], options, &filled);
  /* A short run of a recipe has a short warm-up. */
  if (!cli_options_given(options, "warmup-epochs") && filled.warmup_epochs > filled.epochs / 2.0)
    filled.warmup_epochs = filled.epochs / 2.0;
  *options = filled;
}

int cli_recipe_schedule(cli_options *options, size_t steps) {
  const uint64_t decay = options->schedule == CLI_COSINE ? (uint64_t)options->epochs * steps : 0;
  if (decay > 0 && options->warmup_epochs >= options->epochs)
    return cli_usage(options,
                     "--warmup-epochs is %g, must be below --epochs, %d, with --schedule cosine",
                     options->warmup_epochs, (int)options->epochs);
  options->trainer.warmup_steps = (uint64_t)(options->warmup_epochs * (double)steps);
  options->trainer.decay_steps = decay;
  return CLI_OK;
}
