/* SPDX-License-Identifier: Apache-2.0 */
#include "score_support.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/kernels.h"

s3rec_context *score_context(s3rec_backend backend, s3rec_kernel_level level,
                             int32_t thread_count, test_hooks *hooks) {
  s3rec_context_options options;
  s3rec_context_options_init(&options);
  options.backend = backend;
  options.kernel_level = level;
  options.thread_count = thread_count;
  if (hooks != NULL) test_hooks_install(hooks, &options);
  s3rec_context *context = NULL;
  ASSERT_OK(s3rec_context_create(&options, &context));
  return context;
}

static s3rec_scan current_scan = S3REC_SCAN_AUTO;

static void check_levels(s3rec_backend backend, void (*check)(s3rec_context *context)) {
  for (int level = S3REC_KERNELS_BASELINE; level <= S3REC_KERNELS_AVX512; level++) {
    if (s3_kernels_get((s3rec_kernel_level)level) == NULL) continue;
    test_hooks hooks = {0};
    s3rec_context *context = score_context(backend, (s3rec_kernel_level)level, 1, &hooks);
    check(context);
    s3rec_context_destroy(context);
    ck_assert_int_eq(hooks.live_blocks, 0);
  }
}

void score_every_context(void (*check)(s3rec_context *context)) {
  check_levels(S3REC_BACKEND_FUSED, check);
  check_levels(S3REC_BACKEND_ONEDNN, check);
}

void score_every_scan(void (*check)(s3rec_context *context)) {
  for (int scan = S3REC_SCAN_F32; scan <= S3REC_SCAN_INT8; scan++) {
    current_scan = (s3rec_scan)scan;
    check_levels(S3REC_BACKEND_FUSED, check);
  }
  current_scan = S3REC_SCAN_AUTO;
  check_levels(S3REC_BACKEND_ONEDNN, check);
}

s3rec_scorer *score_create(s3rec_model *model) {
  s3rec_scorer_options options;
  s3rec_scorer_options_init(&options);
  options.scan = current_scan;
  s3rec_scorer *scorer = NULL;
  ASSERT_OK(s3rec_scorer_create_with(model, &options, &scorer));
  return scorer;
}

s3rec_model *score_model(s3rec_context *context, int32_t item_size, int32_t max_seq_length,
                         int32_t hidden_size) {
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  config.item_size = item_size;
  config.max_seq_length = max_seq_length;
  config.hidden_size = hidden_size;
  config.initializer_range = 0.3;
  s3rec_model *model = NULL;
  ASSERT_OK(s3rec_model_create(context, &config, 5, &model));
  return model;
}

void score_copy_item(s3rec_model *model, int32_t from, int32_t to) {
  static const char name[] = "item_embeddings.weight";
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  ASSERT_OK(s3rec_model_config_get(model, &config));
  const size_t width = (size_t)config.hidden_size, count = (size_t)config.item_size * width;
  float *values = malloc(count * sizeof *values);
  ASSERT_OK(s3rec_model_parameter_read(model, name, values, count));
  memcpy(values + (size_t)to * width, values + (size_t)from * width, width * sizeof *values);
  ASSERT_OK(s3rec_model_parameter_write(model, name, values, count));
  free(values);
}

void score_draw_history(s3_random *random, int32_t first, int32_t last, int32_t *ids,
                        size_t count) {
  for (size_t i = 0; i < count; i++) {
    ids[i] = first + (int32_t)s3_random_below(random, (uint32_t)(last - first + 1));
  }
}
