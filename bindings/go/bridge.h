/* SPDX-License-Identifier: Apache-2.0 */
/* What Go cannot do by itself: cgo passes the address of an array as an argument, but not inside
 * a struct, and a function of Go cannot be a callback of C without a function of C before it. */
#ifndef S3GO_BRIDGE_H
#define S3GO_BRIDGE_H

#include <s3rec/s3rec.h>
#include <stdlib.h>

/* Exported by Go. Go gives out a number for its function, 0 for none, and the library keeps that
 * as user_data. */
extern void s3goLog(int32_t level, char *message, uintptr_t log);

static inline void s3go_forward_log(s3rec_log_level level, const char *message, void *user_data) {
  s3goLog((int32_t)level, (char *)message, (uintptr_t)user_data);
}

static inline s3rec_status s3go_context_create(const s3rec_context_options *options,
                                               const s3rec_limits *limits, uintptr_t log,
                                               s3rec_context **context) {
  s3rec_context_options complete = *options;
  complete.limits = limits;
  if (log != 0) {
    complete.log = s3go_forward_log;
    complete.log_user_data = (void *)log;
  }
  return s3rec_context_create(&complete, context);
}

static inline s3rec_status s3go_dataset_from_arrays(
    s3rec_context *context, size_t user_count, const int64_t *item_offsets, const int32_t *items,
    size_t attributed_item_count, const int32_t *attributed_items,
    const int64_t *attribute_offsets, const int32_t *attributes, int32_t negatives_per_user,
    const int32_t *negatives, s3rec_dataset **dataset) {
  s3rec_dataset_arrays arrays;
  s3rec_dataset_arrays_init(&arrays);
  arrays.user_count = user_count;
  arrays.item_offsets = item_offsets;
  arrays.items = items;
  arrays.attributed_item_count = attributed_item_count;
  arrays.attributed_items = attributed_items;
  arrays.attribute_offsets = attribute_offsets;
  arrays.attributes = attributes;
  arrays.negatives_per_user = negatives_per_user;
  arrays.negatives = negatives;
  return s3rec_dataset_from_arrays(context, &arrays, dataset);
}

static inline s3rec_status s3go_events_append(
    s3rec_events *events, size_t count, const int64_t *users, const char *user_text,
    const int64_t *user_offsets, const int64_t *items, const char *item_text,
    const int64_t *item_offsets, const int64_t *timestamps, const double *values) {
  const s3rec_id_array user_ids = {users, user_text, user_offsets};
  const s3rec_id_array item_ids = {items, item_text, item_offsets};
  return s3rec_events_append(events, count, &user_ids, &item_ids, timestamps, values);
}

static inline s3rec_status s3go_events_append_attributes(
    s3rec_events *events, size_t count, const int64_t *items, const char *item_text,
    const int64_t *item_offsets, const int64_t *attributes, const char *attribute_text,
    const int64_t *attribute_offsets) {
  const s3rec_id_array item_ids = {items, item_text, item_offsets};
  const s3rec_id_array attribute_ids = {attributes, attribute_text, attribute_offsets};
  return s3rec_events_append_attributes(events, count, &item_ids, &attribute_ids);
}

static inline s3rec_status s3go_batch_set_pretrain(
    s3rec_batch *batch, int32_t batch_size, int32_t max_seq_length, int32_t attribute_size,
    int32_t mask_id, const uint8_t *attributes, const int32_t *masked_item_sequence,
    const int32_t *pos_items, const int32_t *neg_items, const int32_t *masked_segment_sequence,
    const int32_t *pos_segment, const int32_t *neg_segment) {
  s3rec_pretrain_arrays arrays;
  s3rec_pretrain_arrays_init(&arrays);
  arrays.batch_size = batch_size;
  arrays.max_seq_length = max_seq_length;
  arrays.attribute_size = attribute_size;
  arrays.mask_id = mask_id;
  arrays.attributes = attributes;
  arrays.masked_item_sequence = masked_item_sequence;
  arrays.pos_items = pos_items;
  arrays.neg_items = neg_items;
  arrays.masked_segment_sequence = masked_segment_sequence;
  arrays.pos_segment = pos_segment;
  arrays.neg_segment = neg_segment;
  return s3rec_batch_set_pretrain(batch, &arrays);
}

static inline s3rec_status s3go_run_create(s3rec_model *model, s3rec_dataset *dataset,
                                           s3rec_run_options *options,
                                           const s3rec_sampler_options *sampler,
                                           const s3rec_trainer_options *trainer,
                                           s3rec_run **run) {
  s3rec_run_options with_both = *options;
  with_both.sampler = sampler;
  with_both.trainer = trainer;
  return s3rec_run_create(model, dataset, &with_both, run);
}

/* As s3goLog. */
extern int32_t s3goTrained(s3rec_run_progress *progress, uintptr_t training);

static inline int32_t s3go_forward_step(const s3rec_run_progress *progress, void *user_data) {
  return s3goTrained((s3rec_run_progress *)progress, (uintptr_t)user_data);
}

static inline s3rec_status s3go_train(const s3rec_train_options *options, uintptr_t training,
                                      s3rec_model **model, s3rec_metrics *metrics) {
  s3rec_train_options with_progress = *options;
  with_progress.progress = s3go_forward_step;
  with_progress.user_data = (void *)training;
  return s3rec_train(&with_progress, model, metrics);
}

/* Handles are void * here: Go 1.19 allocates to check a pointer to a type whose size it does not
 * know, and recommending must not allocate. */

static inline s3rec_status s3go_recommend(void *recommender, const int32_t *history,
                                          size_t history_count, void *filter, size_t k,
                                          int32_t *ids, float *scores, size_t *count) {
  return s3rec_recommend(recommender, history, history_count, filter, k, ids, scores, count);
}

static inline s3rec_status s3go_filter_create(void *recommender, int32_t allow_only,
                                              const int32_t *allowed, size_t allowed_count,
                                              char **allowed_names, size_t allowed_name_count,
                                              const int32_t *denied, size_t denied_count,
                                              char **denied_names, size_t denied_name_count,
                                              void **filter) {
  s3rec_filter_options options;
  s3rec_filter_options_init(&options);
  options.allow_only = allow_only;
  options.allowed = allowed;
  options.allowed_count = allowed_count;
  options.allowed_names = (const char *const *)allowed_names;
  options.allowed_name_count = allowed_name_count;
  options.denied = denied;
  options.denied_count = denied_count;
  options.denied_names = (const char *const *)denied_names;
  options.denied_name_count = denied_name_count;
  return s3rec_filter_create(recommender, &options, (s3rec_filter **)filter);
}

static inline void s3go_filter_destroy(void *filter) { s3rec_filter_destroy(filter); }

static inline s3rec_status s3go_answer(void *recommender, int32_t similar, size_t user_count,
                                       const int64_t *offsets, const int32_t *items, char **names,
                                       size_t item_count, size_t k, void *filter, void **filters,
                                       int32_t include_history, void **answer) {
  s3rec_request request;
  s3rec_request_init(&request);
  request.user_count = user_count;
  request.offsets = offsets;
  request.items = items;
  request.names = (const char *const *)names;
  request.item_count = item_count;
  request.k = k;
  request.filter = filter;
  request.filters = (const s3rec_filter *const *)filters;
  request.include_history = include_history;
  return (similar ? s3rec_similar : s3rec_recommend_request)(recommender, &request,
                                                             (s3rec_answer **)answer);
}

static inline s3rec_status s3go_answer_get(void *answer, size_t user, s3rec_ranked_items *items) {
  s3rec_ranked_items_init(items);
  return s3rec_answer_get(answer, user, items);
}

static inline void s3go_answer_destroy(void *answer) { s3rec_answer_destroy(answer); }

#endif
