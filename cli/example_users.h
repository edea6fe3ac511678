/* SPDX-License-Identifier: Apache-2.0 */
/* A few users, what is recommended to them and where their answer came. */
#ifndef CLI_EXAMPLE_USERS_H
#define CLI_EXAMPLE_USERS_H

#include <jansson.h>
#include <stdbool.h>

#include "items.h"
#include "s3rec/s3rec.h"

typedef struct cli_example_source {
  s3rec_model *model;
  const s3rec_dataset *dataset;
  cli_names names;
  s3rec_vocabulary *item_names, *user_names, *attribute_names; /* of the data, or NULL */
  const int64_t *ranks; /* of the test split, a user each; as s3rec_evaluate gives them */
  size_t user_count;
  bool include_history; /* recommend what is in the history, too */
} cli_example_source;

/* Five users from the best to the worst served, spread evenly over the ranks, without
 * those whose answer is left out of the ranking, as an array of objects for the log:
 * docs/file-format.md. */
int cli_example_users(const cli_example_source *source, json_t **examples);

#endif
