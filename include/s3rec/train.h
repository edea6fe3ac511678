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
 * go on. Any other number ends training with the best weights so far. */
typedef int32_t (*s3rec_train_function)(const s3rec_run_progress *progress, void *user_data);

/** What s3rec_train learns from, and how. Give one source: `dataset`, `events_path` or
 * `sequences_path`. */
typedef struct s3rec_train_options {
  size_t struct_size;           /**< set by s3rec_train_options_init */
  s3rec_context *context;       /**< threads, allocator, log; NULL (default): one with the
                                 * defaults */
  s3rec_dataset *dataset;       /**< made beforehand; NULL (default) */
  const char *events_path;      /**< CSV, TSV or JSON lines of events, also gzip; columns are
                                 * found by their usual names (docs/events.md) */
  const char *item_table_path;  /**< attributes of items, beside events_path; NULL: none */
  const char *sequences_path;   /**< the reference's files, as in s3rec_dataset_load */
  const char *attributes_path;  /**< beside sequences_path; NULL: none */
  const char *start_path;       /**< a model file to start from, which replaces pretraining;
                                 * NULL (default): fresh weights */
  s3rec_recipe recipe;          /**< default BEST */
  uint64_t seed;                /**< of weights, draws and dropout; default 42 */
  int32_t pretrain_epochs;      /**< -1 (default): the recipe's where items have attributes, else
                                 * none; 0: none */
  int32_t finetune_epochs;      /**< at most; -1 (default): the recipe's */
  double time_budget;           /**< seconds for both stages; 0 (default): as long as it takes.
                                 * With a budget the result depends on the machine's speed */
  s3rec_train_function progress; /**< NULL (default): none */
  void *user_data;              /**< for `progress` */
} s3rec_train_options;

/** Defaults. Since 0.3. */
S3REC_API void s3rec_train_options_init(s3rec_train_options *options);

/** Both stages in one call: reads the data, makes a model, pretrains, fine-tunes, chooses the
 * best epoch on the valid split, trains on the valid items too, and measures on the test split.
 * The model knows its items' names and their popularity. `metrics` may be NULL.
 * On success *model belongs to the caller: s3rec_model_save, s3rec_recommender_create.
 * Statuses: as the calls of the workshop that it makes; FORMAT names file and line.
 * Any thread. Since 0.3. */
S3REC_API s3rec_status s3rec_train(const s3rec_train_options *options, s3rec_model **model,
                                   s3rec_metrics *metrics);

#ifdef __cplusplus
}
#endif
#endif
