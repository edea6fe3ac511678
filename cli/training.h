/* SPDX-License-Identifier: Apache-2.0 */
/* s3rec pretrain and s3rec finetune: a run of the library (s3rec/run.h) with files, a progress bar
 * and a log. */
#ifndef CLI_TRAINING_H
#define CLI_TRAINING_H

#include <jansson.h>
#include <stdio.h>

#include "cli.h"
#include "progress.h"
#include "run_lock.h"

typedef struct cli_training {
  cli_options *options;
  s3rec_context *context;
  s3rec_dataset *dataset;
  json_t *events;         /* what the event files held; NULL with --data */
  s3rec_run_state *state; /* of --resume; NULL without */
  json_t *note;           /* the tool's part of the state; options borrow texts from it */
  s3rec_model *model;     /* the first model of the run; NULL if resumed and no refit follows */
  s3rec_run *run;         /* NULL if there is nothing to train */
  s3rec_run_progress at;
  char *state_path;
  char *log_path; /* NULL: no log */
  cli_run_locks locks; /* of the files that are written */
  FILE *log;
  cli_progress progress;
  double epoch_begun;      /* in this process */
  size_t sequences_before; /* of the running epoch, in an earlier process */
} cli_training;

/* training.c */

/* Opens everything; with --resume, continues the run of the state. On failure prints a message. In
 * both cases cli_training_close is needed. */
int cli_training_open(cli_training *training, cli_options *options);
void cli_training_close(cli_training *training);
/* Whether there will be a refit that has not begun. */
bool cli_refit_is_ahead(const cli_training *training);
/* Number of finished epochs of the current phase (selection or refit). */
int32_t cli_epochs_done(const cli_training *training);

/* training_resume.c */

/* Reads the state and takes options from it. Refuses options that contradict the state. */
int cli_resume_options(cli_training *training);
/* Checks that the model has the weights that the resumed run began with. */
int cli_resume_check_model(const cli_training *training);
/* Prints why the file of --model cannot be the one that the run began with; returns CLI_USAGE. */
int cli_resume_refuse_model(const cli_training *training, const char *reason);
/* Sets the tool's part of the states that the run will save. */
int cli_set_note(const cli_training *training);
/* The options on which results depend, as an object of texts. */
json_t *cli_recorded_options(const cli_options *options);
/* Prints the command that continues from the state. */
void cli_print_resume(const cli_training *training);

/* training_report.c */

/* "epoch" or "refit, epoch". */
const char *cli_training_phase(const cli_training *training);
/* Short text of the mean losses so far. */
void cli_losses_text(const cli_training *training, char *text, size_t capacity);
/* Reports the finished epoch: a line on stderr, and objects for --json and --log. */
int cli_report_epoch(const cli_training *training);

#endif
