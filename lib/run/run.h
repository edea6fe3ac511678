/* SPDX-License-Identifier: Apache-2.0 */
/* One stage of training as a sequence of steps:
 *
 *   selection   epochs on what is not held out; in fine-tuning each is measured on the
 *               valid split, until patience is used up
 *   refit       fine-tuning, if the recipe has it: from the first weights again, as many
 *               epochs as were best, on held-out items too
 *   end         the weights go to the caller's model
 *
 * Three sets of weights besides the caller's, which stay the ones begun with: those in
 * training, a copy to measure them (a model with a trainer cannot be scored), and, where no
 * refit takes their place, the best so far. */
#ifndef S3_RUN_RUN_H
#define S3_RUN_RUN_H

#include "s3rec/run.h"
#include "training/recipe.h"
#include "training/trainer.h"

/* What a run goes by. */
typedef struct s3_run_settings {
  s3rec_run_options options; /* resolved: nothing left to the recipe, no pointers */
  const s3_recipe_stage *values;
  bool schedule_by_recipe;
  s3rec_sampler_options sampler;
  s3rec_trainer_options trainer;
} s3_run_settings;

/* Checks the caller's options, `sampler` and `trainer` being what its pointers point to, or
 * defaults, and fills in what the recipe has to say. */
s3rec_status s3_run_resolve(const s3rec_run_options *options, const s3rec_sampler_options *sampler,
                            const s3rec_trainer_options *trainer, s3_run_settings *settings);
/* The sampler's and the trainer's options of a phase, the trainer's for epochs of `steps`. */
s3rec_sampler_options s3_run_sampling(const s3_run_settings *settings, bool refit);
s3rec_trainer_options s3_run_training(const s3_run_settings *settings, size_t steps);

/* Sums over an epoch. */
typedef struct s3_run_sums {
  double total, aap, mip, map, sp, next_item;
  uint64_t sequences, targets;
} s3_run_sums;

/* Where a run is: what a save has to keep besides trainer and sampler. */
typedef struct s3_run_position {
  bool refit;
  bool ended; /* the epoch: its last step is done and, in fine-tuning, measured */
  int32_t epoch; /* from 1 */
  size_t step;   /* done in it */
  s3_run_sums sums;
  int32_t best_epoch, waited; /* 0: none yet; epochs since then */
  double best_value, value;   /* value: of the epoch measured last */
  s3rec_metrics valid;        /* likewise */
} s3_run_position;

struct s3rec_run {
  s3rec_context *context;
  s3rec_model *model; /* the caller's */
  s3rec_dataset *dataset;
  s3_run_settings settings;
  uint64_t first_weights; /* hash of the caller's */
  s3rec_model *trained;   /* of the run's dropouts */
  s3rec_model *measured;  /* NULL in pretraining */
  float *best;            /* a block of weights; NULL in pretraining and before a refit */
  s3rec_sampler *sampler;
  s3rec_trainer *trainer; /* of `trained` */
  s3rec_batch *batch;
  s3_run_position at;
  bool done; /* the caller's model has the weights */
};

/* fit.c */
s3rec_status s3_run_check_data(const s3rec_model *model, const s3rec_dataset *dataset,
                               const s3rec_run_options *options);

s3rec_status s3_run_create(s3rec_model *model, s3rec_dataset *dataset,
                           const s3_run_settings *settings, s3rec_run **run);
void s3_run_destroy(s3rec_run *run);
s3rec_status s3_run_step(s3rec_run *run, s3rec_run_progress *progress);

/* run_state.c */
s3rec_status s3_run_save(const s3rec_run *run, const char *path);
s3rec_status s3_run_load(s3rec_run *run, const char *path);

static inline bool s3_run_finetunes(const s3rec_run *run) {
  return run->settings.options.stage == S3REC_STAGE_FINETUNE;
}

static inline bool s3_run_refits(const s3_run_settings *settings) {
  return settings->options.stage == S3REC_STAGE_FINETUNE && settings->options.held_out_count < 2;
}

#endif
