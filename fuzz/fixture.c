/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <math.h>
#include <stdio.h>

enum { NEGATIVES = 2 };

s3rec_dataset *fixture_dataset(s3rec_context *context) {
  int64_t offsets[FIXTURE_USERS + 1] = {0}, attribute_offsets[FIXTURE_ITEMS + 1] = {0};
  int32_t items[FIXTURE_USERS * FIXTURE_USERS], attributed[FIXTURE_ITEMS];
  int32_t attributes[FIXTURE_ITEMS * 2], negatives[FIXTURE_USERS * NEGATIVES];
  for (int32_t user = 0; user < FIXTURE_USERS; user++) {
    offsets[user + 1] = offsets[user] + user + 1;
    for (int64_t i = offsets[user]; i < offsets[user + 1]; i++)
      items[i] = 1 + (int32_t)(i * 7 + user * 3) % FIXTURE_ITEMS;
    for (int32_t i = 0; i < NEGATIVES; i++)
      negatives[user * NEGATIVES + i] = 1 + (user * 3 + i * 5) % FIXTURE_ITEMS;
  }
  for (int32_t item = 0; item < FIXTURE_ITEMS; item++) {
    attributed[item] = item + 1;
    attribute_offsets[item + 1] = attribute_offsets[item];
    for (int32_t i = 0; i < item % 3; i++)
      attributes[attribute_offsets[item + 1]++] = (item + i) % FIXTURE_ATTRIBUTES;
  }
  s3rec_dataset_arrays arrays;
  s3rec_dataset *dataset;
  s3rec_dataset_arrays_init(&arrays);
  arrays.user_count = FIXTURE_USERS;
  arrays.item_offsets = offsets;
  arrays.items = items;
  arrays.attributed_item_count = FIXTURE_ITEMS;
  arrays.attributed_items = attributed;
  arrays.attribute_offsets = attribute_offsets;
  arrays.attributes = attributes;
  arrays.negatives_per_user = NEGATIVES;
  arrays.negatives = negatives;
  fuzz_ok(s3rec_dataset_from_arrays(context, &arrays, &dataset));
  return dataset;
}

s3rec_model *fixture_model(s3rec_context *context) {
  s3rec_model_config config;
  s3rec_model *model;
  s3rec_model_config_init(&config);
  config.item_size = FIXTURE_ITEMS + 2;
  config.attribute_size = FIXTURE_ATTRIBUTES;
  config.max_seq_length = FIXTURE_LENGTH;
  config.hidden_size = 2;
  config.num_hidden_layers = 1;
  config.num_attention_heads = 1;
  config.initializer_range = 0.5;
  fuzz_ok(s3rec_model_create(context, &config, 7, &model));
  return model;
}

void fixture_set_names(s3rec_context *context, s3rec_model *model) {
  int64_t offsets[FIXTURE_ITEMS + 1];
  for (int64_t i = 0; i <= FIXTURE_ITEMS; i++) offsets[i] = i;
  s3rec_vocabulary *items, *attributes;
  fuzz_ok(s3rec_vocabulary_create(context, S3REC_NAMES_TEXT, 1, "jihgfedcba", offsets,
                                  FIXTURE_ITEMS, &items));
  fuzz_ok(s3rec_vocabulary_create(context, S3REC_NAMES_INTEGER, 0, "012", offsets,
                                  FIXTURE_ATTRIBUTES, &attributes));
  fuzz_ok(s3rec_model_set_names(model, items, attributes));
  s3rec_vocabulary_destroy(items);
  s3rec_vocabulary_destroy(attributes);
}

void fixture_trainer_options(s3rec_trainer_options *options) {
  s3rec_trainer_options_init(options);
  options->learning_rate = 0.02;
  options->max_gradient_norm = 2;
  options->shard_count = 2;
}

s3rec_trainer *fixture_trainer(s3rec_model *model) {
  s3rec_trainer_options options;
  s3rec_trainer *trainer;
  fixture_trainer_options(&options);
  fuzz_ok(s3rec_trainer_create(model, &options, &trainer));
  return trainer;
}

s3rec_sampler *fixture_sampler(s3rec_dataset *dataset, s3rec_stage stage) {
  s3rec_sampler_options options;
  s3rec_sampler *sampler;
  s3rec_sampler_options_init(&options, stage);
  options.batch_size = 3;
  options.max_seq_length = FIXTURE_LENGTH;
  fuzz_ok(s3rec_sampler_create(dataset, &options, &sampler));
  return sampler;
}

s3rec_run *fixture_run(s3rec_model *model, s3rec_dataset *dataset, s3rec_stage stage) {
  s3rec_run_options options;
  s3rec_sampler_options sampler;
  s3rec_trainer_options trainer;
  s3rec_run *run;
  s3rec_run_options_init(&options, stage);
  s3rec_sampler_options_init(&sampler, stage);
  fixture_trainer_options(&trainer);
  sampler.batch_size = 4;
  options.sampler = &sampler;
  options.trainer = &trainer;
  options.epochs = 4;
  options.patience = 2;
  fuzz_ok(s3rec_run_create(model, dataset, &options, &run));
  return run;
}

void fixture_score(s3rec_model *model, uint64_t choice, int32_t *ids, float *scores,
                   size_t *count) {
  s3rec_model_config config;
  s3rec_score_options options;
  s3rec_scorer *scorer;
  s3rec_model_config_init(&config);
  s3rec_score_options_init(&options);
  options.include_history = (int32_t)(choice & 1);
  fuzz_ok(s3rec_model_config_get(model, &config));
  int32_t history[6];
  for (size_t i = 0; i < 6; i++)
    history[i] = (int32_t)((choice >> (i * 10) & 1023) % (uint64_t)config.item_size);
  fuzz_ok(s3rec_scorer_create(model, &scorer));
  fuzz_ok(s3rec_score_next(scorer, history, 6, &options, FIXTURE_BEST, ids, scores, count));
  s3rec_scorer_destroy(scorer);
  fuzz_claim(*count <= FIXTURE_BEST, "%zu answers", *count);
  for (size_t i = 0; i < *count; i++) {
    fuzz_claim(ids[i] >= 1 && ids[i] <= config.item_size - 2, "item %d", (int)ids[i]);
    for (size_t other = 0; other < i; other++)
      fuzz_claim(ids[i] != ids[other], "item %d twice", (int)ids[i]);
  }
}
