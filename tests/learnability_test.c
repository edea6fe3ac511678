/* SPDX-License-Identifier: Apache-2.0 */
/* The whole way on a catalogue with structure: a model that was pretrained and
 * fine-tuned must beat popularity and an untrained model by far.
 *
 * The catalogue: 6 genres of 6 series of 4 parts each; a user has one genre,
 * follows series part by part and sometimes leaves one. HR@10 over all items,
 * history left out, on the last item of every user. */
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "support/suite.h"
#include "support/training.h"

enum {
  GENRES = 6,
  SERIES = 6, /* of a genre */
  PARTS = 4,  /* of a series */
  ITEMS = GENRES * SERIES * PARTS,
  USERS = 400,
  LONGEST = 14
};

/* Parts of one series have consecutive ids. */
static int32_t item_id(int genre, int series, int part) {
  return 1 + (genre * SERIES + series) * PARTS + part;
}

static size_t watch(s3_random *random, int32_t *items) {
  const int genre = (int)s3_random_below(random, GENRES);
  const size_t wanted = 6 + s3_random_below(random, LONGEST - 5);
  int next_part[SERIES] = {0};
  int series = (int)s3_random_below(random, SERIES);
  size_t count = 0;
  while (count < wanted) {
    if (next_part[series] == PARTS || s3_random_uniform(random) < 0.15) {
      /* Low numbers are more popular. */
      const double u = s3_random_uniform(random);
      series = (int)(u * u * SERIES);
    }
    if (next_part[series] < PARTS) items[count++] = item_id(genre, series, next_part[series]++);
  }
  return count;
}

static s3rec_dataset *make_catalogue(s3rec_context *context, uint64_t seed) {
  static int64_t offsets[USERS + 1], attribute_offsets[ITEMS + 1];
  static int32_t items[USERS * LONGEST], attributed[ITEMS], attributes[2 * ITEMS];
  s3_random random = s3_random_make(seed);
  s3rec_dataset_arrays arrays;
  s3rec_dataset *dataset;
  for (size_t user = 0; user < USERS; user++) {
    offsets[user + 1] = offsets[user] + (int64_t)watch(&random, items + offsets[user]);
  }
  for (int32_t i = 0; i < ITEMS; i++) {
    attributed[i] = i + 1;
    attributes[2 * i] = 1 + i / (SERIES * PARTS);
    attributes[2 * i + 1] = 1 + GENRES + i / PARTS;
    attribute_offsets[i + 1] = 2 * (i + 1);
  }
  s3rec_dataset_arrays_init(&arrays);
  arrays.user_count = USERS;
  arrays.item_offsets = offsets;
  arrays.items = items;
  arrays.attributed_item_count = ITEMS;
  arrays.attributed_items = attributed;
  arrays.attribute_offsets = attribute_offsets;
  arrays.attributes = attributes;
  test_ok(s3rec_dataset_from_arrays(context, &arrays, &dataset));
  return dataset;
}

static double hit_rate(s3rec_model *model, const s3rec_dataset *dataset) {
  s3rec_metrics metrics;
  s3rec_metrics_init(&metrics);
  test_ok(s3rec_evaluate(model, dataset, NULL, &metrics, NULL));
  ck_assert_uint_eq(metrics.user_count, USERS);
  return metrics.hit_rate[2];
}

/* HR@10 of ranking by how often an item occurs in the training parts. */
static double popularity_hit_rate(const s3rec_dataset *dataset) {
  size_t counts[ITEMS + 2] = {0}, hits = 0;
  for (size_t pass = 0; pass < 2; pass++) {
    for (size_t user = 0; user < USERS; user++) {
      const int32_t *items;
      size_t count, better = 0;
      int seen[ITEMS + 2] = {0};
      test_ok(s3rec_dataset_user_items(dataset, user, &items, &count));
      for (size_t i = 0; pass == 0 && i + 2 < count; i++) counts[items[i]]++;
      if (pass == 0) continue;
      for (size_t i = 0; i + 1 < count; i++) seen[items[i]] = 1;
      const int32_t answer = items[count - 1];
      for (int32_t i = 1; i <= ITEMS; i++) {
        better += !seen[i] && (counts[i] > counts[answer] ||
                               (counts[i] == counts[answer] && i < answer));
      }
      hits += better < 10;
    }
  }
  return (double)hits / USERS;
}

static void train(s3rec_model *model, s3rec_dataset *dataset, s3rec_stage stage,
                  s3rec_finetune_loss loss, int epochs) {
  s3rec_context *context = test_context(1);
  s3rec_sampler_options sampling;
  s3rec_trainer_options options;
  s3rec_sampler *sampler;
  s3rec_trainer *trainer;
  s3rec_batch *batch;
  size_t steps;
  s3rec_sampler_options_init(&sampling, stage);
  sampling.max_seq_length = LONGEST;
  /* Small batches for the sampled softmax, or nearly every item is a target. */
  sampling.batch_size = loss == S3REC_LOSS_SAMPLED_CE ? 10 : 50;
  s3rec_trainer_options_init(&options);
  options.learning_rate = 2e-3;
  options.finetune_loss = loss;
  options.negative_count = 10;
  test_ok(s3rec_sampler_create(dataset, &sampling, &sampler));
  test_ok(s3rec_sampler_epoch_size(sampler, NULL, &steps));
  test_ok(s3rec_trainer_create(model, &options, &trainer));
  test_ok(s3rec_batch_create(context, &batch));
  for (size_t step = 0; step < (size_t)epochs * steps; step++) {
    test_ok(s3rec_sampler_next(sampler, batch));
    test_ok(stage == S3REC_STAGE_PRETRAIN ? s3rec_pretrain_step(trainer, batch, NULL)
                                          : s3rec_finetune_step(trainer, batch, NULL));
  }
  s3rec_batch_destroy(batch);
  s3rec_trainer_destroy(trainer);
  s3rec_sampler_destroy(sampler);
  s3rec_context_destroy(context);
}

/* Loop: the fine-tune losses. */
START_TEST(learns_what_can_be_learned) {
  static const char *const names[] = {"ce", "bce", "sampled ce"};
  s3rec_context *context = test_context(2);
  s3rec_dataset *dataset = make_catalogue(context, 7);
  s3rec_model_config config;
  s3rec_model *model;
  s3rec_model_config_init(&config);
  config.item_size = ITEMS + 2;
  config.attribute_size = 1 + GENRES + GENRES * SERIES;
  config.max_seq_length = LONGEST;
  config.hidden_size = 32;
  config.hidden_dropout_prob = 0.2;
  config.attention_probs_dropout_prob = 0.2;
  test_ok(s3rec_model_create(context, &config, 5, &model));
  const double untrained = hit_rate(model, dataset);
  const double popularity = popularity_hit_rate(dataset);
  train(model, dataset, S3REC_STAGE_PRETRAIN, S3REC_LOSS_CE, 10);
  const double pretrained = hit_rate(model, dataset);
  train(model, dataset, S3REC_STAGE_FINETUNE, (s3rec_finetune_loss)(_i + 1), 30);
  const double tuned = hit_rate(model, dataset);
  printf("%s: HR@10 untrained %.3f, popularity %.3f, pretrained %.3f, fine-tuned %.3f\n",
         names[_i], untrained, popularity, pretrained, tuned);
  ck_assert_double_ge(tuned, 0.6);
  ck_assert_double_ge(tuned, 3 * popularity);
  ck_assert_double_ge(tuned, 3 * untrained);
  s3rec_model_destroy(model);
  s3rec_dataset_destroy(dataset);
  s3rec_context_destroy(context);
}
END_TEST

TEST_SUITE(learnability) {
  TCase *cases = tcase_create("learnability");
  tcase_add_loop_test(cases, learns_what_can_be_learned, 0, 3);
  test_add_cases(suite, cases, NULL);
}
