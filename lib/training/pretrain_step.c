/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients of the joint pretraining loss (S3RecModel.pretrain of the reference):
 *
 *   joint = aap_weight aap + mip_weight mip + map_weight map + sp_weight sp
 *
 * One job a shard: encode the four sequences of every instance, let the
 * objectives look at the output, go back through the encoder. */
#include "base/error.h"
#include "training/trainer.h"

static s3rec_status run_objectives(s3rec_trainer *trainer, size_t index, s3_slot *slot) {
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
  if (status == S3REC_OK) status = run_objectives(trainer, index, slot);
  if (status == S3REC_OK) status = s3_shard_backward(trainer, index, slot);
  s3_item_rows_end(&trainer->gradients.shards[index].items);
  return status;
}

s3rec_status s3_pretrain_gradients(s3rec_trainer *trainer) {
  S3_TRY(s3_thread_pool_run(trainer->pool, (size_t)trainer->options.shard_count, pretrain_job,
                            trainer));
  return s3_gradients_reduce(&trainer->gradients, NULL, NULL, trainer->pool);
}
