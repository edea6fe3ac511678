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
 * the valid split after each epoch of fine-tuning, keeps the best weights, stops when it
 * has waited long enough, and trains anew on more data if the recipe says so (refit). The
 * model that it began with is only read. All calls on a run: one thread at a time. */
typedef struct s3rec_run s3rec_run;

/** The course of the learning rate after its warm-up. Since 0.3. */
typedef enum s3rec_schedule {
  S3REC_SCHEDULE_CONSTANT = 1, /**< stays where it is */
  S3REC_SCHEDULE_COSINE = 2    /**< falls along half a cosine to 0 at the end of `epochs` */
} s3rec_schedule;

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
  s3rec_protocol protocol; /**< how the valid split is ranked: FULL (default), or SAMPLED among
                            * the dataset's negatives */
  const s3rec_sampler_options *sampler; /**< instead of the recipe's; stage, max_seq_length
                                         * (the model's), seed and held_out_count in it are set
                                         * by the run */
  const s3rec_trainer_options *trainer; /**< instead of the recipe's; seed in it is set by the
                                         * run, and so are warmup_steps and decay_steps unless
                                         * own_schedule is 1 */
  double hidden_dropout_prob; /**< 0..0.99; below 0 (default): the recipe's */
  double attention_probs_dropout_prob; /**< likewise */
  int32_t own_schedule; /**< 0 (default): the learning rate takes the course of `warmup_epochs` and
                         * `schedule`, whatever its height; 1: that of `trainer`, in steps */
  s3rec_metric metric;  /**< fine-tuning: what the best epoch is chosen by; 0 (default): NDCG_20
                         * with the protocol FULL, MRR with SAMPLED. Since 0.3 */
  s3rec_seen_policy seen; /**< fine-tuning: items of the history in the valid ranking; default
                           * EXCLUDE. Since 0.3 */
  s3rec_schedule schedule; /**< 0 (default): the recipe's. Since 0.3 */
  double warmup_epochs; /**< epochs in which the learning rate rises, fractions allowed; below
                         * `epochs` with COSINE. Below 0 (default): the recipe's, at most half of
                         * `epochs`. Since 0.3 */
  double time_budget;   /**< seconds of work in s3rec_run_step; 0 (default): no limit. Once another
                         * epoch and the refit, as long as it may then be, would not fit, the
                         * selection ends. The first epoch is always done. The one option that
                         * makes results depend on the speed of the machine. Since 0.3 */
} s3rec_run_options;

/** Defaults for a stage. Since 0.2. */
S3REC_API void s3rec_run_options_init(s3rec_run_options *options, s3rec_stage stage);

/** Begins a run at the weights of `model`. They are only read, so the model may serve scorers
 * meanwhile. They must not change before the refit has begun, since it starts from them again.
 * `options` must not be NULL and is copied. On success *run belongs to the caller. It keeps the
 * dataset alive, and the model as long as it needs it.
 * Statuses: ARGUMENT (also data that nothing can be trained on or measured by), MEMORY;
 * MISMATCH (the dataset has items that the model does not have, or, where both have names,
 * other names; pretraining: another item_size, or likewise attributes). Any thread. Since 0.2. */
S3REC_API s3rec_status s3rec_run_create(s3rec_model *model, s3rec_dataset *dataset,
                                        const s3rec_run_options *options, s3rec_run **run);
/** NULL is fine. Since 0.2. */
S3REC_API void s3rec_run_destroy(s3rec_run *run);

/** What a call of s3rec_run_step did. */
typedef enum s3rec_run_event {
  S3REC_RUN_STEP = 1,  /**< one step within an epoch */
  S3REC_RUN_EPOCH = 2, /**< the last step of an epoch; a selection's epoch is also measured */
  S3REC_RUN_DONE = 3   /**< no step: the run is over */
} s3rec_run_event;

/** Where a run is. */
typedef struct s3rec_run_progress {
  size_t struct_size;    /**< set by s3rec_run_progress_init */
  s3rec_run_event event; /**< what the call did */
  int32_t refit;         /**< 1: the run is in its refit */
  int32_t epoch;         /**< the epoch under way, from 1; the refit counts from 1 again */
  int32_t epochs;        /**< largest number of epochs; of the refit the exact one */
  size_t step;           /**< steps done in this epoch; 0 before the first */
  size_t steps;          /**< steps of an epoch */
  double loss;           /**< mean of this epoch so far: pretraining for each sequence,
                          * fine-tuning for each target */
  double aap;            /**< pretraining: mean for each sequence, unweighted */
  double mip;            /**< see aap */
  double map;            /**< see aap */
  double sp;             /**< see aap */
  size_t sequence_count; /**< sequences of this epoch so far */
  size_t target_count;   /**< targets of this epoch so far */
  double valid_value;    /**< fine-tuning, with EPOCH: the measure that chooses the best epoch */
  double best_value;     /**< its largest value so far; 0 before the first */
  int32_t best_epoch;    /**< the epoch with that value; 0 before the first */
  int32_t last;          /**< 1: the selection, or the refit, ends with this epoch. Since 0.3 */
  size_t token_count;    /**< real tokens encoded in this epoch so far. Since 0.3 */
  int32_t selection_epochs; /**< epochs done in the selection. Since 0.3 */
} s3rec_run_progress;

/** Sets struct_size and zeros. Since 0.2. */
S3REC_API void s3rec_run_progress_init(s3rec_run_progress *progress);

/** Does one step. The call after the last step, and every later one, does nothing and says DONE,
 * with the numbers of the last epoch. `progress` may be NULL. After a failure the run is where it
 * was, and the call may be repeated.
 * Statuses: as of s3rec_pretrain_step, s3rec_finetune_step, s3rec_evaluate; STATE (the refit
 * begins, and the weights of the model are no longer those that the run began with).
 * Since 0.2. */
S3REC_API s3rec_status s3rec_run_step(s3rec_run *run, s3rec_run_progress *progress);

/** Where a run is without doing a step, for instance after it was loaded: `event` is what its last
 * step did; before the first one STEP, with step 0. Status: ARGUMENT. Since 0.3. */
S3REC_API s3rec_status s3rec_run_progress_get(const s3rec_run *run, s3rec_run_progress *progress);

/** Hands out the result as a new model, which belongs to the caller: after DONE the final
 * weights; before, the best ones so far (fine-tuning: of the best epoch; pretraining: as they
 * are). It has the configuration, dropouts included, and the names of the model that the run
 * began with. The run stays as it is and may go on.
 * Statuses: ARGUMENT, MEMORY; STATE (fine-tuning: no epoch has been measured yet). Since 0.3. */
S3REC_API s3rec_status s3rec_run_finish(const s3rec_run *run, s3rec_model **model);

/** Metrics of the valid split after the last epoch that was measured. Statuses: ARGUMENT;
 * NOT_FOUND (none yet). Since 0.2. */
S3REC_API s3rec_status s3rec_run_valid_metrics(const s3rec_run *run, s3rec_metrics *metrics);

/** What is ahead of a run, at most: patience may end it earlier. Since 0.3. */
typedef struct s3rec_run_estimate {
  size_t struct_size;      /**< set by s3rec_run_estimate_init */
  uint64_t step_count;     /**< steps, the refit's included */
  uint64_t sequence_count; /**< sequences in them */
} s3rec_run_estimate;

/** Sets struct_size and zeros. Since 0.3. */
S3REC_API void s3rec_run_estimate_init(s3rec_run_estimate *estimate);
/** Statuses: ARGUMENT, MEMORY. Since 0.3. */
S3REC_API s3rec_status s3rec_run_ahead(const s3rec_run *run, s3rec_run_estimate *estimate);

/** Keeps a text of the application's own with the run; s3rec_run_save writes it into the state.
 * `note` is UTF-8 and copied; NULL: none. Statuses: ARGUMENT, MEMORY. Since 0.3. */
S3REC_API s3rec_status s3rec_run_set_note(s3rec_run *run, const char *note);
/** The text set last, or that of the state that was loaded; "" without one. Valid until the next
 * call that changes it. Since 0.3. */
S3REC_API const char *s3rec_run_note(const s3rec_run *run);

/** Saves all that the run needs to go on bit by bit as if it had not stopped, the best weights
 * so far included; between any two steps. The tool, every binding and C read each other's
 * files. Statuses: as of s3rec_trainer_save. Since 0.2. */
S3REC_API s3rec_status s3rec_run_save(const s3rec_run *run, const char *path);
/** Puts a saved run into a new one over a model with the same configuration and weights, the
 * same data and the same options. On failure nothing has changed. Statuses: as of
 * s3rec_trainer_load; STATE (the run has done a step). Since 0.2. */
S3REC_API s3rec_status s3rec_run_load(s3rec_run *run, const char *path);

/** Makes a run out of a saved one, with the options that are in the file. `model` has the
 * configuration and the weights that the run began with; where no refit is ahead it may be NULL,
 * and the run's own model, of the run's dropouts, then stands for it. `epochs`: 0 as saved;
 * else instead of that, and not less than are done. Another number is refused when the learning
 * rate falls to 0 at the saved one (COSINE), and in the refit.
 * Statuses: as of s3rec_run_create and s3rec_run_load. Any thread. Since 0.3. */
S3REC_API s3rec_status s3rec_run_resume(s3rec_model *model, s3rec_dataset *dataset,
                                        const char *path, int32_t epochs, s3rec_run **run);

/** What a saved run says about itself. All of it is read-only. Since 0.3. */
typedef struct s3rec_run_state {
  size_t struct_size; /**< of what the library filled in */
  const s3rec_run_options *options; /**< of the run: nothing is left to the recipe, and `sampler`
                                     * and `trainer` point to structs */
  const s3rec_run_progress *progress; /**< of the last step before it was saved */
  const char *note;                   /**< s3rec_run_note; never NULL */
  uint64_t model_fingerprint; /**< s3rec_model_fingerprint of the model that the run began with */
} s3rec_run_state;

/** Reads what a saved run says about itself; its weights stay in the file. On success *state
 * belongs to the caller. Statuses: ARGUMENT, MEMORY, IO; FORMAT (no state of a run, or one of a
 * release before 0.3). Any thread. Since 0.3. */
S3REC_API s3rec_status s3rec_run_state_read(s3rec_context *context, const char *path,
                                            s3rec_run_state **state);
/** NULL is fine. Since 0.3. */
S3REC_API void s3rec_run_state_destroy(s3rec_run_state *state);

#ifdef __cplusplus
}
#endif
#endif
