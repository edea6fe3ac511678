/* SPDX-License-Identifier: Apache-2.0 */
/* How a batch is cut into shards, the memory for one shard at work, and its way through
 * the encoder and back. */
#include <string.h>

#include "base/error.h"
#include "training/trainer.h"

/* The largest shards come first, so that the last ones are short and threads end
 * together. The order changes no result. */
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
    *shard = (s3_shard){
        .first_sequence = sequence, .first_token = offsets[sequence], .first_target = targets};
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

static void pack_shard(const s3rec_trainer *trainer, const s3_shard *shard, s3_slot *slot) {
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
static s3_pass_sizes shard_pass_sizes(const s3rec_trainer *trainer, const s3_shard *shard) {
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

static size_t larger_of(size_t a, size_t b) { return a > b ? a : b; }

s3_slot_sizes s3_largest_shard(const s3rec_trainer *trainer) {
  s3_slot_sizes largest = {0};
  for (size_t i = 0; i < (size_t)trainer->options.shard_count; i++) {
    const s3_shard *shard = &trainer->shards[i];
    const s3_pass_sizes sizes = shard_pass_sizes(trainer, shard);
    s3_pass_sizes *pass = &largest.pass;
    pass->tokens = larger_of(pass->tokens, sizes.tokens);
    pass->rows = larger_of(pass->rows, sizes.rows);
    pass->sequences = larger_of(pass->sequences, sizes.sequences);
    pass->max_length = larger_of(pass->max_length, sizes.max_length);
    pass->probabilities = larger_of(pass->probabilities, sizes.probabilities);
    pass->last_probabilities = larger_of(pass->last_probabilities, sizes.last_probabilities);
    largest.batch_tokens = larger_of(largest.batch_tokens, shard->token_count);
    largest.batch_sequences = larger_of(largest.batch_sequences, shard->sequence_count);
  }
  return largest;
}

/* All memory of a slot is made before the jobs start, for the largest shard in every slot:
 * which worker gets which shard varies, and must not decide whether a step allocates. */
s3rec_status s3_slot_reserve(const s3rec_trainer *trainer, s3_slot_sizes sizes, s3_slot *slot) {
  const s3rec_context *context = trainer->context;
  const s3rec_model *model = trainer->model;
  const size_t tokens = sizes.pass.tokens;
  if (slot->encoder == NULL)
    S3_TRY(s3_encoder_create(context, &model->config, &model->table, true, &slot->encoder));
  if (slot->row_of == NULL) {
    slot->row_of = s3_allocate(context, (size_t)model->config.item_size, sizeof *slot->row_of);
    if (slot->row_of == NULL) return S3REC_ERROR_MEMORY;
  }
  S3_TRY(s3_encoder_reserve(slot->encoder, sizes.pass));
  S3_TRY(s3_grow(context, (void **)&slot->offsets, &slot->offsets_capacity,
                 sizes.pass.sequences + 1, sizeof *slot->offsets));
  S3_TRY(s3_grow(context, (void **)&slot->ids, &slot->ids_capacity, tokens, sizeof *slot->ids));
  S3_TRY(
      s3_grow(context, (void **)&slot->slots, &slot->slots_capacity, tokens, sizeof *slot->slots));
  S3_TRY(s3_grow(context, (void **)&slot->tokens, &slot->tokens_capacity, tokens,
                 sizeof *slot->tokens));
  S3_TRY(s3_grow(context, (void **)&slot->diff_hidden, &slot->diff_hidden_capacity,
                 sizes.pass.rows * (size_t)model->config.hidden_size, sizeof *slot->diff_hidden));
  return trainer->batch->stage == S3REC_STAGE_PRETRAIN
             ? s3_objective_reserve(context, &model->config, sizes.batch_tokens,
                                    sizes.batch_sequences, &slot->scratch)
             : S3REC_OK;
}

void s3_slot_free(const s3rec_context *context, s3_slot *slot) {
  s3_encoder_destroy(slot->encoder);
  s3_objective_scratch_free(context, &slot->scratch);
  s3_free(context, slot->row_of);
  s3_free(context, slot->offsets);
  s3_free(context, slot->ids);
  s3_free(context, slot->slots);
  s3_free(context, slot->tokens);
  s3_free(context, slot->diff_hidden);
}

size_t s3_slot_memory(const s3_slot *slot, size_t item_size) {
  const s3_objective_scratch *scratch = &slot->scratch;
  size_t bytes =
      slot->offsets_capacity * sizeof *slot->offsets + slot->ids_capacity * sizeof *slot->ids +
      slot->slots_capacity * sizeof *slot->slots + slot->tokens_capacity * sizeof *slot->tokens +
      slot->diff_hidden_capacity * sizeof *slot->diff_hidden +
      scratch->floats_capacity * sizeof *scratch->floats +
      scratch->rows_capacity * sizeof *scratch->rows +
      scratch->label_begin_capacity * sizeof *scratch->label_begin +
      scratch->label_end_capacity * sizeof *scratch->label_end;
  if (slot->row_of != NULL) bytes += item_size * sizeof *slot->row_of;
  if (slot->encoder != NULL) bytes += s3_encoder_memory(slot->encoder);
  return bytes;
}

s3rec_status s3_shard_forward(s3rec_trainer *trainer, size_t shard, s3_slot *slot) {
  const s3rec_model *model = trainer->model;
  pack_shard(trainer, &trainer->shards[shard], slot);
  const size_t floats = s3_packed_rows(&slot->packed) * (size_t)model->config.hidden_size;
  memset(slot->diff_hidden, 0, floats * sizeof *slot->diff_hidden);
  s3_gradients_begin_shard(&trainer->gradients, shard, slot->row_of);
  return s3_encoder_forward(slot->encoder, model->weights, &slot->packed, trainer->options.seed,
                            trainer->step, &slot->hidden);
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
    S3_TRY(s3_item_rows_add(&gradients->items, slot->ids[t], 1.0f, diff_embedding + t * hidden));
  return S3REC_OK;
}
