/* SPDX-License-Identifier: Apache-2.0 */
/* What a run goes by: the caller's options and the recipe's, and whether model and data fit. */
#include <math.h>

#include "base/error.h"
#include "data/dataset.h"
#include "run/run.h"

static s3rec_status check_range(const char *field, int32_t value, int32_t low, int32_t high) {
  if (value >= low && value <= high) return S3REC_OK;
  return s3_fail(S3REC_ERROR_ARGUMENT, "s3rec_run_options.%s is %d, must be %d..%d", field,
                 (int)value, (int)low, (int)high);
}

/* `resolved`: nothing may be left to the recipe. */
static s3rec_status check_ranges(const s3rec_run_options *o, bool resolved) {
  const int32_t first = resolved ? 1 : 0;
  S3_TRY(check_range("epochs", o->epochs, first, INT32_MAX));
  const bool waits = o->stage == S3REC_STAGE_FINETUNE;
  S3_TRY(check_range("patience", o->patience, waits ? first : 0, INT32_MAX));
  S3_TRY(check_range("held_out_count", o->held_out_count, first - 1, 2));
  S3_TRY(check_range("own_schedule", o->own_schedule, 0, 1));
  S3_TRY(check_range("protocol", (int32_t)o->protocol, S3REC_PROTOCOL_FULL,
                     S3REC_PROTOCOL_SAMPLED));
  S3_TRY(check_range("metric", (int32_t)o->metric, first, S3REC_METRIC_MRR));
  S3_TRY(check_range("seen", (int32_t)o->seen, S3REC_SEEN_EXCLUDE, S3REC_SEEN_INCLUDE));
  S3_TRY(check_range("schedule", (int32_t)o->schedule, o->own_schedule ? 0 : first,
                     o->own_schedule ? 0 : S3REC_SCHEDULE_COSINE));
  if (!(o->time_budget >= 0 && isfinite(o->time_budget)))
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_run_options.time_budget is %g, must be 0 or more seconds",
                   o->time_budget);
  const bool own = o->own_schedule != 0, by_recipe = o->warmup_epochs < 0;
  if (!isfinite(o->warmup_epochs) || (own ? !by_recipe : resolved && by_recipe))
    return s3_fail(S3REC_ERROR_ARGUMENT, "s3rec_run_options.warmup_epochs is %g, must be %s",
                   o->warmup_epochs, own ? "below 0 with own_schedule" : "a number of epochs");
  return S3REC_OK;
}

/* What depends on other options than its own. */
static s3rec_status check_together(const s3_run_settings *settings) {
  const s3rec_run_options *const o = &settings->options;
  if (s3_run_refits(settings) && settings->sampler.reference_draws)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_run_options.held_out_count is %d, must be 2 with reference_draws, which "
                   "leave held-out items out of any training",
                   (int)o->held_out_count);
  if (o->schedule == S3REC_SCHEDULE_COSINE && o->warmup_epochs >= o->epochs)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_run_options.warmup_epochs is %g, must be below epochs, %d, with COSINE",
                   o->warmup_epochs, (int)o->epochs);
  return S3REC_OK;
}

s3rec_status s3_run_settings_check(const s3_run_settings *settings) {
  S3_TRY(check_ranges(&settings->options, true));
  return check_together(settings);
}

/* A short run of a recipe has a short warm-up. */
static double recipe_warmup(const s3_recipe_stage *values, int32_t epochs) {
  const double longest = epochs / 2.0;
  return values->warmup_epochs > longest ? longest : values->warmup_epochs;
}

static void fill_from_recipe(const s3_recipe_stage *values, s3rec_run_options *options) {
  if (options->epochs == 0) options->epochs = values->epochs;
  if (options->patience == 0) options->patience = values->patience;
  if (options->held_out_count < 0) options->held_out_count = values->refit ? 1 : 2;
  if (options->hidden_dropout_prob < 0)
    options->hidden_dropout_prob = values->hidden_dropout_prob;
  if (options->attention_probs_dropout_prob < 0)
    options->attention_probs_dropout_prob = values->attention_probs_dropout_prob;
  if ((int)options->metric == 0)
    options->metric = options->protocol == S3REC_PROTOCOL_SAMPLED ? S3REC_METRIC_MRR
                                                                  : S3REC_METRIC_NDCG_20;
  if (!options->own_schedule) {
    if (options->warmup_epochs < 0) options->warmup_epochs = recipe_warmup(values, options->epochs);
    if ((int)options->schedule == 0)
      options->schedule =
          values->decay_epochs > 0 ? S3REC_SCHEDULE_COSINE : S3REC_SCHEDULE_CONSTANT;
  }
  options->sampler = NULL;
  options->trainer = NULL;
}

s3rec_status s3_run_resolve(const s3rec_run_options *options, const s3rec_sampler_options *sampler,
                            const s3rec_trainer_options *trainer, s3_run_settings *settings) {
  const s3_recipe_stage *values;
  S3_TRY(s3_recipe_find(options->recipe, options->stage, &values));
  *settings = (s3_run_settings){.options = *options, .sampler = *sampler, .trainer = *trainer};
  /* Without trainer options there is no schedule of theirs. */
  if (options->trainer == NULL && options->own_schedule == 1) settings->options.own_schedule = 0;
  S3_TRY(check_ranges(&settings->options, false));
  if (options->sampler == NULL) settings->sampler.batch_size = values->batch_size;
  if (options->trainer == NULL) s3_recipe_set_trainer(values, 1, &settings->trainer);
  settings->sampler.stage = options->stage;
  settings->sampler.seed = options->seed;
  settings->trainer.seed = options->seed;
  fill_from_recipe(values, &settings->options);
  return check_together(settings);
}

s3rec_sampler_options s3_run_sampling(const s3_run_settings *settings, bool refit) {
  s3rec_sampler_options sampler = settings->sampler;
  sampler.held_out_count = refit ? settings->options.held_out_count : 2;
  return sampler;
}

s3rec_trainer_options s3_run_training(const s3_run_settings *settings, size_t steps) {
  const s3rec_run_options *const o = &settings->options;
  s3rec_trainer_options trainer = settings->trainer;
  if (o->own_schedule) return trainer;
  trainer.warmup_steps = (uint64_t)(o->warmup_epochs * (double)steps);
  trainer.decay_steps =
      o->schedule == S3REC_SCHEDULE_COSINE ? (uint64_t)o->epochs * (uint64_t)steps : 0;
  return trainer;
}

static s3rec_status check_sizes(const s3rec_model_config *config, const s3rec_dataset_info *info,
                                bool pretrains) {
  if (info->item_size > config->item_size || (pretrains && info->item_size < config->item_size))
    return s3_fail(S3REC_ERROR_MISMATCH,
                   "item_size of the dataset is %d, must be %s%d, the model's",
                   (int)info->item_size, pretrains ? "" : "at most ", (int)config->item_size);
  if (pretrains && info->attribute_size > config->attribute_size)
    return s3_fail(S3REC_ERROR_MISMATCH,
                   "attribute_size of the dataset is %d, must be at most %d, the model's",
                   (int)info->attribute_size, (int)config->attribute_size);
  return S3REC_OK;
}

/* Where both have names, an id has to mean the same to both. */
static s3rec_status check_names(const char *what, const s3rec_vocabulary *of_data,
                                const s3rec_vocabulary *of_model) {
  if (of_data == NULL || of_model == NULL || of_data == of_model) return S3REC_OK;
  const s3_names *const left = &of_data->names, *const right = &of_model->names;
  const size_t i = s3_names_first_difference(left, right);
  if (i == left->count || i == right->count) return S3REC_OK;
  return s3_fail(S3REC_ERROR_MISMATCH, "%s %zu is '%.100s' in the dataset, '%.100s' in the model",
                 what, i + (size_t)of_data->first_id, s3_name(left, i), s3_name(right, i));
}

s3rec_status s3_run_check_data(const s3rec_model *model, const s3rec_dataset *dataset,
                               const s3rec_run_options *options) {
  const s3rec_dataset_info *const info = &dataset->info;
  const bool pretrains = options->stage == S3REC_STAGE_PRETRAIN;
  S3_TRY(check_sizes(&model->config, info, pretrains));
  S3_TRY(check_names("item", dataset->item_names, model->item_names));
  if (pretrains)
    return check_names("attribute", dataset->attribute_names, model->attribute_names);
  if (info->short_user_count == info->user_count)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "none of the dataset's %zu users has the 3 items that measuring takes",
                   info->user_count);
  if (options->protocol == S3REC_PROTOCOL_SAMPLED && dataset->negatives.row_count == 0)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "the sampled protocol needs negatives, the dataset has none");
  return S3REC_OK;
}
