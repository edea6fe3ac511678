/* SPDX-License-Identifier: Apache-2.0 */
/* What Go calls: each function is one call of the library that gives back status, detail and
 * result by value. So the detail is read on the thread that failed, no Go variable has to
 * move to the heap, and structs with pointers are put together here, from plain arrays. */
#ifndef S3GO_BRIDGE_H
#define S3GO_BRIDGE_H

#include <s3rec/s3rec.h>
#include <stdlib.h>
#include <string.h>

typedef struct s3go_result {
  int32_t status;
  char *detail; /* malloc'ed copy, or NULL */
  void *handle; /* what was made, or borrowed memory */
  size_t count; /* a number that belongs to the result */
} s3go_result;

static inline s3go_result s3go_done(s3rec_status status, void *handle, size_t count) {
  s3go_result result = {(int32_t)status, NULL, handle, count};
  if (status != S3REC_OK) result.detail = strdup(s3rec_last_error());
  return result;
}

/* Context, dataset. */

/* `log` is a handle that Go gave out, 0 for no log. */
s3go_result s3go_context_create(int32_t thread_count, int32_t kernel_level, int32_t backend,
                                uintptr_t log);

static inline s3go_result s3go_dataset_load(s3rec_context *context, const char *sequences,
                                            const char *attributes, const char *negatives) {
  s3rec_dataset *dataset = NULL;
  const s3rec_status status =
      s3rec_dataset_load(context, sequences, attributes, negatives, &dataset);
  return s3go_done(status, dataset, 0);
}

s3go_result s3go_dataset_from_arrays(s3rec_context *context, size_t user_count,
                                     const int64_t *item_offsets, const int32_t *items,
                                     size_t attributed_item_count,
                                     const int32_t *attributed_items,
                                     const int64_t *attribute_offsets, const int32_t *attributes,
                                     int32_t negatives_per_user, const int32_t *negatives);

static inline s3go_result s3go_dataset_info(const s3rec_dataset *dataset,
                                            s3rec_dataset_info *info) {
  s3rec_dataset_info_init(info);
  return s3go_done(s3rec_dataset_info_get(dataset, info), NULL, 0);
}

static inline s3go_result s3go_dataset_user_items(const s3rec_dataset *dataset, size_t user) {
  const int32_t *items = NULL;
  size_t count = 0;
  const s3rec_status status = s3rec_dataset_user_items(dataset, user, &items, &count);
  return s3go_done(status, (void *)items, count);
}

static inline s3go_result s3go_dataset_item_attributes(const s3rec_dataset *dataset,
                                                       int32_t item) {
  const int32_t *attributes = NULL;
  size_t count = 0;
  const s3rec_status status = s3rec_dataset_item_attributes(dataset, item, &attributes, &count);
  return s3go_done(status, (void *)attributes, count);
}

static inline s3go_result s3go_dataset_user_negatives(const s3rec_dataset *dataset, size_t user) {
  const int32_t *negatives = NULL;
  size_t count = 0;
  const s3rec_status status = s3rec_dataset_user_negatives(dataset, user, &negatives, &count);
  return s3go_done(status, (void *)negatives, count);
}

/* Model. */

static inline void s3go_model_config_init(s3rec_model_config *config) {
  s3rec_model_config_init(config);
}

static inline s3go_result s3go_model_create(s3rec_context *context,
                                            const s3rec_model_config *config, uint64_t seed) {
  s3rec_model *model = NULL;
  const s3rec_status status = s3rec_model_create(context, config, seed, &model);
  return s3go_done(status, model, 0);
}

static inline s3go_result s3go_model_open(s3rec_context *context, const char *path,
                                          const s3rec_model_config *fallback, int32_t mapped) {
  s3rec_model *model = NULL;
  const s3rec_status status = (mapped ? s3rec_model_map : s3rec_model_load)(context, path,
                                                                            fallback, &model);
  return s3go_done(status, model, 0);
}

static inline s3go_result s3go_model_save(const s3rec_model *model, const char *path) {
  return s3go_done(s3rec_model_save(model, path), NULL, 0);
}

static inline s3go_result s3go_model_clone(const s3rec_model *model) {
  s3rec_model *clone = NULL;
  const s3rec_status status = s3rec_model_clone(model, &clone);
  return s3go_done(status, clone, 0);
}

static inline s3go_result s3go_model_config(const s3rec_model *model, s3rec_model_config *config) {
  s3rec_model_config_init(config);
  return s3go_done(s3rec_model_config_get(model, config), NULL, 0);
}

static inline s3go_result s3go_model_set_dropouts(s3rec_model *model, double hidden,
                                                  double attention) {
  return s3go_done(s3rec_model_set_dropouts(model, hidden, attention), NULL, 0);
}

static inline s3go_result s3go_model_copy_weights(s3rec_model *model, const s3rec_model *source) {
  return s3go_done(s3rec_model_copy_weights(model, source), NULL, 0);
}

static inline s3go_result s3go_model_parameter_info(const s3rec_model *model, size_t index,
                                                    s3rec_parameter_info *info) {
  s3rec_parameter_info_init(info);
  return s3go_done(s3rec_model_parameter_info(model, index, info), NULL, 0);
}

static inline s3go_result s3go_model_parameter_read(const s3rec_model *model, const char *name,
                                                    float *values, size_t count) {
  return s3go_done(s3rec_model_parameter_read(model, name, values, count), NULL, 0);
}

static inline s3go_result s3go_model_parameter_write(s3rec_model *model, const char *name,
                                                     const float *values, size_t count) {
  return s3go_done(s3rec_model_parameter_write(model, name, values, count), NULL, 0);
}

/* Scoring. Scorers are void *: Go 1.19 allocates to check a pointer of a type without size. */

static inline s3go_result s3go_scorer_create(s3rec_model *model, int32_t scan) {
  s3rec_scorer *scorer = NULL;
  s3rec_scorer_options options;
  s3rec_scorer_options_init(&options);
  options.scan = (s3rec_scan)scan;
  const s3rec_status status = s3rec_scorer_create_with(model, &options, &scorer);
  return s3go_done(status, scorer, 0);
}

/* candidate_count below 0: everything is a candidate. */
s3go_result s3go_score_next(void *scorer, const int32_t *history, size_t history_count,
                            int32_t include_history, const int32_t *excluded,
                            size_t excluded_count, const int32_t *candidates,
                            int64_t candidate_count, size_t k, int32_t *ids, float *scores);
s3go_result s3go_score_next_batch(void *scorer, const int32_t *histories,
                                  const int64_t *offsets, size_t user_count,
                                  int32_t include_history, const int32_t *excluded,
                                  size_t excluded_count, const int32_t *candidates,
                                  int64_t candidate_count, size_t k, int32_t *ids, float *scores,
                                  size_t *counts);

static inline s3go_result s3go_score_all(void *scorer, const int32_t *history,
                                         size_t history_count, float *scores, size_t capacity) {
  return s3go_done(s3rec_score_all(scorer, history, history_count, scores, capacity), NULL, 0);
}

static inline s3go_result s3go_user_vector(void *scorer, const int32_t *history,
                                           size_t history_count, float *vector, size_t capacity) {
  return s3go_done(s3rec_user_vector(scorer, history, history_count, vector, capacity), NULL, 0);
}

static inline s3go_result s3go_encode(void *scorer, int32_t attention, const int32_t *ids,
                                      size_t count, size_t length, float *hidden) {
  return s3go_done(s3rec_encode(scorer, (s3rec_attention)attention, ids, count, length, hidden),
                   NULL, 0);
}

/* Fields of 0 keep their defaults. */
static inline s3go_result s3go_evaluate(s3rec_model *model, const s3rec_dataset *dataset,
                                        int32_t split, int32_t protocol, int32_t seen,
                                        s3rec_metrics *metrics, int64_t *ranks) {
  s3rec_evaluate_options options;
  s3rec_evaluate_options_init(&options);
  if (split != 0) options.split = (s3rec_split)split;
  if (protocol != 0) options.protocol = (s3rec_protocol)protocol;
  if (seen != 0) options.seen = (s3rec_seen_policy)seen;
  s3rec_metrics_init(metrics);
  return s3go_done(s3rec_evaluate(model, dataset, &options, metrics, ranks), NULL, 0);
}

#endif
