/* SPDX-License-Identifier: Apache-2.0 */
/* Runs: what is done in which order, and what stays as it is. */
#include <stdlib.h>

#include "run_fixture.h"
#include "support/suite.h"

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
  size_t step;
  test_ok(s3rec_sampler_position(sampler, &epoch, &step));
  ck_assert(epoch == 3 && step == 0 && steps > 6);
  s3rec_batch_destroy(batch);
  s3rec_trainer_destroy(trainer);
  s3rec_sampler_destroy(sampler);
  float *weights = run_result_weights(&f);
  ck_assert(test_same_weights(g.model, weights));
  free(weights);
  run_close(&f);
  run_close(&g);
}
END_TEST

/* Without a refit the run ends with the weights of the best epoch. */
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
  s3rec_model *const best = run_result(&f);
  test_ok(s3rec_evaluate(best, f.dataset, &how, &metrics, NULL));
  ck_assert((_i == 0 ? metrics.ndcg[2] : metrics.mrr) == epoch.best_value);
  s3rec_model_destroy(best);
  run_close(&f);
}
END_TEST

static double metric_of(const s3rec_metrics *metrics, s3rec_metric metric) {
  const double values[] = {0, metrics->hit_rate[0], metrics->hit_rate[1], metrics->hit_rate[2],
                           metrics->hit_rate[3], metrics->ndcg[0], metrics->ndcg[1],
                           metrics->ndcg[2], metrics->mrr};
  return values[metric];
}

/* Loop: each metric, the policies for items of the history in turn. */
START_TEST(chooses_by_any_metric) {
  run_fixture f;
  run_open(&f, S3REC_STAGE_FINETUNE, S3REC_RECIPE_BEST, 1);
  f.options.held_out_count = 2;
  f.options.epochs = 6;
  f.options.metric = (s3rec_metric)_i;
  f.options.seen = (s3rec_seen_policy)(1 + _i % 3);
  run_begin(&f);
  double best = -1;
  int32_t best_epoch = 0;
  s3rec_metrics metrics;
  s3rec_metrics_init(&metrics);
  s3rec_evaluate_options how;
  s3rec_evaluate_options_init(&how);
  how.split = S3REC_SPLIT_VALID;
  how.seen = f.options.seen;
  s3rec_run_progress at;
  while ((at = run_go_on(&f)).event != S3REC_RUN_DONE) {
    if (at.event != S3REC_RUN_EPOCH) continue;
    test_ok(s3rec_run_valid_metrics(f.run, &metrics));
    ck_assert_int_eq(metrics.seen, f.options.seen);
    ck_assert(at.valid_value == metric_of(&metrics, f.options.metric));
    if (at.valid_value > best) {
      best = at.valid_value;
      best_epoch = at.epoch;
    }
    ck_assert(at.best_value == best && at.best_epoch == best_epoch);
    /* The best weights so far are there at any time. */
    s3rec_model *const model = run_result(&f);
    test_ok(s3rec_evaluate(model, f.dataset, &how, &metrics, NULL));
    ck_assert(metric_of(&metrics, f.options.metric) == best);
    s3rec_model_destroy(model);
  }
  run_close(&f);
}
END_TEST

/* Both runs have begun. They go to their end, and are closed. */
static void end_with_the_same_weights(run_fixture *f, run_fixture *g) {
  run_to_end(f);
  run_to_end(g);
  float *const weights = run_result_weights(f);
  s3rec_model *const other = run_result(g);
  ck_assert(test_same_weights(other, weights));
  s3rec_model_destroy(other);
  free(weights);
  run_close(f);
  run_close(g);
}

/* A schedule in epochs is the one of so many steps. */
START_TEST(has_a_schedule_of_the_options) {
  run_fixture f, g;
  s3rec_trainer_options options;
  s3rec_trainer_options_init(&options);
  test_ok(s3rec_recipe_trainer(S3REC_RECIPE_PAPER, S3REC_STAGE_FINETUNE, 1, &options));
  run_open(&f, S3REC_STAGE_FINETUNE, S3REC_RECIPE_PAPER, 1);
  run_open(&g, S3REC_STAGE_FINETUNE, S3REC_RECIPE_PAPER, 1);
  f.options.warmup_epochs = 1.5;
  f.options.schedule = _i == 0 ? S3REC_SCHEDULE_CONSTANT : S3REC_SCHEDULE_COSINE;
  run_begin(&f);
  const s3rec_run_progress at = run_go_on(&f);
  options.warmup_steps = at.steps * 3 / 2;
  options.decay_steps = _i == 0 ? 0 : at.steps * 3;
  g.options.trainer = &options;
  g.options.own_schedule = 1;
  run_begin(&g);
  end_with_the_same_weights(&f, &g);
}
END_TEST

/* Without time for two epochs there is one, and a refit of one epoch. */
START_TEST(ends_with_its_time) {
  run_fixture f;
  run_open(&f, S3REC_STAGE_FINETUNE, S3REC_RECIPE_BEST, 1);
  f.options.time_budget = 1e-9;
  run_begin(&f);
  s3rec_run_progress at, epoch = {0};
  while ((at = run_go_on(&f)).event != S3REC_RUN_DONE) {
    ck_assert_int_eq(at.epoch, 1);
    ck_assert_int_eq(at.last, at.event == S3REC_RUN_EPOCH);
    if (at.event == S3REC_RUN_EPOCH) epoch = at;
  }
  ck_assert(epoch.refit == 1 && epoch.best_epoch == 1 && epoch.selection_epochs == 1);
  run_close(&f);
  run_open(&f, S3REC_STAGE_FINETUNE, S3REC_RECIPE_BEST, 1);
  f.options.time_budget = 1e9;
  run_begin(&f);
  while ((at = run_go_on(&f)).event != S3REC_RUN_DONE) epoch = at;
  ck_assert(epoch.refit == 1 && epoch.selection_epochs == 3);
  run_close(&f);
}
END_TEST

/* The estimate falls by a step a step, and ends at 0. */
START_TEST(knows_what_is_ahead) {
  run_fixture f;
  run_open(&f, _i == 0 ? S3REC_STAGE_PRETRAIN : S3REC_STAGE_FINETUNE, S3REC_RECIPE_BEST, 1);
  run_begin(&f);
  s3rec_run_estimate before, after;
  s3rec_run_estimate_init(&before);
  s3rec_run_estimate_init(&after);
  test_ok(s3rec_run_ahead(f.run, &before));
  s3rec_run_progress at = run_go_on(&f);
  const uint64_t steps = (_i == 0 ? 3 : 6) * at.steps;
  ck_assert_uint_eq(before.step_count, steps);
  if (_i == 1) ck_assert_uint_eq(before.sequence_count, 6 * 20);
  for (uint64_t done = 1; at.event != S3REC_RUN_DONE; done++) {
    test_ok(s3rec_run_ahead(f.run, &after));
    if (at.refit == 0 && !at.last) {
      ck_assert_uint_eq(after.step_count, steps - done);
    } else if (_i == 1) {
      const int32_t left = at.refit ? at.epochs - at.epoch : at.best_epoch;
      ck_assert_uint_eq(after.step_count,
                        (uint64_t)left * at.steps + (at.refit ? at.steps - at.step : 0));
    }
    at = run_go_on(&f);
  }
  ck_assert_uint_eq(after.step_count, 0);
  ck_assert_uint_eq(after.sequence_count, 0);
  test_fails(s3rec_run_ahead(NULL, &after), S3REC_ERROR_ARGUMENT);
  after.struct_size = 8;
  test_fails(s3rec_run_ahead(f.run, &after), S3REC_ERROR_ARGUMENT);
  run_close(&f);
}
END_TEST

/* Trainer options bring another height of the learning rate, not another course. */
START_TEST(keeps_the_recipes_schedule) {
  run_fixture f, g;
  s3rec_trainer_options options;
  s3rec_trainer_options_init(&options);
  test_ok(s3rec_recipe_trainer(S3REC_RECIPE_BEST, S3REC_STAGE_FINETUNE, 1, &options));
  run_open(&f, S3REC_STAGE_FINETUNE, S3REC_RECIPE_BEST, 1);
  run_open(&g, S3REC_STAGE_FINETUNE, S3REC_RECIPE_BEST, 1);
  f.options.trainer = &options;
  run_begin(&f);
  run_begin(&g);
  end_with_the_same_weights(&f, &g);
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

/* Scorers of the first model work during the whole run, which hands out models of its own. */
START_TEST(the_first_model_is_only_read) {
  run_fixture f;
  s3rec_scorer *scorer;
  s3rec_model *result = NULL, *early = NULL;
  s3rec_model_config config;
  const int32_t history[] = {4, 5, 6};
  int32_t before[3], ids[3];
  size_t count, found;
  run_open(&f, S3REC_STAGE_FINETUNE, S3REC_RECIPE_BEST, 1);
  test_ok(s3rec_scorer_create(f.model, &scorer));
  test_ok(s3rec_score_next(scorer, history, 3, NULL, 3, before, NULL, &found));
  float *weights = test_weights(f.model, &count);
  run_begin(&f);
  test_fails(s3rec_run_finish(f.run, &result), S3REC_ERROR_STATE);
  ck_assert_ptr_null(result);
  s3rec_run_progress at;
  do {
    at = run_go_on(&f);
    ck_assert(test_same_weights(f.model, weights));
    test_ok(s3rec_score_next(scorer, history, 3, NULL, 3, ids, NULL, &found));
    ck_assert_mem_eq(ids, before, sizeof ids);
    if (at.refit && early == NULL) early = run_result(&f); /* the best epoch's */
  } while (at.event != S3REC_RUN_DONE);
  result = run_result(&f);
  float *const best = test_weights(early, &count);
  ck_assert(!test_same_weights(result, weights) && !test_same_weights(early, weights));
  ck_assert(!test_same_weights(result, best));
  ck_assert(s3rec_model_fingerprint(result) != s3rec_model_fingerprint(early));
  s3rec_model_config_init(&config);
  test_ok(s3rec_model_config_get(result, &config));
  ck_assert(config.hidden_dropout_prob == 0.2 && config.attention_probs_dropout_prob == 0.2);
  /* It is the caller's own: it may be trained, and another one is the same. */
  s3rec_model *const again = run_result(&f);
  ck_assert(s3rec_model_fingerprint(again) == s3rec_model_fingerprint(result));
  test_ok(s3rec_model_set_dropouts(result, 0, 0));
  ck_assert_int_eq(run_go_on(&f).event, S3REC_RUN_DONE);
  s3rec_scorer_destroy(scorer);
  s3rec_model_destroy(again);
  s3rec_model_destroy(early);
  s3rec_model_destroy(result);
  free(best);
  free(weights);
  run_close(&f);
}
END_TEST

/* Pretraining hands out the weights as they are, at any time. */
START_TEST(pretraining_may_be_looked_at) {
  run_fixture f;
  size_t count;
  run_open(&f, S3REC_STAGE_PRETRAIN, S3REC_RECIPE_BEST, 1);
  float *const first = test_weights(f.model, &count);
  run_begin(&f);
  s3rec_model *model = run_result(&f);
  ck_assert(test_same_weights(model, first));
  s3rec_model_destroy(model);
  const s3rec_run_progress at = run_go_on(&f);
  ck_assert(at.token_count > at.sequence_count && at.selection_epochs == 0);
  model = run_result(&f);
  ck_assert(!test_same_weights(model, first));
  s3rec_model_destroy(model);
  free(first);
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

TEST_SUITE(run) {
  TCase *cases = tcase_create("run");
  tcase_add_test(cases, reports_where_it_is);
  tcase_add_test(cases, pretrains_as_a_loop_does);
  tcase_add_loop_test(cases, keeps_the_best_epoch, 0, 2);
  tcase_add_test(cases, keeps_the_recipes_schedule);
  tcase_add_test(cases, the_first_of_equals_is_best);
  tcase_add_loop_test(cases, chooses_by_any_metric, 1, 9);
  tcase_add_loop_test(cases, has_a_schedule_of_the_options, 0, 2);
  tcase_add_test(cases, ends_with_its_time);
  tcase_add_loop_test(cases, knows_what_is_ahead, 0, 2);
  tcase_add_test(cases, the_first_model_is_only_read);
  tcase_add_test(cases, pretraining_may_be_looked_at);
  tcase_add_test(cases, may_be_given_up);
  tcase_add_test(cases, a_refit_needs_the_first_weights);
  test_add_cases(suite, cases, NULL);
}
