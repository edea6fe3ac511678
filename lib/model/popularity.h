/* SPDX-License-Identifier: Apache-2.0 */
/* How often each item occurs in the data: beside the weights of a model, and in its file. */
#ifndef S3_MODEL_POPULARITY_H
#define S3_MODEL_POPULARITY_H

#include "model/model.h"
#include "model/safetensors.h"

/* Copies counts [item_size]; NULL takes the model's away. FORMAT for a negative count and for
 * one of padding or mask; STATE (the model has scorers). */
s3rec_status s3_model_set_popularity(s3rec_model *model, const int32_t *counts);
/* A copy for a model of the same size that nobody else has yet. */
s3rec_status s3_model_copy_popularity(const s3rec_model *source, s3rec_model *model);

/* The entry of a file and its text, to be s3_free'd. *text stays NULL and *entry unset where the
 * model has no popularity, and where the text is too long for a file, which is logged. */
s3rec_status s3_popularity_to_metadata(const s3rec_model *model, s3_metadata *entry, char **text);
/* FORMAT, naming file and entry. A file may have none. */
s3rec_status s3_popularity_from_file(const s3_safetensors *file, s3rec_model *model);

#endif
