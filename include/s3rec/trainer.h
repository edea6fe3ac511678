/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Losses, gradients and updates. */
#ifndef S3REC_TRAINER_H
#define S3REC_TRAINER_H

#include "s3rec/batch.h"
#include "s3rec/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Optimizer state, gradients and working memory for one model. All calls: one
 * thread at a time for each trainer; inside a step it uses the context's threads. */
typedef struct s3rec_trainer s3rec_trainer;

/** Loss of the fine-tune stage. */
typedef enum s3rec_finetune_loss {
  S3REC_LOSS_CE = 1, /**< softmax cross-entropy over items 1..item_size-2 at every
                      * real target, mean (arXiv 2301.00979); the default */
  S3REC_LOSS_BCE = 2, /**< one negative a position, the paper's fine-tune loss */
  /** CE over the batch's targets and negative_count other items, drawn anew at every
   * step, each standing for the items that were not drawn (its logit is raised by
   * -log of its chance to be drawn: logQ correction, arXiv 1412.2007); its cost does
   * not grow with the catalogue (that of Adam's update does). Since 0.2. */
  S3REC_LOSS_SAMPLED_CE = 3
} s3rec_finetune_loss;

/** Options of a trainer. */
typedef struct s3rec_trainer_options {
  size_t struct_size;       /**< set by s3rec_trainer_options_init */
  double learning_rate;     /**< above 0, up to 1000; default 1e-3 */
  double adam_beta1;        /**< 0..1, below 1; default 0.9 */
  double adam_beta2;        /**< 0..1, below 1; default 0.999 */
  double adam_epsilon;      /**< 1e-16..1000; default 1e-8 */
  double weight_decay;      /**< 0..1000, L2: added to the gradient; default 0 */
  double max_gradient_norm; /**< >= 0; 0 (default): no clipping */
  /** Weights of the joint pretraining loss, >= 0, paper section 4.3; a zero weight
   * skips the work. Defaults 0.2, 1, 1, 0.5. */
  double aap_weight;
  double mip_weight; /**< see aap_weight */
  double map_weight; /**< see aap_weight */
  double sp_weight;  /**< see aap_weight */
  s3rec_finetune_loss finetune_loss; /**< default CE */
  uint64_t seed;                     /**< of dropout; default 42 */
  /** Pieces of a step: 1, 2, 4, 8, 16, 32, 64, 128 or 256; default 8. Their gradients are
   * summed in a fixed balanced tree, so the bits of a result depend on this number and not
   * on the threads. More threads than pieces are idle. */
  int32_t shard_count;
  /** Learning rate of update s, s = 0, 1, ...: rises in equal steps to learning_rate at
   * update warmup_steps - 1; then stays or, with decay_steps above 0, falls along half a
   * cosine to 0 at update decay_steps, and is 0 from there on. Default 0 and 0: it is
   * learning_rate always. decay_steps: 0, or above warmup_steps. Since 0.2. */
  uint64_t warmup_steps;
  uint64_t decay_steps; /**< see warmup_steps; since 0.2 */
  /** CE and SAMPLED_CE: the share of every label that goes to all items alike, 0..1,
   * below 1; default 0 (Szegedy et al. 2016, section 7). Since 0.2. */
  double label_smoothing;
  /** AdamW (Loshchilov and Hutter 2019): every update first takes this times the learning
   * rate off each weight; 0..1000 and, times learning_rate, at most 1; default 0. Since 0.2. */
  double decoupled_weight_decay;
  /** SAMPLED_CE: how many items a step draws on average, 1..2147483647, default 1000;
   * a catalogue with no more is taken whole, as by CE. Since 0.2. */
  int32_t negative_count;
} s3rec_trainer_options;

/** Defaults. Since 0.1. */
S3REC_API void s3rec_trainer_options_init(s3rec_trainer_options *options);

/** Takes the model for writing until destroyed. `options` may be NULL. On success
 * *trainer belongs to the caller. Statuses: ARGUMENT, MEMORY; STATE (the model has
 * a trainer or scorers). Any thread. Since 0.1. */
S3REC_API s3rec_status s3rec_trainer_create(s3rec_model *model,
                                            const s3rec_trainer_options *options,
                                            s3rec_trainer **trainer);
/** Frees the model for other uses; NULL is fine. Since 0.1. */
S3REC_API void s3rec_trainer_destroy(s3rec_trainer *trainer);

/** What a step measured. Losses are those of the batch before the update. */
typedef struct s3rec_losses {
  size_t struct_size;    /**< set by s3rec_losses_init */
  double total;          /**< what was minimised: the joint loss, or the fine-tune loss */
  double aap;            /**< sums over the batch, unweighted; 0 where the weight is 0 */
  double mip;            /**< likewise */
  double map;            /**< likewise */
  double sp;             /**< likewise */
  double next_item;      /**< mean over real targets */
  double gradient_norm;  /**< before clipping; 0 unless clipping is on */
  size_t sequence_count; /**< of the batch */
  size_t token_count;    /**< real tokens of one id array */
  size_t target_count;   /**< masked positions, or real fine-tune targets */
} s3rec_losses;

/** Sets struct_size and zeros. Since 0.1. */
S3REC_API void s3rec_losses_init(s3rec_losses *losses);

/** One pretraining step: forward, gradients, Adam. `losses` may be NULL. The batch
 * must be of the step's stage, its ids below the model's sizes and its
 * max_seq_length no larger than the model's. When a call fails, weights, moments
 * and step count are as before it; gradients held before may be gone.
 * Statuses: ARGUMENT (also without anything to learn from, and BCE without
 * negatives), MEMORY; MISMATCH (batch does not fit the model); NUMERIC (the loss
 * is not finite, or the norm of the gradient not below 1e18); ENGINE; THREAD.
 * Mirrors S3RecModel.pretrain of the reference. Since 0.1. */
S3REC_API s3rec_status s3rec_pretrain_step(s3rec_trainer *trainer, const s3rec_batch *batch,
                                           s3rec_losses *losses);
/** One fine-tuning step, under the same rules. The BCE loss mirrors cross_entropy
 * of the reference's trainers. Since 0.1. */
S3REC_API s3rec_status s3rec_finetune_step(s3rec_trainer *trainer, const s3rec_batch *batch,
                                           s3rec_losses *losses);

/** Gradients of a batch of either stage without an update, to check them or to
 * average them over several machines: read them all, write the averages back,
 * apply. Statuses: as of a step. After a failure, gradients that were held before may be gone.
 * Since 0.1. */
S3REC_API s3rec_status s3rec_trainer_compute_gradients(s3rec_trainer *trainer,
                                                       const s3rec_batch *batch,
                                                       s3rec_losses *losses);

/** Copies out one parameter's gradient, in the parameter's shape. Statuses:
 * ARGUMENT, NOT_FOUND; STATE unless gradients were computed since the last
 * update. Since 0.1. */
S3REC_API s3rec_status s3rec_trainer_gradient_read(const s3rec_trainer *trainer, const char *name,
                                                   float *values, size_t count);
/** Replaces one parameter's gradient (the padding row's stays 0). Statuses: as
 * above, MEMORY; NUMERIC (a value is NaN or infinite). Since 0.1. */
S3REC_API s3rec_status s3rec_trainer_gradient_write(s3rec_trainer *trainer, const char *name,
                                                    const float *values, size_t count);

/** The optimizer update with the gradients held now, which are then used up.
 * Statuses: ARGUMENT; STATE (no gradients); NUMERIC (their norm is not below 1e18:
 * they stay, to be replaced). Since 0.1. */
S3REC_API s3rec_status s3rec_trainer_apply_gradients(s3rec_trainer *trainer);

/** Updates made so far; 0 for NULL. Since 0.1. */
S3REC_API uint64_t s3rec_trainer_step_count(const s3rec_trainer *trainer);

/** Saves all that training needs to go on, bit by bit, as if it had not stopped:
 * configuration, weights, moments, step and options; when `sampler` is not NULL, also its
 * options, its position and the fingerprint of its data. `note` is a text of the caller's, kept
 * in the file for s3rec_trainer_note; NULL: none. Written like a model file
 * (s3rec_model_save).
 * Statuses: ARGUMENT (also for a note that is not UTF-8), MEMORY, IO; NUMERIC (a
 * weight or moment is NaN or infinite, which no load would take). Since 0.1. */
S3REC_API s3rec_status s3rec_trainer_save(const s3rec_trainer *trainer,
                                          const s3rec_sampler *sampler, const char *note,
                                          const char *path);

/** Puts a saved state into a trainer: weights, moments, step and options; and the position into
 * `sampler` (NULL: not wanted). The model must have the state's sizes, layers, heads, activation
 * and dropouts. The sampler must have the same data (fingerprint) and the same options as the
 * saved one. Gradients that the trainer holds are dropped.
 * On failure trainer, model and sampler are untouched. The file is mapped during
 * the call, as in s3rec_model_load.
 * Statuses: ARGUMENT, MEMORY, IO, FORMAT; UNSUPPORTED (a data type other than
 * F32); MISMATCH (names what differs; also a state without a sampler). Since 0.1. */
S3REC_API s3rec_status s3rec_trainer_load(s3rec_trainer *trainer, s3rec_sampler *sampler,
                                          const char *path);

/** The note of the state loaded last, "" without one; valid until the next load
 * or the trainer's end. Since 0.1. */
S3REC_API const char *s3rec_trainer_note(const s3rec_trainer *trainer);

/** Bytes the trainer holds now, model and dataset not counted; 0 for NULL.
 * Since 0.1. */
S3REC_API size_t s3rec_trainer_memory(const s3rec_trainer *trainer);

#ifdef __cplusplus
}
#endif
#endif
