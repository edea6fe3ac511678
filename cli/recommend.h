/* SPDX-License-Identifier: Apache-2.0 */
/* Recommendations for one user, ready to print. */
#ifndef CLI_RECOMMEND_H
#define CLI_RECOMMEND_H

#include "items.h"

/* Ids of items. The owner frees `ids`. */
typedef struct cli_ids {
  int32_t *ids;
  size_t count;
} cli_ids;

typedef struct cli_recommendation {
  const cli_options *options;
  s3rec_context *context;
  s3rec_dataset *dataset; /* NULL without --data */
  s3rec_model *model;
  s3rec_vocabulary *item_names;      /* of the model; NULL: items are numbers */
  s3rec_vocabulary *attribute_names; /* of the data; NULL: attributes are numbers */
  cli_titles titles;
  cli_ids history, exclude, candidates;
  int64_t *popularity; /* NULL without data */
  int32_t item_size;   /* of the data */
  int64_t user;        /* from 0; -1: the history is on the command line */
  int32_t *ids;        /* [k] */
  float *scores;
  size_t count;
} cli_recommendation;

/* recommend_output.c */
int cli_print_recommendation(const cli_recommendation *recommendation);

#endif
