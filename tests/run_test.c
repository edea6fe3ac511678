/* SPDX-License-Identifier: Apache-2.0 */
/* Runs: what is done in which order, what stays as it is, what is refused. That the weights
 * are those of the tool is tested in tests/cli/cli_run.py. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "names/vocabulary.h"
#include "data/dataset.h"
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

/* Steps and epochs are counted, losses and valid values are there when they should be. */
START_TEST(reports_where_it_is) {
  run_fixture f;
  run_open(&f, S3REC_STAGE_FINETUNE, S3REC_RECIPE_BEST, 1);
  run_begin(&f);
  const size_t steps = (20 + (size_t)run_shape.batch - 1) / (size_t)run_shape.batch;
  double best = -1;
  int32_t best_epoch = 0;
  for (int32_t epoch = 1; epoch <= 3; epoch++)
    for (size_t step = 1; step <= steps; step++) {
      const s3rec_run_progress at = run_go_on(&f);
      const bool last = step == steps;
      ck_assert_int_eq(at.event, last ? S3REC_RUN_EPOCH : S3REC_RUN_STEP);
      ck_assert(at.refit == 0 && at.epoch == epoch && at.epochs == 3);
      ck_assert(at.step == step && at.steps == steps);
      ck_assert_uint_eq(at.sequence_count, last ? 20 : step * (size_t)run_shape.batch);
      ck_assert(at.target_count >= at.sequence_count && at.loss > 0 && at.aap == 0);
      if (last && at.valid_value > best) {
        best = at.valid_value;
        best_epoch = epoch;
      }
      ck_assert(last ? at.valid_value > 0 : at.valid_value == 0);
      ck_assert_int_eq(at.best_epoch, best_epoch);
      ck_assert(at.best_value == (best_epoch == 0 ? 0 : best));
    }
  for (int32_t epoch = 1; epoch <= best_epoch; epoch++)
    for (size_t step = 1; step <= steps; step++) {
      const s3rec_run_progress at = run_go_on(&f);
      ck_assert_int_eq(at.event, step == steps ? S3REC_RUN_EPOCH : S3REC_RUN_STEP);
      ck_assert(at.refit == 1 && at.epoch == epoch && at.epochs == best_epoch && at.step == step);
      ck_assert(at.valid_value == 0 && at.best_value == best);
    }
  for (int i = 0; i < 2; i++) {
    const s3rec_run_progress at = run_go_on(&f);
    ck_assert(at.event == S3REC_RUN_DONE && at.refit == 1 && at.epoch == best_epoch &&
              at.step == steps && at.sequence_count == 20);
  }
  test_ok(s3rec_run_step(f.run, NULL));
  run_close(&f);
}
END_TEST

/* By hand: one dropout of the recipe, one given, the caller's options but for what the run
 * sets. */
START_TEST(pretrains_as_a_loop_does) {
  run_fixture f, g;
  s3rec_trainer_options options;
  s3rec_trainer_options_init(&options);
  options.learning_rate = 4e-3;
  options.mip_weight = 0.3;
  options.warmup_steps = 4;
  options.decay_steps = 9;
  options.seed = 1;
  run_open(&f, S3REC_STAGE_PRETRAIN, S3REC_RECIPE_BEST, 2);
  f.options.trainer = &options;
  f.options.own_schedule = 1;
  f.options.seed = 77;
  f.options.hidden_dropout_prob = 0;
  f.sampler.mask_p = 0.4;
  f.sampler.seed = 2;
  f.sampler.held_out_count = 0;
  f.sampler.max_seq_length = 3;
  run_begin(&f);
  options.learning_rate = 1; /* it was copied */
  const size_t steps = run_to_end(&f);
  run_open(&g, S3REC_STAGE_PRETRAIN, S3REC_RECIPE_BEST, 1);
  options.learning_rate = 4e-3;
  options.seed = 77;
  g.sampler.mask_p = 0.4;
  g.sampler.seed = 77;
  g.sampler.max_seq_length = run_shape.length;
  test_ok(s3rec_model_set_dropouts(g.model, 0, 0.5));
  s3rec_sampler *sampler;
  s3rec_trainer *trainer;
  s3rec_batch *batch;
  test_ok(s3rec_sampler_create(g.dataset, &g.sampler, &sampler));
  test_ok(s3rec_trainer_create(g.model, &options, &trainer));
  test_ok(s3rec_batch_create(g.context, &batch));
  for (size_t i = 0; i < steps; i++) {
    test_ok(s3rec_sampler_next(sampler, batch));
    test_ok(s3rec_pretrain_step(trainer, batch, NULL));
  }
  uint64_t epoch;
  size_t step, count;
  test_ok(s3rec_sampler_position(sampler, &epoch, &step));
  ck_assert(epoch == 3 && step == 0 && steps > 6);
  s3rec_batch_destroy(batch);
  s3rec_trainer_destroy(trainer);
  s3rec_sampler_destroy(sampler);
  float *weights = test_weights(g.model, &count);
  ck_assert(test_same_weights(f.model, weights));
  free(weights);
  run_close(&f);
  run_close(&g);
}
END_TEST

/* Without a refit the model ends with the weights of the best epoch. */
START_TEST(keeps_the_best_epoch) {
  run_fixture f;
  run_open(&f, S3REC_STAGE_FINETUNE, S3REC_RECIPE_BEST, 2);
  f.options.held_out_count = 2;
  f.options.epochs = 12;
  f.options.patience = 2;
  f.options.protocol = _i == 0 ? S3REC_PROTOCOL_FULL : S3REC_PROTOCOL_SAMPLED;
  s3rec_metrics metrics;
  s3rec_metrics_init(&metrics);
  run_begin(&f);
  test_fails(s3rec_run_valid_metrics(f.run, &metrics), S3REC_ERROR_NOT_FOUND);
  s3rec_run_progress at, epoch = {0};
  while ((at = run_go_on(&f)).event != S3REC_RUN_DONE)
    if (at.event == S3REC_RUN_EPOCH) epoch = at;
  ck_assert_int_eq(epoch.refit, 0);
  ck_assert(epoch.epoch == 12 || epoch.epoch == epoch.best_epoch + 2);
  test_ok(s3rec_run_valid_metrics(f.run, &metrics));
  ck_assert(metrics.split == S3REC_SPLIT_VALID && metrics.protocol == f.options.protocol &&
            metrics.user_count == 20);
  ck_assert((_i == 0 ? metrics.ndcg[2] : metrics.mrr) == epoch.valid_value);
  s3rec_evaluate_options how;
  s3rec_evaluate_options_init(&how);
  how.split = S3REC_SPLIT_VALID;
  how.protocol = f.options.protocol;
  test_ok(s3rec_evaluate(f.model, f.dataset, &how, &metrics, NULL));
  ck_assert((_i == 0 ? metrics.ndcg[2] : metrics.mrr) == epoch.best_value);
  run_close(&f);
}
END_TEST

/* Trainer options bring another height of the learning rate, not another course. */
START_TEST(keeps_the_recipes_schedule) {
  run_fixture f, g;
  size_t count;
  s3rec_trainer_options options;
  s3rec_trainer_options_init(&options);
  test_ok(s3rec_recipe_trainer(S3REC_RECIPE_BEST, S3REC_STAGE_FINETUNE, 1, &options));
  run_open(&f, S3REC_STAGE_FINETUNE, S3REC_RECIPE_BEST, 1);
  run_open(&g, S3REC_STAGE_FINETUNE, S3REC_RECIPE_BEST, 1);
  f.options.trainer = &options;
  run_begin(&f);
  run_begin(&g);
  run_to_end(&f);
  run_to_end(&g);
  float *weights = test_weights(g.model, &count);
  ck_assert(test_same_weights(f.model, weights));
  free(weights);
  run_close(&f);
  run_close(&g);
}
END_TEST

/* An epoch as good as the best is no better: at this rate no weight moves. */
START_TEST(the_first_of_equals_is_best) {
  run_fixture f;
  s3rec_trainer_options options;
  s3rec_trainer_options_init(&options);
  options.learning_rate = 1e-30;
  run_open(&f, S3REC_STAGE_FINETUNE, S3REC_RECIPE_PAPER, 1);
  f.options.trainer = &options;
  f.options.epochs = 9;
  f.options.patience = 3;
  run_begin(&f);
  s3rec_run_progress at, epoch = {0};
  while ((at = run_go_on(&f)).event != S3REC_RUN_DONE)
    if (at.event == S3REC_RUN_EPOCH) epoch = at;
  ck_assert(epoch.epoch == 4 && epoch.best_epoch == 1 && epoch.valid_value == epoch.best_value);
  run_close(&f);
}
END_TEST

/* Scorers work during the run and forbid its end, as a trainer does. */
START_TEST(the_model_waits) {
  run_fixture f;
  s3rec_scorer *scorer;
  s3rec_trainer *trainer;
  s3rec_model_config config;
  const int32_t history[] = {4, 5, 6};
  int32_t before[3], ids[3];
  size_t count, found;
  run_open(&f, S3REC_STAGE_FINETUNE, S3REC_RECIPE_BEST, 1);
  test_ok(s3rec_scorer_create(f.model, &scorer));
  test_ok(s3rec_score_next(scorer, history, 3, NULL, 3, before, NULL, &found));
  float *weights = test_weights(f.model, &count);
  run_begin(&f);
  s3rec_status status = S3REC_OK;
  s3rec_run_progress at;
  s3rec_run_progress_init(&at);
  for (int i = 0; i < 100 && status == S3REC_OK; i++) {
    ck_assert(test_same_weights(f.model, weights));
    test_ok(s3rec_score_next(scorer, history, 3, NULL, 3, ids, NULL, &found));
    ck_assert_mem_eq(ids, before, sizeof ids);
    status = s3rec_run_step(f.run, &at);
  }
  ck_assert_int_eq(status, S3REC_ERROR_STATE);
  ck_assert(at.event == S3REC_RUN_EPOCH && at.refit == 1);
  s3rec_scorer_destroy(scorer);
  test_ok(s3rec_trainer_create(f.model, NULL, &trainer));
  test_fails(s3rec_run_step(f.run, &at), S3REC_ERROR_STATE);
  s3rec_trainer_destroy(trainer);
  ck_assert(test_same_weights(f.model, weights));
  ck_assert_int_eq(run_go_on(&f).event, S3REC_RUN_DONE);
  ck_assert(!test_same_weights(f.model, weights));
  s3rec_model_config_init(&config);
  test_ok(s3rec_model_config_get(f.model, &config));
  ck_assert(config.hidden_dropout_prob == 0.2 && config.attention_probs_dropout_prob == 0.2);
  /* From now on the model is the caller's again. */
  test_ok(s3rec_model_set_dropouts(f.model, 0, 0));
  ck_assert_int_eq(run_go_on(&f).event, S3REC_RUN_DONE);
  free(weights);
  run_close(&f);
}
END_TEST

/* Given up between two steps, before the model and its data are. */
START_TEST(may_be_given_up) {
  run_fixture f;
  size_t count;
  run_open(&f, S3REC_STAGE_PRETRAIN, S3REC_RECIPE_PAPER, 2);
  float *weights = test_weights(f.model, &count);
  run_begin(&f);
  s3rec_dataset_destroy(f.dataset);
  s3rec_context_destroy(f.context);
  f.dataset = NULL;
  f.context = NULL;
  for (int i = 0; i < 4; i++) run_go_on(&f);
  s3rec_run_destroy(f.run);
  f.run = NULL;
  ck_assert(test_same_weights(f.model, weights));
  free(weights);
  run_close(&f);
  s3rec_run_destroy(NULL);
}
END_TEST

START_TEST(a_refit_needs_the_first_weights) {
  run_fixture f;
  float bias[8], other[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  run_open(&f, S3REC_STAGE_FINETUNE, S3REC_RECIPE_BEST, 1);
  run_begin(&f);
  test_ok(s3rec_model_parameter_read(f.model, "LayerNorm.bias", bias, 8));
  s3rec_run_progress at = run_go_on(&f);
  while (at.event != S3REC_RUN_EPOCH || at.epoch < 3) at = run_go_on(&f);
  test_ok(s3rec_model_parameter_write(f.model, "LayerNorm.bias", other, 8));
  test_fails(s3rec_run_step(f.run, NULL), S3REC_ERROR_STATE);
  test_ok(s3rec_model_parameter_write(f.model, "LayerNorm.bias", bias, 8));
  ck_assert_int_eq(run_go_on(&f).refit, 1);
  run_to_end(&f);
  run_close(&f);
}
END_TEST

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
  trainer.learning_rate = NAN;
  f.options.trainer = &trainer;
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

TEST_SUITE(run) {
  TCase *cases = tcase_create("run");
  tcase_add_test(cases, reports_where_it_is);
  tcase_add_test(cases, pretrains_as_a_loop_does);
  tcase_add_loop_test(cases, keeps_the_best_epoch, 0, 2);
  tcase_add_test(cases, keeps_the_recipes_schedule);
  tcase_add_test(cases, the_first_of_equals_is_best);
  tcase_add_test(cases, the_model_waits);
  tcase_add_test(cases, may_be_given_up);
  tcase_add_test(cases, a_refit_needs_the_first_weights);
  tcase_add_test(cases, options_have_ranges);
  tcase_add_test(cases, data_have_to_fit);
  tcase_add_test(cases, names_have_to_fit);
  test_add_cases(suite, cases, NULL);
}
