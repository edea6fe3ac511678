/* SPDX-License-Identifier: Apache-2.0 */
#ifndef S3REC_S3REC_H
#define S3REC_S3REC_H

/** @file
 * The whole library: includes all other headers, in reading order. */

/** @mainpage
 * libs3rec: the S3-Rec next-item recommender (Zhou et al., CIKM 2020, arXiv
 * 2008.07873) as a C library.
 *
 * ## The front door: s3rec/recommender.h
 *
 *     s3rec_train          an event log in, a trained model out
 *     s3rec_model_save     the model becomes a file
 *     s3rec_recommender_open, s3rec_recommend
 *                          the file serves any number of threads: a history in, the next
 *                          items out, by number or by name, in microseconds
 *     s3rec_recommender_exchange
 *                          tomorrow's file takes over without a pause, if it is good enough
 *
 * Also there: filters that are prepared once, similar items, popular items for a new user,
 * counters for monitoring. Most hosts need no more.
 *
 * ## The workshop: s3rec/workshop.h
 *
 *     files or arrays                       weights
 *          |                                   |
 *     s3rec_dataset --- s3rec_sampler     s3rec_model ------ s3rec_scorer (one per
 *     who took what     batches, masks,   made fresh or      thread): history in,
 *     in which order    negatives         loaded             best next items out
 *          |                 |                 |
 *          |            s3rec_batch ---> s3rec_trainer
 *          |                             losses, gradients, Adam
 *          |                                   |
 *          '---------------------------- s3rec_run: a whole stage of training, a step a call,
 *                                        saved and resumed at any step
 *
 *   1. s3rec_context_create    threads, allocator, log hook; the root of all.
 *   2. s3rec_dataset_load      sequences, item attributes, negatives.
 *   3. s3rec_model_create_for  sizes and names from the dataset, a seed.
 *   4. s3rec_run_create with S3REC_STAGE_PRETRAIN, then s3rec_run_step until it says DONE:
 *      four self-supervised objectives teach how items, attributes and segments of a
 *      sequence belong together. s3rec_run_finish hands out the trained model.
 *   5. The same with S3REC_STAGE_FINETUNE: the next item. Each epoch is measured on the
 *      valid split and the best one is kept.
 *   6. s3rec_model_save; later s3rec_model_load (or _map), s3rec_scorer_create and
 *      s3rec_score_next.
 *
 * Instead of a run: s3rec_sampler_next, s3rec_pretrain_step, s3rec_finetune_step in a loop of
 * the host's own.
 *
 * ## Rules that hold for every call
 *
 *   - A call that can fail returns an s3rec_status. On failure its outputs and all handles are
 *     as before the call (a trainer may have lost the gradients that it held), and
 *     s3rec_last_error() has the reason. NULL for a pointer that must not be NULL gives
 *     ARGUMENT; only init functions do not check their pointer.
 *   - What a create, open, load or train call wrote belongs to the caller, who destroys it.
 *     Destroy calls take NULL. A handle keeps alive what it was made from, so handles may be
 *     destroyed in any order.
 *   - Any number of threads may share a recommender, filter, answer, context, vocabulary,
 *     dataset or model. A sampler, batch, trainer, scorer, run or events table serves one
 *     thread at a time, not always the same one. Different handles are independent. Init
 *     functions: any thread.
 *   - Option and result structs begin with their size, are filled in by their init function and
 *     grow only at the end. A call reads or fills the fields that struct_size covers. A struct
 *     smaller than in its first release is refused (ARGUMENT).
 *   - Ids are int32, counts size_t, data float. Arrays are row-major and borrowed for the call
 *     only. Item ids run from 1 to item_size - 2; 0 is padding and item_size - 1 the mask.
 *     Booleans are int32_t, 0 or 1.
 *   - The library never aborts, exits, prints, or changes signals, locale, floating-point modes
 *     or the caller's OpenMP settings. It starts threads only for training, evaluation and
 *     large requests to a recommender, with thread_count above 1, and ends them with the call
 *     or the trainer. A host that forks does so before that, or does not use the library in the
 *     child.
 *   - During a matrix product of oneDNN, about a millisecond, the calling thread blocks signals:
 *     oneDNN up to 3.11 would let the frame of a signal handler overwrite the heap. At any
 *     other time the host's signal handlers run as ever.
 *   - Same input, options, seed, machine and library give the same bits, at any thread count.
 *     Other machines and kernel levels differ in rounding.
 */
#include "s3rec/recommender.h" /* IWYU pragma: export */
#include "s3rec/train.h"       /* IWYU pragma: export */
#include "s3rec/workshop.h"    /* IWYU pragma: export */

#endif
