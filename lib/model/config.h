/* SPDX-License-Identifier: Apache-2.0 */
/* A model's configuration: defaults, ranges, and how it stands in a file. */
#ifndef S3_MODEL_CONFIG_H
#define S3_MODEL_CONFIG_H

#include "model/safetensors.h"
#include "s3rec/model.h"

s3rec_model_config s3_config_defaults(void); /* item_size is left at 0 */

/* ARGUMENT, naming field, value and accepted range, for what no model can have. */
s3rec_status s3_config_check(const s3rec_model_config *config);

/* MISMATCH, naming the field, unless blocks of floats of both have one layout. */
s3rec_status s3_config_same_sizes(const s3rec_model_config *config,
                                  const s3rec_model_config *other);

/* Metadata pairs of a configuration: keys are the field names, values decimal
 * text ("hidden_size": "64", "hidden_act": "gelu", "mask_id", "format": "pt"). */
enum { S3_CONFIG_METADATA_COUNT = 13 };
typedef struct s3_config_metadata {
  s3_metadata pairs[S3_CONFIG_METADATA_COUNT];
  char values[S3_CONFIG_METADATA_COUNT][32];
} s3_config_metadata;
void s3_config_to_metadata(const s3rec_model_config *config, s3_config_metadata *metadata);

/* Configuration of a file: metadata where present, shapes, then `fallback`
 * (NULL: defaults); contradictions between metadata and shapes are refused.
 * FORMAT, naming the file, unless the fallback is at fault: ARGUMENT. */
s3rec_status s3_config_from_file(const s3_safetensors *file, const s3rec_model_config *fallback,
                                 s3rec_model_config *config);

#endif
