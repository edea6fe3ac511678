/* SPDX-License-Identifier: Apache-2.0 */
/* Training states with one field changed, memory that fails while a state is loaded, and options
 * one by one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/files.h"
#include "support/hooks.h"
#include "support/suite.h"
#include "support/training.h"
#include "training/trainer.h"

static const test_shape shape = {.items = 20, .attributes = 4, .length = 5, .hidden = 7,
                                 .layers = 1, .heads = 1, .activation = S3REC_RELU,
                                 .dropout = 0.1, .batch = 5};

typedef struct session {
  s3rec_context *context;
  s3rec_dataset *dataset;
  s3rec_model *model;
  s3rec_sampler *sampler;
  s3rec_trainer *trainer;
} session;

static void finish(session *s) {
  s3rec_trainer_destroy(s->trainer);
  s3rec_sampler_destroy(s->sampler);
  s3rec_model_destroy(s->model);
  s3rec_dataset_destroy(s->dataset);
  s3rec_context_destroy(s->context);
}

static s3rec_status add_sampler_and_trainer(session *s, int32_t shards) {
  s3rec_sampler_options sampling;
  s3rec_trainer_options options;
  s3rec_sampler_options_init(&sampling, S3REC_STAGE_PRETRAIN);
  s3rec_trainer_options_init(&options);
  sampling.batch_size = shape.batch;
  sampling.max_seq_length = shape.length;
  sampling.seed = 77;
  options.shard_count = shards;
  const s3rec_status status = s3rec_sampler_create(s->dataset, &sampling, &s->sampler);
  return status == S3REC_OK ? s3rec_trainer_create(s->model, &options, &s->trainer) : status;
}

static session start(s3rec_context *context) {
  session s = {.context = context};
  s.dataset = test_dataset(context, &shape, 8, 3);
  s.model = test_model(context, &shape, 1);
  test_ok(add_sampler_and_trainer(&s, 4));
  return s;
}

static void make_path(char *path, size_t capacity) {
  snprintf(path, capacity, "%s", test_file("fields.state").text);
}

/* A state after one step. */
static void save_state(session *s, const char *path) {
  s3rec_batch *batch;
  test_ok(s3rec_batch_create(s->context, &batch));
  test_ok(s3rec_sampler_next(s->sampler, batch));
  test_ok(s3rec_pretrain_step(s->trainer, batch, NULL));
  test_ok(s3rec_trainer_save(s->trainer, s->sampler, "my note", path));
  s3rec_batch_destroy(batch);
}

typedef struct bytes {
  char *begin;
  size_t size;
} bytes;

static bytes read_bytes(const char *path) {
  bytes b;
  FILE *file = fopen(path, "rb");
  ck_assert_ptr_nonnull(file);
  ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
  b.size = (size_t)ftell(file);
  rewind(file);
  b.begin = malloc(b.size);
  ck_assert_ptr_nonnull(b.begin);
  ck_assert_uint_eq(fread(b.begin, 1, b.size, file), b.size);
  fclose(file);
  return b;
}

/* Writes the file with the n-th `old` of its header replaced; a " in either is \" there, since
 * the state is a text in the header. */
static void write_changed(const char *path, bytes b, const char *old, const char *with, int n) {
  char find[128], put[128];
  const char *const texts[2] = {old, with};
  char *const escaped[2] = {find, put};
  for (int i = 0; i < 2; i++) {
    char *to = escaped[i];
    for (const char *c = texts[i]; *c != '\0'; c++) {
      if (*c == '"') *to++ = '\\';
      *to++ = *c;
    }
    *to = '\0';
  }
  const size_t header = (unsigned char)b.begin[0] | (size_t)(unsigned char)b.begin[1] << 8 |
                        (size_t)(unsigned char)b.begin[2] << 16;
  const char *place = b.begin + 8;
  for (int i = 0; i < n; i++) {
    if (i > 0) place++;
    place = memmem(place, (size_t)(b.begin + 8 + header - place), find, strlen(find));
    ck_assert_msg(place != NULL, "%s is not in the state", old);
  }
  const size_t before = (size_t)(place - b.begin) - 8, behind = before + strlen(find);
  const size_t length = header + strlen(put) - strlen(find), padded = (length + 7) / 8 * 8;
  unsigned char size[8] = {0};
  for (int i = 0; i < 8; i++) size[i] = (unsigned char)((uint64_t)padded >> 8 * i);
  FILE *file = fopen(path, "wb");
  ck_assert_ptr_nonnull(file);
  fwrite(size, 1, 8, file);
  fwrite(b.begin + 8, 1, before, file);
  fputs(put, file);
  fwrite(b.begin + 8 + behind, 1, header - behind, file);
  fprintf(file, "%*s", (int)(padded - length), "");
  fwrite(b.begin + 8 + header, 1, b.size - 8 - header, file);
  ck_assert_int_eq(fclose(file), 0);
}

/* The state with one change is refused, with this in the message, and changes nothing. */
static void check_refused(session *s, const char *path, bytes b, const char *old,
                          const char *with, int n, const char *message) {
  size_t count;
  float *weights = test_weights(s->model, &count);
  const uint64_t steps = s3rec_trainer_step_count(s->trainer);
  write_changed(path, b, old, with, n);
  const s3rec_status status = s3rec_trainer_load(s->trainer, s->sampler, path);
  ck_assert_msg(status == S3REC_ERROR_FORMAT && strstr(s3rec_last_error(), message) != NULL,
                "%s for %s: %s: %s", with, old, s3rec_status_name(status), s3rec_last_error());
  ck_assert(test_same_weights(s->model, weights));
  ck_assert_uint_eq(s3rec_trainer_step_count(s->trainer), steps);
  free(weights);
}

START_TEST(every_field_must_be_there) {
  static const struct {
    const char *name;
    int n; /* which of them: the step is there twice */
  } fields[] = {{"step", 1}, {"step", 2}, {"note", 1}, {"learning_rate", 1}, {"sp_weight", 1},
                {"label_smoothing", 1}, {"finetune_loss", 1}, {"seed", 1}, {"seed", 2},
                {"shard_count", 1}, {"negative_count", 1}, {"warmup_steps", 1},
                {"decay_steps", 1}, {"stage", 1}, {"batch_size", 1}, {"max_seq_length", 1},
                {"mask_p", 1}, {"shuffle", 1}, {"reference_draws", 1}, {"held_out_count", 1},
                {"data", 1}, {"epoch", 1}};
  char path[512], old[64], with[64], message[96];
  make_path(path, sizeof path);
  session s = start(test_context(1));
  save_state(&s, path);
  const bytes b = read_bytes(path);
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    snprintf(old, sizeof old, "\"%s\":", fields[i].name);
    snprintf(with, sizeof with, "\"%s_\":", fields[i].name);
    snprintf(message, sizeof message, "field %s is missing or wrong", fields[i].name);
    check_refused(&s, path, b, old, with, fields[i].n, message);
  }
  check_refused(&s, path, b, "\"format\":", "\"formal\":", 1, "of a release before 0.3");
  check_refused(&s, path, b, "\"options\":", "\"option\":", 1, "field learning_rate is missing");
  free(b.begin);
  finish(&s);
  remove(path);
}
END_TEST

START_TEST(every_value_is_checked) {
  static const struct {
    const char *old, *with, *message;
  } changes[] = {
      {"\"format\":1", "\"format\":2", "a newer release wrote it"},
      {"\"format\":1", "\"format\":1.5", "field format is"},
      {"\"format\":1", "\"format\":\"1\"", "field format is"},
      {"\"step\":\"1\"", "\"step\":\"\"", "field step is"},
      {"\"step\":\"1\"", "\"step\":1", "field step is"},
      {"\"step\":\"1\"", "\"step\":\"1:\"", "field step is"},
      {"\"step\":\"1\"", "\"step\":\"1/\"", "field step is"},
      {"\"step\":\"1\"", "\"step\":\"18446744073709551616\"", "field step is"},
      {"\"shard_count\":4", "\"shard_count\":2147483648", "field shard_count is"},
      {"\"shard_count\":4", "\"shard_count\":-2147483649", "field shard_count is"},
      {"\"shard_count\":4", "\"shard_count\":5", "options out of range"},
      {"\"shard_count\":4", "\"shard_count\":4,\"shard_count\":4", "duplicate key 'shard_count'"},
      {"\"note\":\"my note\"", "\"note\":7", "field note is"},
      {"\"stage\":1", "\"stage\":9", "options out of range"},
      {"\"stage\":1", "\"stage\":1,\"stage\":1", "duplicate key 'stage'"},
      {"\"format\":1", "\"format\":1,\"format\":1", "duplicate key 'format'"},
      {"\"epoch\":\"0\",\"step\":\"1\"", "\"epoch\":\"0\",\"step\":\"999\"", "field step is"},
  };
  char path[512];
  make_path(path, sizeof path);
  session s = start(test_context(1));
  save_state(&s, path);
  const bytes b = read_bytes(path);
  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
    check_refused(&s, path, b, changes[i].old, changes[i].with, 1, changes[i].message);
  free(b.begin);
  finish(&s);
  remove(path);
}
END_TEST

typedef struct loading {
  session session;
  const char *path;
} loading;

/* A sampler and a trainer with another number of shards load the state. */
static s3rec_status load_once(void *argument) {
  loading *l = argument;
  session *s = &l->session;
  s3rec_status status = add_sampler_and_trainer(s, 2);
  if (status == S3REC_OK) status = s3rec_trainer_load(s->trainer, s->sampler, l->path);
  s3rec_trainer_destroy(s->trainer);
  s3rec_sampler_destroy(s->sampler);
  s->trainer = NULL;
  s->sampler = NULL;
  return status;
}

START_TEST(no_memory_for_a_load) {
  char path[512];
  test_hooks hooks;
  make_path(path, sizeof path);
  loading l = {.session = start(test_hooks_context(&hooks)), .path = path};
  save_state(&l.session, path);
  s3rec_trainer_destroy(l.session.trainer);
  s3rec_sampler_destroy(l.session.sampler);
  l.session.trainer = NULL;
  l.session.sampler = NULL;
  ck_assert_uint_gt(test_every_allocation_fails(&hooks, load_once, &l), 10);
  finish(&l.session);
  test_hooks_assert_empty(&hooks);
  remove(path);
}
END_TEST

typedef struct first_step {
  s3rec_model *model;
  s3rec_batch *batch;
  s3rec_trainer_options options;
  bool pretrain;
} first_step;

static s3rec_status step_once(void *argument) {
  const first_step *f = argument;
  s3rec_trainer *trainer;
  s3rec_status status = s3rec_trainer_create(f->model, &f->options, &trainer);
  if (status != S3REC_OK) return status;
  status = f->pretrain ? s3rec_pretrain_step(trainer, f->batch, NULL)
                       : s3rec_finetune_step(trainer, f->batch, NULL);
  s3rec_trainer_destroy(trainer);
  return status;
}

/* Loop: pretraining, then fine-tuning with each of the losses. Every trainer is new, so that no
 * room is left from before. */
START_TEST(no_memory_for_a_first_step) {
  test_hooks hooks;
  s3rec_context *context = test_hooks_context(&hooks);
  first_step f = {.model = test_model(context, &shape, 1), .pretrain = _i == 0};
  s3rec_trainer_options_init(&f.options);
  f.options.shard_count = 2;
  f.options.negative_count = 3;
  f.options.label_smoothing = 0.1;
  if (_i > 0) f.options.finetune_loss = (s3rec_finetune_loss)_i;
  f.batch = f.pretrain ? test_pretrain_batch(context, &shape, 2)
                       : test_finetune_batch(context, &shape, 2);
  ck_assert_uint_gt(test_every_allocation_fails(&hooks, step_once, &f), 20);
  s3rec_batch_destroy(f.batch);
  s3rec_model_destroy(f.model);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}
END_TEST

START_TEST(a_difference_is_named) {
  s3rec_trainer_options a, b[6];
  static const char *const names[] = {"finetune_loss", "seed", "shard_count", "negative_count",
                                      "warmup_steps", "decay_steps"};
  s3rec_trainer_options_init(&a);
  for (int i = 0; i < 6; i++) b[i] = a;
  ck_assert_ptr_null(s3_trainer_options_difference(&a, &b[0]));
  b[0].finetune_loss = S3REC_LOSS_BCE;
  b[1].seed++;
  b[2].shard_count = 2;
  b[3].negative_count++;
  b[4].warmup_steps++;
  b[5].decay_steps++;
  for (int i = 0; i < 6; i++)
    ck_assert_str_eq(s3_trainer_options_difference(&a, &b[i]), names[i]);
  for (size_t i = 0; i < S3_NUMBER_OPTION_COUNT; i++) {
    b[0] = a;
    *s3_number_at(&b[0], i) += 0.25;
    ck_assert_str_eq(s3_trainer_options_difference(&a, &b[0]), s3_number_options[i].name);
  }
}
END_TEST

/* Loop: each of the four weights alone; with none there is nothing to learn. */
START_TEST(one_objective_is_enough) {
  s3rec_trainer_options options;
  s3rec_losses losses;
  s3rec_trainer_options_init(&options);
  options.aap_weight = options.mip_weight = options.map_weight = options.sp_weight = 0;
  double *const weights[] = {&options.aap_weight, &options.mip_weight, &options.map_weight,
                             &options.sp_weight};
  if (_i < 4) *weights[_i] = 0.5;
  test_training t = test_training_start(&shape, 1, 5, &options);
  s3rec_losses_init(&losses);
  if (_i == 4) {
    test_fails(s3rec_pretrain_step(t.trainer, t.pretrain, &losses), S3REC_ERROR_ARGUMENT);
  } else {
    test_ok(s3rec_pretrain_step(t.trainer, t.pretrain, &losses));
    const double values[] = {losses.aap, losses.mip, losses.map, losses.sp};
    for (int i = 0; i < 4; i++) ck_assert_msg((values[i] > 0) == (i == _i), "loss %d", i);
    ck_assert_double_eq_tol(losses.total, 0.5 * values[_i], 1e-12);
  }
  test_training_end(&t);
}
END_TEST

START_TEST(batches_without_a_use) {
  static const int32_t none[3] = {0}, ids[3] = {1, 2, 3};
  const int32_t targets[3] = {2, 3, shape.items + 1};
  test_training t = test_training_start(&shape, 1, 5, NULL);
  test_ok(s3rec_batch_set_finetune(t.finetune, 1, 3, none, none, none));
  test_fails(s3rec_finetune_step(t.trainer, t.finetune, NULL), S3REC_ERROR_ARGUMENT);
  test_ok(s3rec_batch_set_finetune(t.finetune, 1, 3, ids, targets, NULL));
  test_fails(s3rec_finetune_step(t.trainer, t.finetune, NULL), S3REC_ERROR_MISMATCH);
  ck_assert_uint_eq(s3rec_trainer_step_count(t.trainer), 0);
  test_training_end(&t);
}
END_TEST

TEST_SUITE(training_fields) {
  TCase *states = tcase_create("states"), *options = tcase_create("options");
  tcase_add_test(states, every_field_must_be_there);
  tcase_add_test(states, every_value_is_checked);
  tcase_add_test(states, no_memory_for_a_load);
  tcase_add_loop_test(states, no_memory_for_a_first_step, 0, 4);
  tcase_add_test(options, a_difference_is_named);
  tcase_add_loop_test(options, one_objective_is_enough, 0, 5);
  tcase_add_test(options, batches_without_a_use);
  test_add_cases(suite, states, options, NULL);
}
