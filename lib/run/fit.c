/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a dataset is one that a model can be trained on and measured by. */
#include "base/error.h"
#include "data/dataset.h"
#include "run/run.h"

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
