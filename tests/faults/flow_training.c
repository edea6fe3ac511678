/* SPDX-License-Identifier: Apache-2.0 */
/* Batches, steps, states, runs. */
#include "flow_make.h"

static void make_sampler(flow *f, s3rec_stage stage) {
  s3rec_sampler_options options;
  s3rec_sampler_options_init(&options, stage);
  options.batch_size = 16;
  options.max_seq_length = 12;
  FLOW_TRY_OUT(f, f->sampler, s3rec_sampler_create(f->dataset, &options, &f->sampler));
  FLOW_TRY_OUT(f, f->batch, s3rec_batch_create(f->context, &f->batch));
}

static void next_batch(flow *f) {
  s3rec_batch_info info;
  s3rec_batch_info_init(&info);
  FLOW_TRY(f, s3rec_sampler_next(f->sampler, f->batch));
  FLOW_TRY_OUT(f, info, s3rec_batch_info_get(f->batch, &info));
  flow_add(f, &info.token_count, sizeof info.token_count);
  flow_add(f, &info.target_count, sizeof info.target_count);
}

static void drop_sampler(flow *f) {
  s3rec_sampler_destroy(f->sampler);
  s3rec_batch_destroy(f->batch);
  f->sampler = NULL;
  f->batch = NULL;
}

/* A batch of arrays: two rows of three items, the last one masked. */
static void set_pretrain(flow *f) {
  enum { MASK = 31, ROWS = 2, LENGTH = 4, SLOTS = ROWS * LENGTH };
  static const int32_t items[SLOTS] = {0, 1, 2, 3, 0, 4, 5, 6};
  static const int32_t masked[SLOTS] = {0, 1, 2, MASK, 0, 4, 5, MASK};
  static const int32_t negative[SLOTS] = {0, 1, 2, 9, 0, 4, 5, 8};
  static const int32_t segment[SLOTS] = {0, MASK, MASK, 3, 0, MASK, MASK, 6};
  static const uint8_t attributes[SLOTS * 2] = {0, 0, 1, 0, 1, 1};
  s3rec_pretrain_arrays arrays;
  s3rec_pretrain_arrays_init(&arrays);
  arrays.batch_size = ROWS;
  arrays.max_seq_length = LENGTH;
  arrays.attribute_size = 2;
  arrays.mask_id = MASK;
  arrays.attributes = attributes;
  arrays.masked_item_sequence = masked;
  arrays.pos_items = items;
  arrays.neg_items = negative;
  arrays.masked_segment_sequence = masked;
  arrays.pos_segment = segment;
  arrays.neg_segment = segment;
  FLOW_TRY(f, s3rec_batch_set_pretrain(f->batch, &arrays));
}

static void sampler(flow *f) {
  enum { ROWS = 2, LENGTH = 4 };
  static const int32_t input[ROWS * LENGTH] = {0, 1, 2, 3, 4, 5, 6, 7};
  static const int32_t target[ROWS * LENGTH] = {0, 2, 3, 4, 5, 6, 7, 8};
  int32_t ids[ROWS * LENGTH] = {0};
  flow_make_dataset(f);
  if (f->dataset == NULL) return;
  for (int stage = S3REC_STAGE_PRETRAIN; stage <= S3REC_STAGE_FINETUNE; stage++) {
    make_sampler(f, (s3rec_stage)stage);
    if (f->batch == NULL) return;
    for (int i = 0; i < 3; i++) next_batch(f);
    FLOW_TRY(f, s3rec_sampler_seek(f->sampler, 3, 0));
    next_batch(f);
    if (stage == S3REC_STAGE_PRETRAIN) drop_sampler(f);
  }
  set_pretrain(f);
  FLOW_TRY(f, s3rec_batch_set_finetune(f->batch, ROWS, LENGTH, input, target, NULL));
  FLOW_TRY_OUT(f, ids, s3rec_batch_read(f->batch, "input_ids", ids, ROWS * LENGTH));
  flow_add(f, ids, sizeof ids);
}

/* Steps, gradients, a state that is saved and loaded, and a step after it. */
static void train(flow *f, s3rec_stage stage, s3rec_finetune_loss loss) {
  s3rec_trainer_options options;
  s3rec_losses losses;
  s3rec_trainer_options_init(&options);
  s3rec_losses_init(&losses);
  options.finetune_loss = loss;
  options.negative_count = 10;
  options.max_gradient_norm = 1;
  flow_make_model(f);
  if (f->model == NULL) return;
  make_sampler(f, stage);
  if (f->batch == NULL) return;
  FLOW_TRY_OUT(f, f->trainer, s3rec_trainer_create(f->model, &options, &f->trainer));
  const char *const path = flow_output(f, "trainer.state");
  for (int i = 0; i < 3; i++) {
    FLOW_TRY(f, s3rec_sampler_next(f->sampler, f->batch));
    if (stage == S3REC_STAGE_PRETRAIN)
      FLOW_TRY_OUT(f, losses, s3rec_pretrain_step(f->trainer, f->batch, &losses));
    else
      FLOW_TRY_OUT(f, losses, s3rec_finetune_step(f->trainer, f->batch, &losses));
    flow_add(f, &losses.total, sizeof losses.total);
    flow_add_model(f, f->model);
    if (i == 0) FLOW_SAVE(f, path, s3rec_trainer_save(f->trainer, f->sampler, "caf\xc3\xa9", path));
    if (i == 1) FLOW_TRY(f, s3rec_trainer_load(f->trainer, f->sampler, path));
  }
  FLOW_TRY(f, s3rec_trainer_compute_gradients(f->trainer, f->batch, &losses));
  float gradient[12 * 16] = {0};
  const char *const name = "position_embeddings.weight";
  FLOW_TRY_OUT(f, gradient, s3rec_trainer_gradient_read(f->trainer, name, gradient, 12 * 16));
  gradient[5] += 0.25F;
  FLOW_TRY(f, s3rec_trainer_gradient_write(f->trainer, name, gradient, 12 * 16));
  FLOW_TRY(f, s3rec_trainer_apply_gradients(f->trainer));
  flow_add_model(f, f->model);
}

static void pretrain(flow *f) { train(f, S3REC_STAGE_PRETRAIN, S3REC_LOSS_CE); }
static void cross_entropy(flow *f) { train(f, S3REC_STAGE_FINETUNE, S3REC_LOSS_CE); }
static void one_negative(flow *f) { train(f, S3REC_STAGE_FINETUNE, S3REC_LOSS_BCE); }
static void sampled_softmax(flow *f) { train(f, S3REC_STAGE_FINETUNE, S3REC_LOSS_SAMPLED_CE); }

static void stop_and_resume(flow *f) {
  const char *const path = flow_output(f, "run.state");
  FLOW_SAVE(f, path, s3rec_run_save(f->run, path));
  FLOW_TRY_OUT(f, f->state, s3rec_run_state_read(f->context, path, &f->state));
  flow_add(f, f->state->note, strlen(f->state->note));
  s3rec_run_destroy(f->run);
  f->run = NULL;
  FLOW_TRY_OUT(f, f->run, s3rec_run_resume(f->model, f->dataset, path, 0, &f->run));
}

static void run_stage(flow *f, s3rec_stage stage) {
  enum { STOP_AT = 4 };
  s3rec_run_options options;
  s3rec_run_progress at;
  s3rec_run_estimate ahead;
  s3rec_run_options_init(&options, stage);
  s3rec_run_progress_init(&at);
  s3rec_run_estimate_init(&ahead);
  options.epochs = 2;
  s3rec_sampler_options draws;
  s3rec_sampler_options_init(&draws, stage);
  draws.batch_size = 16;
  options.sampler = &draws;
  flow_make_model(f);
  if (f->model == NULL) return;
  FLOW_TRY_OUT(f, f->run, s3rec_run_create(f->model, f->dataset, &options, &f->run));
  FLOW_TRY(f, s3rec_run_set_note(f->run, "a note"));
  FLOW_TRY_OUT(f, ahead, s3rec_run_ahead(f->run, &ahead));
  for (int step = 1; at.event != S3REC_RUN_DONE; step++) {
    FLOW_TRY_OUT(f, at, s3rec_run_step(f->run, &at));
    flow_add(f, &at.loss, sizeof at.loss);
    flow_add(f, &at.valid_value, sizeof at.valid_value);
    if (step == STOP_AT) stop_and_resume(f);
    if (f->run == NULL) return;
  }
  FLOW_TRY_OUT(f, f->other, s3rec_run_finish(f->run, &f->other));
  const char *const path = flow_output(f, "result.safetensors");
  FLOW_SAVE(f, path, s3rec_model_save(f->other, path));
}

static void pretrain_run(flow *f) { run_stage(f, S3REC_STAGE_PRETRAIN); }
static void finetune_run(flow *f) { run_stage(f, S3REC_STAGE_FINETUNE); }

static void front_door(flow *f) {
  s3rec_train_options options;
  s3rec_metrics metrics;
  s3rec_train_options_init(&options);
  s3rec_metrics_init(&metrics);
  flow_make_context(f);
  if (f->context == NULL) return;
  options.context = f->context;
  options.events_path = flow_input(f, "events.csv");
  options.item_table_path = flow_input(f, "items.csv");
  options.pretrain_epochs = 1;
  options.finetune_epochs = 1;
  FLOW_TRY_OUT(f, metrics, s3rec_train(&options, &f->model, &metrics));
  flow_add(f, metrics.ndcg, sizeof metrics.ndcg);
  flow_add_model(f, f->model);
}

const flow_part flow_training_parts[] = {{"sampler", sampler, false},
                                         {"pretrain", pretrain, true},
                                         {"ce", cross_entropy, true},
                                         {"bce", one_negative, true},
                                         {"sampled_ce", sampled_softmax, true},
                                         {"pretrain_run", pretrain_run, true},
                                         {"finetune_run", finetune_run, true},
                                         {"train", front_door, true},
                                         {NULL, NULL, false}};
