/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the context, the data and the model of a command. On failure each function prints why. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include <jansson.h>

#include "cli.h"

typedef enum cli_data_parts {
  CLI_SEQUENCES = 0,
  CLI_ATTRIBUTES = 1, /* if the file exists, else a remark; events bring their own */
  CLI_NEGATIVES = 2   /* the file must exist */
} cli_data_parts;

int cli_open_context(const cli_options *options, s3rec_context **context);
/* `parts` is a sum of cli_data_parts. Items of events are numbered as in `model`, unless it is
 * NULL. `description` (may be NULL) gets the contents of the event files; NULL with --data. */
int cli_open_dataset(const cli_options *options, s3rec_context *context, int parts,
                     const s3rec_model *model, json_t **description, s3rec_dataset **dataset);
typedef enum cli_model_use {
  CLI_READ_MODEL, /* its file is mapped */
  CLI_TRAIN_MODEL /* loaded; dropouts on the command line may differ from the file's */
} cli_model_use;

/* Opens a model or a training state. Network options on the command line must agree with it. */
int cli_open_model(const cli_options *options, s3rec_context *context, const char *path,
                   cli_model_use use, s3rec_model **model);
/* Refuses data with items or attributes that the model does not have. */
int cli_check_fit(const s3rec_model *model, const s3rec_dataset *dataset, const char *path,
                  bool with_attributes);

#endif
