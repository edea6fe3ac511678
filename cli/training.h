/* SPDX-License-Identifier: Apache-2.0 */
/* s3rec pretrain and s3rec finetune: a run of the library (s3rec/run.h) with files, a progress
 * bar and a log around it. */
#ifndef CLI_TRAINING_H
#define CLI_TRAINING_H

#include <jansson.h>
#include <stdio.h>

#include "cli.h"
#include "progress.h"

typedef struct cli_training {
  cli_options *options;
  s3rec_context *context;
  s3rec_dataset *dataset;
  json_t *events;         /* what the event files held; NULL beside --data */
  s3rec_run_state *state; /* resumed from, else NULL */
  json_t *note;           /* the tool's part of it: texts of options are borrowed from it */
  s3rec_model *model;     /* that the run begins with; NULL when resumed with no refit ahead */
  s3rec_run *run;         /* NULL when there is nothing to train */
  s3rec_run_progress at;
  char *state_path;
  char *log_path; /* NULL: no log */
  FILE *log;
  cli_progress progress;
  double epoch_begun;      /* in this process */
  size_t sequences_before; /* of the running epoch, in an earlier process */
} cli_training;

/* training.c */

/* Opens everything, resumed where --resume says so. On failure prints a message
 * and leaves a training that only needs cli_training_close. */
int cli_training_open(cli_training *training, cli_options *options);
void cli_training_close(cli_training *training);
/* Whether the refit follows the selection and has not begun. */
bool cli_refit_is_ahead(const cli_training *training);
/* Epochs of the phase under way that are done. */
int32_t cli_epochs_done(const cli_training *training);

/* training_resume.c */

/* Reads the state, and takes options from it; refuses contradictions. */
int cli_resume_options(cli_training *training);
/* Whether the weights are those that the resumed run began with. */
int cli_resume_check_model(const cli_training *training);
/* Says why the file of --model cannot be what the run began with. */
int cli_resume_refuse_model(const cli_training *training, const char *reason);
/* The tool's part of the states that are written. */
int cli_set_note(const cli_training *training);
/* The options that results depend on, as an object of texts. */
json_t *cli_recorded_options(const cli_options *options);
/* Prints the command that goes on from the state. */
void cli_print_resume(const cli_training *training);

/* training_report.c */

/* "epoch" with what tells the phase. */
const char *cli_training_phase(const cli_training *training);
/* Short text of the running means. */
void cli_losses_text(const cli_training *training, char *text, size_t capacity);
/* Reports the epoch that is done: a line, --json, --log. */
int cli_report_epoch(const cli_training *training);

#endif
