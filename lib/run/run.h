/* SPDX-License-Identifier: Apache-2.0 */
/* One stage of training as a sequence of steps:
 *
 *   selection   epochs on what is not held out; in fine-tuning each is measured on the
 *               valid split, until patience or time is used up
 *   refit       fine-tuning, if the options have it: from the first weights again, as many
 *               epochs as were best, on held-out items too
 *
 * Three sets of weights besides the caller's, which are only read: those in training, a copy
 * to measure them (a model with a trainer cannot be scored), and the best so far. */
#ifndef S3_RUN_RUN_H
#define S3_RUN_RUN_H

#include "s3rec/run.h"
#include "training/recipe.h"
#include "training/trainer.h"

/* What a run goes by. */
typedef struct s3_run_settings {
  s3rec_run_options options; /* resolved: nothing left to the recipe, no pointers */
  s3rec_sampler_options sampler;
  s3rec_trainer_options trainer;
} s3_run_settings;

/* Sums over an epoch. */
typedef struct s3_run_sums {
  double total, aap, mip, map, sp, next_item;
  uint64_t sequences, targets, tokens;
} s3_run_sums;

/* Where a run is: what a save has to keep besides trainer and sampler. */
typedef struct s3_run_position {
  bool refit;
  bool ended; /* the epoch: its last step is done and, in fine-tuning, measured */
  int32_t epoch; /* from 1 */
  size_t step;   /* done in it */
  s3_run_sums sums;
  int32_t best_epoch, waited; /* 0: none yet; epochs since then */
  int32_t selection_epochs;   /* done, once the refit has begun */
  double best_value, value;   /* value: of the epoch measured last */
  double seconds;             /* of the selection; 0 without a budget */
  s3rec_metrics valid;        /* of the epoch measured last */
} s3_run_position;

struct s3rec_run {
  s3rec_context *context;
  s3rec_model *model; /* the one begun with, or all of it but the weights */
  s3rec_dataset *dataset;
  s3_run_settings settings;
  uint64_t first_weights; /* hash of the model's */
  s3rec_model *trained;   /* of the run's dropouts */
  s3rec_model *measured;  /* NULL in pretraining */
  float *best;            /* a block of weights; likewise */
  s3rec_sampler *sampler;
  s3rec_trainer *trainer; /* of `trained`; has the note */
  s3rec_batch *batch;
  s3_run_position at;
  bool done; /* a step said so */
};

/* settings.c */

/* Checks the caller's options, `sampler` and `trainer` being what its pointers point to, or
 * defaults, and fills in what the recipe has to say. */
s3rec_status s3_run_resolve(const s3rec_run_options *options, const s3rec_sampler_options *sampler,
                            const s3rec_trainer_options *trainer, s3_run_settings *settings);
/* Whether options out of a file are within their ranges, and nothing is left to a recipe. */
s3rec_status s3_run_settings_check(const s3_run_settings *settings);
/* The sampler's and the trainer's options of a phase, the trainer's for epochs of `steps`. */
s3rec_sampler_options s3_run_sampling(const s3_run_settings *settings, bool refit);
s3rec_trainer_options s3_run_training(const s3_run_settings *settings, size_t steps);
/* Whether a model can be trained on a dataset and measured by it. */
s3rec_status s3_run_check_data(const s3rec_model *model, const s3rec_dataset *dataset,
                               const s3rec_run_options *options);

static inline bool s3_run_finetunes(const s3_run_settings *settings) {
  return settings->options.stage == S3REC_STAGE_FINETUNE;
}
static inline bool s3_run_refits(const s3_run_settings *settings) {
  return s3_run_finetunes(settings) && settings->options.held_out_count < 2;
}

/* run.c */
s3rec_status s3_run_create(s3rec_model *model, s3rec_dataset *dataset,
                           const s3_run_settings *settings, s3rec_run **run);
void s3_run_destroy(s3rec_run *run);
s3rec_status s3_run_step(s3rec_run *run, s3rec_run_progress *progress);
s3rec_status s3_run_finish(const s3rec_run *run, s3rec_model **model);
s3rec_status s3_run_ahead(const s3rec_run *run, s3rec_run_estimate *estimate);
/* `note` may be NULL. */
s3rec_status s3_run_set_note(s3rec_run *run, const char *note);
/* Of a run at this place, whose epochs have so many steps. */
s3rec_run_progress s3_run_describe(const s3_run_settings *settings, const s3_run_position *at,
                                   size_t steps, s3rec_run_event event);

/* run_state.c */
s3rec_status s3_run_save(const s3rec_run *run, const char *path);
s3rec_status s3_run_load(s3rec_run *run, const char *path);
/* `model` may be NULL, epochs 0. */
s3rec_status s3_run_resume(s3rec_model *model, s3rec_dataset *dataset, const char *path,
                           int32_t epochs, s3rec_run **run);
s3rec_status s3_run_state_read(s3rec_context *context, const char *path, s3rec_run_state **state);
void s3_run_state_destroy(s3rec_run_state *state);

#endif
