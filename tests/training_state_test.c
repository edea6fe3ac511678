/* SPDX-License-Identifier: Apache-2.0 */
/* Training states: going on bit by bit, and refusing what does not fit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/suite.h"
#include "support/training.h"
#include "training/trainer.h"

static const test_shape shape = {.items = 40, .attributes = 7, .length = 8, .hidden = 16,
                                 .layers = 2, .heads = 2, .activation = S3REC_SWISH,
                                 .dropout = 0.3, .batch = 16};

/* Everything a training program holds. */
typedef struct session {
  s3rec_context *context;
  s3rec_dataset *dataset;
  s3rec_model *model;
  s3rec_sampler *sampler;
  s3rec_trainer *trainer;
  s3rec_batch *batch;
  s3rec_stage stage;
} session;

static s3rec_sampler_options sampler_options(s3rec_stage stage) {
  s3rec_sampler_options options;
  s3rec_sampler_options_init(&options, stage);
  options.batch_size = shape.batch;
  options.max_seq_length = shape.length;
  options.seed = 77;
  return options;
}

static session start_with(const test_shape *model_shape, s3rec_stage stage,
                          const s3rec_sampler_options *sampling,
                          const s3rec_trainer_options *options, uint64_t data_seed,
                          uint64_t model_seed) {
  session s;
  s.context = test_context(2);
  s.dataset = test_dataset(s.context, &shape, 25, data_seed);
  s.model = test_model(s.context, model_shape, model_seed);
  s.stage = stage;
  test_ok(s3rec_sampler_create(s.dataset, sampling, &s.sampler));
  test_ok(s3rec_trainer_create(s.model, options, &s.trainer));
  test_ok(s3rec_batch_create(s.context, &s.batch));
  return s;
}

static session start(s3rec_stage stage, const s3rec_trainer_options *options,
                     uint64_t model_seed) {
  const s3rec_sampler_options sampling = sampler_options(stage);
  return start_with(&shape, stage, &sampling, options, 41, model_seed);
}

static void finish(session *s) {
  s3rec_batch_destroy(s->batch);
  s3rec_trainer_destroy(s->trainer);
  s3rec_sampler_destroy(s->sampler);
  s3rec_model_destroy(s->model);
  s3rec_dataset_destroy(s->dataset);
  s3rec_context_destroy(s->context);
}

static void step(session *s, int count) {
  for (int i = 0; i < count; i++) {
    test_ok(s3rec_sampler_next(s->sampler, s->batch));
    test_ok(s->stage == S3REC_STAGE_PRETRAIN ? s3rec_pretrain_step(s->trainer, s->batch, NULL)
                                             : s3rec_finetune_step(s->trainer, s->batch, NULL));
  }
}

static void state_path(char *path, size_t capacity) {
  snprintf(path, capacity, "training_state_test.%ld.state", (long)getpid());
}

static s3rec_trainer_options unusual_options(void) {
  s3rec_trainer_options options;
  s3rec_trainer_options_init(&options);
  options.learning_rate = 3e-3;
  options.weight_decay = 1e-3;
  options.max_gradient_norm = 2.5;
  options.aap_weight = 0.7;
  options.sp_weight = 0.1;
  options.finetune_loss = S3REC_LOSS_BCE;
  options.label_smoothing = 0.15;
  options.decoupled_weight_decay = 0.5;
  options.negative_count = 2; /* of the five or so items that are no target */
  options.seed = 4242;
  options.shard_count = 4;
  return options;
}

static int steps_of_epoch(const session *s) {
  size_t steps;
  test_ok(s3rec_sampler_epoch_size(s->sampler, NULL, &steps));
  ck_assert_uint_ge(steps, 2);
  return (int)steps;
}

/* Saved after every possible step of the first epoch and one of the second; the
 * reader's model, trainer options and sampler position all differ before. */
START_TEST(goes_on_bit_by_bit) {
  const s3rec_stage stage = _i == 0 ? S3REC_STAGE_PRETRAIN : S3REC_STAGE_FINETUNE;
  s3rec_trainer_options options = unusual_options();
  if (_i == 2) options.finetune_loss = S3REC_LOSS_SAMPLED_CE;
  char path[64];
  session straight = start(stage, &options, 42);
  const int epoch = steps_of_epoch(&straight), total = epoch + 3;
  size_t count;
  state_path(path, sizeof path);
  step(&straight, total);
  float *weights = test_weights(straight.model, &count);
  for (int saved = 0; saved <= epoch + 1; saved += saved < 2 ? 1 : epoch / 2) {
    session first = start(stage, &options, 42);
    step(&first, saved);
    test_ok(s3rec_trainer_save(first.trainer, first.sampler, "after \xc3\xa9tape", path));
    finish(&first);
    session second = start(stage, NULL, 99);
    step(&second, 1);
    test_ok(s3rec_trainer_load(second.trainer, second.sampler, path));
    ck_assert_str_eq(s3rec_trainer_note(second.trainer), "after \xc3\xa9tape");
    ck_assert_uint_eq(s3rec_trainer_step_count(second.trainer), (uint64_t)saved);
    step(&second, total - saved);
    ck_assert_uint_eq(s3rec_trainer_step_count(second.trainer), (uint64_t)total);
    ck_assert_msg(test_same_weights(second.model, weights), "saved after %d of %d steps", saved,
                  total);
    finish(&second);
  }
  free(weights);
  finish(&straight);
  remove(path);
}
END_TEST

/* Saved in the warm-up, in the decay and after both. */
START_TEST(the_schedule_goes_on_bit_by_bit) {
  enum { TOTAL = 9 };
  const s3rec_stage stage = _i == 0 ? S3REC_STAGE_PRETRAIN : S3REC_STAGE_FINETUNE;
  s3rec_trainer_options options = unusual_options();
  options.warmup_steps = 3;
  options.decay_steps = 8;
  char path[64];
  size_t count;
  session straight = start(stage, &options, 42);
  state_path(path, sizeof path);
  step(&straight, TOTAL);
  float *weights = test_weights(straight.model, &count);
  for (int saved = 1; saved < TOTAL; saved++) {
    session first = start(stage, &options, 42), second = start(stage, NULL, 99);
    step(&first, saved);
    test_ok(s3rec_trainer_save(first.trainer, first.sampler, NULL, path));
    test_ok(s3rec_trainer_load(second.trainer, second.sampler, path));
    step(&second, TOTAL - saved);
    ck_assert_msg(test_same_weights(second.model, weights), "saved after %d steps", saved);
    finish(&first);
    finish(&second);
  }
  free(weights);
  finish(&straight);
  remove(path);
}
END_TEST

START_TEST(saving_disturbs_nothing) {
  char path[64];
  session with = start(S3REC_STAGE_PRETRAIN, NULL, 42);
  session without = start(S3REC_STAGE_PRETRAIN, NULL, 42);
  size_t count;
  state_path(path, sizeof path);
  for (int i = 0; i < 3; i++) {
    step(&with, 1);
    test_ok(s3rec_trainer_save(with.trainer, with.sampler, NULL, path));
    step(&without, 1);
  }
  float *weights = test_weights(without.model, &count);
  ck_assert(test_same_weights(with.model, weights));
  test_ok(s3rec_trainer_load(with.trainer, NULL, path));
  ck_assert_str_eq(s3rec_trainer_note(with.trainer), "");
  ck_assert(test_same_weights(with.model, weights));
  free(weights);
  finish(&with);
  finish(&without);
  remove(path);
}
END_TEST

/* What must not have moved after a refused load. */
typedef struct picture {
  float *weights;
  uint64_t steps, epoch;
  size_t position;
} picture;

static picture take(const session *s) {
  picture p;
  size_t count;
  p.weights = test_weights(s->model, &count);
  p.steps = s3rec_trainer_step_count(s->trainer);
  test_ok(s3rec_sampler_position(s->sampler, &p.epoch, &p.position));
  return p;
}

static void check_untouched(const session *s, picture *p) {
  uint64_t epoch;
  size_t position;
  ck_assert(test_same_weights(s->model, p->weights));
  ck_assert_uint_eq(s3rec_trainer_step_count(s->trainer), p->steps);
  test_ok(s3rec_sampler_position(s->sampler, &epoch, &position));
  ck_assert_uint_eq(epoch, p->epoch);
  ck_assert_uint_eq(position, p->position);
}

static void refuses(session *s, const char *path, s3rec_status status) {
  picture p = take(s);
  test_fails(s3rec_trainer_load(s->trainer, s->sampler, path), status);
  check_untouched(s, &p);
  free(p.weights);
}

static void save_pretraining(const char *path, int steps) {
  session s = start(S3REC_STAGE_PRETRAIN, NULL, 42);
  step(&s, steps);
  test_ok(s3rec_trainer_save(s.trainer, s.sampler, "note", path));
  finish(&s);
}

START_TEST(other_sizes_are_refused) {
  char path[64];
  test_shape other[6] = {shape, shape, shape, shape, shape, shape};
  const s3rec_sampler_options sampling = sampler_options(S3REC_STAGE_PRETRAIN);
  other[0].items += 1;
  other[1].attributes += 1;
  other[2].length += 1;
  other[3].hidden *= 2;
  other[4].layers += 1;
  other[5].heads *= 2;
  state_path(path, sizeof path);
  save_pretraining(path, 2);
  for (size_t i = 0; i < 6; i++) {
    session s = start_with(&other[i], S3REC_STAGE_PRETRAIN, &sampling, NULL, 41, 42);
    test_fails(s3rec_trainer_load(s.trainer, s.sampler, path), S3REC_ERROR_MISMATCH);
    refuses(&s, path, S3REC_ERROR_MISMATCH);
    finish(&s);
  }
  remove(path);
}
END_TEST

START_TEST(other_data_or_sampling_is_refused) {
  char path[64];
  s3rec_sampler_options other[7];
  state_path(path, sizeof path);
  save_pretraining(path, 2);
  for (size_t i = 0; i < 7; i++) other[i] = sampler_options(S3REC_STAGE_PRETRAIN);
  other[0] = sampler_options(S3REC_STAGE_FINETUNE);
  other[1].batch_size += 1;
  other[2].max_seq_length -= 1;
  other[3].mask_p += 0.1;
  other[4].seed += 1;
  other[5].shuffle = 0;
  other[6].held_out_count = 1;
  for (size_t i = 0; i < 7; i++) {
    session s = start_with(&shape, other[i].stage, &other[i], NULL, 41, 42);
    step(&s, 1);
    refuses(&s, path, S3REC_ERROR_MISMATCH);
    finish(&s);
  }
  const s3rec_sampler_options same = sampler_options(S3REC_STAGE_PRETRAIN);
  session s = start_with(&shape, S3REC_STAGE_PRETRAIN, &same, NULL, 40, 42);
  refuses(&s, path, S3REC_ERROR_MISMATCH);
  /* Without the sampler the data is nobody's business. */
  test_ok(s3rec_trainer_load(s.trainer, NULL, path));
  ck_assert_uint_eq(s3rec_trainer_step_count(s.trainer), 2);
  /* A state that was saved without a sampler cannot position one. */
  test_ok(s3rec_trainer_save(s.trainer, NULL, NULL, path));
  refuses(&s, path, S3REC_ERROR_MISMATCH);
  finish(&s);
  remove(path);
}
END_TEST

static char *read_file(const char *path, long *size) {
  FILE *file = fopen(path, "rb");
  ck_assert_ptr_nonnull(file);
  ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
  *size = ftell(file);
  rewind(file);
  char *bytes = malloc((size_t)*size);
  ck_assert_ptr_nonnull(bytes);
  ck_assert_uint_eq(fread(bytes, 1, (size_t)*size, file), (size_t)*size);
  fclose(file);
  return bytes;
}

static void write_file(const char *path, const char *bytes, long size) {
  FILE *file = fopen(path, "wb");
  ck_assert_ptr_nonnull(file);
  ck_assert_uint_eq(fwrite(bytes, 1, (size_t)size, file), (size_t)size);
  ck_assert_int_eq(fclose(file), 0);
}

START_TEST(broken_files_are_refused) {
  char path[64];
  long size;
  state_path(path, sizeof path);
  save_pretraining(path, 3);
  char *bytes = read_file(path, &size);
  session s = start(S3REC_STAGE_PRETRAIN, NULL, 43);
  step(&s, 2);
  for (int i = 0; i < 40; i++) { /* cut anywhere, the empty file included */
    write_file(path, bytes, size * i / 40);
    refuses(&s, path, S3REC_ERROR_FORMAT);
  }
  const float nan_value = (float)strtod("nan", NULL);
  for (long where = size - 4; where > size / 2; where -= size / 8 / 4 * 4) {
    char saved[4];
    memcpy(saved, bytes + where, 4);
    memcpy(bytes + where, &nan_value, 4);
    write_file(path, bytes, size);
    refuses(&s, path, S3REC_ERROR_FORMAT);
    memcpy(bytes + where, saved, 4);
  }
  bytes[8] = '['; /* the header is no JSON object any more */
  write_file(path, bytes, size);
  refuses(&s, path, S3REC_ERROR_FORMAT);
  test_ok(s3rec_model_save(s.model, path)); /* a model is not a training state */
  refuses(&s, path, S3REC_ERROR_FORMAT);
  remove(path);
  refuses(&s, path, S3REC_ERROR_IO);
  refuses(&s, ".", S3REC_ERROR_IO);
  free(bytes);
  finish(&s);
}
END_TEST

/* Every byte of the header changed in turn: never a crash, and either the load
 * succeeds (a change in the note, say) or everything is as it was. */
START_TEST(flipped_header_bytes_are_survived) {
  char path[64];
  long size;
  uint64_t header = 0;
  state_path(path, sizeof path);
  save_pretraining(path, 1);
  char *bytes = read_file(path, &size);
  for (int i = 7; i >= 0; i--) header = header << 8 | (unsigned char)bytes[i];
  session s = start(S3REC_STAGE_PRETRAIN, NULL, 43);
  for (long i = 0; i < 8 + (long)header; i += i < 600 ? 1 : 17) {
    picture p = take(&s);
    const char old = bytes[i];
    bytes[i] = (char)(old ^ 0x11);
    write_file(path, bytes, size);
    if (s3rec_trainer_load(s.trainer, s.sampler, path) != S3REC_OK) check_untouched(&s, &p);
    bytes[i] = old;
    free(p.weights);
  }
  free(bytes);
  finish(&s);
  remove(path);
}
END_TEST

START_TEST(a_state_that_is_no_json_is_named_with_its_place) {
  static const char key[] = "\"s3rec_state\":\"{";
  char path[64];
  long size;
  state_path(path, sizeof path);
  save_pretraining(path, 1);
  char *bytes = read_file(path, &size);
  char *found = memmem(bytes, (size_t)size, key, sizeof key - 1);
  ck_assert_ptr_nonnull(found);
  found[sizeof key - 2] = '(';
  write_file(path, bytes, size);
  session s = start(S3REC_STAGE_PRETRAIN, NULL, 43);
  refuses(&s, path, S3REC_ERROR_FORMAT);
  ck_assert_msg(strstr(s3rec_last_error(), ":1:1: metadata s3rec_state: ") != NULL, "%s",
                s3rec_last_error());
  free(bytes);
  finish(&s);
  remove(path);
}
END_TEST

/* Loop: the weights, either moment. What no load would take is not saved. */
START_TEST(values_that_are_not_finite_are_not_saved) {
  static const char *const prefixes[] = {"", "state.exp_avg.", "state.exp_avg_sq."};
  char path[64], tensor[96];
  session s = start(S3REC_STAGE_PRETRAIN, NULL, 43);
  float *const blocks[] = {s.model->weights, s.trainer->moment1, s.trainer->moment2};
  state_path(path, sizeof path);
  save_pretraining(path, 2);
  blocks[_i][s.model->table.head_weight[S3_HEAD_MAP] + 17] = (float)strtod("inf", NULL);
  test_fails(s3rec_trainer_save(s.trainer, s.sampler, "bad", path), S3REC_ERROR_NUMERIC);
  snprintf(tensor, sizeof tensor, "'%smap_norm.weight': element 17 ", prefixes[_i]);
  ck_assert_msg(strstr(s3rec_last_error(), tensor) != NULL, "%s", s3rec_last_error());
  test_ok(s3rec_trainer_load(s.trainer, s.sampler, path)); /* the good one */
  ck_assert_str_eq(s3rec_trainer_note(s.trainer), "note");
  finish(&s);
  remove(path);
}
END_TEST

START_TEST(save_fails_where_it_must) {
  session s = start(S3REC_STAGE_PRETRAIN, NULL, 43);
  test_fails(s3rec_trainer_save(s.trainer, s.sampler, NULL, "no/such/folder/state"),
             S3REC_ERROR_IO);
  test_fails(s3rec_trainer_save(NULL, s.sampler, NULL, "state"), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_trainer_save(s.trainer, NULL, NULL, NULL), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_trainer_save(s.trainer, NULL, "\xff\xfe", "state"), S3REC_ERROR_ARGUMENT);
  ck_assert_str_eq(s3rec_last_error(), "s3rec_trainer_save: note is not valid UTF-8");
  ck_assert_int_ne(access("state", F_OK), 0);
  test_fails(s3rec_trainer_load(NULL, NULL, "state"), S3REC_ERROR_ARGUMENT);
  test_fails(s3rec_trainer_load(s.trainer, NULL, NULL), S3REC_ERROR_ARGUMENT);
  finish(&s);
}
END_TEST

TEST_SUITE(training_state) {
  TCase *resume = tcase_create("resume"), *refusals = tcase_create("refusals");
  tcase_add_loop_test(resume, goes_on_bit_by_bit, 0, 3);
  tcase_add_loop_test(resume, the_schedule_goes_on_bit_by_bit, 0, 2);
  tcase_add_test(resume, saving_disturbs_nothing);
  tcase_add_test(refusals, other_sizes_are_refused);
  tcase_add_test(refusals, other_data_or_sampling_is_refused);
  tcase_add_test(refusals, broken_files_are_refused);
  tcase_add_test(refusals, flipped_header_bytes_are_survived);
  tcase_add_test(refusals, a_state_that_is_no_json_is_named_with_its_place);
  tcase_add_loop_test(refusals, values_that_are_not_finite_are_not_saved, 0, 3);
  tcase_add_test(refusals, save_fails_where_it_must);
  test_add_cases(suite, resume, refusals, NULL);
}
