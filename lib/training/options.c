/* SPDX-License-Identifier: Apache-2.0 */
#include "training/options.h"

#include <float.h>
#include <inttypes.h>

#include "base/number.h"
#include "optimizer/tree_sum.h"

#define NUMBER(field, low, high, low_excluded, high_excluded) \
  {#field, offsetof(s3rec_trainer_options, field), low, high, low_excluded, high_excluded}

/* The bounds of the first five, with S3_LARGEST_GRADIENT, keep every update of
 * finite weights finite in float. */
const s3_number_option s3_number_options[S3_NUMBER_OPTION_COUNT] = {
    NUMBER(learning_rate, 0.0, 1e3, true, false),
    NUMBER(adam_beta1, 0.0, 1.0, false, true),
    NUMBER(adam_beta2, 0.0, 1.0, false, true),
    NUMBER(adam_epsilon, 1e-16, 1e3, false, false),
    NUMBER(weight_decay, 0.0, 1e3, false, false),
    NUMBER(max_gradient_norm, 0.0, FLT_MAX, false, false),
    NUMBER(aap_weight, 0.0, FLT_MAX, false, false),
    NUMBER(mip_weight, 0.0, FLT_MAX, false, false),
    NUMBER(map_weight, 0.0, FLT_MAX, false, false),
    NUMBER(sp_weight, 0.0, FLT_MAX, false, false),
    NUMBER(label_smoothing, 0.0, 1.0, false, true),
    NUMBER(decoupled_weight_decay, 0.0, 1e3, false, false),
};

static s3rec_status fail_out_of_range(const s3_number_option *o, double value) {
  char number[S3_NUMBER_SIZE], low[S3_NUMBER_SIZE], high[S3_NUMBER_SIZE];
  s3_format_double(value, number);
  s3_format_double(o->low, low);
  s3_format_double(o->high, high);
  return s3_fail(S3REC_ERROR_ARGUMENT, "s3rec_trainer_options.%s is %s, must be %s%s and %s%s",
                 o->name, number, o->low_excluded ? "> " : ">= ", low,
                 o->high_excluded ? "< " : "<= ", high);
}

s3rec_status s3_trainer_options_check(const s3rec_trainer_options *options) {
  s3rec_trainer_options copy = *options;
  for (size_t i = 0; i < S3_NUMBER_OPTION_COUNT; i++) {
    const s3_number_option *o = &s3_number_options[i];
    const double value = *s3_number_at(&copy, i);
    const bool above = o->low_excluded ? value > o->low : value >= o->low;
    const bool below = o->high_excluded ? value < o->high : value <= o->high;
    if (!above || !below) return fail_out_of_range(o, value); /* NaN is neither */
  }
  if (options->learning_rate * options->decoupled_weight_decay > 1.0) {
    char number[S3_NUMBER_SIZE];
    s3_format_double(options->decoupled_weight_decay, number);
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_trainer_options.decoupled_weight_decay is %s, must be at most 1 / "
                   "learning_rate",
                   number);
  }
  const int loss = (int)options->finetune_loss;
  if (loss != S3REC_LOSS_CE && loss != S3REC_LOSS_BCE && loss != S3REC_LOSS_SAMPLED_CE)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_trainer_options.finetune_loss is %d, must be %d (CE), %d (BCE) or %d "
                   "(SAMPLED_CE)",
                   loss, S3REC_LOSS_CE, S3REC_LOSS_BCE, S3REC_LOSS_SAMPLED_CE);
  if (options->negative_count < 1)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_trainer_options.negative_count is %d, must be 1..2147483647",
                   (int)options->negative_count);
  if (options->decay_steps != 0 && options->decay_steps <= options->warmup_steps)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_trainer_options.decay_steps is %" PRIu64
                   ", must be 0 or above "
                   "warmup_steps, %" PRIu64,
                   options->decay_steps, options->warmup_steps);
  const int32_t shards = options->shard_count;
  if (shards < 1 || shards > S3_LARGEST_SHARD_COUNT || (shards & (shards - 1)) != 0)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_trainer_options.shard_count is %d, must be a power of two in 1..%d: 1, "
                   "2, 4, 8, 16, 32, 64, 128 or 256",
                   (int)shards, S3_LARGEST_SHARD_COUNT);
  return S3REC_OK;
}

const char *s3_trainer_options_difference(const s3rec_trainer_options *a,
                                          const s3rec_trainer_options *b) {
  s3rec_trainer_options x = *a, y = *b;
  for (size_t i = 0; i < S3_NUMBER_OPTION_COUNT; i++)
    if (*s3_number_at(&x, i) != *s3_number_at(&y, i)) return s3_number_options[i].name;
  if (a->finetune_loss != b->finetune_loss) return "finetune_loss";
  if (a->seed != b->seed) return "seed";
  if (a->shard_count != b->shard_count) return "shard_count";
  if (a->negative_count != b->negative_count) return "negative_count";
  if (a->warmup_steps != b->warmup_steps) return "warmup_steps";
  return a->decay_steps != b->decay_steps ? "decay_steps" : NULL;
}
