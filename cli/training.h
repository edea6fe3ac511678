/* SPDX-License-Identifier: Apache-2.0 */
/* What pretrain and finetune share: opening, steps, states, reports. */
#ifndef CLI_TRAINING_H
#define CLI_TRAINING_H

#include <jansson.h>
#include <stdio.h>

#include "cli.h"
#include "progress.h"
#include "weights_hash.h"

/* Sums over the steps of one epoch. */
typedef struct cli_sums {
  double total, aap, mip, map, sp; /* pretraining: sums over sequences */
  double next_item;                /* fine-tuning: sum over targets */
  uint64_t sequences, tokens, targets;
} cli_sums;

/* The best epoch of fine-tuning so far; its weights are the file of --out. */
typedef struct cli_best {
  double value;
  int32_t epoch;  /* from 1; 0: none yet */
  int32_t waited; /* epochs since */
  char weights[CLI_HASH_SIZE];
} cli_best;

typedef struct cli_training {
  cli_options *options;
  s3rec_context *context;
  s3rec_dataset *dataset;
  json_t *events; /* what the event files held; NULL beside --data */
  json_t *note;   /* of the state resumed from: texts of options are borrowed from it */
  s3rec_model *model;
  s3rec_trainer *trainer;
  s3rec_sampler *sampler;
  s3rec_batch *batch;
  char *state_path;
  char *log_path; /* NULL: no log */
  FILE *log;
  size_t steps;   /* an epoch of the phase */
  uint64_t epoch; /* the running one, from 0 */
  size_t step;    /* the next one of it */
  cli_sums sums;  /* of the running epoch */
  cli_best best;
  char start_weights[CLI_HASH_SIZE]; /* of the model training began with */
  char *start_path;                  /* its file, out of a state; NULL: none */
  int32_t refit_epochs;              /* above 0: this is the refit, of so many epochs */
  uint64_t selection_epochs;         /* done before it */
  cli_progress progress;
  double epoch_begun;       /* in this run */
  uint64_t epoch_sequences; /* of the running epoch, in this run */
} cli_training;

/* Opens everything, resumed where --resume says so. On failure prints a message
 * and leaves a training that only needs cli_training_close. */
int cli_training_open(cli_training *training, cli_options *options);
void cli_training_close(cli_training *training);

/* Makes model, sampler and trainer of the phase that begins, instead of earlier ones. */
int cli_training_begin(cli_training *training);

/* Epochs of the selection or the refit, whichever is under way. */
int32_t cli_training_epochs(const cli_training *training);
/* Epochs of the selection that are done. */
uint64_t cli_training_selected(const cli_training *training);
/* "epoch" with what tells the phase. */
const char *cli_training_phase(const cli_training *training);

/* Does the rest of the running epoch. Interrupted before its last step it saves
 * the state, says how to go on and returns CLI_INTERRUPTED. */
int cli_training_run_epoch(cli_training *training);

/* Moves to the next epoch; saves the state where it is due, after the `last` and
 * when `must_save`. Interrupted returns CLI_INTERRUPTED as above unless this was
 * the last. */
int cli_training_next_epoch(cli_training *training, bool must_save, bool last);

/* training_note.c: the tool's part of a state, as text to be freed. */
char *cli_note_make(const cli_training *training);
/* The options that results depend on, as an object of texts. */
json_t *cli_note_options(const cli_options *options);
/* Takes options, sums and best epoch from a note; refuses contradictions. */
int cli_note_read(cli_training *training, const char *note);

/* training_report.c: short text of the running means. */
void cli_losses_text(const cli_training *training, char *text, size_t capacity);
/* Reports the epoch that is done: a line, --json, --log. `valid` may be NULL. */
int cli_report_epoch(cli_training *training, const s3rec_metrics *valid);
/* Prints the command that goes on from the state. */
void cli_print_resume(const cli_training *training);

#endif
