/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in files: going on bit by bit from between any two steps, and refusing what does not
 * fit; and runs whose allocator fails. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "run_fixture.h"
#include "support/files.h"
#include "support/hooks.h"
#include "support/suite.h"

static bool same_metrics(const s3rec_run *a, const s3rec_run *b) {
  s3rec_metrics x, y;
  s3rec_metrics_init(&x);
  s3rec_metrics_init(&y);
  const s3rec_status left = s3rec_run_valid_metrics(a, &x);
  if (left != s3rec_run_valid_metrics(b, &y)) return false;
  return left != S3REC_OK ||
         (x.split == y.split && x.protocol == y.protocol && x.seen == y.seen &&
          x.user_count == y.user_count && x.skipped_count == y.skipped_count && x.mrr == y.mrr &&
          memcmp(x.hit_rate, y.hit_rate, sizeof x.hit_rate) == 0 &&
          memcmp(x.ndcg, y.ndcg, sizeof x.ndcg) == 0);
}

/* Makes the fixture's run again out of a file: a new one of the same options that loads it, or
 * one that is all in the file. */
static void go_on_from(run_fixture *f, const char *path, bool resume) {
  if (resume) {
    test_ok(s3rec_run_resume(f->model, f->dataset, path, 0, &f->run));
  } else {
    run_begin(f);
    test_ok(s3rec_run_load(f->run, path));
  }
  s3rec_run_progress at;
  s3rec_run_progress_init(&at);
  test_ok(s3rec_run_progress_get(f->run, &at));
  ck_assert(at.epoch >= 1 && at.steps >= 3 && at.event != S3REC_RUN_DONE);
  ck_assert_str_eq(s3rec_run_note(f->run), "a note");
}

/* Loop: plans x 1 and 2 threads. Saved after every number of steps, the end included. */
START_TEST(goes_on_bit_by_bit) {
  const run_plan *const p = &run_plans[_i / 2];
  const test_path path = test_file("run.state");
  s3rec_run_progress straight_at[64];
  size_t steps = 0;
  run_fixture straight;
  run_open_plan(&straight, p, 1);
  run_begin(&straight);
  do {
    ck_assert_uint_lt(steps, 64);
    straight_at[steps] = run_go_on(&straight);
  } while (straight_at[steps++].event != S3REC_RUN_DONE);
  ck_assert_uint_ge(steps, 10);
  float *weights = run_result_weights(&straight);
  for (size_t saved = 0; saved <= steps; saved++) {
    run_fixture f;
    run_open_plan(&f, p, 1 + _i % 2);
    run_begin(&f);
    test_ok(s3rec_run_set_note(f.run, "a note"));
    for (size_t i = 0; i < saved; i++) run_go_on(&f);
    test_ok(s3rec_run_save(f.run, path.text));
    s3rec_run_destroy(f.run);
    go_on_from(&f, path.text, saved % 2 == 1);
    for (size_t i = saved; i < steps; i++) {
      const s3rec_run_progress at = run_go_on(&f);
      ck_assert_msg(run_same_progress(&at, &straight_at[i]),
                    "%s: saved after %zu, step %zu differs", p->name, saved, i);
    }
    if (saved == steps) ck_assert_int_eq(run_go_on(&f).event, S3REC_RUN_DONE);
    s3rec_model *const result = run_result(&f);
    ck_assert_msg(test_same_weights(result, weights), "%s: saved after %zu of %zu steps", p->name,
                  saved, steps);
    s3rec_model_destroy(result);
    ck_assert(same_metrics(f.run, straight.run));
    run_close(&f);
  }
  free(weights);
  run_close(&straight);
}
END_TEST

/* A state is a model file with the weights in training. */
START_TEST(a_state_opens_as_a_model) {
  const test_path path = test_file("run.state");
  run_fixture f;
  s3rec_model *model;
  s3rec_model_config config;
  size_t count;
  run_open_plan(&f, &run_plans[3], 1);
  float *first = test_weights(f.model, &count);
  run_begin(&f);
  for (int i = 0; i < 4; i++) run_go_on(&f);
  test_ok(s3rec_run_save(f.run, path.text));
  test_ok(s3rec_model_load(f.context, path.text, NULL, &model));
  ck_assert(!test_same_weights(model, first));
  s3rec_model_config_init(&config);
  test_ok(s3rec_model_config_get(model, &config));
  ck_assert(config.hidden_dropout_prob == 0.4);
  s3rec_model_destroy(model);
  free(first);
  run_close(&f);
}
END_TEST

static void load_fails(run_fixture *f, const char *path, s3rec_status status, const char *text) {
  const s3rec_status found = s3rec_run_load(f->run, path);
  ck_assert_msg(found == status, "'%s': %s: %s", text, s3rec_status_name(found),
                found == S3REC_OK ? "" : s3rec_last_error());
  ck_assert_msg(strstr(s3rec_last_error(), text) != NULL, "'%s' is not in '%s'", text,
                s3rec_last_error());
  ck_assert_ptr_nonnull(strstr(s3rec_last_error(), path));
}

/* A run like that of the plan but for one thing, which names what differs; nothing is left
 * of the attempt. */
static void differs(const run_plan *p, const char *path, const char *text,
                    void (*change)(run_fixture *f)) {
  run_fixture f, untouched;
  run_open_plan(&f, p, 1);
  run_open_plan(&untouched, p, 1);
  change(&f);
  change(&untouched);
  run_begin(&f);
  run_begin(&untouched);
  load_fails(&f, path, S3REC_ERROR_MISMATCH, text);
  run_to_end(&f);
  run_to_end(&untouched);
  float *weights = run_result_weights(&untouched);
  s3rec_model *const result = run_result(&f);
  ck_assert_msg(test_same_weights(result, weights), "%s", text);
  s3rec_model_destroy(result);
  free(weights);
  run_close(&f);
  run_close(&untouched);
}

static void change_stage(run_fixture *f) { f->options.stage = S3REC_STAGE_PRETRAIN; }
static void change_epochs(run_fixture *f) { f->options.epochs = 2; }
static void change_patience(run_fixture *f) { f->options.patience = 5; }
static void change_held_out(run_fixture *f) { f->options.held_out_count = 1; }
static void change_protocol(run_fixture *f) { f->options.protocol = S3REC_PROTOCOL_FULL; }
static void change_metric(run_fixture *f) { f->options.metric = S3REC_METRIC_HR_10; }
static void change_seen(run_fixture *f) { f->options.seen = S3REC_SEEN_INCLUDE; }
static void change_time(run_fixture *f) { f->options.time_budget = 1e6; }
static void change_warmup(run_fixture *f) { f->options.warmup_epochs = 1; }
static void change_schedule(run_fixture *f) { f->options.schedule = S3REC_SCHEDULE_COSINE; }
static void change_seed(run_fixture *f) { f->options.seed = 43; }
static void change_batch_size(run_fixture *f) { f->sampler.batch_size = 7; }
static void change_recipe(run_fixture *f) { f->options.recipe = S3REC_RECIPE_BEST; }
static void change_weights(run_fixture *f) {
  s3rec_model_destroy(f->model);
  f->model = test_model(f->context, &run_shape, 4);
}
static void change_network(run_fixture *f) {
  test_shape shape = run_shape;
  shape.layers = 2;
  s3rec_model_destroy(f->model);
  f->model = test_model(f->context, &shape, 3);
}
static void change_data(run_fixture *f) {
  s3rec_dataset_destroy(f->dataset);
  f->dataset = run_dataset(f->context, 20, 6);
}
static void change_learning_rate(run_fixture *f) {
  static s3rec_trainer_options options;
  s3rec_trainer_options_init(&options);
  options.finetune_loss = S3REC_LOSS_BCE;
  options.learning_rate = 2e-3;
  f->options.trainer = &options;
}

/* Loop: saved in the selection, and in the refit. */
START_TEST(refuses_another_run) {
  const run_plan *const p = &run_plans[2];
  const test_path path = test_file("run.state");
  run_fixture f;
  run_open_plan(&f, p, 1);
  run_begin(&f);
  s3rec_run_progress at = run_go_on(&f);
  while (_i == 1 && !at.refit) at = run_go_on(&f);
  test_ok(s3rec_run_save(f.run, path.text));
  test_fails(s3rec_run_load(f.run, path.text), S3REC_ERROR_STATE);
  run_close(&f);
  differs(p, path.text, "stage 2, this one has 1", change_stage);
  differs(p, path.text, "epochs 3, this one has 2", change_epochs);
  differs(p, path.text, "patience 1, this one has 5", change_patience);
  differs(p, path.text, "held_out_count 0, this one has 1", change_held_out);
  differs(p, path.text, "protocol 2, this one has 1", change_protocol);
  differs(p, path.text, "metric 8, this one has 3", change_metric);
  differs(p, path.text, "seen 1, this one has 3", change_seen);
  differs(p, path.text, "time_budget 0, this one has 1e+06", change_time);
  differs(p, path.text, "another warmup_steps", change_warmup);
  differs(p, path.text, "another decay_steps", change_schedule);
  differs(p, path.text, "seed", change_seed);
  differs(p, path.text, "batch_size", change_batch_size);
  differs(p, path.text, "hidden_dropout_prob", change_recipe);
  differs(p, path.text, "model's weights", change_weights);
  differs(p, path.text, "model's weights", change_network);
  differs(p, path.text, "negatives", change_data);
  differs(p, path.text, "another learning_rate", change_learning_rate);
}
END_TEST

/* The entry is text in text: a quote in it has a backslash. */
#define Q "\\\""

START_TEST(refuses_damaged_states) {
  static const struct {
    const char *old, *new, *text;
  } cases[] = {
      {Q "run" Q ":{", Q "ran" Q ":{", "no state of a run: s3rec_trainer_save wrote it"},
      {Q "ended" Q, Q "endet" Q, "field ended is missing or wrong"},
      {Q "ended" Q ":false", Q "ended" Q ":null ", "field ended is missing or wrong"},
      {Q "epoch" Q ":2,", Q "epoch" Q ":4,", "its numbers contradict each other"},
      {Q "epoch" Q ":2,", Q "epoch" Q ":3,", "its numbers contradict each other"},
      {Q "step" Q ":1,", Q "step" Q ":0,", "its steps contradict each other"},
      {Q "steps" Q ":3", Q "steps" Q ":2", "its steps contradict each other"},
      {Q "refit" Q ":false", Q "refit" Q ":true ", "its numbers contradict each other"},
      {Q "waited" Q ":0", Q "waited" Q ":9", "its numbers contradict each other"},
      {Q "waited" Q ":0", Q "waited" Q ":1", "its numbers contradict each other"},
      {Q "best_epoch" Q ":1", Q "best_epoch" Q ":0", "its numbers contradict each other"},
      {Q "best_epoch" Q ":1", Q "best_epoch" Q ":2", "its numbers contradict each other"},
      {Q "selection_epochs" Q ":0", Q "selection_epochs" Q ":1", "its numbers contradict"},
      {Q "sampler" Q ":{" Q "stage" Q ":2", Q "sampler" Q ":{" Q "stage" Q ":1",
       "its numbers contradict each other"},
      {Q "sampler" Q ":{" Q "stage" Q ":2", Q "sampler" Q ":{" Q "stage" Q ":7",
       "options out of range"},
      {Q "mask_p" Q ":0.2", Q "mask_p" Q ":3.2", "options out of range"},
      {Q "shuffle" Q ":1", Q "shuffle" Q ":3", "options out of range"},
      {Q "seed" Q ":" Q "42" Q, Q "seed" Q ":" Q "43" Q, "its numbers contradict each other"},
      {Q "total" Q, Q "totel" Q, "field total"},
      {Q "ndcg@10" Q, Q "ndgc@10" Q, "field ndcg@10"},
      {Q "patience" Q, Q "patienze" Q, "field patience"},
      {Q "patience" Q ":2", Q "patience" Q ":x", "metadata s3rec_state"},
      {Q "patience" Q ":2", Q "patience" Q ":0", "an option in it is out of range"},
      {Q "seen" Q ":1", Q "seen" Q ":7", "an option in it is out of range"},
      {"state.best.LayerNorm.bias", "state.bust.LayerNorm.bias", "state.best.LayerNorm.bias"},
  };
  const test_path path = test_file("run.state"), bad = test_file("bad.state");
  run_fixture f;
  run_open_plan(&f, &run_plans[3], 1);
  run_begin(&f);
  for (int i = 0; i < 4; i++) run_go_on(&f);
  test_ok(s3rec_run_save(f.run, path.text));
  s3rec_run_destroy(f.run);
  f.run = NULL;
  run_begin(&f);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    run_patch(path.text, bad.text, cases[i].old, cases[i].new);
    load_fails(&f, bad.text, S3REC_ERROR_FORMAT, cases[i].text);
  }
  load_fails(&f, test_file("none.state").text, S3REC_ERROR_IO, "none.state");
  test_ok(s3rec_model_save(f.model, bad.text));
  load_fails(&f, bad.text, S3REC_ERROR_FORMAT, "not a training state");
  s3rec_trainer *trainer;
  test_ok(s3rec_trainer_create(f.model, NULL, &trainer));
  test_ok(s3rec_trainer_save(trainer, NULL, "a note", bad.text));
  s3rec_trainer_destroy(trainer);
  load_fails(&f, bad.text, S3REC_ERROR_FORMAT, "no state of a run");
  run_patch(path.text, bad.text, Q "format" Q ":1", Q "former" Q ":1");
  load_fails(&f, bad.text, S3REC_ERROR_FORMAT, "of a release before 0.3");
  run_patch(path.text, bad.text, Q "format" Q ":1", Q "format" Q ":2");
  load_fails(&f, bad.text, S3REC_ERROR_FORMAT, "has format 2, but this release reads format 1");
  s3rec_run_state *state = NULL;
  test_fails(s3rec_run_state_read(f.context, bad.text, &state), S3REC_ERROR_FORMAT);
  ck_assert_ptr_null(state);
  s3rec_run_state_destroy(NULL);
  test_ok(s3rec_run_load(f.run, path.text));
  ck_assert_int_eq(run_go_on(&f).epoch, 2);
  run_close(&f);
}
END_TEST

/* The next step, its first, second, ... allocation failing. After some of the failures the
 * run is saved (which takes a disk's time), if asked for, and goes on in a new one. */
static s3rec_run_progress step_with_failures(run_fixture *f, test_hooks *hooks, const char *path) {
  s3rec_run_progress at;
  s3rec_run_progress_init(&at);
  for (long long n = 1;; n++) {
    atomic_store(&hooks->countdown, n);
    const s3rec_status status = s3rec_run_step(f->run, &at);
    const bool failed = atomic_load(&hooks->countdown) <= 0;
    atomic_store(&hooks->countdown, 0);
    if (status == S3REC_OK) return at; /* a mapping that failed is only slower */
    ck_assert_msg(failed && status == S3REC_ERROR_MEMORY, "%s", s3rec_last_error());
    if (path == NULL || n % 6 != 1) continue;
    test_ok(s3rec_run_save(f->run, path));
    s3rec_run_destroy(f->run);
    run_begin(f);
    test_ok(s3rec_run_load(f->run, path));
  }
}

/* Loop: plans x whether the run goes through a file after each failure. */
START_TEST(every_allocation_may_fail) {
  const run_plan *const p = &run_plans[_i / 2];
  const test_path path = test_file("run.state");
  test_hooks hooks;
  run_fixture f, twin;
  run_open_plan(&twin, p, 1);
  run_begin(&twin);
  run_open_on(&f, test_hooks_context(&hooks), p->stage, p->recipe);
  f.options.held_out_count = p->held_out_count;
  f.options.patience = p->patience;
  f.options.protocol = p->protocol;
  const long long blocks = atomic_load(&hooks.live_blocks);
  s3rec_status status = S3REC_ERROR_MEMORY;
  for (long long n = 1; status != S3REC_OK; n++) {
    atomic_store(&hooks.countdown, n);
    status = s3rec_run_create(f.model, f.dataset, &f.options, &f.run);
    atomic_store(&hooks.countdown, 0);
    ck_assert(status == S3REC_OK || status == S3REC_ERROR_MEMORY);
    if (status != S3REC_OK) ck_assert_int_eq(atomic_load(&hooks.live_blocks), blocks);
    if (status == S3REC_OK) ck_assert_int_gt(n, 5);
  }
  s3rec_run_progress at, expected;
  do {
    at = step_with_failures(&f, &hooks, _i % 2 == 0 ? NULL : path.text);
    expected = run_go_on(&twin);
    ck_assert(run_same_progress(&at, &expected));
  } while (at.event != S3REC_RUN_DONE);
  float *weights = run_result_weights(&twin);
  s3rec_model *const result = run_result(&f);
  ck_assert(test_same_weights(result, weights));
  s3rec_model_destroy(result);
  free(weights);
  run_close(&f);
  test_hooks_assert_empty(&hooks);
  run_close(&twin);
}
END_TEST

/* Saving and loading, in the selection with best weights and in the refit; resuming, reading
 * what a state says, and handing out a model. */
START_TEST(a_save_and_a_load_may_fail) {
  const run_plan *const p = &run_plans[_i == 0 ? 3 : 1];
  const test_path path = test_file("run.state");
  test_hooks hooks;
  run_fixture f;
  run_open_on(&f, test_hooks_context(&hooks), p->stage, p->recipe);
  f.options.held_out_count = p->held_out_count;
  run_begin(&f);
  s3rec_run_progress at = run_go_on(&f), next, again;
  while (_i == 1 ? !at.refit : at.epoch < 2) at = run_go_on(&f);
  const int32_t seen_epochs = at.selection_epochs;
  for (int load = 0; load < 2; load++) {
    long long n = 1;
    for (s3rec_status status = S3REC_ERROR_MEMORY; status != S3REC_OK; n++) {
      const long long blocks = atomic_load(&hooks.live_blocks);
      atomic_store(&hooks.countdown, n);
      status = load ? s3rec_run_load(f.run, path.text) : s3rec_run_save(f.run, path.text);
      atomic_store(&hooks.countdown, 0);
      ck_assert(status == S3REC_OK || status == S3REC_ERROR_MEMORY);
      if (status != S3REC_OK) ck_assert_int_eq(atomic_load(&hooks.live_blocks), blocks);
    }
    ck_assert_int_gt(n, 3);
    if (load) break;
    next = run_go_on(&f);
    s3rec_run_destroy(f.run);
    run_begin(&f);
  }
  again = run_go_on(&f);
  ck_assert(run_same_progress(&next, &again));
  for (int call = 0; call < 4; call++) {
    s3rec_run *resumed = NULL;
    s3rec_run_state *state = NULL;
    s3rec_model *model = NULL;
    s3rec_status status = S3REC_ERROR_MEMORY;
    for (long long n = 1; status != S3REC_OK; n++) {
      const long long blocks = atomic_load(&hooks.live_blocks);
      atomic_store(&hooks.countdown, n);
      status = call == 0   ? s3rec_run_resume(f.model, f.dataset, path.text, 0, &resumed)
               : call == 1 ? s3rec_run_state_read(f.context, path.text, &state)
               : call == 2 ? s3rec_run_finish(f.run, &model)
                           : s3rec_run_set_note(f.run, "note");
      atomic_store(&hooks.countdown, 0);
      ck_assert(status == S3REC_OK || status == S3REC_ERROR_MEMORY);
      if (status != S3REC_OK) ck_assert_int_eq(atomic_load(&hooks.live_blocks), blocks);
    }
    if (state != NULL) ck_assert_int_eq(state->progress->selection_epochs, seen_epochs);
    s3rec_run_destroy(resumed);
    s3rec_run_state_destroy(state);
    s3rec_model_destroy(model);
  }
  run_close(&f);
  test_hooks_assert_empty(&hooks);
}
END_TEST

TEST_SUITE(run_state) {
  TCase *cases = tcase_create("run state");
  tcase_add_loop_test(cases, goes_on_bit_by_bit, 0, 2 * RUN_PLANS);
  tcase_add_test(cases, a_state_opens_as_a_model);
  tcase_add_loop_test(cases, refuses_another_run, 0, 2);
  tcase_add_test(cases, refuses_damaged_states);
  tcase_add_loop_test(cases, every_allocation_may_fail, 0, 2 * RUN_PLANS);
  tcase_add_loop_test(cases, a_save_and_a_load_may_fail, 0, 2);
  test_add_cases(suite, cases, NULL);
}
