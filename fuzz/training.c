/* SPDX-License-Identifier: Apache-2.0 */
/* A dataset and options out of bytes; steps of both stages, with one thread and with two: the same
 * bits. A step that fails changes nothing. Batches are drawn, or made of arrays that may be wrong.
 */
#include <math.h>
#include <string.h>

#include "fixture.h"

enum { THREADS = 2, USERS = 6, MOST_SEQUENCE = 9, ROWS = 3, SLOTS = ROWS * FIXTURE_LENGTH };
/* Arrays of a batch that the host makes; fine-tuning has the first three. */
enum { MASKED, POS, NEG, MASKED_SEGMENT, POS_SEGMENT, NEG_SEGMENT, ARRAYS };

typedef struct training_case {
  s3rec_model_config config;
  s3rec_trainer_options trainer;
  s3rec_sampler_options sampler[2]; /* of pretraining and fine-tuning */
  s3rec_dataset_arrays arrays;
  int64_t offsets[USERS + 1];
  int32_t items[USERS * MOST_SEQUENCE];
  int32_t attributed[FIXTURE_ITEMS], attributes[FIXTURE_ITEMS];
  int64_t attribute_offsets[FIXTURE_ITEMS + 1];
  bool from_arrays;
  int32_t rows[ARRAYS][SLOTS];
  uint8_t row_attributes[SLOTS * FIXTURE_ATTRIBUTES];
} training_case;

static void take_dataset(fuzz_bytes *bytes, training_case *c) {
  s3rec_dataset_arrays_init(&c->arrays);
  c->arrays.user_count = 1 + fuzz_byte(bytes) % USERS;
  for (size_t user = 0; user < c->arrays.user_count; user++) {
    const int64_t length = 1 + fuzz_byte(bytes) % MOST_SEQUENCE;
    for (int64_t i = 0; i < length; i++)
      c->items[c->offsets[user] + i] = 1 + fuzz_byte(bytes) % FIXTURE_ITEMS;
    c->offsets[user + 1] = c->offsets[user] + length;
  }
  c->items[0] = FIXTURE_ITEMS; /* so that the mask is the model's */
  c->arrays.item_offsets = c->offsets;
  c->arrays.items = c->items;
  const int32_t kinds = fuzz_byte(bytes) % 8;
  for (int32_t item = 0; item < FIXTURE_ITEMS; item++) {
    c->attributed[item] = item + 1;
    c->attribute_offsets[item + 1] = c->attribute_offsets[item];
    if ((item & kinds) != 0)
      c->attributes[c->attribute_offsets[item + 1]++] = fuzz_byte(bytes) % FIXTURE_ATTRIBUTES;
  }
  c->arrays.attributed_item_count = kinds == 0 ? 0 : FIXTURE_ITEMS;
  c->arrays.attributed_items = c->attributed;
  c->arrays.attribute_offsets = c->attribute_offsets;
  c->arrays.attributes = c->attributes;
}

static void take_options(fuzz_bytes *bytes, training_case *c) {
  static const double rates[] = {1e-3, 0.1, 1e3, 1e-30}, weights[] = {1, 0, 0.2, 1e30};
  static const double dropouts[] = {0, 0.5, 0.99, 0.1}, norms[] = {0, 1, 1e-30, 1e30};
  static const int32_t shards[] = {1, 2, 4, 8, 1, 2, 16, 256};
  s3rec_model_config_init(&c->config);
  c->config.item_size = FIXTURE_ITEMS + 2;
  c->config.attribute_size = FIXTURE_ATTRIBUTES;
  c->config.max_seq_length = FIXTURE_LENGTH;
  c->config.hidden_size = 2 << fuzz_byte(bytes) % 3;
  c->config.num_hidden_layers = 1 + fuzz_byte(bytes) % 2;
  c->config.hidden_act = (s3rec_activation)(1 + fuzz_byte(bytes) % 3);
  c->config.hidden_dropout_prob = dropouts[fuzz_byte(bytes) % 4];
  c->config.attention_probs_dropout_prob = dropouts[fuzz_byte(bytes) % 4];
  c->config.initializer_range = rates[fuzz_byte(bytes) % 2];
  s3rec_trainer_options_init(&c->trainer);
  c->trainer.learning_rate = rates[fuzz_byte(bytes) % 4];
  c->trainer.aap_weight = weights[fuzz_byte(bytes) % 4];
  c->trainer.mip_weight = weights[fuzz_byte(bytes) % 4];
  c->trainer.map_weight = weights[fuzz_byte(bytes) % 4];
  c->trainer.sp_weight = weights[fuzz_byte(bytes) % 4];
  c->trainer.max_gradient_norm = norms[fuzz_byte(bytes) % 4];
  c->trainer.finetune_loss = (s3rec_finetune_loss)(1 + fuzz_byte(bytes) % 3);
  c->trainer.shard_count = shards[fuzz_byte(bytes) % 8];
  c->trainer.negative_count = 1 + fuzz_byte(bytes);
  c->trainer.label_smoothing = fuzz_byte(bytes) / 256.0;
  c->trainer.warmup_steps = fuzz_byte(bytes) % 3;
  for (int stage = 0; stage < 2; stage++) {
    s3rec_sampler_options *const sampler = &c->sampler[stage];
    s3rec_sampler_options_init(sampler, stage == 0 ? S3REC_STAGE_PRETRAIN : S3REC_STAGE_FINETUNE);
    sampler->batch_size = 1 + fuzz_byte(bytes) % 16;
    sampler->max_seq_length = 1 + fuzz_byte(bytes) % (FIXTURE_LENGTH + 1);
    sampler->mask_p = fuzz_byte(bytes) / 255.0;
    sampler->seed = fuzz_u32(bytes);
    sampler->held_out_count = fuzz_byte(bytes) % 3;
    sampler->reference_draws = sampler->held_out_count == 2 && fuzz_byte(bytes) % 2 != 0;
  }
}

/* An item of the model, sometimes the mask, seldom what may not be there. */
static int32_t take_row_id(fuzz_bytes *bytes) {
  static const int32_t others[] = {-1, 0, FIXTURE_ITEMS + 2, INT32_MAX, INT32_MIN, 1};
  const uint8_t byte = fuzz_byte(bytes);
  if (byte >= 250) return others[byte - 250];
  return byte >= 200 ? FIXTURE_ITEMS + 1 : 1 + byte % FIXTURE_ITEMS;
}

static void take_rows(fuzz_bytes *bytes, training_case *c) {
  c->from_arrays = fuzz_byte(bytes) % 3 == 1;
  for (int row = 0; row < ROWS; row++) {
    const int padding = fuzz_byte(bytes) % FIXTURE_LENGTH;
    for (int slot = row * FIXTURE_LENGTH + padding; slot < (row + 1) * FIXTURE_LENGTH; slot++)
      for (int array = 0; array < ARRAYS; array++) c->rows[array][slot] = take_row_id(bytes);
  }
  for (int i = 0; i < SLOTS * FIXTURE_ATTRIBUTES; i++) c->row_attributes[i] = fuzz_byte(bytes) & 1;
}

static s3rec_status set_arrays(const training_case *c, int stage, s3rec_batch *batch) {
  if (stage == 1)
    return s3rec_batch_set_finetune(batch, ROWS, FIXTURE_LENGTH, c->rows[MASKED], c->rows[POS],
                                    c->rows[NEG]);
  s3rec_pretrain_arrays arrays;
  s3rec_pretrain_arrays_init(&arrays);
  arrays.batch_size = ROWS;
  arrays.max_seq_length = FIXTURE_LENGTH;
  arrays.attribute_size = FIXTURE_ATTRIBUTES;
  arrays.mask_id = FIXTURE_ITEMS + 1;
  arrays.attributes = c->row_attributes;
  arrays.masked_item_sequence = c->rows[MASKED];
  arrays.pos_items = c->rows[POS];
  arrays.neg_items = c->rows[NEG];
  arrays.masked_segment_sequence = c->rows[MASKED_SEGMENT];
  arrays.pos_segment = c->rows[POS_SEGMENT];
  arrays.neg_segment = c->rows[NEG_SEGMENT];
  return s3rec_batch_set_pretrain(batch, &arrays);
}

/* What one number of threads made of a case. */
typedef struct training_result {
  s3rec_status made[2], stepped[2];
  s3rec_losses losses[2];
  uint64_t fingerprint;
} training_result;

static s3rec_status fill_batch(const training_case *c, s3rec_dataset *dataset, int stage,
                               s3rec_batch *batch) {
  s3rec_sampler *sampler = NULL;
  if (c->from_arrays) return set_arrays(c, stage, batch);
  const s3rec_status status = s3rec_sampler_create(dataset, &c->sampler[stage], &sampler);
  if (status != S3REC_OK) return status;
  fuzz_ok(s3rec_sampler_next(sampler, batch));
  s3rec_sampler_destroy(sampler);
  return S3REC_OK;
}

static void check_losses(const s3rec_losses *losses) {
  fuzz_claim(isfinite(losses->total) && isfinite(losses->aap) && isfinite(losses->mip) &&
                 isfinite(losses->map) && isfinite(losses->sp) && isfinite(losses->next_item) &&
                 isfinite(losses->gradient_norm),
             "a step succeeded with the loss %g", losses->total);
}

static void take_steps(const training_case *c, s3rec_dataset *dataset, s3rec_batch *batch,
                       s3rec_model *model, s3rec_trainer *trainer, training_result *result) {
  for (int stage = 0; stage < 2; stage++) {
    result->made[stage] = fill_batch(c, dataset, stage, batch);
    if (!fuzz_succeeds(result->made[stage])) continue;
    const uint64_t before = s3rec_model_fingerprint(model);
    const uint64_t steps = s3rec_trainer_step_count(trainer);
    s3rec_losses *const losses = &result->losses[stage];
    s3rec_losses_init(losses);
    result->stepped[stage] = stage == 0 ? s3rec_pretrain_step(trainer, batch, losses)
                                        : s3rec_finetune_step(trainer, batch, losses);
    if (fuzz_succeeds(result->stepped[stage])) {
      check_losses(losses);
      fuzz_claim(s3rec_trainer_step_count(trainer) == steps + 1, "a step was not counted");
    } else {
      fuzz_claim(s3rec_model_fingerprint(model) == before &&
                     s3rec_trainer_step_count(trainer) == steps,
                 "a step that failed changed the model: %s", s3rec_last_error());
    }
  }
  result->fingerprint = s3rec_model_fingerprint(model);
}

static void run_case(const training_case *c, s3rec_context *context, const char *path,
                     training_result *result) {
  s3rec_dataset *dataset;
  s3rec_model *model;
  s3rec_trainer *trainer;
  s3rec_batch *batch;
  memset(result, 0, sizeof *result);
  fuzz_ok(s3rec_dataset_from_arrays(context, &c->arrays, &dataset));
  fuzz_ok(s3rec_model_create(context, &c->config, 3, &model));
  fuzz_ok(s3rec_trainer_create(model, &c->trainer, &trainer));
  fuzz_ok(s3rec_batch_create(context, &batch));
  take_steps(c, dataset, batch, model, trainer, result);
  fuzz_ok(s3rec_trainer_save(trainer, NULL, NULL, path));
  s3rec_batch_destroy(batch);
  s3rec_trainer_destroy(trainer);
  s3rec_model_destroy(model);
  s3rec_dataset_destroy(dataset);
}

static bool same_losses(const s3rec_losses *a, const s3rec_losses *b) {
  return a->total == b->total && a->aap == b->aap && a->mip == b->mip && a->map == b->map &&
         a->sp == b->sp && a->next_item == b->next_item && a->gradient_norm == b->gradient_norm &&
         a->sequence_count == b->sequence_count && a->token_count == b->token_count &&
         a->target_count == b->target_count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static s3rec_context *contexts[THREADS];
  static training_case c;
  static training_result results[THREADS];
  fuzz_bytes bytes = {data, size};
  memset(&c, 0, sizeof c);
  take_dataset(&bytes, &c);
  take_options(&bytes, &c);
  take_rows(&bytes, &c);
  const char *const paths[THREADS] = {fuzz_path("one"), fuzz_path("two")};
  for (int i = 0; i < THREADS; i++) {
    if (contexts[i] == NULL) {
      contexts[i] = fuzz_context(i + 1, true);
      run_case(&c, contexts[i], paths[i], &results[i]); /* the context's threads start */
    }
    const size_t held = fuzz_held();
    run_case(&c, contexts[i], paths[i], &results[i]);
    fuzz_claim(fuzz_held() == held, "%zu bytes are left", fuzz_held() - held);
  }
  for (int stage = 0; stage < 2; stage++) {
    fuzz_claim(results[0].made[stage] == results[1].made[stage] &&
                   results[0].stepped[stage] == results[1].stepped[stage] &&
                   same_losses(&results[0].losses[stage], &results[1].losses[stage]),
               "stage %d: the loss is %.17g with one thread, %.17g with two", stage,
               results[0].losses[stage].total, results[1].losses[stage].total);
  }
  fuzz_claim(results[0].fingerprint == results[1].fingerprint &&
                 fuzz_same_files(paths[0], paths[1]),
             "one thread and two give different weights or moments");
  return 0;
}
