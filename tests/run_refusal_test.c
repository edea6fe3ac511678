/* SPDX-License-Identifier: Apache-2.0 */
/* Runs: what is refused. */
#include <math.h>
#include <string.h>

#include "data/dataset.h"
#include "names/vocabulary.h"
#include "run_fixture.h"
#include "support/suite.h"
#include "vocabulary_fixture.h"

static void refused(run_fixture *f, s3rec_status status, const char *text) {
  s3rec_run *run = NULL;
  ck_assert_int_eq(s3rec_run_create(f->model, f->dataset, &f->options, &run), status);
  ck_assert_ptr_null(run);
  ck_assert_msg(strstr(s3rec_last_error(), text) != NULL, "'%s' is not in '%s'", text,
                s3rec_last_error());
}

START_TEST(options_have_ranges) {
  run_fixture f;
  run_open(&f, S3REC_STAGE_FINETUNE, S3REC_RECIPE_BEST, 1);
  const s3rec_run_options good = f.options;
  f.options.recipe = (s3rec_recipe)3;
  refused(&f, S3REC_ERROR_ARGUMENT, "recipe is 3");
  f.options = good;
  f.options.stage = (s3rec_stage)0;
  refused(&f, S3REC_ERROR_ARGUMENT, "stage is 0");
  f.options = good;
  f.options.epochs = -1;
  refused(&f, S3REC_ERROR_ARGUMENT, "s3rec_run_options.epochs is -1, must be 0..");
  f.options = good;
  f.options.patience = -2;
  refused(&f, S3REC_ERROR_ARGUMENT, "s3rec_run_options.patience is -2, must be 0..");
  f.options = good;
  f.options.held_out_count = 3;
  refused(&f, S3REC_ERROR_ARGUMENT, "s3rec_run_options.held_out_count is 3, must be -1..2");
  f.options = good;
  f.options.protocol = (s3rec_protocol)3;
  refused(&f, S3REC_ERROR_ARGUMENT, "s3rec_run_options.protocol is 3, must be 1..2");
  f.options = good;
  f.options.own_schedule = 2;
  refused(&f, S3REC_ERROR_ARGUMENT, "s3rec_run_options.own_schedule is 2, must be 0..1");
  f.options = good;
  f.options.metric = (s3rec_metric)9;
  refused(&f, S3REC_ERROR_ARGUMENT, "s3rec_run_options.metric is 9, must be 0..8");
  f.options = good;
  f.options.seen = (s3rec_seen_policy)4;
  refused(&f, S3REC_ERROR_ARGUMENT, "s3rec_run_options.seen is 4, must be 1..3");
  f.options = good;
  f.options.schedule = (s3rec_schedule)3;
  refused(&f, S3REC_ERROR_ARGUMENT, "s3rec_run_options.schedule is 3, must be 0..2");
  f.options = good;
  f.options.time_budget = -1;
  refused(&f, S3REC_ERROR_ARGUMENT, "s3rec_run_options.time_budget is -1");
  f.options = good;
  f.options.warmup_epochs = NAN;
  refused(&f, S3REC_ERROR_ARGUMENT, "s3rec_run_options.warmup_epochs is");
  f.options = good;
  f.options.warmup_epochs = 3;
  refused(&f, S3REC_ERROR_ARGUMENT, "warmup_epochs is 3, must be below epochs, 3, with COSINE");
  f.options = good;
  f.options.hidden_dropout_prob = 1;
  refused(&f, S3REC_ERROR_ARGUMENT, "hidden_dropout_prob is 1, must be 0..0.99");
  f.options = good;
  f.options.attention_probs_dropout_prob = NAN;
  refused(&f, S3REC_ERROR_ARGUMENT, "attention_probs_dropout_prob is");
  f.options = good;
  f.options.struct_size = 8;
  refused(&f, S3REC_ERROR_ARGUMENT, "s3rec_run_options.struct_size is 8");
  f.options = good;
  f.sampler.batch_size = 0;
  refused(&f, S3REC_ERROR_ARGUMENT, "batch_size is 0");
  f.sampler.batch_size = 8;
  f.sampler.reference_draws = 1;
  refused(&f, S3REC_ERROR_ARGUMENT, "held_out_count is 1, must be 2 with reference_draws");
  f.sampler.struct_size = 8;
  refused(&f, S3REC_ERROR_ARGUMENT, "s3rec_sampler_options.struct_size is 8");
  f.options.sampler = NULL;
  s3rec_trainer_options trainer;
  s3rec_trainer_options_init(&trainer);
  f.options.trainer = &trainer;
  f.options.own_schedule = 1;
  f.options.schedule = S3REC_SCHEDULE_COSINE;
  refused(&f, S3REC_ERROR_ARGUMENT, "schedule is 2, must be 0..0");
  f.options.schedule = (s3rec_schedule)0;
  f.options.warmup_epochs = 1;
  refused(&f, S3REC_ERROR_ARGUMENT, "warmup_epochs is 1, must be below 0 with own_schedule");
  f.options.own_schedule = 0;
  f.options.warmup_epochs = -1;
  trainer.learning_rate = NAN;
  refused(&f, S3REC_ERROR_ARGUMENT, "learning_rate is");
  trainer.struct_size = 8;
  refused(&f, S3REC_ERROR_ARGUMENT, "s3rec_trainer_options.struct_size is 8");
  test_fails(s3rec_run_create(NULL, f.dataset, &good, &f.run), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_run_create(f.model, NULL, &good, &f.run), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_run_create(f.model, f.dataset, NULL, &f.run), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_run_create(f.model, f.dataset, &good, NULL), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_run_step(NULL, NULL), S3REC_ERROR_ARGUMENT);
  f.options = good;
  f.options.sampler = NULL;
  run_begin(&f);
  s3rec_run_progress at = {.struct_size = 8};
  test_fails(s3rec_run_step(f.run, &at), S3REC_ERROR_ARGUMENT);
  ck_assert_uint_eq(run_go_on(&f).step, 1);
  s3rec_metrics metrics = {.struct_size = 8};
  test_fails(s3rec_run_valid_metrics(f.run, &metrics), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_run_save(f.run, NULL), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_run_load(NULL, "run.state"), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_run_finish(f.run, NULL), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_run_set_note(f.run, "\xff"), S3REC_ERROR_ARGUMENT);
  run_close(&f);
}
END_TEST

static s3rec_dataset *data_of(s3rec_context *context, const int32_t *items, int64_t count) {
  const int64_t offsets[] = {0, count};
  s3rec_dataset_arrays arrays;
  s3rec_dataset *dataset;
  s3rec_dataset_arrays_init(&arrays);
  arrays.user_count = 1;
  arrays.item_offsets = offsets;
  arrays.items = items;
  test_ok(s3rec_dataset_from_arrays(context, &arrays, &dataset));
  return dataset;
}

START_TEST(data_have_to_fit) {
  run_fixture f;
  run_open(&f, S3REC_STAGE_FINETUNE, S3REC_RECIPE_BEST, 1);
  s3rec_dataset *const own = f.dataset;
  s3rec_run_options pretrain = f.options;
  pretrain.stage = S3REC_STAGE_PRETRAIN;
  const int32_t large[] = {1, 2, 31, 4}, small[] = {1, 2, 3, 4};
  f.dataset = data_of(f.context, large, 4);
  refused(&f, S3REC_ERROR_MISMATCH, "item_size of the dataset is 33, must be at most 32");
  s3rec_dataset_destroy(f.dataset);
  f.dataset = data_of(f.context, small, 2);
  refused(&f, S3REC_ERROR_ARGUMENT, "none of the dataset's 1 users has the 3 items");
  s3rec_dataset_destroy(f.dataset);
  f.dataset = data_of(f.context, small, 4);
  f.options.protocol = S3REC_PROTOCOL_SAMPLED;
  refused(&f, S3REC_ERROR_ARGUMENT, "negatives");
  f.options = pretrain;
  refused(&f, S3REC_ERROR_MISMATCH, "item_size of the dataset is 6, must be 32");
  s3rec_dataset_destroy(f.dataset);
  f.dataset = own;
  s3rec_model *const model = f.model;
  test_shape shape = run_shape;
  shape.attributes = 4;
  f.model = test_model(f.context, &shape, 1);
  refused(&f, S3REC_ERROR_MISMATCH, "attribute_size of the dataset is 5, must be at most 4");
  s3rec_model_destroy(f.model);
  f.model = model;
  run_close(&f);
}
END_TEST

static s3rec_vocabulary *numbered(s3rec_context *context, const char *format, int32_t first_id,
                                  size_t count) {
  fixture_names names = fixture_numbered(count, format, 1);
  s3rec_vocabulary *const made = fixture_vocabulary(context, S3REC_NAMES_TEXT, first_id, &names);
  fixture_names_free(&names);
  return made;
}

/* Names that the model shares with its data are those in the states it leaves. */
START_TEST(names_have_to_fit) {
  run_fixture f;
  run_open(&f, S3REC_STAGE_PRETRAIN, S3REC_RECIPE_BEST, 1);
  s3rec_vocabulary *const items = numbered(f.context, "item-%zu", 1, 30);
  s3rec_vocabulary *const attributes = numbered(f.context, "genre-%zu", 0, 5);
  f.dataset->item_names = numbered(f.context, "item-%zu", 1, 30);
  f.dataset->attribute_names = numbered(f.context, "brand-%zu", 0, 5);
  run_begin(&f); /* the model has none */
  s3rec_run_destroy(f.run);
  f.run = NULL;
  test_ok(s3rec_model_set_names(f.model, items, attributes));
  refused(&f, S3REC_ERROR_MISMATCH, "attribute 0 is 'brand-0' in the dataset, 'genre-0' in");
  f.options.stage = S3REC_STAGE_FINETUNE;
  run_begin(&f);
  s3rec_vocabulary_destroy(f.dataset->item_names);
  f.dataset->item_names = numbered(f.context, "film-%zu", 1, 30);
  refused(&f, S3REC_ERROR_MISMATCH, "item 1 is 'film-0' in the dataset, 'item-0' in the model");
  s3rec_vocabulary_destroy(items);
  s3rec_vocabulary_destroy(attributes);
  run_close(&f);
}
END_TEST

TEST_SUITE(run_refusal) {
  TCase *cases = tcase_create("run refusal");
  tcase_add_test(cases, options_have_ranges);
  tcase_add_test(cases, data_have_to_fit);
  tcase_add_test(cases, names_have_to_fit);
  test_add_cases(suite, cases, NULL);
}
