/* SPDX-License-Identifier: Apache-2.0 */
/* Filters: lists of ids and names, and what they come to with the names of a model. */
#ifndef S3_SERVING_FILTER_H
#define S3_SERVING_FILTER_H

#include <pthread.h>

#include "model/model.h"
#include "s3rec/recommender.h"
#include "scoring/order.h"

/* Names one after the other, as s3_names_find takes them. */
typedef struct s3_name_list {
  size_t count;
  char *text;
  int64_t *offsets; /* [count + 1] */
} s3_name_list;

s3rec_status s3_name_list_create(const s3rec_context *context, const char *const *names,
                                 size_t count, s3_name_list *list);
void s3_name_list_free(const s3rec_context *context, s3_name_list *list);

/* A filter as it is with the names of one model. Read-only. */
typedef struct s3_allowed {
  s3rec_vocabulary *names; /* or NULL: none, or they do not matter */
  int32_t item_size;
  size_t users;            /* calls that use it; under the filter's lock */
  struct s3_allowed *next;
  uint64_t *left_out;      /* set (scoring/order.h) of the items that are not allowed */
  int32_t *candidates;     /* the items that are, rising, where they are few; else NULL */
  size_t candidate_count;
} s3_allowed;

/* Whether both allow the item; NULL allows everything. */
static inline bool s3_both_allow(const s3_allowed *a, const s3_allowed *b, int32_t id) {
  return (a == NULL || !s3_id_set_has(a->left_out, id)) &&
         (b == NULL || !s3_id_set_has(b->left_out, id));
}

/* The one with fewer candidates; NULL where neither has a list of them. Both may be NULL. */
static inline const s3_allowed *s3_fewer_candidates(const s3_allowed *a, const s3_allowed *b) {
  if (a == NULL || a->candidates == NULL) return b == NULL || b->candidates == NULL ? NULL : b;
  if (b == NULL || b->candidates == NULL) return a;
  return b->candidate_count < a->candidate_count ? b : a;
}

struct s3rec_filter {
  s3rec_context *context;
  bool allow_only;
  int32_t *ids; /* allowed ones, then denied ones */
  size_t allowed_count, denied_count;
  s3_name_list allowed_names, denied_names;
  pthread_mutex_t lock; /* of the list; held for a few instructions */
  s3_allowed *resolved; /* the newest first */
};

s3rec_status s3_filter_create(s3rec_context *context, const s3rec_filter_options *options,
                              s3rec_filter **filter);
void s3_filter_destroy(s3rec_filter *filter);
/* The filter with the names of this model, until s3_filter_put_back. NULL for no filter. */
s3rec_status s3_filter_take(s3rec_filter *filter, const s3rec_model *model,
                            const s3_allowed **allowed);
/* Both may be NULL. */
void s3_filter_put_back(s3rec_filter *filter, const s3_allowed *allowed);

#endif
