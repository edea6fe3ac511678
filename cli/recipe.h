/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes of the library as option values. */
#ifndef CLI_RECIPE_H
#define CLI_RECIPE_H

#include "cli.h"

/* What becomes of the learning rate after its warm-up. */
enum { CLI_CONSTANT, CLI_COSINE };

/* Sets every option that the recipe decides. */
void cli_recipe_set(s3rec_recipe recipe, cli_options *options);

/* Whether a recipe decides about the option. */
bool cli_recipe_sets(const cli_command *command, const cli_option *option);

/* Sets those of options->recipe that were not given. */
void cli_recipe_fill(cli_options *options);

/* The schedule in steps. Prints a message where it does not fit the epochs. */
int cli_recipe_schedule(cli_options *options, size_t steps);

#endif
