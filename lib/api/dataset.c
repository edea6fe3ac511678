/* SPDX-License-Identifier: Apache-2.0 */
#include "data/dataset.h"

#include "base/options.h"

int32_t s3rec_max_item_id(void) { return S3REC_MAX_ITEM_ID; }

s3rec_status s3rec_dataset_load(s3rec_context *context, const char *sequences_path,
                                const char *attributes_path, const char *negatives_path,
                                s3rec_dataset **dataset) {
  S3_REQUIRE(context);
  S3_REQUIRE(sequences_path);
  S3_REQUIRE(dataset);
  return s3_dataset_load(context, sequences_path, attributes_path, negatives_path, dataset);
}

void s3rec_dataset_arrays_init(s3rec_dataset_arrays *arrays) {
  *arrays = (s3rec_dataset_arrays){.struct_size = sizeof *arrays};
}

s3rec_status s3rec_dataset_from_arrays(s3rec_context *context,
                                       const s3rec_dataset_arrays *arrays,
                                       s3rec_dataset **dataset) {
  S3_REQUIRE(context);
  S3_REQUIRE(arrays);
  S3_REQUIRE(dataset);
  s3rec_dataset_arrays resolved;
  s3rec_dataset_arrays_init(&resolved);
  S3_TRY(s3_options_copy(&resolved, sizeof resolved, arrays,
                         S3_SIZE_UNTIL(s3rec_dataset_arrays, negatives), "s3rec_dataset_arrays"));
  return s3_dataset_from_arrays(context, &resolved, dataset);
}

void s3rec_dataset_destroy(s3rec_dataset *dataset) {
  if (dataset != NULL) s3_dataset_release(dataset);
}

void s3rec_dataset_info_init(s3rec_dataset_info *info) {
  *info = (s3rec_dataset_info){.struct_size = sizeof *info};
}

s3rec_status s3rec_dataset_info_get(const s3rec_dataset *dataset, s3rec_dataset_info *info) {
  S3_REQUIRE(dataset);
  S3_REQUIRE(info);
  S3_TRY(s3_output_check(info, S3_SIZE_UNTIL(s3rec_dataset_info, fingerprint),
                         "s3rec_dataset_info"));
  s3_output_write(info, &dataset->info, sizeof dataset->info);
  return S3REC_OK;
}

static s3rec_status fail_user(size_t user, const s3rec_dataset *dataset) {
  return s3_fail(S3REC_ERROR_NOT_FOUND, "user is %zu, must be 0..%zu", user,
                 dataset->sequences.row_count - 1);
}

s3rec_status s3rec_dataset_user_items(const s3rec_dataset *dataset, size_t user,
                                      const int32_t **items, size_t *count) {
  S3_REQUIRE(dataset);
  S3_REQUIRE(items);
  S3_REQUIRE(count);
  if (user >= dataset->sequences.row_count) return fail_user(user, dataset);
  *items = s3_ragged_row(&dataset->sequences, user, count);
  return S3REC_OK;
}

s3rec_status s3rec_dataset_item_attributes(const s3rec_dataset *dataset, int32_t item,
                                           const int32_t **attributes, size_t *count) {
  S3_REQUIRE(dataset);
  S3_REQUIRE(attributes);
  S3_REQUIRE(count);
  if (item < 1 || item > dataset->info.item_size - 2)
    return s3_fail(S3REC_ERROR_NOT_FOUND, "item is %d, must be 1..%d", item,
                   dataset->info.item_size - 2);
  *attributes = s3_dataset_attributes(dataset, item, count);
  return S3REC_OK;
}

s3rec_status s3rec_dataset_user_negatives(const s3rec_dataset *dataset, size_t user,
                                          const int32_t **negatives, size_t *count) {
  S3_REQUIRE(dataset);
  S3_REQUIRE(negatives);
  S3_REQUIRE(count);
  if (user >= dataset->sequences.row_count) return fail_user(user, dataset);
  if (dataset->negatives.row_count == 0)
    return s3_fail(S3REC_ERROR_NOT_FOUND, "the dataset was made without negatives");
  *negatives = s3_ragged_row(&dataset->negatives, user, count);
  return S3REC_OK;
}

s3rec_status s3rec_dataset_item_names(const s3rec_dataset *dataset, s3rec_vocabulary **names) {
  S3_REQUIRE(dataset);
  S3_REQUIRE(names);
  *names = s3_vocabulary_retain(dataset->item_names);
  return S3REC_OK;
}

s3rec_status s3rec_dataset_user_names(const s3rec_dataset *dataset, s3rec_vocabulary **names) {
  S3_REQUIRE(dataset);
  S3_REQUIRE(names);
  *names = s3_vocabulary_retain(dataset->user_names);
  return S3REC_OK;
}

s3rec_status s3rec_dataset_attribute_names(const s3rec_dataset *dataset,
                                           s3rec_vocabulary **names) {
  S3_REQUIRE(dataset);
  S3_REQUIRE(names);
  *names = s3_vocabulary_retain(dataset->attribute_names);
  return S3REC_OK;
}
