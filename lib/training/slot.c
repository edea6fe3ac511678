/* SPDX-License-Identifier: Apache-2.0 */
/* The memory for one shard at work. All of it is made before the jobs start, for
 * the largest shard in every slot: which worker gets which shard is chance, and
 * must not decide whether a step allocates. */
#include "base/error.h"
#include "training/trainer.h"

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
  S3_TRY(s3_grow(context, (void **)&slot->ids, &slot->ids_capacity, tokens,
                 sizeof *slot->ids));
  S3_TRY(s3_grow(context, (void **)&slot->slots, &slot->slots_capacity, tokens,
                 sizeof *slot->slots));
  S3_TRY(s3_grow(context, (void **)&slot->tokens, &slot->tokens_capacity, tokens,
                 sizeof *slot->tokens));
  S3_TRY(s3_grow(context, (void **)&slot->diff_hidden, &slot->diff_hidden_capacity,
                 sizes.pass.rows * (size_t)model->config.hidden_size,
                 sizeof *slot->diff_hidden));
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
  size_t bytes = slot->offsets_capacity * sizeof *slot->offsets +
                 slot->ids_capacity * sizeof *slot->ids +
                 slot->slots_capacity * sizeof *slot->slots +
                 slot->tokens_capacity * sizeof *slot->tokens +
                 slot->diff_hidden_capacity * sizeof *slot->diff_hidden +
                 scratch->floats_capacity * sizeof *scratch->floats +
                 scratch->rows_capacity * sizeof *scratch->rows +
                 scratch->label_begin_capacity * sizeof *scratch->label_begin +
                 scratch->label_end_capacity * sizeof *scratch->label_end;
  if (slot->row_of != NULL) bytes += item_size * sizeof *slot->row_of;
  if (slot->encoder != NULL) bytes += s3_encoder_memory(slot->encoder);
  return bytes;
}
