/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * The front door: train a model on an event log, serve it to any number of threads, and
 * exchange it while it serves. Most hosts need nothing else. */
#ifndef S3REC_RECOMMENDER_H
#define S3REC_RECOMMENDER_H

#include "s3rec/run.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A model that serves. All calls on it may be made by any number of threads at once, except
 * s3rec_recommender_destroy. Working memory for each concurrent call is kept inside. */
typedef struct s3rec_recommender s3rec_recommender;

/** Options of a recommender. */
typedef struct s3rec_recommender_options {
  size_t struct_size;     /**< set by s3rec_recommender_options_init */
  s3rec_context *context; /**< threads of large requests, allocator, log. NULL (default): one
                           * with the defaults. Ignored by s3rec_recommender_create, which
                           * takes the model's */
  int32_t copy;           /**< 0 (default): the item table stays in the file, as by
                           * s3rec_model_map; 1: all is read into memory */
} s3rec_recommender_options;

/** Defaults. Since 0.3. */
S3REC_API void s3rec_recommender_options_init(s3rec_recommender_options *options);

/** Opens a model file. `options` may be NULL. On success *recommender belongs to the caller.
 * Statuses: as s3rec_model_map. Any thread. Since 0.3. */
S3REC_API s3rec_status s3rec_recommender_open(const char *path,
                                              const s3rec_recommender_options *options,
                                              s3rec_recommender **recommender);
/** Serves a model that is in memory. The model cannot be written as long as this recommender
 * serves it (s3rec_scorer_create has the same rule). Statuses: ARGUMENT, MEMORY, ENGINE; STATE
 * (the model has a trainer). Any thread. Since 0.3. */
S3REC_API s3rec_status s3rec_recommender_create(s3rec_model *model,
                                                const s3rec_recommender_options *options,
                                                s3rec_recommender **recommender);
/** No other call on it may be under way. Filters and answers made with it stay valid. NULL is
 * fine. Since 0.3. */
S3REC_API void s3rec_recommender_destroy(s3rec_recommender *recommender);

/** The model that serves now; it belongs to the caller (s3rec_model_destroy). Statuses:
 * ARGUMENT. Since 0.3. */
S3REC_API s3rec_status s3rec_recommender_model(const s3rec_recommender *recommender,
                                               s3rec_model **model);

/** What may be recommended, prepared once and used by any number of calls and threads. */
typedef struct s3rec_filter s3rec_filter;

/** A filter's content; all is copied. Ids and names that a model does not have are passed
 * over. */
typedef struct s3rec_filter_options {
  size_t struct_size; /**< set by s3rec_filter_options_init */
  int32_t allow_only; /**< 1: only the allowed items may be recommended (none listed: nothing
                       * may); 0 (default): all items, and the allowed lists are ignored */
  const int32_t *allowed;           /**< ids */
  size_t allowed_count;             /**< of `allowed` */
  const char *const *allowed_names; /**< names, each ended by NUL */
  size_t allowed_name_count;        /**< of `allowed_names` */
  const int32_t *denied;            /**< ids that are left out, also when they are allowed */
  size_t denied_count;              /**< of `denied` */
  const char *const *denied_names;  /**< likewise, names */
  size_t denied_name_count;         /**< of `denied_names` */
} s3rec_filter_options;

/** Every item allowed. Since 0.3. */
S3REC_API void s3rec_filter_options_init(s3rec_filter_options *options);
/** Makes a filter for `recommender`. Names keep their meaning when the model is exchanged for
 * one that numbers its items differently; ids are taken as the ids of whichever model serves.
 * On success *filter belongs to the caller. Statuses: ARGUMENT, MEMORY; FORMAT (a name that is
 * not UTF-8). Any thread. Since 0.3. */
S3REC_API s3rec_status s3rec_filter_create(const s3rec_recommender *recommender,
                                           const s3rec_filter_options *options,
                                           s3rec_filter **filter);
/** NULL is fine. No call that uses it may be under way. Since 0.3. */
S3REC_API void s3rec_filter_destroy(s3rec_filter *filter);

/** The quick question: the k best next items of one user, by ids, without any allocation after
 * the first call of its size. `history` [history_count] is oldest first; its items are left
 * out of the answer. Writes ids[0..*count-1], best first, and their scores; `filter` and
 * `scores` may be NULL.
 *
 * Where the history holds no item that the model knows, the answer is the most popular items
 * (S3REC_ANSWER_POPULAR), and a score is the item's share of all events, 0..1. A model file
 * without popularity answers nothing then: *count is 0.
 * Statuses: ARGUMENT, MEMORY, ENGINE. Since 0.3. */
S3REC_API s3rec_status s3rec_recommend(s3rec_recommender *recommender, const int32_t *history,
                                       size_t history_count, const s3rec_filter *filter, size_t k,
                                       int32_t *ids, float *scores, size_t *count);

/** A question about one user or many, by ids or by names. The items of user u are entries
 * offsets[u] .. offsets[u + 1] - 1 of `items` or of `names`, oldest first. */
typedef struct s3rec_request {
  size_t struct_size;       /**< set by s3rec_request_init */
  size_t user_count;        /**< default 1 */
  const int64_t *offsets;   /**< [user_count + 1], from 0 and never falling; NULL (default) with
                             * one user: all entries are that user's */
  const int32_t *items;     /**< ids; or NULL (default) */
  const char *const *names; /**< names, each ended by NUL, when `items` is NULL */
  size_t item_count;        /**< entries of `items` or `names` */
  size_t k;                 /**< wanted for each user; default 10 */
  const s3rec_filter *filter;         /**< for all users; NULL (default): none */
  const s3rec_filter *const *filters; /**< [user_count] one for each user, entries may be NULL;
                                       * NULL (default): `filter` alone. Both hold where both
                                       * are given */
  int32_t include_history; /**< 0 (default): a user's own items are left out; 1: they may be
                            * recommended. s3rec_similar leaves the given items out always */
} s3rec_request;

/** Defaults. Since 0.3. */
S3REC_API void s3rec_request_init(s3rec_request *request);

/** The answer to a request. It holds ids, names and scores of its own; later exchanges do not
 * change it. Read by any number of threads. */
typedef struct s3rec_answer s3rec_answer;

/** Answers a request. Requests of 64 users and more run on the context's threads; the answer
 * does not depend on their number. All users are answered by the same model. On success
 * *answer belongs to the caller. Statuses: ARGUMENT, MEMORY, ENGINE, THREAD. Since 0.3. */
S3REC_API s3rec_status s3rec_recommend_request(s3rec_recommender *recommender,
                                               const s3rec_request *request,
                                               s3rec_answer **answer);
/** The items most similar to given ones: by the cosine of their vectors, -1..1; with several
 * given items, to the mean of their unit vectors. Everything else as in
 * s3rec_recommend_request; a user whose items are all unknown gets an empty answer.
 * Since 0.3. */
S3REC_API s3rec_status s3rec_similar(s3rec_recommender *recommender,
                                     const s3rec_request *request, s3rec_answer **answer);

/** Where an answer comes from. */
typedef enum s3rec_answer_source {
  S3REC_ANSWER_NONE = 0,   /**< nothing to answer with */
  S3REC_ANSWER_MODEL = 1,  /**< the model, from the items that it knows */
  S3REC_ANSWER_POPULAR = 2 /**< none of the history's items is known: the most popular ones */
} s3rec_answer_source;

/** The answer for one user; arrays are borrowed from the answer. */
typedef struct s3rec_ranked_items {
  size_t struct_size;         /**< set by s3rec_ranked_items_init */
  s3rec_answer_source source; /**< where it comes from */
  size_t count;               /**< up to k */
  const int32_t *ids;         /**< [count] best first */
  const float *scores;        /**< [count] falling */
  const char *const *names;   /**< [count] each ended by NUL; NULL: the model has no names */
  size_t unknown_count;       /**< how many entries of the history the model does not know */
} s3rec_ranked_items;

/** Sets struct_size and zeros. Since 0.3. */
S3REC_API void s3rec_ranked_items_init(s3rec_ranked_items *items);
/** The answer for user `user` of the request, from 0. Statuses: ARGUMENT; NOT_FOUND (no such
 * user). Any thread. Since 0.3. */
S3REC_API s3rec_status s3rec_answer_get(const s3rec_answer *answer, size_t user,
                                        s3rec_ranked_items *items);
/** NULL is fine. Since 0.3. */
S3REC_API void s3rec_answer_destroy(s3rec_answer *answer);

/** What a new model must pass before it serves. */
typedef struct s3rec_exchange_options {
  size_t struct_size;           /**< set by s3rec_exchange_options_init */
  double least_known_share;     /**< where both models have names: of the serving model's items,
                                 * so large a share must be known to the new one, 0..1;
                                 * default 0.5 */
  const s3rec_dataset *dataset; /**< NULL (default): not measured. Else the new model is
                                 * measured on its test split */
  double least_ndcg10;          /**< with `dataset`: NDCG@10 must be at least this; default 0 */
  double largest_loss;          /**< with `dataset`: so large a share of the serving model's
                                 * NDCG@10 may be lost, 0..1; default 1: anything */
} s3rec_exchange_options;

/** Defaults. Since 0.3. */
S3REC_API void s3rec_exchange_options_init(s3rec_exchange_options *options);

/** Opens `path` and lets it serve in place of the model that serves now. Before that it is
 * checked: it scores, all scores are finite, its names fit, and it is as accurate as asked.
 * Calls under way end with the model they began with, which is freed with the last of them.
 * On failure the old model goes on. `options` may be NULL. One exchange at a time; a second one
 * waits. Statuses: as s3rec_model_map; MISMATCH (names or accuracy: the text says which).
 * Since 0.3. */
S3REC_API s3rec_status s3rec_recommender_exchange(s3rec_recommender *recommender,
                                                  const char *path,
                                                  const s3rec_exchange_options *options);

/** Buckets of s3rec_recommender_statistics.latency. */
#define S3REC_LATENCY_BUCKETS 32

/** What a recommender did since it was made: for monitoring. */
typedef struct s3rec_recommender_statistics {
  size_t struct_size;             /**< set by s3rec_recommender_statistics_init */
  uint64_t model_number;          /**< 1 at first, one more with each exchange */
  uint64_t call_count;            /**< questions, answered or failed */
  uint64_t failed_call_count;     /**< of these, failed */
  uint64_t user_count;            /**< users answered */
  uint64_t popular_count;         /**< of these, with the most popular items */
  uint64_t unknown_item_count;    /**< entries of histories that the model did not know */
  uint64_t refused_exchange_count; /**< exchanges that failed */
  uint64_t scorer_count;          /**< as many calls were under way at once at most */
  uint64_t memory;                /**< bytes of model, compact tables and working memory */
  /** Questions by their time: bucket b counts those of 2^b .. 2^(b+1) - 1 nanoseconds, the last
   * bucket all longer ones. */
  uint64_t latency[S3REC_LATENCY_BUCKETS];
} s3rec_recommender_statistics;

/** Sets struct_size and zeros. Since 0.3. */
S3REC_API void s3rec_recommender_statistics_init(s3rec_recommender_statistics *statistics);
/** A snapshot; counters are exact one by one, and not of one moment. Status: ARGUMENT.
 * Since 0.3. */
S3REC_API s3rec_status s3rec_recommender_statistics_get(const s3rec_recommender *recommender,
                                                        s3rec_recommender_statistics *statistics);
/** The time below which a share of the questions stayed, in seconds, to the width of a bucket:
 * 0.5 the median, 0.99; 0 without questions. Any thread. Since 0.3. */
S3REC_API double s3rec_recommender_latency(const s3rec_recommender_statistics *statistics,
                                           double share);

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
