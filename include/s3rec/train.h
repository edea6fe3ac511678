/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * The front door, training: an event log in, a model out. */
#ifndef S3REC_TRAIN_H
#define S3REC_TRAIN_H

#include "s3rec/run.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Called on the thread of s3rec_train after each step; `progress` is the run's. Returns 0 to
 * go on. Any other number ends training with the best weights so far: those of the best epoch, or
 * of pretraining before the first epoch of fine-tuning. Since 0.3. */
typedef int32_t (*s3rec_train_function)(const s3rec_run_progress *progress, void *user_data);

/** What s3rec_train learns from, and how. Give one source: `dataset`, `events_path` or
 * `sequences_path`. Since 0.3. */
typedef struct s3rec_train_options {
  size_t struct_size;           /**< set by s3rec_train_options_init */
  s3rec_context *context;       /**< threads, allocator, log; NULL (default): that of
                                 * `dataset`, else one with the defaults */
  s3rec_dataset *dataset;       /**< made beforehand; NULL (default) */
  const char *events_path;      /**< CSV, TSV or JSON lines of events, also gzip; columns are
                                 * found by their usual names (docs/events.md) */
  const char *item_table_path;  /**< attributes of items, beside events_path; NULL: none */
  const char *sequences_path;   /**< the reference's files, as in s3rec_dataset_load */
  const char *attributes_path;  /**< beside sequences_path; NULL: none */
  const char *start_path;       /**< a model file to start from, which replaces pretraining and
                                 * says how events are numbered; NULL (default): fresh weights */
  s3rec_recipe recipe;          /**< default BEST */
  uint64_t seed;                /**< of weights, draws and dropout; default 42 */
  int32_t pretrain_epochs;      /**< -1 (default): the recipe's where items have attributes, else
                                 * none; 0: none */
  int32_t finetune_epochs;      /**< at most, 1 or more; -1 (default): the recipe's */
  double time_budget;           /**< seconds for both stages, of which pretraining takes at most
                                 * half; 0 (default): as long as it takes. One epoch of each is
                                 * always done. With a budget the result depends on the speed of
                                 * the machine */
  s3rec_train_function progress; /**< NULL (default): none */
  void *user_data;              /**< for `progress` */
} s3rec_train_options;

/** Defaults. Since 0.3. */
S3REC_API void s3rec_train_options_init(s3rec_train_options *options);

/** Both stages in one call: reads the data, makes a model of the default network, pretrains,
 * fine-tunes, chooses the best epoch on the valid split, trains on the valid items too (with the
 * recipe BEST), and measures on the test split. It makes the calls of the workshop, with their
 * defaults, so the same is done by hand with the same bits. The model has the names of its items,
 * if the data have any, and their popularity: how often each one is in what was trained on.
 * `metrics` may be NULL.
 * On success *model belongs to the caller: s3rec_model_save, s3rec_recommender_create.
 * Statuses: those of s3rec_events_read, s3rec_dataset_load, s3rec_model_load and s3rec_run_step;
 * ARGUMENT (also no source or several, or data that nothing can be trained on or measured by);
 * MISMATCH (the data do not fit the model of start_path). Any thread. Since 0.3. */
S3REC_API s3rec_status s3rec_train(const s3rec_train_options *options, s3rec_model **model,
                                   s3rec_metrics *metrics);

#ifdef __cplusplus
}
#endif
#endif
