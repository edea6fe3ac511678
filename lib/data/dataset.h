/* SPDX-License-Identifier: Apache-2.0 */
/* A dataset: the sequences of users, attributes of items, negatives and names. It does not
 * change once it is made. */
#ifndef S3_DATA_DATASET_H
#define S3_DATA_DATASET_H

#include "base/context.h"
#include "data/ragged.h"
#include "names/vocabulary.h"
#include "s3rec/dataset.h"

struct s3rec_dataset {
  atomic_size_t references;
  s3rec_context *context;
  s3_ragged sequences; /* users x items */
  /* Row r: attributes of attributed_items[r], sorted, distinct. Only items that have a list
   * take room, so that one huge id costs nothing. */
  s3_ragged attributes;
  int32_t *attributed_items; /* [attributes.row_count], rising, below item_size - 1 */
  s3_ragged negatives;       /* users x negatives; without negatives row_count is 0 */
  /* Of a dataset that was made from events, else NULL. */
  s3rec_vocabulary *item_names, *user_names, *attribute_names;
  s3rec_dataset_info info;
};

s3rec_dataset *s3_dataset_retain(s3rec_dataset *dataset);
void s3_dataset_release(s3rec_dataset *dataset);

s3rec_status s3_dataset_load(s3rec_context *context, const char *sequences_path,
                             const char *attributes_path, const char *negatives_path,
                             s3rec_dataset **dataset);
s3rec_status s3_dataset_from_arrays(s3rec_context *context, const s3rec_dataset_arrays *arrays,
                                    s3rec_dataset **dataset);

/* How a dataset from events begins and ends. */

/* An empty dataset with one reference, or NULL with the error text set. */
s3rec_dataset *s3_dataset_allocate(s3rec_context *context);
/* To be called when all parts are there: fills in `info` with its fingerprint and logs it.
 * `ignored_lists` counts items that have attributes but are in no sequence. */
void s3_dataset_describe(s3rec_dataset *dataset, int32_t max_item, int32_t attribute_size,
                         size_t ignored_lists);

/* Attributes of an item, which may be any id; NULL when it has none. */
const int32_t *s3_dataset_attributes(const s3rec_dataset *dataset, int32_t item, size_t *count);

/* The items that a split encodes and the answer that it asks for; false when the user has
 * too few items for it. */
bool s3_split_history(const s3rec_dataset *dataset, size_t user, bool test, const int32_t **items,
                      size_t *count, int32_t *answer);

/* The number of items of a user that training may see: all but the last `held_out_count`.
 * Of a user with fewer than 3 items these are all, or none when `reference` is set. */
size_t s3_training_length(const s3rec_dataset *dataset, size_t user, size_t held_out_count,
                          bool reference);

#endif
