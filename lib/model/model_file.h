/* SPDX-License-Identifier: Apache-2.0 */
/* How a model lies in a safetensors file; training states use the same parts. */
#ifndef S3_MODEL_MODEL_FILE_H
#define S3_MODEL_MODEL_FILE_H

#include "model/model.h"
#include "model/safetensors.h"

/* Names of all tensors of a training state that are not the model's own start
 * with this; s3_model_load passes over them, so that a state is a model file. */
#define S3_STATE_PREFIX "state."

/* Tensor list of a block of floats laid out by the table; names get `prefix`
 * ("" for weights). `names` gives room for the prefixed names [table->count].
 * NUMERIC, naming the tensor, for a value that no load would take back: it must
 * not replace a good file. */
typedef char s3_tensor_name[128];
s3rec_status s3_block_to_tensors(const s3_parameter_table *table, const float *block,
                                 const char *prefix, s3_tensor_name *names, s3_tensor *tensors);
/* Checks that the file has all of a block's tensors with the table's shapes, so
 * that a block of that size may be allocated. */
s3rec_status s3_block_check(const s3_safetensors *file, const s3_parameter_table *table,
                            const char *prefix);
/* On failure the block may hold a part of the file. */
s3rec_status s3_block_from_file(const s3_safetensors *file, const s3_parameter_table *table,
                                const char *prefix, float *block);

s3rec_status s3_model_load(s3rec_context *context, const char *path,
                           const s3rec_model_config *fallback, s3rec_model **model);
/* The same with the item table left in the file where that works. */
s3rec_status s3_model_map(s3rec_context *context, const char *path,
                          const s3rec_model_config *fallback, s3rec_model **model);
s3rec_status s3_model_save(const s3rec_model *model, const char *path);
/* Writes tensors [tensor_count, with room for S3_NAMES_TENSOR_COUNT more] and the model's
 * configuration, names and popularity; `entry` is one more of the metadata, or NULL. */
s3rec_status s3_model_write_file(const s3rec_model *model, const char *path, s3_tensor *tensors,
                                 size_t tensor_count, const s3_metadata *entry);

#endif
