/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Training batches and the samplers that draw them. */
#ifndef S3REC_BATCH_H
#define S3REC_BATCH_H

#include "s3rec/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Input of one training step. Only real tokens are kept, no padding. A batch can be filled again,
 * so a loop needs only one. It serves one thread at a time. */
typedef struct s3rec_batch s3rec_batch;

/** Draws batches from a dataset (PretrainDataset and SASRecDataset of the
 * reference). A sampler serves one thread at a time. */
typedef struct s3rec_sampler s3rec_sampler;

/** The two stages of training. */
typedef enum s3rec_stage {
  S3REC_STAGE_PRETRAIN = 1, /**< every prefix of every training sequence, masked */
  S3REC_STAGE_FINETUNE = 2  /**< every training sequence against its successors */
} s3rec_stage;

/** Options of a sampler. */
typedef struct s3rec_sampler_options {
  size_t struct_size;     /**< set by s3rec_sampler_options_init */
  s3rec_stage stage;      /**< as given to the init function */
  int32_t batch_size;     /**< sequences a step, 1..65536; pretrain 100, finetune 256 */
  int32_t max_seq_length; /**< L, 1..4096; default 50 */
  double mask_p;          /**< 0..1, default 0.2 (pretraining) */
  uint64_t seed;          /**< default 42 */
  int32_t shuffle;        /**< default 1; 0 keeps the data's order */
  /** Exactly the reference's draws: negative segments from whole sequences, held
   * out items included; negatives up to the mask id; users of fewer than 3
   * items do not train. Default 0; see docs/reference-differences.md. */
  int32_t reference_draws;
  /** How many items at the end of every user's sequence are not trained on, 0..2;
   * default 2, for the test and the valid split. 1 trains on the valid items too, 0 on
   * all. Users with fewer than 3 items have nothing held out. 2 with reference_draws.
   * Since 0.2. */
  int32_t held_out_count;
} s3rec_sampler_options;

/** Defaults for a stage. Since 0.1. */
S3REC_API void s3rec_sampler_options_init(s3rec_sampler_options *options, s3rec_stage stage);

/** The dataset is kept alive by the sampler; `options` is copied. On success
 * *sampler belongs to the caller. Statuses: ARGUMENT (also when the dataset holds
 * nothing to train on), MEMORY. Any thread. Since 0.1. */
S3REC_API s3rec_status s3rec_sampler_create(s3rec_dataset *dataset,
                                            const s3rec_sampler_options *options,
                                            s3rec_sampler **sampler);
/** NULL is fine. Since 0.1. */
S3REC_API void s3rec_sampler_destroy(s3rec_sampler *sampler);

/** Instances (prefixes or sequences) and steps of one epoch; the last batch may
 * be smaller. Either pointer may be NULL. Status: ARGUMENT. Since 0.1. */
S3REC_API s3rec_status s3rec_sampler_epoch_size(const s3rec_sampler *sampler, size_t *instances,
                                                size_t *steps);

/** Fills `batch` with the next step and moves on; after an epoch's last step the
 * next epoch begins, in another order. Every random choice depends on (seed,
 * epoch, instance) alone. Statuses: ARGUMENT, MEMORY. Since 0.1. */
S3REC_API s3rec_status s3rec_sampler_next(s3rec_sampler *sampler, s3rec_batch *batch);

/** Where the next batch comes from: epoch and step count from 0. Status: ARGUMENT.
 * Since 0.1. */
S3REC_API s3rec_status s3rec_sampler_position(const s3rec_sampler *sampler, uint64_t *epoch,
                                              size_t *step);
/** Makes the next batch come from there. Status: ARGUMENT (also for a step not
 * below the epoch's steps). Since 0.1. */
S3REC_API s3rec_status s3rec_sampler_seek(s3rec_sampler *sampler, uint64_t epoch, size_t step);

/** An empty batch; on success *batch belongs to the caller. Statuses: ARGUMENT,
 * MEMORY. Any thread. Since 0.1. */
S3REC_API s3rec_status s3rec_batch_create(s3rec_context *context, s3rec_batch **batch);
/** NULL is fine. Since 0.1. */
S3REC_API void s3rec_batch_destroy(s3rec_batch *batch);

/** A batch made by the host, in the reference's padded arrays: row-major
 * [batch_size, max_seq_length] item ids, 0 = padding on the left. All arrays are
 * copied. In a pretraining batch every row has at least one item and the six id
 * arrays share their padding; `attributes` [B, L, attribute_size] is multi-hot,
 * nonzero = has it. Since 0.1. */
typedef struct s3rec_pretrain_arrays {
  size_t struct_size;                     /**< set by s3rec_pretrain_arrays_init */
  int32_t batch_size;                     /**< B, 1..65536 */
  int32_t max_seq_length;                 /**< L, 1..4096 */
  int32_t attribute_size;                 /**< A, at least 1 */
  int32_t mask_id;                        /**< the model's item_size - 1 */
  const uint8_t *attributes;              /**< [B, L, A] of the items of pos_items */
  const int32_t *masked_item_sequence;    /**< [B, L] items, some replaced by the mask */
  const int32_t *pos_items;               /**< [B, L] the items themselves */
  const int32_t *neg_items;               /**< [B, L] a negative where masked */
  const int32_t *masked_segment_sequence; /**< [B, L] items, one segment masked */
  const int32_t *pos_segment;             /**< [B, L] that segment, mask elsewhere */
  const int32_t *neg_segment;             /**< [B, L] a segment of another sequence */
} s3rec_pretrain_arrays;

/** Sets struct_size and zeros. Since 0.1. */
S3REC_API void s3rec_pretrain_arrays_init(s3rec_pretrain_arrays *arrays);
/** Replaces the batch's content, on failure not. Statuses: ARGUMENT, MEMORY;
 * FORMAT names the array, row and column. Since 0.1. */
S3REC_API s3rec_status s3rec_batch_set_pretrain(s3rec_batch *batch,
                                                const s3rec_pretrain_arrays *arrays);

/** A fine-tune batch from padded arrays [batch_size, max_seq_length], copied.
 * `target_neg` may be NULL when only the full-softmax loss is used. Rows may be
 * all padding. A position counts where target_pos is not 0. Statuses: ARGUMENT,
 * MEMORY; FORMAT names the array, row and column. Since 0.1. */
S3REC_API s3rec_status s3rec_batch_set_finetune(s3rec_batch *batch, int32_t batch_size,
                                                int32_t max_seq_length, const int32_t *input_ids,
                                                const int32_t *target_pos,
                                                const int32_t *target_neg);

/** What a batch holds. */
typedef struct s3rec_batch_info {
  size_t struct_size;     /**< set by s3rec_batch_info_init */
  s3rec_stage stage;      /**< 0 while the batch is empty */
  int32_t batch_size;     /**< sequences */
  int32_t max_seq_length; /**< L of the padded arrays */
  size_t token_count;     /**< real tokens of one id array */
  size_t target_count;    /**< masked positions, or real fine-tune targets */
} s3rec_batch_info;

/** Sets struct_size and zeros. Since 0.1. */
S3REC_API void s3rec_batch_info_init(s3rec_batch_info *info);
/** Fills the fields that info->struct_size covers. Status: ARGUMENT (also for a
 * struct_size below the first release's). Since 0.1. */
S3REC_API s3rec_status s3rec_batch_info_get(const s3rec_batch *batch, s3rec_batch_info *info);

/** Copies one id array, by the names above ("masked_item_sequence", "input_ids",
 * ...), to `ids` [batch_size, max_seq_length], padded with 0 on the left.
 * `capacity` counts int32s. Statuses: ARGUMENT (too small), NOT_FOUND (no such
 * array in a batch of this stage). Since 0.1. */
S3REC_API s3rec_status s3rec_batch_read(const s3rec_batch *batch, const char *name, int32_t *ids,
                                        size_t capacity);

#ifdef __cplusplus
}
#endif
#endif
