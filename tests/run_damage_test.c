/* SPDX-License-Identifier: Apache-2.0 */
/* States of runs that a damage left readable: each is refused for what is wrong in it, whether it
 * is loaded, resumed or only read. And runs in unusual places: without memory in front of the
 * refit, with a time budget, with a learning rate of their own. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run_fixture.h"
#include "support/files.h"
#include "support/hooks.h"
#include "support/suite.h"

/* The entry is text in text: a quote in it has a backslash. */
#define Q "\\\""

static void fails(s3rec_status found, s3rec_status status, const char *path, const char *text) {
  ck_assert_msg(found == status, "'%s': %s: %s", text, s3rec_status_name(found),
                found == S3REC_OK ? "" : s3rec_last_error());
  ck_assert_msg(strstr(s3rec_last_error(), text) != NULL, "'%s' is not in '%s'", text,
                s3rec_last_error());
  ck_assert_ptr_nonnull(strstr(s3rec_last_error(), path));
}

/* All three ways to open the file; `loads_only`: reading it alone shows nothing of it. */
static void refuses(run_fixture *f, const char *path, const char *text, bool loads_only) {
  s3rec_run *run = NULL;
  s3rec_run_state *state = NULL;
  fails(s3rec_run_load(f->run, path), S3REC_ERROR_FORMAT, path, text);
  fails(s3rec_run_resume(f->model, f->dataset, path, 0, &run), S3REC_ERROR_FORMAT, path, text);
  ck_assert_ptr_null(run);
  if (loads_only) return;
  fails(s3rec_run_state_read(f->context, path, &state), S3REC_ERROR_FORMAT, path, text);
  ck_assert_ptr_null(state);
}

static const struct {
  const char *old, *new, *text;
  bool loads_only;
} damages[] = {
    {Q "aap" Q, Q "mip" Q, "duplicate key 'mip'", false},
    {Q "sampler" Q ":{", Q "sampled" Q ":{", "it was saved without a sampler", false},
    {"\"num_attention_heads\":\"2\"", "\"num_attention_heads\":\"x\"", "num_attention_heads",
     false},
    {Q "recipe" Q ":1", Q "recipe" Q ":9", "an option in it is out of range", false},
    {Q "held_out_count" Q ":2,", Q "held_out_count" Q ":7,", "out of range", false},
    {Q "warmup_epochs" Q ":1.0", Q "warmup_epochs" Q ":-1 ", "an option in it is out of range",
     false},
    {Q "time_budget" Q ":0.0", Q "time_budget" Q ":-1 ", "an option in it is out of range", false},
    {Q "stage" Q ":2," Q "epochs", Q "stage" Q ":1," Q "epochs",
     "its numbers contradict each other", false},
    {Q "epoch" Q ":2,", Q "epoch" Q ":0,", "its numbers contradict each other", false},
    {Q "step" Q ":1,", Q "step" Q ":9,", "its numbers contradict each other", false},
    {Q "ended" Q ":false", Q "ended" Q ":true ", "its numbers contradict each other", false},
    {Q "seconds" Q ":0.0", Q "seconds" Q ":-1 ", "its numbers contradict each other", false},
    {Q "epoch" Q ":" Q "1" Q "," Q "step" Q ":" Q "1" Q,
     Q "epoch" Q ":" Q "2" Q "," Q "step" Q ":" Q "1" Q, "its steps contradict each other", true},
    {Q "epoch" Q ":" Q "1" Q "," Q "step" Q ":" Q "1" Q,
     Q "epoch" Q ":" Q "1" Q "," Q "step" Q ":" Q "2" Q, "its steps contradict each other", true},
    {Q "step" Q ":" Q "4" Q, Q "step" Q ":" Q "5" Q, "its steps contradict each other", true},
};

/* Four steps of three an epoch, saved; a new run of the same options that has done nothing. */
static void save_and_begin(run_fixture *f, const char *path) {
  run_open_plan(f, &run_plans[3], 1);
  f->options.warmup_epochs = 1;
  run_begin(f);
  for (int i = 0; i < 4; i++) run_go_on(f);
  test_ok(s3rec_run_save(f->run, path));
  s3rec_run_destroy(f->run);
  f->run = NULL;
  run_begin(f);
}

START_TEST(refuses_contradictions) {
  const test_path path = test_file("run.state"), bad = test_file("bad.state");
  run_fixture f;
  save_and_begin(&f, path.text);
  for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
    run_patch(path.text, bad.text, damages[i].old, damages[i].new);
    refuses(&f, bad.text, damages[i].text, damages[i].loads_only);
  }
  test_ok(s3rec_run_load(f.run, path.text)); /* nothing of them is left */
  ck_assert_int_eq(run_go_on(&f).step, 2);
  run_close(&f);
}
END_TEST

/* A hash is 16 hexadecimal digits in quotes. */
START_TEST(refuses_what_is_no_hash) {
  static const char *const forms[] = {Q "%.15s" Q " ", Q "%.15sg" Q, "null%.0s                ",
                                      Q "%.15sA" Q};
  const test_path path = test_file("run.state"), bad = test_file("bad.state");
  run_fixture f;
  save_and_begin(&f, path.text);
  char digits[17], old[80], new[80];
  snprintf(digits, sizeof digits, "%016" PRIx64, s3rec_model_fingerprint(f.model));
  for (int of_data = 0; of_data < 2; of_data++) {
    const char *const name = of_data ? "negatives" : "first_weights";
    if (of_data) memset(digits, '0', 16); /* the full protocol ranks none */
    snprintf(old, sizeof old, Q "%s" Q ":" Q "%s" Q, name, digits);
    for (size_t i = 0; i < 4; i++) {
      const int used = snprintf(new, sizeof new, Q "%s" Q ":", name);
      snprintf(new + used, sizeof new - (size_t)used, forms[i], digits);
      run_patch(path.text, bad.text, old, new);
      refuses(&f, bad.text, name, false);
    }
    strcpy(new, old);
    new[2] = 'x'; /* it is not there */
    run_patch(path.text, bad.text, old, new);
    refuses(&f, bad.text, name, false);
  }
  run_close(&f);
}
END_TEST

/* A run whose refit has begun, but made no step for want of memory, is not to be loaded into. */
START_TEST(a_refit_without_a_step_has_begun) {
  const run_plan *const p = &run_plans[1];
  const test_path path = test_file("run.state");
  test_hooks hooks;
  run_fixture f;
  run_open_on(&f, test_hooks_context(&hooks), p->stage, p->recipe);
  run_begin(&f);
  test_ok(s3rec_run_save(f.run, path.text));
  s3rec_run_progress at = run_go_on(&f);
  while (!at.last) at = run_go_on(&f);
  bool begun = false;
  for (long long n = 1; !at.refit || at.step == 0; n++) {
    atomic_store(&hooks.countdown, n);
    const s3rec_status status = s3rec_run_step(f.run, NULL);
    const bool failed = atomic_load(&hooks.countdown) <= 0;
    atomic_store(&hooks.countdown, 0);
    ck_assert(status == S3REC_OK || (failed && status == S3REC_ERROR_MEMORY));
    test_ok(s3rec_run_progress_get(f.run, &at));
    test_fails(s3rec_run_load(f.run, path.text), S3REC_ERROR_STATE);
    begun |= at.refit && at.step == 0;
  }
  if (!begun) test_skip_case("the first step of a refit asks for no memory");
  run_close(&f);
  test_hooks_assert_empty(&hooks);
}
END_TEST

/* The whole run; returns how many epochs its refit had. */
static int32_t run_through(run_fixture *f, uint64_t seed, double time_budget) {
  int32_t refit_epochs = 0;
  s3rec_run_progress again;
  run_open(f, S3REC_STAGE_FINETUNE, S3REC_RECIPE_PAPER, 1);
  f->options.seed = seed;
  f->options.held_out_count = 1;
  f->options.time_budget = time_budget;
  run_begin(f);
  for (s3rec_run_progress at = run_go_on(f); at.event != S3REC_RUN_DONE; at = run_go_on(f)) {
    if (at.refit) refit_epochs = at.epoch;
    s3rec_run_progress_init(&again);
    test_ok(s3rec_run_progress_get(f->run, &again));
    ck_assert(run_same_progress(&at, &again));
  }
  return refit_epochs;
}

/* Time enough changes nothing: not in a refit of several epochs either. */
START_TEST(a_large_time_budget_changes_nothing) {
  run_fixture f, timed;
  uint64_t seed = 1;
  while (run_through(&f, seed, 0) < 2) { /* the first epoch was the best */
    run_close(&f);
    ck_assert_uint_lt(seed++, 50);
  }
  ck_assert_int_ge(run_through(&timed, seed, 1e9), 2);
  float *const weights = run_result_weights(&f);
  s3rec_model *const result = run_result(&timed);
  ck_assert(test_same_weights(result, weights));
  s3rec_model_destroy(result);
  free(weights);
  run_close(&timed);
  run_close(&f);
}
END_TEST

/* A schedule of the caller's own is in the state, and the number of epochs may be said again. */
START_TEST(a_schedule_of_its_own_is_kept) {
  const test_path path = test_file("run.state");
  run_fixture f;
  s3rec_trainer_options trainer;
  s3rec_run_state *state = NULL;
  run_open_plan(&f, &run_plans[3], 1);
  s3rec_trainer_options_init(&trainer);
  trainer.warmup_steps = 5;
  trainer.decay_steps = 20;
  f.options.trainer = &trainer;
  for (int32_t own = 0; own < 2; own++) {
    f.options.own_schedule = own;
    run_begin(&f);
    run_go_on(&f);
    test_ok(s3rec_run_save(f.run, path.text));
    s3rec_run_destroy(f.run);
    test_ok(s3rec_run_state_read(f.context, path.text, &state));
    ck_assert_int_eq(state->options->own_schedule, own);
    ck_assert_uint_eq(state->options->trainer->warmup_steps, own ? 5 : 0);
    ck_assert_uint_eq(state->options->trainer->decay_steps, own ? 20 : 0);
    s3rec_run_state_destroy(state);
    test_ok(s3rec_run_resume(f.model, f.dataset, path.text, f.options.epochs, &f.run));
    ck_assert_int_eq(run_go_on(&f).step, 2);
    s3rec_run_destroy(f.run);
    f.run = NULL;
  }
  f.options.trainer = NULL; /* nothing that could have a schedule */
  run_begin(&f);
  run_close(&f);
}
END_TEST

/* Loop: calls. What a run makes of a model with popularity, and what it tells. */
static const char *const calls[] = {"create", "ahead", "finish"};

START_TEST(every_allocation_may_fail) {
  const run_plan *const p = &run_plans[1];
  test_hooks hooks;
  run_fixture f;
  run_open_on(&f, test_hooks_context(&hooks), p->stage, p->recipe);
  test_ok(s3rec_model_count_popularity(f.model, f.dataset, 2));
  if (_i > 0) run_begin(&f);
  if (_i == 2) run_to_end(&f);
  s3rec_model *made = NULL;
  s3rec_run_estimate estimate, untouched;
  s3rec_run_estimate_init(&estimate);
  untouched = estimate;
  const long long blocks = atomic_load(&hooks.live_blocks);
  s3rec_status status = S3REC_ERROR_MEMORY;
  long long n = 1;
  for (; status != S3REC_OK; n++) {
    atomic_store(&hooks.countdown, n);
    status = _i == 0   ? s3rec_run_create(f.model, f.dataset, &f.options, &f.run)
             : _i == 1 ? s3rec_run_ahead(f.run, &estimate)
                       : s3rec_run_finish(f.run, &made);
    atomic_store(&hooks.countdown, 0);
    if (status == S3REC_OK) break;
    ck_assert_msg(status == S3REC_ERROR_MEMORY, "%s: %s", calls[_i], s3rec_last_error());
    ck_assert_int_eq(atomic_load(&hooks.live_blocks), blocks);
    ck_assert(made == NULL && (_i > 0 || f.run == NULL));
    ck_assert(estimate.step_count == untouched.step_count &&
              estimate.sequence_count == untouched.sequence_count);
  }
  ck_assert_int_gt(n, 2);
  if (_i == 1) ck_assert_uint_gt(estimate.step_count, 0);
  s3rec_model_destroy(made);
  run_close(&f);
  test_hooks_assert_empty(&hooks);
}
END_TEST

TEST_SUITE(run_damage) {
  TCase *cases = tcase_create("run damage");
  tcase_add_test(cases, refuses_contradictions);
  tcase_add_test(cases, refuses_what_is_no_hash);
  tcase_add_test(cases, a_refit_without_a_step_has_begun);
  tcase_add_test(cases, a_large_time_budget_changes_nothing);
  tcase_add_test(cases, a_schedule_of_its_own_is_kept);
  tcase_add_loop_test(cases, every_allocation_may_fail, 0, 3);
  test_add_cases(suite, cases, NULL);
}
