/* SPDX-License-Identifier: Apache-2.0 */
/* The trainer's inside. A step is cut into shards, runs of whole sequences with
 * about equal token counts; a shard's work is done in a slot, the memory for one
 * shard at a time. Gradients belong to shards and are summed in a balanced tree over
 * them (optimizer/tree_sum.h), so that neither slots nor threads change the result. */
#ifndef S3_TRAINING_TRAINER_H
#define S3_TRAINING_TRAINER_H

#include "base/json_reader.h"
#include "model/model_file.h"
#include "objectives/next_item_sampled_ce.h"
#include "objectives/objective.h"
#include "optimizer/gradients.h"
#include "s3rec/trainer.h"
#include "sampling/batch.h"
#include "sampling/sampler.h"
#include "training/options.h"

typedef struct s3_shard {
  size_t first_sequence, sequence_count;
  size_t first_token, token_count;
  size_t first_target; /* number of fine-tune targets before it */
  size_t in_turn;      /* of shards[i]: the shard that is worked on as number i */
  double aap, mip, map, sp, next_item;
} s3_shard;

typedef struct s3_slot {
  s3_encoder *encoder;
  s3_objective_scratch scratch;
  uint32_t *row_of; /* [item_size] all zero between jobs */
  /* The shard's sequences, packed. */
  s3_packed packed;
  size_t *offsets;
  int32_t *ids, *slots;
  uint32_t *tokens;
  size_t offsets_capacity, ids_capacity, slots_capacity, tokens_capacity;
  const float *hidden;
  float *diff_hidden;
  size_t diff_hidden_capacity;
} s3_slot;

/* What every slot must hold: the largest of each over the shards of a step. */
typedef struct s3_slot_sizes {
  s3_pass_sizes pass;
  size_t batch_tokens, batch_sequences; /* of one id array */
} s3_slot_sizes;

struct s3rec_trainer {
  s3rec_context *context;
  s3rec_model *model;
  s3rec_trainer_options options;
  uint64_t step; /* updates made */
  float *moment1, *moment2;
  s3_thread_pool *pool; /* NULL until the first step, and with one thread */
  s3_slot *slots;       /* [slot_count] */
  size_t slot_count;
  s3_shard *shards; /* [options.shard_count] */
  s3_gradients gradients;
  bool gradients_valid; /* computed and not yet applied */
  s3rec_stage gradients_stage;
  float *item_table; /* whole gradient of the item table, when one was needed */
  s3_cross_entropy cross_entropy;
  s3_candidates candidates; /* of the sampled softmax */
  const s3rec_batch *batch; /* of the step under way */
  char *note;
};

s3rec_status s3_trainer_create(s3rec_model *model, const s3rec_trainer_options *options,
                               s3rec_trainer **trainer);
void s3_trainer_destroy(s3rec_trainer *trainer);
size_t s3_trainer_memory(const s3rec_trainer *trainer);

/* As after creation with these options, of the same shard_count; the weights are the
 * caller's to set. */
void s3_trainer_restart(s3rec_trainer *trainer, const s3rec_trainer_options *options);

/* Makes room for other options (a loaded state's); nothing else changes. */
s3rec_status s3_trainer_resize(s3rec_trainer *trainer, const s3rec_trainer_options *options);

s3rec_status s3_trainer_compute(s3rec_trainer *trainer, const s3rec_batch *batch,
                                s3rec_losses *losses);
s3rec_status s3_trainer_apply(s3rec_trainer *trainer);
s3rec_status s3_trainer_step(s3rec_trainer *trainer, s3rec_stage stage, const s3rec_batch *batch,
                             s3rec_losses *losses);
/* A whole gradient of the item table in place of the sparse rows. */
s3rec_status s3_trainer_densify(s3rec_trainer *trainer);

/* stages.c: gradients of all shards and their losses. */
s3rec_status s3_pretrain_gradients(s3rec_trainer *trainer);
s3rec_status s3_finetune_gradients(s3rec_trainer *trainer);

/* shard.c */
void s3_plan_shards(s3rec_trainer *trainer);
s3_slot_sizes s3_largest_shard(const s3rec_trainer *trainer);
/* Packs a shard's sequences into a slot, runs the encoder over them and clears the slot's
 * diff_hidden and the shard's gradients. */
s3rec_status s3_shard_forward(s3rec_trainer *trainer, size_t shard, s3_slot *slot);
/* What the objectives see of it. */
s3_objective_shard s3_shard_view(s3rec_trainer *trainer, size_t shard, s3_slot *slot);
/* From diff_hidden to the shard's gradients. */
s3rec_status s3_shard_backward(s3rec_trainer *trainer, size_t shard, s3_slot *slot);
s3rec_status s3_slot_reserve(const s3rec_trainer *trainer, s3_slot_sizes sizes, s3_slot *slot);
void s3_slot_free(const s3rec_context *context, s3_slot *slot);
size_t s3_slot_memory(const s3_slot *slot, size_t item_size);

/* trainer_state.c. What a run keeps in a state beside its trainer and sampler. */
typedef struct s3_run_entry {
  const char *json;  /* the field "run" */
  const float *best; /* NULL, or a block of weights: the tensors of this prefix */
} s3_run_entry;
#define S3_STATE_BEST_PREFIX S3_STATE_PREFIX "best."
/* `run`: NULL without one. */
s3rec_status s3_trainer_save(const s3rec_trainer *trainer, const s3rec_sampler *sampler,
                             const char *note, const s3_run_entry *run, const char *path);
s3rec_status s3_trainer_load(s3rec_trainer *trainer, s3rec_sampler *sampler, const char *path);

/* The parts of a load: what a state holds, read aside before anything is touched. Zeros before. */
typedef struct s3_trainer_state {
  s3rec_trainer_options options;
  uint64_t step;
  bool has_sampler; /* what follows is its: */
  s3rec_sampler_options sampler;
  uint64_t sampler_epoch, sampler_step, fingerprint;
  float *weights, *moment1, *moment2;
  char *note;
  s3_json run; /* a piece of the file's metadata; no value: not of a run */
} s3_trainer_state;
/* All but the weights and moments; whatever the outcome, `state` is to be freed. */
s3rec_status s3_trainer_state_read(const s3rec_context *context, const s3_safetensors *file,
                                   s3_trainer_state *state);
/* Compares it with trainer and sampler (may be NULL), and reads the rest. */
s3rec_status s3_trainer_state_fill(const s3_safetensors *file, const s3rec_trainer *trainer,
                                   const s3rec_sampler *sampler, s3_trainer_state *state);
/* Exchanges what the trainer has for what was read. Fails only where the shard count changes,
 * and then without effect. */
s3rec_status s3_trainer_state_install(s3_trainer_state *state, s3rec_trainer *trainer,
                                      s3rec_sampler *sampler);
void s3_trainer_state_free(const s3rec_context *context, s3_trainer_state *state);

#endif
