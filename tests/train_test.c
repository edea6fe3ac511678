/* SPDX-License-Identifier: Apache-2.0 */
/* The front door to training: an event file in, a model out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "support/files.h"
#include "support/hooks.h"
#include "support/suite.h"
#include "support/training.h"

enum { USERS = 30, ITEMS = 20, COMMON_ITEM = 7 };

/* Each item is likely to be followed by the next one; all have a genre. */
static void write_events(const char *events, const char *items) {
  static char text[1 << 16];
  s3_random random = s3_random_make(s3_key(3, 7));
  size_t length = (size_t)snprintf(text, sizeof text, "user,item,timestamp\n");
  for (int user = 0; user < USERS; user++) {
    uint32_t item = s3_random_below(&random, ITEMS);
    const int count = 5 + (int)s3_random_below(&random, 6);
    for (int i = 0; i < count; i++) {
      const int taken = i == 0 ? COMMON_ITEM : (int)item;
      length += (size_t)snprintf(text + length, sizeof text - length, "user-%d,item-%d,%d\n", user,
                                 taken, i);
      item = (item + 1 + s3_random_below(&random, 3)) % ITEMS;
    }
  }
  test_write(events, text, length);
  length = (size_t)snprintf(text, sizeof text, "item,genre\n");
  for (int item = 0; item < ITEMS; item++)
    length += (size_t)snprintf(text + length, sizeof text - length, "item-%d,genre-%d\n", item,
                               item % 3);
  test_write(items, text, length);
}

typedef struct train_fixture {
  test_path events, items, model;
  s3rec_context *context;
  s3rec_train_options options;
} train_fixture;

static void open_fixture(train_fixture *f) {
  *f = (train_fixture){.events = test_file("events.csv"),
                       .items = test_file("items.csv"),
                       .model = test_file("model"),
                       .context = test_context(1)};
  write_events(f->events.text, f->items.text);
  s3rec_train_options_init(&f->options);
  f->options.context = f->context;
  f->options.events_path = f->events.text;
  f->options.item_table_path = f->items.text;
  f->options.pretrain_epochs = 2;
  f->options.finetune_epochs = 3;
}

static void close_fixture(train_fixture *f) { s3rec_context_destroy(f->context); }

/* One stage with the calls of the workshop; the model becomes its result. */
static void stage_by_hand(s3rec_model **model, s3rec_dataset *dataset, s3rec_stage stage,
                          int32_t epochs) {
  s3rec_run_options options;
  s3rec_run *run;
  s3rec_model *result;
  s3rec_run_progress at;
  s3rec_run_options_init(&options, stage);
  options.epochs = epochs;
  s3rec_run_progress_init(&at);
  test_ok(s3rec_run_create(*model, dataset, &options, &run));
  while (at.event != S3REC_RUN_DONE) test_ok(s3rec_run_step(run, &at));
  test_ok(s3rec_run_finish(run, &result));
  s3rec_run_destroy(run);
  s3rec_model_destroy(*model);
  *model = result;
}

static s3rec_dataset *read_by_hand(const train_fixture *f) {
  s3rec_events *events;
  s3rec_dataset *dataset;
  test_ok(s3rec_events_create(f->context, &events));
  test_ok(s3rec_events_read(events, f->events.text, NULL, NULL));
  test_ok(s3rec_events_read_attributes(events, f->items.text, NULL, NULL));
  test_ok(s3rec_events_dataset(events, NULL, &dataset, NULL));
  s3rec_events_destroy(events);
  return dataset;
}

/* Loop: from events, and from the dataset of them. */
START_TEST(does_what_is_done_by_hand) {
  train_fixture f;
  s3rec_model *model, *own;
  s3rec_metrics metrics, expected;
  s3rec_dataset_info info;
  s3rec_model_config config;
  open_fixture(&f);
  s3rec_dataset *const dataset = read_by_hand(&f);
  s3rec_dataset_info_init(&info);
  test_ok(s3rec_dataset_info_get(dataset, &info));
  s3rec_model_config_init(&config);
  config.item_size = info.item_size;
  config.attribute_size = info.attribute_size;
  test_ok(s3rec_model_create(f.context, &config, 42, &own));
  stage_by_hand(&own, dataset, S3REC_STAGE_PRETRAIN, 2);
  stage_by_hand(&own, dataset, S3REC_STAGE_FINETUNE, 3);
  s3rec_metrics_init(&expected);
  s3rec_metrics_init(&metrics);
  test_ok(s3rec_evaluate(own, dataset, NULL, &expected, NULL));
  if (_i == 1) {
    f.options.context = NULL;
    f.options.events_path = f.options.item_table_path = NULL;
    f.options.dataset = dataset;
  }
  test_ok(s3rec_train(&f.options, &model, &metrics));
  ck_assert_uint_eq(s3rec_model_fingerprint(model), s3rec_model_fingerprint(own));
  ck_assert(metrics.user_count == USERS && metrics.split == S3REC_SPLIT_TEST);
  ck_assert(metrics.mrr == expected.mrr && metrics.ndcg[1] == expected.ndcg[1]);
  s3rec_model_destroy(own);
  s3rec_dataset_destroy(dataset);
  /* Names, and how often each item was trained on. */
  s3rec_vocabulary *names;
  int32_t id, counts[ITEMS + 2];
  test_ok(s3rec_model_item_names(model, &names));
  test_ok(s3rec_vocabulary_find(names, "item-7", 6, &id));
  s3rec_vocabulary_destroy(names);
  test_ok(s3rec_model_popularity(model, counts, ITEMS + 2));
  ck_assert_int_ge(counts[id], USERS);
  /* A file of it serves. */
  s3rec_recommender *recommender;
  test_ok(s3rec_model_save(model, f.model.text));
  test_ok(s3rec_recommender_open(f.model.text, NULL, &recommender));
  s3rec_recommender_destroy(recommender);
  s3rec_model_destroy(model);
  close_fixture(&f);
}
END_TEST

typedef struct call_counter {
  size_t calls;
  int32_t pretrain_epochs, finetune_epochs, refit_epochs;
  size_t stop_at; /* call; 0: never */
} call_counter;

static int32_t count_calls(const s3rec_run_progress *progress, void *user_data) {
  call_counter *const counter = user_data;
  counter->calls++;
  if (progress->event == S3REC_RUN_EPOCH) {
    if (progress->refit)
      counter->refit_epochs++;
    else if (progress->best_epoch > 0)
      counter->finetune_epochs++;
    else
      counter->pretrain_epochs++;
  }
  return counter->calls == counter->stop_at;
}

/* The recipe decides how long, and whether there is a first stage. */
START_TEST(tells_how_far_it_is) {
  train_fixture f;
  s3rec_model *model;
  call_counter counter = {0};
  open_fixture(&f);
  f.options.progress = count_calls;
  f.options.user_data = &counter;
  test_ok(s3rec_train(&f.options, &model, NULL));
  s3rec_model_destroy(model);
  ck_assert(counter.pretrain_epochs == 2 && counter.finetune_epochs == 3 &&
            counter.refit_epochs >= 1);
  counter = (call_counter){0};
  f.options.item_table_path = NULL; /* nothing to pretrain on */
  f.options.pretrain_epochs = -1;
  f.options.recipe = S3REC_RECIPE_PAPER;
  test_ok(s3rec_train(&f.options, &model, NULL));
  s3rec_model_destroy(model);
  ck_assert(counter.pretrain_epochs == 0 && counter.finetune_epochs == 3 &&
            counter.refit_epochs == 0);
  /* Without time there is one epoch of each. */
  counter = (call_counter){0};
  f.options.item_table_path = f.items.text;
  f.options.finetune_epochs = -1;
  f.options.recipe = S3REC_RECIPE_BEST;
  f.options.time_budget = 1e-9;
  test_ok(s3rec_train(&f.options, &model, NULL));
  s3rec_model_destroy(model);
  ck_assert(counter.pretrain_epochs == 1 && counter.finetune_epochs == 1 &&
            counter.refit_epochs == 1);
  close_fixture(&f);
}
END_TEST

/* Stopped after any number of steps there is a model with the best weights so far. */
START_TEST(may_be_stopped) {
  train_fixture f;
  s3rec_model *whole, *model;
  call_counter counter = {0};
  s3rec_metrics metrics;
  s3rec_metrics_init(&metrics);
  open_fixture(&f);
  f.options.progress = count_calls;
  f.options.user_data = &counter;
  test_ok(s3rec_train(&f.options, &whole, NULL));
  const size_t calls = counter.calls;
  uint64_t before = 0;
  size_t changes = 0;
  for (size_t stop = 1; stop <= calls; stop++) {
    counter = (call_counter){.stop_at = stop};
    test_ok(s3rec_train(&f.options, &model, &metrics));
    ck_assert_uint_eq(counter.calls, stop);
    const uint64_t fingerprint = s3rec_model_fingerprint(model);
    ck_assert(fingerprint != s3rec_model_fingerprint(whole));
    changes += fingerprint != before;
    before = fingerprint;
    s3rec_model_destroy(model);
  }
  ck_assert_uint_ge(changes, 3);
  s3rec_model_destroy(whole);
  close_fixture(&f);
}
END_TEST

/* Tomorrow's training starts from today's file, by the names in it. */
START_TEST(goes_on_from_a_file) {
  train_fixture f;
  s3rec_model *model, *later;
  s3rec_metrics metrics;
  s3rec_metrics_init(&metrics);
  open_fixture(&f);
  test_ok(s3rec_train(&f.options, &model, NULL));
  test_ok(s3rec_model_save(model, f.model.text));
  const uint64_t first = s3rec_model_fingerprint(model);
  f.options.start_path = f.model.text;
  f.options.pretrain_epochs = -1;
  f.options.finetune_epochs = 1;
  call_counter counter = {0};
  f.options.progress = count_calls;
  f.options.user_data = &counter;
  test_ok(s3rec_train(&f.options, &later, &metrics));
  ck_assert(counter.pretrain_epochs == 0 && counter.finetune_epochs == 1);
  ck_assert(s3rec_model_fingerprint(later) != first);
  s3rec_model_destroy(later);
  test_ok(s3rec_model_set_names(model, NULL, NULL));
  test_ok(s3rec_model_save(model, f.model.text));
  later = NULL;
  test_fails(s3rec_train(&f.options, &later, NULL), S3REC_ERROR_MISMATCH);
  ck_assert_ptr_nonnull(strstr(s3rec_last_error(), "has no names for its items"));
  ck_assert_ptr_null(later);
  s3rec_model_destroy(model);
  close_fixture(&f);
}
END_TEST

/* Sequences and attributes by numbers, with the names of their files: as by hand; and a training
 * that goes on from a file with them. */
START_TEST(reads_sequence_files) {
  train_fixture f;
  s3rec_model *model, *own, *later;
  s3rec_dataset *dataset;
  const test_path sequences = test_file("sequences.txt"), attributes = test_file("items.json");
  static char text[1 << 14];
  size_t length = 0;
  for (int user = 0; user < USERS; user++) {
    length += (size_t)sprintf(text + length, "%d", user);
    for (int i = 0; i < 6; i++)
      length += (size_t)sprintf(text + length, " %d", 1 + (user * 3 + i) % ITEMS);
    length += (size_t)sprintf(text + length, "\n");
  }
  test_write(sequences.text, text, length);
  length = (size_t)sprintf(text, "{\"1\": [0]");
  for (int item = 2; item <= ITEMS; item++)
    length += (size_t)sprintf(text + length, ", \"%d\": [%d]", item, item % 3);
  length += (size_t)sprintf(text + length, "}\n");
  test_write(attributes.text, text, length);
  open_fixture(&f);
  f.options.events_path = f.options.item_table_path = NULL;
  f.options.sequences_path = sequences.text;
  for (int with = 0; with < 2; with++) {
    f.options.attributes_path = with ? attributes.text : NULL;
    f.options.pretrain_epochs = with ? 2 : 0;
    test_ok(s3rec_dataset_load(f.context, sequences.text, f.options.attributes_path, NULL,
                               &dataset));
    test_ok(s3rec_model_create_for(dataset, NULL, 42, &own));
    if (with) stage_by_hand(&own, dataset, S3REC_STAGE_PRETRAIN, 2);
    stage_by_hand(&own, dataset, S3REC_STAGE_FINETUNE, 3);
    test_ok(s3rec_train(&f.options, &model, NULL));
    ck_assert_uint_eq(s3rec_model_fingerprint(model), s3rec_model_fingerprint(own));
    s3rec_dataset_destroy(dataset);
    s3rec_model_destroy(own);
    if (with) break;
    s3rec_model_destroy(model);
  }
  test_ok(s3rec_model_save(model, f.model.text));
  f.options.start_path = f.model.text;
  f.options.pretrain_epochs = -1; /* none from a model */
  call_counter counter = {0};
  f.options.progress = count_calls;
  f.options.user_data = &counter;
  test_ok(s3rec_train(&f.options, &later, NULL));
  ck_assert_int_eq(counter.pretrain_epochs, 0);
  s3rec_model_destroy(later);
  s3rec_model_destroy(model);
  later = NULL;
  f.options.start_path = "none.model";
  test_fails(s3rec_train(&f.options, &later, NULL), S3REC_ERROR_IO);
  f.options.start_path = NULL;
  f.options.attributes_path = "none.json";
  test_fails(s3rec_train(&f.options, &later, NULL), S3REC_ERROR_IO);
  ck_assert_ptr_null(later);
  close_fixture(&f);
}
END_TEST

static void refused(const s3rec_train_options *options, const char *text) {
  s3rec_model *model = NULL;
  test_fails(s3rec_train(options, &model, NULL), S3REC_ERROR_ARGUMENT);
  ck_assert_ptr_null(model);
  ck_assert_msg(strstr(s3rec_last_error(), text) != NULL, "'%s' is not in '%s'", text,
                s3rec_last_error());
}

START_TEST(options_are_checked) {
  train_fixture f;
  s3rec_model *model = NULL;
  open_fixture(&f);
  const s3rec_train_options good = f.options;
  f.options.sequences_path = "x";
  refused(&f.options, "2 of dataset, events_path and sequences_path are set, must be one");
  f.options = good;
  f.options.events_path = NULL;
  refused(&f.options, "0 of dataset, events_path and sequences_path are set");
  f.options.sequences_path = "x";
  refused(&f.options, "item_table_path belongs to events_path");
  f.options = good;
  f.options.attributes_path = "x";
  refused(&f.options, "attributes_path belongs to sequences_path");
  f.options = good;
  f.options.pretrain_epochs = -2;
  refused(&f.options, "pretrain_epochs is -2, must be -1 or 0 or more");
  f.options = good;
  f.options.finetune_epochs = 0;
  refused(&f.options, "finetune_epochs is 0, must be -1 or 1 or more");
  f.options = good;
  f.options.time_budget = NAN;
  refused(&f.options, "time_budget is");
  f.options = good;
  f.options.recipe = (s3rec_recipe)9;
  refused(&f.options, "recipe is 9");
  f.options = good;
  f.options.struct_size = 8;
  refused(&f.options, "s3rec_train_options.struct_size is 8");
  f.options = good;
  f.options.events_path = "none.csv";
  test_fails(s3rec_train(&f.options, &model, NULL), S3REC_ERROR_IO);
  test_write(f.events.text, "user,item,timestamp\na,x\n", 24);
  test_fails(s3rec_train(&good, &model, NULL), S3REC_ERROR_FORMAT);
  ck_assert_ptr_nonnull(strstr(s3rec_last_error(), "events.csv:2"));
  test_fails(s3rec_train(NULL, &model, NULL), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_train(&good, NULL, NULL), S3REC_ERROR_ARGUMENT);
  s3rec_metrics metrics = {.struct_size = 8};
  test_fails(s3rec_train(&good, &model, &metrics), S3REC_ERROR_ARGUMENT);
  ck_assert_ptr_null(model);
  close_fixture(&f);
}
END_TEST

/* Allocations fail, at ever larger distances: nothing is left of the attempt. */
START_TEST(allocations_may_fail) {
  train_fixture f;
  test_hooks hooks;
  s3rec_model *model = NULL;
  open_fixture(&f);
  s3rec_context_destroy(f.context);
  f.context = f.options.context = test_hooks_context(&hooks);
  f.options.pretrain_epochs = f.options.finetune_epochs = 1;
  const long long blocks = atomic_load(&hooks.live_blocks);
  s3rec_status status = S3REC_ERROR_MEMORY;
  for (long long n = 1; status != S3REC_OK; n += 1 + n / 16) {
    atomic_store(&hooks.countdown, n);
    status = s3rec_train(&f.options, &model, NULL);
    atomic_store(&hooks.countdown, 0);
    ck_assert(status == S3REC_OK || status == S3REC_ERROR_MEMORY);
    if (status != S3REC_OK) ck_assert_int_eq(atomic_load(&hooks.live_blocks), blocks);
    if (status == S3REC_OK) ck_assert_int_gt(n, 100);
  }
  s3rec_model_destroy(model);
  close_fixture(&f);
  test_hooks_assert_empty(&hooks);
}
END_TEST

TEST_SUITE(train) {
  TCase *cases = tcase_create("train");
  tcase_add_loop_test(cases, does_what_is_done_by_hand, 0, 2);
  tcase_add_test(cases, tells_how_far_it_is);
  tcase_add_test(cases, may_be_stopped);
  tcase_add_test(cases, goes_on_from_a_file);
  tcase_add_test(cases, reads_sequence_files);
  tcase_add_test(cases, options_are_checked);
  tcase_add_test(cases, allocations_may_fail);
  test_add_cases(suite, cases, NULL);
}
