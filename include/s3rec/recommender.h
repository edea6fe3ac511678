/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * The front door, serving: a model that any number of threads ask, and that is exchanged for a
 * better one while they do. */
#ifndef S3REC_RECOMMENDER_H
#define S3REC_RECOMMENDER_H

#include "s3rec/scorer.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A model that serves. Any number of threads may make all calls on it at once, except
 * s3rec_recommender_destroy. It keeps the working memory of the calls, one scorer for each call
 * that is under way. No call waits while another one scores. Two things are made of a model only
 * once they are needed, and calls that need them wait until the first such call has made them: the
 * order of popularity, and the lengths of item vectors for s3rec_similar. */
typedef struct s3rec_recommender s3rec_recommender;

/** Options of a recommender. Since 0.3. */
typedef struct s3rec_recommender_options {
  size_t struct_size;     /**< set by s3rec_recommender_options_init */
  s3rec_context *context; /**< allocator, log, and threads of large requests. NULL (default): for
                           * s3rec_recommender_open a context of the defaults, for
                           * s3rec_recommender_create the model's */
  int32_t copy;           /**< of models that are opened by path. 0 (default): the item table
                           * stays in the file, as by s3rec_model_map; 1: the whole file is read
                           * into memory, and may then be written in place */
  s3rec_scan scan;        /**< default AUTO; F32 where many processes share one file */
} s3rec_recommender_options;

/** Defaults. Since 0.3. */
S3REC_API void s3rec_recommender_options_init(s3rec_recommender_options *options);

/** Serves a model file. `options` may be NULL. On success *recommender belongs to the caller.
 * Statuses: as s3rec_model_map; ENGINE. Any thread. Since 0.3. */
S3REC_API s3rec_status s3rec_recommender_open(const char *path,
                                              const s3rec_recommender_options *options,
                                              s3rec_recommender **recommender);
/** Serves a model that is in memory. As long as it serves, nothing may write it, as with
 * s3rec_scorer_create. Statuses: ARGUMENT, MEMORY, ENGINE; STATE (the model has a trainer). Any
 * thread. Since 0.3. */
S3REC_API s3rec_status s3rec_recommender_create(s3rec_model *model,
                                                const s3rec_recommender_options *options,
                                                s3rec_recommender **recommender);
/** No other call on it may be under way. Filters and answers stay valid. NULL is fine.
 * Since 0.3. */
S3REC_API void s3rec_recommender_destroy(s3rec_recommender *recommender);

/** The model that serves now, for instance to read its names; *model belongs to the caller
 * (s3rec_model_destroy). Status: ARGUMENT. Since 0.3. */
S3REC_API s3rec_status s3rec_recommender_model(const s3rec_recommender *recommender,
                                               s3rec_model **model);

/** A rule that says what may be recommended. It is prepared once and used by any number of
 * calls, threads and recommenders at once. */
typedef struct s3rec_filter s3rec_filter;

/** The items that a filter allows: all, or only the listed ones; in either case without the
 * denied ones. Lists may hold ids, names or both. Ids and names that the model does not have are
 * passed over. Since 0.3. */
typedef struct s3rec_filter_options {
  size_t struct_size;     /**< set by s3rec_filter_options_init */
  int32_t allow_only;     /**< 0 (default): all items are allowed, and the allowed lists must be
                           * empty; 1: only the items of the allowed lists are, none where the
                           * lists are empty */
  const int32_t *allowed; /**< ids */
  size_t allowed_count;   /**< of `allowed` */
  const char *const *allowed_names; /**< names, each ended by NUL */
  size_t allowed_name_count;        /**< of `allowed_names` */
  const int32_t *denied;            /**< ids */
  size_t denied_count;              /**< of `denied` */
  const char *const *denied_names;  /**< names, each ended by NUL */
  size_t denied_name_count;         /**< of `denied_names` */
} s3rec_filter_options;

/** All items allowed, nothing denied. Since 0.3. */
S3REC_API void s3rec_filter_options_init(s3rec_filter_options *options);
/** Makes a filter; everything is copied. Names mean the same items after an exchange for a model
 * that numbers its items in another way. Ids mean the items that have these ids in the model
 * that serves at the time. The first use with a new set of names prepares the filter for it.
 * On success *filter belongs to the caller. Statuses: ARGUMENT (also names, where the model that
 * serves has none), MEMORY. Any thread. Since 0.3. */
S3REC_API s3rec_status s3rec_filter_create(const s3rec_recommender *recommender,
                                           const s3rec_filter_options *options,
                                           s3rec_filter **filter);
/** No call that uses the filter may be under way. NULL is fine. Since 0.3. */
S3REC_API void s3rec_filter_destroy(s3rec_filter *filter);

/** The k best next items of one user, by ids. `history` [history_count] is oldest first; its
 * items are left out of the answer. Writes ids[0 .. *count - 1], best first, and their scores.
 * *count is below k where fewer items are left. `filter` and `scores` may be NULL. The result is
 * that of s3rec_score_next, bit by bit. No memory is allocated once the model that serves has
 * answered calls of this size, through this filter, from as many threads at once.
 *
 * Where the history holds no item that the model knows, the answer is the most popular items,
 * and a score is the item's share of all events, 0..1. A model without popularity answers
 * nothing then: *count is 0. s3rec_recommend_request tells such answers apart.
 * Statuses: ARGUMENT, MEMORY, ENGINE. Since 0.3. */
S3REC_API s3rec_status s3rec_recommend(s3rec_recommender *recommender, const int32_t *history,
                                       size_t history_count, const s3rec_filter *filter, size_t k,
                                       int32_t *ids, float *scores, size_t *count);

/** A question about one user or many, by ids or by names. User u has the entries
 * offsets[u] .. offsets[u + 1] - 1 of `items` or of `names`, oldest first. Since 0.3. */
typedef struct s3rec_request {
  size_t struct_size;       /**< set by s3rec_request_init */
  size_t user_count;        /**< default 1 */
  const int64_t *offsets;   /**< [user_count + 1], from 0, never falling, at most item_count. NULL
                             * (default), for one user only: all entries are that user's */
  const int32_t *items;     /**< [item_count] ids; NULL (default): `names` counts */
  const char *const *names; /**< [item_count] names, each ended by NUL; NULL with `items`. The
                             * model that serves must have names */
  size_t item_count;        /**< entries of `items` or `names` */
  size_t k;                 /**< items wanted for each user; default 10 */
  const s3rec_filter *filter;         /**< for all users; NULL (default): none */
  const s3rec_filter *const *filters; /**< [user_count] one more for each user, entries may be
                                       * NULL; NULL (default): none. What is recommended, both
                                       * filters allow */
  int32_t include_history; /**< 0 (default): a user's own items are left out; 1: they may be
                            * recommended. s3rec_similar always leaves the given items out */
} s3rec_request;

/** Defaults. Since 0.3. */
S3REC_API void s3rec_request_init(s3rec_request *request);

/** The answer to a request. Nothing changes it any more, an exchange neither. Any number of
 * threads may read it. */
typedef struct s3rec_answer s3rec_answer;

/** The best next items of each user. One model answers for all users, also during an exchange.
 * Requests for more than 64 users run on the context's threads; the result does not depend on
 * their number. On success *answer belongs to the caller. Statuses: ARGUMENT, MEMORY, ENGINE,
 * THREAD. Since 0.3. */
S3REC_API s3rec_status s3rec_recommend_request(s3rec_recommender *recommender,
                                               const s3rec_request *request,
                                               s3rec_answer **answer);
/** The items that are most similar to the entries of each "user": by the cosine of the angle
 * between item vectors, -1..1. Several entries are compared by the mean of their unit vectors.
 * Where no entry is known, the answer is empty. Everything else as in s3rec_recommend_request.
 * Since 0.3. */
S3REC_API s3rec_status s3rec_similar(s3rec_recommender *recommender,
                                     const s3rec_request *request, s3rec_answer **answer);

/** What an answer rests on. Since 0.3. */
typedef enum s3rec_answer_source {
  S3REC_ANSWER_NONE = 0,   /**< nothing: the answer is empty */
  S3REC_ANSWER_MODEL = 1,  /**< the items of the history that the model knows */
  S3REC_ANSWER_POPULAR = 2 /**< popularity: the model knows no item of the history */
} s3rec_answer_source;

/** The answer for one user; arrays are borrowed from the answer. Since 0.3. */
typedef struct s3rec_ranked_items {
  size_t struct_size;         /**< set by s3rec_ranked_items_init */
  s3rec_answer_source source; /**< what it rests on */
  size_t count;               /**< up to k */
  const int32_t *ids;         /**< [count] best first */
  const float *scores;        /**< [count] falling */
  const char *const *names;   /**< [count] each ended by NUL; NULL: the model has no names */
  size_t unknown_count;       /**< entries of the history that the model does not know */
  uint64_t model_number;      /**< which model answered, as in s3rec_recommender_statistics */
} s3rec_ranked_items;

/** Sets struct_size and zeros. Since 0.3. */
S3REC_API void s3rec_ranked_items_init(s3rec_ranked_items *items);
/** The answer for user `user` of the request, from 0. Statuses: ARGUMENT; NOT_FOUND (no such
 * user). Any thread. Since 0.3. */
S3REC_API s3rec_status s3rec_answer_get(const s3rec_answer *answer, size_t user,
                                        s3rec_ranked_items *items);
/** The answers for all users at once, borrowed likewise: ids and scores [user_count, *width], a row
 * for each user, best first, zeros behind the last item. *width is k, or the number of items if
 * that is less. Each pointer but `answer` may be NULL. Status: ARGUMENT. Any thread.
 * Since 0.3. */
S3REC_API s3rec_status s3rec_answer_rows(const s3rec_answer *answer, const int32_t **ids,
                                         const float **scores, size_t *width);
/** NULL is fine. Since 0.3. */
S3REC_API void s3rec_answer_destroy(s3rec_answer *answer);

/** What a new model must pass before it serves. Since 0.3. */
typedef struct s3rec_exchange_options {
  size_t struct_size;           /**< set by s3rec_exchange_options_init */
  double least_known_share;     /**< share of the serving model's items that the new model must
                                 * have too, 0..1; default 0.5. By names; by the number of items
                                 * where the serving model has no names */
  const s3rec_dataset *dataset; /**< numbered as the new model's items, which is measured on its
                                 * test split; at least one user must have 3 items or more. NULL
                                 * (default): accuracy is not measured */
  double least_ndcg10;          /**< with `dataset`: least NDCG@10, 0..1; default 0 */
  double largest_loss;          /**< with `dataset`: share of the serving model's NDCG@10 on the
                                 * same users that may be lost, 0..1; default 1: all of it, and
                                 * the serving model is not measured. An answer that the serving
                                 * model does not have is a miss of it, and so is the answer for a
                                 * user of whom it has fewer than 3 items */
} s3rec_exchange_options;

/** Defaults. Since 0.3. */
S3REC_API void s3rec_exchange_options_init(s3rec_exchange_options *options);

/** Opens `path` and lets it serve in place of the model that serves now. Before that, on the
 * calling thread, the new model is checked: its scores are finite, it has the names that it
 * needs, and it is as accurate as `options` ask (NULL: the defaults). What its first calls need
 * is made ready too, so no call waits. Calls under way end with the model that they began with;
 * the last of them frees it. On failure the old model goes on serving. Exchanges are made one
 * after the other. Statuses: as s3rec_model_map; NUMERIC (a score is not finite); MISMATCH
 * (names or accuracy; the text has the figures); ENGINE, THREAD. Since 0.3. */
S3REC_API s3rec_status s3rec_recommender_exchange(s3rec_recommender *recommender,
                                                  const char *path,
                                                  const s3rec_exchange_options *options);
/** The same with a model in memory, which may not be written as long as it serves. Statuses:
 * ARGUMENT, MEMORY, ENGINE, NUMERIC, MISMATCH, THREAD; STATE (the model has a trainer).
 * Since 0.3. */
S3REC_API s3rec_status s3rec_recommender_exchange_model(s3rec_recommender *recommender,
                                                        s3rec_model *model,
                                                        const s3rec_exchange_options *options);

/** Buckets of s3rec_recommender_statistics.latency. */
#define S3REC_LATENCY_BUCKETS 32

/** What a recommender did since it was made: for monitoring. A call is one of s3rec_recommend,
 * s3rec_recommend_request and s3rec_similar. Since 0.3. */
typedef struct s3rec_recommender_statistics {
  size_t struct_size;              /**< set by s3rec_recommender_statistics_init */
  uint64_t model_number;           /**< 1 for the first model, one more with each exchange */
  uint64_t call_count;             /**< calls that ended, failed ones included */
  uint64_t failed_call_count;      /**< calls that failed */
  uint64_t user_count;             /**< users answered */
  uint64_t popular_count;          /**< of these, by popularity */
  uint64_t empty_count;            /**< of these, with no items */
  uint64_t unknown_item_count;     /**< entries of histories that the model did not know */
  uint64_t refused_exchange_count; /**< exchanges that failed, except for NULL or wrong options,
                                    * which are refused before the model is looked at */
  uint64_t scorer_count;           /**< scorers there are now, at work or at rest */
  uint64_t memory;                 /**< bytes of the model that serves, its compact tables, and
                                    * all scorers */
  uint64_t latency[S3REC_LATENCY_BUCKETS]; /**< calls by their time: bucket b counts those of
                                            * 2^b .. 2^(b+1) - 1 nanoseconds, bucket 0 also
                                            * shorter ones, the last bucket also longer ones */
} s3rec_recommender_statistics;

/** Sets struct_size and zeros. Since 0.3. */
S3REC_API void s3rec_recommender_statistics_init(s3rec_recommender_statistics *statistics);
/** Reads the counters. Each is exact; calls that end meanwhile may be in some and not yet in
 * others. Status: ARGUMENT. Since 0.3. */
S3REC_API s3rec_status s3rec_recommender_statistics_get(const s3rec_recommender *recommender,
                                                        s3rec_recommender_statistics *statistics);
/** The time, in seconds, that a share (0..1) of the calls stayed below: 0.5 for the median, 0.99
 * for the slowest of a hundred. Within a bucket it is interpolated; calls in the last bucket count
 * as shorter than 4.3 s. 0 without calls and for NULL.
 * Any thread. Since 0.3. */
S3REC_API double s3rec_recommender_latency(const s3rec_recommender_statistics *statistics,
                                           double share);

#ifdef __cplusplus
}
#endif
#endif
