/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "bench.h"

enum { USERS = 22363, BEAUTY_ITEMS = 12101, LONGEST = 50, ATTRIBUTES = 638, HELD_OUT = 2 };

/* How many users have at least n training items: at the knots as measured on Beauty, geometric
 * between them. */
static double users_with(double n) {
  static const double knots[][2] = {{3, 22363}, {4, 14300}, {5, 10600},  {8, 5300},
                                    {16, 1300}, {32, 400},  {50.5, 130}};
  size_t k = 1;
  if (n <= knots[0][0]) return knots[0][1];
  while (n > knots[k][0] && k + 1 < sizeof knots / sizeof *knots) k++;
  const double part = (n - knots[k - 1][0]) / (knots[k][0] - knots[k - 1][0]);
  return knots[k - 1][1] * pow(knots[k][1] / knots[k - 1][1], part);
}

static int64_t sequence_length(size_t user, int32_t shortest) {
  int64_t n = shortest > 3 ? shortest : 3;
  while (n < LONGEST && users_with((double)(n + 1)) > (double)user) n++;
  return n + HELD_OUT;
}

/* Items with low ids are popular. */
static int32_t draw_item(s3_random *random, int32_t items) {
  const double u = s3_random_uniform(random);
  return 1 + (int32_t)(u * u * items);
}

static void fill_attributes(s3_random *random, int32_t items, int32_t *attributed,
                            int64_t *offsets, int32_t *attributes) {
  for (int32_t i = 0; i < items; i++) {
    const uint32_t count = 2 + s3_random_below(random, 5) - (s3_random_below(random, 10) < 3);
    attributed[i] = i + 1;
    offsets[i + 1] = offsets[i] + count;
    for (uint32_t a = 0; a < count; a++) { /* all different: one of each stratum */
      const uint32_t width = (ATTRIBUTES - 1) / count;
      attributes[offsets[i] + a] = (int32_t)(1 + a * width + s3_random_below(random, width));
    }
  }
  attributes[offsets[items] - 1] = ATTRIBUTES - 1;
}

s3rec_status workload_synthetic(s3rec_context *context, int32_t items, int32_t shortest,
                                s3rec_dataset **dataset) {
  s3_random random = s3_random_make(2020);
  const size_t item_count = (size_t)items;
  int64_t *offsets = calloc(USERS + 1, sizeof *offsets);
  int32_t *sequences = calloc((size_t)USERS * (LONGEST + HELD_OUT), sizeof *sequences);
  int32_t *attributed = calloc(item_count, sizeof *attributed);
  int64_t *attribute_offsets = calloc(item_count + 1, sizeof *attribute_offsets);
  int32_t *attributes = calloc(item_count * 6, sizeof *attributes);
  s3rec_status status = S3REC_ERROR_MEMORY;
  if (offsets != NULL && sequences != NULL && attributed != NULL && attribute_offsets != NULL &&
      attributes != NULL) {
    s3rec_dataset_arrays arrays;
    for (size_t user = 0; user < USERS; user++) {
      offsets[user + 1] = offsets[user] + sequence_length(user, shortest);
      for (int64_t i = offsets[user]; i < offsets[user + 1]; i++) {
        sequences[i] = draw_item(&random, items);
      }
    }
    sequences[0] = items;
    fill_attributes(&random, items, attributed, attribute_offsets, attributes);
    s3rec_dataset_arrays_init(&arrays);
    arrays.user_count = USERS;
    arrays.item_offsets = offsets;
    arrays.items = sequences;
    arrays.attributed_item_count = item_count;
    arrays.attributed_items = attributed;
    arrays.attribute_offsets = attribute_offsets;
    arrays.attributes = attributes;
    status = s3rec_dataset_from_arrays(context, &arrays, dataset);
  }
  free(offsets);
  free(sequences);
  free(attributed);
  free(attribute_offsets);
  free(attributes);
  return status;
}

int32_t workload_items(const bench_settings *settings) {
  return settings->items > 0 ? settings->items : BEAUTY_ITEMS;
}

static s3rec_status load(const bench_settings *settings, bench_workload *workload) {
  char sequences[1024], attributes[1024];
  if (settings->name == NULL) {
    return workload_synthetic(workload->context, workload_items(settings), settings->shortest,
                              &workload->dataset);
  }
  snprintf(sequences, sizeof sequences, "%s/%s.txt", settings->data, settings->name);
  snprintf(attributes, sizeof attributes, "%s/%s_item2attributes.json", settings->data,
           settings->name);
  return s3rec_dataset_load(workload->context, sequences, attributes, NULL, &workload->dataset);
}

int workload_create(const bench_settings *settings, bench_workload *workload) {
  s3rec_context_options options;
  s3rec_dataset_info info;
  s3rec_model_config config;
  *workload = (bench_workload){NULL, NULL, NULL};
  s3rec_context_options_init(&options);
  options.thread_count = settings->thread_count;
  options.backend = settings->backend;
  options.kernel_level = settings->kernel_level;
  if (s3rec_context_create(&options, &workload->context) != S3REC_OK) return bench_fail("context");
  s3rec_dataset_info_init(&info);
  if (load(settings, workload) != S3REC_OK ||
      s3rec_dataset_info_get(workload->dataset, &info) != S3REC_OK) {
    workload_destroy(workload);
    return bench_fail("data");
  }
  s3rec_model_config_init(&config);
  config.item_size = info.item_size;
  config.attribute_size = info.attribute_size;
  if (s3rec_model_create(workload->context, &config, 42, &workload->model) != S3REC_OK) {
    workload_destroy(workload);
    return bench_fail("model");
  }
  return 0;
}

void workload_destroy(bench_workload *workload) {
  s3rec_model_destroy(workload->model);
  s3rec_dataset_destroy(workload->dataset);
  s3rec_context_destroy(workload->context);
  *workload = (bench_workload){NULL, NULL, NULL};
}
