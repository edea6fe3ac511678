/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes of the library as option values. */
#ifndef CLI_RECIPE_H
#define CLI_RECIPE_H

#include "cli.h"

/* Sets every option that recipes set. */
void cli_recipe_set(s3rec_recipe recipe, cli_options *options);

/* Whether recipes set the option. */
bool cli_recipe_decides(const cli_option *option);

/* Sets the options of options->run.recipe, except those on the command line. */
void cli_recipe_fill(cli_options *options);

#endif
