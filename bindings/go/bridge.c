/* SPDX-License-Identifier: Apache-2.0 */
#include "bridge.h"

#include "_cgo_export.h"

/* Go hands out numbers for its functions; the library keeps one as user_data. */
static void forward_log(s3rec_log_level level, const char *message, void *user_data) {
  s3goLog((int32_t)level, (char *)message, (uintptr_t)user_data);
}

s3go_result s3go_context_create(int32_t thread_count, int32_t kernel_level, int32_t backend,
                                uintptr_t log) {
  s3rec_context_options options;
  s3rec_context *context = NULL;
  s3rec_context_options_init(&options);
  if (thread_count != 0) options.thread_count = thread_count;
  options.kernel_level = (s3rec_kernel_level)kernel_level;
  options.backend = (s3rec_backend)backend;
  if (log != 0) {
    options.log = forward_log;
    options.log_user_data = (void *)log;
  }
  const s3rec_status status = s3rec_context_create(&options, &context);
  return s3go_done(status, context, 0);
}

s3go_result s3go_dataset_from_arrays(s3rec_context *context, size_t user_count,
                                     const int64_t *item_offsets, const int32_t *items,
                                     size_t attributed_item_count,
                                     const int32_t *attributed_items,
                                     const int64_t *attribute_offsets, const int32_t *attributes,
                                     int32_t negatives_per_user, const int32_t *negatives) {
  s3rec_dataset_arrays arrays;
  s3rec_dataset *dataset = NULL;
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
  const s3rec_status status = s3rec_dataset_from_arrays(context, &arrays, &dataset);
  return s3go_done(status, dataset, 0);
}

static s3rec_score_options score_options(int32_t include_history, const int32_t *excluded,
                                         size_t excluded_count, const int32_t *candidates,
                                         int64_t candidate_count) {
  static const int32_t nothing[1]; /* an empty list is not NULL */
  s3rec_score_options options;
  s3rec_score_options_init(&options);
  options.include_history = include_history;
  options.excluded = excluded;
  options.excluded_count = excluded_count;
  if (candidate_count >= 0) {
    options.candidates = candidates != NULL ? candidates : nothing;
    options.candidate_count = (size_t)candidate_count;
  }
  return options;
}

s3go_result s3go_score_next(void *scorer, const int32_t *history, size_t history_count,
                            int32_t include_history, const int32_t *excluded,
                            size_t excluded_count, const int32_t *candidates,
                            int64_t candidate_count, size_t k, int32_t *ids, float *scores) {
  const s3rec_score_options options =
      score_options(include_history, excluded, excluded_count, candidates, candidate_count);
  size_t count = 0;
  const s3rec_status status =
      s3rec_score_next(scorer, history, history_count, &options, k, ids, scores, &count);
  return s3go_done(status, NULL, count);
}

s3go_result s3go_score_next_batch(void *scorer, const int32_t *histories,
                                  const int64_t *offsets, size_t user_count,
                                  int32_t include_history, const int32_t *excluded,
                                  size_t excluded_count, const int32_t *candidates,
                                  int64_t candidate_count, size_t k, int32_t *ids, float *scores,
                                  size_t *counts) {
  const s3rec_score_options options =
      score_options(include_history, excluded, excluded_count, candidates, candidate_count);
  const s3rec_status status = s3rec_score_next_batch(scorer, histories, offsets, user_count,
                                                     &options, k, ids, scores, counts);
  return s3go_done(status, NULL, 0);
}
