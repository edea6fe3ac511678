/* SPDX-License-Identifier: Apache-2.0 */
/* Runs out of a file alone: what it says, and going on without the first model or longer. */
#include <stdlib.h>
#include <string.h>

#include "run_fixture.h"
#include "support/files.h"
#include "support/suite.h"

/* The file says what the run goes by and where it is, and a run of these options is the same. */
START_TEST(a_state_tells_its_run) {
  const run_plan *const p = &run_plans[_i];
  const test_path path = test_file("run.state");
  run_fixture f;
  s3rec_run_state *state;
  run_open_plan(&f, p, 1);
  f.options.seed = 7;
  f.sampler.mask_p = 0.3;
  run_begin(&f);
  s3rec_run_progress at = run_go_on(&f);
  while (p->stage == S3REC_STAGE_FINETUNE ? at.best_epoch == 0 : at.epoch < 2) at = run_go_on(&f);
  test_ok(s3rec_run_set_note(f.run, "first"));
  test_ok(s3rec_run_set_note(f.run, "caf\xc3\xa9 \"second\""));
  test_ok(s3rec_run_save(f.run, path.text));
  test_ok(s3rec_run_state_read(f.context, path.text, &state));
  ck_assert_str_eq(state->note, "caf\xc3\xa9 \"second\"");
  ck_assert_uint_eq(state->model_fingerprint, s3rec_model_fingerprint(f.model));
  ck_assert(run_same_progress(state->progress, &at));
  s3rec_run_progress again;
  s3rec_run_progress_init(&again);
  test_ok(s3rec_run_progress_get(f.run, &again));
  ck_assert(run_same_progress(&again, &at));
  again.struct_size = 8;
  test_fails(s3rec_run_progress_get(f.run, &again), S3REC_ERROR_ARGUMENT);
  const s3rec_run_options *const o = state->options;
  ck_assert(o->stage == p->stage && o->seed == 7 && o->epochs == 3 && o->protocol == p->protocol);
  ck_assert(o->sampler->mask_p == 0.3 && o->sampler->batch_size == f.sampler.batch_size);
  ck_assert(o->metric == (p->protocol == S3REC_PROTOCOL_FULL ? S3REC_METRIC_NDCG_20
                                                             : S3REC_METRIC_MRR));
  s3rec_run_destroy(f.run);
  test_ok(s3rec_run_create(f.model, f.dataset, o, &f.run));
  test_ok(s3rec_run_load(f.run, path.text));
  s3rec_run_state_destroy(state);
  ck_assert_str_eq(s3rec_run_note(f.run), "caf\xc3\xa9 \"second\"");
  test_ok(s3rec_run_set_note(f.run, NULL));
  ck_assert_str_eq(s3rec_run_note(f.run), "");
  ck_assert_str_eq(s3rec_run_note(NULL), "");
  run_close(&f);
}
END_TEST

/* The model that a run began with is needed for a refit that is ahead, and for nothing else. */
START_TEST(resumes_without_the_first_model) {
  const run_plan *const p = &run_plans[_i];
  const bool refits = p->stage == S3REC_STAGE_FINETUNE && p->held_out_count < 2;
  const test_path path = test_file("run.state");
  run_fixture f, straight;
  s3rec_run *none = NULL;
  run_open_plan(&straight, p, 1);
  run_begin(&straight);
  run_to_end(&straight);
  float *const weights = run_result_weights(&straight);
  run_close(&straight);
  run_open_plan(&f, p, 1);
  run_begin(&f);
  run_go_on(&f);
  test_ok(s3rec_run_save(f.run, path.text));
  s3rec_model *const other = test_model(f.context, &run_shape, 4);
  if (refits) {
    test_fails(s3rec_run_resume(NULL, f.dataset, path.text, 0, &none), S3REC_ERROR_ARGUMENT);
    test_fails(s3rec_run_resume(other, f.dataset, path.text, 0, &none), S3REC_ERROR_MISMATCH);
    ck_assert_ptr_null(none);
    while (!run_go_on(&f).refit) continue;
    test_ok(s3rec_run_save(f.run, path.text));
  }
  for (int i = 0; i < 2; i++) {
    s3rec_run_destroy(f.run);
    test_ok(s3rec_run_resume(i == 0 ? NULL : other, f.dataset, path.text, 0, &f.run));
    run_to_end(&f);
    s3rec_model *const result = run_result(&f);
    ck_assert(test_same_weights(result, weights));
    s3rec_model_destroy(result);
  }
  test_fails(s3rec_run_resume(NULL, NULL, path.text, 0, &none), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_run_resume(NULL, f.dataset, NULL, 0, &none), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_run_resume(NULL, f.dataset, path.text, -1, &none), S3REC_ERROR_ARGUMENT);
  s3rec_model_destroy(other);
  free(weights);
  run_close(&f);
}
END_TEST

/* More epochs of a constant learning rate are those that the longer run would have had. */
START_TEST(resumes_with_more_epochs) {
  const test_path path = test_file("run.state");
  run_fixture f, longer;
  s3rec_run *none = NULL;
  for (int i = 0; i < 2; i++) {
    run_fixture *const g = i == 0 ? &f : &longer;
    run_open(g, S3REC_STAGE_FINETUNE, S3REC_RECIPE_PAPER, 1);
    g->options.epochs = i == 0 ? 2 : 5;
    g->options.warmup_epochs = 1;
    run_begin(g);
    run_to_end(g);
  }
  test_ok(s3rec_run_save(f.run, path.text));
  s3rec_run_destroy(f.run);
  test_fails(s3rec_run_resume(NULL, f.dataset, path.text, 1, &none), S3REC_ERROR_ARGUMENT);
  test_ok(s3rec_run_resume(NULL, f.dataset, path.text, 5, &f.run));
  run_to_end(&f);
  float *const weights = run_result_weights(&longer);
  s3rec_model *const result = run_result(&f);
  ck_assert(test_same_weights(result, weights));
  s3rec_model_destroy(result);
  free(weights);
  run_close(&longer);
  run_close(&f);
  run_open(&f, S3REC_STAGE_FINETUNE, S3REC_RECIPE_BEST, 1);
  run_begin(&f);
  run_go_on(&f);
  test_ok(s3rec_run_save(f.run, path.text));
  test_fails(s3rec_run_resume(f.model, f.dataset, path.text, 5, &none), S3REC_ERROR_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(s3rec_last_error(), "falls to 0 over 3 epochs"));
  run_close(&f);
  run_open(&f, S3REC_STAGE_FINETUNE, S3REC_RECIPE_PAPER, 1);
  f.options.held_out_count = 1;
  run_begin(&f);
  while (!run_go_on(&f).refit) continue;
  test_ok(s3rec_run_save(f.run, path.text));
  test_fails(s3rec_run_resume(f.model, f.dataset, path.text, 5, &none), S3REC_ERROR_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(s3rec_last_error(), "is in its refit"));
  run_close(&f);
}
END_TEST

TEST_SUITE(run_resume) {
  TCase *cases = tcase_create("run resume");
  tcase_add_loop_test(cases, a_state_tells_its_run, 0, RUN_PLANS);
  tcase_add_loop_test(cases, resumes_without_the_first_model, 0, RUN_PLANS);
  tcase_add_test(cases, resumes_with_more_epochs);
  test_add_cases(suite, cases, NULL);
}
