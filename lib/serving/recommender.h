/* SPDX-License-Identifier: Apache-2.0 */
/* Serving: what the calls of the front door share.
 *
 *   recommender --> current generation --> model, order of popularity, inverse item norms
 *        |                    ^
 *        '--> idle seats -----'   a seat is a scorer of one generation and serves one call
 *
 * A call takes an idle seat of the current generation, or makes one, and puts it back at its end.
 * Seats and calls hold references on their generation, so the last one of them frees it. */
#ifndef S3_SERVING_RECOMMENDER_H
#define S3_SERVING_RECOMMENDER_H

#include "s3rec/recommender.h"
#include "scoring/scorer.h"
#include "serving/filter.h"

/* One model while it serves. */
typedef struct s3_generation {
  atomic_size_t references;
  s3rec_model *model;
  uint64_t number; /* 1 for the first */
  pthread_mutex_t lock; /* held while one of the following is made */
  /* Items that have events, the most popular first; NULL until s3_generation_popular. */
  _Atomic(int32_t *) popular;
  size_t popular_count;
  double event_count;
  /* [item_size] 1 / norm of the item's vector, 0 for one of zeros; NULL until
   * s3_generation_inverse_norms. */
  _Atomic(float *) inverse_norms;
} s3_generation;

/* The model must not be in training as long as the generation lives: STATE. */
s3rec_status s3_generation_create(s3rec_model *model, uint64_t number, s3_generation **generation);
s3_generation *s3_generation_retain(s3_generation *generation);
void s3_generation_release(s3_generation *generation);
/* Both are made by the first call; *ids stays NULL for a model without popularity. */
s3rec_status s3_generation_popular(s3_generation *generation, const int32_t **ids);
s3rec_status s3_generation_inverse_norms(s3_generation *generation, const float **norms);

typedef struct s3_seat {
  s3_generation *generation;
  s3rec_scorer *scorer;
  size_t counted_bytes; /* of the scorer, in s3rec_recommender.scorer_bytes */
  struct s3_seat *next; /* of the spare ones */
  /* Of s3_answer_similar: all made by its first call. */
  uint64_t *given; /* set of ids, empty between calls */
  float *direction, *scores;
  s3_ranked *ranked;
  size_t ranked_capacity;
} s3_seat;

/* Counters of some threads; each thread always uses the same one. */
typedef struct s3_counters {
  _Alignas(64) atomic_uint_fast64_t calls;
  atomic_uint_fast64_t failed_calls, users, popular, empty, unknown_items;
  atomic_uint_fast64_t latency[S3REC_LATENCY_BUCKETS];
} s3_counters;

typedef struct s3_seat_slot {
  _Alignas(64) _Atomic(s3_seat *) seat;
} s3_seat_slot;

enum { S3_SEAT_SLOTS = 64, S3_COUNTER_SETS = 16 };

struct s3rec_recommender {
  s3rec_context *context;
  bool copy;
  s3rec_scan scan; /* of all scorers */
  _Atomic(s3_generation *) current; /* written under `lock` */
  pthread_mutex_t lock;             /* of `current` and `spare`; held for a few instructions */
  pthread_mutex_t exchange_lock;    /* held by the exchange that is under way */
  s3_seat *spare;                   /* idle seats that found no free slot */
  atomic_size_t spare_count, scorer_count, scorer_bytes;
  atomic_uint_fast64_t refused_exchanges;
  s3_seat_slot slots[S3_SEAT_SLOTS]; /* idle seats; a thread looks at its own slot first */
  s3_counters counters[S3_COUNTER_SETS];
};

/* Takes over nothing. */
s3rec_status s3_recommender_create(s3rec_context *context, s3rec_model *model,
                                   const s3rec_recommender_options *options,
                                   s3rec_recommender **recommender);
void s3_recommender_destroy(s3rec_recommender *recommender);
/* Opens a model as the recommender's options say. */
s3rec_status s3_recommender_open_model(s3rec_context *context, const char *path, bool copy,
                                       s3rec_model **model);
/* The generation that serves now; the caller releases it. */
s3_generation *s3_recommender_current(const s3rec_recommender *recommender);

/* A seat of `generation`, or of the current one (NULL), for the caller alone. */
s3rec_status s3_seat_take(s3rec_recommender *recommender, s3_generation *generation,
                          s3_seat **seat);
/* A new seat of a generation that need not serve yet. */
s3rec_status s3_seat_create(s3rec_recommender *recommender, s3_generation *generation,
                            s3_seat **seat);
void s3_seat_put_back(s3rec_recommender *recommender, s3_seat *seat);
/* Lets `generation` serve from now on, which takes over the caller's reference. */
void s3_recommender_set_current(s3rec_recommender *recommender, s3_generation *generation);

/* What a call did. */
typedef struct s3_tally {
  size_t users, popular, empty, unknown_items;
} s3_tally;

/* Number of the calling thread's set of counters, or of its slot: 0 .. count - 1, count a power
 * of two of at most 64. */
size_t s3_thread_place(size_t count);
/* Counts a call that began at `begin`; of a failed one the tally does not count. */
void s3_count_call(s3rec_recommender *recommender, uint64_t begin, s3rec_status status,
                   const s3_tally *tally);
void s3_recommender_statistics(const s3rec_recommender *recommender,
                               s3rec_recommender_statistics *statistics);
/* s3rec_recommender_latency. */
double s3_latency_of(const uint64_t *buckets, double share);

/* Checks the model as s3rec_recommender_exchange says and lets it serve. */
s3rec_status s3_recommender_exchange(s3rec_recommender *recommender, s3rec_model *model,
                                     const s3rec_exchange_options *options);
/* The same with a file. */
s3rec_status s3_recommender_exchange_file(s3rec_recommender *recommender, const char *path,
                                          const s3rec_exchange_options *options);

#endif
