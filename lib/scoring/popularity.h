/* SPDX-License-Identifier: Apache-2.0 */
#ifndef S3_SCORING_POPULARITY_H
#define S3_SCORING_POPULARITY_H

#include "data/dataset.h"
#include "model/model.h"

/* Gives the model the events that training with this held_out_count (0..2) sees: how often each
 * item occurs before the last held_out_count items of each user, or in all items of a user with
 * fewer than 3. Counts end at INT32_MAX. MISMATCH (the dataset has items that the model does not
 * have); STATE (the model has scorers). */
s3rec_status s3_model_count_popularity(s3rec_model *model, const s3rec_dataset *dataset,
                                       size_t held_out_count);

#endif
