/* SPDX-License-Identifier: Apache-2.0 */
#include "run_fixture.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "support/files.h"

const test_shape run_shape = {.items = 30, .attributes = 5, .length = 8, .hidden = 8, .layers = 1,
                              .heads = 2, .activation = S3REC_GELU, .dropout = 0.2, .batch = 8};

enum { NEGATIVES = 99, LONGEST = 9 };

s3rec_dataset *run_dataset(s3rec_context *context, size_t users, uint64_t seed) {
  s3_random random = s3_random_make(s3_key(seed, 11));
  const uint32_t items = (uint32_t)run_shape.items;
  int64_t *const offsets = calloc(users + 1, sizeof *offsets);
  int32_t *const sequences = calloc(users * LONGEST, sizeof *sequences);
  int32_t *const negatives = calloc(users * NEGATIVES, sizeof *negatives);
  int32_t attributed[] = {2, 5, 9, 30}, attributes[] = {0, 3, 1, 2, 4};
  int64_t attribute_offsets[] = {0, 2, 3, 4, 5};
  s3rec_dataset *dataset;
  ck_assert(offsets != NULL && sequences != NULL && negatives != NULL);
  for (size_t user = 0; user < users; user++) {
    const uint32_t length = 4 + s3_random_below(&random, LONGEST - 4);
    offsets[user + 1] = offsets[user] + length;
    /* Each item is likely to be followed by the next one: something to learn. */
    uint32_t item = s3_random_below(&random, items);
    for (int64_t j = offsets[user]; j < offsets[user + 1]; j++) {
      sequences[j] = 1 + (int32_t)item;
      item = (item + 1 + s3_random_below(&random, 3)) % items;
    }
  }
  sequences[0] = run_shape.items;
  for (size_t i = 0; i < users * NEGATIVES; i++)
    negatives[i] = 1 + (int32_t)s3_random_below(&random, items);
  s3rec_dataset_arrays arrays;
  s3rec_dataset_arrays_init(&arrays);
  arrays.user_count = users;
  arrays.item_offsets = offsets;
  arrays.items = sequences;
  arrays.attributed_item_count = 4;
  arrays.attributed_items = attributed;
  arrays.attribute_offsets = attribute_offsets;
  arrays.attributes = attributes;
  arrays.negatives_per_user = NEGATIVES;
  arrays.negatives = negatives;
  test_ok(s3rec_dataset_from_arrays(context, &arrays, &dataset));
  free(offsets);
  free(sequences);
  free(negatives);
  return dataset;
}

void run_open_on(run_fixture *f, s3rec_context *context, s3rec_stage stage, s3rec_recipe recipe) {
  *f = (run_fixture){.context = context};
  f->dataset = run_dataset(context, 20, 5);
  f->model = test_model(context, &run_shape, 3);
  s3rec_sampler_options_init(&f->sampler, stage);
  f->sampler.batch_size = stage == S3REC_STAGE_PRETRAIN ? 40 : run_shape.batch;
  s3rec_run_options_init(&f->options, stage);
  f->options.recipe = recipe;
  f->options.epochs = 3;
  f->options.sampler = &f->sampler;
}

void run_open(run_fixture *f, s3rec_stage stage, s3rec_recipe recipe, int32_t threads) {
  run_open_on(f, test_context(threads), stage, recipe);
}

void run_begin(run_fixture *f) {
  test_ok(s3rec_run_create(f->model, f->dataset, &f->options, &f->run));
}

s3rec_run_progress run_go_on(run_fixture *f) {
  s3rec_run_progress at;
  s3rec_run_progress_init(&at);
  test_ok(s3rec_run_step(f->run, &at));
  return at;
}

size_t run_to_end(run_fixture *f) {
  for (size_t steps = 0;; steps++) {
    ck_assert_uint_lt(steps, 1000);
    if (run_go_on(f).event == S3REC_RUN_DONE) return steps;
  }
}

s3rec_model *run_result(const run_fixture *f) {
  s3rec_model *model = NULL;
  test_ok(s3rec_run_finish(f->run, &model));
  return model;
}

float *run_result_weights(const run_fixture *f) {
  size_t count;
  s3rec_model *const model = run_result(f);
  float *const weights = test_weights(model, &count);
  s3rec_model_destroy(model);
  return weights;
}

void run_close(run_fixture *f) {
  s3rec_run_destroy(f->run);
  s3rec_model_destroy(f->model);
  s3rec_dataset_destroy(f->dataset);
  s3rec_context_destroy(f->context);
}

const run_plan run_plans[RUN_PLANS] = {
    {"pretraining", S3REC_STAGE_PRETRAIN, S3REC_RECIPE_BEST, -1, 0, S3REC_PROTOCOL_FULL},
    {"refit", S3REC_STAGE_FINETUNE, S3REC_RECIPE_BEST, -1, 0, S3REC_PROTOCOL_FULL},
    {"refit on all", S3REC_STAGE_FINETUNE, S3REC_RECIPE_PAPER, 0, 1, S3REC_PROTOCOL_SAMPLED},
    {"best epoch", S3REC_STAGE_FINETUNE, S3REC_RECIPE_BEST, 2, 2, S3REC_PROTOCOL_FULL},
};

void run_open_plan(run_fixture *f, const run_plan *p, int32_t threads) {
  run_open(f, p->stage, p->recipe, threads);
  f->options.held_out_count = p->held_out_count;
  f->options.patience = p->patience;
  f->options.protocol = p->protocol;
}

bool run_same_progress(const s3rec_run_progress *a, const s3rec_run_progress *b) {
  return a->event == b->event && a->refit == b->refit && a->epoch == b->epoch &&
         a->epochs == b->epochs && a->step == b->step && a->steps == b->steps &&
         a->loss == b->loss && a->aap == b->aap && a->mip == b->mip && a->map == b->map &&
         a->sp == b->sp && a->sequence_count == b->sequence_count &&
         a->target_count == b->target_count && a->valid_value == b->valid_value &&
         a->best_value == b->best_value && a->best_epoch == b->best_epoch && a->last == b->last &&
         a->token_count == b->token_count && a->selection_epochs == b->selection_epochs;
}

void run_patch(const char *from, const char *to, const char *old, const char *new) {
  size_t count;
  char *const bytes = test_read(from, &count);
  ck_assert_uint_eq(strlen(old), strlen(new));
  size_t i = 0;
  while (i + strlen(old) <= count && memcmp(bytes + i, old, strlen(old)) != 0) i++;
  ck_assert_msg(i + strlen(old) <= count, "'%s' is not in the file", old);
  memcpy(bytes + i, new, strlen(new));
  test_write(to, bytes, count);
  free(bytes);
}
