/* SPDX-License-Identifier: Apache-2.0 */
/* Access to the reference tensors of one golden file: what a group is called
 * and how to make our handles out of it. */
#ifndef S3_TESTS_GOLDEN_FILE_H
#define S3_TESTS_GOLDEN_FILE_H

#include <stdbool.h>

#include "model/safetensors.h"
#include "s3rec/s3rec.h"

/* Room for "adam3." and a parameter's name. */
enum { GOLDEN_NAME_SIZE = 160 };

/* A tensor as doubles; values == NULL when the file has none of that name. */
typedef struct golden_tensor {
  size_t count;
  double *values;
} golden_tensor;

/* Every function below returns false after printing what is wrong. */

/* Model sizes from the shapes, then from the metadata. */
bool golden_config(const s3_safetensors *file, s3rec_model_config *config);
/* A number of the metadata, or `fallback` where the key is absent. */
bool golden_number(const s3_safetensors *file, const char *key, double fallback, double *value);

/* A model with the file's param.*; every parameter must be there, and no other. */
bool golden_model(s3rec_context *context, const s3_safetensors *file, s3rec_model **model);

/* An empty batch pointer (and true) when the file has no batch of that stage. */
bool golden_batch(s3rec_context *context, const s3_safetensors *file, s3rec_stage stage,
                  s3rec_batch **batch);

/* A tensor's bytes, to be freed; NULL when they cannot be read. */
void *golden_bytes(const s3_safetensors *file, const s3_tensor *tensor);

/* "GROUP.NAME", NAME may be NULL; to be released by golden_free. */
bool golden_read(const s3_safetensors *file, const char *group, const char *name,
                 golden_tensor *tensor);
void golden_free(golden_tensor *tensor);

/* An I32 matrix; false when absent or of another type (nothing is printed). */
bool golden_ids(const s3_safetensors *file, const char *name, int32_t *rows, int32_t *columns,
                int32_t **ids);

#endif
