/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Recommendations and evaluation. */
#ifndef S3REC_SCORER_H
#define S3REC_SCORER_H

#include "s3rec/dataset.h"
#include "s3rec/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Working memory to score one model. A scorer serves one thread at a time; make one for each
 * thread. Any number of scorers may share a model. No call allocates after the first of its
 * size. */
typedef struct s3rec_scorer s3rec_scorer;

/** What s3rec_score_next and s3rec_score_next_batch read to find the best items. The choice
 * decides about time and memory, never about the result: a compact table gives an upper bound of
 * every score, and items whose bound is above the k-th best score are scored with the model's own
 * floats. Ids and scores have the same bits with every scan.
 *
 * A compact table is made by the first scorer that asks for it, shared by all scorers of the
 * model and kept until the weights change. In three cases the weights are scanned whatever was
 * chosen: with `candidates`; for k above item_size / 16; and when weights are not finite, or so
 * large or small (norms beyond 2^-20 .. 2^50) that floats give no bound. Since 0.2. */
typedef enum s3rec_scan {
  S3REC_SCAN_AUTO = 0, /**< INT8 for item tables up to 64 MiB (262,144 items of 64 floats),
                        * F32 for larger ones and with the baseline kernels; no memory for
                        * the copy is an error, not a reason for F32 */
  S3REC_SCAN_F32 = 1,  /**< the model's table, 4 bytes a weight: no further memory */
  S3REC_SCAN_BF16 = 2, /**< a copy of 2 bytes a weight */
  S3REC_SCAN_INT8 = 3  /**< a copy of 1 byte a weight and 4 an item */
} s3rec_scan;

/** Options of a scorer. Since 0.2. */
typedef struct s3rec_scorer_options {
  size_t struct_size; /**< set by s3rec_scorer_options_init */
  s3rec_scan scan;    /**< default AUTO */
} s3rec_scorer_options;

/** Defaults. Since 0.2. */
S3REC_API void s3rec_scorer_options_init(s3rec_scorer_options *options);

/** Keeps the model alive and read-only. On success *scorer belongs to the caller.
 * Statuses: ARGUMENT, MEMORY; STATE (the model has a trainer: score a clone);
 * ENGINE. Any thread. Since 0.1. */
S3REC_API s3rec_status s3rec_scorer_create(s3rec_model *model, s3rec_scorer **scorer);
/** The same with options; NULL for the defaults. Making a compact table takes about as long as
 * reading the item table twice; scorers and evaluations that begin meanwhile wait for it.
 * Statuses: as of s3rec_scorer_create. Any thread. Since 0.2. */
S3REC_API s3rec_status s3rec_scorer_create_with(s3rec_model *model,
                                                const s3rec_scorer_options *options,
                                                s3rec_scorer **scorer);
/** NULL is fine. Since 0.1. */
S3REC_API void s3rec_scorer_destroy(s3rec_scorer *scorer);

/** What may be recommended.
 *
 * A history is a user's items, oldest first. Ids that the model does not know (not in
 * 1..item_size-2) are passed over: a host's catalogue may be newer than its model. The last
 * max_seq_length of the known items are encoded; all of them are left out of the answer. */
typedef struct s3rec_score_options {
  size_t struct_size;        /**< set by s3rec_score_options_init */
  int32_t include_history;   /**< default 0: items of the history are left out */
  const int32_t *excluded;   /**< further ids to leave out; unknown ids are ignored */
  size_t excluded_count;     /**< of `excluded` */
  const int32_t *candidates; /**< not NULL: rank only these. Unknown ids are
                              * ignored, repeats count once, items of the history
                              * and excluded ones are still left out */
  size_t candidate_count;    /**< of `candidates` */
} s3rec_score_options;

/** Defaults. Since 0.1. */
S3REC_API void s3rec_score_options_init(s3rec_score_options *options);

/** The k best next items: ids[0..*count-1] with falling scores, ties by lower
 * id; *count < k when fewer are left, and 0 for an empty history (or one of
 * unknown ids only: there is nothing to encode). `scores` may be NULL, `options`
 * may be NULL for the defaults. score = <last hidden state, item embedding>
 * (predict_full of the reference); padding and mask rows never appear.
 * Statuses: ARGUMENT, MEMORY, ENGINE. Since 0.1. */
S3REC_API s3rec_status s3rec_score_next(s3rec_scorer *scorer, const int32_t *history,
                                        size_t history_count, const s3rec_score_options *options,
                                        size_t k, int32_t *ids, float *scores, size_t *count);

/** The same for many users at once, faster than one by one and with the same
 * result: bit for bit with the fused backend, to rounding with onednn. History u is
 * histories[offsets[u]] .. [offsets[u + 1] - 1], offsets [user_count + 1] start at
 * 0 and never fall. `options` holds for all. ids and scores [user_count, k], counts
 * [user_count]; slots past a count hold id 0 and score 0; `scores` may be NULL.
 * Statuses: ARGUMENT, MEMORY, ENGINE. Since 0.1. */
S3REC_API s3rec_status s3rec_score_next_batch(s3rec_scorer *scorer, const int32_t *histories,
                                              const int64_t *offsets, size_t user_count,
                                              const s3rec_score_options *options, size_t k,
                                              int32_t *ids, float *scores, size_t *counts);

/** The score of every row of the item table, padding (0) and mask (last)
 * included, nothing left out: scores [item_size]; `capacity` counts floats.
 * Statuses: ARGUMENT (too small, or a history with nothing to encode), MEMORY,
 * ENGINE. Since 0.1. */
S3REC_API s3rec_status s3rec_score_all(s3rec_scorer *scorer, const int32_t *history,
                                       size_t history_count, float *scores, size_t capacity);

/** The user vector (last hidden state) [hidden_size]. Statuses as above. Since 0.1. */
S3REC_API s3rec_status s3rec_user_vector(s3rec_scorer *scorer, const int32_t *history,
                                         size_t history_count, float *vector, size_t capacity);

/** Which positions each position attends to. */
typedef enum s3rec_attention {
  S3REC_ATTENTION_CAUSAL = 1,       /**< fine-tuning and scoring */
  S3REC_ATTENTION_BIDIRECTIONAL = 2 /**< pretraining */
} s3rec_attention;

/** Encoder output at every position, without dropout: ids [count, length], 0 =
 * padding on the left, 1..item_size-1; hidden [count, length, hidden_size],
 * zeros at padding. length 1..max_seq_length; positions are aligned to the end.
 * Statuses: ARGUMENT, FORMAT (names row and column), MEMORY, ENGINE. Since 0.1. */
S3REC_API s3rec_status s3rec_encode(s3rec_scorer *scorer, s3rec_attention attention,
                                    const int32_t *ids, size_t count, size_t length, float *hidden);

/** Bytes the scorer holds now, the model and its compact tables not counted
 * (s3rec_model_memory counts them); 0 for NULL. Since 0.1. */
S3REC_API size_t s3rec_scorer_memory(const s3rec_scorer *scorer);

/** Which held-out item of each user is asked for. */
typedef enum s3rec_split {
  S3REC_SPLIT_VALID = 1, /**< history: all but the last two items; answer: the one before last */
  S3REC_SPLIT_TEST = 2   /**< history: all but the last; answer: the last */
} s3rec_split;

/** Which items the answer is ranked among. */
typedef enum s3rec_protocol {
  S3REC_PROTOCOL_FULL = 1,   /**< rank the answer among all items */
  S3REC_PROTOCOL_SAMPLED = 2 /**< among the user's listed negatives */
} s3rec_protocol;

/** What happens to the items of a user's history in the ranking (full protocol). The history is
 * that of the split: the training items with VALID, all items but the answer with TEST, as in the
 * reference. Where the answer itself is in the history, EXCLUDE takes it out like the other items,
 * since it is never recommended: the user counts as a miss, S3REC_RANK_EXCLUDED. With ZERO its
 * score is 0. */
typedef enum s3rec_seen_policy {
  S3REC_SEEN_EXCLUDE = 1, /**< history items leave the ranking; ties: lower id first */
  S3REC_SEEN_ZERO = 2, /**< the reference: their score becomes 0, padding and mask rows rank too */
  S3REC_SEEN_INCLUDE = 3 /**< no filter */
} s3rec_seen_policy;

/** The rank of an answer that was taken out of the ranking because it is in the user's history:
 * it is behind every k and adds nothing to the mean reciprocal rank. Since 0.2. */
#define S3REC_RANK_EXCLUDED INT64_MAX
/** The same, for languages that do not read headers of C. Any thread. Since 0.3. */
S3REC_API int64_t s3rec_rank_excluded(void);

/** Options of an evaluation. */
typedef struct s3rec_evaluate_options {
  size_t struct_size;      /**< set by s3rec_evaluate_options_init */
  s3rec_split split;       /**< default TEST */
  s3rec_protocol protocol; /**< default FULL */
  s3rec_seen_policy seen;  /**< default EXCLUDE; the sampled protocol ignores it */
} s3rec_evaluate_options;

/** Defaults. Since 0.1. */
S3REC_API void s3rec_evaluate_options_init(s3rec_evaluate_options *options);

/** Means over the evaluated users (0 without any), stamped with how they were
 * measured. */
typedef struct s3rec_metrics {
  size_t struct_size;      /**< set by s3rec_metrics_init */
  s3rec_split split;       /**< as asked for */
  s3rec_protocol protocol; /**< as asked for */
  s3rec_seen_policy seen;  /**< as asked for */
  size_t user_count;       /**< evaluated */
  size_t skipped_count;    /**< too short for the split */
  double hit_rate[4];      /**< HR@1, 5, 10, 20 */
  double ndcg[3];          /**< NDCG@5, 10, 20 */
  double mrr;              /**< mean reciprocal rank */
} s3rec_metrics;

/** One figure of s3rec_metrics. Since 0.3. */
typedef enum s3rec_metric {
  S3REC_METRIC_HR_1 = 1,    /**< hit_rate[0] */
  S3REC_METRIC_HR_5 = 2,    /**< hit_rate[1] */
  S3REC_METRIC_HR_10 = 3,   /**< hit_rate[2] */
  S3REC_METRIC_HR_20 = 4,   /**< hit_rate[3] */
  S3REC_METRIC_NDCG_5 = 5,  /**< ndcg[0] */
  S3REC_METRIC_NDCG_10 = 6, /**< ndcg[1] */
  S3REC_METRIC_NDCG_20 = 7, /**< ndcg[2] */
  S3REC_METRIC_MRR = 8      /**< mrr */
} s3rec_metric;

/** Sets struct_size and zeros. Since 0.1. */
S3REC_API void s3rec_metrics_init(s3rec_metrics *metrics);

/** Leave-one-out evaluation of a dataset, on the context's threads (each gets a
 * scorer of its own); the result does not depend on their number. The layers' weights
 * laid out for it stay with the model until its weights change (s3rec_model_memory).
 * `options` may be NULL for the defaults. `ranks` may be NULL, else [users of the
 * dataset]: zero-based rank of each answer, -1 for a skipped user,
 * S3REC_RANK_EXCLUDED for a miss that the seen policy makes. Mirrors
 * get_full_sort_score and get_sample_scores of the reference.
 * Statuses: ARGUMENT (also sampled without negatives), MEMORY; STATE (the model
 * has a trainer: evaluate a clone); MISMATCH (items beyond the model's); ENGINE;
 * THREAD. Any thread. Since 0.1. */
S3REC_API s3rec_status s3rec_evaluate(s3rec_model *model, const s3rec_dataset *dataset,
                                      const s3rec_evaluate_options *options, s3rec_metrics *metrics,
                                      int64_t *ranks);

#ifdef __cplusplus
}
#endif
#endif
