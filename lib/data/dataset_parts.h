/* SPDX-License-Identifier: Apache-2.0 */
/* How both ways to make a dataset, from files and from arrays, begin and end. */
#ifndef S3_DATA_DATASET_PARTS_H
#define S3_DATA_DATASET_PARTS_H

#include "data/dataset.h"

/* An empty dataset with one reference, or NULL with the error text set. */
s3rec_dataset *s3_dataset_allocate(s3rec_context *context);

/* Largest item id of the sequences. */
int32_t s3_dataset_max_item(const s3rec_dataset *dataset);

/* Once all parts are there: fills in `info`, fingerprint included, and logs it.
 * `ignored_lists` counts items with attributes that no sequence reaches. */
void s3_dataset_describe(s3rec_dataset *dataset, int32_t max_item, int32_t attribute_size,
                         size_t ignored_lists);

#endif
