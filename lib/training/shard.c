/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "training/trainer.h"

/* The largest shards come first: what is left to the end is short, and threads end
 * together. Results know nothing of it. */
static void order_shards(s3_shard *shards, size_t count) {
  for (size_t s = 0; s < count; s++) {
    size_t turn = s;
    for (; turn > 0; turn--) {
      const size_t before = shards[turn - 1].in_turn;
      if (shards[before].token_count >= shards[s].token_count) break;
      shards[turn].in_turn = before;
    }
    shards[turn].in_turn = s;
  }
}

/* Cuts the batch between the sequences where the token count is nearest to equal
 * parts; depends on batch and shard_count alone. */
void s3_plan_shards(s3rec_trainer *trainer) {
  const s3rec_batch *batch = trainer->batch;
  const size_t shards = (size_t)trainer->options.shard_count;
  const size_t *offsets = batch->offsets;
  size_t sequence = 0, targets = 0;
  for (size_t s = 0; s < shards; s++) {
    s3_shard *shard = &trainer->shards[s];
    *shard = (s3_shard){.first_sequence = sequence,
                        .first_token = offsets[sequence],
                        .first_target = targets};
    const size_t goal = batch->token_count * (s + 1) / shards;
    while (sequence < batch->sequence_count &&
           (s + 1 == shards || offsets[sequence] + offsets[sequence + 1] <= 2 * goal))
      sequence++;
    shard->sequence_count = sequence - shard->first_sequence;
    shard->token_count = offsets[sequence] - shard->first_token;
    for (size_t t = shard->first_token; t < offsets[sequence]; t++)
      targets += batch->ids[S3_STREAM_POS][t] != 0;
  }
  order_shards(trainer->shards, shards);
}

static bool wants_items(const s3rec_trainer *trainer) {
  const s3rec_trainer_options *o = &trainer->options;
  return trainer->batch->stage == S3REC_STAGE_FINETUNE || o->aap_weight > 0.0 ||
         o->mip_weight > 0.0 || o->map_weight > 0.0;
}

static bool wants_segments(const s3rec_trainer *trainer) {
  return trainer->batch->stage == S3REC_STAGE_PRETRAIN && trainer->options.sp_weight > 0.0;
}

/* Appends the shard's sequences of one stream. */
static void pack_stream(const s3rec_trainer *trainer, const s3_shard *shard, s3_stream stream,
                        s3_slot *slot) {
  const s3rec_batch *batch = trainer->batch;
  const size_t length = (size_t)trainer->model->config.max_seq_length;
  size_t at = slot->offsets[slot->packed.sequence_count];
  for (size_t s = 0; s < shard->sequence_count; s++) {
    const size_t begin = batch->offsets[shard->first_sequence + s];
    const size_t end = batch->offsets[shard->first_sequence + s + 1];
    for (size_t t = begin; t < end; t++, at++) {
      slot->ids[at] = batch->ids[stream][t];
      slot->slots[at] = (int32_t)(length - (end - t));
      slot->tokens[at] = (uint32_t)((size_t)stream * batch->token_count + t);
    }
    slot->offsets[++slot->packed.sequence_count] = at;
  }
}

static void pack(const s3rec_trainer *trainer, const s3_shard *shard, s3_slot *slot) {
  slot->packed = (s3_packed){.causal = trainer->batch->stage == S3REC_STAGE_FINETUNE};
  slot->offsets[0] = 0;
  if (wants_items(trainer)) {
    pack_stream(trainer, shard, S3_STREAM_INPUT, slot);
    slot->packed.full_count = slot->packed.sequence_count;
  }
  if (wants_segments(trainer)) {
    pack_stream(trainer, shard, S3_STREAM_MASKED_SEGMENT, slot);
    pack_stream(trainer, shard, S3_STREAM_POS_SEGMENT, slot);
    pack_stream(trainer, shard, S3_STREAM_NEG_SEGMENT, slot);
  }
  slot->packed.offsets = slot->offsets;
  slot->packed.ids = slot->ids;
  slot->packed.slots = slot->slots;
  slot->packed.tokens = slot->tokens;
}

/* What a pass over one shard takes. */
static s3_pass_sizes pass_sizes(const s3rec_trainer *trainer, const s3_shard *shard) {
  const s3rec_model_config *config = &trainer->model->config;
  const size_t *offsets = trainer->batch->offsets + shard->first_sequence;
  s3_pass_sizes sizes = {0};
  for (size_t s = 0; s < shard->sequence_count; s++) {
    const size_t length = offsets[s + 1] - offsets[s];
    if (wants_items(trainer)) s3_pass_sizes_add(config, length, true, &sizes);
    for (int segment = 0; wants_segments(trainer) && segment < 3; segment++)
      s3_pass_sizes_add(config, length, false, &sizes);
  }
  return sizes;
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

s3_slot_sizes s3_largest_shard(const s3rec_trainer *trainer) {
  s3_slot_sizes largest = {0};
  for (size_t i = 0; i < (size_t)trainer->options.shard_count; i++) {
    const s3_shard *shard = &trainer->shards[i];
    const s3_pass_sizes sizes = pass_sizes(trainer, shard);
    s3_pass_sizes *pass = &largest.pass;
    pass->tokens = larger(pass->tokens, sizes.tokens);
    pass->rows = larger(pass->rows, sizes.rows);
    pass->sequences = larger(pass->sequences, sizes.sequences);
    pass->max_length = larger(pass->max_length, sizes.max_length);
    pass->probabilities = larger(pass->probabilities, sizes.probabilities);
    pass->last_probabilities = larger(pass->last_probabilities, sizes.last_probabilities);
    largest.batch_tokens = larger(largest.batch_tokens, shard->token_count);
    largest.batch_sequences = larger(largest.batch_sequences, shard->sequence_count);
  }
  return largest;
}

s3rec_status s3_shard_forward(s3rec_trainer *trainer, size_t shard, s3_slot *slot) {
  const s3rec_model *model = trainer->model;
  pack(trainer, &trainer->shards[shard], slot);
  const size_t floats = s3_packed_rows(&slot->packed) * (size_t)model->config.hidden_size;
  memset(slot->diff_hidden, 0, floats * sizeof *slot->diff_hidden);
  s3_gradients_begin_shard(&trainer->gradients, shard, slot->row_of);
  return s3_encoder_forward(slot->encoder, model->weights, &slot->packed,
                            trainer->options.seed, trainer->step, &slot->hidden);
}

s3_objective_shard s3_shard_view(s3rec_trainer *trainer, size_t shard, s3_slot *slot) {
  const s3rec_model *model = trainer->model;
  const s3_shard *s = &trainer->shards[shard];
  s3_shard_gradients *gradients = &trainer->gradients.shards[shard];
  return (s3_objective_shard){
      .context = trainer->context,
      .config = &model->config,
      .table = &model->table,
      .weights = model->weights,
      .backend = s3_encoder_backend(slot->encoder),
      .batch = trainer->batch,
      .first_sequence = s->first_sequence,
      .sequence_count = s->sequence_count,
      .first_token = s->first_token,
      .token_count = s->token_count,
      .segment_rows = slot->packed.offsets[slot->packed.full_count],
      .hidden = slot->hidden,
      .diff_hidden = slot->diff_hidden,
      .diff_dense = gradients->dense,
      .diff_items = &gradients->items,
      .scratch = &slot->scratch,
  };
}

s3rec_status s3_shard_backward(s3rec_trainer *trainer, size_t shard, s3_slot *slot) {
  const s3rec_model *model = trainer->model;
  s3_shard_gradients *gradients = &trainer->gradients.shards[shard];
  const size_t hidden = (size_t)model->config.hidden_size;
  const float *diff_embedding;
  S3_TRY(s3_encoder_backward(slot->encoder, model->weights, &slot->packed, slot->diff_hidden,
                             gradients->dense, &diff_embedding));
  const size_t tokens = slot->packed.offsets[slot->packed.sequence_count];
  for (size_t t = 0; t < tokens; t++)
    S3_TRY(s3_item_rows_add(&gradients->items, slot->ids[t], 1.0f,
                            diff_embedding + t * hidden));
  return S3REC_OK;
}
