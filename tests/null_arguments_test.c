/* SPDX-License-Identifier: Apache-2.0 */
/* A pointer that must not be NULL is refused by its name, and nothing happens. */
#include <stdint.h>
#include <string.h>

#include "s3rec/s3rec.h"
#include "support/suite.h"
#include "support/training.h"

/* The call is refused because of this argument. */
#define refuses(argument, call)                                                          \
  do {                                                                                   \
    ck_assert_msg((call) == S3REC_ERROR_ARGUMENT, "%s", #call);                          \
    ck_assert_msg(strstr(s3rec_last_error(), #argument " must not be NULL") != NULL,     \
                  "%s: %s", #call, s3rec_last_error());                                  \
  } while (0)

static const test_shape shape = {.items = 20,
                                 .attributes = 5,
                                 .length = 6,
                                 .hidden = 8,
                                 .layers = 1,
                                 .heads = 2,
                                 .activation = S3REC_GELU,
                                 .batch = 4};
static s3rec_context *context;
static s3rec_dataset *dataset;
static s3rec_model *model;

static void make_handles(void) {
  context = test_context(1);
  dataset = test_dataset(context, &shape, 12, 3);
  model = test_model(context, &shape, 5);
}

static void destroy_handles(void) {
  s3rec_model_destroy(model);
  s3rec_dataset_destroy(dataset);
  s3rec_context_destroy(context);
}

START_TEST(datasets) {
  const int32_t *ids;
  size_t count;
  s3rec_vocabulary *names;
  refuses(dataset, s3rec_dataset_user_items(NULL, 0, &ids, &count));
  refuses(items, s3rec_dataset_user_items(dataset, 0, NULL, &count));
  refuses(count, s3rec_dataset_user_items(dataset, 0, &ids, NULL));
  refuses(dataset, s3rec_dataset_item_attributes(NULL, 1, &ids, &count));
  refuses(attributes, s3rec_dataset_item_attributes(dataset, 1, NULL, &count));
  refuses(count, s3rec_dataset_item_attributes(dataset, 1, &ids, NULL));
  refuses(dataset, s3rec_dataset_user_negatives(NULL, 0, &ids, &count));
  refuses(negatives, s3rec_dataset_user_negatives(dataset, 0, NULL, &count));
  refuses(count, s3rec_dataset_user_negatives(dataset, 0, &ids, NULL));
  refuses(dataset, s3rec_dataset_item_names(NULL, &names));
  refuses(names, s3rec_dataset_item_names(dataset, NULL));
  refuses(dataset, s3rec_dataset_user_names(NULL, &names));
  refuses(names, s3rec_dataset_user_names(dataset, NULL));
  refuses(dataset, s3rec_dataset_attribute_names(NULL, &names));
  refuses(names, s3rec_dataset_attribute_names(dataset, NULL));
}
END_TEST

START_TEST(events) {
  s3rec_events *events;
  test_ok(s3rec_events_create(context, &events));
  const int64_t number = 1;
  const s3rec_id_array ids = {.integers = &number};
  refuses(events, s3rec_events_read_attributes(NULL, "items.csv", NULL, NULL));
  refuses(path, s3rec_events_read_attributes(events, NULL, NULL, NULL));
  refuses(events, s3rec_events_append(NULL, 1, &ids, &ids, NULL, NULL));
  refuses(events, s3rec_events_append_attributes(NULL, 1, &ids, &ids));
  refuses(items, s3rec_events_append_attributes(events, 1, NULL, &ids));
  s3rec_events_destroy(events);
}
END_TEST

START_TEST(batches) {
  const int32_t ids[] = {1, 2};
  uint64_t epoch;
  size_t step;
  s3rec_batch *batch;
  s3rec_batch_info info;
  s3rec_batch_info_init(&info);
  s3rec_sampler_options options;
  s3rec_sampler_options_init(&options, S3REC_STAGE_FINETUNE);
  s3rec_sampler *sampler;
  test_ok(s3rec_batch_create(context, &batch));
  test_ok(s3rec_sampler_create(dataset, &options, &sampler));
  refuses(sampler, s3rec_sampler_position(NULL, &epoch, &step));
  refuses(step, s3rec_sampler_position(sampler, &epoch, NULL));
  refuses(batch, s3rec_batch_set_finetune(NULL, 1, 2, ids, ids, ids));
  refuses(batch, s3rec_batch_info_get(NULL, &info));
  refuses(info, s3rec_batch_info_get(batch, NULL));
  s3rec_sampler_destroy(sampler);
  s3rec_batch_destroy(batch);
}
END_TEST

START_TEST(models) {
  int32_t counts[22];
  s3rec_vocabulary *names;
  refuses(model, s3rec_model_set_names(NULL, NULL, NULL));
  refuses(model, s3rec_model_item_names(NULL, &names));
  refuses(names, s3rec_model_item_names(model, NULL));
  refuses(model, s3rec_model_attribute_names(NULL, &names));
  refuses(names, s3rec_model_attribute_names(model, NULL));
  refuses(model, s3rec_model_count_popularity(NULL, dataset, 2));
  refuses(model, s3rec_model_popularity(NULL, counts, 22));
  refuses(counts, s3rec_model_popularity(model, NULL, 22));
  refuses(context, s3rec_model_file_metadata(NULL, "model", NULL, NULL));
  refuses(path, s3rec_model_file_metadata(context, NULL, NULL, NULL));
  refuses(recommender, s3rec_recommender_exchange_model(NULL, model, NULL));
}
END_TEST

START_TEST(runs) {
  s3rec_run_options options;
  s3rec_run_options_init(&options, S3REC_STAGE_FINETUNE);
  s3rec_run *run;
  test_ok(s3rec_run_create(model, dataset, &options, &run));
  s3rec_run_progress progress;
  s3rec_run_progress_init(&progress);
  s3rec_metrics metrics;
  s3rec_metrics_init(&metrics);
  s3rec_model *trained;
  s3rec_run_state *state;
  refuses(run, s3rec_run_progress_get(NULL, &progress));
  refuses(progress, s3rec_run_progress_get(run, NULL));
  refuses(run, s3rec_run_finish(NULL, &trained));
  refuses(run, s3rec_run_valid_metrics(NULL, &metrics));
  refuses(metrics, s3rec_run_valid_metrics(run, NULL));
  refuses(estimate, s3rec_run_ahead(run, NULL));
  refuses(run, s3rec_run_set_note(NULL, "note"));
  refuses(run, s3rec_run_save(NULL, "state"));
  refuses(path, s3rec_run_load(run, NULL));
  refuses(run, s3rec_run_resume(model, dataset, "state", 0, NULL));
  refuses(context, s3rec_run_state_read(NULL, "state", &state));
  refuses(path, s3rec_run_state_read(context, NULL, &state));
  refuses(state, s3rec_run_state_read(context, "state", NULL));
  s3rec_run_destroy(run);
  s3rec_train_options train;
  s3rec_train_options_init(&train);
  refuses(options, s3rec_train(NULL, &trained, NULL));
  refuses(model, s3rec_train(&train, NULL, NULL));
}
END_TEST

START_TEST(trainers) {
  s3rec_trainer *trainer;
  const float value = 0;
  test_ok(s3rec_trainer_create(model, NULL, &trainer));
  refuses(trainer, s3rec_trainer_gradient_write(NULL, "item_embeddings.weight", &value, 1));
  refuses(name, s3rec_trainer_gradient_write(trainer, NULL, &value, 1));
  refuses(trainer, s3rec_trainer_save(NULL, NULL, NULL, "state"));
  refuses(path, s3rec_trainer_save(trainer, NULL, NULL, NULL));
  refuses(trainer, s3rec_trainer_load(NULL, NULL, "state"));
  refuses(path, s3rec_trainer_load(trainer, NULL, NULL));
  s3rec_trainer_destroy(trainer);
}
END_TEST

START_TEST(vocabularies) {
  static const char text[] = "tea";
  const int64_t offsets[] = {0, 3};
  s3rec_vocabulary *names;
  const char *name;
  size_t length;
  int32_t id;
  refuses(context,
          s3rec_vocabulary_create(NULL, S3REC_NAMES_TEXT, 1, text, offsets, 1, &names));
  refuses(offsets, s3rec_vocabulary_create(context, S3REC_NAMES_TEXT, 1, text, NULL, 1, &names));
  refuses(text, s3rec_vocabulary_create(context, S3REC_NAMES_TEXT, 1, NULL, offsets, 1, &names));
  refuses(vocabulary,
          s3rec_vocabulary_create(context, S3REC_NAMES_TEXT, 1, text, offsets, 1, NULL));
  test_ok(s3rec_vocabulary_create(context, S3REC_NAMES_TEXT, 1, text, offsets, 1, &names));
  refuses(vocabulary, s3rec_vocabulary_name(NULL, 1, &name, &length));
  refuses(name, s3rec_vocabulary_name(names, 1, NULL, &length));
  refuses(vocabulary, s3rec_vocabulary_text(NULL, &name, NULL));
  refuses(vocabulary, s3rec_vocabulary_find(NULL, text, 3, &id));
  refuses(name, s3rec_vocabulary_find(names, NULL, 3, &id));
  refuses(id, s3rec_vocabulary_find(names, text, 3, NULL));
  refuses(vocabulary, s3rec_vocabulary_find_many(NULL, text, offsets, 1, &id));
  refuses(offsets, s3rec_vocabulary_find_many(names, text, NULL, 1, &id));
  refuses(ids, s3rec_vocabulary_find_many(names, text, offsets, 1, NULL));
  refuses(text, s3rec_vocabulary_find_many(names, NULL, offsets, 1, &id));
  s3rec_vocabulary_destroy(names);
}
END_TEST

TEST_SUITE(null_arguments) {
  TCase *cases = tcase_create("null arguments");
  tcase_add_checked_fixture(cases, make_handles, destroy_handles);
  tcase_add_test(cases, datasets);
  tcase_add_test(cases, events);
  tcase_add_test(cases, batches);
  tcase_add_test(cases, models);
  tcase_add_test(cases, runs);
  tcase_add_test(cases, trainers);
  tcase_add_test(cases, vocabularies);
  test_add_cases(suite, cases, NULL);
}
