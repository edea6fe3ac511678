/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe.h"

#include <string.h>

#include "cli.h"

/* The library counts a schedule in steps, the options in epochs. Here an epoch has this many steps.
 * */
enum { STEPS = 1 << 20 };

/* The options that a recipe sets, in the commands that have them. */
static const char *const decided[] = {
    "epochs", "patience", "refit", "batch-size", "lr", "warmup-epochs", "schedule",
    "weight-decay", "decoupled-weight-decay", "loss", "negative-count", "label-smoothing",
    "aap-weight", "mip-weight", "map-weight", "sp-weight", "hidden-dropout-prob",
    "attention-probs-dropout-prob"};

bool cli_recipe_decides(const cli_option *option) {
  for (size_t i = 0; i < sizeof decided / sizeof *decided; i++)
    if (strcmp(option->name, decided[i]) == 0) return true;
  return false;
}

void cli_recipe_set(s3rec_recipe recipe, cli_options *options) {
  s3rec_run_options *const run = &options->run;
  if ((options->command->bit & (CLI_PRETRAIN | CLI_FINETUNE)) == 0) return;
  s3rec_recipe_plan plan;
  s3rec_recipe_plan_init(&plan);
  /* These calls cannot fail: recipe and stage are valid. */
  (void)s3rec_recipe_plan_get(recipe, run->stage, &plan);
  (void)s3rec_recipe_sampler(recipe, &options->sampler);
  (void)s3rec_recipe_trainer(recipe, run->stage, STEPS, &options->trainer);
  run->recipe = recipe;
  run->epochs = plan.epochs;
  run->patience = plan.patience;
  run->held_out_count = plan.refit ? CLI_REFIT_VALID : CLI_REFIT_NONE;
  run->warmup_epochs = (double)options->trainer.warmup_steps / STEPS;
  run->schedule =
      options->trainer.decay_steps > 0 ? S3REC_SCHEDULE_COSINE : S3REC_SCHEDULE_CONSTANT;
  options->config.hidden_dropout_prob = plan.hidden_dropout_prob;
  options->config.attention_probs_dropout_prob = plan.attention_probs_dropout_prob;
  options->trainer.warmup_steps = options->trainer.decay_steps = 0;
}

void cli_recipe_fill(cli_options *options) {
  cli_options filled = *options;
  cli_recipe_set(options->run.recipe, &filled);
  for (size_t i = 0; i < cli_option_count; i++)
    if (options->given[i]) cli_option_copy(&cli_option_table[i], options, &filled);
  /* A run of few epochs gets a short warm-up. */
  if (!cli_options_given(options, "warmup-epochs") &&
      filled.run.warmup_epochs > filled.run.epochs / 2.0)
    filled.run.warmup_epochs = filled.run.epochs / 2.0;
  *options = filled;
}
