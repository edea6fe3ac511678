/* SPDX-License-Identifier: Apache-2.0 */
#include "scoring/popularity.h"

#include "base/error.h"
#include "model/popularity.h"

s3rec_status s3_model_count_popularity(s3rec_model *model, const s3rec_dataset *dataset,
                                       size_t held_out_count) {
  if (dataset->info.item_size > model->config.item_size) {
    return s3_fail(S3REC_ERROR_MISMATCH,
                   "the dataset's item_size is %d, but the model's is %d: the model does not know "
                   "all items",
                   (int)dataset->info.item_size, (int)model->config.item_size);
  }
  int32_t *const counts =
      s3_allocate(model->context, (size_t)model->config.item_size, sizeof *counts);
  if (counts == NULL) return S3REC_ERROR_MEMORY;
  for (size_t user = 0; user < dataset->sequences.row_count; user++) {
    size_t count;
    const int32_t *const items = s3_ragged_row(&dataset->sequences, user, &count);
    const size_t seen = s3_training_length(dataset, user, held_out_count, false);
    for (size_t i = 0; i < seen; i++) {
      if (counts[items[i]] < INT32_MAX) counts[items[i]]++;
    }
  }
  const s3rec_status status = s3_model_set_popularity(model, counts);
  s3_free(model->context, counts);
  return status;
}
