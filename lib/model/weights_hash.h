/* SPDX-License-Identifier: Apache-2.0 */
/* Tells weights from other weights; no protection against a deliberate forgery. */
#ifndef S3_MODEL_WEIGHTS_HASH_H
#define S3_MODEL_WEIGHTS_HASH_H

#include "model/parameter_table.h"

/* Of names, shapes and the bits of every value of a block laid out by the table. */
uint64_t s3_weights_hash(const s3_parameter_table *table, const float *block);

/* The same for numbers. */
uint64_t s3_numbers_hash(const int32_t *numbers, size_t count);

#endif
