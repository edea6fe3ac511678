/* SPDX-License-Identifier: Apache-2.0 */
/* A small stage of training for the suites about runs. */
#ifndef S3_TESTS_RUN_FIXTURE_H
#define S3_TESTS_RUN_FIXTURE_H

#include <stdbool.h>

#include "s3rec/s3rec.h"
#include "support/training.h"

extern const test_shape run_shape;

/* Context, data, a model, and options whose epochs have several steps; `run` is NULL until
 * run_begin. `sampler` is what options.sampler points to, so a fixture is not copied. */
typedef struct run_fixture {
  s3rec_context *context;
  s3rec_dataset *dataset;
  s3rec_model *model;
  s3rec_sampler_options sampler;
  s3rec_run_options options;
  s3rec_run *run;
} run_fixture;

/* On a context of its own; the data have negatives. */
void run_open(run_fixture *f, s3rec_stage stage, s3rec_recipe recipe, int32_t threads);
/* The same on a context that then belongs to the fixture. */
void run_open_on(run_fixture *f, s3rec_context *context, s3rec_stage stage, s3rec_recipe recipe);
void run_begin(run_fixture *f);
/* One step that must succeed. */
s3rec_run_progress run_go_on(run_fixture *f);
/* All that are left; returns how many, DONE not counted. */
size_t run_to_end(run_fixture *f);
/* What s3rec_run_finish hands out. */
s3rec_model *run_result(const run_fixture *f);
/* All its weights; free() them. */
float *run_result_weights(const run_fixture *f);
void run_close(run_fixture *f);

/* Stages of every kind. */
typedef struct run_plan {
  const char *name;
  s3rec_stage stage;
  s3rec_recipe recipe;
  int32_t held_out_count, patience;
  s3rec_protocol protocol;
} run_plan;
enum { RUN_PLANS = 4 };
extern const run_plan run_plans[RUN_PLANS];

/* run_open with the options of a plan. */
void run_open_plan(run_fixture *f, const run_plan *plan, int32_t threads);
/* All fields but the size. */
bool run_same_progress(const s3rec_run_progress *a, const s3rec_run_progress *b);

/* Copies a file, with one text in it replaced by another of the same length. */
void run_patch(const char *from, const char *to, const char *old, const char *new);

/* users sequences of `items` items each, with 99 negatives. */
s3rec_dataset *run_dataset(s3rec_context *context, size_t users, uint64_t seed);

#endif
