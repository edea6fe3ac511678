/* SPDX-License-Identifier: Apache-2.0 */
/* From top to bottom: life of a dataset, its description, its two ways to be made, from files
 * and from arrays, and what is read from it. */
#include "data/dataset.h"

#include <inttypes.h>

#include "base/error.h"
#include "base/random.h"
#include "data/attribute_file.h"
#include "data/sequence_file.h"

enum { MAXIMUM_NEGATIVES = 1000 };

s3rec_dataset *s3_dataset_retain(s3rec_dataset *dataset) {
  atomic_fetch_add_explicit(&dataset->references, 1, memory_order_relaxed);
  return dataset;
}

void s3_dataset_release(s3rec_dataset *dataset) {
  if (atomic_fetch_sub_explicit(&dataset->references, 1, memory_order_acq_rel) != 1) return;
  s3rec_context *context = dataset->context;
  s3_ragged_free(context, &dataset->sequences);
  s3_ragged_free(context, &dataset->attributes);
  s3_ragged_free(context, &dataset->negatives);
  s3_free(context, dataset->attributed_items);
  s3_vocabulary_release(dataset->item_names);
  s3_vocabulary_release(dataset->user_names);
  s3_vocabulary_release(dataset->attribute_names);
  s3_free(context, dataset);
  s3_context_release(context);
}

s3rec_dataset *s3_dataset_allocate(s3rec_context *context) {
  s3rec_dataset *dataset = s3_allocate(context, 1, sizeof *dataset);
  if (dataset == NULL) return NULL;
  atomic_init(&dataset->references, 1);
  dataset->context = s3_context_retain(context);
  return dataset;
}

static size_t row_length(const s3_ragged *ragged, size_t row) {
  return (size_t)(ragged->offsets[row + 1] - ragged->offsets[row]);
}

/* The largest item id of the sequences. */
static int32_t max_item_of(const s3rec_dataset *dataset) {
  const s3_ragged *sequences = &dataset->sequences;
  int32_t max_item = 0;
  for (int64_t i = 0; i < sequences->offsets[sequences->row_count]; i++)
    if (sequences->values[i] > max_item) max_item = sequences->values[i];
  return max_item;
}

static uint64_t mix_in_number(uint64_t fingerprint, uint64_t value) {
  return s3_mix64(fingerprint + 0x9e3779b97f4a7c15u + value);
}

static uint64_t mix_in_row(uint64_t fingerprint, const s3_ragged *ragged, size_t row) {
  fingerprint = mix_in_number(fingerprint, row_length(ragged, row));
  for (int64_t i = ragged->offsets[row]; i < ragged->offsets[row + 1]; i++)
    fingerprint = mix_in_number(fingerprint, (uint64_t)ragged->values[i]);
  return fingerprint;
}

/* Mixes in, as numbers so that the byte order of the machine does not matter: the number of
 * users; the item count and the items of each; attribute_size; the number of lists; the item,
 * the attribute count and the attributes of each. docs/file-format.md has the formula. */
static uint64_t fingerprint_of(const s3rec_dataset *dataset) {
  const s3_ragged *sequences = &dataset->sequences, *attributes = &dataset->attributes;
  uint64_t fingerprint = mix_in_number(0, sequences->row_count);
  for (size_t user = 0; user < sequences->row_count; user++)
    fingerprint = mix_in_row(fingerprint, sequences, user);
  fingerprint = mix_in_number(fingerprint, (uint64_t)dataset->info.attribute_size);
  fingerprint = mix_in_number(fingerprint, attributes->row_count);
  for (size_t row = 0; row < attributes->row_count; row++) {
    fingerprint = mix_in_number(fingerprint, (uint64_t)dataset->attributed_items[row]);
    fingerprint = mix_in_row(fingerprint, attributes, row);
  }
  return fingerprint;
}

static void log_dataset(const s3rec_dataset *dataset, size_t ignored_lists) {
  const s3rec_dataset_info *info = &dataset->info;
  s3_log(dataset->context, S3REC_LOG_INFO,
         "dataset: users: %zu, interactions: %zu, item_size: %d, attribute_size: %d, "
         "attribute lists: %zu, negatives a user: %d",
         info->user_count, info->interaction_count, info->item_size, info->attribute_size,
         dataset->attributes.row_count, info->negatives_per_user);
  if (info->short_user_count > 0)
    s3_log(dataset->context, S3REC_LOG_WARNING,
           "dataset: users with fewer than 3 items: %zu of %zu; kept for training (unless "
           "reference_draws), skipped in evaluation",
           info->short_user_count, info->user_count);
  if (ignored_lists > 0)
    s3_log(dataset->context, S3REC_LOG_WARNING,
           "dataset: attribute lists ignored: %zu, for items above %d, the largest in sequences",
           ignored_lists, info->item_size - 2);
}

void s3_dataset_describe(s3rec_dataset *dataset, int32_t max_item, int32_t attribute_size,
                         size_t ignored_lists) {
  const s3_ragged *sequences = &dataset->sequences, *negatives = &dataset->negatives;
  s3rec_dataset_info info = {.struct_size = sizeof info,
                             .user_count = sequences->row_count,
                             .item_size = max_item + 2,
                             .attribute_size = attribute_size};
  info.interaction_count = (size_t)sequences->offsets[sequences->row_count];
  for (size_t user = 0; user < sequences->row_count; user++)
    info.short_user_count += row_length(sequences, user) < 3;
  for (size_t user = 0; user < negatives->row_count; user++) {
    const int32_t length = (int32_t)row_length(negatives, user);
    if (user == 0 || length < info.negatives_per_user) info.negatives_per_user = length;
  }
  dataset->info = info;
  dataset->info.fingerprint = fingerprint_of(dataset);
  log_dataset(dataset, ignored_lists);
}

static s3rec_status load_files(s3rec_dataset *dataset, const char *attributes_path,
                               const char *negatives_path, const int64_t *names) {
  const int32_t max_item = max_item_of(dataset);
  int32_t attribute_size = 1;
  s3_attribute_lists attributes = {0};
  if (attributes_path != NULL) {
    S3_TRY(s3_attribute_file_read(dataset->context, attributes_path, max_item, &attributes,
                                  &attribute_size));
    dataset->attributes = attributes.lists;
    dataset->attributed_items = attributes.items;
  }
  if (negatives_path != NULL)
    S3_TRY(s3_negative_file_read(dataset->context, negatives_path, names,
                                 dataset->sequences.row_count, max_item, &dataset->negatives));
  s3_dataset_describe(dataset, max_item, attribute_size, attributes.ignored);
  return S3REC_OK;
}

s3rec_status s3_dataset_load(s3rec_context *context, const char *sequences_path,
                             const char *attributes_path, const char *negatives_path,
                             s3rec_dataset **dataset) {
  s3rec_dataset *loaded = s3_dataset_allocate(context);
  if (loaded == NULL) return S3REC_ERROR_MEMORY;
  int64_t *names = NULL;
  s3rec_status status = s3_sequence_file_read(context, sequences_path, &loaded->sequences, &names);
  if (status == S3REC_OK) status = load_files(loaded, attributes_path, negatives_path, names);
  s3_free(context, names);
  if (status == S3REC_OK)
    *dataset = loaded;
  else
    s3_dataset_release(loaded);
  return status;
}

/* Checks offsets [count + 1]; `row` is the word for a row in error texts. */
static s3rec_status check_row_offsets(const char *name, const int64_t *offsets, size_t count,
                                      const char *row, int64_t minimum_length) {
  if (offsets[0] != 0)
    return s3_fail(S3REC_ERROR_FORMAT, "%s[0] is %" PRId64 ", must be 0", name, offsets[0]);
  for (size_t r = 0; r < count; r++) {
    if (offsets[r + 1] < offsets[r])
      return s3_fail(S3REC_ERROR_FORMAT, "%s fall from %" PRId64 " to %" PRId64 " after %s %zu",
                     name, offsets[r], offsets[r + 1], row, r);
    if (offsets[r + 1] - offsets[r] < minimum_length)
      return s3_fail(S3REC_ERROR_FORMAT, "%s: %s %zu has no items", name, row, r);
  }
  return S3REC_OK;
}

static s3rec_status check_row_values(const char *name, const int64_t *offsets,
                                     const int32_t *values, size_t count, const char *row,
                                     int32_t minimum, int32_t maximum) {
  for (size_t r = 0; r < count; r++)
    for (int64_t i = offsets[r]; i < offsets[r + 1]; i++)
      if (values[i] < minimum || values[i] > maximum)
        return s3_fail(S3REC_ERROR_FORMAT,
                       "%s: %s %zu, index %" PRId64 ": id %d is out of range, must be %d..%d",
                       name, row, r, i - offsets[r], values[i], minimum, maximum);
  return S3REC_OK;
}

static s3rec_status require_arrays(const s3rec_dataset_arrays *arrays) {
  if (arrays->user_count < 1 || arrays->item_offsets == NULL || arrays->items == NULL)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "user_count is %zu, item_offsets %s, items %s; at least 1 user and both "
                   "arrays are needed",
                   arrays->user_count, arrays->item_offsets ? "given" : "NULL",
                   arrays->items ? "given" : "NULL");
  if (arrays->attributed_item_count > 0 &&
      (arrays->attributed_items == NULL || arrays->attribute_offsets == NULL))
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "attributed_item_count is %zu, but attributed_items or attribute_offsets is "
                   "NULL",
                   arrays->attributed_item_count);
  if (arrays->negatives_per_user < 0 || arrays->negatives_per_user > MAXIMUM_NEGATIVES)
    return s3_fail(S3REC_ERROR_ARGUMENT, "negatives_per_user is %d, must be 0..%d",
                   arrays->negatives_per_user, MAXIMUM_NEGATIVES);
  if (arrays->negatives_per_user > 0 && arrays->negatives == NULL)
    return s3_fail(S3REC_ERROR_ARGUMENT, "negatives_per_user is %d, but negatives is NULL",
                   arrays->negatives_per_user);
  return S3REC_OK;
}

static s3rec_status add_sequence_arrays(s3rec_dataset *dataset,
                                        const s3rec_dataset_arrays *arrays) {
  S3_TRY(check_row_offsets("item_offsets", arrays->item_offsets, arrays->user_count, "user", 1));
  S3_TRY(check_row_values("items", arrays->item_offsets, arrays->items, arrays->user_count, "user",
                          1, S3REC_MAX_ITEM_ID));
  return s3_ragged_copy(dataset->context, arrays->user_count, arrays->item_offsets, arrays->items,
                        &dataset->sequences);
}

static s3rec_status add_attribute_arrays(s3rec_dataset *dataset, const s3rec_dataset_arrays *arrays,
                                         int32_t max_item, int32_t *attribute_size,
                                         size_t *ignored_lists) {
  const size_t count = arrays->attributed_item_count;
  const int64_t *offsets = arrays->attribute_offsets;
  S3_TRY(check_row_offsets("attribute_offsets", offsets, count, "list", 0));
  if (offsets[count] > 0 && arrays->attributes == NULL)
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "attributes is NULL, but attribute_offsets end at %" PRId64, offsets[count]);
  S3_TRY(check_row_values("attributes", offsets, arrays->attributes, count, "list", 0,
                          S3_MAX_ATTRIBUTE_ID));
  for (size_t i = 0; i < count; i++)
    if (arrays->attributed_items[i] < 1 || arrays->attributed_items[i] > S3REC_MAX_ITEM_ID)
      return s3_fail(S3REC_ERROR_FORMAT,
                     "attributed_items, index %zu: id %d is out of range, must be 1..%d", i,
                     arrays->attributed_items[i], S3REC_MAX_ITEM_ID);
  s3_attribute_lists lists = {0};
  S3_TRY(s3_attribute_lists_make(dataset->context, count, arrays->attributed_items, offsets,
                                 arrays->attributes, max_item, &lists, NULL));
  dataset->attributes = lists.lists;
  dataset->attributed_items = lists.items;
  *ignored_lists = lists.ignored;
  for (int64_t i = 0; i < offsets[count]; i++)
    if (arrays->attributes[i] >= *attribute_size) *attribute_size = arrays->attributes[i] + 1;
  return S3REC_OK;
}

static s3rec_status add_negative_arrays(s3rec_dataset *dataset, const s3rec_dataset_arrays *arrays,
                                        int32_t max_item) {
  int64_t *offsets = s3_allocate(dataset->context, arrays->user_count + 1, sizeof *offsets);
  if (offsets == NULL) return S3REC_ERROR_MEMORY;
  for (size_t user = 0; user <= arrays->user_count; user++)
    offsets[user] = (int64_t)user * arrays->negatives_per_user;
  s3rec_status status = check_row_values("negatives", offsets, arrays->negatives,
                                         arrays->user_count, "user", 1, max_item);
  if (status == S3REC_OK)
    status = s3_ragged_copy(dataset->context, arrays->user_count, offsets, arrays->negatives,
                            &dataset->negatives);
  s3_free(dataset->context, offsets);
  return status;
}

static s3rec_status add_arrays(s3rec_dataset *dataset, const s3rec_dataset_arrays *arrays) {
  int32_t attribute_size = 1;
  size_t ignored_lists = 0;
  S3_TRY(add_sequence_arrays(dataset, arrays));
  const int32_t max_item = max_item_of(dataset);
  if (arrays->attributed_item_count > 0)
    S3_TRY(add_attribute_arrays(dataset, arrays, max_item, &attribute_size, &ignored_lists));
  if (arrays->negatives_per_user > 0) S3_TRY(add_negative_arrays(dataset, arrays, max_item));
  s3_dataset_describe(dataset, max_item, attribute_size, ignored_lists);
  return S3REC_OK;
}

s3rec_status s3_dataset_from_arrays(s3rec_context *context, const s3rec_dataset_arrays *arrays,
                                    s3rec_dataset **dataset) {
  S3_TRY(require_arrays(arrays));
  s3rec_dataset *made = s3_dataset_allocate(context);
  if (made == NULL) return S3REC_ERROR_MEMORY;
  const s3rec_status status = add_arrays(made, arrays);
  if (status == S3REC_OK)
    *dataset = made;
  else
    s3_dataset_release(made);
  return status;
}

const int32_t *s3_dataset_attributes(const s3rec_dataset *dataset, int32_t item, size_t *count) {
  const size_t row_count = dataset->attributes.row_count;
  const int32_t *items = dataset->attributed_items;
  *count = 0;
  if (row_count == 0 || item < items[0] || item > items[row_count - 1]) return NULL;
  /* The ids rise and are distinct, so the row is at most item - items[0], and exactly that
   * when no id is left out. Search back from there in doubling steps, then by halving. */
  size_t high = (size_t)(item - items[0]);
  if (high >= row_count) high = row_count - 1;
  size_t low = high;
  for (size_t stride = 1; items[low] > item; stride *= 2) {
    high = low;
    low = low > stride ? low - stride : 0;
  }
  while (low + 1 < high) { /* items[low] <= item < items[high] */
    const size_t middle = low + (high - low) / 2;
    if (items[middle] <= item)
      low = middle;
    else
      high = middle;
  }
  if (items[low] != item) return NULL;
  return s3_ragged_row(&dataset->attributes, low, count);
}

bool s3_split_history(const s3rec_dataset *dataset, size_t user, bool test, const int32_t **items,
                      size_t *count, int32_t *answer) {
  const size_t length = row_length(&dataset->sequences, user);
  if (length < 3) return false;
  *items = dataset->sequences.values + dataset->sequences.offsets[user];
  *count = test ? length - 1 : length - 2;
  *answer = (*items)[*count];
  return true;
}

size_t s3_training_length(const s3rec_dataset *dataset, size_t user, size_t held_out_count,
                          bool reference) {
  const size_t length = row_length(&dataset->sequences, user);
  if (length >= 3) return length - held_out_count;
  return reference ? 0 : length;
}
