/* SPDX-License-Identifier: Apache-2.0 */
/* Names of a model's items and attributes in its file (docs/file-format.md). */
#ifndef S3_MODEL_MODEL_NAMES_H
#define S3_MODEL_MODEL_NAMES_H

#include "model/model.h"
#include "model/safetensors.h"

/* What a model's names add to a file, at most. */
enum { S3_NAMES_TENSOR_COUNT = 6, S3_NAMES_METADATA_COUNT = 2 };

/* Tensors and metadata of the names, after those that are there already; both counts grow. */
void s3_names_to_file(const s3rec_model *model, s3_tensor *tensors, size_t *tensor_count,
                      s3_metadata *metadata, size_t *metadata_count);

/* Whether a tensor of this name belongs to the names. */
bool s3_is_names_tensor(const char *name);

/* The model's names from its file, which may have none; checked, so that nothing in the
 * file makes a later call read beside them. With `map` they stay in the file where that
 * works, and whether they are sorted is not checked: that alone would take longer than
 * all else. FORMAT, naming file and tensor; UNSUPPORTED for another data type. */
s3rec_status s3_names_from_file(const s3_safetensors *file, bool map, s3rec_model *model);

#endif
