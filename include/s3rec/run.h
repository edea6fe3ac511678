/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * A whole stage of training: epochs, choice of the best one, refit. */
#ifndef S3REC_RUN_H
#define S3REC_RUN_H

#include "s3rec/recipe.h"
#include "s3rec/scorer.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One stage of training from beginning to end, a step a call, so that the host decides when
 * to stop and what to show. It draws the batches, trains a copy of the model, measures it on
 * the valid split after each epoch of fine-tuning, remembers the best weights, stops when it
 * waited long enough, trains anew on more data if the recipe has it (refit), and at the end
 * leaves the weights to be kept in the model. All calls: one thread at a time. */
typedef struct s3rec_run s3rec_run;

/** What a run decides by. NULL pointers: as the recipe has it. */
typedef struct s3rec_run_options {
  size_t struct_size;   /**< set by s3rec_run_options_init */
  s3rec_recipe recipe;  /**< default BEST */
  s3rec_stage stage;    /**< as given to the init function */
  uint64_t seed;        /**< of draws and dropout; default 42 */
  int32_t epochs;       /**< at most so many; 0 (default): the recipe's */
  int32_t patience;     /**< fine-tuning; 0 (default): the recipe's */
  int32_t held_out_count; /**< fine-tuning, refit: 2 none, 1 on the valid items too, 0 on all;
                           * -1 (default): the recipe's. With no refit the best epoch's weights
                           * are kept */
  s3rec_protocol protocol; /**< what the best epoch is chosen by: FULL (default) NDCG@20,
                            * SAMPLED (the dataset's negatives) MRR */
  const s3rec_sampler_options *sampler; /**< instead of the recipe's; stage, max_seq_length
                                         * (the model's), seed and held_out_count in it are set
                                         * by the run */
  const s3rec_trainer_options *trainer; /**< instead of the recipe's; seed in it is set by the
                                         * run, and so are warmup_steps and decay_steps unless
                                         * own_schedule is 1 */
  double hidden_dropout_prob; /**< 0..0.99; below 0 (default): the recipe's */
  double attention_probs_dropout_prob; /**< likewise */
  int32_t own_schedule; /**< 0 (default): the learning rate takes the recipe's course over this
                         * run's epochs, whatever its height; 1: `trainer`'s own, in steps */
} s3rec_run_options;

/** Defaults for a stage. Since 0.2. */
S3REC_API void s3rec_run_options_init(s3rec_run_options *options, s3rec_stage stage);

/** Begins a run over `model`, whose weights stay as they are until the run is done; the
 * model keeps its own dropouts. The model may be scored meanwhile. `options` may not be
 * NULL and is copied. On success *run belongs to the caller and keeps model and dataset alive.
 * Statuses: ARGUMENT (also data that nothing can be trained on or measured by), MEMORY;
 * MISMATCH (the dataset has items that the model does not have, or, where both have names,
 * others; pretraining: another item_size, or likewise attributes). Any thread. Since 0.2. */
S3REC_API s3rec_status s3rec_run_create(s3rec_model *model, s3rec_dataset *dataset,
                                        const s3rec_run_options *options, s3rec_run **run);
/** NULL is fine; before the end the model is as it was before. Since 0.2. */
S3REC_API void s3rec_run_destroy(s3rec_run *run);

/** What a call of s3rec_run_step did. */
typedef enum s3rec_run_event {
  S3REC_RUN_STEP = 1,  /**< one step within an epoch */
  S3REC_RUN_EPOCH = 2, /**< the last step of an epoch; in fine-tuning measured, too */
  S3REC_RUN_DONE = 3   /**< nothing: the run is over and the model has its weights */
} s3rec_run_event;

/** Where a run is. */
typedef struct s3rec_run_progress {
  size_t struct_size;    /**< set by s3rec_run_progress_init */
  s3rec_run_event event; /**< what the call did */
  int32_t refit;         /**< 1: in the refit */
  int32_t epoch;         /**< of this step, from 1; the refit counts from 1 again */
  int32_t epochs;        /**< at most so many, in the refit exactly */
  size_t step;           /**< within the epoch, from 1 */
  size_t steps;          /**< of an epoch */
  double loss;           /**< mean of the epoch so far: a sequence (pretraining) or a target */
  double aap;            /**< pretraining: mean a sequence, unweighted */
  double mip;            /**< likewise */
  double map;            /**< likewise */
  double sp;             /**< likewise */
  size_t sequence_count; /**< of the epoch so far */
  size_t target_count;   /**< likewise */
  double valid_value;    /**< fine-tuning, EPOCH: what the best epoch is chosen by */
  double best_value;     /**< the best so far; 0 before the first */
  int32_t best_epoch;    /**< 0 before the first */
} s3rec_run_progress;

/** Sets struct_size and zeros. Since 0.2. */
S3REC_API void s3rec_run_progress_init(s3rec_run_progress *progress);

/** Goes one step on. The call after the last step gives the model the weights of the run and
 * says DONE, as does every further one, with the numbers of the last epoch. `progress` may be
 * NULL. After a failure the run is where it was and the call may be repeated.
 * Statuses: as of s3rec_pretrain_step, s3rec_finetune_step, s3rec_evaluate; STATE (at the end
 * `model` has a trainer or scorers, which forbid writing it: destroy those and call again; or,
 * when the refit begins, its weights are no longer those that the run began with). Since 0.2. */
S3REC_API s3rec_status s3rec_run_step(s3rec_run *run, s3rec_run_progress *progress);

/** Metrics of the valid split after the last epoch that was measured. Statuses: ARGUMENT;
 * NOT_FOUND (none yet). Since 0.2. */
S3REC_API s3rec_status s3rec_run_valid_metrics(const s3rec_run *run, s3rec_metrics *metrics);

/** Saves all that the run needs to go on bit by bit as if it had not stopped, the best weights
 * so far included; between any two steps. Statuses: as of s3rec_trainer_save. Since 0.2. */
S3REC_API s3rec_status s3rec_run_save(const s3rec_run *run, const char *path);
/** Puts a saved run into a new one over a model with the same configuration and weights, the
 * same data and the same options. On failure nothing has changed. Statuses: as of
 * s3rec_trainer_load; STATE (the run has done a step). Since 0.2. */
S3REC_API s3rec_status s3rec_run_load(s3rec_run *run, const char *path);

#ifdef __cplusplus
}
#endif
#endif
