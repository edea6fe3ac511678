/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that read or write JSON while jansson's allocator is the host's own: one
 * whose blocks free() would not take, and that fails at its n-th call. */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "support/files.h"
#include "support/hooks.h"
#include "support/suite.h"
#include "support/training.h"

static const test_shape shape = {.items = 12, .attributes = 4, .length = 5, .hidden = 8,
                                 .layers = 1, .heads = 2, .activation = S3REC_RELU,
                                 .dropout = 0.1, .batch = 6};

/* jansson's hooks have no user data. */
static struct {
  long calls, alive;
  long fail_at;       /* the number of the call that fails, 0: none does */
  bool fail_after;    /* and all later ones */
  bool spare_tokens;  /* see below */
} host;

/* jansson 2.14 reads past the buffer of a token that it cannot grow (lex_save
 * ignores the failure), so while it reads these requests are let through: they
 * are powers of two from 32 on. */
static bool is_token_buffer(size_t size) { return size >= 32 && (size & (size - 1)) == 0; }

static const char prefix[64] = "what free() must not get to see";
enum { PREFIX = sizeof prefix };

static void *host_malloc(size_t size) {
  host.calls++;
  const bool spared = host.spare_tokens && is_token_buffer(size);
  if (host.fail_at > 0 && !spared &&
      (host.calls == host.fail_at || (host.fail_after && host.calls > host.fail_at))) {
    return NULL;
  }
  char *block = malloc(PREFIX + size);
  if (block == NULL) return NULL;
  memcpy(block, prefix, PREFIX);
  host.alive++;
  return block + PREFIX;
}

static void host_free(void *memory) {
  if (memory == NULL) return;
  char *const block = (char *)memory - PREFIX;
  if (memcmp(block, prefix, PREFIX) != 0) ck_abort_msg("not a block of ours");
  host.alive--;
  free(block);
}

static test_hooks hooks;
static s3rec_context *context;
static s3rec_dataset *dataset;
static s3rec_model *model;
static s3rec_sampler *sampler;
static s3rec_trainer *trainer;
static test_path sequences, attributes, model_path, state_path;

static void step(void) {
  s3rec_batch *batch;
  test_ok(s3rec_batch_create(context, &batch));
  test_ok(s3rec_sampler_next(sampler, batch));
  test_ok(s3rec_finetune_step(trainer, batch, NULL));
  s3rec_batch_destroy(batch);
}

static void set_up(void) {
  static const char lines[] = "1 1 2 3 4 5\n2 5 6 7 8\n3 9 10 11 12\n";
  static const char lists[] = "{\"1\": [0, 3], \"2\": [1], \"12\": []}";
  s3rec_sampler_options options;
  context = test_hooks_context(&hooks);
  sequences = test_file("sequences.txt");
  attributes = test_file("attributes.json");
  model_path = test_file("model");
  state_path = test_file("state");
  test_write(sequences.text, lines, sizeof lines - 1);
  test_write(attributes.text, lists, sizeof lists - 1);
  test_ok(s3rec_dataset_load(context, sequences.text, attributes.text, NULL, &dataset));
  model = test_model(context, &shape, 3);
  s3rec_sampler_options_init(&options, S3REC_STAGE_FINETUNE);
  options.batch_size = 1;
  options.max_seq_length = shape.length;
  test_ok(s3rec_sampler_create(dataset, &options, &sampler));
  test_ok(s3rec_trainer_create(model, NULL, &trainer));
  test_ok(s3rec_model_save(model, model_path.text));
  step();
  test_ok(s3rec_trainer_save(trainer, sampler, "before", state_path.text));
  step();
  memset(&host, 0, sizeof host);
  json_set_alloc_funcs(host_malloc, host_free);
}

static void tear_down(void) {
  json_set_alloc_funcs(malloc, free);
  s3rec_trainer_destroy(trainer);
  s3rec_sampler_destroy(sampler);
  s3rec_model_destroy(model);
  s3rec_dataset_destroy(dataset);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

static s3rec_status load_dataset(void) {
  s3rec_dataset *loaded = NULL;
  const s3rec_status status =
      s3rec_dataset_load(context, sequences.text, attributes.text, NULL, &loaded);
  ck_assert_int_eq(status == S3REC_OK, loaded != NULL);
  if (loaded != NULL) {
    s3rec_dataset_info now, before;
    s3rec_dataset_info_init(&now);
    s3rec_dataset_info_init(&before);
    test_ok(s3rec_dataset_info_get(loaded, &now));
    test_ok(s3rec_dataset_info_get(dataset, &before));
    ck_assert(now.fingerprint == before.fingerprint);
  }
  s3rec_dataset_destroy(loaded);
  return status;
}

static s3rec_status save_model(void) { return s3rec_model_save(model, model_path.text); }

static s3rec_status load_model(void) {
  s3rec_model *loaded = NULL;
  const s3rec_status status = s3rec_model_load(context, model_path.text, NULL, &loaded);
  ck_assert_int_eq(status == S3REC_OK, loaded != NULL);
  s3rec_model_destroy(loaded);
  return status;
}

static s3rec_status save_state(void) {
  return s3rec_trainer_save(trainer, sampler, "caf\xc3\xa9 \"after\"", state_path.text);
}

static s3rec_status load_state(void) {
  return s3rec_trainer_load(trainer, sampler, state_path.text);
}

static const struct {
  s3rec_status (*call)(void);
  bool reads;
} calls[] = {{load_dataset, true}, {save_model, false}, {load_model, true},
             {save_state, false},  {load_state, true}};
enum { CALLS = sizeof calls / sizeof *calls };

START_TEST(works_with_the_hosts_allocator) {
  for (int i = 0; i < CALLS; i++) {
    const long before = host.calls;
    test_ok(calls[i].call());
    ck_assert_int_gt(host.calls, before);
    ck_assert_int_eq(host.alive, 0);
  }
  ck_assert_str_eq(s3rec_trainer_note(trainer), "caf\xc3\xa9 \"after\"");
}
END_TEST

/* All that a call could change, files included. */
typedef struct picture {
  char *files[2];
  size_t sizes[2], entries, position;
  float *weights;
  uint64_t steps, epoch;
  const char *note;
  long long blocks;
} picture;

static picture take(void) {
  picture p = {.entries = test_file_count()};
  const size_t bytes = model->table.float_count * sizeof(float);
  p.files[0] = test_read(model_path.text, &p.sizes[0]);
  p.files[1] = test_read(state_path.text, &p.sizes[1]);
  p.weights = malloc(bytes);
  ck_assert_ptr_nonnull(p.weights);
  memcpy(p.weights, model->weights, bytes);
  p.steps = s3rec_trainer_step_count(trainer);
  test_ok(s3rec_sampler_position(sampler, &p.epoch, &p.position));
  p.note = s3rec_trainer_note(trainer);
  p.blocks = hooks.live_blocks;
  return p;
}

static void check_and_free(picture *p) {
  picture now = take();
  for (int i = 0; i < 2; i++) {
    ck_assert_uint_eq(now.sizes[i], p->sizes[i]);
    ck_assert_mem_eq(now.files[i], p->files[i], now.sizes[i]);
    free(now.files[i]);
    free(p->files[i]);
  }
  ck_assert_mem_eq(now.weights, p->weights, model->table.float_count * sizeof(float));
  ck_assert_uint_eq(now.entries, p->entries);
  ck_assert_uint_eq(now.steps, p->steps);
  ck_assert_uint_eq(now.epoch, p->epoch);
  ck_assert_uint_eq(now.position, p->position);
  ck_assert_str_eq(now.note, p->note);
  ck_assert_int_eq(now.blocks, p->blocks);
  free(now.weights);
  free(p->weights);
}

/* Loop: call x (one failure, or one and all that follow). */
START_TEST(every_allocation_of_jansson_may_fail) {
  const bool reads = calls[_i / 2].reads;
  int failures = 0;
  for (long n = 1;; n++) {
    picture before = take();
    host.calls = 0;
    host.fail_at = n;
    host.fail_after = _i % 2 == 1;
    host.spare_tokens = reads;
    const s3rec_status status = calls[_i / 2].call();
    const bool over = host.calls < n;
    host.fail_at = 0;
    ck_assert_int_eq(host.alive, 0);
    if (over) test_status(status, S3REC_OK, "the call with all its memory");
    if (status != S3REC_OK) {
      ck_assert_msg(status == S3REC_ERROR_MEMORY, "call %d, allocation %ld: %s: %s", _i / 2, n,
                    s3rec_status_name(status), s3rec_last_error());
      failures++;
      check_and_free(&before);
      continue;
    }
    ck_assert_msg(over || reads, "call %d, allocation %ld: no failure", _i / 2, n);
    for (int i = 0; i < 2; i++) free(before.files[i]);
    free(before.weights);
    if (over) break;
  }
  ck_assert_int_gt(failures, 8);
}
END_TEST

TEST_SUITE(json_memory) {
  TCase *cases = tcase_create("allocators");
  tcase_add_checked_fixture(cases, set_up, tear_down);
  tcase_add_test(cases, works_with_the_hosts_allocator);
  tcase_add_loop_test(cases, every_allocation_of_jansson_may_fail, 0, 2 * CALLS);
  test_add_cases(suite, cases, NULL);
}
