/* SPDX-License-Identifier: Apache-2.0 */
/* The small dataset and the small models that targets work with, the same in every run, so that
 * the states in the corpus fit them. */
#ifndef S3_FUZZ_FIXTURE_H
#define S3_FUZZ_FIXTURE_H

#include "support.h"

/* Item ids 1..FIXTURE_ITEMS, attributes 0..FIXTURE_ATTRIBUTES-1. */
enum { FIXTURE_USERS = 8, FIXTURE_ITEMS = 10, FIXTURE_ATTRIBUTES = 3, FIXTURE_LENGTH = 5 };

/* Sequences of 1 to 8 items, attributes and negatives. */
s3rec_dataset *fixture_dataset(s3rec_context *context);
/* Two numbers a vector, one layer, so that a file of it is short. */
s3rec_model *fixture_model(s3rec_context *context);
/* Names "a".."j" of the items; of the attributes 0..2 the texts "0".."2", as integers. */
void fixture_set_names(s3rec_context *context, s3rec_model *model);
void fixture_trainer_options(s3rec_trainer_options *options);
s3rec_trainer *fixture_trainer(s3rec_model *model);
s3rec_sampler *fixture_sampler(s3rec_dataset *dataset, s3rec_stage stage);
s3rec_run *fixture_run(s3rec_model *model, s3rec_dataset *dataset, s3rec_stage stage);

/* Ranks items for a history by the model and claims of the answer what always holds. */
void fixture_score(s3rec_model *model, uint64_t choice, int32_t *ids, float *scores,
                   size_t *count);
enum { FIXTURE_BEST = 7 };

#endif
