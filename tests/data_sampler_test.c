/* SPDX-License-Identifier: Apache-2.0 */
/* Positions, order and repeatability of both samplers, and their failures. */
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sampling/sampler.h"
#include "data_fixture.h"
#include "support/locale.h"
#include "support/suite.h"

static test_hooks hooks;
static s3rec_context *context;
static s3rec_batch *batch, *other;

static void set_up(void) {
  context = test_hooks_context(&hooks);
  ck_assert_int_eq(s3rec_batch_create(context, &batch), S3REC_OK);
  ck_assert_int_eq(s3rec_batch_create(context, &other), S3REC_OK);
}

static void tear_down(void) {
  s3rec_batch_destroy(batch);
  s3rec_batch_destroy(other);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

static const int32_t lengths[] = {12, 1, 3, 70, 2, 5, 4, 9, 33, 3, 7, 18};
enum { USERS = sizeof lengths / sizeof *lengths };

static s3rec_sampler_options options_of(s3rec_stage stage) {
  s3rec_sampler_options options;
  s3rec_sampler_options_init(&options, stage);
  options.batch_size = 7;
  options.max_seq_length = 20;
  return options;
}

/* On the dataset of the lengths above, which only the sampler holds. */
static s3rec_sampler *sampler_with(const s3rec_sampler_options *options) {
  s3rec_dataset *dataset = fixture_unique_dataset(context, lengths, USERS);
  s3rec_sampler *sampler = NULL;
  const s3rec_status status = s3rec_sampler_create(dataset, options, &sampler);
  ck_assert_msg(status == S3REC_OK, "%s", s3rec_last_error());
  s3rec_dataset_destroy(dataset);
  return sampler;
}

static s3rec_sampler *sampler_of(s3rec_stage stage) {
  const s3rec_sampler_options options = options_of(stage);
  return sampler_with(&options);
}

static void next(s3rec_sampler *sampler, s3rec_batch *into) {
  ck_assert_int_eq(s3rec_sampler_next(sampler, into), S3REC_OK);
}

static bool same_batch(const s3rec_batch *a, const s3rec_batch *b) {
  if (a->stage != b->stage || a->sequence_count != b->sequence_count ||
      a->token_count != b->token_count || a->target_count != b->target_count ||
      a->attribute_count != b->attribute_count)
    return false;
  const size_t ids = a->token_count * sizeof(int32_t);
  bool same = memcmp(a->offsets, b->offsets, (a->sequence_count + 1) * sizeof(size_t)) == 0;
  const bool pretrain = a->stage == S3REC_STAGE_PRETRAIN;
  for (int s = 0; s < S3_STREAM_COUNT; s++)
    if (pretrain || s == S3_STREAM_INPUT || s == S3_STREAM_POS || s == S3_STREAM_NEG)
      same = same && memcmp(a->ids[s], b->ids[s], ids) == 0;
  return same && (!pretrain ||
                  (memcmp(a->attribute_end, b->attribute_end,
                          a->token_count * sizeof(size_t)) == 0 &&
                   memcmp(a->attributes, b->attributes,
                          a->attribute_count * sizeof(int32_t)) == 0));
}

static const s3rec_stage stages[] = {S3REC_STAGE_PRETRAIN, S3REC_STAGE_FINETUNE};

START_TEST(defaults) {
  for (int i = 0; i < 2; i++) {
    s3rec_sampler_options options;
    s3rec_sampler_options_init(&options, stages[i]);
    ck_assert_uint_eq(options.struct_size, sizeof options);
    ck_assert_int_eq(options.stage, stages[i]);
    ck_assert_int_eq(options.batch_size, i == 0 ? 100 : 256);
    ck_assert_int_eq(options.max_seq_length, 50);
    ck_assert_double_eq(options.mask_p, 0.2);
    ck_assert_uint_eq(options.seed, 42);
    ck_assert_int_eq(options.shuffle, 1);
    ck_assert_int_eq(options.reference_draws, 0);
    ck_assert_int_eq(options.held_out_count, 2);
  }
}
END_TEST

/* With L = 20 and users that train on 10 1 1 68 2 3 2 7 31 1 5 16 items. */
START_TEST(counts_instances) {
  s3rec_sampler *sampler = sampler_of(S3REC_STAGE_PRETRAIN);
  size_t instances, steps;
  ck_assert_int_eq(s3rec_sampler_epoch_size(sampler, &instances, &steps), S3REC_OK);
  ck_assert_uint_eq(instances, 10 + 1 + 1 + 20 + 2 + 3 + 2 + 7 + 20 + 1 + 5 + 16);
  ck_assert_uint_eq(steps, 13);
  ck_assert_int_eq(s3rec_sampler_epoch_size(sampler, NULL, NULL), S3REC_OK);
  s3rec_sampler_destroy(sampler);

  sampler = sampler_of(S3REC_STAGE_FINETUNE); /* those with 2 and more */
  ck_assert_int_eq(s3rec_sampler_epoch_size(sampler, &instances, &steps), S3REC_OK);
  ck_assert_uint_eq(instances, 9);
  ck_assert_uint_eq(steps, 2);
  s3rec_sampler_destroy(sampler);

  s3rec_sampler_options options = options_of(S3REC_STAGE_PRETRAIN);
  options.reference_draws = 1; /* the users of 1 and 2 items leave */
  sampler = sampler_with(&options);
  ck_assert_int_eq(s3rec_sampler_epoch_size(sampler, &instances, NULL), S3REC_OK);
  ck_assert_uint_eq(instances, 85);
  s3rec_sampler_destroy(sampler);
  options.stage = S3REC_STAGE_FINETUNE;
  sampler = sampler_with(&options);
  ck_assert_int_eq(s3rec_sampler_epoch_size(sampler, &instances, NULL), S3REC_OK);
  ck_assert_uint_eq(instances, 8);
  s3rec_sampler_destroy(sampler);
}
END_TEST

/* Items are unique to their user, so the last item of a pretraining prefix, or
 * the last target of a fine-tuning row, tells the instance. */
START_TEST(epoch_holds_each_instance_once) {
  for (int i = 0; i < 2; i++) {
    s3rec_sampler *sampler = sampler_of(stages[i]);
    for (int epoch = 0; epoch < 3; epoch++) {
      bool seen[200] = {false};
      size_t sequences = 0;
      for (size_t step = 0; step < sampler->step_count; step++) {
        next(sampler, batch);
        ck_assert(step + 1 == sampler->step_count || batch->sequence_count == 7);
        for (size_t s = 0; s < batch->sequence_count; s++, sequences++) {
          const int32_t last = batch->ids[S3_STREAM_POS][batch->offsets[s + 1] - 1];
          ck_assert(!seen[last]);
          seen[last] = true;
        }
      }
      ck_assert_uint_eq(sequences, sampler->instance_count);
    }
    uint64_t epoch;
    size_t step;
    ck_assert_int_eq(s3rec_sampler_position(sampler, &epoch, &step), S3REC_OK);
    ck_assert_uint_eq(epoch, 3);
    ck_assert_uint_eq(step, 0);
    s3rec_sampler_destroy(sampler);
  }
}
END_TEST

START_TEST(repeats_and_seeks) {
  enum { STEPS = 45 };
  for (int i = 0; i < 2; i++) {
    s3rec_sampler *straight = sampler_of(stages[i]), *jumping = sampler_of(stages[i]);
    const size_t steps = straight->step_count;
    s3rec_batch *all[STEPS];
    for (size_t n = 0; n < STEPS; n++) {
      ck_assert_int_eq(s3rec_batch_create(context, &all[n]), S3REC_OK);
      next(straight, all[n]);
      next(jumping, batch); /* a second run of the same seed */
      ck_assert(same_batch(all[n], batch));
      ck_assert(n == 0 || !same_batch(all[n], all[n - 1]));
    }
    for (size_t k = 0; k < 2 * STEPS; k++) { /* to all places, forward and back */
      const size_t n = k * 31 % STEPS;
      ck_assert_int_eq(s3rec_sampler_seek(jumping, n / steps, n % steps), S3REC_OK);
      next(jumping, batch);
      ck_assert(same_batch(all[n], batch));
      if (n + 1 < STEPS) {
        next(jumping, batch);
        ck_assert(same_batch(all[n + 1], batch));
      }
    }
    ck_assert_int_eq(s3rec_sampler_seek(jumping, 5, steps - 1), S3REC_OK);
    ck_assert_int_eq(s3rec_sampler_seek(jumping, 0, steps), S3REC_ERROR_ARGUMENT);
    uint64_t epoch;
    size_t step;
    ck_assert_int_eq(s3rec_sampler_position(jumping, &epoch, &step), S3REC_OK);
    ck_assert_uint_eq(epoch, 5);
    ck_assert_uint_eq(step, steps - 1);
    for (size_t n = 0; n < STEPS; n++) s3rec_batch_destroy(all[n]);
    s3rec_sampler_destroy(straight);
    s3rec_sampler_destroy(jumping);
  }
}
END_TEST

START_TEST(seed_epoch_and_stage_matter) {
  for (int i = 0; i < 2; i++) {
    s3rec_sampler_options options = options_of(stages[i]);
    options.shuffle = 0; /* so that only the draws differ */
    s3rec_sampler *sampler = sampler_with(&options);
    options.seed = 43;
    s3rec_sampler *reseeded = sampler_with(&options);
    next(sampler, batch);
    next(reseeded, other);
    ck_assert_uint_eq(batch->token_count, other->token_count);
    ck_assert(!same_batch(batch, other));
    ck_assert_int_eq(s3rec_sampler_seek(sampler, 1, 0), S3REC_OK);
    next(sampler, other);
    ck_assert_uint_eq(batch->token_count, other->token_count);
    ck_assert(!same_batch(batch, other));
    s3rec_sampler_destroy(sampler);
    s3rec_sampler_destroy(reseeded);
  }
}
END_TEST

START_TEST(keeps_the_order_without_shuffle) {
  s3rec_sampler_options options = options_of(S3REC_STAGE_PRETRAIN);
  options.shuffle = 0;
  s3rec_sampler *sampler = sampler_with(&options);
  int32_t last = 0;
  for (size_t step = 0; step < sampler->step_count; step++) {
    next(sampler, batch);
    for (size_t s = 0; s < batch->sequence_count; s++) {
      const int32_t item = batch->ids[S3_STREAM_POS][batch->offsets[s + 1] - 1];
      ck_assert_int_gt(item, last);
      last = item;
    }
  }
  s3rec_sampler_destroy(sampler);
}
END_TEST

/* What is drawn for an instance does not depend on how batches are cut. */
START_TEST(batch_size_does_not_matter) {
  for (int i = 0; i < 2; i++) {
    s3rec_sampler_options options = options_of(stages[i]);
    s3rec_sampler *sevens = sampler_with(&options);
    options.batch_size = 1000;
    s3rec_sampler *whole = sampler_with(&options);
    next(whole, other);
    ck_assert_uint_eq(other->sequence_count, whole->instance_count);
    size_t token = 0;
    for (size_t step = 0; step < sevens->step_count; step++) {
      next(sevens, batch);
      for (int s = 0; s < S3_STREAM_COUNT; s++)
        if (i == 0 || s == S3_STREAM_INPUT || s == S3_STREAM_POS || s == S3_STREAM_NEG)
          ck_assert_mem_eq(batch->ids[s], other->ids[s] + token,
                           batch->token_count * sizeof(int32_t));
      token += batch->token_count;
    }
    ck_assert_uint_eq(token, other->token_count);
    s3rec_sampler_destroy(sevens);
    s3rec_sampler_destroy(whole);
  }
}
END_TEST

/* Each instance lands in the first step about equally often: 8400 places in
 * 1200 epochs over 88 instances; 6 standard deviations. */
START_TEST(shuffles_evenly) {
  enum { EPOCHS = 1200 };
  s3rec_sampler *sampler = sampler_of(S3REC_STAGE_PRETRAIN);
  int counts[200] = {0};
  for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) {
    ck_assert_int_eq(s3rec_sampler_seek(sampler, epoch, 0), S3REC_OK);
    next(sampler, batch);
    for (size_t s = 0; s < batch->sequence_count; s++)
      ++counts[batch->ids[S3_STREAM_POS][batch->offsets[s + 1] - 1]];
  }
  const double p = 7.0 / (double)sampler->instance_count;
  const double bound = 6 * sqrt(EPOCHS * p * (1 - p));
  size_t instances = 0;
  for (size_t item = 0; item < 200; item++) {
    if (counts[item] == 0) continue;
    ++instances;
    ck_assert_double_le(fabs(counts[item] - EPOCHS * p), bound);
  }
  ck_assert_uint_eq(instances, sampler->instance_count);
  s3rec_sampler_destroy(sampler);
}
END_TEST

/* On average one instance an epoch stays at its place, with variance 1. */
START_TEST(shuffle_lets_instances_stay) {
  enum { EPOCHS = 400 };
  s3rec_sampler_options options = options_of(S3REC_STAGE_PRETRAIN);
  options.batch_size = 1000;
  s3rec_sampler *sampler = sampler_with(&options);
  options.shuffle = 0;
  s3rec_sampler *ordered = sampler_with(&options);
  next(ordered, other);
  size_t stayed = 0;
  for (int epoch = 0; epoch < EPOCHS; epoch++) {
    next(sampler, batch);
    for (size_t s = 0; s < batch->sequence_count; s++)
      stayed += batch->ids[S3_STREAM_POS][batch->offsets[s + 1] - 1] ==
                other->ids[S3_STREAM_POS][other->offsets[s + 1] - 1];
  }
  ck_assert_double_le(fabs((double)stayed - EPOCHS), 6 * sqrt(EPOCHS));
  s3rec_sampler_destroy(sampler);
  s3rec_sampler_destroy(ordered);
}
END_TEST

static void refuse(const s3rec_dataset *dataset, s3rec_sampler_options options,
                   const char *expected) {
  s3rec_sampler *sampler = NULL;
  fixture_expect(s3rec_sampler_create((s3rec_dataset *)dataset, &options, &sampler),
                 S3REC_ERROR_ARGUMENT, NULL, expected);
  ck_assert_ptr_null(sampler);
}

START_TEST(refuses_arguments) {
  s3rec_dataset *dataset = fixture_unique_dataset(context, lengths, USERS);
  const s3rec_sampler_options good = options_of(S3REC_STAGE_PRETRAIN);
  s3rec_sampler_options options = good;
  options.stage = (s3rec_stage)3;
  refuse(dataset, options, "stage is 3, must be 1 or 2");
  options = good;
  options.batch_size = 0;
  refuse(dataset, options, "batch_size is 0, must be 1..65536");
  options = good;
  options.max_seq_length = 4097;
  refuse(dataset, options, "max_seq_length is 4097, must be 1..4096");
  options.max_seq_length = 0;
  refuse(dataset, options, "max_seq_length is 0, must be 1..4096");
  options = good;
  options.batch_size = 65537;
  refuse(dataset, options, "batch_size is 65537, must be 1..65536");
  options = good;
  options.mask_p = 1.5;
  refuse(dataset, options, "mask_p is 1.5, must be 0..1");
  if (test_comma_locale()) { /* texts are the same in every locale */
    refuse(dataset, options, "mask_p is 1.5, must be 0..1");
    setlocale(LC_NUMERIC, "C");
  } else {
    test_skip_case("no locale with a decimal comma is installed or can be made");
  }
  options.mask_p = NAN;
  s3rec_sampler *sampler = NULL;
  ck_assert_int_eq(s3rec_sampler_create(dataset, &options, &sampler), S3REC_ERROR_ARGUMENT);
  options = good;
  options.shuffle = 2;
  refuse(dataset, options, "shuffle is 2 and reference_draws 0, must be 0 or 1");
  options.shuffle = 1;
  options.reference_draws = 2;
  refuse(dataset, options, "shuffle is 1 and reference_draws 2, must be 0 or 1");
  options = good;
  options.held_out_count = 3;
  refuse(dataset, options, "held_out_count is 3, must be 0..2");
  options.held_out_count = -1;
  refuse(dataset, options, "held_out_count is -1, must be 0..2");
  options.held_out_count = 1;
  options.reference_draws = 1;
  refuse(dataset, options, "held_out_count is 1, must be 2 with reference_draws");
  options = good;
  options.struct_size = 0;
  ck_assert_int_eq(s3rec_sampler_create(dataset, &options, &sampler), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_sampler_create(NULL, &good, &sampler), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_sampler_create(dataset, NULL, &sampler), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_sampler_create(dataset, &good, NULL), S3REC_ERROR_ARGUMENT);
  ck_assert_ptr_null(sampler);
  ck_assert_int_eq(s3rec_sampler_create(dataset, &good, &sampler), S3REC_OK);
  size_t step;
  ck_assert_int_eq(s3rec_sampler_next(NULL, batch), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_sampler_next(sampler, NULL), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_sampler_seek(NULL, 0, 0), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_sampler_position(sampler, NULL, &step), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_sampler_epoch_size(NULL, NULL, NULL), S3REC_ERROR_ARGUMENT);
  s3rec_sampler_destroy(sampler);
  s3rec_sampler_destroy(NULL);
  s3rec_dataset_destroy(dataset);
}
END_TEST

START_TEST(refuses_data_that_cannot_train) {
  s3rec_dataset *dataset = fixture_unique_dataset(context, (int32_t[]){1, 3, 1}, 3);
  s3rec_sampler_options options = options_of(S3REC_STAGE_FINETUNE);
  refuse(dataset, options,
         "the dataset has nothing to train on: no user's training part has 2 items");
  s3rec_dataset_destroy(dataset);
  dataset = fixture_unique_dataset(context, (int32_t[]){1, 2}, 2);
  options.stage = S3REC_STAGE_PRETRAIN;
  options.reference_draws = 1;
  refuse(dataset, options,
         "the dataset has nothing to train on: no user's training part has 1 items");
  s3rec_dataset_destroy(dataset);
}
END_TEST

static s3rec_stage scenario_stage;

/* Creation, then a first batch that has to grow; a failed next moves nothing. */
static s3rec_status scarce_scenario(void *scarce) {
  s3rec_dataset *dataset = fixture_unique_dataset(scarce, lengths, USERS);
  if (dataset == NULL) return S3REC_ERROR_MEMORY;
  const s3rec_sampler_options options = options_of(scenario_stage);
  s3rec_sampler *sampler = NULL;
  s3rec_batch *grown = NULL;
  s3rec_status status = s3rec_sampler_create(dataset, &options, &sampler);
  s3rec_dataset_destroy(dataset);
  if (status == S3REC_OK) status = s3rec_batch_create(scarce, &grown);
  if (status == S3REC_OK) {
    status = s3rec_sampler_next(sampler, grown);
    ck_assert_uint_eq(sampler->step, status == S3REC_OK ? 1 : 0);
    if (status != S3REC_OK) {
      ck_assert_int_eq(grown->stage, 0);
      ck_assert_uint_eq(grown->sequence_count, 0);
      ck_assert_int_eq(s3rec_sampler_next(sampler, grown), S3REC_OK);
    }
    s3rec_sampler *fresh = sampler_of(scenario_stage);
    next(fresh, batch);
    ck_assert(same_batch(grown, batch));
    s3rec_sampler_destroy(fresh);
  }
  s3rec_batch_destroy(grown);
  s3rec_sampler_destroy(sampler);
  return status;
}

START_TEST(survives_memory_failures) {
  for (int i = 0; i < 2; i++) {
    scenario_stage = stages[i];
    ck_assert_uint_ge(fixture_fail_each(scarce_scenario), 20);
  }
}
END_TEST

/* After one epoch the arrays have their size. */
START_TEST(stops_allocating) {
  for (int i = 0; i < 2; i++) {
    s3rec_sampler_options options = options_of(stages[i]);
    options.batch_size = 1000;
    s3rec_sampler *sampler = sampler_with(&options);
    next(sampler, batch);
    const long long calls = hooks.allocations;
    for (int n = 0; n < 10; n++) next(sampler, batch);
    ck_assert_int_eq(hooks.allocations, calls);
    s3rec_sampler_destroy(sampler);
  }
}
END_TEST

TEST_SUITE(data_sampler) {
  TCase *cases = tcase_create("sampler");
  tcase_add_checked_fixture(cases, set_up, tear_down);
  tcase_add_test(cases, defaults);
  tcase_add_test(cases, counts_instances);
  tcase_add_test(cases, epoch_holds_each_instance_once);
  tcase_add_test(cases, repeats_and_seeks);
  tcase_add_test(cases, seed_epoch_and_stage_matter);
  tcase_add_test(cases, keeps_the_order_without_shuffle);
  tcase_add_test(cases, batch_size_does_not_matter);
  tcase_add_test(cases, shuffles_evenly);
  tcase_add_test(cases, shuffle_lets_instances_stay);
  tcase_add_test(cases, refuses_arguments);
  tcase_add_test(cases, refuses_data_that_cannot_train);
  tcase_add_test(cases, survives_memory_failures);
  tcase_add_test(cases, stops_allocating);
  test_add_cases(suite, cases, NULL);
}
