/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of the items of a dataset that is made from events. */
#ifndef S3_EVENTS_EVENT_ATTRIBUTES_H
#define S3_EVENTS_EVENT_ATTRIBUTES_H

#include "data/dataset.h"
#include "events/events.h"

/* Gives the dataset attributes and their names. item_ids [items of the table]: ids in the
 * dataset, 1..item_count, else the item is not in it. */
s3rec_status s3_events_attributes(const s3rec_events *events, const int32_t *item_ids,
                                  int32_t item_count, const s3rec_events_options *options,
                                  s3rec_dataset *dataset, int32_t *attribute_size);

/* Names of a column in another order: name i is that of indices[i]. */
s3rec_status s3_id_column_names(s3rec_context *context, const s3_id_column *column,
                                const int32_t *indices, size_t count, int32_t first_id,
                                s3rec_vocabulary **vocabulary);

#endif
