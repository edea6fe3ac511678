/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/error.h"
#include "data/attribute_file.h"
#include "data/dataset_parts.h"

enum { MAXIMUM_NEGATIVES = 1000 };

/* Checks offsets [count + 1]; `row` is the word for a row in error texts. */
static s3rec_status check_offsets(const char *name, const int64_t *offsets, size_t count,
                                  const char *row, int64_t minimum_length) {
  if (offsets[0] != 0)
    return s3_fail(S3REC_ERROR_FORMAT, "%s[0] is %" PRId64 ", must be 0", name, offsets[0]);
  for (size_t r = 0; r < count; r++) {
    if (offsets[r + 1] < offsets[r])
      return s3_fail(S3REC_ERROR_FORMAT, "%s fall from %" PRId64 " to %" PRId64 " behind %s %zu",
                     name, offsets[r], offsets[r + 1], row, r);
    if (offsets[r + 1] - offsets[r] < minimum_length)
      return s3_fail(S3REC_ERROR_FORMAT, "%s: %s %zu has no items", name, row, r);
  }
  return S3REC_OK;
}

static s3rec_status check_values(const char *name, const int64_t *offsets, const int32_t *values,
                                 size_t count, const char *row, int32_t minimum,
                                 int32_t maximum) {
  for (size_t r = 0; r < count; r++)
    for (int64_t i = offsets[r]; i < offsets[r + 1]; i++)
      if (values[i] < minimum || values[i] > maximum)
        return s3_fail(S3REC_ERROR_FORMAT,
                       "%s: %s %zu, index %" PRId64 ": id %d is out of range, accepted is %d..%d",
                       name, row, r, i - offsets[r], values[i], minimum, maximum);
  return S3REC_OK;
}

static s3rec_status require_arrays(const s3rec_dataset_arrays *arrays) {
  if (arrays->user_count < 1 || arrays->item_offsets == NULL || arrays->items == NULL)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "user_count is %zu, item_offsets %s, items %s; needed are at least 1 user "
                   "and both arrays",
                   arrays->user_count, arrays->item_offsets ? "given" : "NULL",
                   arrays->items ? "given" : "NULL");
  if (arrays->attributed_item_count > 0 &&
      (arrays->attributed_items == NULL || arrays->attribute_offsets == NULL))
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "attributed_item_count is %zu, but attributed_items or attribute_offsets is "
                   "NULL",
                   arrays->attributed_item_count);
  if (arrays->negatives_per_user < 0 || arrays->negatives_per_user > MAXIMUM_NEGATIVES)
    return s3_fail(S3REC_ERROR_ARGUMENT, "negatives_per_user is %d, accepted is 0..%d",
                   arrays->negatives_per_user, MAXIMUM_NEGATIVES);
  if (arrays->negatives_per_user > 0 && arrays->negatives == NULL)
    return s3_fail(S3REC_ERROR_ARGUMENT, "negatives_per_user is %d, but negatives is NULL",
                   arrays->negatives_per_user);
  return S3REC_OK;
}

static s3rec_status add_sequences(s3rec_dataset *dataset, const s3rec_dataset_arrays *arrays) {
  S3_TRY(check_offsets("item_offsets", arrays->item_offsets, arrays->user_count, "user", 1));
  S3_TRY(check_values("items", arrays->item_offsets, arrays->items, arrays->user_count, "user", 1,
                      S3REC_MAX_ITEM_ID));
  return s3_ragged_copy(dataset->context, arrays->user_count, arrays->item_offsets,
                        arrays->items, &dataset->sequences);
}

static s3rec_status add_attributes(s3rec_dataset *dataset, const s3rec_dataset_arrays *arrays,
                                   int32_t max_item, int32_t *attribute_size,
                                   size_t *ignored_lists) {
  const size_t count = arrays->attributed_item_count;
  const int64_t *offsets = arrays->attribute_offsets;
  S3_TRY(check_offsets("attribute_offsets", offsets, count, "list", 0));
  if (offsets[count] > 0 && arrays->attributes == NULL)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "attribute_offsets announce %" PRId64 " ids, but attributes is NULL",
                   offsets[count]);
  S3_TRY(check_values("attributes", offsets, arrays->attributes, count, "list", 0,
                      S3_MAX_ATTRIBUTE_ID));
  for (size_t i = 0; i < count; i++)
    if (arrays->attributed_items[i] < 1 || arrays->attributed_items[i] > S3REC_MAX_ITEM_ID)
      return s3_fail(S3REC_ERROR_FORMAT,
                     "attributed_items, index %zu: id %d is out of range, accepted is 1..%d", i,
                     arrays->attributed_items[i], S3REC_MAX_ITEM_ID);
  s3_attribute_lists lists = {0};
  S3_TRY(s3_attribute_lists_make(dataset->context, count, arrays->attributed_items, offsets,
                                 arrays->attributes, max_item, &lists));
  dataset->attributes = lists.lists;
  dataset->attributed_items = lists.items;
  *ignored_lists = lists.ignored;
  for (int64_t i = 0; i < offsets[count]; i++)
    if (arrays->attributes[i] >= *attribute_size) *attribute_size = arrays->attributes[i] + 1;
  return S3REC_OK;
}

static s3rec_status add_negatives(s3rec_dataset *dataset, const s3rec_dataset_arrays *arrays,
                                  int32_t max_item) {
  int64_t *offsets = s3_allocate(dataset->context, arrays->user_count + 1, sizeof *offsets);
  if (offsets == NULL) return S3REC_ERROR_MEMORY;
  for (size_t user = 0; user <= arrays->user_count; user++)
    offsets[user] = (int64_t)user * arrays->negatives_per_user;
  s3rec_status status = check_values("negatives", offsets, arrays->negatives,
                                     arrays->user_count, "user", 1, max_item);
  if (status == S3REC_OK)
    status = s3_ragged_copy(dataset->context, arrays->user_count, offsets, arrays->negatives,
                            &dataset->negatives);
  s3_free(dataset->context, offsets);
  return status;
}

static s3rec_status add_all(s3rec_dataset *dataset, const s3rec_dataset_arrays *arrays) {
  int32_t attribute_size = 1;
  size_t ignored_lists = 0;
  S3_TRY(add_sequences(dataset, arrays));
  const int32_t max_item = s3_dataset_max_item(dataset);
  if (arrays->attributed_item_count > 0)
    S3_TRY(add_attributes(dataset, arrays, max_item, &attribute_size, &ignored_lists));
  if (arrays->negatives_per_user > 0) S3_TRY(add_negatives(dataset, arrays, max_item));
  s3_dataset_describe(dataset, max_item, attribute_size, ignored_lists);
  return S3REC_OK;
}

s3rec_status s3_dataset_from_arrays(s3rec_context *context, const s3rec_dataset_arrays *arrays,
                                    s3rec_dataset **dataset) {
  S3_TRY(require_arrays(arrays));
  s3rec_dataset *made = s3_dataset_allocate(context);
  if (made == NULL) return S3REC_ERROR_MEMORY;
  const s3rec_status status = add_all(made, arrays);
  if (status == S3REC_OK)
    *dataset = made;
  else
    s3_dataset_release(made);
  return status;
}
