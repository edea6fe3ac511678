/* SPDX-License-Identifier: Apache-2.0 */
/* The gradients of a step, one way for each stage and loss. A job works on one shard.
 *
 *   pretraining  encode the four sequences of every instance, let the objectives look at
 *                the output, go back through the encoder
 *   bce          the same with the input sequences and one objective
 *   ce           a softmax, over all items or over candidates, looks at all targets of
 *   sampled ce   the step at once: all shards forward, the loss over ranges of items, all
 *                shards backward; each shard then has a slot of its own */
#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "optimizer/tree_sum.h"
#include "training/trainer.h"

/* Tells the draw of candidates from the sites of dropout, numbers of 32 bits. */
static const uint64_t candidates_key = 0x63616e6469646174;

/* The largest shards first (s3_plan_shards). */
static s3rec_status for_all_shards(s3rec_trainer *trainer, s3_job_function job) {
  return s3_thread_pool_run(trainer->pool, (size_t)trainer->options.shard_count, job, trainer);
}

/* Pretraining: the joint loss (S3RecModel.pretrain of the reference)
 *
 *   joint = aap_weight aap + mip_weight mip + map_weight map + sp_weight sp */

static s3rec_status look_at_shard(s3rec_trainer *trainer, size_t index, s3_slot *slot) {
  const s3rec_trainer_options *o = &trainer->options;
  s3_shard *shard = &trainer->shards[index];
  const s3_objective_shard view = s3_shard_view(trainer, index, slot);
  if (o->aap_weight > 0.0) S3_TRY(s3_aap(&view, o->aap_weight, &shard->aap));
  if (o->mip_weight > 0.0) S3_TRY(s3_mip(&view, o->mip_weight, &shard->mip));
  if (o->map_weight > 0.0) S3_TRY(s3_map(&view, o->map_weight, &shard->map));
  if (o->sp_weight > 0.0) S3_TRY(s3_sp(&view, o->sp_weight, &shard->sp));
  return S3REC_OK;
}

static s3rec_status pretrain_job(void *argument, size_t turn, size_t worker) {
  s3rec_trainer *trainer = argument;
  const size_t index = trainer->shards[turn].in_turn;
  s3_slot *slot = &trainer->slots[worker];
  if (trainer->shards[index].sequence_count == 0) return S3REC_OK;
  s3rec_status status = s3_shard_forward(trainer, index, slot);
  if (status == S3REC_OK) status = look_at_shard(trainer, index, slot);
  if (status == S3REC_OK) status = s3_shard_backward(trainer, index, slot);
  s3_item_rows_end(&trainer->gradients.shards[index].items);
  return status;
}

s3rec_status s3_pretrain_gradients(s3rec_trainer *trainer) {
  S3_TRY(for_all_shards(trainer, pretrain_job));
  return s3_gradients_reduce(&trainer->gradients, NULL, NULL, trainer->pool);
}

/* Fine-tuning. */

static size_t ranked_items(const s3rec_trainer *trainer) {
  return (size_t)trainer->model->config.item_size - 2;
}

static s3rec_status finetune_bce_job(void *argument, size_t turn, size_t worker) {
  s3rec_trainer *trainer = argument;
  const size_t index = trainer->shards[turn].in_turn;
  s3_slot *slot = &trainer->slots[worker];
  if (trainer->shards[index].token_count == 0) return S3REC_OK;
  s3rec_status status = s3_shard_forward(trainer, index, slot);
  if (status == S3REC_OK) {
    const s3_objective_shard view = s3_shard_view(trainer, index, slot);
    status = s3_next_item_bce(&view, &trainer->shards[index].next_item);
  }
  if (status == S3REC_OK) status = s3_shard_backward(trainer, index, slot);
  s3_item_rows_end(&trainer->gradients.shards[index].items);
  return status;
}

static s3rec_status softmax_forward_job(void *argument, size_t turn, size_t worker) {
  (void)worker;
  s3rec_trainer *trainer = argument;
  const size_t index = trainer->shards[turn].in_turn;
  s3_slot *slot = &trainer->slots[index];
  const s3_shard *shard = &trainer->shards[index];
  s3_cross_entropy *ce = &trainer->cross_entropy;
  const size_t hidden = ce->hidden_size;
  if (shard->token_count == 0) return S3REC_OK;
  const s3rec_status status = s3_shard_forward(trainer, index, slot);
  s3_item_rows_end(&trainer->gradients.shards[index].items);
  if (status != S3REC_OK) return status;
  const int32_t *targets = trainer->batch->ids[S3_STREAM_POS] + shard->first_token;
  for (size_t row = 0, n = shard->first_target; row < shard->token_count; row++) {
    if (targets[row] == 0) continue;
    memcpy(ce->x + n * hidden, slot->hidden + row * hidden, hidden * sizeof *ce->x);
    ce->targets[n++] = targets[row] - 1;
  }
  return S3REC_OK;
}

static s3rec_status softmax_backward_job(void *argument, size_t turn, size_t worker) {
  (void)worker;
  s3rec_trainer *trainer = argument;
  const size_t index = trainer->shards[turn].in_turn;
  s3_slot *slot = &trainer->slots[index];
  const s3_shard *shard = &trainer->shards[index];
  const s3_cross_entropy *ce = &trainer->cross_entropy;
  s3_item_rows *items = &trainer->gradients.shards[index].items;
  const size_t hidden = ce->hidden_size;
  if (shard->token_count == 0) return S3REC_OK;
  const int32_t *targets = trainer->batch->ids[S3_STREAM_POS] + shard->first_token;
  for (size_t row = 0, n = shard->first_target; row < shard->token_count; row++) {
    if (targets[row] == 0) continue;
    s3_tree_sum tree = s3_tree_sum_begin(trainer->context->kernels, hidden);
    for (size_t g = 0; g < ce->groups; g++)
      s3_tree_sum_add(&tree, g, ce->diff_x + (g * ce->target_count + n) * hidden);
    memcpy(slot->diff_hidden + row * hidden, s3_tree_sum_end(&tree),
           hidden * sizeof *slot->diff_hidden);
    n++;
  }
  s3_item_rows_begin(items, slot->row_of);
  const s3rec_status status = s3_shard_backward(trainer, index, slot);
  s3_item_rows_end(items);
  return status;
}

/* Prepares the softmax over all items. */
static s3rec_status reserve_cross_entropy(s3rec_trainer *trainer, size_t most_items) {
  const s3rec_model *model = trainer->model;
  const size_t shards = (size_t)trainer->options.shard_count;
  s3_cross_entropy *ce = &trainer->cross_entropy;
  ce->groups = shards < S3_CROSS_ENTROPY_GROUPS ? shards : S3_CROSS_ENTROPY_GROUPS;
  ce->item_count = ranked_items(trainer);
  ce->items = model->weights + model->table.item_embeddings + ce->hidden_size;
  ce->bias = NULL;
  ce->label_smoothing = trainer->options.label_smoothing;
  return s3_cross_entropy_reserve(ce, trainer->batch->target_count, most_items);
}

static s3rec_status ce_gradients(s3rec_trainer *trainer) {
  s3_cross_entropy *ce = &trainer->cross_entropy;
  S3_TRY(s3_trainer_densify(trainer));
  S3_TRY(reserve_cross_entropy(trainer, ranked_items(trainer)));
  ce->diff_items = trainer->item_table + ce->hidden_size;
  S3_TRY(for_all_shards(trainer, softmax_forward_job));
  S3_TRY(s3_cross_entropy_run(ce, trainer->pool, &trainer->shards[0].next_item));
  S3_TRY(for_all_shards(trainer, softmax_backward_job));
  return s3_gradients_reduce(&trainer->gradients, trainer->item_table, NULL, trainer->pool);
}

static s3rec_status sampled_ce_gradients(s3rec_trainer *trainer) {
  const s3rec_trainer_options *o = &trainer->options;
  const size_t negatives = (size_t)o->negative_count;
  s3_cross_entropy *ce = &trainer->cross_entropy;
  s3_candidates *candidates = &trainer->candidates;
  S3_TRY(s3_candidates_reserve(candidates, trainer->batch->target_count, ranked_items(trainer),
                               negatives));
  S3_TRY(reserve_cross_entropy(trainer, candidates->most));
  S3_TRY(for_all_shards(trainer, softmax_forward_job));
  s3_candidates_draw(candidates, s3_key(s3_key(o->seed, trainer->step), candidates_key), negatives,
                     trainer->slots[0].row_of, ce);
  S3_TRY(s3_cross_entropy_run(ce, trainer->pool, &trainer->shards[0].next_item));
  S3_TRY(for_all_shards(trainer, softmax_backward_job));
  S3_TRY(s3_gradients_reserve(&trainer->gradients, candidates->most));
  return s3_gradients_reduce(&trainer->gradients, NULL, &candidates->gradient, trainer->pool);
}

s3rec_status s3_finetune_gradients(s3rec_trainer *trainer) {
  if (trainer->options.finetune_loss == S3REC_LOSS_CE) return ce_gradients(trainer);
  if (trainer->options.finetune_loss == S3REC_LOSS_SAMPLED_CE) return sampled_ce_gradients(trainer);
  S3_TRY(for_all_shards(trainer, finetune_bce_job));
  return s3_gradients_reduce(&trainer->gradients, NULL, NULL, trainer->pool);
}
